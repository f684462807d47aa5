#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "engine/cache/item_memory.h"
#include "tests/engine/allocator/fake_memory_calls.h"

namespace strata::cache {

// Segments of 256 KiB, few enough that a test can fill them.
inline constexpr SegmentGeometry kSmallGeometry{
    .segment_bytes = 256U << 10U, .domains = 1, .slice_segments = 256, .large_segments = 8192};
inline constexpr std::uint64_t kSegmentBytes = kSmallGeometry.segment_bytes;

// Item memory beside a map of what should be in it. Items of any number of granules, filled with a pattern that their place tells.
class ItemMemoryTest : public testing::Test {
 protected:
  void SetUp() override { start(kSmallGeometry); }
  void start(const SegmentGeometry& geometry) {
    large_begin = geometry.large_begin();
    handle.reset();
    memory = std::make_unique<ItemMemory>(budget);
    ASSERT_EQ(memory->start(calls, geometry), std::errc{});
    handle = std::make_unique<ItemMemory::Handle>(*memory);
  }

  // The shape of an item of just so many bytes.
  static ItemShape shape_of(std::uint64_t bytes) {
    ItemShape shape{.key_bytes = 0, .value_bytes = static_cast<std::uint32_t>(bytes - 4)};
    if (shape.long_value()) shape.value_bytes -= 4;
    // Around the border between the two forms.
    if (shape.item_bytes() != bytes) shape = {.key_bytes = 8, .value_bytes = static_cast<std::uint32_t>(bytes - 12)};
    EXPECT_EQ(shape.item_bytes(), bytes);
    return shape;
  }
  static std::byte pattern(std::uint64_t offset) {
    return static_cast<std::byte>((offset / kGranuleBytes * 0x9e3779b97f4a7c15U) >> 56U);
  }

  // 0: memory is out.
  std::uint64_t put(std::uint64_t bytes) { return put(*handle, bytes); }
  std::uint64_t put(ItemMemory::Handle& with, std::uint64_t bytes) {
    const std::uint64_t offset = memory->allocate(with, bytes);
    if (offset == 0) return 0;
    note(offset, bytes);
    fill(with, offset, bytes);
    return offset;
  }
  void note(std::uint64_t offset, std::uint64_t bytes) {
    EXPECT_EQ(offset % kGranuleBytes, 0U);
    const auto [place, fresh] = items.emplace(offset, bytes);
    ASSERT_TRUE(fresh);
    const auto next = std::next(place);
    ASSERT_TRUE(next == items.end() || offset + bytes <= next->first);
    ASSERT_TRUE(place == items.begin() || std::prev(place)->first + std::prev(place)->second <= offset);
  }
  void fill(ItemMemory::Handle& with, std::uint64_t offset, std::uint64_t bytes) {
    const ItemShape shape = shape_of(bytes);
    std::byte* const item = memory->address(offset);
    shape.write_behind_header(item);
    std::memset(item + shape.prefix_bytes(), std::to_integer<int>(pattern(offset)), bytes - shape.prefix_bytes());
    memory->complete(with, offset, shape.header());
  }
  void check(std::uint64_t offset, std::uint64_t bytes) const {
    const std::byte* const item = memory->address(offset);
    const ItemShape shape = ItemShape::read_prefix(item);
    ASSERT_EQ(shape.item_bytes(), bytes);
    const std::byte* const from = item + shape.prefix_bytes();
    const std::uint64_t size = bytes - shape.prefix_bytes();
    if (size == 0) return;
    ASSERT_EQ(*from, pattern(offset));
    ASSERT_EQ(std::memcmp(from, from + 1, size - 1), 0) << "the item at " << offset << " was overwritten";
  }
  void drop(std::map<std::uint64_t, std::uint64_t>::iterator item) {
    check(item->first, item->second);
    const std::array offsets{item->first};
    items.erase(item);
    memory->release(offsets);
  }
  void drop(std::uint64_t offset) { drop(items.find(offset)); }
  void drop_all() {
    while (!items.empty()) drop(items.begin());
  }
  // Everything is right, and so are the sums: what is neither free nor in open runs is the items'.
  void verify() const {
    ASSERT_EQ(memory->verify(), "");
    const ItemMemory::Statistics told = memory->statistics();
    std::uint64_t bytes = 0;
    for (const auto& [offset, size] : items) {
      check(offset, size);
      if (memory->segment_of(offset) < large_begin) bytes += size;
    }
    const std::uint64_t resident =
        told.memory.resident_bytes - told.memory.header_bytes - told.memory.large_bytes - told.memory.unpurged_bytes;
    ASSERT_EQ(resident - told.free_bytes - told.open_run_bytes, bytes);
    ASSERT_EQ(told.allocations - told.released, items.size());
    ASSERT_EQ(budget.bytes(Purpose::items), told.memory.resident_bytes);
  }

  std::uint32_t large_begin = 0;
  test::FakeMemoryCalls calls;
  Budget budget;
  std::unique_ptr<ItemMemory> memory;
  std::unique_ptr<ItemMemory::Handle> handle;
  std::map<std::uint64_t, std::uint64_t> items;  // by offset: bytes
};

}  // namespace strata::cache
