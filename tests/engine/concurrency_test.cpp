#include <array>
#include <atomic>
#include <functional>
#include <random>
#include <thread>

#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

using ConcurrencyTest = CacheTest;

TEST_F(ConcurrencyTest, ReadersSeeAllOfAnUpdateManyOrNothing) {
  constexpr int kRounds = 1500;
  std::vector<std::string> names;
  names.reserve(20);
  for (int i = 0; i < 20; ++i) names.push_back("key" + std::to_string(i));
  std::vector<Key> keys;
  keys.reserve(names.size());
  for (const std::string& name : names) keys.push_back(cache->key(0, name));
  // Nobody may owe it to a common first key that others are kept out.
  const std::vector<Key> backwards(keys.rbegin(), keys.rend());
  std::atomic<int> writers_left{2};
  std::atomic<int> torn{0};
  const auto write = [&](int writer) {
    const auto own = cache->open_session();
    for (int round = 0; round < kRounds; ++round) {
      const std::string value = std::to_string(writer) + ":" + std::to_string(round);
      EXPECT_EQ(cache->update_many(*own, writer == 0 ? keys : backwards, 0,
                                   [&](std::size_t, Decision& decision) {
                                     if (round % 7 == 0) {
                                       decision.remove();
                                     } else {
                                       decision.put(value, kNoExpiry);
                                     }
                                   }),
                Status::ok);
    }
    --writers_left;
  };
  const auto read = [&](const std::vector<Key>& order) {
    const auto own = cache->open_session();
    do {
      std::string first;
      cache->read_many(*own, order, [&](std::size_t i, const ItemView* item) {
        const std::string value(item != nullptr ? item->value : "-");
        if (i == 0) first = value;
        torn += value != first;
      });
    } while (writers_left > 0);
  };
  std::vector<std::jthread> threads;
  threads.emplace_back(write, 0);
  threads.emplace_back(write, 1);
  threads.emplace_back(read, std::cref(keys));
  threads.emplace_back(read, std::cref(backwards));
  threads.clear();
  EXPECT_EQ(torn, 0);
}

TEST_F(ConcurrencyTest, IncrementsAreNotLost) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 3000;
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      const auto own = cache->open_session();
      std::string after;
      for (int i = 0; i < kRounds; ++i) {
        EXPECT_EQ(cache->update(*own, cache->key(0, "counter"),
                                [&](Decision& decision) {
                                  const std::string before(decision.current() != nullptr ? decision.current()->value : "0");
                                  after = std::to_string(std::stoi(before) + 1);
                                  decision.put(after, kNoExpiry);
                                }),
                  Status::ok);
      }
    });
  }
  threads.clear();
  EXPECT_EQ(get("counter"), std::to_string(kThreads * kRounds));
}

// Everything at once, with little memory: nothing may crash, race, leak or lose count.
class Stress {
 public:
  Stress(Cache& cache, int seed) : cache_(cache), session_(cache.open_session()), random_(static_cast<std::uint64_t>(seed)) {}

  void run(int operations) {
    for (int i = 0; i < operations; ++i) {
      session_->set_now_ms(1'700'000'000'000 + i / 4);
      one(random_() % 100);
    }
  }

 private:
  // Every value is written as one letter again and again.
  static bool is_whole(std::string_view value) {
    return value.empty() || value.find_first_not_of(value[0]) == std::string_view::npos;
  }

  Key any_key() {
    name_ = "key" + std::to_string(random_() % 3000);
    return cache_.key(static_cast<Namespace>(random_() % 2), name_);
  }

  void one(std::uint64_t kind) {
    if (kind < 45) {
      cache_.read(*session_, any_key(), [&](const ItemView& item) {
        if (item.block) pinned_ = item.block;
        EXPECT_TRUE(is_whole(item.value));
      });
    } else if (kind < 85) {
      const std::string value(random_() % 50 == 0 ? 20'000 : random_() % 300, static_cast<char>('a' + random_() % 26));
      const std::int64_t expiry =
          random_() % 2 == 0 ? session_->now_ms() + static_cast<std::int64_t>(random_() % 200) : kNoExpiry;
      static_cast<void>(cache_.update(*session_, any_key(), [&](Decision& decision) { decision.put(value, expiry); }));
    } else if (kind < 88) {
      several();
    } else if (kind < 92) {
      static_cast<void>(cache_.update(*session_, any_key(), [](Decision& decision) { decision.remove(); }));
    } else if (kind < 95) {
      cursor_ =
          cache_.scan(*session_, 0, cursor_, 20, 200, [](std::string_view key, const ItemView&) { EXPECT_FALSE(key.empty()); });
    } else if (kind < 97) {
      cache_.upkeep(*session_, random_() % 2, 2, std::chrono::microseconds(100));
    } else if (kind < 98) {
      if (random_() % 40 == 0) cache_.clear(*session_, static_cast<Namespace>(random_() % 2), random_() % 2 == 0);
      EXPECT_LE(cache_.size(0).items, 3000U);
    } else if (kind < 99) {
      if (ValueRef block = cache_.allocate_value(*session_, 30'000)) {
        std::fill_n(block.data(), block.size(), 'b');
        static_cast<void>(
            cache_.update(*session_, any_key(), [&](Decision& decision) { decision.put(std::move(block), kNoExpiry); }));
      }
    } else {
      cache_.apply({.max_memory_bytes = (3 + random_() % 3) << 19U,
                    .policy = random_() % 2 == 0 ? Policy::allkeys_lru : Policy::volatile_ttl});
      static_cast<void>(cache_.statistics());
    }
  }

  void several() {
    const std::string other = "key" + std::to_string(random_() % 3000);
    const std::string value(random_() % 300, 'm');
    const std::array keys{any_key(), cache_.key(1, other), cache_.key(0, other)};
    if (random_() % 2 == 0) {
      cache_.read_many(*session_, keys,
                       [](std::size_t, const ItemView* item) { EXPECT_TRUE(item == nullptr || is_whole(item->value)); });
    } else {
      static_cast<void>(cache_.update_many(*session_, keys, 3 * value.size(), [&](std::size_t i, Decision& decision) {
        if (i == 1) decision.remove();
        if (i != 1) decision.put(value, kNoExpiry);
      }));
    }
  }

  Cache& cache_;
  std::unique_ptr<Session> session_;
  std::mt19937_64 random_;
  std::string name_;
  std::uint64_t cursor_ = 0;
  ValueRef pinned_;
};

TEST_F(ConcurrencyTest, StressOfEverything) {
  open({.max_memory_bytes = 2ULL << 20U});  // half of it is the empty index
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] { Stress(*cache, t + 1).run(15'000); });
  }
  threads.clear();
  EXPECT_EQ(verify(*cache), "");
  EXPECT_GT(cache->statistics().hits, 0U);
  EXPECT_GT(cache->statistics().evicted, 0U);
  EXPECT_GT(cache->statistics().expired, 0U);
  cache->clear_all(*session, true);
  EXPECT_EQ(cache->budget().bytes(Purpose::items) + cache->budget().bytes(Purpose::large_values), 0U);
}

}  // namespace
}  // namespace strata::cache
