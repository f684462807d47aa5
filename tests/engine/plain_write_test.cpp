// Cache::put beside an update whose decision puts and does not look: one is to come to what the other does.
#include <array>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

// What the listener was told, in order.
class Told : public ChangeListener {
 public:
  void changed(const Change& change) noexcept override {
    lines.push_back(std::to_string(static_cast<int>(change.cause)) + ' ' + std::to_string(change.database) + '/' +
                    std::string(change.key) + text(change.before) + text(change.after));
  }
  void emptied(Namespace /*database*/) noexcept override {}
  void invalidated(Namespace /*database*/, std::string_view /*prefix*/) noexcept override {}
  void swapped(Namespace /*one*/, Namespace /*other*/) noexcept override {}

  std::vector<std::string> lines;

 private:
  static std::string text(const ItemView* item) {
    return item == nullptr ? " none" : ' ' + std::string(item->value) + '@' + std::to_string(item->expire_at_ms);
  }
};

struct Write {
  std::string key;
  std::string value;
  std::int64_t expire_at_ms = kNoExpiry;
  Namespace ns = 0;
};

// What can be seen of a cache afterwards.
struct Outcome {
  std::vector<Status> statuses;
  std::vector<std::string> told;
  std::map<std::string, std::string> items;
  std::vector<std::uint64_t> figures;
  std::uint64_t evicted = 0;
  std::uint64_t refused = 0;
};

class PlainWriteTest : public CacheTest {
 protected:
  ~PlainWriteTest() override { cache->set_change_listener(nullptr); }

  enum class By : std::uint8_t { put, decision };
  Status store(const Write& write, By by) {
    const Key key = cache->key(write.ns, write.key);
    if (by == By::put) return cache->put(*session, key, write.value, write.expire_at_ms);
    return cache->update(*session, key, [&](Decision& decision) { decision.put(write.value, write.expire_at_ms); });
  }

  // Some 5,000 writes of 400 keys in two databases, numbers, large values and such as have expired among them, with the clock going on.
  Outcome outcome_of(By by, const Tunables& tunables) {
    open(tunables);
    Told told;
    cache->set_change_listener(&told);
    std::minstd_rand random(7);
    const auto any = [&random](unsigned below) { return static_cast<int>(random() % below); };
    Outcome outcome;
    for (int n = 0; n < 5000; ++n) {
      const int kind = any(16);
      Write write{.key = "key:" + std::to_string(any(400)),
                  .value = std::string(static_cast<std::size_t>(any(200)), static_cast<char>('a' + n % 26))};
      if (kind < 3) write.value = std::to_string(any(1'000'000));
      if (kind == 3) write.value.resize(kLargeValueBytes + static_cast<std::size_t>(any(100)), 'L');
      if (kind == 4) write.value.clear();
      if (any(3) == 0) write.expire_at_ms = now() + any(3000) - 200;
      if (any(64) == 0) write.expire_at_ms = now() + 2 * kNearExpiryMs;
      if (any(4) == 0) write.ns = 1;
      outcome.statuses.push_back(store(write, by));
      if (any(8) == 0) (void)get("key:" + std::to_string(any(400)));
      if (any(8) == 0) advance(any(100));
      if (any(64) == 0) (void)remove("key:" + std::to_string(any(400)));
    }
    for (Namespace ns = 0; ns < 2; ++ns) note_items(outcome, ns);
    note_figures(outcome);
    cache->set_change_listener(nullptr);
    outcome.told = std::move(told.lines);
    return outcome;
  }

 private:
  void note_items(Outcome& outcome, Namespace ns) {
    std::uint64_t cursor = 0;
    do {
      cursor = cache->scan(*session, ns, cursor, 100, ~std::size_t{0}, [&](std::string_view key, const ItemView& item) {
        outcome.items[std::to_string(ns) + '/' + std::string(key)] =
            std::string(item.value) + '@' + std::to_string(item.expire_at_ms);
      });
    } while (cursor != 0);
  }
  void note_figures(Outcome& outcome) {
    const Statistics told = cache->statistics();
    outcome.evicted = told.evicted;
    outcome.refused = told.eviction_refusals;
    outcome.figures = {told.hits,           told.misses,   told.expired,    told.evicted,       told.eviction_refusals,
                       told.misses_evicted, told.promoted, told.readmitted, told.evicted_young, told.misses_expired,
                       told.misses_removed};
    for (Namespace ns = 0; ns < 2; ++ns) {
      outcome.figures.push_back(cache->size(ns).items);
      outcome.figures.push_back(cache->size(ns).with_expiry);
    }
  }
};

