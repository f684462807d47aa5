#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "engine/cache/cache.h"
#include "engine/cache/protocol_points.h"
#include "tests/engine/cache_fixture.h"

// What is taken out of the cache and waits for readers: how much of it there may be, and what becomes of changes that can not be retired.
namespace strata::cache {
namespace {

class ReclamationTest : public CacheTest {
 protected:
  ~ReclamationTest() override { set_protocol_fault(ProtocolFault::none); }

  static constexpr std::uint64_t kQuota = 4U << 20U;  // of a small limit

  // Replaces the value of one key until `bytes` have been taken out.
  void overwrite(Session& by, std::uint64_t bytes) {
    const std::string value(8000, 'x');
    const Slice slice(by);
    for (std::uint64_t written = 0; written < bytes; written += value.size()) {
      EXPECT_EQ(cache->update(by, cache->key(0, "key"), [&](Decision& decision) { decision.put(value, kNoExpiry); }), Status::ok);
      by.quiescent();
      most_retired_ = std::max(most_retired_, cache->retired_bytes());
      ++written_;
    }
  }

  std::uint64_t most_retired_ = 0;
  std::atomic<std::uint64_t> written_ = 0;
};

TEST_F(ReclamationTest, WritersWaitForReadersAtTheQuota) {
  limit(64U << 20U, Policy::noeviction);
  const auto reader = cache->open_session();
  reader->begin_slice();
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    const auto own = cache->open_session();
    overwrite(*own, 3 * kQuota);
    done = true;
  });
  // The reader looks at something all the while: the writer must come to wait for it.
  std::uint64_t waits = 0;
  while (!done) {
    std::this_thread::yield();
    if (cache->statistics().reclaim_waits == waits) continue;
    ++waits;
    EXPECT_GE(cache->retired_bytes(), kQuota - (64U << 10U));
    for (const std::uint64_t before = written_; written_ == before && !done;) reader->quiescent();
  }
  reader->end_slice();
  writer.join();
  EXPECT_GE(waits, 2U);
  EXPECT_LE(most_retired_, kQuota + (128U << 10U));
}

TEST_F(ReclamationTest, NobodyWaitsWhereNobodyReads) {
  limit(64U << 20U, Policy::noeviction);
  overwrite(*session, 10 * kQuota);
  EXPECT_EQ(cache->statistics().reclaim_waits, 0U);
}

// Also of what a single call takes out.
TEST_F(ReclamationTest, ChangesOfManyKeysAtOnceAreRetired) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (int i = 0; i < 5000; ++i) pairs.emplace_back("key" + std::to_string(i % 4000), std::string(100, 'a'));
  for (int round = 0; round < 3; ++round) EXPECT_EQ(set_many(pairs), Status::ok);
  EXPECT_EQ(cache->size(0).items, 4000U);
}

TEST_F(ReclamationTest, WithoutMemoryForItNothingIsTakenOut) {
  set("key", "value");
  set("mortal", "value", now() + 1000);
  session->quiescent();
  set_protocol_fault(ProtocolFault::no_memory_to_retire);
  // A new thread has none in reserve.
  const auto other = cache->open_session();
  other->set_now_ms(now() + 1000);
  EXPECT_EQ(cache->update(*other, cache->key(0, "key"), [](Decision& decision) { decision.put("other", kNoExpiry); }),
            Status::out_of_memory);
  EXPECT_EQ(cache->update(*other, cache->key(0, "key"), [](Decision& decision) { decision.remove(); }), Status::out_of_memory);
  const Key both[] = {cache->key(0, "key"), cache->key(0, "mortal")};
  EXPECT_EQ(cache->update_many(*other, both, 0, [](std::size_t, Decision& decision) { decision.put("other", kNoExpiry); }),
            Status::out_of_memory);
  // What has expired is not there, although it can not be taken out.
  EXPECT_FALSE(cache->peek(*other, both[1], [](const ItemView&) {}));
  cache->read_many(*other, both, [](std::size_t i, const ItemView* item) { EXPECT_EQ(item != nullptr, i == 0); });
  limit(1, Policy::allkeys_random);
  EXPECT_EQ(cache->make_room(*other, 1), Status::out_of_memory);
  limit(kPlenty, Policy::allkeys_random);
  // A database that was emptied stays so, and is swept when there is memory again.
  cache->clear(*other, 0, false);
  (void)cache->upkeep(*other, 0, 1, std::chrono::hours(1));
  EXPECT_TRUE(cache->is_clearing());
  EXPECT_EQ(cache->size(0).items, 0U);
  set_protocol_fault(ProtocolFault::none);
  while (cache->upkeep(*other, 0, 1, std::chrono::hours(1)).more) {
  }
  EXPECT_FALSE(cache->is_clearing());
  EXPECT_EQ(get("key"), std::nullopt);
}

}  // namespace
}  // namespace strata::cache
