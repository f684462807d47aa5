#include <gtest/gtest.h>
#include <strata/cache.h>
#include <strata/cache.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>

namespace strata::test {
namespace {

constexpr std::uint64_t kMemory = std::uint64_t{4} << 20U;

std::size_t first(void* context, const strata_cache_candidate* candidates, std::size_t count) {
  // The cache's own thread may ask at the same time.
  static_cast<std::atomic<std::size_t>*>(context)->fetch_add(1);
  return candidates != nullptr && count > 0 ? 0 : STRATA_CACHE_NONE;
}

void fill(strata_cache* cache, int from, int to) {
  const std::string value(1000, 'v');
  for (int i = from; i < to; ++i) {
    const std::string key = "key" + std::to_string(i);
    ASSERT_EQ(strata_cache_put(cache, {{key.data(), key.size()}, 0}, {value.data(), value.size()}, 60'000), STRATA_OK);
  }
}

TEST(CachePolicies, AllCanBeChosenWhenItIsMadeAndLater) {
  for (int number = STRATA_CACHE_LRU; number <= STRATA_CACHE_VOLATILE_LFU; ++number) {
    const auto policy = static_cast<strata_cache_policy>(number);
    strata_cache_config options = STRATA_CACHE_CONFIG_INIT;
    options.cache_size = kMemory;
    options.replacement_policy = policy;
    options.maintenance_ms = 0;
    strata_cache* cache = nullptr;
    ASSERT_EQ(strata_cache_create(&options, &cache), STRATA_OK) << number;
    EXPECT_EQ(strata_cache_set_policy(cache, STRATA_CACHE_S3FIFO), STRATA_OK);
    fill(cache, 0, 1000);
    EXPECT_EQ(strata_cache_set_policy(cache, policy), STRATA_OK) << number;
    if (policy != STRATA_CACHE_NO_EVICTION) fill(cache, 1000, 6000);
    strata_cache_destroy(cache);
  }
}

TEST(CachePolicies, WhatIsNoneIsRefused) {
  cache cache(kMemory);
  EXPECT_EQ(cache.set_policy(static_cast<strata_cache_policy>(15)), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(cache.set_samples(0), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(cache.set_samples(65), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(cache.set_samples(64), STRATA_OK);
  EXPECT_EQ(strata_cache_set_policy(nullptr, STRATA_CACHE_LFU), STRATA_INVALID_ARGUMENT);
  EXPECT_EQ(strata_cache_set_chooser(nullptr, first, nullptr), STRATA_INVALID_ARGUMENT);
}

TEST(CachePolicies, CustomNeedsAFunctionAndSaysSo) {
  EXPECT_THROW(cache(kMemory, STRATA_CACHE_CUSTOM), std::invalid_argument);
  // Nobody else is in the middle of a choice when the sums are compared.
  cache cache(cache_config{.cache_size = kMemory, .maintenance = std::chrono::milliseconds(0)});
  EXPECT_EQ(cache.set_policy(STRATA_CACHE_CUSTOM), STRATA_NO_CHOOSER);
  EXPECT_NE(std::string(strata_status_text(STRATA_NO_CHOOSER)).find("strata_cache_set_chooser"), std::string::npos);
  std::atomic<std::size_t> calls = 0;
  EXPECT_EQ(strata_cache_set_chooser(cache.handle(), first, &calls), STRATA_OK);
  EXPECT_EQ(cache.set_policy(STRATA_CACHE_CUSTOM), STRATA_OK);
  EXPECT_EQ(strata_cache_set_chooser(cache.handle(), nullptr, nullptr), STRATA_NO_CHOOSER);
  fill(cache.handle(), 0, 6000);
  EXPECT_GT(calls, 1000U);
  EXPECT_EQ(cache.statistics().chosen, calls);
  EXPECT_EQ(cache.set_policy(STRATA_CACHE_LFU), STRATA_OK);
  EXPECT_EQ(strata_cache_set_chooser(cache.handle(), nullptr, nullptr), STRATA_OK);
  const std::size_t before = calls;
  fill(cache.handle(), 6000, 7000);
  EXPECT_EQ(calls, before);
}

TEST(CachePolicies, WhatAChooserThrowsCountsAsNone) {
  cache first_one(kMemory);
  ASSERT_EQ(first_one.set_chooser([](const cache::candidates& shown) -> std::optional<std::size_t> {
    if (shown.size() > 2 && shown.key(0).substr(0, 3) == "key" && shown[0].value_bytes == 1000) throw std::runtime_error("no");
    return 0;
  }),
            STRATA_OK);
  ASSERT_EQ(first_one.set_policy(STRATA_CACHE_CUSTOM), STRATA_OK);
  cache moved(std::move(first_one));  // the function goes with it
  fill(moved.handle(), 0, 6000);
  EXPECT_GT(moved.statistics().choice_refusals, 1000U);
  EXPECT_EQ(moved.get("key5999"), std::string(1000, 'v'));
}

// A program that was made when the statistics were shorter.
TEST(CachePolicies, StatisticsOfBeforeAreStillFilledIn) {
  const cache cache(kMemory);
  strata_cache_statistics told = STRATA_CACHE_STATISTICS_INIT;
  told.struct_bytes = offsetof(strata_cache_statistics, sampled);
  told.sampled = 77;
  EXPECT_EQ(strata_cache_get_statistics(cache.handle(), &told), STRATA_OK);
  EXPECT_EQ(told.limit_bytes, kMemory);
  EXPECT_EQ(told.sampled, 77U);
}

}  // namespace
}  // namespace strata::test
