#include "engine/allocator/memory_checks.h"

#include "engine/allocator/corruption.h"
#include "engine/allocator/free_links.h"
#include "engine/allocator/process_allocator.h"
#include "engine/os/coarse_clock.h"
#include "engine/os/entropy.h"

namespace strata::allocator {
namespace {

// Without entropy of the kernel: where we were loaded, and when.
std::uint64_t weak_secret() noexcept {
  return (reinterpret_cast<std::uintptr_t>(&check_secrets) ^ os::coarse_monotonic_ns()) * 0x9E37'79B9'7F4A'7C15;
}

std::size_t offset_in(const Span& span, const void* address) noexcept {
  return static_cast<std::size_t>(static_cast<const std::byte*>(address) - process.map.start_of(span));
}

// A block of 8 bytes that looks as if it were in a free list: its one word is a link.
bool seems_listed(const Span& span, const void* block) noexcept {
  const Block* next = next_of(*static_cast<const Block*>(block));
  return accept_link(span, process.map.start_of(span), next, next == nullptr ? 0 : 1);
}

// Whether the address is the start of a block that is not free.
bool is_in_use(const Span& span, void* address) noexcept {
  const SizeClass size_class = span.size_class;
  if (!starts_block(size_class, offset_in(span, address)) || is_marked_free(size_class, address)) return false;
  return size_class != 0 || !seems_listed(span, address);
}

}  // namespace

constinit CheckSecrets check_secrets;

void draw_check_secrets() noexcept {
  if constexpr (kMemoryChecks == MemoryChecks::none) return;
  check_secrets.links = os::random_u64().value_or(weak_secret());
  check_secrets.marks = os::random_u64().value_or(~weak_secret());
  check_secrets.canaries = os::random_u64().value_or(weak_secret() >> 1);
}

bool refuse(const Span& span, const void* address) noexcept {
  const std::size_t offset = offset_in(span, address);
  const BlockStarts& starts = kBlockStarts[span.size_class];
  const std::byte* block = process.map.start_of(span) + offset / span.block_bytes * span.block_bytes;
  if (offset >= starts.end) {
    report_corruption({.kind = Corruption::invalid_free, .address = address});
  } else {
    report_corruption({.kind = block == address ? Corruption::double_free : Corruption::invalid_free,
                       .address = address,
                       .block = block,
                       .block_bytes = span.block_bytes});
  }
  return false;
}

bool accept_large_start(const Span& span, const void* address) noexcept {
  if (address == process.map.start_of(span)) return true;
  report_corruption({.kind = Corruption::invalid_free,
                     .address = address,
                     .block = process.map.start_of(span),
                     .block_bytes = span.large_bytes});
  return false;
}

bool accept_hardened_free(Span& span, void* address) noexcept {
  if (!is_in_use(span, address)) return refuse(span, address);
  mark_free(span.size_class, address);
  return true;
}

bool accept_hardened_resize(const Span& span, void* address) noexcept {
  if (span.use == SpanUse::large) return accept_large_start(span, address);
  return is_in_use(span, address) || refuse(span, address);
}

void report_damaged_link(const Span& span, const Block* block) noexcept {
  report_corruption({.kind = Corruption::corrupted_list, .address = block, .block = block, .block_bytes = span.block_bytes});
}

}  // namespace strata::allocator
