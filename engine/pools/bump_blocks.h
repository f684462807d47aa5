#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/pools/chunks.h"

namespace strata::pools {

// A place in an arena to come back to. Only what BumpBlocks::mark() gave means anything.
struct ArenaMark {
  std::uint32_t slice = 0;   // the first of the chunk; with `serial` 0: nothing was taken yet
  std::uint32_t serial = 0;  // of the chunk, among all that were begun
  std::uint64_t cursor = 0;  // in the chunk
  std::uint64_t blocks = 0;  // taken so far
};

// Blocks one behind the other in chunks, freed all at once or back to a mark. Blocks of the heap's own arena strategy can be walked and resized
// but not rolled back, and each costs two bit maps and a lock; these cost an addition and a comparison.
//
// Of a chunk's Span: `carved` is its serial number, which rises along the list of chunks in use; `block_bytes` and `used` are its length and how far
// it was used when the next one was begun, in units of kUnitBytes.
// Thread safety: none, the pool's lock guards it.
class BumpBlocks {
 public:
  static constexpr std::size_t kChunkBytes = std::size_t{256} << 10;
  // No block begins at a chunk's start, so that the chunk is not freed in the place of one.
  static constexpr std::size_t kHeaderBytes = 64;

  void start(SharedHeap& heap) noexcept { heap_ = &heap; }

  // `bytes` > 0, `alignment` a power of two, together no more than an object can have. nullptr: no room; then add_chunk().
  [[nodiscard]] void* take(std::size_t bytes, std::size_t alignment) noexcept;
  // What a chunk for such a block needs at least.
  [[nodiscard]] static std::uint64_t chunk_bytes_for(std::size_t bytes, std::size_t alignment) noexcept;
  // Whether take() would give such a block.
  [[nodiscard]] bool has_room_for(std::size_t bytes, std::size_t alignment) const noexcept;
  // False: no memory.
  [[nodiscard]] bool add_chunk(std::uint64_t bytes) noexcept;
  // Whether the address lies in what is in use.
  [[nodiscard]] bool owns(const void* address) const noexcept;

  [[nodiscard]] ArenaMark mark() const noexcept;
  // What was taken since the mark is free. False: not a place in what is in use now, and nothing happens.
  [[nodiscard]] bool roll_back(const ArenaMark& mark) noexcept;
  void reset() noexcept;
  // As FixedBlocks, of chunks that are not begun.
  std::uint32_t release_empty(std::uint64_t least_bytes, std::uint32_t most) noexcept;

  [[nodiscard]] std::uint64_t total_bytes() const noexcept { return total_bytes_; }
  // Up to the end of the last block of each chunk, gaps for alignment and headers included.
  [[nodiscard]] std::uint64_t used_bytes() const noexcept { return used_before_ + cursor_; }
  [[nodiscard]] std::uint64_t used_blocks() const noexcept { return blocks_; }
  [[nodiscard]] std::uint32_t chunks() const noexcept { return chunks_; }
  [[nodiscard]] void* first_block() const noexcept { return blocks_ == 0 ? nullptr : first_block_; }

 private:
  static constexpr unsigned kUnitShift = 4;

  [[nodiscard]] static std::uint64_t length_of(const Span& chunk) noexcept {
    return std::uint64_t{chunk.block_bytes} << kUnitShift;
  }
  [[nodiscard]] bool begin_chunk(std::uint64_t least_bytes) noexcept;
  void poison_from(const Span& chunk, std::uint64_t cursor) const noexcept;

  std::uint64_t cursor_ = 0;  // in the last chunk begun
  std::uint64_t end_ = 0;     // its length
  std::byte* start_ = nullptr;
  std::uint64_t used_before_ = 0;  // of chunks before it
  std::uint64_t blocks_ = 0;
  void* first_block_ = nullptr;
  SharedHeap* heap_ = nullptr;
  allocator::SpanList begun_;
  allocator::SpanList empty_;
  std::uint64_t total_bytes_ = 0;
  std::uint32_t chunks_ = 0;
  std::uint32_t serial_ = 0;
};

}  // namespace strata::pools
