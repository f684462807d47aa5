#include <atomic>
#include <functional>
#include <thread>

#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

class Chooser final : public VictimChooser {
 public:
  using Function = std::function<std::size_t(std::span<const VictimCandidate>)>;
  explicit Chooser(Function function) : function_(std::move(function)) {}
  [[nodiscard]] std::size_t choose(std::span<const VictimCandidate> candidates) noexcept override {
    return function_(candidates);
  }

 private:
  Function function_;
};

class CustomPolicyTest : public CacheTest {
 protected:
  CustomPolicyTest() { open({.max_memory_bytes = kPlenty, .policy = Policy::noeviction}); }
  ~CustomPolicyTest() override {
    limit(kPlenty, Policy::noeviction);
    EXPECT_TRUE(cache->set_victim_chooser(nullptr));
  }

  static std::string name(int i) { return "key" + std::to_string(i); }
  // Sets the limit to what is held now, and has `chooser` choose.
  void choose_by(Chooser& chooser, unsigned samples = 5) {
    ASSERT_TRUE(cache->set_victim_chooser(&chooser));
    limit(cache->budget().total_bytes() + 600, Policy::custom, samples);
    ASSERT_EQ(cache->tunables().policy, Policy::custom);
  }
  int count(int from, int to) {
    int there = 0;
    for (int i = from; i < to; ++i) there += exists(name(i));
    return there;
  }
};

TEST_F(CustomPolicyTest, NeedsSomebodyWhoChooses) {
  EXPECT_FALSE(cache->apply({.max_memory_bytes = 1, .policy = Policy::custom}));
  EXPECT_EQ(cache->tunables().policy, Policy::noeviction);
  EXPECT_EQ(cache->tunables().max_memory_bytes, kPlenty) << "nothing is changed";
  Chooser chooser([](auto) { return std::size_t{0}; });
  ASSERT_TRUE(cache->set_victim_chooser(&chooser));
  EXPECT_TRUE(cache->apply({.max_memory_bytes = kPlenty, .policy = Policy::custom}));
  EXPECT_FALSE(cache->set_victim_chooser(nullptr));
  EXPECT_TRUE(cache->has_victim_chooser());
}

TEST_F(CustomPolicyTest, WhatIsChosenGoes) {
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(set(name(i), std::string(i % 2 == 0 ? 2000 : 1000, 'v')), Status::ok);
  std::size_t most = 0;
  Chooser largest([&most](std::span<const VictimCandidate> candidates) {
    most = std::max(most, candidates.size());
    std::size_t chosen = 0;
    for (std::size_t n = 1; n < candidates.size(); ++n) {
      if (candidates[n].item_bytes > candidates[chosen].item_bytes) chosen = n;
    }
    return chosen;
  });
  choose_by(largest, 16);
  for (int i = 1000; i < 1600; ++i) ASSERT_EQ(set(name(i), std::string(1000, 'v')), Status::ok);
  int small = 0;
  for (int i = 1; i < 1000; i += 2) small += exists(name(i));
  EXPECT_GE(small, 490) << "a sample of 16 has a large one, nearly always";
  EXPECT_EQ(most, 16U);
  const Statistics statistics = cache->statistics();
  EXPECT_EQ(statistics.chosen, statistics.evicted);
  EXPECT_GE(statistics.chosen, 290U);
  EXPECT_GE(statistics.sampled, statistics.chosen * 15);
}

