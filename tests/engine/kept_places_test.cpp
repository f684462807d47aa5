// Threads use the places of what they replaced again, and are in nobody's way with what they keep for that.
#include <random>
#include <string>

#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::uint64_t kSegment = 256U << 10U;
constexpr int kKeys = 60'000;  // in some 30 segments

class KeptPlacesTest : public CacheTest {
 protected:
  void SetUp() override {
    open({.max_memory_bytes = 64 * kMiB, .policy = Policy::noeviction});
    for (int i = 0; i < kKeys; ++i) ASSERT_EQ(set(name(i), value('a')), Status::ok);
    other = cache->open_session();
    other->set_now_ms(now());
  }
  void TearDown() override { other.reset(); }
  static std::string name(int i) { return "key" + std::to_string(100'000 + i); }
  static std::string value(char letter) { return std::string(100, letter); }

  // Writes over keys here and there, as a loop of a server does: in slices.
  void overwrite(int count) {
    std::mt19937 random(5);
    for (int written = 0; written < count;) {
      const Slice slice(*other);
      for (int n = 0; n < 16; ++n, ++written) {
        ASSERT_EQ(cache->update(*other, cache->key(0, name(static_cast<int>(random() % kKeys))),
                                [](Decision& decision) { decision.put(value('b'), kNoExpiry); }),
                  Status::ok);
      }
      other->quiescent();
    }
  }
  // All is removed by this session, while the other sleeps.
  std::uint64_t resident_after_clearing() {
    cache->clear(*session, 0, false);
    upkeep();
    return cache->resident_bytes();
  }

  std::unique_ptr<Session> other;
};

TEST_F(KeptPlacesTest, WhatIsWrittenOverIsUsedAgain) {
  ASSERT_EQ(cache->places_kept(), 0U);
  overwrite(8000);
  EXPECT_GT(cache->places_kept(), 7000U);
  EXPECT_EQ(verify(*cache), "");
}

TEST_F(KeptPlacesTest, OneCallByItselfKeepsNothing) {
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(set(name(i), value('b')), Status::ok);
  EXPECT_EQ(cache->places_kept(), 0U);
}

TEST_F(KeptPlacesTest, AThreadThatSleepsIsInNobodysWay) {
  overwrite(4000);
  EXPECT_LE(resident_after_clearing(), 8 * kSegment);
}

TEST_F(KeptPlacesTest, AThreadThatDoesUpkeepGoesOnKeepingForATenthOfASecond) {
  (void)cache->upkeep(*other, 0, 1, std::chrono::milliseconds(0));
  overwrite(4000);
  EXPECT_GT(resident_after_clearing(), 16 * kSegment) << "it still keeps what it kept last";
  other->set_now_ms(now() + 50);
  (void)cache->upkeep(*other, 0, 1, std::chrono::milliseconds(0));
  upkeep();
  EXPECT_GT(cache->resident_bytes(), 16 * kSegment);
  other->set_now_ms(now() + 100);
  (void)cache->upkeep(*other, 0, 1, std::chrono::milliseconds(0));
  upkeep();
  EXPECT_LE(cache->resident_bytes(), 8 * kSegment);
}

}  // namespace
}  // namespace strata::cache
