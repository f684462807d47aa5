#pragma once

#include <cstddef>
#include <cstdint>

namespace strata::allocator {

enum class Corruption : std::uint8_t {
  invalid_free,  // not the start of a block in use
  foreign_free,  // not from this allocator at all
  double_free,
};

struct CorruptionReport {
  Corruption kind;
  const void* address;      // what the caller gave
  const void* block;        // the start of the block it lies in; nullptr: none
  std::size_t block_bytes;  // of that block; 0: none
  std::uint64_t thread;     // the kernel's number of the calling thread
};

// Called at each misuse that was noticed, by the thread that did it. Must not allocate. When it returns, the call that misused the memory
// does nothing. The default writes a line to standard error, for the first 16 reports of the process.
using CorruptionHook = void (*)(const CorruptionReport& report);
// Returns the hook that was there. Thread safety: any thread.
CorruptionHook set_corruption_hook(CorruptionHook hook) noexcept;

void report_corruption(Corruption kind, const void* address, const void* block, std::size_t block_bytes) noexcept;

}  // namespace strata::allocator
