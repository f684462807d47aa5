#include "engine/cache/item_store.h"

#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

class ValueBlockTest : public CacheTest {
 protected:
  ValueRef make(std::size_t size, char fill) {
    ValueRef block = cache->allocate_value(*session, size);
    std::fill_n(block.data(), size, fill);
    return block;
  }
  Status put(std::string_view key, ValueRef block) {
    return cache->update(*session, cache->key(0, key), [&](Decision& decision) { decision.put(std::move(block), kNoExpiry); });
  }
  [[nodiscard]] std::uint64_t charged() const { return cache->budget().bytes(Purpose::large_values); }
};

TEST_F(ValueBlockTest, IsChargedFromFirstToLastReference) {
  ValueRef block = make(100'000, 'x');
  const std::uint64_t bytes = charged();
  EXPECT_GE(bytes, 100'000U);
  {
    const ValueRef copy = block;
    ValueRef moved = std::move(block);
    EXPECT_FALSE(block);  // NOLINT(bugprone-use-after-move): what a moved-from reference is, is promised
    block = std::move(moved);
  }
  EXPECT_EQ(charged(), bytes);
  block = ValueRef();
  EXPECT_EQ(charged(), 0U);
}

TEST_F(ValueBlockTest, IsAdoptedWithoutACopy) {
  ValueRef block = make(50'000, 'x');
  const char* data = block.data();
  const std::uint64_t bytes = charged();
  EXPECT_EQ(put("a", std::move(block)), Status::ok);
  EXPECT_EQ(charged(), bytes);
  cache->read(*session, cache->key(0, "a"), [&](const ItemView& item) { EXPECT_EQ(item.value.data(), data); });
  EXPECT_EQ(verify(*cache), "");
  remove("a");
  EXPECT_EQ(charged(), 0U);
}

TEST_F(ValueBlockTest, BelowTheThresholdItIsCopied) {
  EXPECT_EQ(put("a", make(kLargeValueBytes - 1, 'x')), Status::ok);
  EXPECT_EQ(charged(), 0U);
  EXPECT_EQ(get("a"), std::string(kLargeValueBytes - 1, 'x'));
  EXPECT_EQ(put("a", make(kLargeValueBytes, 'y')), Status::ok);
  EXPECT_GE(charged(), kLargeValueBytes);
}

TEST_F(ValueBlockTest, PinnedBytesStayAsTheyWere) {
  const std::string old = std::string(20'000, 'x') + "spare";
  put("a", make(20'000, 'x'));
  EXPECT_EQ(append("a", "spare"), Status::ok);  // now there is room behind it
  ValueRef pinned;
  cache->read(*session, cache->key(0, "a"), [&](const ItemView& item) { pinned = item.block; });
  EXPECT_EQ(append("a", "tail"), Status::ok);
  EXPECT_EQ(pinned.view(), old);
  EXPECT_EQ(get("a"), old + "tail");
  EXPECT_EQ(set("a", "small"), Status::ok);
  EXPECT_EQ(pinned.view(), old);
  EXPECT_EQ(charged(), ItemStore::charged_bytes(pinned.block()));
  EXPECT_EQ(verify(*cache, ItemStore::charged_bytes(pinned.block())), "");
  pinned = ValueRef();
  EXPECT_EQ(charged(), 0U);
}

TEST_F(ValueBlockTest, OneBlockUnderTwoKeysIsChargedOnce) {
  const ValueRef block = make(30'000, 'x');
  put("a", block);
  put("b", block);
  put("b", block);
  EXPECT_EQ(charged(), ItemStore::charged_bytes(block.block()));
  EXPECT_EQ(verify(*cache), "");
  EXPECT_EQ(append("a", "tail"), Status::ok);
  EXPECT_EQ(get("b"), std::string(30'000, 'x'));
}

TEST_F(ValueBlockTest, SetExpiryOnItsOwnBlockKeepsIt) {
  put("a", make(30'000, 'x'));
  const Status status = cache->update(*session, cache->key(0, "a"),
                                      [&](Decision& decision) { decision.put(decision.current()->block, now() + 1000); });
  EXPECT_EQ(status, Status::ok);
  EXPECT_EQ(get("a"), std::string(30'000, 'x'));
  EXPECT_EQ(cache->size(0).with_expiry, 1U);
}

TEST_F(ValueBlockTest, WhatIsWrittenInPlaceMayUseWhatWasThere) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, kLargeValueBytes - 1, kLargeValueBytes, std::size_t{100'000}}) {
    const std::string before(30'000, 'b');
    set("k", before);
    std::string_view current;
    const auto write = [&](char* destination) {
      std::fill_n(destination, size, 'w');
      if (size != 0) destination[size - 1] = current[0];
    };
    const Status status = cache->update(*session, cache->key(0, "k"), [&](Decision& decision) {
      current = decision.current()->value;
      decision.put(size, write, kNoExpiry);
    });
    EXPECT_EQ(status, Status::ok);
    EXPECT_EQ(get("k"), size == 0 ? "" : std::string(size - 1, 'w') + 'b');
    EXPECT_EQ(charged() != 0, size >= kLargeValueBytes);
    EXPECT_EQ(verify(*cache), "");
  }
}

TEST_F(ValueBlockTest, WhatIsWrittenInPlaceIsWrittenAnewWhenTheKeyHasChanged) {
  set("k", "first");
  const auto other = cache->open_session();
  int asked = 0;
  std::string seen;
  const auto write = [&](char* destination) { seen.copy(destination, seen.size()); };
  const Status status = cache->update(*session, cache->key(0, "k"), [&](Decision& decision) {
    seen = std::string(decision.current()->value) + "!";
    decision.put(seen.size(), write, kNoExpiry);
    if (asked++ != 0) return;
    (void)cache->update(*other, cache->key(0, "k"), [](Decision& faster) { faster.put("second", kNoExpiry); });
  });
  EXPECT_EQ(status, Status::ok);
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(get("k"), "second!");
}

TEST_F(ValueBlockTest, WhatIsWrittenInPlaceHasLimits) {
  limit(8U << 20U, Policy::noeviction);
  set("k", "old");
  int written = 0;
  const auto write = [&](char*) { ++written; };
  for (const std::size_t size : {std::size_t{9} << 20U, kMaxValueBytes + 1}) {
    const Status status =
        cache->update(*session, cache->key(0, "k"), [&](Decision& decision) { decision.put(size, write, kNoExpiry); });
    EXPECT_EQ(status, size > kMaxValueBytes ? Status::too_large : Status::out_of_memory);
  }
  EXPECT_EQ(written, 0);
  EXPECT_EQ(get("k"), "old");
  EXPECT_EQ(charged(), 0U);
}

TEST_F(ValueBlockTest, ReadsThatDoNotTouchAreNoHitsForThePolicy) {
  set("k", "v");
  session->set_touching(false);
  const std::uint64_t hits = cache->statistics().hits;
  const Key key = cache->key(0, "k");
  EXPECT_EQ(get("k"), "v");
  cache->read_many(*session, {&key, 1}, [](std::size_t, const ItemView* item) { EXPECT_NE(item, nullptr); });
  EXPECT_EQ(cache->hits(*session, key), 0U);
  EXPECT_EQ(cache->statistics().hits, hits + 2);
  session->set_touching(true);
  cache->read_many(*session, {&key, 1}, [](std::size_t, const ItemView*) {});
  EXPECT_EQ(get("k"), "v");
  EXPECT_EQ(cache->hits(*session, key), 2U);
}

TEST_F(ValueBlockTest, AKeyTakesWhatItIsChargedFor) {
  constexpr std::uint64_t kSlot = 8;
  const auto stored = [&] { return cache->budget().bytes(Purpose::items) + cache->budget().bytes(Purpose::large_values); };
  EXPECT_EQ(cache->bytes_of(*session, cache->key(0, "k")), std::nullopt);
  for (const std::size_t size : {1U, 100U, 16'000U, 20'000U, 3'000'000U}) {
    // Whatever the thread has not booked yet is below a credit.
    constexpr std::uint64_t kCredit = 512;
    const std::uint64_t before = stored();
    set("k", std::string(size, 'v'));
    const std::uint64_t bytes = cache->bytes_of(*session, cache->key(0, "k")).value_or(0) - kSlot;
    const std::uint64_t charged = stored() - before;
    EXPECT_LE(bytes, charged + kCredit) << size;
    EXPECT_GE(bytes + kCredit, charged) << size;
    EXPECT_GT(bytes, size);
    EXPECT_TRUE(remove("k"));
    session->begin_slice();
    session->quiescent();
    session->end_slice();
  }
}

TEST_F(ValueBlockTest, HitsAreToldWithoutCounting) {
  EXPECT_EQ(cache->hits(*session, cache->key(0, "k")), std::nullopt);
  set("k", "v", now() + 1000);
  EXPECT_EQ(cache->hits(*session, cache->key(0, "k")), 0U);
  for (const unsigned hits : {1U, 2U, 3U, 3U}) {
    (void)get("k");
    EXPECT_EQ(cache->hits(*session, cache->key(0, "k")), hits);
    EXPECT_EQ(cache->hits(*session, cache->key(0, "k")), hits);
  }
  advance(1000);
  EXPECT_EQ(cache->hits(*session, cache->key(0, "k")), std::nullopt);
}

}  // namespace
}  // namespace strata::cache
