#include "engine/cache/bucket_match.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace strata::cache {
namespace {

std::set<std::size_t> slots_of(SlotSet set) {
  std::set<std::size_t> slots;
  for (; !set.empty(); set.drop_first()) slots.insert(set.first());
  return slots;
}

// One by one.
std::set<std::size_t> expected(const Bucket& bucket, std::uint64_t identity) {
  std::set<std::size_t> slots;
  for (std::size_t i = 0; i < Bucket::kSlots; ++i) {
    const Slot slot(bucket.slots[i].load());
    if (slot_identity(slot.tag(), slot.place()) == identity) slots.insert(i);
  }
  return slots;
}

TEST(SlotSet, IsWhatHasTheTagAndThePlace) {
  std::mt19937_64 random(7);
  std::size_t found = 0;
  for (int round = 0; round < 10'000; ++round) {
    Bucket bucket;
    // Few tags, so that some are met; all other bits are anything.
    bucket.header = random();
    for (std::atomic<std::uint64_t>& slot : bucket.slots) {
      if (random() % 4 == 0) continue;  // empty
      const auto tag = static_cast<std::uint16_t>(random() % 3 * 0x7fff);
      slot = Slot(random()).with<Slot::Tag>(tag).with<Slot::Place>(random() % 4).bits();
    }
    for (const std::uint16_t tag : std::initializer_list<std::uint16_t>{0, 0x7fff, 0xfffe, 1}) {
      for (const SlotPlace place : {SlotPlace::home, SlotPlace::buddy, SlotPlace::alternate, SlotPlace::alternate_buddy}) {
        const std::uint64_t identity = slot_identity(tag, place);
        const std::set<std::size_t> slots = slots_of(SlotSet::of_identity(bucket, identity));
        ASSERT_EQ(slots, expected(bucket, identity)) << "tag " << tag;
        found += slots.size();
      }
    }
  }
  EXPECT_GT(found, 10'000U);
}

TEST(SlotSet, TheHeaderIsNoSlot) {
  Bucket bucket;
  const std::uint64_t identity = slot_identity(0x1234, SlotPlace::alternate);
  bucket.header = identity;
  EXPECT_TRUE(SlotSet::of_identity(bucket, identity).empty());
  for (std::size_t i = 0; i < Bucket::kSlots; ++i) {
    bucket.slots[i] = identity | 1;
    EXPECT_EQ(slots_of(SlotSet::of_identity(bucket, identity)).count(i), 1U);
  }
}

}  // namespace
}  // namespace strata::cache