TEST_F(CustomPolicyTest, ShowsWhatIsKnownOfAnItem) {
  for (int i = 0; i < 300; ++i) ASSERT_EQ(set(name(i), "v"), Status::ok);
  Chooser none([](auto) { return std::size_t{0}; });
  choose_by(none);  // uses are counted from here on
  limit(kPlenty, Policy::custom);
  ASSERT_EQ(set("number", "12345678", now() + 5000), Status::ok);
  // Small items next to each other share a byte.
  ASSERT_EQ(set("between", std::string(200, 'v')), Status::ok);
  ASSERT_EQ(set("large", std::string(100'000, 'v'), kNoExpiry, 2), Status::ok);
  ASSERT_EQ(set("behind", std::string(200, 'v')), Status::ok);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(get("number"));
  ASSERT_EQ(set("last", "v"), Status::ok);  // a thread does not offer the key that it has added last
  std::vector<std::pair<std::string, VictimCandidate>> shown;
  Chooser looks([&shown](std::span<const VictimCandidate> candidates) {
    std::size_t chosen = VictimChooser::kNone;
    for (std::size_t n = 0; n < candidates.size(); ++n) {
      shown.emplace_back(candidates[n].key, candidates[n]);
      if (candidates[n].key.starts_with("key")) chosen = n;
    }
    return chosen;
  });
  choose_by(looks, 64);
  for (int i = 0; i < 60; ++i) {
    limit(Cache::limit_for(cache->budget().total_bytes() - 2), Policy::custom, 64);
    ASSERT_EQ(cache->make_room(*session, 0), Status::ok);
  }
  const auto find = [&shown](std::string_view key) {
    for (const auto& [name, candidate] : shown) {
      if (name == key) return candidate;
    }
    ADD_FAILURE() << key << " was not shown";
    return VictimCandidate{};
  };
  const VictimCandidate number = find("number");
  EXPECT_EQ(number.value_bytes, 8U);
  EXPECT_EQ(number.database, 0U);
  EXPECT_EQ(number.expire_at_ms, now() + 5000);
  EXPECT_GE(number.uses, 2U) << "once written and twice read, as logarithms count";
  EXPECT_LE(number.uses, 4U);
  EXPECT_EQ(number.hits, 2U);
  const VictimCandidate large = find("large");
  EXPECT_EQ(large.value_bytes, 100'000U);
  EXPECT_GE(large.item_bytes, 100'000U);
  EXPECT_EQ(large.database, 2U);
  EXPECT_EQ(large.expire_at_ms, kNoExpiry);
  EXPECT_EQ(large.uses, 1U);
}

TEST_F(CustomPolicyTest, WhoWantsNoneIsAskedThreeTimes) {
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(set(name(i), std::string(1000, 'v'), i % 2 == 0 ? now() + 1'000'000 : kNoExpiry), Status::ok);
  std::uint64_t asked = 0;
  Chooser none([&asked](auto) {
    ++asked;
    return VictimChooser::kNone;
  });
  choose_by(none, 32);
  for (int i = 1000; i < 1100; ++i) ASSERT_EQ(set(name(i), std::string(1000, 'v')), Status::ok);
  const Statistics statistics = cache->statistics();
  EXPECT_GE(statistics.evicted, 95U);
  EXPECT_EQ(statistics.chosen, 0U);
  EXPECT_EQ(asked, 3 * statistics.evicted);
  EXPECT_EQ(statistics.choice_refusals, asked);
  int lasting = 0;
  for (int i = 1; i < 1000; i += 2) lasting += exists(name(i));
  EXPECT_EQ(lasting, 500) << "what expires goes first then";
}

TEST_F(CustomPolicyTest, NumbersThatNoCandidateHasCountAsNone) {
  for (int i = 0; i < 100; ++i) ASSERT_EQ(set(name(i), std::string(1000, 'v')), Status::ok);
  Chooser wrong([](std::span<const VictimCandidate> candidates) { return candidates.size(); });
  choose_by(wrong);
  for (int i = 100; i < 150; ++i) ASSERT_EQ(set(name(i), std::string(1000, 'v')), Status::ok);
  EXPECT_EQ(cache->statistics().chosen, 0U);
  EXPECT_GT(cache->statistics().choice_refusals, 100U);
  EXPECT_TRUE(exists(name(149)));
}

TEST_F(CustomPolicyTest, WhoIsReplacedIsCalledNoMore) {
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(set(name(i), std::string(1000, 'v')), Status::ok);
  std::atomic<int> inside = 0;
  std::atomic<bool> ends = false;
  const auto make = [&inside] {
    auto is_alive = std::make_shared<std::atomic<bool>>(true);
    auto chooser = std::make_unique<Chooser>([&inside, is_alive](auto) {
      inside.fetch_add(1);
      EXPECT_TRUE(is_alive->load());
      return std::size_t{0};
    });
    return std::pair(std::move(chooser), is_alive);
  };
  auto [chooser, is_alive] = make();
  choose_by(*chooser);
  std::vector<std::thread> writers;
  for (int thread = 0; thread < 3; ++thread) {
    writers.emplace_back([&, thread] {
      const auto own = cache->open_session();
      for (int i = 0; !ends; ++i) {
        const std::string key = name(10'000 + i * 3 + thread);
        (void)cache->update(*own, cache->key(0, key), [](Decision& decision) { decision.put(std::string_view("v"), kNoExpiry); });
      }
    });
  }
  for (int round = 0; round < 200; ++round) {
    auto [next, next_is_alive] = make();
    ASSERT_TRUE(cache->set_victim_chooser(next.get()));
    is_alive->store(false);
    chooser = std::move(next);
    is_alive = next_is_alive;
  }
  while (inside.load() == 0) std::this_thread::yield();
  ends = true;
  for (std::thread& writer : writers) writer.join();
  limit(kPlenty, Policy::noeviction);
  EXPECT_TRUE(cache->set_victim_chooser(nullptr));
}

}  // namespace
}  // namespace strata::cache
