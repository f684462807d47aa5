#include "engine/pools/pool.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <new>
#include <optional>

#include "engine/allocator/checked_blocks.h"
#include "engine/allocator/corruption.h"

namespace strata::pools {
namespace {

constexpr std::size_t kMostBytes = std::numeric_limits<std::ptrdiff_t>::max();
constexpr std::size_t kLeastAlignment = 8;

[[nodiscard]] bool are_valid(const PoolOptions& options) noexcept {
  if (options.kind > PoolKind::arena || options.lock > LockMode::mutex || !is_valid(options.sizing)) return false;
  if (!std::has_single_bit(options.alignment)) return false;
  if (options.name != nullptr && ::strnlen(options.name, SharedHeap::kNameBytes) == SharedHeap::kNameBytes) return false;
  if (options.kind != PoolKind::fixed) return options.block_bytes == 0;
  return options.block_bytes > 0 && options.block_bytes <= FixedBlocks::kMostBlockBytes &&
         options.alignment <= FixedBlocks::kMostAlignment;
}

// Fixed pools and arenas have nothing in their heap but chunks, which are large blocks by any strategy.
[[nodiscard]] allocator::HeapStrategy strategy_for(PoolKind kind) noexcept {
  return kind == PoolKind::arena ? allocator::HeapStrategy::arena : allocator::HeapStrategy::best_fit;
}

}  // namespace

Pool::Pool(SharedHeap& heap, const PoolOptions& options) noexcept
    : heap_(heap),
      lock_(options.lock),
      kind_(options.kind),
      alignment_(std::max(options.alignment, kLeastAlignment)),
      size_(options.sizing) {}

Pool* Pool::create(const PoolOptions& options, PoolRefusal& why) noexcept {
  why = PoolRefusal::options;
  if (!are_valid(options)) return nullptr;
  why = PoolRefusal::no_memory;
  const bool has_segments = options.kind == PoolKind::segment;
  SharedHeap* const heap = SharedHeap::create(
      {.name = options.name, .strategy = strategy_for(options.kind), .limit_bytes = has_segments ? options.sizing.max_bytes : 0});
  if (heap == nullptr) return nullptr;
  // cppcheck-suppress legacyUninitvar  // does not know this form of new
  Pool* const pool = ::new (heap->place_to_attach()) Pool(*heap, options);
  bool is_whole = false;
  {
    const PoolGuard guard(pool->lock_);
    if (options.kind == PoolKind::fixed) {
      pool->fixed_.start(*heap, options.block_bytes, pool->alignment_);
      pool->block_bytes_ = pool->fixed_.block_bytes();
    }
    pool->bump_.start(*heap);
    const std::uint64_t least_bytes = has_segments ? allocator::kSliceBytes : pool->needed_for(1, 1);
    const bool has_room = options.sizing.max_bytes == 0 || options.sizing.max_bytes >= least_bytes;
    if (!has_room) why = PoolRefusal::options;
    is_whole = has_room && pool->take_initial();
  }
  heap->attach(pool);
  if (!is_whole) {
    destroy(pool);
    return nullptr;
  }
  why = PoolRefusal::none;
  return pool;
}

void Pool::destroy(Pool* pool) noexcept {
  if (pool == nullptr) return;
  SharedHeap& heap = pool->heap_;
  heap.attach(nullptr);
  pool->~Pool();
  SharedHeap::destroy(&heap);
}

bool Pool::is_pool(const void* address) noexcept {
  // Behind it lies its heap, or the address is none.
  const auto place = reinterpret_cast<std::uintptr_t>(address) + SharedHeap::kAttachedBytes;
  const auto* const heap = reinterpret_cast<const SharedHeap*>(place);  // NOLINT(performance-no-int-to-ptr)
  return SharedHeap::is_heap(heap) && heap->attached() == address;
}

// False: not all of it is to be had.
bool Pool::take_initial() noexcept {
  const PoolSizing& sizing = size_.sizing();
  // Not chunk after chunk until the address space is full.
  if (sizing.initial_bytes >> allocator::kSliceShift > allocator::process.map.slices()) return false;
  if (kind_ == PoolKind::segment) {
    const std::uint64_t max =
        sizing.max_bytes == 0 ? sizing.initial_bytes : sizing.max_bytes - sizing.max_bytes % allocator::kSliceBytes;
    return heap_.keep(std::min(sizing.initial_bytes, max), sizing.growth_percent);
  }
  while (total_bytes() < sizing.initial_bytes) {
    const std::uint64_t chunk_bytes = needed_for(1, 1);
    if (sizing.max_bytes != 0 && total_bytes() + chunk_bytes > sizing.max_bytes) return total_bytes() > 0;
    if (!add_chunk(chunk_bytes)) return false;
  }
  return true;
}

std::uint64_t Pool::total_bytes() const noexcept {
  switch (kind_) {
    case PoolKind::fixed: return fixed_.total_bytes();
    case PoolKind::arena: return bump_.total_bytes();
    case PoolKind::segment: break;
  }
  return heap_.usage().held_bytes;
}

std::uint64_t Pool::used_bytes() const noexcept {
  switch (kind_) {
    case PoolKind::fixed: return fixed_.used_blocks() * fixed_.block_bytes();
    case PoolKind::arena: return bump_.used_bytes();
    case PoolKind::segment: break;
  }
  return heap_.usage().used_bytes;
}

// Bytes of a chunk for such a block.
std::uint64_t Pool::needed_for(std::size_t bytes, std::size_t alignment) const noexcept {
  return kind_ == PoolKind::fixed ? fixed_.chunk_bytes() : BumpBlocks::chunk_bytes_for(bytes, alignment);
}

bool Pool::add_chunk(std::uint64_t bytes) noexcept {
  return kind_ == PoolKind::fixed ? fixed_.add_chunk() : bump_.add_chunk(bytes);
}

PoolRefusal Pool::grow(std::size_t bytes, std::size_t alignment) noexcept {
  const std::uint64_t needed = needed_for(bytes, alignment);
  const std::uint64_t more = size_.growth(total_bytes(), needed);
  if (more == 0) return PoolRefusal::full;
  if (!add_chunk(needed)) return PoolRefusal::no_memory;
  ++growths_;
  is_shrinking_ = false;
  // What is ahead of the need may fail.
  const std::uint64_t usual = needed_for(1, 1);
  for (std::uint64_t added = needed; added + usual <= more && add_chunk(usual);) added += usual;
  return PoolRefusal::none;
}

void* Pool::try_take(std::size_t bytes, std::size_t alignment) noexcept {
  return kind_ == PoolKind::fixed ? fixed_.take() : bump_.take(bytes, alignment);
}

void* Pool::take(std::size_t bytes, std::size_t alignment, PoolRefusal& why) noexcept {
  if (kind_ == PoolKind::segment) {
    void* const block = heap_.allocate(bytes, alignment);
    if (block != nullptr) return block;
    const std::uint64_t max = size_.sizing().max_bytes;
    const std::uint64_t rest = max - std::min(max, heap_.usage().held_bytes);
    why = max != 0 && std::max<std::uint64_t>(bytes, allocator::kSliceBytes) > rest ? PoolRefusal::full : PoolRefusal::no_memory;
    return nullptr;
  }
  void* const block = try_take(bytes, alignment);
  if (block != nullptr) [[likely]]
    return block;
  why = grow(bytes, alignment);
  return why == PoolRefusal::none ? try_take(bytes, alignment) : nullptr;
}

void* Pool::allocate(std::size_t bytes, std::size_t alignment, PoolRefusal& why) noexcept {
  const PoolGuard guard(lock_);
  why = PoolRefusal::none;
  bytes = std::max<std::size_t>(bytes, 1);
  void* block = nullptr;
  if (!std::has_single_bit(alignment) || (kind_ == PoolKind::fixed && alignment > alignment_)) {
    why = PoolRefusal::alignment;
  } else if (alignment = std::max(alignment, alignment_); bytes > kMostBytes - std::min(alignment, kMostBytes)) {
    why = PoolRefusal::too_large;
  } else if (kind_ == PoolKind::fixed && bytes > fixed_.block_bytes()) {
    why = PoolRefusal::too_large;
  } else {
    block = take(bytes, alignment, why);
  }
  if (block == nullptr) [[unlikely]] {
    ++refused_;
    if (why == PoolRefusal::full) ++refused_full_;
    return nullptr;
  }
  ++taken_blocks_;
  return block;
}

void Pool::deallocate(void* block) noexcept {
  if (block == nullptr) return;
  const PoolGuard guard(lock_);
  switch (kind_) {
    case PoolKind::fixed: fixed_.give_back(block); return;
    case PoolKind::segment: heap_.deallocate(block); return;
    case PoolKind::arena:
      if (!bump_.owns(block)) allocator::report_stray(block);
  }
}

bool Pool::owns(const void* block) const noexcept {
  const PoolGuard guard(lock_);
  switch (kind_) {
    case PoolKind::fixed: return fixed_.is_block_in_use(block);
    case PoolKind::arena: return bump_.owns(block);
    case PoolKind::segment: break;
  }
  return heap_.owns(block) && heap_.usable_bytes(block) != 0;
}

void Pool::reset() noexcept {
  const PoolGuard guard(lock_);
  switch (kind_) {
    case PoolKind::fixed: return fixed_.reset();
    case PoolKind::arena: return bump_.reset();
    case PoolKind::segment: break;
  }
  heap_.reset();
  // It was to be had before.
  (void)take_initial();
}

ArenaMark Pool::mark() const noexcept {
  const PoolGuard guard(lock_);
  return bump_.mark();
}

bool Pool::roll_back(const ArenaMark& mark) noexcept {
  const PoolGuard guard(lock_);
  return kind_ == PoolKind::arena && bump_.roll_back(mark);
}

std::uint64_t Pool::shrink_to(std::uint64_t bytes, std::uint32_t& most_chunks) noexcept {
  const std::uint64_t before = total_bytes();
  switch (kind_) {
    case PoolKind::fixed: most_chunks -= fixed_.release_empty(bytes, most_chunks); break;
    case PoolKind::arena: most_chunks -= bump_.release_empty(bytes, most_chunks); break;
    case PoolKind::segment: {
      const std::uint64_t released = heap_.release_beyond(bytes, size_.sizing().initial_bytes, most_chunks);
      most_chunks -= static_cast<std::uint32_t>(released / allocator::kSliceBytes);
      return released;
    }
  }
  return before - total_bytes();
}

std::uint64_t Pool::cleanup(std::uint32_t most_chunks) noexcept { return cleanup_within(most_chunks); }

std::uint64_t Pool::cleanup_within(std::uint32_t& most_chunks) noexcept {
  const PoolGuard guard(lock_);
  const std::uint64_t total = total_bytes();
  const std::uint64_t used = used_bytes();
  // What was needed again in the meantime stays.
  if (used > shrinking_to_) is_shrinking_ = false;
  if (!is_shrinking_) {
    const std::optional<std::uint64_t> target = size_.end_round(total, used);
    if (!target.has_value() || *target >= total) return 0;
    ++shrinks_;
    shrinking_to_ = *target;
  }
  const std::uint64_t given_back = shrink_to(shrinking_to_, most_chunks);
  is_shrinking_ = given_back > 0;
  return given_back;
}

void Pool::set_max_bytes(std::uint64_t bytes) noexcept {
  const PoolGuard guard(lock_);
  size_.set_max_bytes(bytes);
  if (kind_ == PoolKind::segment) heap_.set_limit(bytes);
}

PoolSizing Pool::sizing() const noexcept {
  const PoolGuard guard(lock_);
  return size_.sizing();
}

double Pool::used_share() const noexcept {
  const PoolGuard guard(lock_);
  const std::uint64_t total = total_bytes();
  return total == 0 ? 0 : static_cast<double>(used_bytes()) / static_cast<double>(total);
}

std::size_t Pool::waste_for(std::size_t bytes, std::size_t alignment) const noexcept {
  bytes = std::max<std::size_t>(bytes, 1);
  if (!std::has_single_bit(alignment) || bytes > kMostBytes - std::min(std::max(alignment, alignment_), kMostBytes))
    return kUnfit;
  if (kind_ == PoolKind::fixed) {
    return bytes > block_bytes_ || alignment > alignment_ ? kUnfit : block_bytes_ - bytes;
  }
  // To the next block, or the next page where it has its own.
  const std::size_t unit =
      bytes > allocator::kLargestClassBytes ? allocator::process.map.page_bytes() : allocator::Granules::kBytes;
  return (unit - bytes % unit) % unit;
}

bool Pool::has_room_for(std::size_t bytes) const noexcept {
  const PoolGuard guard(lock_);
  const std::uint64_t max = size_.sizing().max_bytes;
  if (max == 0 || (kind_ == PoolKind::fixed && fixed_.free_blocks() > 0)) return true;
  if (kind_ == PoolKind::segment) return heap_.usage().used_bytes + bytes <= max;
  return size_.growth(total_bytes(), needed_for(bytes, alignment_)) > 0 ||
         (kind_ == PoolKind::arena && bump_.has_room_for(bytes, alignment_));
}

// The heap's spans are those with blocks in them, in no order.
void Pool::find_addresses(PoolInfo& info) const noexcept {
  if (kind_ == PoolKind::arena) info.first_block = bump_.first_block();
  const sync::MutexLock lock(heap_.mutex());
  for (const Span* span = heap_.spans().first(); span != nullptr; span = heap_.spans().next(*span)) {
    if (span->use == allocator::SpanUse::allocator) continue;
    const std::byte* const start = start_of(*span);
    if (info.start_address == nullptr || start < info.start_address) info.start_address = start;
    if (kind_ == PoolKind::segment) ++info.chunk_count;
    if (kind_ == PoolKind::arena || (info.first_block != nullptr && start > info.first_block)) continue;
    if (const void* const block = first_block_in(*span); block != nullptr) info.first_block = block;
  }
}

// The lowest block in use of a chunk or a segment; nullptr: none.
const void* Pool::first_block_in(const Span& span) const noexcept {
  if (kind_ == PoolKind::fixed) return fixed_.first_used(span);
  if (span.use == allocator::SpanUse::large) return start_of(span);
  const std::uint32_t first = span.granules->find_start(0);
  return first == allocator::Granules::kCount ? nullptr : start_of(span) + first * allocator::Granules::kBytes;
}

PoolInfo Pool::info() const noexcept {
  const PoolGuard guard(lock_);
  const allocator::HeapUsage usage = heap_.usage();
  PoolInfo info{.total_bytes = total_bytes(),
                .used_bytes = used_bytes(),
                .max_bytes = size_.sizing().max_bytes,
                .record_bytes = usage.record_bytes,
                .taken_blocks = taken_blocks_,
                .refused = refused_,
                .refused_full = refused_full_,
                .growths = growths_,
                .shrinks = shrinks_,
                .contentions = lock_.contentions()};
  switch (kind_) {
    case PoolKind::fixed:
      info.block_count = fixed_.used_blocks();
      info.free_blocks = fixed_.free_blocks();
      info.chunk_count = fixed_.chunks();
      break;
    case PoolKind::arena:
      info.block_count = bump_.used_blocks();
      info.chunk_count = bump_.chunks();
      break;
    case PoolKind::segment: info.block_count = usage.used_blocks; break;
  }
  find_addresses(info);
  return info;
}

}  // namespace strata::pools
