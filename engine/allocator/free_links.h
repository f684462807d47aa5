#pragma once

#include <cstdint>
#include <cstring>

#include "engine/allocator/memory_checks.h"
#include "engine/allocator/span.h"

// The links of free lists. They lie in memory that callers have had and may still write to, by mistake or by intent, so builds with checks
// encode them with a secret and the link's own address ("safe linking", E. Itkin, 2020; the address is that of the link, as there), and
// take none for a block that can not be one. The bytes are turned around, as in Chromium's PartitionAlloc: what runs over the end of
// the block before damages the highest bits first, which no address has.
namespace strata::allocator {

inline std::uint64_t encode_link(const Block* next, const Block* at) noexcept {
  return __builtin_bswap64(reinterpret_cast<std::uintptr_t>(next) ^ check_secrets.links) ^ reinterpret_cast<std::uintptr_t>(at);
}
inline Block* decode_link(std::uint64_t link, const Block* at) noexcept {
  return reinterpret_cast<Block*>(  // NOLINT(performance-no-int-to-ptr)
      __builtin_bswap64(link ^ reinterpret_cast<std::uintptr_t>(at)) ^ check_secrets.links);
}

inline void link_block(Block& block, Block* next) noexcept {
  if constexpr (kLinksAreEncoded) {
    const std::uint64_t link = encode_link(next, &block);
    std::memcpy(&block, &link, sizeof link);
  } else {
    block.next = next;
  }
}
// What comes behind a block in its list. Not to be trusted before accept_link().
[[nodiscard]] inline Block* next_of(const Block& block) noexcept {
  if constexpr (kLinksAreEncoded) {
    std::uint64_t link = 0;
    std::memcpy(&link, &block, sizeof link);
    return decode_link(link, &block);
  } else {
    return block.next;
  }
}
// The block leaves its list: next_of(), and in the checked heap its first word is as that of other free blocks.
[[nodiscard]] inline Block* unlink_block(Block& block) noexcept {
  Block* const next = next_of(block);
  if constexpr (kCheckedHeap) std::memset(&block, kFreedByte, sizeof block);
  return next;
}

// Whether `next` is a block of the span that begins at `start`, or none where the list has `left` = 0 blocks more.
[[nodiscard]] inline bool accept_link([[maybe_unused]] const Span& span, [[maybe_unused]] const std::byte* start,
                                      [[maybe_unused]] const Block* next, [[maybe_unused]] std::uint32_t left) noexcept {
  if constexpr (kLinksAreEncoded) {
    if (left == 0) return next == nullptr;
    const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(next) - reinterpret_cast<std::uintptr_t>(start);
    // The comparison with the end first: the other is exact below 2^32 only.
    return offset < kBlockStarts[span.size_class].end && starts_block(span.size_class, offset);
  }
  return true;
}

}  // namespace strata::allocator
