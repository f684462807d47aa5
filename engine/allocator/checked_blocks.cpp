#include "engine/allocator/checked_blocks.h"

#include <bit>
#include <cassert>
#include <cstring>

#include "engine/allocator/allocate.h"
#include "engine/allocator/corruption.h"
#include "engine/allocator/large_blocks.h"
#include "engine/allocator/process_allocator.h"
#include "engine/sync/atomic.h"

namespace strata::allocator {
namespace {

using State = BlockRecord::State;

constexpr std::size_t kUndamaged = ~std::size_t{0};

// A block of a span in use, by any address in it.
struct Located {
  Span* span = nullptr;
  std::byte* start = nullptr;  // nullptr: behind the last block
  std::size_t bytes = 0;
  sync::Atomic<BlockRecord>* record = nullptr;

  [[nodiscard]] bool is_large() const noexcept { return span->use == SpanUse::large; }
  [[nodiscard]] State freed_state() const noexcept { return is_large() ? State::freed_large : State::freed; }
  [[nodiscard]] std::size_t requested() const noexcept {
    assert(record != nullptr);
    return is_large() ? span->large_bytes : record->load(std::memory_order_relaxed).requested_bytes();
  }
  [[nodiscard]] std::size_t canary_end() const noexcept {
    return is_large() ? std::min(bytes, requested() + kMostLargeCanaryBytes) : bytes;
  }
};

Located nth_block(Span& span, std::size_t number) noexcept {
  return {.span = &span,
          .start = process.map.start_of(span) + number * span.block_bytes,
          .bytes = span.block_bytes,
          .record = process.map.records().of(process.map.number_of(span)) + number};
}

Located locate(Span& span, const void* address) noexcept {
  std::byte* const first = process.map.start_of(span);
  if (span.use == SpanUse::large) {
    return {.span = &span,
            .start = first,
            .bytes = std::size_t{span.slices} << kSliceShift,
            .record = process.map.records().of(process.map.number_of(span))};
  }
  const std::size_t number = static_cast<std::size_t>(static_cast<const std::byte*>(address) - first) / span.block_bytes;
  return number < span.capacity ? nth_block(span, number) : Located{.span = &span};
}

void report(Corruption kind, const Located& block, const void* address, std::size_t damaged_offset = 0) noexcept {
  report_corruption({.kind = kind,
                     .address = address,
                     .block = block.start,
                     .block_bytes = block.bytes,
                     .requested_bytes = block.start == nullptr ? 0 : block.requested(),
                     .damaged_offset = damaged_offset});
}

constexpr std::size_t kWordBytes = sizeof(std::uint64_t);
static_assert(std::endian::native == std::endian::little, "the first byte of a word is its lowest");

std::uint64_t word_at(const std::byte* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, kWordBytes);
  return word;
}

// Of the word an address lies in.
std::uint64_t canary_word(const std::byte* at) noexcept {
  const std::uint64_t number = reinterpret_cast<std::uintptr_t>(at) / kWordBytes;
  const std::uint64_t mixed = (number ^ check_secrets.canaries) * 0x9E37'79B9'7F4A'7C15;
  return mixed | 0x0101'0101'0101'0101;
}

std::byte canary_byte(const std::byte* at) noexcept {
  return static_cast<std::byte>(canary_word(at) >> (8 * (reinterpret_cast<std::uintptr_t>(at) % kWordBytes)));
}

// Blocks begin at a multiple of a word.
bool is_whole_word(std::size_t offset, std::size_t end) noexcept {
  return offset % kWordBytes == 0 && end - offset >= kWordBytes;
}

void write_canary(const Located& block) noexcept {
  const std::size_t end = block.canary_end();
  for (std::size_t offset = block.requested(); offset < end;) {
    std::byte* const at = block.start + offset;
    if (is_whole_word(offset, end)) {
      const std::uint64_t word = canary_word(at);
      std::memcpy(at, &word, kWordBytes);
      offset += kWordBytes;
    } else {
      *at = canary_byte(at);
      ++offset;
    }
  }
}

[[nodiscard]] std::size_t damaged_canary(const Located& block) noexcept {
  const std::size_t end = block.canary_end();
  for (std::size_t offset = block.requested(); offset < end;) {
    const std::byte* const at = block.start + offset;
    if (is_whole_word(offset, end) && word_at(at) == canary_word(at)) {
      offset += kWordBytes;
    } else if (*at == canary_byte(at)) {
      ++offset;
    } else {
      return offset;
    }
  }
  return kUndamaged;
}

// False: bytes behind what was asked for were overwritten. Reported, and made whole, so that it is not reported again.
bool verify_canary(const Located& block) noexcept {
  const std::size_t damaged = damaged_canary(block);
  if (damaged == kUndamaged) return true;
  report(Corruption::overflow, block, block.start, damaged);
  write_canary(block);
  return false;
}

// As verify_canary, for a free block. `from`: the first byte to be looked at, a multiple of a word.
bool verify_fill(const Located& block, std::size_t from) noexcept {
  constexpr std::uint64_t kFreedWord = ~std::uint64_t{0} / 0xFF * kFreedByte;
  std::size_t offset = from;
  while (offset < block.bytes && word_at(block.start + offset) == kFreedWord) offset += kWordBytes;
  if (offset == block.bytes) return true;
  while (block.start[offset] == std::byte{kFreedByte}) ++offset;
  report(Corruption::use_after_free, block, block.start, offset);
  std::memset(block.start + from, kFreedByte, block.bytes - from);
  return false;
}

// Whether the address is the start of a block in use; if not it has been reported.
bool verify_in_use(const Located& block, const void* address) noexcept {
  if (block.start == nullptr || block.start != address) {
    report(Corruption::invalid_free, block, address);
    return false;
  }
  const State state = block.record->load(std::memory_order_relaxed).state();
  if (state == State::in_use) return true;
  report(state == block.freed_state() ? Corruption::double_free : Corruption::invalid_free, block, address);
  return false;
}

// The block becomes a free one, by one thread only. If it can not it has been reported.
bool take_back(const Located& block, const void* address) noexcept {
  if (!verify_in_use(block, address)) return false;
  BlockRecord seen = block.record->load(std::memory_order_relaxed);
  while (seen.state() == State::in_use) {
    const BlockRecord freed(block.freed_state(), seen.requested_bytes());
    if (!block.record->compare_exchange_weak(seen, freed, std::memory_order_acq_rel)) continue;
    (void)verify_canary(block);
    return true;
  }
  report(Corruption::double_free, block, address);
  return false;
}

// The large block in use that the slice lies in. Only its first slice says so, so this looks back from there.
[[nodiscard]] Span* large_span_around(const void* address) noexcept {
  const sync::MutexLock lock(process.slices.mutex());
  Span* const entry = process.map.entry_of(address);
  for (std::uint32_t slice = process.map.number_of(*entry);; --slice) {
    Span* const span = process.map.entry(slice);
    if (span->use != SpanUse::none || slice == 0) {
      return span->use == SpanUse::large && span + span->slices > entry ? span : nullptr;
    }
  }
}

// Whether the address was a block that has been freed, in slices that are not in use (any more).
[[nodiscard]] Located freed_block_at(const void* address) noexcept {
  Span& span = *process.map.entry_of(address);
  const auto* first = process.map.records().of(process.map.number_of(span));
  std::byte* const start = process.map.start_of(span);
  if (address == start && first->load(std::memory_order_relaxed).state() == State::freed_large) {
    return {.span = &span, .start = start, .bytes = span.large_bytes};
  }
  if (span.block_bytes == 0 || span.capacity == 0) return {};
  const std::size_t number = static_cast<std::size_t>(static_cast<const std::byte*>(address) - start) / span.block_bytes;
  if (number >= span.capacity) return {};
  const Located block = nth_block(span, number);
  const bool was_freed = block.start == address && block.record->load(std::memory_order_relaxed).state() == State::freed;
  return was_freed ? block : Located();
}

// Unused where blocks are not checked.
[[maybe_unused]] void report_checked_stray(const void* address) noexcept {
  if (process.map.offset_of(address) >> kSliceShift >= process.map.committed_slices()) {
    return report_corruption({.kind = Corruption::invalid_free, .address = address});
  }
  if (Span* span = large_span_around(address); span != nullptr)
    return report(Corruption::invalid_free, locate(*span, address), address);
  const Located block = freed_block_at(address);
  report_corruption({.kind = block.start == nullptr ? Corruption::invalid_free : Corruption::double_free,
                     .address = address,
                     .block = block.start,
                     .block_bytes = block.bytes});
}

}  // namespace

