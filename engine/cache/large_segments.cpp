// Pages of their own for large items: the part of Segments that hands out blocks of addresses.
#include <algorithm>
#include <bit>
#include <cassert>

#include "engine/cache/segments.h"

namespace strata::cache {

std::uint32_t Segments::open_large(std::uint64_t bytes) noexcept {
  const std::uint32_t pages = pages_of(bytes);
  const std::uint64_t wanted = std::uint64_t{pages} * page_bytes_;
  const std::uint64_t block = std::bit_ceil((wanted + geometry_.segment_bytes - 1) >> segment_shift_);
  const auto order = static_cast<unsigned>(std::countr_zero(block));
  const sync::MutexLock lock(mutex_);
  if (order >= kOrders || block > geometry_.large_segments) {
    ++counters_.failed;
    return 0;
  }
  std::uint32_t first = take_unpurged(static_cast<std::uint32_t>(block), wanted);
  if (first == 0) {
    if (!may_grow(wanted)) return 0;
    first = take_block(order);
    if (first == 0) {
      ++counters_.failed;
      return 0;
    }
    SegmentHeader& header = headers_[first];
    header.run_segments = static_cast<std::uint32_t>(block);
    header.purged_pages = block_pages(first);
  }
  // Of one that was not purged more may be resident than is needed.
  SegmentHeader& header = headers_[first];
  const std::uint64_t resident = resident_of(first);
  header.purged_pages = std::min(header.purged_pages, block_pages(first) - pages);
  charge(static_cast<std::int64_t>(resident_of(first) - resident));
  counters_.large_bytes += resident_of(first);
  ++counters_.large_blocks;
  return first;
}

void Segments::shrink_large(std::uint32_t first, std::uint64_t bytes) noexcept {
  const std::uint64_t kept = std::uint64_t{pages_of(bytes)} * page_bytes_, all = large_bytes(first);
  if (kept >= all || region_.purge(offset_of(first) + kept, all - kept) != std::errc{}) return;
  const sync::MutexLock lock(mutex_);
  headers_[first].purged_pages += pages_of(all - kept);
  counters_.large_bytes -= all - kept;
  charge(-static_cast<std::int64_t>(all - kept));
}

void Segments::give_back_large(std::uint32_t first) noexcept {
  const bool purged =
      region_.purge(offset_of(first), std::uint64_t{headers_[first].run_segments} << segment_shift_) == std::errc{};
  {
    const sync::MutexLock lock(mutex_);
    counters_.large_bytes -= resident_of(first);
    counters_.unpurged_bytes += resident_of(first);
    --counters_.large_blocks;
    if (purged) {
      free_large(first);
    } else {
      headers_[first].newer = unpurged_large_;
      unpurged_large_ = first;
    }
  }
  if (purged) purge_again();
}

// The system takes memory back again: what it did not take before is tried once more.
void Segments::purge_again() noexcept {
  std::uint32_t tried = 0;
  {
    const sync::MutexLock lock(mutex_);
    std::swap(tried, unpurged_large_);
  }
  while (tried != 0) {
    const std::uint32_t first = tried;
    const bool purged =
        region_.purge(offset_of(first), std::uint64_t{headers_[first].run_segments} << segment_shift_) == std::errc{};
    const sync::MutexLock lock(mutex_);
    tried = headers_[first].newer;
    if (purged) {
      free_large(first);
    } else {
      headers_[first].newer = unpurged_large_;
      unpurged_large_ = first;
    }
  }
}

// One that is still resident, so that memory which can not be purged, because it is locked for instance, is used again.
std::uint32_t Segments::take_unpurged(std::uint32_t block, std::uint64_t wanted) noexcept {
  std::uint32_t before = 0;
  for (std::uint32_t first = unpurged_large_; first != 0; before = first, first = headers_[first].newer) {
    if (headers_[first].run_segments != block) continue;
    const std::uint64_t resident = resident_of(first);
    if (wanted > resident && !may_grow(wanted - resident)) return 0;
    (before == 0 ? unpurged_large_ : headers_[before].newer) = headers_[first].newer;
    counters_.unpurged_bytes -= resident;
    return first;
  }
  return 0;
}

void Segments::free_large(std::uint32_t first) noexcept {
  const std::uint64_t resident = resident_of(first);
  counters_.unpurged_bytes -= resident;
  charge(-static_cast<std::int64_t>(resident));
  const std::uint32_t block = headers_[first].run_segments;
  headers_[first].run_segments = 0;
  free_block(first, static_cast<unsigned>(std::countr_zero(block)));
}

void Segments::link_block(std::uint32_t first, unsigned order) noexcept {
  SegmentHeader& header = headers_[first];
  header.free_segments = 1U << order;
  header.older = 0;
  header.newer = free_blocks_[order];
  if (header.newer != 0) headers_[header.newer].older = first;
  free_blocks_[order] = first;
}

void Segments::unlink_block(std::uint32_t first, unsigned order) noexcept {
  SegmentHeader& header = headers_[first];
  header.free_segments = 0;
  (header.older == 0 ? free_blocks_[order] : headers_[header.older].newer) = header.newer;
  if (header.newer != 0) headers_[header.newer].older = header.older;
}

std::uint32_t Segments::take_block(unsigned order) noexcept {
  unsigned found = order;
  while (found < kOrders && free_blocks_[found] == 0) ++found;
  if (found == kOrders) return take_new_block(order);
  const std::uint32_t first = free_blocks_[found];
  unlink_block(first, found);
  while (found > order) {
    --found;
    link_block(first + (1U << found), found);
  }
  return first;
}

// From addresses that were never used. What lies before the next multiple of the block's size becomes smaller blocks.
std::uint32_t Segments::take_new_block(unsigned order) noexcept {
  const std::uint32_t begin = geometry_.large_begin(), block = 1U << order;
  std::uint32_t used = next_large_ - begin;
  const std::uint32_t at = (used + block - 1) / block * block;
  if (at + block > geometry_.large_segments) return 0;
  const std::uint64_t bytes = std::uint64_t{at + block - used} << segment_shift_;
  if (region_.commit(offset_of(next_large_), bytes) != std::errc{}) return 0;
  charge_headers(begin, next_large_, begin + at + block);
  next_large_ = begin + at + block;
  while (used < at) {
    const auto piece = static_cast<unsigned>(std::countr_zero(used));
    link_block(begin + used, piece);
    used += 1U << piece;
  }
  return begin + at;
}

void Segments::free_block(std::uint32_t first, unsigned order) noexcept {
  const std::uint32_t begin = geometry_.large_begin();
  while (order + 1 < kOrders) {
    const std::uint32_t buddy = begin + ((first - begin) ^ (1U << order));
    if (buddy >= next_large_ || headers_[buddy].free_segments != 1U << order) break;
    unlink_block(buddy, order);
    first = std::min(first, buddy);
    ++order;
  }
  link_block(first, order);
}

}  // namespace strata::cache
