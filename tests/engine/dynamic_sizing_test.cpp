#include "engine/cache/dynamic_sizing.h"

#include <string>

#include "tests/engine/cache_fixture.h"
#include "tests/engine/fake_system_memory.h"

namespace strata::cache {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::uint64_t kMost = 64 * kMiB, kLeast = 16 * kMiB, kReserve = 8 * kMiB;

class DynamicSizingTest : public CacheTest {
 protected:
  DynamicSizingTest() {
    // As much as is wanted, and more.
    system.total = system.available = 4096 * kMiB;
    session.reset();
    cache = std::make_unique<Cache>(Options{.namespaces = 4, .hash_seed = 42, .system_memory = &system}, tunables());
    session = cache->open_session();
    set_now(kStartMs);
  }
  static Tunables tunables() {
    return {.max_memory_bytes = kMost,
            .dynamic_sizing = {.is_on = true, .min_bytes = kLeast, .reserve_bytes = kReserve, .growth_percent = 150}};
  }
  // Held and free together: what the process may become.
  void offer(std::uint64_t bytes) { system.available = bytes; }
  [[nodiscard]] std::uint64_t limit_now() const { return cache->budget().limit_bytes(); }
  std::uint64_t limit_after(std::int64_t ms) {
    advance(ms);
    while (cache->upkeep(*session, 0, 1, std::chrono::hours(1)).more) {
    }
    return limit_now();
  }

  os::test::FakeSystemMemory system;
};

TEST_F(DynamicSizingTest, GivesWayAtOnceAndComesBackInSteps) {
  for (int i = 0; i < 60'000; ++i) ASSERT_EQ(set("key" + std::to_string(i), std::string(900, 'v')), Status::ok);
  EXPECT_EQ(limit_after(0), kMost);
  EXPECT_GT(cache->resident_bytes(), 50 * kMiB);
  offer(40 * kMiB);
  EXPECT_EQ(limit_after(999), kMost) << "it is looked at once a second";
  EXPECT_EQ(limit_after(1), 32 * kMiB);
  EXPECT_LT(cache->resident_bytes(), 33 * kMiB);
  EXPECT_GT(cache->size(0).items, 20'000U) << "no more than has to go";
  offer(1);
  EXPECT_EQ(limit_after(1000), kLeast);
  EXPECT_LT(cache->resident_bytes(), 17 * kMiB);
  offer(4096 * kMiB);
  EXPECT_EQ(limit_after(9000), kLeast) << "it has not been calm for long enough";
  EXPECT_EQ(limit_after(1000), 24 * kMiB);
  EXPECT_EQ(limit_after(9000), 24 * kMiB);
  EXPECT_EQ(limit_after(1000), 36 * kMiB);
  EXPECT_EQ(limit_after(10'000), 54 * kMiB);
  EXPECT_EQ(limit_after(10'000), kMost);
  EXPECT_EQ(limit_after(10'000), kMost);
  const std::vector<Event> events = cache->events().since(0);
  ASSERT_EQ(events.size(), 6U);
  EXPECT_EQ(events[0].kind, EventKind::limit_lowered);
  EXPECT_DOUBLE_EQ(events[0].measured, 0.5);
  EXPECT_DOUBLE_EQ(events[0].threshold, 40.0 / 64);
  EXPECT_EQ(events[1].kind, EventKind::limit_lowered);
  EXPECT_EQ(events[5].kind, EventKind::limit_raised);
  EXPECT_DOUBLE_EQ(events[5].measured, 1);
}

TEST_F(DynamicSizingTest, AControlGroupIsMemoryToo) {
  system.group = os::CgroupMemory{.limit_bytes = 2048 * kMiB, .headroom_bytes = 28 * kMiB};
  EXPECT_EQ(limit_after(0), 20 * kMiB);
  system.held = 10 * kMiB;  // of the process' own
  EXPECT_EQ(limit_after(20'000), 30 * kMiB);
}

TEST_F(DynamicSizingTest, GrowsNoFurtherThanThereIsRoom) {
  offer(30 * kMiB);
  EXPECT_EQ(limit_after(0), 22 * kMiB);
  offer(34 * kMiB);
  EXPECT_EQ(limit_after(20'000), 26 * kMiB);
  EXPECT_EQ(limit_after(20'000), 26 * kMiB);
}

TEST_F(DynamicSizingTest, OtherSettingsDoNotBringItBack) {
  offer(40 * kMiB);
  EXPECT_EQ(limit_after(0), 32 * kMiB);
  Tunables changed = tunables();
  changed.eviction_samples = 10;
  changed.max_memory_bytes = 48 * kMiB;
  cache->apply(changed);
  EXPECT_EQ(limit_now(), 32 * kMiB);
  EXPECT_EQ(cache->tunables().max_memory_bytes, 48 * kMiB);
  changed.max_memory_bytes = 24 * kMiB;
  cache->apply(changed);
  EXPECT_EQ(limit_now(), 24 * kMiB);
  changed = tunables();
  changed.dynamic_sizing.is_on = false;
  cache->apply(changed);
  EXPECT_EQ(limit_now(), kMost);
  EXPECT_EQ(limit_after(20'000), kMost) << "it is off";
}

TEST_F(DynamicSizingTest, ASystemThatSaysNothingChangesNothing) {
  system.total.reset();
  system.available.reset();
  EXPECT_EQ(limit_after(0), kMost);
}

TEST_F(DynamicSizingTest, AClockThatIsSetBackDoesNotStopIt) {
  EXPECT_EQ(limit_after(0), kMost);
  offer(40 * kMiB);
  EXPECT_EQ(limit_after(-3'600'000), 32 * kMiB);
  offer(4096 * kMiB);
  EXPECT_GT(limit_after(-3'600'000) + limit_after(10'000), 64 * kMiB);
}

}  // namespace
}  // namespace strata::cache
