#include <gtest/gtest.h>
#include <strata/pool.hpp>

#include <memory_resource>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

namespace {

strata_pool_options of_kind(strata_pool_kind kind, std::uint64_t max_bytes = 0) {
  strata_pool_options options = STRATA_POOL_OPTIONS_INIT;
  options.kind = kind;
  options.max_bytes = max_bytes;
  return options;
}

TEST(PoolWrapper, OwnsItsPool) {
  strata_pool* handle = nullptr;
  {
    strata::pool pool(of_kind(STRATA_POOL_SEGMENT));
    handle = pool.get();
    void* const block = pool.allocate(100, 4096);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 4096, 0U);
    EXPECT_TRUE(pool.owns(block));
    pool.deallocate(block);
    EXPECT_EQ(pool.info().block_count, 0U);
    strata::pool moved(std::move(pool));
    EXPECT_EQ(moved.get(), handle);
    pool = strata::pool(of_kind(STRATA_POOL_ARENA));
    EXPECT_EQ(moved.info().kind, STRATA_POOL_SEGMENT);
  }
  EXPECT_EQ(strata_pool_reset(handle), STRATA_INVALID_POOL);
}

TEST(PoolWrapper, Throws) {
  strata::pool pool(of_kind(STRATA_POOL_SEGMENT, 1 << 20));
  EXPECT_THROW((void)pool.allocate(2 << 20), std::bad_alloc);
  EXPECT_THROW((void)pool.allocate(1, 3), std::invalid_argument);
  EXPECT_THROW(strata::pool(of_kind(STRATA_POOL_FIXED)), std::invalid_argument) << "blocks of no size";
  pool.set_maximum(8 << 20);
  EXPECT_NE(pool.allocate(2 << 20), nullptr);
  EXPECT_THROW(strata::arena_scope scope(pool), std::invalid_argument);
}

struct alignas(64) Counted {
  explicit Counted(bool fails) {
    if (fails) throw std::runtime_error("wanted");
    ++alive;
  }
  ~Counted() { --alive; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  static inline int alive = 0;
  char bytes[100] = {};
};

TEST(ObjectPool, MakesAndDestroysObjects) {
  strata::object_pool<Counted> objects;
  Counted* const object = objects.make(false);
  EXPECT_EQ(Counted::alive, 1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(object) % alignof(Counted), 0U);
  EXPECT_THROW((void)objects.make(true), std::runtime_error);
  EXPECT_EQ(objects.memory().info().block_count, 1U) << "the block of one that was not made is free";
  objects.destroy(object);
  objects.destroy(nullptr);
  EXPECT_EQ(Counted::alive, 0);
  EXPECT_EQ(objects.memory().info().block_count, 0U);
}

TEST(ArenaScope, FreesWhatWasTakenInIt) {
  strata::pool arena(of_kind(STRATA_POOL_ARENA));
  (void)arena.allocate(100);
  {
    const strata::arena_scope outer(arena);
    (void)arena.allocate(100);
    {
      const strata::arena_scope inner(arena);
      (void)arena.allocate(1 << 20);
      EXPECT_EQ(arena.info().block_count, 3U);
    }
    EXPECT_EQ(arena.info().block_count, 2U);
  }
  EXPECT_EQ(arena.info().block_count, 1U);
}

TEST(PoolResource, ServesContainers) {
  strata::pool pool(of_kind(STRATA_POOL_SEGMENT));
  strata::pool other(of_kind(STRATA_POOL_SEGMENT));
  strata::pool_resource resource(pool);
  {
    std::pmr::vector<int> numbers(&resource);
    for (int number = 0; number < 1000; ++number) numbers.push_back(number);
    EXPECT_TRUE(pool.owns(numbers.data()));
  }
  EXPECT_EQ(pool.info().block_count, 0U);
  EXPECT_TRUE(resource == strata::pool_resource(pool));
  EXPECT_FALSE(resource == strata::pool_resource(other));
}

}  // namespace
