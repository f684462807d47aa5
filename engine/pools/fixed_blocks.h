#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/pools/chunks.h"

namespace strata::pools {

// Blocks of one size in chunks of one size.
//
//   chunk   [a bit for each block: 1 is free][blocks]
//
// The list of a chunk's free blocks is those bits: a block is not touched when it is taken or given back, a damaged block damages no list,
// and a block that is freed twice, or is none, is found in every build. The lowest free block comes first, so a chunk's end is touched last.
// Of a chunk's Span: `used` and `capacity` count blocks, no word of bits before `carved` has one set, `next` and `previous` link it into
// one of two lists: with something in use and something free, and with nothing in use. Full chunks are in none.
//
// An operation touches this object, the chunk's entry of the slice map, and one word of bits (searching: 128 words at most). No atomics.
// Thread safety: none, the pool's lock guards it.
class FixedBlocks {
 public:
  // `block_bytes` > 0, as much as kMostBlockBytes; `alignment` a power of two, at most kMostAlignment.
  static constexpr std::size_t kMostBlockBytes = std::size_t{16} << 20;
  static constexpr std::size_t kMostAlignment = allocator::kSliceBytes;

  void start(SharedHeap& heap, std::size_t block_bytes, std::size_t alignment) noexcept;

  // nullptr: no block is free; then add_chunk().
  [[nodiscard]] void* take() noexcept;
  // False: no memory.
  [[nodiscard]] bool add_chunk() noexcept;
  // False: it is no block of this pool in use, which has been reported.
  bool give_back(void* address) noexcept;
  // Chunks with nothing in use go, at most `most`, while `least_bytes` are left. Returns how many went.
  std::uint32_t release_empty(std::uint64_t least_bytes, std::uint32_t most) noexcept;
  // All blocks are free again.
  void reset() noexcept;

  [[nodiscard]] std::size_t block_bytes() const noexcept { return stride_; }
  [[nodiscard]] std::size_t chunk_bytes() const noexcept { return chunk_bytes_; }
  [[nodiscard]] std::uint64_t total_bytes() const noexcept { return std::uint64_t{chunks_} * chunk_bytes_; }
  [[nodiscard]] std::uint64_t used_blocks() const noexcept { return used_blocks_; }
  [[nodiscard]] std::uint64_t free_blocks() const noexcept { return std::uint64_t{chunks_} * capacity_ - used_blocks_; }
  [[nodiscard]] std::uint32_t chunks() const noexcept { return chunks_; }
  [[nodiscard]] bool is_block_in_use(const void* address) const noexcept;
  // The first block in use of a chunk; nullptr: none is.
  [[nodiscard]] void* first_used(const Span& chunk) const noexcept;

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  [[nodiscard]] std::uint64_t* bits_of(const Span& chunk) const noexcept {
    return reinterpret_cast<std::uint64_t*>(start_of(chunk));
  }
  [[nodiscard]] Span* chunk_of(const void* address) const noexcept;
  [[nodiscard]] std::uint32_t number_of(const Span& chunk, const void* address) const noexcept;
  [[nodiscard]] std::byte* block_at(const Span& chunk, std::uint32_t number) const noexcept {
    return start_of(chunk) + first_offset_ + std::size_t{number} * stride_;
  }
  void set_up(Span& chunk) noexcept;
  [[gnu::cold, gnu::noinline]] bool refuse(const void* address, bool is_double) const noexcept;

  allocator::SpanList partial_;
  allocator::SpanList empty_;
  SharedHeap* heap_ = nullptr;
  std::uint64_t reciprocal_ = 0;  // ceil(2^64 / stride_), see allocator/memory_checks.h
  std::uint64_t used_blocks_ = 0;
  std::size_t chunk_bytes_ = 0;
  std::size_t stride_ = 0;
  std::uint32_t first_offset_ = 0;
  std::uint32_t capacity_ = 0;  // blocks of a chunk
  std::uint32_t chunks_ = 0;
};

}  // namespace strata::pools
