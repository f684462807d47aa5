#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <charconv>
#include <string>
#include <thread>
#include <vector>

#include "engine/cache/cache.h"
#include "engine/cache/protocol_points.h"
#include "tests/engine/cache/protocol_delays.h"
#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

class SwapTest : public CacheTest {};

TEST_F(SwapTest, TheDatabasesChangePlaces) {
  set("only0", "a");
  set("both", "of 0");
  set("both", "of 1", now() + 1000, 1);
  cache->swap(0, 1);
  EXPECT_EQ(get("only0"), std::nullopt);
  EXPECT_EQ(get("only0", 1), "a");
  EXPECT_EQ(get("both"), "of 1");
  EXPECT_EQ(get("both", 1), "of 0");
  EXPECT_EQ(cache->size(0).items, 1U);
  EXPECT_EQ(cache->size(0).with_expiry, 1U);
  EXPECT_EQ(cache->size(1).items, 2U);
  cache->clear(*session, 0, true);
  EXPECT_EQ(get("both", 1), "of 0");
  cache->swap(2, 2);
  cache->swap(1, 0);
  EXPECT_EQ(get("both"), "of 0");
}

TEST_F(SwapTest, AKeyHashedBeforeIsOfTheDatabaseItNames) {
  set("key", "of 0");
  const Key key = cache->key(0, "key");
  cache->swap(0, 1);
  EXPECT_FALSE(cache->peek(*session, key, [](const ItemView&) {}));
  cache->update(*session, key, [](Decision& decision) { decision.put("new", kNoExpiry); });
  EXPECT_EQ(get("key"), "new");
  EXPECT_EQ(get("key", 1), "of 0");
}

// Two counters, one in each database, that change places again and again while both are counted up: "A" and a number, "B" and a number.
struct Counters {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  [[nodiscard]] bool read(std::string_view text) {
    std::uint64_t& counter = text.starts_with('A') ? a : b;
    return text.size() > 1 && std::from_chars(text.data() + 1, text.data() + text.size(), counter).ec == std::errc{};
  }
};

// Says what was wrong; empty: nothing.
std::string swap_while_counting() {
  const ProtocolDelays delays;
  Cache cache({.namespaces = 2, .hash_seed = 3}, {.max_memory_bytes = 1ULL << 40U});
  const std::string name = "counter";
  {
    const auto session = cache.open_session();
    cache.update(*session, cache.key(0, name), [](Decision& decision) { decision.put("A0", kNoExpiry); });
    cache.update(*session, cache.key(1, name), [](Decision& decision) { decision.put("B0", kNoExpiry); });
  }
  constexpr std::uint64_t kEach = 20'000;
  std::atomic<int> counting = 2;
  std::atomic<const char*> wrong = "";
  {
    std::vector<std::jthread> threads;
    for (Namespace ns = 0; ns < 2; ++ns) {
      threads.emplace_back([&, ns] {
        const auto session = cache.open_session();
        for (std::uint64_t n = 0; n < kEach; ++n) {
          std::string next;
          cache.update(*session, cache.key(ns, name), [&](Decision& decision) {
            const std::string_view text = decision.current()->value;
            Counters counters;
            (void)counters.read(text);
            next = text.front() + std::to_string(counters.a + counters.b + 1);
            decision.put(next, kNoExpiry);
          });
        }
        --counting;
      });
    }
    threads.emplace_back([&] {
      while (counting > 0) {
        cache.swap(0, 1);
        std::this_thread::yield();
      }
    });
    threads.emplace_back([&] {
      const auto session = cache.open_session();
      Counters last;
      while (counting > 0) {
        const std::array keys{cache.key(0, name), cache.key(1, name)};
        Counters now;
        std::string seen;
        cache.read_many(*session, keys, [&](std::size_t, const ItemView* item) {
          if (item == nullptr || !now.read(item->value)) wrong = "a counter is gone";
          if (item != nullptr) seen += item->value.front();
        });
        if (seen != "AB" && seen != "BA") wrong = "the same counter in both databases";
        if (now.a < last.a || now.b < last.b) wrong = "a counter went back";
        last = now;
      }
    });
  }
  const auto session = cache.open_session();
  Counters end;
  for (Namespace ns = 0; ns < 2; ++ns)
    cache.peek(*session, cache.key(ns, name), [&](const ItemView& item) { (void)end.read(item.value); });
  if (end.a + end.b != 2 * kEach) wrong = "counts are lost";
  return wrong.load();
}

TEST(SwapWhileCountingTest, NothingIsLostAndBothAreSeenOnce) { EXPECT_EQ(swap_while_counting(), ""); }

TEST(SwapWhileCountingTest, ShowsThatAReadOfBothWasNotValidated) {
  set_protocol_fault(ProtocolFault::databases_not_validated);
  std::string wrong;
  for (int round = 0; round < 20 && wrong.empty(); ++round) wrong = swap_while_counting();
  set_protocol_fault(ProtocolFault::none);
  EXPECT_NE(wrong, "");
}

}  // namespace
}  // namespace strata::cache
