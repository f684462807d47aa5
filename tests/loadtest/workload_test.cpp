#include "loadtest/workload/workload.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>

#include "loadtest/workload/preset.h"

namespace strata::loadtest {
namespace {

Workload make(const WorkloadOptions& options) {
  std::string problem;
  auto workload = Workload::make(options, 0, problem);
  EXPECT_TRUE(workload) << problem;
  return *workload;
}

std::string refusal(const WorkloadOptions& options) {
  std::string problem;
  EXPECT_FALSE(Workload::make(options, 0, problem));
  return problem;
}

TEST(KeyFormat, WritesNumbersInBase36) {
  std::string problem;
  const auto format = KeyFormat::make("k:", 6, 1295, problem);
  ASSERT_TRUE(format);
  EXPECT_EQ(format->text(0), "k:0000");
  EXPECT_EQ(format->text(35), "k:000z");
  EXPECT_EQ(format->text(1295), "k:00zz");
}

TEST(KeyFormat, RefusesKeysThatDoNotFit) {
  std::string problem;
  EXPECT_TRUE(KeyFormat::make("k:", 4, 1295, problem));
  EXPECT_FALSE(KeyFormat::make("k:", 4, 1296, problem));
  EXPECT_NE(problem.find("--key-size 4"), std::string::npos) << problem;
}

TEST(ValueSize, DependsOnTheKeyAlone) {
  std::string problem;
  for (const char* text : {"64", "uniform:10:20", "lognormal:5.2:0.9", "table:64=50,1024=50"}) {
    const auto one = ValueSize::parse(text, problem);
    const auto other = ValueSize::parse(text, problem);
    ASSERT_TRUE(one && other) << text;
    for (std::uint64_t key = 0; key < 1000; ++key) ASSERT_EQ(one->of(key), other->of(key)) << text;
  }
}

TEST(ValueSize, LogNormalHasItsMean) {
  std::string problem;
  const auto sizes = ValueSize::parse("lognormal:5.2:0.9", problem);
  double sum = 0;
  for (std::uint64_t key = 0; key < 200'000; ++key) sum += sizes->of(key);
  // exp(5.2 + 0.9^2 / 2) = 271.8; half a byte is lost to rounding down.
  EXPECT_NEAR(sum / 200'000, 271.3, 2.5);
}

TEST(ValueSize, TableHasItsShares) {
  std::string problem;
  const auto sizes = ValueSize::parse("table:64=3,1kb=1", problem);
  ASSERT_TRUE(sizes);
  std::map<std::uint32_t, int> seen;
  for (std::uint64_t key = 0; key < 40'000; ++key) ++seen[sizes->of(key)];
  EXPECT_EQ(seen.size(), 2U);
  EXPECT_NEAR(seen[64], 30'000, 400);
  EXPECT_NEAR(seen[1024], 10'000, 400);
}

TEST(ValueSize, RefusesWhatIsNone) {
  for (const char* text :
       {"", "-1", "1tb", "uniform:5:4", "uniform:5", "lognormal:5", "lognormal:x:1", "table:", "table:64", "table:64=0"}) {
    std::string problem;
    EXPECT_FALSE(ValueSize::parse(text, problem)) << text;
    EXPECT_NE(problem.find("allowed"), std::string::npos) << text;
  }
}

TEST(ValueContent, HasTheSizeAndIsTheSameForTheSameKey) {
  std::string problem;
  for (const char* text : {"random", "json"}) {
    const auto content = ValueContent::parse(text, problem);
    ASSERT_TRUE(content) << text;
    for (const std::uint32_t bytes : {0U, 1U, 40U, 550U, 3'000'000U}) {
      std::string one = "before";
      std::string other = "before";
      content->append(7, bytes, one);
      content->append(7, bytes, other);
      EXPECT_EQ(one, other) << text;
      EXPECT_EQ(one.size(), 6 + bytes) << text;
      std::string another = "before";
      content->append(8, bytes, another);
      if (bytes >= 40) {
        EXPECT_NE(one, another) << text;
      }
    }
  }
}

TEST(ValueContent, LinesOfAFile) {
  const std::string path = testing::TempDir() + "lines.txt";
  std::ofstream(path) << "first\n\nsecond line\n";
  std::string problem;
  const auto content = ValueContent::parse("lines:" + path, problem);
  ASSERT_TRUE(content) << problem;
  std::set<std::string> seen;
  for (std::uint64_t key = 0; key < 50; ++key) {
    std::string value;
    content->append(key, 999, value);
    EXPECT_EQ(content->size(key, 999), value.size());
    seen.insert(value);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"first", "second line"}));
  EXPECT_FALSE(ValueContent::parse("lines:/nowhere/at/all", problem));
  EXPECT_NE(problem.find("/nowhere/at/all"), std::string::npos);
  std::remove(path.c_str());
}

TEST(Workload, MixHasItsShares) {
  WorkloadOptions options;
  options.mix = "get=3,set=1";
  const Workload workload = make(options);
  OperationSource source(workload, 0, 1);
  int sets = 0;
  for (int i = 0; i < 40'000; ++i) sets += source.next().kind == OperationKind::set ? 1 : 0;
  EXPECT_NEAR(sets, 10'000, 400);
}

TEST(Workload, SameSeedSameOperations) {
  const Workload workload = make({});
  OperationSource one(workload, 0, 2);
  OperationSource same(workload, 0, 2);
  OperationSource other_thread(workload, 1, 2);
  int equal = 0;
  for (int i = 0; i < 1000; ++i) {
    const Operation operation = one.next();
    EXPECT_EQ(operation.key, same.next().key);
    equal += operation.key == other_thread.next().key ? 1 : 0;
  }
  EXPECT_LT(equal, 10);
}

TEST(Workload, ScatteringLosesNoKey) {
  std::set<std::uint64_t> keys;
  for (std::uint64_t rank = 0; rank < 10'007; ++rank) keys.insert(scattered(rank, 10'007));
  EXPECT_EQ(keys.size(), 10'007U);
}

TEST(Workload, ChurnBringsNewKeysAtItsRate) {
  WorkloadOptions options;
  options.keys = 1000;
  options.churn = 0.05;
  const Workload workload = make(options);
  OperationSource source(workload, 0, 1);
  std::set<std::uint64_t> keys;
  for (int i = 0; i < 100'000; ++i) keys.insert(source.next().key);
  // 1000 at first, then 5000 replacements; a few are replaced before they are ever asked for.
  EXPECT_NEAR(static_cast<double>(keys.size()), 6000, 300);
}

TEST(Workload, NewKeysBeginWithAStore) {
  WorkloadOptions options;
  options.keys = 1000;
  options.churn = 0.05;
  options.one_hit_wonders = 0.1;
  options.mix = "get=70,set=30";
  options.stored_first = true;
  const Workload workload = make(options);
  OperationSource source(workload, 0, 1);
  std::set<std::uint64_t> stored;
  for (std::uint64_t key = 0; key < options.keys; ++key) stored.insert(key);
  int sets = 0;
  for (int i = 0; i < 50'000; ++i) {
    const Operation operation = source.next();
    if (operation.kind == OperationKind::set) {
      ++sets;
      stored.insert(operation.key);
    }
    ASSERT_TRUE(stored.contains(operation.key)) << "request " << i << " reads key " << operation.key << " before its store";
  }
  EXPECT_NEAR(sets, 15'000, 600) << "the mix is kept";
}

TEST(Workload, TooFewStoresForAllNewKeysAreAllForNewKeys) {
  WorkloadOptions options;
  options.one_hit_wonders = 0.4;
  options.mix = "get=9,set=1";
  options.stored_first = true;
  const Workload workload = make(options);
  OperationSource source(workload, 0, 1);
  int first_stores = 0;
  for (int i = 0; i < 50'000; ++i) {
    const Operation operation = source.next();
    if (operation.kind != OperationKind::set) continue;
    ASSERT_GE(operation.key, kFirstSingleKey);
    ++first_stores;
  }
  EXPECT_NEAR(first_stores, 5'000, 350);
}

TEST(Workload, OneHitWondersAreAskedForOnce) {
  WorkloadOptions options;
  options.keys = 10;
  options.one_hit_wonders = 0.1;
  const Workload workload = make(options);
  std::map<std::uint64_t, int> seen;
  for (unsigned thread = 0; thread < 2; ++thread) {
    OperationSource source(workload, thread, 2);
    for (int i = 0; i < 10'000; ++i) ++seen[source.next().key];
  }
  int single = 0;
  for (const auto& [key, times] : seen) {
    if (key < 10) continue;
    EXPECT_EQ(times, 1);
    ++single;
  }
  EXPECT_NEAR(single, 2000, 200);
}

TEST(Workload, TtlIsForWhatIsStored) {
  WorkloadOptions options;
  options.mix = "get=1,set=1,del=1,touch=1";
  options.ttl = "60s=1,1h=1";
  const Workload workload = make(options);
  OperationSource source(workload, 0, 1);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const Operation operation = source.next();
    if (operation.kind == OperationKind::get || operation.kind == OperationKind::del) {
      EXPECT_EQ(operation.ttl_ms, 0);
    } else {
      seen.insert(operation.ttl_ms);
    }
  }
  EXPECT_EQ(seen, (std::set<std::int64_t>{60'000, 3'600'000}));
}

TEST(Workload, RefusalsNameTheOption) {
  const auto with = [](auto WorkloadOptions::*field, auto value) {
    WorkloadOptions options;
    options.*field = value;
    return options;
  };
  EXPECT_NE(refusal(with(&WorkloadOptions::mix, "get")).find("--mix get"), std::string::npos);
  EXPECT_NE(refusal(with(&WorkloadOptions::mix, "gett=1")).find("did you mean get?"), std::string::npos);
  EXPECT_NE(refusal(with(&WorkloadOptions::mix, "touch=1")).find("--ttl"), std::string::npos);
  EXPECT_NE(refusal(with(&WorkloadOptions::ttl, "0s=1")).find("--ttl"), std::string::npos);
  EXPECT_NE(refusal(with(&WorkloadOptions::keys, 0U)).find("--keys"), std::string::npos);
  EXPECT_NE(refusal(with(&WorkloadOptions::churn, 1.5)).find("--churn"), std::string::npos);
  EXPECT_NE(refusal(with(&WorkloadOptions::one_hit_wonders, -0.5)).find("--one-hit-wonders"), std::string::npos);
  EXPECT_NE(refusal(with(&WorkloadOptions::value_size, "big")).find("--value-size"), std::string::npos);
  EXPECT_NE(refusal(with(&WorkloadOptions::value_content, "jsn")).find("did you mean json?"), std::string::npos);
  EXPECT_NE(refusal(with(&WorkloadOptions::distribution, "zipf")).find("--distribution"), std::string::npos);
}

class EveryPreset : public testing::TestWithParam<Preset> {};

TEST_P(EveryPreset, HasThePublishedFigures) {
  WorkloadOptions options;
  apply(GetParam(), options);
  const Workload workload = make(options);
  EXPECT_EQ(workload.keys.bytes(), GetParam().key_bytes);
  OperationSource source(workload, 0, 1);
  double value_bytes = 0;
  std::set<std::uint64_t> singles;
  for (std::uint64_t key = 0; key < 100'000; ++key) value_bytes += workload.value_bytes(key);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t key = source.next().key;
    if (key >= kFirstSingleKey) singles.insert(key);
  }
  // Half a byte is lost to rounding down.
  EXPECT_NEAR((value_bytes / 100'000 + 0.5) / GetParam().value_bytes, 1, 0.02);
  const double expected = GetParam().compulsory_misses * GetParam().one_hit_wonders * 10'000;
  EXPECT_NEAR(static_cast<double>(singles.size()), expected, 4 * std::sqrt(expected) + 3);
}

INSTANTIATE_TEST_SUITE_P(All, EveryPreset, testing::ValuesIn(presets().begin(), presets().end()),
                         [](const auto& preset) { return std::string(preset.param.name); });

TEST_P(EveryPreset, KeepsTheSharesOfItsMix) {
  WorkloadOptions options;
  apply(GetParam(), options);
  const Workload workload = make(options);
  OperationSource source(workload, 0, 1);
  constexpr int kRequests = 100'000;
  int stores = 0;
  for (int i = 0; i < kRequests; ++i) stores += stores_value(source.next().kind) ? 1 : 0;
  const double expected = workload.mix.sum_of(stores_value) / workload.mix.sum();
  EXPECT_NEAR(static_cast<double>(stores) / kRequests, expected, 0.01);
}

TEST(Preset, ThereAreSeveralOfEachPublishedCategory) {
  std::map<int, int> of_category;
  for (const Preset& preset : presets()) ++of_category[preset.category];
  EXPECT_EQ(presets().size(), 15U);
  for (const int category : {1, 2, 3}) EXPECT_GE(of_category[category], 2) << category;
}

}  // namespace
}  // namespace strata::loadtest
