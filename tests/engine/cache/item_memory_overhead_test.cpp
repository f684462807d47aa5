// What is resident for what is asked for, by the workloads of the byte plan's prototypes.
#include <random>
#include <vector>

#include "tests/engine/cache/item_memory_fixture.h"

namespace strata::cache {
namespace {

class ItemMemoryOverhead : public ItemMemoryTest {
 protected:
  static constexpr std::uint32_t kHeader = 4;
  // Without a map of all items, which would cost more than they do. As a cache: the new item is there before the old one goes.
  struct Entry {
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;  // not rounded
  };
  void store(Entry& entry, std::uint32_t bytes) {
    const ItemShape shape{.key_bytes = 20, .value_bytes = bytes - kHeader - 20};
    const std::uint64_t offset = memory->allocate(*handle, shape.item_bytes());
    ASSERT_NE(offset, 0U);
    shape.write_behind_header(memory->address(offset));
    memory->complete(*handle, offset, shape.header());
    if (entry.offset != 0) {
      requested -= entry.bytes;
      retired.push_back(entry.offset);
    }
    requested += bytes;
    entry = {offset, bytes};
    if (retired.size() < 32) return;
    memory->release(retired);
    retired.clear();
  }
  double resident_per_requested() const {
    EXPECT_EQ(memory->verify(), "");
    return static_cast<double>(budget.bytes(Purpose::items)) / static_cast<double>(requested);
  }

  std::vector<Entry> entries;
  std::vector<std::uint64_t> retired;
  std::uint64_t requested = 0;
};

TEST_F(ItemMemoryOverhead, LoadedItemsOf16And64Bytes) {
  entries.resize(500'000);
  for (Entry& entry : entries) store(entry, kHeader + 80);
  const double ratio = resident_per_requested();
  RecordProperty("resident_per_requested", std::to_string(ratio));
  EXPECT_LE(ratio, 1.02);
}

// Sizes that belong to the keys, overwritten three times over at random.
TEST_F(ItemMemoryOverhead, OverwrittenWithTheSameSizes) {
  constexpr std::uint64_t kBudget = 24'000'000;
  entries.resize(kBudget / 297);
  std::vector<std::uint32_t> sizes(entries.size());
  std::mt19937 random(2);
  std::lognormal_distribution<double> value(5.2, 0.9);
  for (std::uint32_t& size : sizes) size = kHeader + 20 + static_cast<std::uint32_t>(std::clamp(value(random), 1.0, 60'000.0));
  for (std::size_t index = 0; index < entries.size(); ++index) store(entries[index], sizes[index]);
  const double loaded = resident_per_requested();
  EXPECT_LE(loaded, 1.03);
  for (std::size_t round = 0; round < 3 * entries.size(); ++round) {
    const std::size_t index = random() % entries.size();
    store(entries[index], sizes[index]);
  }
  const double ratio = resident_per_requested();
  RecordProperty("resident_per_requested", std::to_string(ratio));
  EXPECT_LE(ratio, 1.10);
}

}  // namespace
}  // namespace strata::cache
