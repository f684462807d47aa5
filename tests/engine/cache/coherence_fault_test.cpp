#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ostream>
#include <string>

#include "engine/cache/protocol_points.h"
#include "tests/engine/cache/coherence_run.h"
#include "tests/engine/cache/protocol_delays.h"

// A cache whose protocol lacks a step: the judge has to find it, or the runs without faults would show nothing.
namespace strata::history {
namespace {

using cache::ProtocolFault;

struct Broken {
  const char* name;
  ProtocolFault fault;
  Scenario scenario;

  friend std::ostream& operator<<(std::ostream& out, const Broken& broken) { return out << broken.name; }
};

// Not 1: sanitizers end a process with that.
enum Outcome : int { kFound = 0, kNotFound = 77 };
constexpr std::uint64_t kMostRounds = 60;

// In a process of its own: what reads memory that was given away may come to any end.
int run_broken(const Broken& broken) {
  const pid_t child = fork();
  if (child == 0) {
    const cache::ProtocolDelays delays;
    set_protocol_fault(broken.fault);
    for (std::uint64_t seed = 1; seed <= kMostRounds; ++seed) {
      const CoherenceRun run = run_threads(broken.scenario, seed);
      if (run.judgement.verdict == Verdict::not_linearizable || !run.damage.empty()) _exit(kFound);
    }
    _exit(kNotFound);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

class CoherenceFaultTest : public testing::TestWithParam<Broken> {};

TEST_P(CoherenceFaultTest, IsFound) {
  const int status = run_broken(GetParam());
  // A crash is a finding too, and so is what a sanitizer ends the process for.
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == kNotFound);
}

constexpr Scenario kFewKeys{
    .name = "FewKeys", .keys = 4, .operations = 20'000, .sets = 30, .updates = 30, .increments = 10, .most_words = 60};
constexpr Scenario kSeveral{
    .name = "Several", .keys = 6, .operations = 10'000, .sets = 10, .reads_of_several = 30, .updates_of_several = 30};
constexpr Scenario kGrowth{.name = "Growth", .keys = 40'000, .operations = 60'000, .sets = 45, .grows = true};
constexpr Scenario kSpilling{.name = "Spilling", .keys = 30'000, .operations = 60'000, .sets = 40, .removals = 20, .grows = true};
constexpr Scenario kCompaction{
    .name = "Compaction", .keys = 6, .operations = 20'000, .sets = 20, .upkeeps = 20, .most_words = 60, .compacts = true};
constexpr Scenario kClear{
    .name = "Clear", .keys = 6, .operations = 20'000, .sets = 30, .reads_of_several = 30, .clears_per_mille = 60};

constexpr Scenario kInvalidate{
    .name = "Invalidate", .keys = 4, .operations = 20'000, .sets = 40, .upkeeps = 2, .invalidations_per_mille = 60};

INSTANTIATE_TEST_SUITE_P(Faults, CoherenceFaultTest,
                         testing::Values(Broken{"JointNotMarked", ProtocolFault::joint_not_marked, kSeveral},
                                         Broken{"PublishBeforeComplete", ProtocolFault::publish_before_complete, kFewKeys},
                                         Broken{"ReclaimEarly", ProtocolFault::reclaim_early, kFewKeys},
                                         Broken{"WriteWithoutComparing", ProtocolFault::write_without_comparing, kFewKeys},
                                         Broken{"MissNotValidated", ProtocolFault::miss_not_validated, kSpilling},
                                         Broken{"CursorMovedEarly", ProtocolFault::cursor_moved_early, kGrowth},
                                         Broken{"MovedFreedAtOnce", ProtocolFault::moved_freed_at_once, kCompaction},
                                         Broken{"DatabasesNotValidated", ProtocolFault::databases_not_validated, kClear},
                                         Broken{"ItemOfOldEpoch", ProtocolFault::item_of_old_epoch, kInvalidate},
                                         Broken{"PrefixForgottenEarly", ProtocolFault::prefix_forgotten_early, kInvalidate}),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace strata::history
