#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

#include "loadtest/allocator/failure.h"

// Blocks that carry a mark: what an allocator that gives the same memory out twice, or writes into memory it gave out,
// destroys. A block may be given back by another thread than took it; each is used by one thread at a time.
namespace strata::loadtest::allocator {

inline constexpr std::uint32_t kPageBytes = 4096;

struct Block {
  char* start = nullptr;  // owned; null: no block
  std::uint32_t size_bytes = 0;
  std::uint32_t serial = 0;  // tells apart blocks that lay at the same address
};

inline std::uint64_t mark_of(const Block& block) noexcept {
  return (block.serial + 1ULL) * 0x9e3779b97f4a7c15ULL ^ block.size_bytes;
}

// Ends the program if `start` is not what malloc must return for that size.
inline void require_usable(const void* start, std::uint64_t size_bytes) {
  if (start == nullptr) [[unlikely]] {
    fail("no memory for a block of %llu bytes", static_cast<unsigned long long>(size_bytes));
  }
  const std::uintptr_t alignment = size_bytes >= 16 ? 16 : 8;
  if (reinterpret_cast<std::uintptr_t>(start) % alignment != 0) [[unlikely]] {
    fail("block of %llu bytes at %p is not aligned to %u", static_cast<unsigned long long>(size_bytes), start,
         static_cast<unsigned>(alignment));
  }
}

// Allocates and writes the first eight bytes, the last one, and one in every page between. REQUIRES: size_bytes >= 8
inline Block take_block(std::uint32_t size_bytes, std::uint32_t serial) {
  const Block block{static_cast<char*>(std::malloc(size_bytes)), size_bytes, serial};
  require_usable(block.start, size_bytes);
  const std::uint64_t mark = mark_of(block);
  const char tail = static_cast<char>(mark >> 56);
  std::memcpy(block.start, &mark, sizeof mark);
  for (std::uint32_t page = kPageBytes; page < size_bytes; page += kPageBytes) block.start[page] = tail;
  if (size_bytes > sizeof mark) block.start[size_bytes - 1] = tail;
  return block;
}

// Ends the program if the mark at either end of the block is not the one written.
inline void check_block(const Block& block) {
  const std::uint64_t expected = mark_of(block);
  std::uint64_t found;
  std::memcpy(&found, block.start, sizeof found);
  const bool tail_kept =
      block.size_bytes <= sizeof found || block.start[block.size_bytes - 1] == static_cast<char>(expected >> 56);
  if (found != expected || !tail_kept) [[unlikely]] {
    fail("block of %u bytes at %p changed its contents while it was in use", block.size_bytes, static_cast<void*>(block.start));
  }
}

// Checks and frees. A null block is left alone.
inline void give_back(Block& block) {
  if (block.start == nullptr) return;
  check_block(block);
  std::free(block.start);
  block.start = nullptr;
}

inline std::uint64_t requested_bytes(std::span<const Block> blocks) noexcept {
  std::uint64_t sum = 0;
  for (const Block& block : blocks) sum += block.start == nullptr ? 0 : block.size_bytes;
  return sum;
}

}  // namespace strata::loadtest::allocator
