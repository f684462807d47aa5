// Misuse of free and realloc, seeded; compiled for each way to check memory, so that it says which of them notices what. Damage to memory:
// damage_test.cpp.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <barrier>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "engine/allocator/allocate.h"
#include "engine/allocator/free_links.h"
#include "tests/engine/allocator/report_log.h"

namespace strata::allocator {
namespace {

using test::kChecked;
using test::kHardened;
using test::kUnchecked;
using test::ReportLog;

char* bytes_at(std::size_t bytes) { return static_cast<char*>(allocate(bytes)); }

// Of the class that serves a request in this build.
std::size_t block_bytes_for(std::size_t bytes) {
  return class_bytes(malloc_class_of(kChecked ? std::max<std::size_t>(bytes + 8, 16) : bytes));
}

// The allocator goes on: blocks are apart from each other and from `held`, hold what is written to them and can be freed.
void expect_going_on(std::size_t bytes, const std::set<void*>& held = {}) {
  std::set<void*> blocks;
  for (int number = 0; number < 500; ++number) {
    void* block = allocate(bytes);
    ASSERT_NE(block, nullptr);
    ASSERT_TRUE(blocks.insert(block).second) << "handed out twice";
    ASSERT_EQ(held.count(block), 0U) << "handed out while in use";
    std::memset(block, number, bytes);
  }
  for (void* block : blocks) deallocate(block);
}

void expect_double_free(const CorruptionReport& report, const void* block, std::size_t bytes) {
  EXPECT_EQ(report.kind, Corruption::double_free);
  EXPECT_EQ(report.address, block);
  EXPECT_EQ(report.block, block);
  EXPECT_EQ(report.block_bytes, block_bytes_for(bytes));
  EXPECT_EQ(report.requested_bytes, kChecked ? bytes : 0);
}

TEST(BlockStarts, AgreeWithDivisionAtEveryOffset) {
  for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) {
    const std::size_t bytes = class_bytes(size_class);
    for (std::size_t offset = 0; offset < slices_of_class(size_class) * kSliceBytes; ++offset) {
      const bool starts = offset % bytes == 0 && offset / bytes < blocks_of_class(size_class);
      ASSERT_EQ(starts_block(size_class, offset), starts) << "block size " << bytes << ", offset " << offset;
    }
  }
}

TEST(DoubleFree, AtOnce) {
  const ReportLog log;
  for (const std::size_t bytes : {9U, 16U, 24U, 100U, 1000U, 5000U, 20'000U, 60'000U}) {
    char* block = bytes_at(bytes);
    deallocate(block);
    deallocate(block);
    if constexpr (kUnchecked) {
      // Nothing is noticed, and the block goes to two callers.
      EXPECT_EQ(log.count(), 0U);
      if (bytes > 5000) continue;
      EXPECT_EQ(allocate(bytes), block);
      EXPECT_EQ(allocate(bytes), block);
      continue;
    }
    expect_double_free(log.only(), block, bytes);
    expect_going_on(bytes);
  }
}

TEST(DoubleFree, OfTheSmallestBlocks) {
  if (kUnchecked) GTEST_SKIP() << "not noticed";
  const ReportLog log;
  for (const std::size_t bytes : {1U, 8U}) {
    char* block = bytes_at(bytes);
    deallocate(block);
    deallocate(block);
    expect_double_free(log.only(), block, bytes);
    expect_going_on(bytes);
  }
}

// Freed, then so many others that it goes back to its span, where it is linked into a list.
TEST(DoubleFree, OfABlockInAList) {
  if (kUnchecked) GTEST_SKIP() << "not noticed";
  const ReportLog log;
  for (const std::size_t bytes : {8U, 32U, 1000U}) {
    std::vector<char*> blocks(500);
    for (char*& block : blocks) block = bytes_at(bytes);
    for (char* block : blocks) deallocate(block);
    EXPECT_EQ(log.count(), 0U);
    for (const std::size_t number : {0U, 10U, 499U}) {
      deallocate(blocks[number]);
      expect_double_free(log.only(), blocks[number], bytes);
    }
    expect_going_on(bytes);
  }
}

TEST(DoubleFree, ByAnotherThread) {
  if (kUnchecked) GTEST_SKIP() << "not noticed";
  const ReportLog log;
  char* block = bytes_at(200);
  std::thread([&] { deallocate(block); }).join();
  deallocate(block);
  expect_double_free(log.only(), block, 200);
  char* other = bytes_at(200);
  deallocate(other);
  std::uint64_t thread = 0;
  std::thread([&] {
    thread = static_cast<std::uint64_t>(::syscall(SYS_gettid));
    deallocate(other);
  }).join();
  const CorruptionReport report = log.only();
  expect_double_free(report, other, 200);
  EXPECT_EQ(report.thread, thread);
  expect_going_on(200);
}

// Of two threads that free a block at the same moment one succeeds.
TEST(DoubleFree, ByTwoThreadsAtOnce) {
  if (!kChecked) GTEST_SKIP() << "a mark is read and written, not exchanged";
  const ReportLog log;
  std::array<std::atomic<char*>, 1000> blocks;
  for (auto& block : blocks) block = bytes_at(64);
  std::barrier together(2);
  const auto free_all = [&] {
    for (auto& block : blocks) {
      together.arrive_and_wait();
      deallocate(block);
    }
  };
  std::thread first(free_all);
  std::thread second(free_all);
  first.join();
  second.join();
  EXPECT_EQ(log.count(), blocks.size());
  expect_going_on(64);
}

TEST(DoubleFree, OfALargeBlock) {
  const ReportLog log;
  char* block = bytes_at(300'000);
  deallocate(block);
  deallocate(block);
  const CorruptionReport report = log.only();
  EXPECT_EQ(report.kind, kChecked ? Corruption::double_free : Corruption::invalid_free);
  EXPECT_EQ(report.address, block);
  EXPECT_EQ(report.block, kChecked ? block : nullptr);
  expect_going_on(300'000);
}

// Its span has gone back to the slices.
TEST(DoubleFree, OfABlockWhoseSpanIsGone) {
  const ReportLog log;
  std::vector<char*> blocks(4000);
  for (char*& block : blocks) block = bytes_at(1000);
  for (char* block : blocks) deallocate(block);
  current_heap->put_aside();
  current_heap->take_up();
  ASSERT_NE(process.map.entry_of(blocks[2000])->use, SpanUse::blocks);
  deallocate(blocks[2000]);
  const CorruptionReport report = log.only();
  EXPECT_EQ(report.kind, kChecked ? Corruption::double_free : Corruption::invalid_free);
  EXPECT_EQ(report.address, blocks[2000]);
  EXPECT_EQ(report.block, kChecked ? blocks[2000] : nullptr);
  expect_going_on(1000);
}

// A block that is in use, of a span that is not: so it is when the heap it was from has been destroyed.
TEST(InvalidFree, OfABlockWhoseSpanWasTakenAway) {
  const ReportLog log;
  char* block = bytes_at(300'000);
  process.slices.free(*process.map.entry_of(block));
  deallocate(block);
  const CorruptionReport report = log.only();
  EXPECT_EQ(report.kind, Corruption::invalid_free);
  EXPECT_EQ(report.address, block);
  expect_going_on(300'000);
}

TEST(InvalidFree, InsideABlock) {
  const ReportLog log;
  for (const std::size_t bytes : {32U, 100U, 1000U, 5000U, 60'000U}) {
    char* block = bytes_at(bytes);
    // Unchecked it is not seen: the address would be handed out.
    const std::vector<std::size_t> offsets =
        kUnchecked ? std::vector<std::size_t>() : std::vector<std::size_t>{1, 8, 16, bytes - 1};
    for (const std::size_t offset : offsets) {
      deallocate(block + offset);
      const CorruptionReport report = log.only();
      EXPECT_EQ(report.kind, Corruption::invalid_free);
      EXPECT_EQ(report.address, block + offset);
      EXPECT_EQ(report.block, block);
      EXPECT_EQ(report.block_bytes, block_bytes_for(bytes));
      EXPECT_EQ(report.requested_bytes, kChecked ? bytes : 0);
    }
    expect_going_on(bytes, {block});
    deallocate(block);
  }
}

TEST(InvalidFree, ByAnotherThread) {
  if (kUnchecked) GTEST_SKIP() << "not noticed";
  const ReportLog log;
  char* block = bytes_at(100);
  std::thread([&] { deallocate(block + 16); }).join();
  EXPECT_EQ(log.only().kind, Corruption::invalid_free);
  expect_going_on(100, {block});
}

// What is left at the end of a span, where no block fits any more.
TEST(InvalidFree, BehindTheLastBlock) {
  if (kUnchecked) GTEST_SKIP() << "not noticed";
  const ReportLog log;
  const std::size_t bytes = 48 - (kChecked ? 8 : 0);
  char* block = bytes_at(bytes);
  char* behind = reinterpret_cast<char*>(process.map.start_of(*process.map.entry_of(block))) + kSliceBytes / 48 * 48;
  deallocate(behind);
  const CorruptionReport report = log.only();
  EXPECT_EQ(report.kind, Corruption::invalid_free);
  EXPECT_EQ(report.address, behind);
  EXPECT_EQ(report.block, nullptr);
  expect_going_on(bytes, {block});
}

TEST(InvalidFree, OfABlockNeverHandedOut) {
  if (!kChecked) GTEST_SKIP() << "nothing tells it from one in use";
  const ReportLog log;
  char* block = bytes_at(1000);
  char* next = block + 20 * block_bytes_for(1000);
  deallocate(next);
  const CorruptionReport report = log.only();
  EXPECT_EQ(report.kind, Corruption::invalid_free);
  EXPECT_EQ(report.block, next);
  expect_going_on(1000, {block});
}

TEST(InvalidFree, InsideALargeBlock) {
  const ReportLog log;
  char* block = bytes_at(300'000);
  for (const std::size_t offset : {16U, 65'536U, 299'999U}) {
    deallocate(block + offset);
    const CorruptionReport report = log.only();
    EXPECT_EQ(report.kind, Corruption::invalid_free);
    EXPECT_EQ(report.address, block + offset);
    EXPECT_EQ(report.block, kChecked || offset == 16 ? block : nullptr);
  }
  expect_going_on(300'000, {block});
  deallocate(block);
  EXPECT_EQ(log.count(), 0U);
}

TEST(ForeignFree, IsNoticedByAll) {
  const ReportLog log;
  int here = 0;
  deallocate(&here);
  const CorruptionReport report = log.only();
  EXPECT_EQ(report.kind, Corruption::foreign_free);
  EXPECT_EQ(report.address, &here);
  EXPECT_EQ(report.block, nullptr);
  EXPECT_EQ(report.block_bytes, 0U);
  EXPECT_EQ(report.thread, static_cast<std::uint64_t>(::syscall(SYS_gettid)));
  expect_going_on(64);
}

TEST(InvalidResize, OfWhatIsFreeOrNoBlock) {
  if (kUnchecked) GTEST_SKIP() << "not noticed";
  const ReportLog log;
  char* block = bytes_at(100);
  EXPECT_EQ(reallocate(block + 16, 100), nullptr);
  EXPECT_EQ(log.only().kind, Corruption::invalid_free);
  deallocate(block);
  EXPECT_EQ(reallocate(block, 101), nullptr);
  expect_double_free(log.only(), block, 100);
  char* large = bytes_at(300'000);
  EXPECT_EQ(reallocate(large + 16, 400'000), nullptr);
  EXPECT_EQ(log.only().kind, Corruption::invalid_free);
  large = static_cast<char*>(reallocate(large, 400'000));
  ASSERT_NE(large, nullptr);
  deallocate(large);
  EXPECT_EQ(log.count(), 0U);
}

// A mark that somebody wiped out hides the second free from the hardened build until the blocks of the span are counted.
constexpr std::size_t kOneAtHand = 40'000;
void free_unmarked(char* block) {
  deallocate(block);
  std::memset(block, 0, 16);
}

TEST(TooManyFrees, ByTheOwner) {
  if (!kHardened) GTEST_SKIP() << "noticed at the second free, or not at all";
  const ReportLog log;
  char* block = bytes_at(kOneAtHand);
  free_unmarked(block);
  free_unmarked(block);
  EXPECT_EQ(log.count(), 0U);
  free_unmarked(block);
  const CorruptionReport report = log.only();
  EXPECT_EQ(report.kind, Corruption::double_free);
  EXPECT_EQ(report.block, block);
}

TEST(TooManyFrees, ByAnotherThread) {
  if (!kHardened) GTEST_SKIP() << "noticed at the second free, or not at all";
  const ReportLog log;
  char* block = bytes_at(kOneAtHand);
  std::thread([&] {
    for (int time = 0; time < 2; ++time) {
      free_unmarked(block);
      thread_is_idle();
    }
  }).join();
  EXPECT_EQ(log.count(), 0U);
  EXPECT_NE(allocate(kOneAtHand), nullptr);
  EXPECT_EQ(log.only().block, block);
  const std::uint32_t capacity = process.map.first_of(process.map.entry_of(block))->capacity;
  std::thread([&] {
    for (std::uint32_t time = 0; time <= capacity; ++time) {
      free_unmarked(block);
      thread_is_idle();
    }
  }).join();
  EXPECT_EQ(log.only().kind, Corruption::double_free);
}

// The default: says it, and ends the process where that is wanted.
[[noreturn]] void misuse_with(const char* abort) {
  if (abort == nullptr) {
    ::unsetenv("STRATA_MEMORY_ABORT");  // NOLINT(concurrency-mt-unsafe): the child has one thread
  } else {
    ::setenv("STRATA_MEMORY_ABORT", abort, 1);  // NOLINT(concurrency-mt-unsafe)
  }
  int here = 0;
  errno = 77;
  deallocate(&here);
  std::_Exit(errno == 77 ? 0 : 1);
}

TEST(DefaultHook, AbortsWhereThatIsWanted) {
  const char* const line = "strata: free of memory that this allocator did not give out: 0x[0-9a-f]+, block .* thread [0-9]+\n";
  const auto goes_on = ::testing::ExitedWithCode(0);
  const auto aborts = ::testing::KilledBySignal(SIGABRT);
  if (kHardened) {
    EXPECT_EXIT(misuse_with(nullptr), aborts, line);
  } else {
    EXPECT_EXIT(misuse_with(nullptr), goes_on, line);
  }
  EXPECT_EXIT(misuse_with("1"), aborts, line);
  EXPECT_EXIT(misuse_with("0"), goes_on, line);
}

}  // namespace
}  // namespace strata::allocator
