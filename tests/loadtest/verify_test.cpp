#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "loadtest/run/run_clock.h"
#include "loadtest/run/verify_stream.h"

namespace strata::loadtest {
namespace {

// One connection to a server that exists only here and may lie.
class Verify : public testing::Test {
 protected:
  using Lie = std::function<void(std::string& value, bool& found)>;

  void SetUp() override {
    WorkloadOptions options;
    options.keys = 20;
    options.mix = "get=50,set=40,del=10";
    options.ttl = ttl_;
    std::string problem;
    workload_ = Workload::make(options, 0, problem);
    ASSERT_TRUE(workload_) << problem;
    state_ = std::make_unique<VerifyState>(20);
    source_ = std::make_unique<OperationSource>(*workload_, 0, 1);
    encoder_ = std::make_unique<RequestEncoder>(Protocol::resp2, *workload_);
    stream_ = std::make_unique<VerifyStream>(*state_, *workload_, *source_, *encoder_, VerifyStream::Place{}, 8, may_evict_);
  }

  static std::string take_bulk(std::string_view& bytes) {
    const std::size_t end = bytes.find("\r\n");
    const auto length = static_cast<std::size_t>(std::stoul(std::string(bytes.substr(1, end - 1))));
    std::string text(bytes.substr(end + 2, length));
    bytes.remove_prefix(end + 4 + length);
    return text;
  }

  void run(int batches, const Lie& lie, const std::string& set_error = {}) {
    for (int i = 0; i < batches; ++i) {
      const Batch batch = stream_->next();
      if (batch.count == 0) return;
      std::string_view bytes = batch.bytes;
      std::vector<std::pair<Outcome, std::string>> replies;
      for (std::uint32_t k = 0; k < batch.count; ++k) {
        int words = bytes[1] - '0';
        bytes.remove_prefix(4);
        take_bulk(bytes);
        const std::string key = take_bulk(bytes);
        std::string stored_value = words > 2 ? take_bulk(bytes) : std::string();
        for (; words > 3; --words) take_bulk(bytes);
        const auto found = stored_.find(key);
        if (batch.kinds[k] == OperationKind::get) {
          std::string value = found == stored_.end() ? "" : found->second;
          bool there = found != stored_.end();
          lie(value, there);
          replies.emplace_back(there ? Outcome::hit : Outcome::miss, value);
        } else if (batch.kinds[k] == OperationKind::del) {
          stored_.erase(key);
          replies.emplace_back(Outcome::done, ":1");
        } else {
          if (set_error.empty()) {
            last_[key] = stored_[key];
            stored_[key] = std::move(stored_value);
          }
          replies.emplace_back(set_error.empty() ? Outcome::done : Outcome::error, set_error);
        }
      }
      for (std::uint32_t k = 0; k < batch.count; ++k) stream_->replied(k, {replies[k].first, replies[k].second}, now_ns());
    }
  }

  const VerifyCounts& counts() { return stream_->counts(); }

  std::string ttl_;
  bool may_evict_ = false;
  std::optional<Workload> workload_;
  std::unique_ptr<VerifyState> state_;
  std::unique_ptr<OperationSource> source_;
  std::unique_ptr<RequestEncoder> encoder_;
  std::unique_ptr<VerifyStream> stream_;
  std::map<std::string, std::string> stored_;
  std::map<std::string, std::string> last_;
};

TEST_F(Verify, AnHonestServerPasses) {
  run(500, [](std::string&, bool&) {});
  EXPECT_GT(counts().checked, 1000U);
  EXPECT_GT(counts().absent, 0U) << "deleted keys were read";
  EXPECT_EQ(counts().wrong + counts().stale + counts().lost, 0U);
}

TEST_F(Verify, OneChangedByteIsWrong) {
  bool once = false;
  run(500, [&](std::string& value, bool& found) {
    if (found && !std::exchange(once, true)) value.back() = static_cast<char>(value.back() ^ 1);
  });
  EXPECT_EQ(counts().wrong, 1U);
  EXPECT_EQ(counts().stale + counts().lost, 0U);
  EXPECT_EQ(stream_->findings().size(), 1U);
}

TEST_F(Verify, AMissingLastByteIsWrong) {
  bool once = false;
  run(500, [&](std::string& value, bool& found) {
    if (found && !std::exchange(once, true)) value.pop_back();
  });
  EXPECT_EQ(counts().wrong, 1U);
}

TEST_F(Verify, AnotherKeysValueIsWrong) {
  bool once = false;
  run(500, [&](std::string& value, bool& found) {
    if (!found || once) return;
    for (const auto& [key, other] : stored_) {
      if (other == value) continue;
      value = other;
      once = true;
      return;
    }
  });
  EXPECT_EQ(counts().wrong, 1U);
}

TEST_F(Verify, AForgottenKeyIsLost) {
  bool once = false;
  run(500, [&](std::string&, bool& found) {
    if (found && !std::exchange(once, true)) found = false;
  });
  EXPECT_EQ(counts().lost, 1U);
  EXPECT_EQ(counts().wrong + counts().stale, 0U);
}

TEST_F(Verify, AnOldVersionIsStale) {
  bool once = false;
  run(500, [&](std::string& value, bool& found) {
    if (!found || once) return;
    for (const auto& [key, now] : stored_) {
      if (now != value || last_[key].empty()) continue;
      value = last_[key];
      once = true;
    }
  });
  EXPECT_EQ(counts().stale, 1U);
  EXPECT_EQ(counts().wrong + counts().lost, 0U);
}

TEST_F(Verify, ADeletedKeyThatIsStillThereIsStale) {
  bool once = false;
  run(500, [&](std::string& value, bool& found) {
    // Whatever was stored before some deletion: its key is not there now.
    if (found || once) return;
    for (const auto& [key, old] : last_) {
      if (stored_.count(key) > 0 || old.empty()) continue;
      value = old;
      found = once = true;
      return;
    }
  });
  ASSERT_TRUE(once);
  EXPECT_EQ(counts().stale + counts().wrong, 1U) << "wrong if it was another key that was asked for";
}

TEST_F(Verify, AfterAFailedWriteEitherVersionIsRight) {
  run(20, [](std::string&, bool&) {});
  run(
      20, [](std::string&, bool&) {}, "OOM");
  EXPECT_EQ(counts().wrong + counts().stale + counts().lost, 0U);
}

TEST_F(Verify, ASweepReadsEveryKeyOnce) {
  run(50, [](std::string&, bool&) {});
  const std::uint64_t before = counts().checked;
  stream_->sweep(OperationKind::get);
  run(1000, [](std::string&, bool&) {});
  EXPECT_EQ(counts().checked - before, 20U);
}

class VerifyWithEviction : public Verify {
 protected:
  VerifyWithEviction() { may_evict_ = true; }
};

TEST_F(VerifyWithEviction, AForgottenKeyIsAbsent) {
  run(500, [](std::string&, bool& found) { found = false; });
  EXPECT_EQ(counts().lost, 0U);
  EXPECT_EQ(counts().absent, counts().checked);
}

class VerifyWithTtl : public Verify {
 protected:
  VerifyWithTtl() { ttl_ = "1h=1"; }
};

TEST_F(VerifyWithTtl, AKeyGoneLongBeforeItsTimeIsLost) {
  bool once = false;
  run(500, [&](std::string&, bool& found) {
    if (found && !std::exchange(once, true)) found = false;
  });
  EXPECT_EQ(counts().lost, 1U);
}

}  // namespace
}  // namespace strata::loadtest
