#include "engine/cache/auto_invalidation.h"

#include <vector>

#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

constexpr std::uint64_t kEmptyIndexBytes = 1U << 20U;

class Heard : public EventListener {
 public:
  void occurred(const Event& event) noexcept override { events.push_back(event); }
  std::vector<Event> events;
};

class AutoInvalidationTest : public CacheTest {
 protected:
  ~AutoInvalidationTest() override { cache->events().set_listener(nullptr); }
  void use(const AutoInvalidation& settings) {
    ASSERT_EQ(settings.problem(4), nullptr);
    cache->set_auto_invalidation(settings, now());
  }
  void fill(const std::string& prefix, int items) {
    for (int i = 0; i < items; ++i) ASSERT_EQ(set(prefix + std::to_string(i), std::string(100, 'v')), Status::ok);
  }
  [[nodiscard]] std::vector<Event> events() const { return cache->events().since(0); }
  // A window of reads, of which `hits` in a hundred are hits, and its end.
  void window(int hits, std::int64_t ms) {
    for (int i = 0; i < 100; ++i) get(i < hits ? "there" : "not there");
    advance(ms);
    upkeep();
  }
};

TEST_F(AutoInvalidationTest, IsOffUnlessAskedFor) {
  fill("k", 1000);
  for (int i = 0; i < 10; ++i) {
    advance(std::int64_t{1000} * 3600 * 24);
    upkeep();
  }
  EXPECT_EQ(cache->size(0).items, 1000U);
  EXPECT_TRUE(events().empty());
}