void* hand_out_checked(void* address, std::size_t requested) noexcept {
  if (address == nullptr) return nullptr;
  const Located block = locate(*process.map.first_of(process.map.entry_of(address)), address);
  assert(block.record != nullptr);
  if (block.is_large()) {
    block.span->large_bytes = requested;
    block.record->store(BlockRecord(State::in_use, 0), std::memory_order_relaxed);
  } else {
    if (block.record->load(std::memory_order_relaxed).state() == State::freed) (void)verify_fill(block, 0);
    block.record->store(BlockRecord(State::in_use, requested), std::memory_order_relaxed);
  }
  write_canary(block);
  return address;
}

void forget_checked_blocks(const Span& span) noexcept {
  sync::Atomic<BlockRecord>* const records = process.map.records().of(process.map.number_of(span));
  for (std::uint32_t number = 0; number < span.capacity; ++number)
    records[number].store(BlockRecord(), std::memory_order_relaxed);
}

void unlink_all_checked(Span& span) noexcept {
  for (std::uint32_t number = 0; number < span.capacity; ++number) {
    const Located block = nth_block(span, number);
    if (block.record->load(std::memory_order_relaxed).state() == State::freed)
      std::memset(block.start, kFreedByte, sizeof(Block));
  }
}

bool accept_checked_free(Span& span, void* address) noexcept {
  const Located block = locate(span, address);
  if (!take_back(block, address)) return false;
  assert(block.start != nullptr);
  std::memset(block.start, kFreedByte, block.bytes);
  return true;
}

