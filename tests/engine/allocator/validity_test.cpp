// The checks find what they are there for: each test damages one thing, and mends it again.
#include "engine/allocator/validity.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/allocator/allocate.h"
#include "engine/allocator/free_links.h"
#include "tests/engine/allocator/validity_check.h"

namespace strata::allocator {
namespace {

using test::process_is_valid;

std::string reason() {
  Invalidity what;
  return is_process_valid(&what) ? "" : what.reason;
}

class Validity : public testing::Test {
 protected:
  void SetUp() override {
    for (int count = 0; count < 400; ++count) blocks_.push_back(allocate(1000));
    large_ = allocate(300'000);
    free_ = &span_of_free_range();
    // So many that most go back to their spans.
    for (int count = 0; count < 200; ++count) {
      deallocate(blocks_.back());
      blocks_.pop_back();
    }
    for (SizeClass size_class = 0; size_class < kSizeClasses; ++size_class) {
      for (Span* span = current_heap->queue(size_class).first(); span != nullptr; span = span->next) {
        if (span->free_list != nullptr && next_of(*span->free_list) != nullptr) span_ = span;
      }
    }
    ASSERT_NE(span_, nullptr);
    ASSERT_TRUE(process_is_valid());
  }
  void TearDown() override {
    ASSERT_TRUE(process_is_valid()) << "not mended";
    for (void* block : blocks_) deallocate(block);
    deallocate(large_);
    deallocate(guard_);
  }

  // Between blocks in use, so that it stays.
  Span& span_of_free_range() {
    void* const hole = allocate(500'000);
    guard_ = allocate(200'000);
    deallocate(hole);
    return *process.map.entry_of(hole);
  }

  std::vector<void*> blocks_;
  void* large_ = nullptr;
  void* guard_ = nullptr;
  Span* span_ = nullptr;
  Span* free_ = nullptr;
};

TEST_F(Validity, FindsMiscountedBlocks) {
  ++span_->used;
  EXPECT_EQ(reason(), "used + length(free_list) != carved");
  --span_->used;
}

TEST_F(Validity, FindsMoreBlocksThanThereIsRoomFor) {
  const std::uint32_t carved = span_->carved;
  span_->carved = span_->capacity + 1;
  EXPECT_EQ(reason(), "more blocks than the span has room for");
  span_->carved = carved;
}

TEST_F(Validity, FindsACircleInAFreeList) {
  Block* const first = span_->free_list;
  Block* const second = next_of(*first);
  Block* const third = next_of(*second);
  link_block(*second, first);
  EXPECT_EQ(reason(), "the list of free blocks is damaged");
  link_block(*second, third);
}

TEST_F(Validity, FindsALinkThatIsNoBlock) {
  Block* const first = span_->free_list;
  Block* const second = next_of(*first);
  link_block(*first, reinterpret_cast<Block*>(reinterpret_cast<std::byte*>(second) + 16));
  EXPECT_EQ(reason(), "the list of free blocks is damaged");
  link_block(*first, second);
}

TEST_F(Validity, FindsAWrongOwner) {
  Heap* const owner = span_->owner.load();
  span_->owner = nullptr;
  EXPECT_EQ(reason(), "a queued span is not this heap's");
  span_->owner = owner;
}

TEST_F(Validity, FindsAWrongPossession) {
  span_->shared = SharedWord(nullptr, 0, Possession::mailed);
  EXPECT_EQ(reason(), "a queued span is not possessed as owned");
  span_->shared = SharedWord(nullptr, 0, Possession::full);
  EXPECT_EQ(reason(), "a full span has free blocks or is queued");
  span_->shared = SharedWord();
}

TEST_F(Validity, FindsSpansKeptEmptyThatAreNot) {
  span_->kept_empty = true;
  EXPECT_EQ(reason(), "a span kept as empty has blocks in use");
  span_->kept_empty = false;
}

TEST_F(Validity, FindsEndsOfAFreeRangeThatDoNotAgree) {
  ASSERT_EQ(free_->use, SpanUse::free);
  Span& last = *process.map.entry(process.map.number_of(*free_) + free_->slices - 1);
  ++last.slices;
  EXPECT_EQ(reason(), "the ends of a free range do not agree");
  --last.slices;
}

TEST_F(Validity, FindsFreeNeighbours) {
  Span& behind = *process.map.entry(process.map.number_of(*free_) + free_->slices);
  const SpanUse use = behind.use;
  behind.use = SpanUse::free;
  EXPECT_EQ(reason(), "two free ranges are neighbours");
  behind.use = use;
}

TEST_F(Validity, FindsAGap) {
  Span& large = *process.map.entry_of(large_);
  --large.slices;
  EXPECT_EQ(reason(), "no span begins where the one before it ends");
  ++large.slices;
}

TEST_F(Validity, FindsDirtySlicesThatAreNotCounted) {
  const std::uint32_t first = process.map.number_of(*free_);
  ASSERT_EQ(process.map.dirty().count(first, first + 1), 1U);
  process.map.dirty().clear(first, first + 1);
  EXPECT_EQ(reason(), "dirty free slices are miscounted");
  process.map.dirty().set(first, first + 1);
}

TEST_F(Validity, FindsALargeBlockLongerThanItsSlices) {
  Span& large = *process.map.entry_of(large_);
  const std::uint64_t bytes = large.large_bytes;
  large.large_bytes = (std::uint64_t{large.slices} << kSliceShift) + 1;
  EXPECT_EQ(reason(), "a large block is longer than its slices");
  large.large_bytes = bytes;
}

TEST_F(Validity, FindsDamageInASharedHeap) {
  SharedHeap* const heap = SharedHeap::create({.name = "heap", .strategy = HeapStrategy::best_fit});
  Span& span = *process.map.entry_of(heap->allocate(100));
  (void)heap->allocate(200'000);
  ASSERT_TRUE(process_is_valid());
  span.granules->clear_start(0);
  EXPECT_EQ(reason(), "what is used begins with no block");
  span.granules->set_start(0);
  span.granules->set_used(100, 101, true);
  EXPECT_EQ(reason(), "what is used begins with no block");
  span.granules->set_used(100, 101, false);
  ++span.granules->used_count;
  EXPECT_EQ(reason(), "the used granules are miscounted");
  --span.granules->used_count;
  const std::uint32_t longest = span.granules->longest;
  span.granules->longest = 1;
  EXPECT_EQ(reason(), "a hole is longer than the longest");
  span.granules->longest = longest;
  // As if it had been given a block that it does not count.
  span.granules->set_used(100, 101, true);
  span.granules->set_start(100);
  ++span.granules->used_count;
  EXPECT_EQ(reason(), "the heap's blocks are miscounted");
  span.granules->set_used(100, 101, false);
  span.granules->clear_start(100);
  --span.granules->used_count;
  span.shared_heap = nullptr;
  EXPECT_NE(reason(), "");
  span.shared_heap = heap;
  SharedHeap::destroy(heap);
}

}  // namespace
}  // namespace strata::allocator
