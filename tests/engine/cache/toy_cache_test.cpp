#include "tests/engine/cache/toy_cache.h"

#include <gtest/gtest.h>

#include <barrier>
#include <random>
#include <string>
#include <thread>

#include "tests/engine/cache/linearizability.h"
#include "tests/engine/cache/protocol_delays.h"

namespace strata::history {
namespace {

// One thread's share of a run.
class Worker {
 public:
  static constexpr std::size_t kOperations = 1000;

  Worker(ToyCache& cache, ThreadLog& log, std::size_t thread, std::uint64_t seed)
      : cache_(cache), log_(log), thread_(thread), random_(seed * 64 + thread) {}

  void run() {
    for (std::size_t i = 0; i < kOperations; ++i) one(random_() % 100);
  }

 private:
  KeyId any_key() { return static_cast<KeyId>(random_() % ToyCache::kKeys); }
  Value any_value() { return unique_value(thread_, ++writes_); }

  void one(std::uint64_t kind) {
    const KeyId key = any_key();
    const Value value = any_value();
    if (kind < 40) {
      log_.invoke(Kind::get);
      const Value seen = cache_.get(thread_, key);
      log_.respond();
      log_.note(Effect::read(key, seen));
    } else if (kind < 60) {
      log_.invoke(Kind::set);
      cache_.set(thread_, key, value);
      log_.respond();
      log_.note(Effect::write(key, value));
    } else if (kind < 70) {
      log_.invoke(Kind::update);
      const Value seen = cache_.exchange(thread_, key, value);
      log_.respond();
      log_.note(Effect::exchange(key, seen, value));
    } else if (kind < 80) {
      log_.invoke(Kind::remove);
      const bool was_there = cache_.remove(thread_, key);
      log_.respond();
      log_.note(Effect::remove(key, was_there));
    } else {
      several(kind, key, value);
    }
  }

  void several(std::uint64_t kind, KeyId key, Value value) {
    const std::array<KeyId, 2> keys{key, (key + 1) % ToyCache::kKeys};
    if (kind < 88) {
      log_.invoke(Kind::set_many);
      cache_.set_many(thread_, keys, value);
      log_.respond();
      for (const KeyId one : keys) log_.note(Effect::write(one, value));
    } else if (kind < 97) {
      std::array<Value, 2> values{};
      log_.invoke(Kind::get_many);
      cache_.get_many(thread_, keys, values);
      log_.respond();
      for (std::size_t i = 0; i < keys.size(); ++i) log_.note(Effect::read(keys[i], values[i]));
    } else {
      log_.invoke(Kind::flush);
      cache_.flush(thread_);
      log_.respond();
      for (KeyId one = 0; one < ToyCache::kKeys; ++one) log_.note(Effect::erase(one));
    }
  }

  ToyCache& cache_;
  ThreadLog& log_;
  const std::size_t thread_;
  std::mt19937_64 random_;
  std::uint64_t writes_ = 0;
};

Judgement run(Defect defect, std::uint64_t seed) {
  ToyCache cache(defect);
  History history;
  for (std::size_t thread = 0; thread < ToyCache::kThreads; ++thread)
    history.threads.emplace_back(Worker::kOperations, Worker::kOperations * ToyCache::kKeys);
  {
    std::barrier start(static_cast<std::ptrdiff_t>(ToyCache::kThreads));
    std::vector<std::jthread> threads;
    threads.reserve(ToyCache::kThreads);
    for (std::size_t thread = 0; thread < ToyCache::kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        start.arrive_and_wait();
        Worker(cache, history.threads[thread], thread, seed).run();
      });
    }
  }
  return judge(history);
}

// With what hinders the threads at every step, so that the windows are wide.
class ToyCacheTest : public testing::TestWithParam<std::pair<Defect, const char*>> {
 protected:
  const cache::ProtocolDelays delays_;
};

TEST_F(ToyCacheTest, WithoutADefectIsAccepted) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Judgement judgement = run(Defect::none, seed);
    ASSERT_EQ(judgement.verdict, Verdict::linearizable) << judgement.explanation;
  }
}

TEST_P(ToyCacheTest, IsCaught) {
  constexpr std::uint64_t kMostRuns = 100;
  for (std::uint64_t seed = 1; seed <= kMostRuns; ++seed) {
    const Judgement judgement = run(GetParam().first, seed);
    ASSERT_NE(judgement.verdict, Verdict::malformed) << judgement.explanation;
    if (judgement.verdict != Verdict::not_linearizable) continue;
    RecordProperty("runs", std::to_string(seed));
    RecordProperty("explanation", judgement.explanation);
    EXPECT_FALSE(judgement.explanation.empty());
    return;
  }
  FAIL() << "not caught in " << kMostRuns << " runs";
}

INSTANTIATE_TEST_SUITE_P(Defects, ToyCacheTest,
                         testing::Values(std::pair{Defect::torn_value, "TornValue"}, std::pair{Defect::reused_item, "ReusedItem"},
                                         std::pair{Defect::stale_copy, "StaleCopy"}, std::pair{Defect::lost_update, "LostUpdate"},
                                         std::pair{Defect::late_publication, "LatePublication"},
                                         std::pair{Defect::removal_undone, "RemovalUndone"},
                                         std::pair{Defect::half_of_a_set, "HalfOfASet"},
                                         std::pair{Defect::half_of_a_get, "HalfOfAGet"},
                                         std::pair{Defect::piecewise_flush, "PiecewiseFlush"}),
                         [](const auto& instance) { return std::string(instance.param.second); });

}  // namespace
}  // namespace strata::history