TEST_F(PlainWriteTest, ComesToWhatADecisionDoes) {
  // An empty index takes one MiB.
  constexpr std::uint64_t kTight = 3U << 19U;
  const std::array<Tunables, 7> cases{{
      {.max_memory_bytes = kPlenty, .policy = Policy::s3fifo},
      {.max_memory_bytes = kPlenty, .policy = Policy::allkeys_lru},
      {.max_memory_bytes = kTight, .policy = Policy::s3fifo},
      {.max_memory_bytes = kTight, .policy = Policy::lru},
      {.max_memory_bytes = kTight, .policy = Policy::allkeys_lfu},
      {.max_memory_bytes = kTight, .policy = Policy::noeviction},
      {.max_memory_bytes = kPlenty, .policy = Policy::s3fifo, .expiry = {.jitter_percent = 10, .is_sliding = true}},
  }};
  for (const Tunables& tunables : cases) {
    SCOPED_TRACE(std::to_string(static_cast<int>(tunables.policy)) + " below " + std::to_string(tunables.max_memory_bytes));
    const Outcome plain = outcome_of(By::put, tunables);
    const Outcome decided = outcome_of(By::decision, tunables);
    if (tunables.max_memory_bytes == kTight) {
      EXPECT_GT(tunables.policy == Policy::noeviction ? plain.refused : plain.evicted, 0U);
    }
    EXPECT_EQ(plain.statuses, decided.statuses);
    EXPECT_EQ(plain.told, decided.told);
    EXPECT_EQ(plain.items, decided.items);
    EXPECT_EQ(plain.figures, decided.figures);
  }
}

TEST_F(PlainWriteTest, IsSeenWhereItsPrefixIsBeingInvalidated) {
  ASSERT_EQ(set("page:1", "old"), Status::ok);
  ASSERT_EQ(cache->invalidate_prefix(*session, 0, "page:", false), Status::ok);
  ASSERT_EQ(cache->pending_prefixes(), 1U);
  EXPECT_EQ(get("page:1"), std::nullopt);
  ASSERT_EQ(set("page:1", "new"), Status::ok);
  EXPECT_EQ(get("page:1"), "new");
  (void)upkeep();
  EXPECT_EQ(get("page:1"), "new");
}

TEST_F(PlainWriteTest, GoesWhereTheDatabaseIsNow) {
  const Key before = cache->key(0, "key");
  cache->swap(0, 1);
  ASSERT_EQ(cache->put(*session, before, "value", kNoExpiry), Status::ok);
  EXPECT_EQ(get("key", 0), "value");
  EXPECT_EQ(get("key", 1), std::nullopt);
  EXPECT_EQ(cache->size(0).items, 1U);
}

// A key that the young queue let go belongs to the main queue when it is there again.
TEST_F(PlainWriteTest, ReadmitsWhatWasEvictedYoung) {
  constexpr std::uint64_t kTight = 3U << 20U;
  open({.max_memory_bytes = kTight, .policy = Policy::s3fifo});
  const std::string value(200, 'v');
  for (int n = 0; n < 40'000; ++n) ASSERT_EQ(set("key:" + std::to_string(n), value), Status::ok);
  const Statistics before = cache->statistics();
  ASSERT_GT(before.evicted_young, 0U);
  for (int n = 39'000; n > 20'000; --n) ASSERT_EQ(set("key:" + std::to_string(n), value), Status::ok);
  EXPECT_GT(cache->statistics().readmitted, before.readmitted);
}

}  // namespace
}  // namespace strata::cache
