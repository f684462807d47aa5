#include "loadtest/run/look_aside_stream.h"

#include <gtest/gtest.h>

#include <set>

namespace strata::loadtest {
namespace {

// A stream of GETs in the order of the keys, and a cache that the test plays.
class LookAside : public testing::Test {
 protected:
  explicit LookAside(std::uint64_t keys = 6) {
    WorkloadOptions options;
    options.keys = keys;
    options.mix = "get=1";
    options.distribution = "sequential";
    std::string problem;
    workload_ = Workload::make(options, 0, problem);
    source_.emplace(*workload_, 0, 1);
    encoder_.emplace(Protocol::resp2, *workload_);
  }

  LookAsideStream stream(std::uint32_t batch, std::uint64_t warm = 0) { return {*source_, *encoder_, batch, warm}; }

  // Answers all requests of a batch: GETs with `outcome`.
  static void answer(LookAsideStream& stream, const Batch& batch, Outcome outcome) {
    for (std::uint32_t i = 0; i < batch.count; ++i) {
      stream.replied(i, {batch.kinds[i] == OperationKind::get ? outcome : Outcome::done, {}}, 0);
    }
  }
  static int sets(const Batch& batch) {
    int count = 0;
    for (std::uint32_t i = 0; i < batch.count; ++i) count += batch.kinds[i] == OperationKind::set ? 1 : 0;
    return count;
  }

  std::optional<Workload> workload_;
  std::optional<OperationSource> source_;
  std::optional<RequestEncoder> encoder_;
};

TEST_F(LookAside, StoresWhatMissedAndNothingElse) {
  LookAsideStream stream = this->stream(3);
  Batch batch = stream.next();
  EXPECT_EQ(batch.count, 3U);
  EXPECT_EQ(sets(batch), 0);
  answer(stream, batch, Outcome::miss);
  batch = stream.next();
  EXPECT_EQ(sets(batch), 3);
  EXPECT_EQ(batch.count, 6U);
  answer(stream, batch, Outcome::hit);
  batch = stream.next();
  EXPECT_EQ(sets(batch), 0);
  EXPECT_EQ(stream.counts().requests, 6U);
  EXPECT_EQ(stream.counts().hits, 3U);
}

TEST_F(LookAside, AnErrorIsNeitherAMissNorStored) {
  LookAsideStream stream = this->stream(3);
  answer(stream, stream.next(), Outcome::error);
  EXPECT_EQ(sets(stream.next()), 0);
  EXPECT_EQ(stream.counts().requests, 0U);
}

TEST_F(LookAside, ABatchAsksForNoKeyTwiceAndLosesNone) {
  LookAsideStream stream = this->stream(10);
  for (int round = 0; round < 3; ++round) {
    const Batch batch = stream.next();
    EXPECT_EQ(batch.count, 6U) << "six keys in turn: the seventh request begins the next batch";
    answer(stream, batch, Outcome::hit);
  }
  EXPECT_EQ(stream.counts().requests, 18U);
}

TEST_F(LookAside, WarmRequestsDoNotCount) {
  LookAsideStream stream = this->stream(3, 6);
  for (int round = 0; round < 4; ++round) answer(stream, stream.next(), Outcome::hit);
  EXPECT_EQ(stream.counts().requests, 6U);
}

}  // namespace
}  // namespace strata::loadtest
