#include "engine/pools/fixed_blocks.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/allocator/checked_blocks.h"
#include "engine/allocator/corruption.h"
#include "engine/allocator/poison.h"

namespace strata::pools {
namespace {

using allocator::Corruption;
using allocator::kCheckedHeap;

constexpr std::size_t kLeastBlocks = 8;  // of a chunk: what its end and its bits waste is shared by so many
constexpr std::uint32_t kWordBits = 64;

constexpr std::size_t align_up(std::size_t bytes, std::size_t alignment) noexcept {
  return (bytes + alignment - 1) & ~(alignment - 1);
}
constexpr std::uint32_t words_for(std::uint32_t blocks) noexcept { return (blocks + kWordBits - 1) / kWordBits; }

// As the checked heap does with its blocks: what was written to a free block is told when it is taken.
void fill_free(void* block, std::size_t bytes) noexcept {
  if constexpr (kCheckedHeap) std::memset(block, allocator::kFreedByte, bytes);
}
void check_filled([[maybe_unused]] void* block, [[maybe_unused]] std::size_t bytes) noexcept {
  if constexpr (!kCheckedHeap) return;
  const auto* const all = static_cast<const unsigned char*>(block);
  const auto* const damaged = std::find_if(all, all + bytes, [](unsigned char byte) { return byte != allocator::kFreedByte; });
  if (damaged == all + bytes) return;
  allocator::report_corruption({.kind = Corruption::use_after_free,
                                .address = block,
                                .block = block,
                                .block_bytes = bytes,
                                .damaged_offset = static_cast<std::size_t>(damaged - all)});
}

}  // namespace

void FixedBlocks::start(SharedHeap& heap, std::size_t block_bytes, std::size_t alignment) noexcept {
  heap_ = &heap;
  stride_ = align_up(std::max(block_bytes, sizeof(void*)), std::max(alignment, sizeof(void*)));
  // 2^64 / stride_ itself where that is a power of two.
  reciprocal_ = ~std::uint64_t{0} / stride_ + 1;
  chunk_bytes_ = std::bit_ceil(std::max(kLeastChunkBytes, kLeastBlocks * (stride_ + 1)));
  // As many as fit behind their bits: the bits of one fewer never need more room.
  capacity_ = static_cast<std::uint32_t>(chunk_bytes_ / stride_);
  while (true) {
    first_offset_ = static_cast<std::uint32_t>(
        align_up(words_for(capacity_) * sizeof(std::uint64_t), std::max<std::size_t>(alignment, kWordBits)));
    const auto fitting = static_cast<std::uint32_t>((chunk_bytes_ - first_offset_) / stride_);
    if (fitting >= capacity_) return;
    capacity_ = fitting;
  }
}

void FixedBlocks::set_up(Span& chunk) noexcept {
  chunk.used = chunk.carved = 0;
  chunk.capacity = capacity_;
  std::uint64_t* const bits = bits_of(chunk);
  const std::uint32_t words = words_for(capacity_);
  std::fill_n(bits, words, ~std::uint64_t{0});
  if (capacity_ % kWordBits != 0) bits[words - 1] = (std::uint64_t{1} << (capacity_ % kWordBits)) - 1;
  fill_free(block_at(chunk, 0), capacity_ * stride_);
  allocator::poison(block_at(chunk, 0), capacity_ * stride_);
}

bool FixedBlocks::add_chunk() noexcept {
  Span* const chunk = take_chunk(*heap_, chunk_bytes_, chunk_bytes_);
  if (chunk == nullptr) return false;
  set_up(*chunk);
  empty_.push_back(*chunk);
  ++chunks_;
  return true;
}

void* FixedBlocks::take() noexcept {
  Span* chunk = partial_.first();
  if (chunk == nullptr) [[unlikely]] {
    chunk = empty_.first();
    if (chunk == nullptr) return nullptr;
    empty_.remove(*chunk);
    partial_.push_front(*chunk);
  }
  std::uint64_t* const bits = bits_of(*chunk);
  std::uint32_t word = chunk->carved;
  while (bits[word] == 0) ++word;
  const auto number = word * kWordBits + static_cast<std::uint32_t>(std::countr_zero(bits[word]));
  bits[word] &= bits[word] - 1;
  chunk->carved = word;
  if (++chunk->used == capacity_) [[unlikely]]
    partial_.remove(*chunk);
  ++used_blocks_;
  std::byte* const block = block_at(*chunk, number);
  allocator::unpoison(block, stride_);
  check_filled(block, stride_);
  return block;
}

Span* FixedBlocks::chunk_of(const void* address) const noexcept {
  return chunk_at(*heap_, reinterpret_cast<std::uintptr_t>(address) & ~(chunk_bytes_ - 1));
}

// kNone: no block begins there.
std::uint32_t FixedBlocks::number_of(const Span& chunk, const void* address) const noexcept {
  const auto from_start = static_cast<std::size_t>(static_cast<const std::byte*>(address) - start_of(chunk));
  const std::size_t offset = from_start - first_offset_;
  if (from_start < first_offset_ || offset * reciprocal_ >= reciprocal_) return kNone;
  __extension__ using Wide = unsigned __int128;
  const auto number = static_cast<std::uint32_t>(Wide{offset} * reciprocal_ >> 64);
  return number < capacity_ ? number : kNone;
}

bool FixedBlocks::give_back(void* address) noexcept {
  Span* const chunk = chunk_of(address);
  if (chunk == nullptr) return refuse(address, false);
  const std::uint32_t number = number_of(*chunk, address);
  if (number == kNone) return refuse(address, false);
  std::uint64_t& bits = bits_of(*chunk)[number / kWordBits];
  const std::uint64_t bit = std::uint64_t{1} << (number % kWordBits);
  if ((bits & bit) != 0) return refuse(address, true);
  fill_free(address, stride_);
  allocator::poison(address, stride_);
  bits |= bit;
  chunk->carved = std::min(chunk->carved, number / kWordBits);
  --used_blocks_;
  if (chunk->used-- == capacity_) partial_.push_front(*chunk);
  if (chunk->used == 0) {
    partial_.remove(*chunk);
    empty_.push_front(*chunk);
  }
  return true;
}

bool FixedBlocks::refuse(const void* address, bool is_double) const noexcept {
  const Span* const chunk = chunk_of(address);
  if (is_double) {
    allocator::report_corruption({.kind = Corruption::double_free, .address = address, .block = address, .block_bytes = stride_});
  } else if (chunk == nullptr) {
    allocator::report_stray(address);
  } else {
    allocator::report_corruption({.kind = Corruption::invalid_free, .address = address});
  }
  return false;
}

std::uint32_t FixedBlocks::release_empty(std::uint64_t least_bytes, std::uint32_t most) noexcept {
  std::uint32_t released = 0;
  for (Span* chunk = empty_.last(); chunk != nullptr && released < most; chunk = empty_.last(), ++released) {
    if (total_bytes() < least_bytes + chunk_bytes_) break;
    empty_.remove(*chunk);
    allocator::unpoison(start_of(*chunk), chunk_bytes_);
    give_back_chunk(*heap_, *chunk);
    --chunks_;
  }
  return released;
}

void FixedBlocks::reset() noexcept {
  partial_ = empty_ = {};
  used_blocks_ = 0;
  const sync::MutexLock lock(heap_->mutex());
  for (Span* chunk = heap_->spans().first(); chunk != nullptr; chunk = heap_->spans().next(*chunk)) {
    if (chunk->use != allocator::SpanUse::large) continue;
    set_up(*chunk);
    empty_.push_front(*chunk);
  }
}

bool FixedBlocks::is_block_in_use(const void* address) const noexcept {
  const Span* const chunk = chunk_of(address);
  const std::uint32_t number = chunk == nullptr ? kNone : number_of(*chunk, address);
  return number != kNone && (bits_of(*chunk)[number / kWordBits] >> (number % kWordBits) & 1) == 0;
}

void* FixedBlocks::first_used(const Span& chunk) const noexcept {
  const std::uint64_t* const bits = bits_of(chunk);
  for (std::uint32_t word = 0; word < words_for(capacity_); ++word) {
    if (bits[word] == ~std::uint64_t{0}) continue;
    const std::uint32_t number = word * kWordBits + static_cast<std::uint32_t>(std::countr_one(bits[word]));
    if (number < capacity_) return block_at(chunk, number);
  }
  return nullptr;
}

}  // namespace strata::pools
