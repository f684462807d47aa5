#include "engine/os/system_memory.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>

namespace strata::os {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = 64U << 10U;  // far more than any of these files has

// Version 1 writes "no limit" as the largest page-aligned number.
constexpr std::uint64_t kNoLimitBytes = std::uint64_t{1} << 62U;

// Names of the files of one version of control groups.
struct CgroupFiles {
  const char* limit;
  const char* usage;
  std::string_view droppable;  // field of memory.stat
};
constexpr CgroupFiles kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
constexpr CgroupFiles kVersion2{"memory.max", "memory.current", "inactive_file"};

// Empty when there is nothing to read. Files of /proc have no size to ask for.
std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content(kMaxFileBytes, '\0');
  if (!file) return {};
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return content;
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// The number that the whole of `text` is; overflow is malformed.
std::optional<std::uint64_t> number(std::string_view text) noexcept {
  text = trimmed(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Calls `use(line)` for each line until it returns true.
template <typename F>
void find_line(std::string_view content, F&& use) {
  while (!content.empty()) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    if (use(content.substr(0, end))) return;
    content.remove_prefix(std::min(end + 1, content.size()));
  }
}

// The bytes in a line "Name:   123 kB" as /proc/meminfo and /proc/self/status have them.
std::optional<std::uint64_t> kib_field(std::string_view content, std::string_view name) {
  std::optional<std::uint64_t> found;
  find_line(content, [&](std::string_view line) {
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') return false;
    std::string_view value = trimmed(line.substr(name.size() + 1));
    if (!value.ends_with("kB")) return true;
    value.remove_suffix(2);
    const auto kib = number(value);
    if (kib && *kib <= std::numeric_limits<std::uint64_t>::max() / 1024) found = *kib * 1024;
    return true;
  });
  return found;
}

// The number in a line "name 123" as memory.stat has them.
std::optional<std::uint64_t> stat_field(std::string_view content, std::string_view name) {
  std::optional<std::uint64_t> found;
  find_line(content, [&](std::string_view line) {
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ' ') return false;
    found = number(line.substr(name.size()));
    return true;
  });
  return found;
}

// The path of this process below the mount point of a hierarchy, from /proc/self/cgroup: lines "id:controllers:path", version 2
// with id 0 and no controllers. nullopt: the process is in none.
std::optional<std::string> own_group(std::string_view content, bool version_2) {
  std::optional<std::string> found;
  find_line(content, [&](std::string_view line) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) return false;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string list = "," + std::string(controllers) + ",";
    const bool right =
        version_2 ? line.substr(0, first) == "0" && controllers.empty() : list.find(",memory,") != std::string::npos;
    if (right) found = std::string(trimmed(line.substr(second + 1)));
    return right;
  });
  return found;
}

void take_group(const fs::path& group, const CgroupFiles& files, std::optional<CgroupMemory>& lowest) {
  const auto limit = number(read_file(group / files.limit));  // "max" is no number: no limit
  if (!limit || *limit >= kNoLimitBytes) return;
  const std::uint64_t usage = number(read_file(group / files.usage)).value_or(0);
  const std::uint64_t droppable = stat_field(read_file(group / "memory.stat"), files.droppable).value_or(0);
  const std::uint64_t held = usage - std::min(usage, droppable);
  const std::uint64_t headroom = *limit - std::min(*limit, held);
  if (!lowest) lowest = CgroupMemory{*limit, headroom};
  lowest->limit_bytes = std::min(lowest->limit_bytes, *limit);
  lowest->headroom_bytes = std::min(lowest->headroom_bytes, headroom);
}

// From the process' own group up to the mount point. Inside a container the path may be the host's: groups that can not be seen
// from here are passed over, and the mount point itself is the container's own group.
void walk_up(const fs::path& mount, const std::string& group, const CgroupFiles& files, std::optional<CgroupMemory>& lowest) {
  fs::path relative = fs::path(group).relative_path().lexically_normal();
  if (relative.native().starts_with("..")) relative.clear();
  while (!relative.empty() && relative != ".") {
    take_group(mount / relative, files, lowest);
    relative = relative.parent_path();
  }
  take_group(mount, files, lowest);
}

}  // namespace

std::optional<std::uint64_t> SystemMemory::effective_available_bytes() const {
  const auto available = available_bytes();
  const auto group = cgroup();
  if (!available && !group) return std::nullopt;
  std::uint64_t growth = available.value_or(std::numeric_limits<std::uint64_t>::max());
  if (group) growth = std::min(growth, group->headroom_bytes);
  const std::uint64_t held = resident().rss_bytes();
  std::uint64_t result = growth > std::numeric_limits<std::uint64_t>::max() - held ? growth : growth + held;
  if (group) result = std::min(result, group->limit_bytes);
  return std::min(result, total_bytes().value_or(result));
}

std::optional<std::uint64_t> SystemMemory::whole_bytes() const {
  const auto total = total_bytes();
  const auto group = cgroup();
  if (!group) return total;
  return std::min(group->limit_bytes, total.value_or(group->limit_bytes));
}

std::optional<std::uint64_t> LinuxSystemMemory::total_bytes() const {
  return kib_field(read_file(root_ / "proc/meminfo"), "MemTotal");
}

std::optional<std::uint64_t> LinuxSystemMemory::available_bytes() const {
  const std::string content = read_file(root_ / "proc/meminfo");
  if (const auto available = kib_field(content, "MemAvailable")) return available;
  return kib_field(content, "MemFree");
}

std::optional<CgroupMemory> LinuxSystemMemory::cgroup() const {
  const std::string groups = read_file(root_ / "proc/self/cgroup");
  const fs::path mount = root_ / "sys/fs/cgroup";
  std::optional<CgroupMemory> lowest;
  if (const auto group = own_group(groups, true)) walk_up(mount, *group, kVersion2, lowest);
  if (const auto group = own_group(groups, false)) walk_up(mount / "memory", *group, kVersion1, lowest);
  return lowest;
}

ResidentMemory LinuxSystemMemory::resident() const {
  const std::string content = read_file(root_ / "proc/self/status");
  return {.anonymous_bytes = kib_field(content, "RssAnon").value_or(0),
          .file_bytes = kib_field(content, "RssFile").value_or(0),
          .shared_bytes = kib_field(content, "RssShmem").value_or(0),
          .page_table_bytes = kib_field(content, "VmPTE").value_or(0)};
}

std::size_t LinuxSystemMemory::page_bytes() const {
  const long bytes = sysconf(_SC_PAGESIZE);
  return bytes > 0 ? static_cast<std::size_t>(bytes) : 4096;
}

}  // namespace strata::os
