#include "engine/allocator/corruption.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

namespace strata::allocator {
namespace {

constexpr unsigned kMostLines = 16;

const char* text_of(Corruption kind) noexcept {
  switch (kind) {
    case Corruption::invalid_free: return "invalid free (not the start of a block in use)";
    case Corruption::foreign_free: return "free of memory that this allocator did not give out";
    case Corruption::double_free: return "double free";
  }
  return "corruption";
}

void write_line(const CorruptionReport& report) noexcept {
  static std::atomic<unsigned> lines = 0;
  if (lines.fetch_add(1, std::memory_order_relaxed) >= kMostLines) return;
  char line[256];
  const int length =
      std::snprintf(line, sizeof line, "strata: %s: %p, block %p of %zu bytes, thread %llu\n", text_of(report.kind),
                    report.address, report.block, report.block_bytes, static_cast<unsigned long long>(report.thread));
  if (length > 0 && ::write(STDERR_FILENO, line, static_cast<std::size_t>(length)) < 0) return;
}

constinit std::atomic<CorruptionHook> hook = write_line;

}  // namespace

CorruptionHook set_corruption_hook(CorruptionHook wanted) noexcept {
  return hook.exchange(wanted == nullptr ? write_line : wanted);
}

void report_corruption(Corruption kind, const void* address, const void* block, std::size_t block_bytes) noexcept {
  hook.load()({.kind = kind,
               .address = address,
               .block = block,
               .block_bytes = block_bytes,
               .thread = static_cast<std::uint64_t>(::syscall(SYS_gettid))});
}

}  // namespace strata::allocator
