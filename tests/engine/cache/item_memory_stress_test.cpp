// Threads that allocate, complete, trim and free each other's items, while others walk. The thread sanitizer judges the rest.
#include <array>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "tests/engine/cache/item_memory_fixture.h"

namespace strata::cache {
namespace {

class ItemMemoryStress : public ItemMemoryTest, public testing::WithParamInterface<std::uint32_t> {
 protected:
  static constexpr std::size_t kSlots = 4096;
  static constexpr int kThreads = 4;
  static constexpr int kRounds = 20'000;

  void SetUp() override {
    SegmentGeometry geometry = kSmallGeometry;
    geometry.domains = GetParam();
    start(geometry);
  }

  // The item's bytes tell its size, so that any thread can check it.
  static std::byte pattern_of(const ItemShape& shape) { return static_cast<std::byte>(shape.value_bytes * 37U + 11U); }
  void complete(ItemMemory::Handle& own, std::uint64_t offset, std::uint64_t bytes) {
    const ItemShape shape = shape_of(bytes);
    std::byte* const item = memory->address(offset);
    shape.write_behind_header(item);
    std::memset(item + shape.prefix_bytes(), std::to_integer<int>(pattern_of(shape)), bytes - shape.prefix_bytes());
    memory->complete(own, offset, shape.header());
  }
  bool is_whole(std::uint64_t offset) const {
    const std::byte* const item = memory->address(offset);
    const ItemShape shape = ItemShape::read_prefix(item);
    for (std::uint64_t at = shape.prefix_bytes(); at < shape.prefix_bytes() + shape.key_bytes + shape.value_bytes; ++at) {
      if (item[at] != pattern_of(shape)) return false;
    }
    return true;
  }
  static std::uint64_t random_bytes(std::mt19937& random) {
    const std::uint64_t kind = random() % 1000;
    if (kind == 0) return 66'000 + random() % 100'000 / 4 * 4;
    if (kind < 20) return 4 + random() % 10'000 / 4 * 4;
    return 4 + random() % 300 / 4 * 4;
  }

  // Puts an item, or none, into some slot. What was there is this thread's alone from now on.
  void exchange(std::mt19937& random, ItemMemory::Handle& own, std::uint64_t offset, std::vector<std::uint64_t>& retired) {
    const std::uint64_t old = slots[random() % kSlots].exchange(offset, std::memory_order_acq_rel);
    if (old == 0) return;
    if (!is_whole(old)) ++broken;
    retired.push_back(old);
    if (retired.size() < 32) return;
    memory->release(retired, &own);
    retired.clear();
  }

  struct Reserved {
    std::uint64_t offset = 0, bytes = 0;
  };
  void finish(std::mt19937& random, ItemMemory::Handle& own, Reserved chunk, std::vector<std::uint64_t>& retired) {
    if (random() % 8 == 0 && chunk.bytes > 8) chunk = {memory->trim(chunk.offset, 4, 4), chunk.bytes - 8};
    complete(own, chunk.offset, chunk.bytes);
    exchange(random, own, chunk.offset, retired);
  }
  void work(std::uint32_t seed) {
    std::mt19937 random(seed);
    ItemMemory::Handle own(*memory);
    std::vector<std::uint64_t> retired;
    std::array<Reserved, 4> late;  // chunks that wait for the rest of their values
    for (int round = 0; round < kRounds; ++round) {
      Reserved chunk{.offset = 0, .bytes = random_bytes(random)};
      chunk.offset = memory->allocate(own, chunk.bytes);
      if (chunk.offset == 0) ++refused;
      if (random() % 4 == 0) std::swap(chunk, late[random() % late.size()]);
      if (chunk.offset != 0) finish(random, own, chunk, retired);
      if (random() % 3 == 0) exchange(random, own, 0, retired);
      if (random() % 500 == 0) memory->close(own);
    }
    for (const Reserved& chunk : late) {
      if (chunk.offset != 0) retired.push_back(chunk.offset);
    }
    memory->release(retired);
  }
  void watch() {
    std::mt19937 random(99);
    while (!done.load(std::memory_order_relaxed)) {
      const auto look = [&](const ItemChunk& chunk) {
        if (chunk.kind == FreeRuns::Kind::item && !is_whole(chunk.offset)) ++broken;
        return true;
      };
      memory->hand_next(static_cast<std::uint32_t>(random()) % memory->domains(), 200, look);
      memory->for_each_chunk(static_cast<std::uint32_t>(random()) % memory->segments_end(), look);
      if (memory->statistics().memory.resident_bytes > limit) ++broken;
    }
  }

  std::uint64_t limit = ~std::uint64_t{0};
  std::array<std::atomic<std::uint64_t>, kSlots> slots{};
  std::atomic<int> broken = 0, refused = 0;
  std::atomic<bool> done = false;
};
INSTANTIATE_TEST_SUITE_P(Domains, ItemMemoryStress, testing::Values(1U, 2U), testing::PrintToStringParamName());

TEST_P(ItemMemoryStress, ThreadsFreeEachOthersItems) {
  // So tight that memory runs out now and then.
  limit = 5 * kSegmentBytes + 64'000;
  memory->set_limit(limit);
  std::thread watcher([this] { watch(); });
  std::vector<std::thread> workers;
  for (std::uint32_t seed = 1; seed <= kThreads; ++seed) workers.emplace_back([this, seed] { work(seed); });
  for (std::thread& worker : workers) worker.join();
  done = true;
  watcher.join();
  EXPECT_EQ(broken, 0);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(memory->verify(), "");
  EXPECT_EQ(memory->statistics().open_run_bytes, 0U);
  EXPECT_GT(memory->statistics().hole_hits, 0U);
  EXPECT_GT(memory->statistics().kept, 1000U);
  EXPECT_GT(memory->statistics().runs_taken, std::uint64_t{kThreads});
  for (auto& slot : slots) {
    const std::uint64_t offset = slot.exchange(0);
    if (offset == 0) continue;
    EXPECT_TRUE(is_whole(offset));
    memory->release(std::array{offset});
  }
  memory->give_back_free_segments();
  EXPECT_EQ(memory->verify(), "");
  const auto told = memory->statistics();
  EXPECT_EQ(told.allocations, told.released);
  EXPECT_EQ(told.memory.resident_bytes, told.memory.header_bytes);
}

}  // namespace
}  // namespace strata::cache
