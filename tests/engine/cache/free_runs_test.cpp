// Boundary tags and bins, against a list of what is in use.
#include "engine/cache/free_runs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace strata::cache {
namespace {

using Granule = FreeRuns::Granule;
constexpr Granule kSegment = Granule{1} << 14U;  // 64 KiB
constexpr Granule kSegments = 6;
constexpr Granule kNone = FreeRuns::kNone;

class FreeRunsTest : public testing::Test {
 protected:
  FreeRunsTest()
      : memory_(std::size_t{kSegments} * kSegment, 0xdeadbeef), runs(reinterpret_cast<std::byte*>(memory_.data()), kSegment) {
    for (Granule segment = 0; segment < kSegments; ++segment) runs.add_segment(segment * kSegment);
  }

  Granule take(Granule count) {
    const Granule found = runs.find(count);
    if (found == kNone) return kNone;
    EXPECT_EQ(runs.chunk(found).kind, FreeRuns::Kind::free);
    const Granule at = runs.take(found, count);
    EXPECT_EQ(runs.chunk(at).size, count);
    EXPECT_EQ(runs.chunk(at).kind, FreeRuns::Kind::reserved);
    EXPECT_EQ(at / kSegment, (at + count - 1) / kSegment);
    note_used(at, count);
    return at;
  }
  void note_used(Granule at, Granule count) {
    const auto [place, fresh] = used.emplace(at, count);
    ASSERT_TRUE(fresh);
    const auto next = std::next(place);
    if (next != used.end()) {
      ASSERT_LE(at + count, next->first);
    }
    if (place != used.begin()) {
      ASSERT_LE(std::prev(place)->first + std::prev(place)->second, at);
    }
    // Overwrite all but the first word, which belongs to the placement.
    std::fill_n(memory_.begin() + at + 1, count - 1, ~at);
  }
  void release(std::map<Granule, Granule>::iterator chunk) {
    const Granule at = chunk->first;
    for (Granule word = at + 1; word < at + chunk->second; ++word) ASSERT_EQ(memory_[word], ~at);
    const FreeRuns::Run run = runs.release(at, runs.chunk(at).size);
    EXPECT_LE(run.begin, at);
    EXPECT_GE(run.begin + run.size, at + chunk->second);
    used.erase(chunk);
  }
  void verify() {
    FreeRuns::Sums found;
    for (Granule segment = 0; segment < kSegments; ++segment) ASSERT_EQ(runs.verify_segment(segment * kSegment, found), "");
    ASSERT_EQ(runs.verify_bins(found), "");
    Granule in_use = 0;
    for (const auto& [at, count] : used) in_use += count;
    ASSERT_EQ(runs.free_granules() + in_use, kSegments * kSegment);
  }
  // The sizes of the free chunks, from what is in use alone.
  std::vector<Granule> free_sizes() const {
    std::vector<Granule> sizes;
    Granule end = 0;
    const auto gap_to = [&](Granule at) {
      while (end < at) {
        const Granule stop = std::min(at, (end / kSegment + 1) * kSegment);
        sizes.push_back(stop - end);
        end = stop;
      }
    };
    for (const auto& [at, count] : used) {
      gap_to(at);
      end = at + count;
    }
    gap_to(kSegments * kSegment);
    return sizes;
  }

  std::vector<std::uint32_t> memory_;
  FreeRuns runs;
  std::map<Granule, Granule> used;
};

// One bin begins at each of these.
std::vector<Granule> bin_starts() {
  std::vector<Granule> starts;
  for (Granule count = 4; count < 128; ++count) starts.push_back(count);
  for (Granule doubling = 128; doubling < kSegment; doubling *= 2) {
    for (Granule part = 0; part < 32; ++part) starts.push_back(doubling + doubling / 32 * part);
  }
  return starts;
}

TEST_F(FreeRunsTest, AHoleOfEachBinsSizeIsFoundByWhatFitsExactly) {
  for (const Granule start : bin_starts()) {
    for (const Granule count : {start - 1, start, start + 1}) {
      if (count < 4 || 2 * count + 8 > kSegment) continue;
      // A hole of that size, one just too small, and whole segments beside them.
      const Granule first = take(1), hole = take(count), second = take(1), small = take(count - 1), third = take(1);
      release(used.find(hole));
      release(used.find(small));
      ASSERT_EQ(runs.find(count), hole) << count;
      ASSERT_EQ(take(count), hole);
      for (const Granule at : {first, hole, second, third}) release(used.find(at));
      ASSERT_EQ(runs.whole_segments(), kSegments) << count;
    }
  }
  verify();
}

TEST_F(FreeRunsTest, NoHoleThatFitsIsOverlookedBelow512BytesAndNoneMuchTooLargeIsTakenAbove) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    if (random() % 5 < 2 && !used.empty()) {
      auto chunk = used.lower_bound(static_cast<Granule>(random()) % (kSegments * kSegment));
      if (chunk != used.end()) release(chunk);
      continue;
    }
    const Granule count =
        random() % 8 == 0 ? 1 + static_cast<Granule>(random()) % 3000 : 1 + static_cast<Granule>(random()) % 200;
    Granule best = kNone;
    for (const Granule size : round % 64 == 0 ? free_sizes() : std::vector<Granule>()) {
      if (size >= std::max<Granule>(count, 4)) best = std::min(best, size);
    }
    const Granule found = runs.find(count);
    if (round % 64 == 0 && count < 128) {
      ASSERT_EQ(found == kNone, best == kNone);
      // From 128 granules on a bin has sizes that differ by a 32nd.
      if (found != kNone) {
        ASSERT_LE(runs.chunk(found).size, best < 128 ? best : best + best / 32);
      }
    }
    if (found != kNone) {
      ASSERT_GE(runs.chunk(found).size, count);
    }
    (void)take(count);
    if (round % 512 == 0) verify();
  }
  verify();
  while (!used.empty()) {
    auto chunk = used.lower_bound(static_cast<Granule>(random()) % (kSegments * kSegment));
    release(chunk == used.end() ? used.begin() : chunk);
  }
  verify();
  EXPECT_EQ(runs.whole_segments(), kSegments);
}

