#include "engine/pools/bump_blocks.h"

#include <algorithm>

#include "engine/allocator/poison.h"

namespace strata::pools {
namespace {

constexpr std::uint64_t align_up(std::uint64_t at, std::uint64_t alignment) noexcept {
  return (at + alignment - 1) & ~(alignment - 1);
}

}  // namespace

std::uint64_t BumpBlocks::chunk_bytes_for(std::size_t bytes, std::size_t alignment) noexcept {
  const std::uint64_t first = align_up(kHeaderBytes, alignment);
  return std::max<std::uint64_t>(kChunkBytes, align_up(first + bytes, allocator::kSliceBytes));
}

bool BumpBlocks::add_chunk(std::uint64_t bytes) noexcept {
  if (bytes >> kUnitShift > ~std::uint32_t{0}) return false;
  Span* const chunk = take_chunk(*heap_, bytes, allocator::kSliceBytes);
  if (chunk == nullptr) return false;
  chunk->block_bytes = static_cast<std::uint32_t>(bytes >> kUnitShift);
  chunk->used = chunk->carved = 0;
  poison_from(*chunk, 0);
  empty_.push_back(*chunk);
  total_bytes_ += bytes;
  ++chunks_;
  return true;
}

void BumpBlocks::poison_from(const Span& chunk, std::uint64_t cursor) const noexcept {
  // The sanitizer knows by 8 bytes what may be touched.
  const std::uint64_t from = align_up(cursor, 8);
  if (from < length_of(chunk)) allocator::poison(start_of(chunk) + from, length_of(chunk) - from);
}

// Goes on in the first empty chunk that is long enough.
bool BumpBlocks::begin_chunk(std::uint64_t least_bytes) noexcept {
  Span* chunk = empty_.first();
  while (chunk != nullptr && length_of(*chunk) < least_bytes) chunk = chunk->next;
  if (chunk == nullptr) return false;
  empty_.remove(*chunk);
  if (Span* const last = begun_.last(); last != nullptr) {
    last->used = static_cast<std::uint32_t>(align_up(cursor_, std::uint64_t{1} << kUnitShift) >> kUnitShift);
    used_before_ += std::uint64_t{last->used} << kUnitShift;
  }
  chunk->carved = ++serial_;
  begun_.push_back(*chunk);
  start_ = start_of(*chunk);
  cursor_ = kHeaderBytes;
  end_ = length_of(*chunk);
  return true;
}

void* BumpBlocks::take(std::size_t bytes, std::size_t alignment) noexcept {
  // Chunks begin at multiples of a slice only.
  const auto start = reinterpret_cast<std::uintptr_t>(start_);
  std::uint64_t first = align_up(start + cursor_, alignment) - start;
  if (first > end_ || bytes > end_ - first) [[unlikely]] {
    if (!begin_chunk(align_up(kHeaderBytes, alignment) + bytes)) return nullptr;
    const auto begun = reinterpret_cast<std::uintptr_t>(start_);
    first = align_up(begun + cursor_, alignment) - begun;
  }
  cursor_ = first + bytes;
  std::byte* const block = start_ + first;
  if (blocks_++ == 0) first_block_ = block;
  allocator::unpoison(block, bytes);
  return block;
}

bool BumpBlocks::has_room_for(std::size_t bytes, std::size_t alignment) const noexcept {
  const std::uint64_t needed = align_up(kHeaderBytes, alignment) + bytes;
  if (start_ != nullptr && bytes + alignment <= end_ - cursor_) return true;
  const Span* chunk = empty_.first();
  while (chunk != nullptr && length_of(*chunk) < needed) chunk = chunk->next;
  return chunk != nullptr;
}

bool BumpBlocks::owns(const void* address) const noexcept {
  for (const Span* chunk = begun_.last(); chunk != nullptr; chunk = chunk->previous) {
    const auto offset = reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(start_of(*chunk));
    const std::uint64_t used = chunk == begun_.last() ? cursor_ : std::uint64_t{chunk->used} << kUnitShift;
    if (offset < used) return offset >= kHeaderBytes;
  }
  return false;
}

ArenaMark BumpBlocks::mark() const noexcept {
  const Span* const chunk = begun_.last();
  if (chunk == nullptr) return {};
  return {.slice = allocator::process.map.number_of(*chunk), .serial = chunk->carved, .cursor = cursor_, .blocks = blocks_};
}

bool BumpBlocks::roll_back(const ArenaMark& mark) noexcept {
  if (mark.serial == 0) {
    reset();
    return true;
  }
  // Looked for from the end: a rollback costs by the chunks it frees, and a mark may hold anything.
  Span* chunk = begun_.last();
  while (chunk != nullptr && chunk->carved > mark.serial) chunk = chunk->previous;
  if (chunk == nullptr || chunk->carved != mark.serial || allocator::process.map.number_of(*chunk) != mark.slice) return false;
  const std::uint64_t used = chunk == begun_.last() ? cursor_ : std::uint64_t{chunk->used} << kUnitShift;
  if (mark.cursor < kHeaderBytes || mark.cursor > used || mark.blocks > blocks_) return false;
  while (begun_.last() != chunk) {
    Span& freed = *begun_.last();
    begun_.remove(freed);
    poison_from(freed, 0);
    empty_.push_front(freed);
    used_before_ -= std::uint64_t{begun_.last()->used} << kUnitShift;
  }
  start_ = start_of(*chunk);
  cursor_ = mark.cursor;
  end_ = length_of(*chunk);
  blocks_ = mark.blocks;
  poison_from(*chunk, cursor_);
  return true;
}

void BumpBlocks::reset() noexcept {
  while (Span* const chunk = begun_.last()) {
    begun_.remove(*chunk);
    poison_from(*chunk, 0);
    empty_.push_front(*chunk);
  }
  start_ = nullptr;
  cursor_ = end_ = used_before_ = blocks_ = 0;
}

std::uint32_t BumpBlocks::release_empty(std::uint64_t least_bytes, std::uint32_t most) noexcept {
  std::uint32_t released = 0;
  for (Span* chunk = empty_.last(); chunk != nullptr && released < most; chunk = empty_.last(), ++released) {
    const std::uint64_t bytes = length_of(*chunk);
    if (total_bytes_ < least_bytes + bytes) break;
    empty_.remove(*chunk);
    allocator::unpoison(start_of(*chunk), bytes);
    give_back_chunk(*heap_, *chunk);
    total_bytes_ -= bytes;
    --chunks_;
  }
  return released;
}

}  // namespace strata::pools
