#pragma once

#include <cstddef>

#include "engine/allocator/heap_spans.h"
#include "engine/allocator/span.h"

// Blocks of more than 64 KiB: slices of their own, from no thread's heap, so that any thread frees them alike. `of`: the spans of the shared
// heap they belong to, whose lock the caller holds; nullptr: none.
// Thread safety: all functions, from any thread, each block by one thread at a time.
namespace strata::allocator {

// `alignment`: a power of two. nullptr: no memory.
[[nodiscard]] void* allocate_large(std::size_t bytes, std::size_t alignment, HeapSpans* of = nullptr) noexcept;
void free_large(Span& span, HeapSpans* of = nullptr) noexcept;
// What was asked for, up to the end of its last page: what lies behind that is not resident, if it never was.
[[nodiscard]] std::size_t usable_large_bytes(std::uint64_t requested) noexcept;
[[nodiscard]] inline std::size_t usable_large_bytes(const Span& span) noexcept { return usable_large_bytes(span.large_bytes); }
// Where it lies if it can, else by moving pages instead of bytes. nullptr: no memory, the block is as it was.
[[nodiscard]] void* resize_large(Span& span, std::size_t bytes, HeapSpans* of = nullptr) noexcept;
// Zeroes what may have old contents of the first bytes of a span just allocated.
void zero_old_contents(Span& span, std::size_t bytes) noexcept;

}  // namespace strata::allocator
