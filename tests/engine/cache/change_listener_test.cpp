#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/cache/cache.h"
#include "tests/engine/cache/protocol_delays.h"
#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

constexpr std::uint64_t kEmptyIndexBytes = 1U << 20U;

// What the listener has been told, as text.
class Notes : public ChangeListener {
 public:
  void changed(const Change& change) noexcept override {
    constexpr std::array kCauses{"written", "expiry", "removed", "expired", "evicted"};
    lines.push_back(std::string(kCauses[static_cast<std::size_t>(change.cause)]) + " " + std::to_string(change.database) + "/" +
                    std::string(change.key) + " " + text(change.before) + "->" + text(change.after));
    EXPECT_EQ(change.sequence, ++sequences_[change.shard]);
  }
  void emptied(Namespace database) noexcept override { lines.push_back("emptied " + std::to_string(database)); }
  void invalidated(Namespace database, std::string_view prefix) noexcept override {
    lines.push_back("invalidated " + std::to_string(database) + "/" + std::string(prefix));
  }
  void swapped(Namespace one, Namespace other) noexcept override {
    lines.push_back("swapped " + std::to_string(one) + " " + std::to_string(other));
  }

  std::vector<std::string> lines;

 private:
  static std::string text(const ItemView* item) {
    if (item == nullptr) return "none";
    const std::string expiry =
        item->expire_at_ms == kNoExpiry ? "" : "@" + std::to_string(item->expire_at_ms - 1'700'000'000'000);
    return std::string(item->value) + expiry;
  }
  std::map<std::size_t, std::uint64_t> sequences_;
};

class ChangeListenerTest : public CacheTest {
 protected:
  ~ChangeListenerTest() override { cache->set_change_listener(nullptr); }
  using Lines = std::vector<std::string>;
  [[nodiscard]] Lines take() { return std::exchange(notes.lines, {}); }

  Notes notes;
};

