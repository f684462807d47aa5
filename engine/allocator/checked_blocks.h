#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "engine/allocator/block_records.h"
#include "engine/allocator/memory_checks.h"
#include "engine/allocator/span.h"

// The blocks of the checked heap.
//
//   in use   [what was asked for][canary to the end of the block, 8 bytes at least]; of large blocks 4 KiB of canary at most
//   free     0xDF in all bytes, but for the link of a block that is in a list; not so of large ones, whose pages go back
//
// The canary's bytes follow from a secret and their address; none is 0, so that a string's end written behind a block is seen. Whether a
// block is in use and how many bytes were asked for stands in its record (block_records.h), which no overflow reaches.
// Thread safety: as allocate.h. In other builds nothing here is called, or it does what its comment says.
namespace strata::allocator {

class HeapSpans;

inline constexpr std::size_t kLeastCanaryBytes = 8;
inline constexpr std::size_t kMostLargeCanaryBytes = 4096;

// Bytes to take for a request. Other builds: the request.
[[nodiscard]] constexpr std::size_t bytes_to_take(std::size_t requested) noexcept {
  if constexpr (!kCheckedHeap) return requested;
  if (requested > std::numeric_limits<std::size_t>::max() - kLeastCanaryBytes) return requested;
  return std::max(requested + kLeastCanaryBytes, BlockRecords::kLeastBlockBytes);
}

void* hand_out_checked(void* block, std::size_t requested) noexcept;
// A block just taken goes to the caller: was it written to since it was freed? Returns it. nullptr is allowed. Other builds: does nothing.
[[nodiscard]] inline void* hand_out(void* block, [[maybe_unused]] std::size_t requested) noexcept {
  if constexpr (kCheckedHeap) return hand_out_checked(block, requested);
  return block;
}

void forget_checked_blocks(const Span& span) noexcept;
// The span is cut into blocks anew. Other builds: does nothing.
inline void forget_blocks([[maybe_unused]] const Span& span) noexcept {
  if constexpr (kCheckedHeap) forget_checked_blocks(span);
}

void unlink_all_checked(Span& span) noexcept;
// The lists of the span's free blocks are given up without being walked: what a link was is fill again. Other builds: does nothing.
inline void unlink_all([[maybe_unused]] Span& span) noexcept {
  if constexpr (kCheckedHeap) unlink_all_checked(span);
}

// Whether an address of a large block's span may be freed; if not it has been reported.
[[nodiscard]] bool accept_large_free(Span& span, void* address) noexcept;

// Reports a free or resize of an address that lies in no span in use.
void report_stray(const void* address) noexcept;

// As usable_bytes() and reallocate(), for the checked heap: what was asked for; moves blocks of a class always, so that what still
// points to the old place is found.
[[nodiscard]] std::size_t requested_bytes(Span& span, void* address) noexcept;
[[nodiscard]] void* reallocate_checked(Span& span, void* address, std::size_t bytes) noexcept;
// Its parts, for heaps that move their blocks themselves. Whether the address is a block in use; if not it has been reported.
[[nodiscard]] bool accept_checked_resize(Span& span, const void* address) noexcept;
// As resize_large(), for a block in use.
[[nodiscard]] void* resize_large_checked(Span& span, std::size_t bytes, HeapSpans* of = nullptr) noexcept;

// What all blocks in use are together, exactly.
struct HeapCheck {
  std::uint64_t blocks = 0;
  std::uint64_t requested_bytes = 0;
  std::uint64_t damaged_blocks = 0;  // reported by this call
};
// Looks at every block, in use or free, and reports what is damaged; each defect once. Nothing: this build has no records.
// REQUIRES: no other thread allocates or frees.
[[nodiscard]] std::optional<HeapCheck> check_heap() noexcept;

}  // namespace strata::allocator
