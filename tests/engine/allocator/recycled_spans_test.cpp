// Memory that drifts from one size to another: the holes between survivors serve other classes.
#include "engine/allocator/recycled_spans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "engine/allocator/allocate.h"
#include "engine/allocator/corruption.h"
#include "tests/engine/allocator/drift.h"
#include "tests/engine/allocator/validity_check.h"

namespace strata::allocator {
namespace {

constexpr std::size_t kLiveBytes = std::size_t{16} << 20;

TEST(RecycledSpans, HolesServeOtherSizes) {
  test::skip_where_nothing_is_recycled();
  if (::testing::Test::IsSkipped()) return;
  std::uint64_t in_use_bytes = 0;
  // What it has at hand goes back when it ends.
  std::thread thread([&] {
    test::Drift drift(kLiveBytes, 1);
    drift.turn_over(48, 144);
    for (const std::size_t smallest : {80UL, 144UL, 272UL, 528UL, 208UL}) drift.turn_over(smallest, smallest * 3);
    EXPECT_TRUE(drift.sound());
    in_use_bytes = process.slices.statistics().in_use_bytes;
    drift.clear();
  });
  thread.join();
  EXPECT_GT(process.recycled.statistics().recycled, 50U);
  EXPECT_GT(process.recycled.statistics().blocks, 10'000U);
  // Three times the live bytes where spans are never recycled.
  EXPECT_LT(in_use_bytes, kLiveBytes * 8 / 5);
  EXPECT_EQ(process.recycled.statistics().spans, 0U);
  EXPECT_EQ(process.recycled.statistics().used_bytes, 0U);
  ASSERT_TRUE(test::process_is_valid());
}

// Some sizes are asked for before and after: what their classes have too much of serves the others.
TEST(RecycledSpans, SpareSpansOfClassesStillAskedForServeOthers) {
  test::skip_where_nothing_is_recycled();
  if (::testing::Test::IsSkipped()) return;
  test::Drift drift(kLiveBytes, 5);
  drift.replace(48, 144);
  for (const std::size_t smallest : {80UL, 144UL, 272UL, 528UL}) {
    drift.replace(smallest, smallest * 3);
    // Half as much again where only classes out of use give up spans.
    EXPECT_LT(process.slices.statistics().in_use_bytes, kLiveBytes * 4 / 3) << smallest;
  }
  EXPECT_TRUE(drift.sound());
}

TEST(RecycledSpans, ClassesOutOfUseGiveUpTheirSpans) {
  test::skip_where_nothing_is_recycled();
  if (::testing::Test::IsSkipped()) return;
  constexpr int kBlocks = 4096;
  std::vector<void*> survivors;
  std::vector<void*> blocks;
  for (int count = 0; count < kBlocks; ++count) {
    std::vector<void*>& list = count % 16 == 0 ? survivors : blocks;
    list.push_back(allocate(1024));
    std::memset(list.back(), 1, 1024);
  }
  for (void* block : blocks) deallocate(block);
  blocks.clear();
  const std::uint64_t spans = kBlocks * std::uint64_t{1024} / kSliceBytes;
  EXPECT_EQ(process.recycled.statistics().recycled, 0U);
  // Each refill brings 4 KiB at most: enough of them that the class is out of use, and then a look for each span.
  for (std::uint64_t count = 0; count < 64 * (1024 + 64 * spans); ++count) {
    blocks.push_back(allocate(64));
    if (blocks.size() < 16'384) continue;
    for (void* block : blocks) deallocate(block);
    blocks.clear();
  }
  // The first of the queue stays, and one may be in use.
  EXPECT_GE(process.recycled.statistics().recycled + 2, spans);
  for (void* block : survivors) deallocate(block);
  for (void* block : blocks) deallocate(block);
}

TEST(RecycledSpans, ThreadsDriftAndFreeEachOthersBlocks) {
  test::skip_where_nothing_is_recycled();
  if (::testing::Test::IsSkipped()) return;
  std::vector<std::thread> threads;
  threads.reserve(4);
  std::atomic<int> unsound = 0;
  std::vector<std::unique_ptr<test::Drift>> drifts;
  for (unsigned number = 0; number < 4; ++number) drifts.push_back(std::make_unique<test::Drift>(kLiveBytes / 4, number));
  for (unsigned round = 0; round < 3; ++round) {
    for (unsigned number = 0; number < 4; ++number) {
      // Another thread than filled it: what it frees is not its own.
      threads.emplace_back([&, number] {
        for (const std::size_t smallest : {48UL, 160UL, 400UL})
          drifts[number]->turn_over(smallest + 16UL * round, (smallest + 16UL * round) * 3);
        if (!drifts[number]->sound()) ++unsound;
      });
    }
    for (std::thread& thread : threads) thread.join();
    threads.clear();
    ASSERT_TRUE(test::process_is_valid());
  }
  for (const auto& drift : drifts) drift->clear();
  thread_is_idle();
  EXPECT_EQ(unsound, 0);
  EXPECT_GT(process.recycled.statistics().recycled, 0U);
}

// Blocks from holes are aligned to 16 bytes only; who asks for more gets one from a span of its class.
TEST(RecycledSpans, AlignedRequestsGetAlignedBlocks) {
  test::skip_where_nothing_is_recycled();
  if (::testing::Test::IsSkipped()) return;
  test::Drift drift(kLiveBytes, 2);
  drift.turn_over(48, 144);
  drift.turn_over(144, 432);
  ASSERT_GT(process.recycled.statistics().recycled, 0U);
  std::vector<void*> blocks;
  for (int step = 0; step < 2000; ++step) {
    blocks.push_back(allocate(512));
    blocks.push_back(allocate_aligned(256, 300));
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back()) % 256, 0U);
  }
  for (void* block : blocks) deallocate(block);
  drift.clear();
}

// A span, its holes, and a model of them.
class RecycledSpanTest : public testing::Test {
 protected:
  void SetUp() override {
    test::skip_where_nothing_is_recycled();
    if (::testing::Test::IsSkipped()) return;
    ASSERT_TRUE(start_process_allocator());
    span_ = process.slices.allocate(1, 1, SpanUse::blocks, true);
    const SizeClass size_class = class_of(96);
    span_->size_class = static_cast<std::uint8_t>(size_class);
    span_->block_bytes = 96;
    span_->capacity = blocks_of_class(size_class);
    span_->carved = span_->capacity;
    span_->used = 0;
    span_->free_list = nullptr;
    span_->shared.store(SharedWord(), std::memory_order_relaxed);
    std::byte* const start = process.map.start_of(*span_);
    for (std::uint32_t block = 0; block < span_->capacity; ++block) {
      if (block % 10 == 0) {
        model_[start + std::size_t{block} * 96] = 96;
        ++span_->used;
        continue;
      }
      auto* free_block = reinterpret_cast<Block*>(start + std::size_t{block} * 96);
      free_block->next = span_->free_list;
      span_->free_list = free_block;
    }
    ASSERT_TRUE(process.recycled.add(*span_));
  }

