#include <gtest/gtest.h>
#include <strata/cache.h>
#include <strata/cache.hpp>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace strata::test {
namespace {

constexpr std::uint64_t kMemory = std::uint64_t{64} << 20U;

strata_bytes bytes(std::string_view text) { return {text.data(), text.size()}; }
strata_cache_key key_of(std::string_view text, std::uint32_t database = 0) { return {bytes(text), database}; }

// A cache without a thread of its own.
class CacheCalls : public testing::Test {
 protected:
  CacheCalls() {
    options.cache_size = kMemory;
    options.databases = 2;
    options.maintenance_ms = 0;
    EXPECT_EQ(strata_cache_create(&options, &cache), STRATA_OK);
  }
  ~CacheCalls() override { strata_cache_destroy(cache); }

  std::string get(std::string_view key, std::uint32_t database = 0) {
    std::string value;
    const auto visit = [](void* context, const strata_cache_item* item) {
      static_cast<std::string*>(context)->assign(static_cast<const char*>(item->value.data), item->value.size);
    };
    const strata_status status = strata_cache_get(cache, key_of(key, database), visit, &value);
    return status == STRATA_OK ? value : "(" + std::string(strata_status_text(status)) + ")";
  }
  strata_status put(std::string_view key, std::string_view value, std::int64_t ttl_ms = 0) {
    return strata_cache_put(cache, key_of(key), bytes(value), ttl_ms);
  }
  strata_cache_statistics statistics() {
    strata_cache_statistics told = STRATA_CACHE_STATISTICS_INIT;
    EXPECT_EQ(strata_cache_get_statistics(cache, &told), STRATA_OK);
    return told;
  }

  strata_cache_config options = STRATA_CACHE_CONFIG_INIT;
  strata_cache* cache = nullptr;
};

TEST_F(CacheCalls, StoreShowAndRemove) {
  EXPECT_EQ(get("a"), "(not found)");
  EXPECT_EQ(put("a", "one"), STRATA_OK);
  EXPECT_EQ(get("a"), "one");
  EXPECT_EQ(get("a", 1), "(not found)");
  EXPECT_EQ(strata_cache_add(cache, key_of("a"), bytes("two"), 0), STRATA_ALREADY_THERE);
  EXPECT_EQ(strata_cache_add(cache, key_of("a", 1), bytes("two"), 0), STRATA_OK);
  EXPECT_EQ(get("a"), "one");
  EXPECT_EQ(get("a", 1), "two");
  EXPECT_EQ(strata_cache_remove(cache, key_of("a")), STRATA_OK);
  EXPECT_EQ(strata_cache_remove(cache, key_of("a")), STRATA_NOT_FOUND);
  EXPECT_EQ(strata_cache_clear(cache, 1), STRATA_OK);
  EXPECT_EQ(get("a", 1), "(not found)");
  EXPECT_EQ(statistics().items, 0U);
  EXPECT_EQ(statistics().hits, 3U);
}

TEST_F(CacheCalls, AnyBytesAreKeysAndValues) {
  const std::string zeros(3, '\0');
  const std::string large(1 << 20, 'x');
  EXPECT_EQ(put("", ""), STRATA_OK);
  EXPECT_EQ(put(zeros, "12345"), STRATA_OK);
  EXPECT_EQ(put(large.substr(0, 1000), large), STRATA_OK);
  EXPECT_EQ(get(""), "");
  EXPECT_EQ(get(zeros), "12345");
  EXPECT_EQ(get(large.substr(0, 1000)), large);
  char part[4] = {};
  std::size_t size = 0;
  EXPECT_EQ(strata_cache_copy(cache, key_of(zeros), part, 3, &size), STRATA_OK);
  EXPECT_STREQ(part, "123");
  EXPECT_EQ(size, 5U);
}

TEST_F(CacheCalls, SeveralAtOneMoment) {
  const strata_cache_key keys[] = {key_of("a"), key_of("b"), key_of("nothing")};
  const strata_bytes values[] = {bytes("1"), bytes("2")};
  EXPECT_EQ(strata_cache_put_many(cache, keys, values, 2, 0), STRATA_OK);
  std::string seen;
  const auto visit = [](void* context, std::size_t number, const strata_cache_item* item) {
    auto& text = *static_cast<std::string*>(context);
    text += std::to_string(number) + "=";
    text += item == nullptr ? "none" : std::string(static_cast<const char*>(item->value.data), item->value.size);
    text += " ";
  };
  EXPECT_EQ(strata_cache_get_many(cache, keys, 3, visit, &seen), STRATA_OK);
  EXPECT_EQ(seen, "0=1 1=2 2=none ");
}

TEST_F(CacheCalls, UpdateSeesAndDecides) {
  const auto count = [](void*, const strata_cache_item* current, strata_cache_change* change) {
    static thread_local std::string next;
    const std::string before =
        current == nullptr ? "0" : std::string(static_cast<const char*>(current->value.data), current->value.size);
    next = std::to_string(std::stoi(before) + 1);
    change->action = STRATA_CACHE_PUT;
    change->value = {next.data(), next.size()};
  };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) EXPECT_EQ(strata_cache_update(cache, key_of("n"), count, nullptr), STRATA_OK);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(get("n"), "2000");
  const auto remove = [](void*, const strata_cache_item*, strata_cache_change* change) { change->action = STRATA_CACHE_REMOVE; };
  EXPECT_EQ(strata_cache_update(cache, key_of("n"), remove, nullptr), STRATA_OK);
  EXPECT_EQ(get("n"), "(not found)");
  const auto nonsense = [](void*, const strata_cache_item*, strata_cache_change* change) {
    change->ttl_ms = -1, change->action = STRATA_CACHE_PUT;
  };
  EXPECT_EQ(strata_cache_update(cache, key_of("n"), nonsense, nullptr), STRATA_INVALID_ARGUMENT);
}

