#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>

namespace strata::os {

// What this process holds in memory now, by kind, in bytes. A kind the kernel does not tell is 0.
struct ResidentMemory {
  std::uint64_t anonymous_bytes = 0;
  std::uint64_t file_bytes = 0;        // mapped files: program text and libraries
  std::uint64_t shared_bytes = 0;      // shared memory, tmpfs
  std::uint64_t page_table_bytes = 0;  // beside the others, not part of what tools call RSS

  [[nodiscard]] std::uint64_t rss_bytes() const noexcept { return anonymous_bytes + file_bytes + shared_bytes; }
};

// The memory limits of the control groups this process is in.
struct CgroupMemory {
  std::uint64_t limit_bytes = 0;  // the lowest limit on the way from the process' own group up to the root
  std::uint64_t headroom_bytes =
      0;  // the least that any of these groups may still grow by; file cache the kernel would drop counts as free
};

// What the machine says about memory. An interface, so that tests can say something else.
// Every answer may be missing (nullopt): callers must have a fallback. Thread safety: all functions, from any thread.
class SystemMemory {
 public:
  SystemMemory() = default;
  SystemMemory(const SystemMemory&) = delete;
  SystemMemory& operator=(const SystemMemory&) = delete;
  virtual ~SystemMemory() = default;

  // Of the machine.
  [[nodiscard]] virtual std::optional<std::uint64_t> total_bytes() const = 0;
  // That could be handed out without swapping, on the machine as a whole.
  [[nodiscard]] virtual std::optional<std::uint64_t> available_bytes() const = 0;
  // nullopt: no control group limits this process.
  [[nodiscard]] virtual std::optional<CgroupMemory> cgroup() const = 0;
  [[nodiscard]] virtual ResidentMemory resident() const = 0;
  [[nodiscard]] virtual std::size_t page_bytes() const = 0;

  // How large this process may still become: what it holds now plus the lesser of what the machine and its control groups can
  // still give; never more than a limit or the machine's total. nullopt if neither the machine nor a group says anything.
  [[nodiscard]] std::optional<std::uint64_t> effective_available_bytes() const;
  // How large it may become at most: the machine's total or a control group's limit, whichever is less. nullopt as above.
  [[nodiscard]] std::optional<std::uint64_t> whole_bytes() const;
};

// The answers of Linux, from /proc and /sys/fs/cgroup (versions 1 and 2). Files are read anew at each call (some ten
// microseconds). A file that is missing, unreadable or malformed counts as if it said nothing: a group without a limit, a total
// unknown; for MemAvailable MemFree is taken instead.
class LinuxSystemMemory final : public SystemMemory {
 public:
  // `root` is where "proc" and "sys" lie; other than "/" in tests.
  explicit LinuxSystemMemory(std::filesystem::path root = "/") : root_(std::move(root)) {}

  [[nodiscard]] std::optional<std::uint64_t> total_bytes() const override;
  [[nodiscard]] std::optional<std::uint64_t> available_bytes() const override;
  [[nodiscard]] std::optional<CgroupMemory> cgroup() const override;
  [[nodiscard]] ResidentMemory resident() const override;
  [[nodiscard]] std::size_t page_bytes() const override;

 private:
  std::filesystem::path root_;
};

}  // namespace strata::os