bool accept_large_free(Span& span, void* address) noexcept {
  if constexpr (kCheckedHeap) return take_back(locate(span, address), address);
  return accept_large_start(span, address);
}

void report_stray(const void* address) noexcept {
  if (!process.map.contains(address)) return report_corruption({.kind = Corruption::foreign_free, .address = address});
  if constexpr (kCheckedHeap) return report_checked_stray(address);
  report_corruption({.kind = Corruption::invalid_free, .address = address});
}

std::size_t requested_bytes(Span& span, void* address) noexcept {
  const Located block = locate(span, address);
  if (!verify_in_use(block, address)) return 0;
  (void)verify_canary(block);
  return block.requested();
}

bool accept_checked_resize(Span& span, const void* address) noexcept {
  const Located block = locate(span, address);
  if (!verify_in_use(block, address)) return false;
  (void)verify_canary(block);
  return true;
}

void* resize_large_checked(Span& span, std::size_t bytes, HeapSpans* of) noexcept {
  sync::Atomic<BlockRecord>& record = *locate(span, process.map.start_of(span)).record;
  // Before its slices can be another's.
  record.store(BlockRecord(State::freed_large, 0), std::memory_order_relaxed);
  void* const resized = resize_large(span, bytes_to_take(bytes), of);
  if (resized != nullptr) return hand_out_checked(resized, bytes);
  record.store(BlockRecord(State::in_use, 0), std::memory_order_relaxed);
  return nullptr;
}

void* reallocate_checked(Span& span, void* address, std::size_t bytes) noexcept {
  if (!accept_checked_resize(span, address)) return nullptr;
  if (span.use == SpanUse::large && bytes_to_take(bytes) > kLargestClassBytes) return resize_large_checked(span, bytes);
  const std::size_t held = locate(span, address).requested();
  void* const moved = allocate(bytes);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, address, std::min(held, bytes));
  deallocate(address);
  return moved;
}

std::optional<HeapCheck> check_heap() noexcept {
  if constexpr (!kCheckedHeap) return std::nullopt;
  HeapCheck result;
  const auto count_in_use = [&result](const Located& block) {
    ++result.blocks;
    result.requested_bytes += block.requested();
    if (!verify_canary(block)) ++result.damaged_blocks;
  };
  const std::uint32_t frontier = process.slices.frontier();
  for (std::uint32_t slice = 0; slice < frontier; ++slice) {
    Span& span = *process.map.entry(slice);
    if (span.use == SpanUse::large) count_in_use(locate(span, process.map.start_of(span)));
    if (span.use != SpanUse::blocks) continue;
    for (std::uint32_t number = 0; number < span.capacity; ++number) {
      const Located block = nth_block(span, number);
      const State state = block.record->load(std::memory_order_relaxed).state();
      if (state == State::in_use) count_in_use(block);
      // The first word may be a link.
      if (state == State::freed && !verify_fill(block, sizeof(Block))) ++result.damaged_blocks;
    }
  }
  return result;
}

}  // namespace strata::allocator
