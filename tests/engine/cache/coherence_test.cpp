#include <gtest/gtest.h>

#include <string>

#include "tests/engine/cache/coherence_run.h"
#include "tests/engine/cache/protocol_delays.h"

// Threads against the cache through its interface; what they saw has to be explained by one order of what they did (docs/coherency.md).
// STRATA_COHERENCE_ROUNDS in the environment: so many runs of each scenario, with other random numbers each (4). With
// STRATA_COHERENCE_WHEN_VISIBLE=1 an operation counts as answered only when its stores are visible (history.h).
namespace strata::history {
namespace {

class CoherenceTest : public testing::TestWithParam<Scenario> {
 protected:
  void run(std::uint64_t seed) {
    const CoherenceRun run = run_threads(GetParam(), seed);
    ASSERT_EQ(run.judgement.verdict, Verdict::linearizable) << "seed " << seed << "\n" << run.judgement.explanation;
    EXPECT_EQ(run.damage, "");
    did_what_it_is_for(run.statistics, run.judgement);
    moved_items_ += run.moved_items;
  }

  // Or it would show nothing.
  static void did_what_it_is_for(const cache::Statistics& statistics, const Judgement& judgement) {
    const Scenario& scenario = GetParam();
    EXPECT_GT(judgement.operations, kThreadsOfRun * scenario.operations / 2);
    // Where a thread is held up what it has taken out counts against the limit, and more has to go.
    EXPECT_GT(statistics.hits, scenario.operations / (scenario.max_memory_bytes > 0 ? 100 : 10));
    EXPECT_GT(statistics.misses, scenario.operations / 100);
    EXPECT_EQ(statistics.expired > 0, scenario.expires);
    EXPECT_EQ(statistics.invalidated > 0, scenario.invalidations_per_mille > 0);
    EXPECT_EQ(statistics.evicted > 0, scenario.max_memory_bytes > 0);
    RecordProperty("operations", std::to_string(judgement.operations));
    RecordProperty("configurations", std::to_string(judgement.configurations));
    RecordProperty("steps", std::to_string(judgement.steps));
  }

  std::uint64_t moved_items_ = 0;

 private:
  const cache::ProtocolDelays delays_;
};

TEST_P(CoherenceTest, IsLinearizable) {
  const std::uint64_t rounds = from_environment("STRATA_COHERENCE_ROUNDS", 4);
  for (std::uint64_t seed = 1; seed <= rounds && !HasFatalFailure(); ++seed) run(seed);
  // Few: a segment in which a thread has a run open is not chosen.
  EXPECT_TRUE(!GetParam().compacts || moved_items_ > 0);
}

constexpr std::uint64_t kEmptyIndexBytes = 1U << 20U;

constexpr Scenario kScenarios[]{
    {.name = "OneKey", .keys = 1, .operations = 40'000, .sets = 25, .updates = 15},
    {.name = "FewKeys", .keys = 8, .operations = 60'000, .increments = 10},
    {.name = "ManyKeysAndGrowth", .keys = 40'000, .operations = 60'000, .sets = 45, .grows = true},
    {.name = "SeveralKeys", .keys = 6, .operations = 30'000, .sets = 10, .reads_of_several = 30, .updates_of_several = 25},
    {.name = "Expiry", .keys = 24, .operations = 40'000, .updates = 20, .upkeeps = 2, .expires = true},
    {.name = "ExpiryOfSeveral",
     .keys = 6,
     .operations = 20'000,
     .reads_of_several = 20,
     .updates_of_several = 20,
     .upkeeps = 2,
     .expires = true},
    {.name = "Eviction",
     .keys = 4000,
     .operations = 40'000,
     .sets = 45,
     .upkeeps = 1,
     .most_words = 60,
     .max_memory_bytes = kEmptyIndexBytes + (768U << 10U)},
    {.name = "EvictionAndSeveral",
     .keys = 24,
     .operations = 8'000,
     .sets = 35,
     .reads_of_several = 20,
     .updates_of_several = 15,
     .most_words = 6000,
     .max_memory_bytes = kEmptyIndexBytes + (512U << 10U)},
    {.name = "Clear",
     .keys = 6,
     .operations = 30'000,
     .increments = 5,
     .reads_of_several = 20,
     .updates_of_several = 15,
     .upkeeps = 1,
     .clears_per_mille = 10},
    {.name = "Invalidate",
     .keys = 11,
     .operations = 30'000,
     .sets = 25,
     .increments = 5,
     .reads_of_several = 20,
     .updates_of_several = 15,
     .upkeeps = 1,
     .invalidations_per_mille = 15},
    {.name = "InvalidateOneKey",
     .keys = 1,
     .operations = 40'000,
     .sets = 30,
     .updates = 20,
     .upkeeps = 1,
     .invalidations_per_mille = 60},
    {.name = "InvalidateAndExpiry",
     .keys = 11,
     .operations = 20'000,
     .updates = 20,
     .reads_of_several = 10,
     .updates_of_several = 10,
     .upkeeps = 2,
     .clears_per_mille = 3,
     .invalidations_per_mille = 10,
     .expires = true},
    {.name = "LargeValues", .keys = 6, .operations = 6'000, .reads_of_several = 10, .updates_of_several = 10, .most_words = 4000},
    {.name = "Compaction",
     .keys = 40,
     .operations = 30'000,
     .updates = 15,
     .increments = 5,
     .reads_of_several = 10,
     .updates_of_several = 10,
     .upkeeps = 5,
     .clears_per_mille = 2,
     .most_words = 60,
     .expires = true,
     .compacts = true},
    {.name = "CompactionOfLargeValues",
     .keys = 12,
     .operations = 6'000,
     .updates = 15,
     .upkeeps = 5,
     .most_words = 4000,
     .compacts = true},
    {.name = "CompactionUnderEviction",
     .keys = 4000,
     .operations = 30'000,
     .sets = 45,
     .upkeeps = 2,
     .most_words = 60,
     .compacts = true,
     .max_memory_bytes = kEmptyIndexBytes + (768U << 10U)},
    {.name = "Everything",
     .keys = 12,
     .operations = 20'000,
     .increments = 5,
     .reads_of_several = 15,
     .updates_of_several = 15,
     .upkeeps = 2,
     .clears_per_mille = 5,
     .invalidations_per_mille = 5,
     .most_words = 300,
     .expires = true},
};

INSTANTIATE_TEST_SUITE_P(Scenarios, CoherenceTest, testing::ValuesIn(kScenarios),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace strata::history