  void take(std::size_t bytes, std::uint32_t count) {
    std::vector<void*> blocks(count);
    blocks.resize(process.recycled.take(class_of(bytes), blocks.data(), count));
    for (void* block : blocks) {
      auto* start = static_cast<std::byte*>(block);
      ASSERT_EQ(process.map.entry_of(start), span_);
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(start) % 16, 0U);
      const auto after = model_.lower_bound(start);
      ASSERT_TRUE(after == model_.end() || start + bytes <= after->first) << "overlaps the next block";
      ASSERT_TRUE(after == model_.begin() || std::prev(after)->first + std::prev(after)->second <= start) << "overlaps the last";
      ASSERT_EQ(process.recycled.block_bytes(*span_, start), bytes);
      model_[start] = bytes;
    }
  }
  void free_one(std::size_t index) {
    const auto at = std::next(model_.begin(), static_cast<std::ptrdiff_t>(index % model_.size()));
    void* const block = at->first;
    model_.erase(at);
    process.recycled.free(&block, 1);
  }

  Span* span_ = nullptr;
  std::map<std::byte*, std::size_t> model_;
};

TEST_F(RecycledSpanTest, TakesAndFreesLikeItsModel) {
  std::mt19937 random(7);
  for (int step = 0; step < 20'000 && !model_.empty(); ++step) {
    if (random() % 2 == 0) {
      take(class_bytes(malloc_class_of(16 + random() % 3000)), 1 + random() % 8);
    } else if (model_.size() > 1) {
      free_one(random());
    }
    if (step % 500 == 0) {
      ASSERT_TRUE(test::valid(process.map, *span_));
    }
    if (HasFatalFailure()) return;
  }
  const std::uint64_t in_use = process.slices.statistics().in_use_bytes;
  while (!model_.empty()) free_one(0);
  EXPECT_EQ(process.slices.statistics().in_use_bytes, in_use - kSliceBytes) << "an empty span goes back";
}

TEST_F(RecycledSpanTest, AHoleAsLongAsTheSpanIsFound) {
  while (model_.size() > 1) free_one(1);
  take(8192, 8);
  EXPECT_EQ(model_.size(), 8U) << "all but the first granules of the span are one hole";
}

// The second of them when the span has gone.
TEST_F(RecycledSpanTest, ADoubleFreeOfTheLastBlockIsReported) {
  static unsigned reports;
  reports = 0;
  set_corruption_hook([](const CorruptionReport& report) { reports += report.kind == Corruption::invalid_free ? 1 : 0; });
  while (model_.size() > 1) free_one(1);
  void* const last[] = {model_.begin()->first, model_.begin()->first};
  process.recycled.free(last, 2);
  set_corruption_hook(nullptr);
  EXPECT_EQ(reports, 1U);
  EXPECT_EQ(process.recycled.statistics().spans, 0U);
}

TEST_F(RecycledSpanTest, WhatIsNoBlockIsReportedAndChangesNothing) {
  static unsigned reports;
  reports = 0;
  set_corruption_hook([](const CorruptionReport& report) { reports += report.kind == Corruption::invalid_free ? 1 : 0; });
  const std::uint64_t used = process.recycled.statistics().used_bytes;
  void* const inside = model_.begin()->first + 16;
  process.recycled.free(&inside, 1);
  set_corruption_hook(nullptr);
  EXPECT_EQ(reports, 1U);
  EXPECT_EQ(process.recycled.statistics().used_bytes, used);
  EXPECT_EQ(process.recycled.block_bytes(*span_, inside), 0U);
}

}  // namespace
}  // namespace strata::allocator