TEST_F(AutoInvalidationTest, IdleItemsGoWhereTheyAreTooMany) {
  use({.interval_ms = 60'000, .idle_percent = 50});
  upkeep();
  fill("cold", 3000);
  fill("hot", 1000);
  for (int i = 0; i < 1000; ++i) get("hot" + std::to_string(i));
  advance(59'999);
  upkeep();
  EXPECT_EQ(cache->size(0).items, 4000U);
  advance(1);
  fill("new", 500);  // nobody has had the time to ask for them
  upkeep();
  EXPECT_EQ(cache->size(0).items, 1500U);
  EXPECT_TRUE(exists("hot1"));
  EXPECT_TRUE(exists("new1"));
  EXPECT_FALSE(exists("cold1"));
  ASSERT_EQ(events().size(), 1U);
  const Event event = events()[0];
  EXPECT_EQ(event.kind, EventKind::idle_items);
  EXPECT_EQ(event.at_ms, now());
  EXPECT_EQ(event.items, 3000U);
  EXPECT_NEAR(event.measured, 3000.0 / 4500, 1e-9);
  EXPECT_EQ(cache->statistics().invalidated, 3000U);
  get("cold1");
  EXPECT_GT(cache->statistics().misses_removed, 0U);
}

TEST_F(AutoInvalidationTest, IdleItemsStayWhereTheyAreFew) {
  use({.interval_ms = 60'000, .idle_percent = 50});
  upkeep();
  fill("cold", 400);
  fill("hot", 1000);
  for (int i = 0; i < 1000; ++i) get("hot" + std::to_string(i));
  advance(60'000);
  upkeep();
  EXPECT_EQ(cache->size(0).items, 1400U);
  EXPECT_TRUE(events().empty());
}

TEST_F(AutoInvalidationTest, TheWalkGoesOnWhereItsSliceEnded) {
  use({.interval_ms = 60'000, .idle_percent = 1});
  upkeep();
  fill("cold", 3000);
  advance(60'000);
  const UpkeepReport first = cache->upkeep(*session, 0, 1, std::chrono::nanoseconds(0));
  EXPECT_TRUE(first.more);
  EXPECT_EQ(cache->size(0).items, 3000U);
  upkeep();
  EXPECT_EQ(cache->size(0).items, 0U);
}

TEST_F(AutoInvalidationTest, OldItemsGo) {
  fill("before", 100);
  use({.max_age_ms = 10'000});
  fill("k", 1000);
  advance(5000);
  EXPECT_EQ(set("k1", "anew"), Status::ok);
  advance(5999);  // the clock stood at a full second
  upkeep();
  EXPECT_EQ(cache->size(0).items, 1100U);
  advance(1);
  upkeep();
  EXPECT_EQ(cache->size(0).items, 1U);
  EXPECT_EQ(get("k1"), "anew");
  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(events()[0].kind, EventKind::old_items);
  EXPECT_EQ(events()[0].items, 1099U);
  EXPECT_EQ(events()[0].measured, 10.0);
  EXPECT_EQ(cache->events().counts(EventKind::old_items).items, 1099U);
}

TEST_F(AutoInvalidationTest, AgeIsPartOfTheItemOnlyWhereItIsLimited) {
  const auto bytes_of_one = [&] {
    const std::uint64_t before = cache->budget().bytes(Purpose::items);
    EXPECT_EQ(set("k" + std::to_string(before), std::string(100, 'v')), Status::ok);
    session.reset();
    session = cache->open_session();
    set_now(now());
    return cache->budget().bytes(Purpose::items) - before;
  };
  bytes_of_one();
  const std::uint64_t without = bytes_of_one();
  use({.max_age_ms = 10'000});
  const std::uint64_t with = bytes_of_one();
  EXPECT_GE(with, without + 4);
  EXPECT_LE(with, without + 8);
}

TEST_F(AutoInvalidationTest, MemoryPressureIsRelievedAhead) {
  const std::uint64_t limit = kEmptyIndexBytes + (2U << 20U);
  open({.max_memory_bytes = limit, .policy = Policy::clock});
  use({.pressure_percent = 80, .relief_percent = 60, .pressure_ms = 5000});
  for (int i = 0; cache->budget().total_bytes() * 100 <= limit * 85; ++i)
    ASSERT_EQ(set("k" + std::to_string(i), std::string(100, 'v')), Status::ok);
  EXPECT_EQ(cache->statistics().evicted, 0U);
  upkeep();
  advance(4999);
  upkeep();
  EXPECT_EQ(cache->statistics().evicted, 0U);
  advance(1);
  upkeep();
  EXPECT_GT(cache->statistics().evicted, 0U);
  upkeep();
  EXPECT_LE(cache->budget().total_bytes() * 100, limit * 62);
  EXPECT_GT(cache->budget().total_bytes() * 100, limit * 50);
  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(events()[0].kind, EventKind::memory_pressure);
  EXPECT_GT(events()[0].measured, 0.8);
  EXPECT_EQ(events()[0].items, cache->statistics().evicted);
}

TEST_F(AutoInvalidationTest, MemoryPressureThatPassesIsNone) {
  const std::uint64_t limit = kEmptyIndexBytes + (2U << 20U);
  open({.max_memory_bytes = limit, .policy = Policy::clock});
  use({.pressure_percent = 80, .relief_percent = 60, .pressure_ms = 5000});
  const auto charge = static_cast<std::int64_t>(limit) * 85 / 100;
  cache->budget().charge(Purpose::client_buffers, charge);
  upkeep();
  advance(3000);
  cache->budget().charge(Purpose::client_buffers, -charge);
  upkeep();
  cache->budget().charge(Purpose::client_buffers, charge);
  advance(3000);
  upkeep();
  EXPECT_TRUE(events().empty());
  advance(5000);
  upkeep();
  EXPECT_EQ(events().size(), 1U);
  cache->budget().charge(Purpose::client_buffers, -charge);
}

TEST_F(AutoInvalidationTest, DropOfTheHitRatioIsAnEvent) {
  use({.hits_window_ms = 1000, .hits_percent = 50, .least_reads = 100});
  set("there", "v");
  upkeep();
  for (int i = 0; i < 6; ++i) window(90, 1000);
  EXPECT_TRUE(events().empty());
  window(50, 1000);  // more than half of what is usual
  EXPECT_TRUE(events().empty());
  window(40, 1000);
  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(events()[0].kind, EventKind::hit_ratio_drop);
  EXPECT_NEAR(events()[0].measured, 0.4, 1e-9);
  EXPECT_GT(events()[0].threshold, 0.4);
  EXPECT_TRUE(exists("there"));
  window(40, 1000);  // what is usual is found out anew
  EXPECT_EQ(events().size(), 1U);
}

TEST_F(AutoInvalidationTest, WindowsOfFewReadsDoNotCount) {
  use({.hits_window_ms = 1000, .hits_percent = 50, .least_reads = 101});
  set("there", "v");
  upkeep();
  for (int i = 0; i < 6; ++i) window(90, 1000);
  window(0, 1000);
  EXPECT_TRUE(events().empty());
}

TEST_F(AutoInvalidationTest, DropOfTheHitRatioInvalidatesWhatIsSaid) {
  using Then = AutoInvalidation::Then;
  for (const Then then : {Then::prefix, Then::database, Then::everything}) {
    use({.hits_window_ms = 1000, .hits_percent = 50, .least_reads = 100, .then = then, .database = 1, .prefix = "user:"});
    set("there", "v");
    for (const Namespace ns : {Namespace{0}, Namespace{1}}) {
      set("user:1", "v", kNoExpiry, ns);
      set("other", "v", kNoExpiry, ns);
    }
    upkeep();
    for (int i = 0; i < 6; ++i) window(90, 1000);
    EXPECT_TRUE(exists("user:1", 1));
    window(10, 1000);
    EXPECT_FALSE(exists("user:1", 1));
    EXPECT_EQ(exists("other", 1), then == Then::prefix);
    EXPECT_EQ(exists("user:1", 0), then != Then::everything);
    EXPECT_EQ(exists("there", 0), then != Then::everything);
    use({});
  }
  EXPECT_EQ(events().size(), 3U);
}

TEST_F(AutoInvalidationTest, TheLogKeepsTheLastAndTellsTheListener) {
  Heard heard;
  cache->events().set_listener(&heard);
  const std::uint64_t before = cache->budget().bytes(Purpose::policy);
  for (std::size_t i = 0; i < EventLog::kMost + 10; ++i) cache->events().add({.kind = EventKind::old_items, .items = i});
  EXPECT_GT(cache->budget().bytes(Purpose::policy), before);
  EXPECT_EQ(events().size(), EventLog::kMost);
  EXPECT_EQ(events().front().number, 11U);
  EXPECT_EQ(events().back().number, EventLog::kMost + 10);
  EXPECT_EQ(cache->events().since(EventLog::kMost + 9).size(), 1U);
  EXPECT_EQ(heard.events.size(), EventLog::kMost + 10);
  cache->events().set_listener(nullptr);
  cache->events().add({});
  EXPECT_EQ(heard.events.size(), EventLog::kMost + 10);
}

TEST(AutoInvalidationSettingsTest, WhatCannotBeIsNamed) {
  using Then = AutoInvalidation::Then;
  EXPECT_EQ(AutoInvalidation{}.problem(1), nullptr);
  const AutoInvalidation wrong[] = {
      {.interval_ms = 1000},
      {.interval_ms = 1000, .idle_percent = 101},
      {.interval_ms = -1},
      {.max_age_ms = 999},
      {.pressure_percent = 101},
      {.pressure_percent = 80, .relief_percent = 80},
      {.pressure_percent = 80, .relief_percent = 60, .pressure_ms = 999},
      {.hits_window_ms = 1000},
      {.hits_window_ms = 1000, .hits_percent = 100},
      {.hits_window_ms = 1000, .hits_percent = 50, .least_reads = 0},
      {.hits_window_ms = 1000, .hits_percent = 50, .then = Then::database, .database = 4},
      {.hits_window_ms = 1000, .hits_percent = 50, .then = Then::prefix},
      {.hits_window_ms = 1000, .hits_percent = 50, .then = Then::prefix, .prefix = std::string(1025, 'p')},
  };
  for (const AutoInvalidation& settings : wrong) EXPECT_NE(settings.problem(4), nullptr) << &settings - wrong;
}

}  // namespace
}  // namespace strata::cache