TEST_F(FreeRunsTest, FreeChunksOfLessThanFourGranulesAreFoundAgainWhenANeighbourIsFreed) {
  for (const Granule tiny : {1U, 2U, 3U}) {
    const Granule a = take(10), b = take(tiny), c = take(10);
    ASSERT_EQ(a + 10, b);
    ASSERT_EQ(b + tiny, c);
    release(used.find(b));
    verify();
    EXPECT_EQ(runs.hole_granules(), tiny);
    release(used.find(a));
    verify();
    release(used.find(c));
    verify();
    EXPECT_EQ(runs.whole_segments(), kSegments);
  }
}

TEST_F(FreeRunsTest, NoFreeChunkReachesAcrossTheEndOfAnOpenRun) {
  const Granule run = take(100), behind = take(20);
  ASSERT_EQ(run + 100, behind);
  runs.open_run(run, 100);
  // One piece cut off, as a thread does it.
  const Granule cut = run + 60;
  chunk_word(runs.address(cut)).store(ChunkWord::reserved(39));
  EXPECT_EQ(runs.chunk(run).kind, FreeRuns::Kind::open_run);
  EXPECT_EQ(runs.chunk(run).size, 100U);
  runs.release(cut, 39);
  release(used.find(behind));
  EXPECT_EQ(runs.chunk(cut).size, 39U);  // and the run's last granule is in use
  FreeRuns::Sums found;
  ASSERT_EQ(runs.verify_segment(run / kSegment * kSegment, found), "");
  EXPECT_EQ(found.open_runs, 1U);
  // Closed: all joins, but for the front.
  const FreeRuns::Run freed = runs.close_run(run, 100, 60);
  EXPECT_EQ(freed.begin, cut);
  EXPECT_EQ(runs.chunk(run).kind, FreeRuns::Kind::reserved);
  EXPECT_EQ(runs.chunk(run).size, 60U);
  runs.release(run, 60);
  used.clear();
  verify();
  EXPECT_EQ(runs.whole_segments(), kSegments);
}

TEST_F(FreeRunsTest, TrimmingFreesWhatIsCutOff) {
  for (const bool free_around : {false, true}) {
    const Granule before = take(10), chunk = take(50), behind = take(10);
    if (free_around) {
      release(used.find(behind));
      release(used.find(before));
    }
    runs.trim_front(chunk, 2);
    runs.trim_back(chunk + 2, 7);
    used.erase(chunk);
    used.emplace(chunk + 2, 41);
    EXPECT_EQ(runs.chunk(chunk + 2).size, 41U);
    EXPECT_TRUE(runs.chunk(chunk + 2).previous_free);
    verify();
    runs.release(chunk + 2, 41);
    used.erase(chunk + 2);
    verify();
    while (!used.empty()) release(used.begin());
    EXPECT_EQ(runs.whole_segments(), kSegments);
  }
}

TEST_F(FreeRunsTest, AnItemTellsItsOwnSize) {
  const ItemShape shape{.key_bytes = 300, .value_bytes = 40'000, .expiry = ExpiryForm::near};
  const auto count = static_cast<Granule>(shape.item_bytes() / kGranuleBytes);
  const Granule before = take(5), item = take(count), behind = take(5);
  shape.write_behind_header(runs.address(item));
  chunk_word(runs.address(item)).store(shape.header());
  EXPECT_EQ(runs.chunk(item).size, count);
  EXPECT_EQ(runs.chunk(item).kind, FreeRuns::Kind::item);
  release(used.find(before));
  EXPECT_TRUE(runs.chunk(item).previous_free);
  EXPECT_EQ(ItemShape::read_prefix(runs.address(item)).value_bytes, 40'000U);
  runs.release(item, count);
  used.erase(item);
  release(used.find(behind));
  verify();
  EXPECT_EQ(runs.whole_segments(), kSegments);
}

TEST_F(FreeRunsTest, VerifyFindsWhatIsWrong) {
  const Granule a = take(10), b = take(10);
  release(used.find(a));
  FreeRuns::Sums found;
  const auto wrong = [&] {
    found = {};
    return runs.verify_segment(b / kSegment * kSegment, found);
  };
  ASSERT_EQ(wrong(), "");
  memory_[b] ^= ChunkWord::kPreviousFree;
  EXPECT_NE(wrong(), "");
  memory_[b] ^= ChunkWord::kPreviousFree;
  ++memory_[a + 9];
  EXPECT_NE(wrong(), "");
  --memory_[a + 9];
  ++memory_[b];
  EXPECT_NE(wrong(), "");
  --memory_[b];
  ASSERT_EQ(wrong(), "");
  ++memory_[a + 2];  // a link
  found = {};
  for (Granule segment = 0; segment < kSegments; ++segment) ASSERT_EQ(runs.verify_segment(segment * kSegment, found), "");
  EXPECT_NE(runs.verify_bins(found), "");
}

}  // namespace
}  // namespace strata::cache
