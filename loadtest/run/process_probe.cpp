#include "loadtest/run/process_probe.h"

#include <fmt/format.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <string>

namespace strata::loadtest {

std::optional<ProcessUse> ProcessUse::of(int pid) {
  clockid_t clock{};
  timespec cpu{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &cpu) != 0) return std::nullopt;
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  if (!(std::ifstream(fmt::format("/proc/{}/statm", pid)) >> total_pages >> resident_pages)) return std::nullopt;
  return ProcessUse{static_cast<std::uint64_t>(cpu.tv_sec) * 1'000'000'000ULL + static_cast<std::uint64_t>(cpu.tv_nsec),
                    resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

}  // namespace strata::loadtest
