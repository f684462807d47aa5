#pragma once

#include <cstddef>
#include <cstdint>

namespace strata::allocator {

// Which of them a build notices: memory_checks.h and docs/architecture.md.
enum class Corruption : std::uint8_t {
  invalid_free,  // not the start of a block in use
  foreign_free,  // not from this allocator at all
  double_free,
  corrupted_list,  // the link in a free block was overwritten
  overflow,        // bytes behind what was asked for were overwritten
  use_after_free,  // a free block was written to
};

struct CorruptionReport {
  Corruption kind = Corruption::invalid_free;
  const void* address = nullptr;    // what the caller gave, or the damaged block
  const void* block = nullptr;      // the start of the block it lies in; nullptr: none
  std::size_t block_bytes = 0;      // of that block; 0: none
  std::size_t requested_bytes = 0;  // what was asked for when it was allocated, where that is known (checked heap)
  std::size_t damaged_offset = 0;   // overflow, use_after_free: the first damaged byte, from the start of the block
  std::uint64_t thread = 0;         // the kernel's number of the calling thread
};

// Called once for each misuse or damage that was noticed, by the thread that noticed it. Must not allocate. When it returns, a call that
// misused memory does nothing, and one that found damage goes on.
// The default writes a line to standard error, for the first 16 reports of the process. Then it ends the process by SIGABRT if the
// environment has STRATA_MEMORY_ABORT=1, in hardened builds unless it has STRATA_MEMORY_ABORT=0: there a report means that somebody may
// have the memory in his hands.
using CorruptionHook = void (*)(const CorruptionReport& report);
// nullptr: the default. Returns the hook that was there. Thread safety: any thread.
CorruptionHook set_corruption_hook(CorruptionHook hook) noexcept;

// Fills in the thread and calls the hook; keeps errno.
void report_corruption(CorruptionReport report) noexcept;

}  // namespace strata::allocator
