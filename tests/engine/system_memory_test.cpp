#include "engine/os/system_memory.h"
#include "tests/engine/fake_system_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace strata::os {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kKib = 1024;
constexpr std::uint64_t kMib = 1024 * kKib;

// A root directory with the files of /proc and /sys/fs/cgroup that a test writes into it.
class SystemMemoryTest : public testing::Test {
 protected:
  SystemMemoryTest() : root_(make_root()), memory_(root_) {}
  ~SystemMemoryTest() override { fs::remove_all(root_); }

  void write(const fs::path& path, const std::string& content) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }
  void write_machine(std::uint64_t total_kib, std::uint64_t available_kib) {
    write("proc/meminfo", "MemTotal:       " + std::to_string(total_kib) +
                              " kB\nMemFree:        1 kB\nMemAvailable:   " + std::to_string(available_kib) + " kB\n");
  }
  void write_v2(const std::string& group, const std::string& limit, const std::string& usage) {
    write("sys/fs/cgroup/" + group + "/memory.max", limit + "\n");
    write("sys/fs/cgroup/" + group + "/memory.current", usage + "\n");
  }
  void write_v1(const std::string& group, const std::string& limit, const std::string& usage) {
    write("sys/fs/cgroup/memory/" + group + "/memory.limit_in_bytes", limit + "\n");
    write("sys/fs/cgroup/memory/" + group + "/memory.usage_in_bytes", usage + "\n");
  }

 private:
  static fs::path make_root() {
    std::string pattern = (fs::temp_directory_path() / "strata_system_memory_XXXXXX").string();
    const char* made = mkdtemp(pattern.data());
    EXPECT_NE(made, nullptr);
    return pattern;
  }

 protected:
  fs::path root_;
  LinuxSystemMemory memory_;
};

TEST_F(SystemMemoryTest, ReadsTheMachine) {
  write_machine(8000, 5000);
  EXPECT_EQ(memory_.total_bytes(), 8000 * kKib);
  EXPECT_EQ(memory_.available_bytes(), 5000 * kKib);
  EXPECT_EQ(memory_.cgroup().has_value(), false);
  EXPECT_EQ(memory_.effective_available_bytes(), 5000 * kKib);
}

TEST_F(SystemMemoryTest, OldKernelsHaveNoMemAvailable) {
  write("proc/meminfo", "MemTotal: 100 kB\nMemFree: 40 kB\n");
  EXPECT_EQ(memory_.available_bytes(), 40 * kKib);
}

TEST_F(SystemMemoryTest, NothingThereMeansUnknown) {
  EXPECT_EQ(memory_.total_bytes(), std::nullopt);
  EXPECT_EQ(memory_.available_bytes(), std::nullopt);
  EXPECT_EQ(memory_.effective_available_bytes(), std::nullopt);
  EXPECT_EQ(memory_.resident().rss_bytes(), 0U);
  EXPECT_GE(memory_.page_bytes(), 4096U);
}

TEST_F(SystemMemoryTest, ReadsWhatIsResidentByKind) {
  write("proc/self/status",
        "Name:\tx\nVmPTE:\t      12 kB\nRssAnon:\t     100 kB\nRssFile:\t      20 kB\nRssShmem:\t       3 kB\n");
  const ResidentMemory resident = memory_.resident();
  EXPECT_EQ(resident.anonymous_bytes, 100 * kKib);
  EXPECT_EQ(resident.file_bytes, 20 * kKib);
  EXPECT_EQ(resident.shared_bytes, 3 * kKib);
  EXPECT_EQ(resident.page_table_bytes, 12 * kKib);
  EXPECT_EQ(resident.rss_bytes(), 123 * kKib);
}

