// The memory behind address space, as the kernel tells it: what is resident before and after each call.
#include "engine/os/region.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "engine/os/system_memory.h"

namespace strata::os {
namespace {

constexpr std::size_t kBytes = std::size_t{16} << 20;
constexpr std::size_t kPart = std::size_t{4} << 20;
constexpr long kTmpfsMagic = 0x01021994;

std::size_t page() { return linux_memory_calls().page_bytes(); }

// A folder on tmpfs; empty: there is none where the test may write.
std::filesystem::path tmpfs_folder() {
  for (const char* folder : {"/dev/shm", "/run", "/tmp"}) {
    struct statfs told {};
    if (::statfs(folder, &told) == 0 && told.f_type == kTmpfsMagic && ::access(folder, W_OK) == 0) return folder;
  }
  return {};
}

// How many pages of the range the kernel holds.
std::size_t resident_pages(const Region& region, std::size_t offset, std::size_t bytes) {
  std::vector<unsigned char> pages(bytes / page());
  EXPECT_EQ(::mincore(region.base() + offset, bytes, pages.data()), 0);
  std::size_t count = 0;
  for (const unsigned char in_memory : pages) count += in_memory & 1;
  return count;
}

bool is_all(const std::byte* start, std::size_t bytes, int value) {
  return start[0] == std::byte(value) && std::memcmp(start, start + 1, bytes - 1) == 0;
}

class RegionOf : public testing::TestWithParam<Region::Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Region::Kind::anonymous) {
      ASSERT_EQ(region.reserve_anonymous(linux_memory_calls(), kBytes, std::size_t{2} << 20), std::errc{});
      return;
    }
    const std::filesystem::path folder = tmpfs_folder();
    if (folder.empty()) GTEST_SKIP() << "no folder on tmpfs to write to: /dev/shm, /run and /tmp are none";
    path = folder / ("strata_region_test_" + std::to_string(::getpid()));
    ASSERT_EQ(open(), std::errc{});
  }
  void TearDown() override {
    region.release();
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove(path, ignored);
  }
  std::errc open() { return region.open_file(linux_memory_calls(), path.c_str(), kBytes, std::size_t{2} << 20); }

  // Of this process, of the kind of memory that the region has.
  std::uint64_t rss_of_kind() {
    const ResidentMemory resident = LinuxSystemMemory().resident();
    return GetParam() == Region::Kind::anonymous ? resident.anonymous_bytes : resident.shared_bytes;
  }

  Region region;
  std::filesystem::path path;
};
INSTANTIATE_TEST_SUITE_P(Kinds, RegionOf, testing::Values(Region::Kind::anonymous, Region::Kind::file),
                         [](const auto& parameter) { return parameter.param == Region::Kind::file ? "File" : "Anonymous"; });

TEST_P(RegionOf, ReservesAlignedAddressSpaceWithoutMemory) {
  EXPECT_EQ(region.kind(), GetParam());
  EXPECT_EQ(region.bytes(), kBytes);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(region.base()) % (std::size_t{2} << 20), 0U);
  EXPECT_TRUE(region.contains(region.base() + kBytes - 1));
  EXPECT_FALSE(region.contains(region.base() + kBytes));
  EXPECT_FALSE(region.contains(region.base() - 1));
}

TEST_P(RegionOf, CommittedPagesComeWhenTouched) {
  ASSERT_EQ(region.commit(0, kPart), std::errc{});
  EXPECT_EQ(resident_pages(region, 0, kPart), 0U);
  region.base()[3 * page()] = std::byte{1};
  EXPECT_EQ(resident_pages(region, 3 * page(), page()), 1U);
  EXPECT_TRUE(is_all(region.base(), 3 * page(), 0));
}

TEST_P(RegionOf, PopulateBringsAllPagesIn) {
  ASSERT_EQ(region.commit(0, kPart), std::errc{});
  const std::uint64_t before = rss_of_kind();
  ASSERT_EQ(region.populate(0, kPart), std::errc{});
  // Before the pages are read: the thread sanitizer keeps memory for each byte that is.
  const std::uint64_t after = rss_of_kind();
  EXPECT_EQ(resident_pages(region, 0, kPart), kPart / page());
  EXPECT_TRUE(is_all(region.base(), kPart, 0));
  EXPECT_GE(after + (std::uint64_t{1} << 20), before + kPart);
  EXPECT_LE(after, before + kPart + (std::uint64_t{1} << 20));
}

