#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/cache/cache.h"
#include "engine/cache/verify.h"

namespace strata::cache {

// A cache with one session and a clock set by hand; what a test leaves behind must pass verify().
class CacheTest : public testing::Test {
 protected:
  static constexpr std::int64_t kStartMs = 1'700'000'000'000;
  static constexpr std::uint64_t kPlenty = 1ULL << 40U;

  CacheTest() { open({.max_memory_bytes = kPlenty, .policy = Policy::allkeys_lru, .eviction_samples = 5}); }
  ~CacheTest() override { EXPECT_EQ(verify(*cache), ""); }

  void open(const Tunables& tunables) {
    session.reset();
    cache = std::make_unique<Cache>(Options{.namespaces = 4, .hash_seed = 42}, tunables);
    session = cache->open_session();
    set_now(kStartMs);
  }
  void limit(std::uint64_t bytes, Policy policy, unsigned samples = 5) {
    cache->apply({.max_memory_bytes = bytes, .policy = policy, .eviction_samples = samples});
  }
  void set_now(std::int64_t now_ms) {
    now_ms_ = now_ms;
    session->set_now_ms(now_ms);
  }
  void advance(std::int64_t ms) { set_now(now_ms_ + ms); }
  [[nodiscard]] std::int64_t now() const { return now_ms_; }

  Status set(std::string_view key, std::string_view value, std::int64_t expire_at_ms = kNoExpiry, Namespace ns = 0) {
    return cache->put(*session, cache->key(ns, key), value, expire_at_ms);
  }
  Status append(std::string_view key, std::string_view tail) {
    return cache->update(*session, cache->key(0, key), [&](Decision& decision) {
      const ItemView* current = decision.current();
      decision.put(current != nullptr ? current->value : std::string_view(), tail,
                   current != nullptr ? current->expire_at_ms : kNoExpiry);
    });
  }
  std::optional<std::string> get(std::string_view key, Namespace ns = 0) {
    std::optional<std::string> value;
    cache->read(*session, cache->key(ns, key), [&](const ItemView& item) { value = item.value; });
    return value;
  }
  bool exists(std::string_view key, Namespace ns = 0) {
    return cache->peek(*session, cache->key(ns, key), [](const ItemView&) {});
  }
  bool remove(std::string_view key, Namespace ns = 0) {
    bool found = false;
    EXPECT_EQ(cache->update(*session, cache->key(ns, key),
                            [&](Decision& decision) {
                              found = decision.current() != nullptr;
                              decision.remove();
                            }),
              Status::ok);
    return found;
  }
  Status set_many(const std::vector<std::pair<std::string, std::string>>& pairs, std::size_t extra_bytes = 0) {
    std::vector<Key> keys;
    keys.reserve(pairs.size());
    for (const auto& [key, value] : pairs) keys.push_back(cache->key(0, key));
    return cache->update_many(*session, keys, extra_bytes,
                              [&](std::size_t i, Decision& decision) { decision.put(pairs[i].second, kNoExpiry); });
  }
  // Upkeep over all shards without a pressing end, until it says there is no more to do.
  UpkeepReport upkeep() {
    UpkeepReport sum;
    do {
      const UpkeepReport report = cache->upkeep(*session, 0, 1, std::chrono::hours(1));
      sum.expired += report.expired;
      sum.evicted += report.evicted;
      sum.freed += report.freed;
      sum.more = report.more;
    } while (sum.more);
    return sum;
  }

  std::unique_ptr<Cache> cache;
  std::unique_ptr<Session> session;

 private:
  std::int64_t now_ms_ = 0;
};

}  // namespace strata::cache
