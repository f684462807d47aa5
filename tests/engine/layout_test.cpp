// The bit tables of index and items.
#include <gtest/gtest.h>

#include <vector>

#include "engine/cache/index_layout.h"
#include "engine/cache/item_layout.h"
#include "engine/cache/segment_layout.h"

namespace strata::cache {
namespace {

TEST(SlotLayout, FieldsDoNotTouchEachOther) {
  const Slot slot = Slot::at(Slot::kRegionLimit - kGranuleBytes, 0xabcd, SlotPlace::alternate_buddy);
  EXPECT_EQ(slot.offset_bytes(), Slot::kRegionLimit - 4);
  EXPECT_EQ(slot.tag(), 0xabcd);
  EXPECT_EQ(slot.place(), SlotPlace::alternate_buddy);
  EXPECT_EQ(slot.get<Slot::Frequency>(), 0U);
  const Slot hot = slot.with<Slot::Frequency>(3).with<Slot::Main>(1).with<Slot::Compressed>(1);
  EXPECT_EQ(hot.get<Slot::Frequency>(), 3U);
  EXPECT_EQ(hot.offset_bytes(), slot.offset_bytes());
  EXPECT_EQ(hot.tag(), slot.tag());
  EXPECT_EQ(hot.place(), slot.place());
  EXPECT_EQ(hot.with<Slot::Frequency>(0).with<Slot::Main>(0).with<Slot::Compressed>(0), slot);
  EXPECT_FALSE(Slot::at(kGranuleBytes, 0, SlotPlace::home).empty());
  EXPECT_TRUE(Slot().empty());
}

TEST(ItemLayout, EveryShapeIsReadAsItWasWritten) {
  for (const std::uint32_t key : {0U, 1U, 16U, 254U, 255U, 256U, 512U << 20U}) {
    for (const std::uint32_t value : {0U, 1U, 64U, 32'766U, 32'767U, 32'768U, 512U << 20U}) {
      for (const ExpiryForm expiry : {ExpiryForm::none, ExpiryForm::near, ExpiryForm::far}) {
        for (const std::uint8_t extras : {std::uint8_t{0}, kNamespaceExtra.bit, std::uint8_t{0x1f}}) {
          const ItemShape shape{key, value, Encoding::zstd, expiry, extras};
          std::vector<std::byte> prefix(shape.prefix_bytes(), std::byte{0xff});
          shape.write_prefix(prefix.data());
          const ItemShape read = ItemShape::read_prefix(prefix.data());
          EXPECT_EQ(read.key_bytes, key);
          EXPECT_EQ(read.value_bytes, value);
          EXPECT_EQ(read.encoding, Encoding::zstd);
          EXPECT_EQ(read.expiry, expiry);
          EXPECT_EQ(read.extras, extras);
          EXPECT_EQ(read.item_bytes(), shape.item_bytes());
          EXPECT_EQ(shape.item_bytes() % kGranuleBytes, 0U);
        }
      }
    }
  }
}

TEST(ItemLayout, ThePlacementsBitsAreLeftAlone) {
  alignas(kGranuleBytes) std::byte prefix[4];
  ItemShape{254, 32'766, Encoding{15}, ExpiryForm::none, 0}.write_prefix(prefix);
  EXPECT_EQ(std::to_integer<unsigned>(prefix[3]) >> 6U, 0U);
}

TEST(ItemLayout, PrefixesAreAsLongAsTheTableSays) {
  EXPECT_EQ((ItemShape{.key_bytes = 16, .value_bytes = 64}.prefix_bytes()), 4U);
  EXPECT_EQ((ItemShape{.key_bytes = 255, .value_bytes = 64}.prefix_bytes()), 8U);
  EXPECT_EQ((ItemShape{.key_bytes = 16, .value_bytes = 32'767}.prefix_bytes()), 8U);
  EXPECT_EQ((ItemShape{.key_bytes = 1, .value_bytes = 1, .expiry = ExpiryForm::far, .extras = 0x1f}.prefix_bytes()), 29U);
}

TEST(ItemLayout, NearExpiriesAreExactAroundThePresent) {
  for (const std::int64_t now : {std::int64_t{0}, std::int64_t{1'795'000'000'000}, (std::int64_t{1} << 32U) - 1}) {
    for (const std::int64_t distance :
         {-kNearExpiryMs + 1, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, kNearExpiryMs - 1}) {
      EXPECT_EQ(expiry_form(now + distance, now), ExpiryForm::near);
      EXPECT_EQ(expiry_of(near_expiry(now + distance), now), now + distance) << now << " + " << distance;
    }
    EXPECT_EQ(expiry_form(now + kNearExpiryMs, now), ExpiryForm::far);
    EXPECT_EQ(expiry_form(now - kNearExpiryMs, now), ExpiryForm::far);
  }
}

}  // namespace
}  // namespace strata::cache