TEST_F(SystemMemoryTest, MalformedFilesCountAsMissing) {
  for (const std::string broken : {"MemTotal", "MemTotal:", "MemTotal: kB", "MemTotal: -5 kB", "MemTotal: 5 MB", "MemTotal: 5",
                                   "MemTotal: 99999999999999999999 kB", "MemTotal: 18446744073709551615 kB", "MemTotal: 5x kB"}) {
    write("proc/meminfo", broken);
    EXPECT_EQ(memory_.total_bytes(), std::nullopt) << broken;
  }
  write("proc/meminfo", std::string(200'000, '\0'));
  EXPECT_EQ(memory_.total_bytes(), std::nullopt);
  for (const std::string broken :
       {"", "\n", "0", "0:", "0::", "::::", "0:memory:/a", "x::/a", "4:memory", "0::/../../..", "0::relative"}) {
    write("proc/self/cgroup", broken);
    EXPECT_EQ(memory_.cgroup().has_value(), false) << broken;
  }
  write("proc/self/cgroup", "0::/a\n");
  for (const std::string broken : {"", "-1", "12 13", "lots", "0x10", "1e9"}) {
    write_v2("a", broken, "1");
    EXPECT_EQ(memory_.cgroup().has_value(), false) << broken;
  }
  write_v2("a", "1000", "nonsense");  // usage unknown counts as nothing used
  ASSERT_TRUE(memory_.cgroup().has_value());
  EXPECT_EQ(memory_.cgroup()->headroom_bytes, 1000U);
  fs::remove_all(root_ / "sys/fs/cgroup/a/memory.max");
  fs::create_directories(root_ / "sys/fs/cgroup/a/memory.max");  // a folder where a file should be
  EXPECT_EQ(memory_.cgroup().has_value(), false);
}

TEST_F(SystemMemoryTest, Version2LimitOfTheOwnGroup) {
  write_machine(16'000'000, 8'000'000);
  write("proc/self/cgroup", "0::/app\n");
  write("proc/self/status", "RssAnon: 1024 kB\n");
  write_v2("app", std::to_string(100 * kMib), std::to_string(30 * kMib));
  ASSERT_TRUE(memory_.cgroup().has_value());
  EXPECT_EQ(memory_.cgroup()->limit_bytes, 100 * kMib);
  EXPECT_EQ(memory_.cgroup()->headroom_bytes, 70 * kMib);
  EXPECT_EQ(memory_.effective_available_bytes(), 71 * kMib);
}

TEST_F(SystemMemoryTest, Version2TheTightestGroupOnTheWayUpCounts) {
  write_machine(16'000'000, 8'000'000);
  write("proc/self/cgroup", "0::/outer/middle/inner\n");
  write_v2("outer/middle/inner", "max", std::to_string(1 * kMib));
  write_v2("outer/middle", std::to_string(200 * kMib), std::to_string(2 * kMib));
  write_v2("outer", std::to_string(300 * kMib), std::to_string(250 * kMib));
  ASSERT_TRUE(memory_.cgroup().has_value());
  EXPECT_EQ(memory_.cgroup()->limit_bytes, 200 * kMib);
  EXPECT_EQ(memory_.cgroup()->headroom_bytes, 50 * kMib);
  EXPECT_EQ(memory_.effective_available_bytes(), 50 * kMib);
}

TEST_F(SystemMemoryTest, Version2MaxIsNoLimit) {
  write("proc/self/cgroup", "0::/app\n");
  write_v2("app", "max", "5");
  EXPECT_EQ(memory_.cgroup().has_value(), false);
}

TEST_F(SystemMemoryTest, FileCacheTheKernelWouldDropCountsAsFree) {
  write("proc/self/cgroup", "0::/app\n");
  write_v2("app", "1000", "900");
  write("sys/fs/cgroup/app/memory.stat", "anon 100\ninactive_file_x 5\ninactive_file 600\nfile 700\n");
  EXPECT_EQ(memory_.cgroup()->headroom_bytes, 700U);
  write("sys/fs/cgroup/app/memory.stat", "inactive_file 5000\n");
  EXPECT_EQ(memory_.cgroup()->headroom_bytes, 1000U);
}

TEST_F(SystemMemoryTest, UsageBeyondTheLimitLeavesNothing) {
  write("proc/self/cgroup", "0::/app\n");
  write_v2("app", "1000", "5000");
  EXPECT_EQ(memory_.cgroup()->headroom_bytes, 0U);
  EXPECT_EQ(memory_.effective_available_bytes(), 0U);
}

TEST_F(SystemMemoryTest, Version1NestedAndUnlimited) {
  write("proc/self/cgroup", "9:cpu,cpuacct:/elsewhere\n4:memory:/outer/inner\n0::/\n");
  write_v1("outer/inner", "9223372036854771712", "1");
  EXPECT_EQ(memory_.cgroup().has_value(), false);
  write_v1("outer", std::to_string(64 * kMib), std::to_string(14 * kMib));
  ASSERT_TRUE(memory_.cgroup().has_value());
  EXPECT_EQ(memory_.cgroup()->limit_bytes, 64 * kMib);
  EXPECT_EQ(memory_.cgroup()->headroom_bytes, 50 * kMib);
  write("sys/fs/cgroup/memory/outer/memory.stat", "inactive_file 1\ntotal_inactive_file " + std::to_string(4 * kMib) + "\n");
  EXPECT_EQ(memory_.cgroup()->headroom_bytes, 54 * kMib);
}

TEST_F(SystemMemoryTest, InsideAContainerTheMountPointIsTheOwnGroup) {
  write("proc/self/cgroup", "4:hugetlb,memory:/docker/0123456789abcdef\n");
  write_v1("", std::to_string(64 * kMib), "0");
  ASSERT_TRUE(memory_.cgroup().has_value());
  EXPECT_EQ(memory_.cgroup()->limit_bytes, 64 * kMib);
  write("proc/self/cgroup", "0::/../../elsewhere\n");
  EXPECT_EQ(memory_.cgroup().has_value(), false);
  write_v2("", std::to_string(32 * kMib), "0");
  EXPECT_EQ(memory_.cgroup()->limit_bytes, 32 * kMib);
}

TEST(LinuxSystemMemory, TheRealMachineAnswers) {
  const LinuxSystemMemory memory;
  ASSERT_TRUE(memory.total_bytes().has_value());
  EXPECT_GT(memory.available_bytes().value_or(0), 0U);
  EXPECT_GT(memory.resident().rss_bytes(), 0U);
  EXPECT_GT(memory.effective_available_bytes().value_or(0), 0U);
  EXPECT_LE(memory.effective_available_bytes().value_or(0), memory.total_bytes().value_or(0));
}

using test::FakeSystemMemory;

TEST(EffectiveAvailable, IsWhatIsHeldPlusTheLesserRoom) {
  FakeSystemMemory memory;
  memory.group = CgroupMemory{.limit_bytes = 1000, .headroom_bytes = 400};
  memory.held = 50;
  EXPECT_EQ(memory.effective_available_bytes(), 450U);
  memory.available = 100;
  EXPECT_EQ(memory.effective_available_bytes(), 150U);
  memory.group.reset();
  memory.held = 5000;
  memory.total = 4000;
  EXPECT_EQ(memory.effective_available_bytes(), 4000U);
  EXPECT_EQ(memory.whole_bytes(), 4000U);
  memory.group = CgroupMemory{.limit_bytes = 3000, .headroom_bytes = 400};
  EXPECT_EQ(memory.whole_bytes(), 3000U);
  memory.total.reset();
  EXPECT_EQ(memory.whole_bytes(), 3000U);
  memory.group.reset();
  EXPECT_EQ(memory.whole_bytes(), std::nullopt);
  memory.available = ~0ULL;
  EXPECT_EQ(memory.effective_available_bytes(), ~0ULL);
}

}  // namespace
}  // namespace strata::os
