// Under the address sanitizer what is free can not be touched.
#include "engine/allocator/poison.h"

#include <gtest/gtest.h>

#include <cstddef>

#include "engine/allocator/allocate.h"
#include "engine/allocator/shared_heap.h"

namespace strata::allocator {
namespace {

class PoisonDeathTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!kFreeMemoryIsPoisoned) GTEST_SKIP() << "only under the address sanitizer, without memory checks";
  }
  // A byte behind the word where a list's link may be.
  static void touch(void* block) { static_cast<volatile char*>(block)[12] = 1; }
};

TEST_F(PoisonDeathTest, AFreeBlock) {
  void* const block = allocate(64);
  touch(block);
  deallocate(block);
  EXPECT_DEATH(touch(block), "use-after-poison");
  EXPECT_EQ(allocate(64), block);
  touch(block);
  deallocate(block);
}

TEST_F(PoisonDeathTest, AFreeLargeBlock) {
  void* const block = allocate(std::size_t{1} << 20);
  touch(block);
  deallocate(block);
  EXPECT_DEATH(touch(block), "use-after-poison");
}

TEST_F(PoisonDeathTest, BlocksOfHeaps) {
  for (const HeapStrategy strategy : {HeapStrategy::size_class, HeapStrategy::best_fit}) {
    SharedHeap* const heap = SharedHeap::create({.name = "of the test", .strategy = strategy});
    void* const kept = heap->allocate(100, 16);
    void* const block = heap->allocate(100, 16);
    touch(block);
    heap->deallocate(block);
    EXPECT_DEATH(touch(block), "use-after-poison");
    touch(kept);
    SharedHeap::destroy(heap);
    EXPECT_DEATH(touch(kept), "use-after-poison");
  }
}

TEST_F(PoisonDeathTest, AnArenaThatWasReset) {
  SharedHeap* const heap = SharedHeap::create({.name = "of the test", .strategy = HeapStrategy::arena});
  void* const block = heap->allocate(100, 16);
  touch(block);
  heap->reset();
  EXPECT_DEATH(touch(block), "use-after-poison");
  touch(heap->allocate(100, 16));
  SharedHeap::destroy(heap);
}

}  // namespace
}  // namespace strata::allocator
