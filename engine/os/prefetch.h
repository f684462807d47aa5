#pragma once

namespace strata::os {

// Has the cache line at `address` on its way, to be read soon. Never faults, whatever the address is.
// Not the builtin alone: gcc 12 takes a function that does nothing but prefetch, a lambda in a loop for instance, for one without effects and drops the
// calls. The statement costs nothing, and counts as an effect.
[[gnu::always_inline]] inline void prefetch(const void* address) noexcept {
  __builtin_prefetch(address);
  asm volatile("");
}
// The same, to be written.
[[gnu::always_inline]] inline void prefetch_to_write(const void* address) noexcept {
  __builtin_prefetch(address, 1);
  asm volatile("");
}

}  // namespace strata::os