TEST_F(ChangeListenerTest, HearsWhatBecomesOfAKey) {
  set("a", "unheard");
  cache->set_change_listener(&notes);
  set("a", "1");
  set("b", "text", now() + 5000, 3);
  cache->update(*session, cache->key(3, "b"), [&](Decision& decision) { decision.set_expiry(now() + 9000); });
  cache->update(*session, cache->key(0, "a"), [](Decision& decision) { decision.remove(); });
  cache->update(*session, cache->key(0, "a"), [](Decision& decision) { decision.remove(); });
  EXPECT_EQ(take(), (Lines{"written 0/a unheard->1", "written 3/b none->text@5000", "expiry 3/b text@9000->text@9000",
                           "removed 0/a 1->none"}));
  advance(10'000);
  EXPECT_FALSE(exists("b", 3));
  EXPECT_EQ(take(), (Lines{"expired 3/b text@9000->none"}));
}

TEST_F(ChangeListenerTest, HearsOfSeveralKeysAndOfDatabases) {
  cache->set_change_listener(&notes);
  set("b", "old");
  const std::array keys{cache->key(0, "a"), cache->key(0, "b"), cache->key(1, "c")};
  cache->update_many(*session, keys, 0, [](std::size_t i, Decision& decision) {
    if (i != 1) decision.put("new", kNoExpiry);
    if (i == 1) decision.remove();
  });
  cache->swap(0, 1);
  set("a", "other");
  cache->clear(*session, 1, true);
  set("d", "last", kNoExpiry, 1);
  EXPECT_EQ(take(), (Lines{"written 0/b none->old", "written 0/a none->new", "removed 0/b old->none", "written 1/c none->new",
                           "swapped 0 1", "written 0/a none->other", "emptied 1", "written 1/d none->last"}));
}

TEST_F(ChangeListenerTest, HearsOfPrefixesAndNotOfTheirItems) {
  for (const char* key : {"user:1", "user:2", "user:3", "user:4", "other"}) set(key, "old");
  cache->set_change_listener(&notes);
  EXPECT_EQ(cache->invalidate_prefix(*session, 0, "user:", false), Status::ok);
  set("user:1", "new");
  remove("user:2");
  const std::array keys{cache->key(0, "user:3"), cache->key(0, "other")};
  cache->update_many(*session, keys, 0, [](std::size_t, Decision& decision) { decision.put("both", kNoExpiry); });
  upkeep();
  EXPECT_EQ(take(), (Lines{"invalidated 0/user:", "written 0/user:1 none->new", "written 0/user:3 none->both",
                           "written 0/other old->both"}));
}

TEST_F(ChangeListenerTest, HearsOfEvictionAndNothingAfterItWasReplaced) {
  cache->set_change_listener(&notes);
  limit(kEmptyIndexBytes + 200'000, Policy::allkeys_lru);
  for (int i = 0; i < 3000; ++i) set("key:" + std::to_string(i), std::string(100, 'v'));
  const std::uint64_t evicted = cache->statistics().evicted;
  EXPECT_GT(evicted, 0U);
  std::uint64_t heard = 0;
  for (const std::string& line : notes.lines) heard += line.starts_with("evicted") ? 1U : 0U;
  EXPECT_EQ(heard, evicted);
  cache->set_change_listener(nullptr);
  notes.lines.clear();
  set("a", "1");
  EXPECT_EQ(take(), Lines{});
}

// What the cache should hold, from what its listener has been told.
class Replica : public ChangeListener {
 public:
  using Content = std::map<std::pair<Namespace, std::string>, std::string>;

  void changed(const Change& change) noexcept override {
    const std::lock_guard lock(mutex_);
    const std::pair key(change.database, std::string(change.key));
    const auto known = content_.find(key);
    const bool fits =
        change.before == nullptr ? known == content_.end() : known != content_.end() && known->second == change.before->value;
    if (!fits) ++misfits_;
    if (change.after == nullptr) {
      content_.erase(key);
    } else {
      content_[key] = change.after->value;
    }
  }
  void emptied(Namespace database) noexcept override {
    const std::lock_guard lock(mutex_);
    std::erase_if(content_, [database](const auto& entry) { return entry.first.first == database; });
  }
  void invalidated(Namespace database, std::string_view prefix) noexcept override {
    const std::lock_guard lock(mutex_);
    std::erase_if(content_,
                  [&](const auto& entry) { return entry.first.first == database && entry.first.second.starts_with(prefix); });
  }
  void swapped(Namespace one, Namespace other) noexcept override {
    const std::lock_guard lock(mutex_);
    Content swapped;
    for (auto& [key, value] : content_) {
      const Namespace database = key.first == one ? other : key.first == other ? one : key.first;
      swapped[{database, key.second}] = value;
    }
    content_ = std::move(swapped);
  }

  [[nodiscard]] const Content& content() const { return content_; }
  [[nodiscard]] std::uint64_t misfits() const { return misfits_; }

 private:
  std::mutex mutex_;
  Content content_;
  std::uint64_t misfits_ = 0;
};

void change_at_random(Cache& cache, std::uint64_t seed) {
  const std::unique_ptr<Session> session = cache.open_session();
  std::mt19937_64 random(seed);
  for (int n = 0; n < 20'000; ++n) {
    const auto ns = static_cast<Namespace>(random() % 3);
    const std::string name = "key:" + std::to_string(random() % 200);
    const std::string value = std::to_string(random()) + std::string(random() % 40, 'v');
    const Key key = cache.key(ns, name);
    switch (random() % 12) {
      case 0: cache.update(*session, key, [](Decision& decision) { decision.remove(); }); break;
      case 1: {
        const std::array keys{key, cache.key(2, "other")};
        cache.update_many(*session, keys, 0, [&](std::size_t, Decision& decision) { decision.put(value, kNoExpiry); });
        break;
      }
      case 2:
        if (random() % 50 == 0) cache.clear(*session, ns, false);
        if (random() % 100 == 0) cache.clear_all(*session, false);
        if (random() % 20 == 0) {
          EXPECT_EQ(cache.invalidate_prefix(*session, ns, name.substr(0, 4 + random() % 3), random() % 8 == 0), Status::ok);
        }
        break;
      case 3:
        if (random() % 10 == 0) cache.swap(ns, static_cast<Namespace>((ns + 1) % 3));
        break;
      case 4: (void)cache.upkeep(*session, random() % 4, 4, std::chrono::microseconds(50)); break;
      case 5: session->set_now_ms(session->now_ms() + 1); break;
      default: {
        const std::int64_t expiry =
            random() % 4 == 0 ? session->now_ms() + 5 + static_cast<std::int64_t>(random() % 20) : kNoExpiry;
        cache.update(*session, key, [&](Decision& decision) { decision.put(value, expiry); });
      }
    }
  }
}

TEST(ChangeReplicaTest, IsWhatTheCacheHolds) {
  const ProtocolDelays delays;
  Cache cache({.namespaces = 3, .hash_seed = 7}, {.max_memory_bytes = kEmptyIndexBytes + 32'000, .policy = Policy::allkeys_lru});
  Replica replica;
  cache.set_change_listener(&replica);
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) threads.emplace_back([&cache, seed] { change_at_random(cache, seed); });
  }
  const std::unique_ptr<Session> session = cache.open_session();
  while (cache.pending_prefixes() != 0) (void)cache.upkeep(*session, 0, 1, std::chrono::hours(1));
  cache.set_change_listener(nullptr);
  EXPECT_EQ(replica.misfits(), 0U);
  const Statistics statistics = cache.statistics();
  EXPECT_GT(statistics.invalidated, 0U);
  EXPECT_GT(statistics.evicted, 0U);
  EXPECT_GT(statistics.expired, 0U);
  Replica::Content held;
  session->set_now_ms(0);  // nothing has expired: what was not seen to expire is still there
  for (Namespace ns = 0; ns < 3; ++ns) {
    std::uint64_t cursor = 0;
    do {
      cursor = cache.scan(*session, ns, cursor, 100, 1000, [&](std::string_view key, const ItemView& item) {
        held[{ns, std::string(key)}] = item.value;
      });
    } while (cursor != 0);
    EXPECT_EQ(cache.size(ns).items, static_cast<std::uint64_t>(std::count_if(
                                        held.begin(), held.end(), [ns](const auto& entry) { return entry.first.first == ns; })));
  }
  EXPECT_EQ(held, replica.content());
  EXPECT_EQ(verify(cache), "");
}

}  // namespace
}  // namespace strata::cache
