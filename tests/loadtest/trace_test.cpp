#include "loadtest/workload/trace.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <cstdio>
#include <fstream>
#include <set>
#include <string>

#include "loadtest/run/trace_stream.h"

namespace strata::loadtest {
namespace {

std::string record(std::uint64_t key, std::uint32_t bytes) {
  std::string text;
  for (int i = 0; i < 8; ++i) text += static_cast<char>(key >> (8 * i));
  for (int i = 0; i < 4; ++i) text += static_cast<char>(bytes >> (8 * i));
  return text;
}

std::string compressed(const std::string& plain) {
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 3));
  return out;
}

class TraceFile : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() + ".trc.zst";
  }
  void TearDown() override { std::remove(path_.c_str()); }

  std::optional<Trace> read(const std::string& bytes, std::uint64_t limit = 0) {
    std::ofstream(path_, std::ios::binary) << bytes;
    problem_.clear();
    return Trace::read(path_, limit, problem_);
  }
  std::string refusal(const std::string& bytes) {
    EXPECT_FALSE(read(bytes));
    EXPECT_NE(problem_.find(path_), std::string::npos) << "the file is named: " << problem_;
    return problem_;
  }

  std::string path_;
  std::string problem_;
};

TEST_F(TraceFile, Records) {
  const auto trace = read(compressed(record(0x0102030405060708, 0x0a0b0c0d) + record(5, 0) + record(5, 0)));
  ASSERT_TRUE(trace) << problem_;
  ASSERT_EQ(trace->accesses.size(), 3U);
  EXPECT_EQ(trace->accesses[0].key, 0x0102030405060708U);
  EXPECT_EQ(trace->accesses[0].value_bytes, 0x0a0b0c0dU);
  EXPECT_TRUE(trace->accesses[1].first);
  EXPECT_FALSE(trace->accesses[2].first);
  EXPECT_EQ(trace->distinct_keys, 2U);
}

TEST_F(TraceFile, SeveralFramesAreOneTrace) {
  const auto trace = read(compressed(record(1, 1)) + compressed(record(2, 2)));
  ASSERT_TRUE(trace) << problem_;
  EXPECT_EQ(trace->accesses.size(), 2U);
}

TEST_F(TraceFile, Limit) {
  const std::string bytes = compressed(record(1, 1) + record(2, 2) + record(3, 3));
  EXPECT_EQ(read(bytes, 2)->accesses.size(), 2U);
  EXPECT_EQ(read(bytes, 9)->accesses.size(), 3U);
}

TEST_F(TraceFile, RefusesDamage) {
  std::string many;
  for (std::uint64_t i = 0; i < 10'000; ++i) many += record(i * 2'654'435'761U, 100);
  const std::string whole = compressed(many);
  EXPECT_NE(refusal("").find("empty"), std::string::npos);
  EXPECT_NE(refusal("no zstd at all").find("not a zstd file"), std::string::npos);
  EXPECT_NE(refusal(whole.substr(0, whole.size() / 2)).find("cut off"), std::string::npos);
  EXPECT_NE(refusal(compressed(record(1, 1) + "x")).find("within a record"), std::string::npos);
  EXPECT_NE(refusal(compressed("")).find("no records"), std::string::npos);
  // A frame without a checksum may decompress to something else, but neither crashes nor hangs.
  for (std::size_t at = 0; at < whole.size(); at += 97) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x5a);
    if (!read(damaged)) {
      EXPECT_NE(problem_.find(path_), std::string::npos);
    }
  }
  EXPECT_FALSE(Trace::read("/nowhere/at/all", 0, problem_));
  EXPECT_NE(problem_.find("/nowhere/at/all"), std::string::npos);
}

// A cache of unlimited size that answers a stream.
TraceCounts replay(TraceStream& stream, std::vector<std::string>& batches) {
  std::set<std::string> stored;
  for (;;) {
    const Batch batch = stream.next();
    if (batch.count == 0) return stream.counts();
    batches.emplace_back(batch.bytes);
    std::size_t at = 0;
    for (std::uint32_t i = 0; i < batch.count; ++i) {
      const std::size_t key_at = batch.bytes.find("key:", at);
      const std::string key(batch.bytes.substr(key_at, 20));
      at = key_at + 20;
      const bool hit = stored.count(key) > 0;
      if (batch.kinds[i] == OperationKind::set) stored.insert(key);
      stream.replied(i, {batch.kinds[i] == OperationKind::set ? Outcome::done : hit ? Outcome::hit : Outcome::miss, {}}, 0);
    }
  }
}

TEST(TraceStream, AKeyRepeatedInABatchIsNoSecondMiss) {
  WorkloadOptions options;
  options.key_bytes = 20;
  std::string problem;
  Trace trace;
  for (const std::uint64_t key : {1U, 1U, 2U, 3U, 2U, 1U, 1U}) {
    bool first = true;
    for (const Access& access : trace.accesses) first = first && access.key != key;
    trace.accesses.push_back({key, 10, first});
  }
  const auto workload = Workload::make(options, 3, problem);
  ASSERT_TRUE(workload);
  for (const std::uint32_t pipeline : {1U, 2U, 3U, 16U}) {
    RequestEncoder encoder(Protocol::resp2, *workload);
    TraceStream stream(trace, *workload, encoder, pipeline, 0, 1);
    std::vector<std::string> batches;
    const TraceCounts counts = replay(stream, batches);
    EXPECT_EQ(counts.requests, 7U) << pipeline;
    EXPECT_EQ(counts.hits, 4U) << pipeline;
    EXPECT_EQ(counts.compulsory_misses, 3U) << pipeline;
    EXPECT_EQ(counts.bytes_requested, 7U * 30) << pipeline;
  }
}

TEST(TraceStream, ConnectionsShareTheTraceByKey) {
  WorkloadOptions options;
  options.key_bytes = 20;
  std::string problem;
  Trace trace;
  std::set<std::uint64_t> seen;
  Random random(3);
  for (int i = 0; i < 5000; ++i) {
    const std::uint64_t key = random.below(300);
    trace.accesses.push_back({key, 0, seen.insert(key).second});
  }
  const auto workload = Workload::make(options, 300, problem);
  ASSERT_TRUE(workload);
  TraceCounts sum;
  for (std::uint64_t stream_number = 0; stream_number < 4; ++stream_number) {
    RequestEncoder encoder(Protocol::resp2, *workload);
    TraceStream stream(trace, *workload, encoder, 8, stream_number, 4);
    std::vector<std::string> batches;
    const TraceCounts counts = replay(stream, batches);
    EXPECT_GT(counts.requests, 500U);
    sum.add(counts);
  }
  EXPECT_EQ(sum.requests, 5000U);
  EXPECT_EQ(sum.misses(), seen.size());
  EXPECT_EQ(sum.compulsory_misses, seen.size());
}

}  // namespace
}  // namespace strata::loadtest
