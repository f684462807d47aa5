#pragma once

#include <cstdint>

// The limit on what the process' allocator takes from the system, and how to make it give back what it does not need.
// Thread safety: all functions, from any thread.
namespace strata::allocator {

// Most bytes of slices, in use or free but still resident; 0: no limit. Rounded down to 64 KiB, so that a limit below that refuses all.
// Requests beyond it get nullptr, after all that is free was given back; what is above it already stays.
void set_limit(std::uint64_t bytes) noexcept;
// As it was set; 0: none.
[[nodiscard]] std::uint64_t limit() noexcept;
// How many times slices were refused because of the limit, since the start. One request may be refused some.
[[nodiscard]] std::uint64_t refused_allocations() noexcept;

// Gives back to the system what is free: empty spans that the calling thread and shared heaps keep for later, and all free slices.
// Other threads keep what they have.
void purge_all() noexcept;

}  // namespace strata::allocator