TEST_P(RegionOf, PurgedPagesGoBackAtOnceAndReadAsZero) {
  ASSERT_EQ(region.commit(0, kPart), std::errc{});
  std::memset(region.base(), 0xAB, kPart);
  const std::uint64_t before = rss_of_kind();
  ASSERT_EQ(region.purge(kPart / 4, kPart / 2), std::errc{});
  EXPECT_EQ(resident_pages(region, kPart / 4, kPart / 2), 0U);
  EXPECT_EQ(resident_pages(region, 0, kPart / 4), kPart / 4 / page());
  EXPECT_LE(rss_of_kind(), before - kPart / 2 + (std::uint64_t{1} << 20));
  EXPECT_TRUE(is_all(region.base(), kPart / 4, 0xAB));
  EXPECT_TRUE(is_all(region.base() + kPart / 4, kPart / 2, 0));
  EXPECT_TRUE(is_all(region.base() + 3 * kPart / 4, kPart / 4, 0xAB));
  std::memset(region.base() + kPart / 4, 1, kPart / 2);  // committed still
}

TEST_P(RegionOf, HugePagesAreAdvice) {
  ASSERT_EQ(region.commit(0, kPart), std::errc{});
  const std::errc told = region.use_huge_pages(0, kPart);
  // A kernel built without them refuses; that changes nothing.
  EXPECT_TRUE(told == std::errc{} || told == std::errc::invalid_argument);
  std::memset(region.base(), 1, kPart);
  EXPECT_TRUE(is_all(region.base(), kPart, 1));
}

// What the kernel says of the mapping that begins at the region's base.
std::string mapping_flags(const Region& region) {
  std::ifstream maps("/proc/self/smaps");
  std::ostringstream begin;
  begin << std::hex << reinterpret_cast<std::uintptr_t>(region.base()) << '-';
  bool found = false;
  for (std::string line; std::getline(maps, line);) {
    found = found || line.starts_with(begin.str());
    if (found && line.starts_with("VmFlags:")) return line;
  }
  return {};
}

TEST_P(RegionOf, HugePagesCanBeRefused) {
  if (GetParam() != Region::Kind::anonymous) return;
  const std::errc told = region.refuse_huge_pages(0, kBytes);
  if (told == std::errc::invalid_argument) GTEST_SKIP() << "a kernel without huge pages";
  ASSERT_EQ(told, std::errc{});
  EXPECT_NE(mapping_flags(region).find(" nh"), std::string::npos) << mapping_flags(region);
  ASSERT_EQ(region.commit(0, kPart), std::errc{});
  EXPECT_NE(mapping_flags(region).find(" nh"), std::string::npos);
}

TEST_P(RegionOf, MovesAnonymousPages) {
  ASSERT_EQ(region.commit(0, 2 * kPart), std::errc{});
  std::memset(region.base(), 0x5A, kPart);
  const std::errc moved = region.move_pages(0, kPart, kPart);
  if (GetParam() == Region::Kind::file) {
    EXPECT_EQ(moved, std::errc::not_supported);
    EXPECT_TRUE(is_all(region.base(), kPart, 0x5A));
    return;
  }
  ASSERT_EQ(moved, std::errc{});
  EXPECT_TRUE(is_all(region.base() + kPart, kPart, 0x5A));
  EXPECT_EQ(resident_pages(region, 0, kPart), 0U);
  EXPECT_EQ(resident_pages(region, kPart, kPart), kPart / page());
  EXPECT_TRUE(is_all(region.base(), kPart, 0));
  std::memset(region.base(), 1, kPart);  // committed still
}

class RegionOfFile : public RegionOf {};
INSTANTIATE_TEST_SUITE_P(Kinds, RegionOfFile, testing::Values(Region::Kind::file));

TEST_P(RegionOfFile, LeavesTheFileBehind) {
  ASSERT_EQ(region.commit(kPart, kPart), std::errc{});
  std::memset(region.base() + kPart, 0x77, kPart);
  region.release();
  EXPECT_EQ(region.kind(), Region::Kind::none);
  ASSERT_EQ(open(), std::errc{});
  ASSERT_EQ(region.commit(0, kBytes), std::errc{});
  EXPECT_TRUE(is_all(region.base() + kPart, kPart, 0x77));
  EXPECT_TRUE(is_all(region.base(), kPart, 0));
  EXPECT_EQ(std::filesystem::file_size(path), kBytes);
}

TEST_P(RegionOf, ReleaseGivesTheMemoryBack) {
  ASSERT_EQ(region.commit(0, kPart), std::errc{});
  std::memset(region.base(), 1, kPart);
  const std::uint64_t before = rss_of_kind();
  region.release();
  EXPECT_LE(rss_of_kind(), before - kPart + (std::uint64_t{1} << 20));
  EXPECT_FALSE(region.contains(nullptr));
}

TEST(Region, RefusesWhatCannotBe) {
  Region region;
  EXPECT_NE(region.reserve_anonymous(linux_memory_calls(), 0, page()), std::errc{});
  EXPECT_NE(region.reserve_anonymous(linux_memory_calls(), ~std::size_t{0} - 4095, std::size_t{2} << 20), std::errc{});
  EXPECT_NE(region.open_file(linux_memory_calls(), "/nowhere/to/be/found", kBytes, page()), std::errc{});
  EXPECT_EQ(region.kind(), Region::Kind::none);
}

}  // namespace
}  // namespace strata::os