TEST_F(CacheCalls, TheLimitHolds) {
  const std::string value(1000, 'v');
  EXPECT_EQ(strata_cache_set_limit(cache, std::uint64_t{8} << 20U), STRATA_OK);
  for (int i = 0; i < 20'000; ++i) EXPECT_EQ(put("key" + std::to_string(i), value), STRATA_OK);
  EXPECT_LE(statistics().used_bytes, std::uint64_t{8} << 20U);
  EXPECT_GT(statistics().evicted, 10'000U);
  EXPECT_EQ(get("key19999"), value);
  EXPECT_EQ(put("vast", std::string(std::size_t{9} << 20U, 'x')), STRATA_OUT_OF_MEMORY);
  EXPECT_EQ(strata_cache_set_limit(cache, std::uint64_t{4} << 20U), STRATA_OK);
  bool more = true;
  while (more) EXPECT_EQ(strata_cache_maintain(cache, 10'000, &more), STRATA_OK);
  EXPECT_LE(statistics().used_bytes, std::uint64_t{4} << 20U);
}

TEST_F(CacheCalls, ThreadsLeaveNothingBehind) {
  for (int round = 0; round < 50; ++round) {
    std::thread([&] {
      EXPECT_EQ(strata_cache_begin(cache), STRATA_OK);
      EXPECT_EQ(strata_cache_begin(cache), STRATA_INVALID_ARGUMENT);  // not nested
      put("key" + std::to_string(round), "value");
      strata_cache_end(cache);
    }).join();
  }
  EXPECT_EQ(statistics().items, 50U);
  EXPECT_EQ(statistics().retired_bytes, 0U);
}

TEST_F(CacheCalls, ACacheMayEndBeforeItsThreads) {
  std::atomic<int> step = 0;
  std::thread other([&] {
    put("a", "1");
    step = 1;
    while (step != 2) std::this_thread::yield();
  });
  while (step != 1) std::this_thread::yield();
  strata_cache_destroy(cache);
  step = 2;
  other.join();
  EXPECT_EQ(strata_cache_create(&options, &cache), STRATA_OK);
  EXPECT_EQ(get("a"), "(not found)");
}

TEST_F(CacheCalls, RefuseWhatMakesNoSense) {
  strata_cache* none = nullptr;
  const auto refused = [&](auto change) {
    strata_cache_config wrong = STRATA_CACHE_CONFIG_INIT;
    change(wrong);
    return strata_cache_create(&wrong, &none);
  };
  EXPECT_EQ(refused([](auto& wrong) { wrong.databases = 0; }), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](auto& wrong) { wrong.databases = 129; }), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](auto& wrong) { wrong.cache_size = 1000; }), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](auto& wrong) { wrong.struct_bytes = 3; }), STRATA_STRUCT_SIZE);
  EXPECT_EQ(strata_cache_create(&options, nullptr), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(none, nullptr);
  EXPECT_EQ(strata_cache_put(nullptr, key_of("a"), bytes("b"), 0), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(strata_cache_put(cache, key_of("a", 2), bytes("b"), 0), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(strata_cache_put(cache, {{nullptr, 1}, 0}, bytes("b"), 0), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(put("a", "b", -1), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(strata_cache_get(cache, key_of("a"), nullptr, nullptr), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(strata_cache_clear(cache, 2), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(strata_cache_maintain(nullptr, 1, nullptr), STRATA_INVALID_ARGUMENT);
  strata_cache_end(nullptr);
  strata_cache_destroy(nullptr);
}

TEST(CacheConfig, NamesWhatIsWrong) {
  struct Wrong {
    const char* member;
    strata_status status;
    void (*change)(strata_cache_config&);
  };
  const Wrong wrong[] = {
      {"cache_size", STRATA_INVALID_ARGUMENT, [](auto& config) { config.cache_size = 1000; }},
      {"cache_levels", STRATA_INVALID_ARGUMENT, [](auto& config) { config.cache_levels = 0; }},
      {"cache_levels", STRATA_INVALID_ARGUMENT, [](auto& config) { config.cache_levels = 8; }},
      {"cache_levels", STRATA_NOT_SUPPORTED, [](auto& config) { config.cache_levels |= STRATA_CACHE_LEVEL_THREAD; }},
      {"cache_levels", STRATA_NOT_SUPPORTED, [](auto& config) { config.cache_levels = STRATA_CACHE_LEVEL_DISK; }},
      {"compression", STRATA_NOT_SUPPORTED, [](auto& config) { config.compression = STRATA_CACHE_COMPRESSION_LZ4; }},
      {"flags", STRATA_NOT_SUPPORTED, [](auto& config) { config.flags = 2; }},
      {"expiry_jitter_percent", STRATA_INVALID_ARGUMENT, [](auto& config) { config.expiry_jitter_percent = 91; }},
      {"databases", STRATA_INVALID_ARGUMENT, [](auto& config) { config.databases = 129; }},
  };
  for (const Wrong& one : wrong) {
    strata_cache_config config = STRATA_CACHE_CONFIG_INIT;
    one.change(config);
    strata_cache* none = nullptr;
    EXPECT_EQ(strata_cache_create(&config, &none), one.status) << one.member;
    EXPECT_EQ(none, nullptr);
    EXPECT_EQ(strata_cache_last_error()->status, one.status);
    EXPECT_EQ(std::string(strata_cache_last_error()->text).rfind(one.member, 0), 0U) << strata_cache_last_error()->text;
    EXPECT_STREQ(strata_cache_last_error()->function, "strata_cache_create");
  }
  cache_config config;
  config.dynamic_sizing = strata_cache_dynamic_sizing STRATA_CACHE_DYNAMIC_SIZING_INIT;
  config.dynamic_sizing->min_size = config.cache_size + 1;
  try {
    class cache cache(config);
    ADD_FAILURE() << "made";
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()).rfind("min_size", 0), 0U) << error.what();
  }
}

TEST(CacheConfig, ReadsHowTheSizeGivesWay) {
  struct Wrong {
    const char* member;
    void (*change)(strata_cache_dynamic_sizing&);
  };
  const Wrong wrong[] = {
      {"min_size", [](auto& sizing) { sizing.min_size = 1000; }},
      {"growth_percent", [](auto& sizing) { sizing.growth_percent = 100; }},
      {"look_ms", [](auto& sizing) { sizing.look_ms = 9; }},
      {"calm_ms", [](auto& sizing) { sizing.calm_ms = -1; }},
  };
  for (const Wrong& one : wrong) {
    strata_cache_dynamic_sizing sizing = STRATA_CACHE_DYNAMIC_SIZING_INIT;
    one.change(sizing);
    strata_cache_config config = STRATA_CACHE_CONFIG_INIT;
    config.dynamic_sizing = &sizing;
    strata_cache* none = nullptr;
    EXPECT_EQ(strata_cache_create(&config, &none), STRATA_INVALID_ARGUMENT) << one.member;
    EXPECT_EQ(std::string(strata_cache_last_error()->text).rfind(one.member, 0), 0U) << strata_cache_last_error()->text;
  }
  // The reserve is more than any machine has: all that may go goes with the first maintenance.
  strata_cache_dynamic_sizing sizing = STRATA_CACHE_DYNAMIC_SIZING_INIT;
  sizing.min_size = 4U << 20U;
  sizing.reserve_bytes = std::uint64_t{1} << 50U;
  strata_cache_config config = STRATA_CACHE_CONFIG_INIT;
  config.cache_size = 8U << 20U;
  config.maintenance_ms = 0;
  config.dynamic_sizing = &sizing;
  strata_cache* cache = nullptr;
  ASSERT_EQ(strata_cache_create(&config, &cache), STRATA_OK);
  const auto limit = [cache] {
    strata_cache_statistics told = STRATA_CACHE_STATISTICS_INIT;
    EXPECT_EQ(strata_cache_get_statistics(cache, &told), STRATA_OK);
    return told.limit_bytes;
  };
  EXPECT_EQ(limit(), 8U << 20U);
  EXPECT_EQ(strata_cache_maintain(cache, 10'000, nullptr), STRATA_OK);
  EXPECT_EQ(limit(), 4U << 20U);
  strata_cache_destroy(cache);
}

TEST(CacheConfig, ReadsWhatIsToBeInvalidated) {
  strata_cache_auto_invalidation automatic = STRATA_CACHE_AUTO_INVALIDATION_INIT;
  strata_cache_config config = STRATA_CACHE_CONFIG_INIT;
  config.auto_invalidation = &automatic;
  strata_cache* cache = nullptr;
  automatic.max_age_ms = 1;
  EXPECT_EQ(strata_cache_create(&config, &cache), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(std::string(strata_cache_last_error()->text).rfind("max_age_ms", 0), 0U) << strata_cache_last_error()->text;
  automatic.max_age_ms = 1000;
  automatic.hits_database = 1;
  EXPECT_EQ(strata_cache_create(&config, &cache), STRATA_INVALID_ARGUMENT);
  automatic.hits_database = 0;
  automatic.struct_bytes = 8;
  EXPECT_EQ(strata_cache_create(&config, &cache), STRATA_STRUCT_SIZE);
  automatic.struct_bytes = sizeof automatic;
  EXPECT_EQ(strata_cache_create(&config, &cache), STRATA_OK);
  automatic.pressure_percent = 50;
  automatic.relief_percent = 50;
  EXPECT_EQ(strata_cache_set_auto_invalidation(cache, &automatic), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(strata_cache_set_auto_invalidation(cache, nullptr), STRATA_OK);
  strata_cache_destroy(cache);
}

TEST_F(CacheCalls, AutoInvalidationTakesOutAndTells) {
  strata_cache_auto_invalidation automatic = STRATA_CACHE_AUTO_INVALIDATION_INIT;
  automatic.interval_ms = 1;
  automatic.idle_percent = 1;
  put("before", "v");
  EXPECT_EQ(strata_cache_set_auto_invalidation(cache, &automatic), STRATA_OK);
  // By the clock of the system, which goes on by itself.
  std::size_t count = 0;
  strata_cache_event event{};
  // The event comes with the end of the walk that has removed it.
  while (count == 0) {
    EXPECT_EQ(strata_cache_maintain(cache, 1000, nullptr), STRATA_OK);
    EXPECT_EQ(strata_cache_get_events(cache, 0, &event, 1, &count), STRATA_OK);
  }
  EXPECT_EQ(get("before"), "(not found)");
  EXPECT_EQ(statistics().invalidated, 1U);
  EXPECT_EQ(count, 1U);
  EXPECT_EQ(event.number, 1U);
  EXPECT_EQ(event.kind, STRATA_CACHE_EVENT_IDLE_ITEMS);
  EXPECT_EQ(event.removed, 1U);
  EXPECT_EQ(strata_cache_get_events(cache, 1, nullptr, 0, &count), STRATA_OK);
  EXPECT_EQ(count, 0U);
  EXPECT_EQ(strata_cache_get_events(cache, 1, nullptr, 1, &count), STRATA_INVALID_ARGUMENT);
}

TEST_F(CacheCalls, InvalidateByKeysPrefixAndGlob) {
  for (const char* key : {"user:1", "user:2", "post:1", "post:2", "post:x", "other"}) put(key, "v");
  const strata_cache_key keys[] = {key_of("other"), key_of("none")};
  std::size_t removed = 7;
  EXPECT_EQ(strata_cache_remove_many(cache, keys, 2, &removed), STRATA_OK);
  EXPECT_EQ(removed, 1U);
  EXPECT_EQ(strata_cache_invalidate_prefix(cache, 0, bytes("user:")), STRATA_OK);
  EXPECT_EQ(get("user:1"), "(not found)");
  EXPECT_EQ(put("user:2", "new"), STRATA_OK);
  EXPECT_EQ(statistics().pending_prefixes, 1U);
  std::uint64_t matched = 7;
  EXPECT_EQ(strata_cache_invalidate_matching(cache, 0, bytes("post:[0-9]"), &matched), STRATA_OK);
  EXPECT_EQ(matched, 2U);
  EXPECT_EQ(get("post:1"), "(not found)");
  EXPECT_EQ(get("post:x"), "v");
  bool more = true;
  while (more) EXPECT_EQ(strata_cache_maintain(cache, 1'000'000, &more), STRATA_OK);
  EXPECT_EQ(get("user:2"), "new");
  EXPECT_EQ(statistics().pending_prefixes, 0U);
  EXPECT_EQ(statistics().items, 2U);
  EXPECT_EQ(strata_cache_invalidate_prefix(cache, 0, bytes("")), STRATA_OK);
  EXPECT_EQ(statistics().items, 0U);
  EXPECT_EQ(strata_cache_invalidate_prefix(cache, 0, bytes(std::string(1025, 'p'))), STRATA_SIZE_OVERFLOW);
  EXPECT_EQ(strata_cache_invalidate_matching(cache, 0, bytes(std::string(1025, '*')), nullptr), STRATA_SIZE_OVERFLOW);
  EXPECT_EQ(strata_cache_invalidate_prefix(cache, 2, bytes("p")), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(strata_cache_invalidate_matching(cache, 2, bytes("p"), nullptr), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(strata_cache_remove_many(cache, nullptr, 1, nullptr), STRATA_INVALID_ARGUMENT);
}

TEST(CacheMaintenance, AThreadOfTheCacheRemovesWhatHasExpired) {
  strata_cache_config options = STRATA_CACHE_CONFIG_INIT;
  options.maintenance_ms = 1;
  class cache cache(options);
  for (int i = 0; i < 1000; ++i) cache.put("key" + std::to_string(i), "value", std::chrono::milliseconds(1));
  cache.put("stays", "value");
  // The sum is told a little after the last of them has gone.
  while (cache.statistics().items > 1 || cache.statistics().expired < 1000) std::this_thread::yield();
  EXPECT_EQ(cache.statistics().expired, 1000U);
  EXPECT_EQ(cache.get("stays"), "value");
}

TEST(CacheWrapper, IsTheSameInCxx) {
  class cache cache(kMemory);
  EXPECT_EQ(cache.get("a"), std::nullopt);
  EXPECT_EQ(cache.put("a", "1"), STRATA_OK);
  EXPECT_EQ(cache.add("a", "2"), STRATA_ALREADY_THERE);
  {
    const class cache::guard guard(cache);
    EXPECT_EQ(cache.get("a"), "1");
  }
  EXPECT_THROW(cache.read("a", [](std::string_view) { throw std::runtime_error("out"); }), std::runtime_error);
  class cache moved = std::move(cache);
  EXPECT_TRUE(moved.remove("a"));
  EXPECT_FALSE(moved.remove("a"));
  EXPECT_THROW(strata::cache(std::uint64_t{1}), std::invalid_argument);
}

}  // namespace
}  // namespace strata::test
