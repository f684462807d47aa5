#include "engine/allocator/corruption.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/allocator/memory_checks.h"
#include "engine/sync/atomic.h"

namespace strata::allocator {
namespace {

constexpr unsigned kMostLines = 16;

const char* text_of(Corruption kind) noexcept {
  switch (kind) {
    case Corruption::invalid_free: return "invalid free (not the start of a block in use)";
    case Corruption::foreign_free: return "free of memory that this allocator did not give out";
    case Corruption::double_free: return "double free";
    case Corruption::corrupted_list: return "the link in a free block was overwritten";
    case Corruption::overflow: return "bytes behind a block were overwritten";
    case Corruption::use_after_free: return "a block was written to after it was freed";
  }
  return "corruption";
}

void write_line(const CorruptionReport& report) noexcept {
  static sync::Atomic<unsigned> lines = 0;
  if (lines.fetch_add(1, std::memory_order_relaxed) >= kMostLines) return;
  char damage[96] = "";
  if (report.kind == Corruption::overflow || report.kind == Corruption::use_after_free) {
    (void)std::snprintf(damage, sizeof damage, ", %zu asked for, first damaged byte at %zu", report.requested_bytes,
                        report.damaged_offset);
  }
  char line[320];
  const int length =
      std::snprintf(line, sizeof line, "strata: %s: %p, block %p of %zu bytes%s, thread %llu\n", text_of(report.kind),
                    report.address, report.block, report.block_bytes, damage, static_cast<unsigned long long>(report.thread));
  if (length > 0 && ::write(STDERR_FILENO, line, static_cast<std::size_t>(length)) < 0) return;
}

bool abort_is_wanted() noexcept {
  // Read when it is needed: the first allocation comes before the environment.
  const char* wanted = std::getenv("STRATA_MEMORY_ABORT");  // NOLINT(concurrency-mt-unsafe)
  if (wanted == nullptr) return kMemoryChecks == MemoryChecks::hardened;
  return std::strcmp(wanted, "1") == 0;
}

void write_line_and_abort(const CorruptionReport& report) noexcept {
  write_line(report);
  if (abort_is_wanted()) std::abort();
}

constinit sync::Atomic<CorruptionHook> hook = write_line_and_abort;

}  // namespace

CorruptionHook set_corruption_hook(CorruptionHook wanted) noexcept {
  return hook.exchange(wanted == nullptr ? write_line_and_abort : wanted);
}

void report_corruption(CorruptionReport report) noexcept {
  const int errno_before = errno;
  report.thread = static_cast<std::uint64_t>(::syscall(SYS_gettid));
  hook.load()(report);
  errno = errno_before;
}

}  // namespace strata::allocator
