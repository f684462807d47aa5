#include "engine/cache/item_memory.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <utility>

#include "engine/os/prefetch.h"

namespace strata::cache {
namespace {

constexpr std::uint64_t kLargestPartOfSegment = 4;

}  // namespace

ItemRun::ItemRun(ItemMemory& memory) noexcept
    : memory_(memory), turn_(memory.handles_.fetch_add(1, std::memory_order_relaxed) % memory.domains()) {}

ItemRun::~ItemRun() { memory_.close(*this); }

std::errc ItemMemory::start(os::MemoryCalls& calls, const SegmentGeometry& geometry) {
  if (const std::errc failure = segments_.start(calls, geometry); failure != std::errc{}) return failure;
  base_ = segments_.base();
  most_mixed_bytes_ = geometry.segment_bytes / kLargestPartOfSegment;
  for (std::uint32_t domain = 0; domain < geometry.domains; ++domain) {
    domains_.push_back(std::make_unique<ItemDomain>(segments_, domain));
  }
  return {};
}

std::uint32_t ItemMemory::number_of_domain(std::uint32_t segment) const noexcept {
  if (!segments_.is_large(segment)) return segment / segments_.geometry().slice_segments;
  // Blocks begin at multiples of powers of two: mixed, so that they come to all domains.
  return ((segment * 0x9e3779b1U) >> 16U) % domains();
}

std::uint64_t ItemMemory::allocate_in_holes(Handle& handle, std::uint64_t bytes) noexcept {
  assert(bytes > 0);
  if (bytes > most_mixed_bytes_) return 0;
  const auto granules = static_cast<std::uint32_t>((bytes + kGranuleBytes - 1) / kGranuleBytes);
  for (std::uint32_t turn = 0; turn < domains(); ++turn) {
    const std::uint64_t offset = domains_[(handle.turn_ + turn) % domains()]->allocate_hole(granules);
    if (offset != 0) return offset;
  }
  return 0;
}

std::uint64_t ItemMemory::allocate_slowly(Handle& handle, std::uint64_t bytes) noexcept {
  assert(bytes > 0);
  if (bytes > most_mixed_bytes_) return allocate_large(bytes);
  const auto granules = static_cast<std::uint32_t>((bytes + kGranuleBytes - 1) / kGranuleBytes);
  if (handle.left_.load(std::memory_order_relaxed) == granules) return handle.domain_->take_rest(handle);
  if (granules <= ItemDomain::kSmallGranules) close_run(handle);
  std::uint64_t offset = allocate_anywhere(handle, granules);
  if (offset == 0 && (handle.is_open() || !handle.magazine_.empty())) {
    // The last that there is: what the thread has kept for itself.
    close(handle);
    offset = allocate_anywhere(handle, granules);
  }
  return offset;
}

// The thread stays with a domain as long as that has room. So no more segments are half full than there are threads. A new segment is
// opened in the domain after the last one, so that they become equally large.
std::uint64_t ItemMemory::allocate_anywhere(Handle& handle, std::uint32_t granules) noexcept {
  const std::uint32_t begin = handle.turn_;
  const std::uint64_t at_once = domains_[begin]->allocate(handle, granules, false);
  if (at_once != 0) [[likely]]
    return at_once;
  for (const bool may_open : {false, true}) {
    for (std::uint32_t turn = 0; turn < domains(); ++turn) {
      const std::uint32_t domain = (begin + turn + (may_open ? 1 : 0)) % domains();
      const std::uint64_t offset = domains_[domain]->allocate(handle, granules, may_open);
      if (offset == 0) continue;
      handle.turn_ = domain;
      return offset;
    }
  }
  return 0;
}

std::uint64_t ItemMemory::allocate_large(std::uint64_t bytes) noexcept {
  const std::uint32_t first = segments_.open_large(bytes);
  if (first == 0) return 0;
  domain_of_segment(first).add_large(first);
  return segments_.offset_of(first);
}

void ItemMemory::complete_beside_others(std::uint64_t offset, std::uint32_t header) noexcept {
  const auto word = chunk_word(address(offset));
  const std::uint32_t before = word.load(std::memory_order_relaxed) & ~ChunkWord::kPreviousFree;
  assert(!ChunkWord::is_free(before) && !ChunkWord::is_item(before));
  assert(ChunkWord::Granules::get(before) == 0 || short_item_bytes(header) == 0 ||
         ChunkWord::Granules::get(before) * kGranuleBytes == short_item_bytes(header));
  word.fetch_xor(before ^ header, std::memory_order_release);
}

std::uint64_t ItemMemory::trim(std::uint64_t offset, std::uint64_t front_bytes, std::uint64_t back_bytes) noexcept {
  assert(front_bytes % kGranuleBytes == 0 && back_bytes % kGranuleBytes == 0);
  if (front_bytes == 0 && back_bytes == 0) return offset;
  return domain_of_segment(segments_.segment_of(offset)).trim(offset, front_bytes, back_bytes);
}

void ItemMemory::close(Handle& handle) noexcept {
  close_run(handle);
  give_back_kept(handle);
}

void ItemMemory::give_back_all_kept(Handle& handle) noexcept {
  std::array<std::uint64_t, ChunkMagazine::kMostChunks> offsets;
  static_assert(ChunkMagazine::kMostChunks <= ItemDomain::kMostReleased);
  std::size_t count = 0;
  while (const std::uint64_t offset = handle.magazine_.take_any()) offsets[count++] = offset;
  if (count != 0) release_batch(std::span(offsets).first(count), nullptr);
}

void ItemMemory::release(std::span<const std::uint64_t> offsets, Handle* keeper) noexcept {
  while (!offsets.empty()) {
    const std::size_t count = std::min(offsets.size(), ItemDomain::kMostReleased);
    release_batch(offsets.first(count), keeper == nullptr ? nullptr : &keeper->magazine_);
    offsets = offsets.subspan(count);
  }
  if (keeper != nullptr && keeper->magazine_.is_to_be_emptied()) give_back_all_kept(*keeper);
}

void ItemMemory::prefetch_neighbours(std::span<const std::uint64_t> offsets) const noexcept {
  for (const std::uint64_t offset : offsets) {
    if (segments_.is_large(segments_.segment_of(offset))) continue;
    std::byte* const chunk = address(offset);
    os::prefetch_to_write(chunk - kGranuleBytes);
    os::prefetch_to_write(chunk + std::size_t{FreeRuns::read(chunk).size} * kGranuleBytes);
  }
}

// Brings the lines that will be written into the cache before the lock is taken: first those that tell the sizes, then, unless they are being kept,
// the neighbours'.
void ItemMemory::release_batch(std::span<const std::uint64_t> offsets, ChunkMagazine* keeper) noexcept {
  static_assert(ItemDomain::kMostReleased == 64);
  for (const std::uint64_t offset : offsets) os::prefetch_to_write(address(offset));
  if (keeper == nullptr || keeper->has_refused_last()) prefetch_neighbours(offsets);
  // Most often all of them are of one domain, and many of one segment.
  std::array<std::uint32_t, 64> domain;
  std::uint32_t segment = segments_.segment_of(offsets.front());
  domain.front() = number_of_domain(segment);
  bool is_one = true;
  for (std::size_t index = 1; index < offsets.size(); ++index) {
    const std::uint32_t before = std::exchange(segment, segments_.segment_of(offsets[index]));
    domain[index] = segment == before ? domain[index - 1] : number_of_domain(segment);
    is_one &= domain[index] == domain.front();
  }
  if (is_one) return domains_[domain.front()]->release(offsets, keeper);
  std::uint64_t waiting = ~std::uint64_t{0} >> (64 - offsets.size());
  std::array<std::uint64_t, 64> together;
  while (waiting != 0) {
    const std::uint32_t number = domain[static_cast<std::size_t>(std::countr_zero(waiting))];
    std::size_t count = 0;
    for (std::uint64_t rest = waiting; rest != 0; rest &= rest - 1) {
      const auto index = static_cast<std::size_t>(std::countr_zero(rest));
      if (domain[index] != number) continue;
      together[count++] = offsets[index];
      waiting &= ~(std::uint64_t{1} << index);
    }
    domains_[number]->release(std::span(together).first(count), keeper);
  }
}

void ItemMemory::give_back_free_segments() noexcept {
  for (const auto& domain : domains_) domain->give_back_whole_segments();
}

bool ItemMemory::give_back_spare() noexcept {
  return std::any_of(domains_.begin(), domains_.end(), [](const auto& domain) { return domain->give_back_spare(); });
}

bool ItemMemory::has_spare() const noexcept {
  return std::any_of(domains_.begin(), domains_.end(), [](const auto& domain) { return domain->is_above_kept(); });
}

std::uint32_t ItemMemory::emptiest_domain(std::uint32_t now_s) const noexcept {
  std::uint32_t best = 0;
  std::uint64_t most = 0;
  for (std::uint32_t domain = 0; domain < domains(); ++domain) {
    const std::uint64_t free = domains_[domain]->most_free_bytes(now_s);
    if (free <= most) continue;
    best = domain;
    most = free;
  }
  return best;
}

bool ItemMemory::reconsider_given_up(std::uint32_t now_s) noexcept {
  bool any = false;
  for (const auto& domain : domains_) any |= domain->reconsider(now_s);
  return any;
}

ItemMemory::Statistics ItemMemory::statistics() const noexcept {
  Statistics sum;
  sum.memory = segments_.counters();
  for (const auto& domain : domains_) {
    const ItemDomainStatistics told = domain->statistics();
    sum.free_bytes += told.free_bytes;
    sum.hole_bytes += told.hole_bytes;
    sum.open_run_bytes += told.open_run_bytes;
    sum.allocations += told.allocations;
    sum.runs_taken += told.runs_taken;
    sum.hole_hits += told.hole_hits;
    sum.released += told.released;
    sum.kept += told.kept;
    sum.drained += told.drained;
    sum.expiry_walks += told.expiry_walks;
    sum.expiry_looked += told.expiry_looked;
  }
  return sum;
}

std::string ItemMemory::verify() const {
  std::uint32_t segments = 0;
  std::uint64_t large_bytes = 0;
  for (std::size_t domain = 0; domain < domains_.size(); ++domain) {
    if (std::string wrong = domains_[domain]->verify(segments, large_bytes); !wrong.empty()) {
      return "domain " + std::to_string(domain) + ": " + wrong;
    }
  }
  const Segments::Counters told = segments_.counters();
  if (told.segments != segments) return "the number of segments is wrong";
  if (told.large_bytes != large_bytes) return "the bytes of large items are wrong";
  const std::uint64_t mixed_bytes = std::uint64_t{segments} * segments_.geometry().segment_bytes;
  if (told.resident_bytes != mixed_bytes + large_bytes + told.header_bytes + told.unpurged_bytes)
    return "the sum of what is resident is wrong";
  return {};
}

}  // namespace strata::cache
