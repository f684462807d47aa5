#include "engine/allocator/slice_map.h"

#include <algorithm>

namespace strata::allocator {
namespace {

// How far the committed part reaches ahead: at least so much, and a share of what is committed already.
constexpr std::uint32_t kLeastStepSlices = 64;
constexpr std::uint32_t kStepDivisor = 8;

constexpr std::size_t round_up(std::size_t bytes, std::size_t to) noexcept { return (bytes + to - 1) / to * to; }

}  // namespace

std::errc SliceMap::reserve_all(os::MemoryCalls& calls, std::size_t bytes) noexcept {
  const std::size_t slices = bytes >> kSliceShift;
  std::errc failure = memory_.reserve_anonymous(calls, bytes, kSliceBytes);
  if (failure == std::errc{}) {
    failure = map_.reserve_anonymous(calls, round_up(slices * sizeof(Span), calls.page_bytes()), calls.page_bytes());
  }
  if (failure == std::errc{}) {
    failure = bits_.reserve_anonymous(calls, round_up(SliceBits::bytes_for(slices), calls.page_bytes()), calls.page_bytes());
  }
  if (failure == std::errc{}) failure = bits_.commit(0, bits_.bytes());
  if (failure == std::errc{}) failure = records_.reserve(calls, slices);
  if (failure != std::errc{}) release();
  return failure;
}

std::errc SliceMap::reserve(os::MemoryCalls& calls, std::size_t bytes, std::size_t least) noexcept {
  std::errc failure = std::errc::not_enough_memory;
  for (; bytes >= least && bytes >= kSliceBytes; bytes /= 2) {
    failure = reserve_all(calls, bytes);
    if (failure == std::errc{}) break;
  }
  if (failure != std::errc{}) return failure;
  page_bytes_ = calls.page_bytes();
  entries_ = reinterpret_cast<Span*>(map_.base());
  base_ = memory_.base();
  bytes_ = memory_.bytes();
  dirty_ = SliceBits(bits_.base());
  return {};
}

void SliceMap::release() noexcept {
  memory_.release();
  map_.release();
  bits_.release();
  records_.release();
  dirty_ = SliceBits();
  base_ = nullptr;
  entries_ = nullptr;
  bytes_ = committed_entry_bytes_ = 0;
  committed_slices_.store(0, std::memory_order_relaxed);
}

std::errc SliceMap::commit_through(std::uint32_t slice) noexcept {
  if (slice < committed_slices()) return {};
  if (slice >= slices()) return std::errc::not_enough_memory;
  const std::uint32_t needed = slice + 1;
  const std::uint32_t step = std::max(kLeastStepSlices, committed_slices() / kStepDivisor);
  const std::uint32_t ahead = std::min(slices(), std::max(needed, committed_slices() + step));
  // Where memory is short, what is needed may be had when what would be convenient is not.
  if (commit_to(ahead) == std::errc{}) return {};
  return commit_to(needed);
}

std::errc SliceMap::commit_to(std::uint32_t target) noexcept {
  const std::size_t entry_bytes = std::min(map_.bytes(), round_up(std::size_t{target} * sizeof(Span), page_bytes_));
  if (entry_bytes > committed_entry_bytes_) {
    const std::errc failure = map_.commit(committed_entry_bytes_, entry_bytes - committed_entry_bytes_);
    if (failure != std::errc{}) return failure;
    committed_entry_bytes_ = entry_bytes;
  }
  if (const std::errc failure = records_.commit_to(target); failure != std::errc{}) return failure;
  const std::size_t from = std::size_t{committed_slices()} << kSliceShift;
  const std::errc failure = memory_.commit(from, (std::size_t{target} << kSliceShift) - from);
  if (failure == std::errc{}) committed_slices_.store(target, std::memory_order_relaxed);
  return failure;
}

}  // namespace strata::allocator
