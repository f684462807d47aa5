#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/allocator/size_class.h"
#include "engine/allocator/span.h"

// How closely the allocator watches its callers, chosen when it is built (STRATA_MEMORY_CHECKS in CMake):
//
//   none      frees of foreign memory and of what is not in use, as far as they are noticed by the way
//   hardened  for production: the links of free lists are encoded and checked, a free must name the start of a block, blocks that are
//             free carry a mark
//   checked   for finding defects: a record, a canary and a fill pattern for each block besides (checked_blocks.h)
//
// The functions here stand on the way of every allocation and free; in a build that does not need one it is empty.
namespace strata::allocator {

enum class MemoryChecks : std::uint8_t { none, hardened, checked };

#if defined(STRATA_CHECKED_HEAP)
inline constexpr MemoryChecks kMemoryChecks = MemoryChecks::checked;
#elif defined(STRATA_HARDENED)
inline constexpr MemoryChecks kMemoryChecks = MemoryChecks::hardened;
#else
inline constexpr MemoryChecks kMemoryChecks = MemoryChecks::none;
#endif
inline constexpr bool kCheckedHeap = kMemoryChecks == MemoryChecks::checked;
// Encoded links, in both.
inline constexpr bool kLinksAreEncoded = kMemoryChecks != MemoryChecks::none;
// Marks in free blocks: the checked heap has its records instead.
inline constexpr bool kFreeBlocksAreMarked = kMemoryChecks == MemoryChecks::hardened;

// What all bytes of a free block are in the checked heap.
inline constexpr int kFreedByte = 0xDF;

// What nobody outside may guess. Drawn once, before the first block is handed out.
struct CheckSecrets {
  std::uint64_t links = 0;
  std::uint64_t marks = 0;
  std::uint64_t canaries = 0;
};
extern constinit CheckSecrets check_secrets;
void draw_check_secrets() noexcept;

// Where the blocks of a class begin: at multiples of its size below `end`. For the size d and M = ceil(2^64 / d), d divides n < 2^32 if and
// only if n * M mod 2^64 < M (Lemire, Kaser and Kurz, "Faster remainder by direct computation", 2019).
struct BlockStarts {
  std::uint64_t reciprocal;  // M
  std::uint32_t end;         // of the last block, in bytes from the start of the span
};

namespace detail {
constexpr std::array<BlockStarts, kSizeClasses> make_block_starts() noexcept {
  std::array<BlockStarts, kSizeClasses> starts{};
  for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) {
    const std::size_t bytes = class_bytes(size_class);
    starts[size_class] = {.reciprocal = ~std::uint64_t{0} / bytes + 1,
                          .end = static_cast<std::uint32_t>(blocks_of_class(size_class) * bytes)};
  }
  return starts;
}
}  // namespace detail
inline constexpr std::array<BlockStarts, kSizeClasses> kBlockStarts = detail::make_block_starts();

// `offset`: from the start of the span.
constexpr bool starts_block(SizeClass size_class, std::size_t offset) noexcept {
  const BlockStarts& starts = kBlockStarts[size_class];
  return offset * starts.reciprocal < starts.reciprocal && offset < starts.end;
}

// The mark of a free block: its second word, where a link leaves it alone. Blocks of 8 bytes have one word, which a link takes the place of
// while the block is in a list.
inline void* mark_place(SizeClass size_class, void* block) noexcept {
  return static_cast<std::byte*>(block) + (size_class == 0 ? 0 : sizeof(std::uint64_t));
}
inline std::uint64_t mark_of(const void* block) noexcept { return reinterpret_cast<std::uintptr_t>(block) ^ check_secrets.marks; }

inline bool is_marked_free(SizeClass size_class, void* block) noexcept {
  std::uint64_t mark = 0;
  std::memcpy(&mark, mark_place(size_class, block), sizeof mark);
  return mark == mark_of(block);
}
inline void mark_free(SizeClass size_class, void* block) noexcept {
  const std::uint64_t mark = mark_of(block);
  std::memcpy(mark_place(size_class, block), &mark, sizeof mark);
}
// The block is handed out. So a mark that is found means a block that is free, without looking for it in any list.
inline void unmark([[maybe_unused]] SizeClass size_class, [[maybe_unused]] void* block) noexcept {
  if constexpr (kFreeBlocksAreMarked) std::memset(mark_place(size_class, block), 0, sizeof(std::uint64_t));
}

// Reports a free, or a resize, of what is not a block in use. Returns false.
[[gnu::cold, gnu::noinline]] bool refuse(const Span& span, const void* address) noexcept;
// Whether an address of a span of blocks may be freed. If so it counts as free from here on, else it has been reported and nothing
// may be done.
[[nodiscard]] bool accept_checked_free(Span& span, void* address) noexcept;
[[nodiscard]] bool accept_hardened_free(Span& span, void* address) noexcept;
[[nodiscard]] inline bool accept_free([[maybe_unused]] Span& span, [[maybe_unused]] void* address) noexcept {
  if constexpr (kCheckedHeap) return accept_checked_free(span, address);
  if constexpr (kFreeBlocksAreMarked) return accept_hardened_free(span, address);
  return true;
}

// The part of it that stands in every free(): true as there, false: ask accept_free(). REQUIRES: an address in the span's first slice.
[[nodiscard]] inline bool accept_simple_free([[maybe_unused]] const Span& span, [[maybe_unused]] void* address) noexcept {
  if constexpr (kCheckedHeap) return false;
  if constexpr (kFreeBlocksAreMarked) {
    const SizeClass size_class = span.size_class;
    // Spans begin at multiples of a slice.
    const std::size_t offset = reinterpret_cast<std::uintptr_t>(address) % kSliceBytes;
    if (size_class == 0 || !starts_block(size_class, offset) || is_marked_free(size_class, address)) [[unlikely]]
      return false;
    mark_free(size_class, address);
  }
  return true;
}

// Whether an address of a large block's span is its start. If not it has been reported.
[[nodiscard]] bool accept_large_start(const Span& span, const void* address) noexcept;
[[nodiscard]] bool accept_hardened_resize(const Span& span, void* address) noexcept;
// Whether an address of a span, of blocks or a large one, is a block in use. If not it has been reported. The checked heap resizes
// by itself.
[[nodiscard]] inline bool accept_resize([[maybe_unused]] const Span& span, [[maybe_unused]] void* address) noexcept {
  if constexpr (kFreeBlocksAreMarked) return accept_hardened_resize(span, address);
  return true;
}
// Whether as many blocks may come back to a span that counts `used`. If not it has been reported: one of them was free already.
[[nodiscard]] inline bool accept_return([[maybe_unused]] const Span& span, [[maybe_unused]] std::uint32_t count,
                                        [[maybe_unused]] std::uint32_t used, [[maybe_unused]] const void* first) noexcept {
  if constexpr (kLinksAreEncoded) {
    if (count > used) [[unlikely]]
      return refuse(span, first);
  }
  return true;
}

// The link in `block` was found to be damaged.
[[gnu::cold, gnu::noinline]] void report_damaged_link(const Span& span, const Block* block) noexcept;

}  // namespace strata::allocator
