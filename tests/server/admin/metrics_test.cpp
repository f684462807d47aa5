#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/strata.hpp"
#include "server/admin/database_sizes.h"
#include "server/admin/metrics/metric_row.h"
#include "server/admin/metrics/open_files.h"
#include "tests/server/admin/admin_fixture.h"

namespace strata::server::admin {
namespace {

using prometheus::MetricType;

class Metrics : public AdminFixture {
 protected:
  std::string text() {
    const Response response = call("GET", "/metrics");
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
    return response.body;
  }
  // The value of a sample, named with its labels as it stands in the text; empty if it is not there.
  std::string sample(const std::string& name) {
    const std::string all = "\n" + text();
    const std::size_t begin = all.find("\n" + name + " ");
    if (begin == std::string::npos) return {};
    const std::size_t value = begin + name.size() + 2;
    return all.substr(value, all.find('\n', value) - value);
  }
};

std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    if (c == '_') {
      words.emplace_back();
    } else {
      words.back().push_back(c);
    }
  }
  return words;
}

TEST(MetricTable, NamesAreUniqueAndFollowTheConvention) {
  // Base units only, and nothing that the type says already.
  const std::set<std::string> not_allowed = {"milliseconds", "microseconds", "ms",        "us",      "ns",      "kb",
                                             "mb",           "kilobytes",    "megabytes", "percent", "counter", "gauge",
                                             "sum",          "bucket",       "histogram", "count"};
  std::set<std::string_view> names;
  for (const MetricRow& row : all_metrics()) {
    const std::string name(row.name);
    EXPECT_TRUE(names.insert(row.name).second) << name;
    const std::vector<std::string> words = words_of(name);
    EXPECT_EQ(words.front(), "strata") << name;
    EXPECT_GE(words.size(), 2U) << name;
    for (const std::string& word : words) {
      EXPECT_FALSE(word.empty()) << name;
      EXPECT_EQ(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), std::string::npos) << name;
      EXPECT_FALSE(not_allowed.contains(word)) << name;
    }
    EXPECT_EQ(name.ends_with("_total"), row.type == MetricType::Counter) << name;
    if (row.type == MetricType::Histogram) {
      EXPECT_TRUE(name.ends_with("_seconds")) << name;
    }
  }
  EXPECT_GE(names.size(), 30U);
}

TEST(MetricTable, EveryRowHasHelp) {
  for (const MetricRow& row : all_metrics()) {
    EXPECT_GE(row.help.size(), 20U) << row.name;
    EXPECT_TRUE(row.help.ends_with('.')) << row.name;
    EXPECT_NE(row.collect, nullptr) << row.name;
  }
}

TEST_F(Metrics, ComeInTheOrderOfTheTableWithHelpAndType) {
  const std::string all = text();
  std::size_t at = 0;
  for (const MetricRow& row : all_metrics()) {
    at =
        all.find("# HELP " + std::string(row.name) + " " + std::string(row.help) + "\n# TYPE " + std::string(row.name) + " ", at);
    ASSERT_NE(at, std::string::npos) << row.name;
  }
}

TEST_F(Metrics, CommandsByName) {
  EXPECT_EQ(sample(R"(strata_commands_total{command="get"})"), "");
  auto& counts = loop_.command(commands_.find("get")->id);
  counts.usual_calls.add(1);
  counts.other_calls.add(3);
  counts.rejected.add(2);
  counts.failed.add(1);
  counts.ticks.add(CycleClock::ns_to_ticks(2'500'000'000));
  for (const std::uint64_t nanoseconds : {1'500ULL, 3'000'000ULL, 100'000'000'000ULL}) {
    counts.latency.buckets[Histogram<Counter>::bucket_of(nanoseconds)].add();
  }
  EXPECT_EQ(sample(R"(strata_commands_total{command="get"})"), "4");
  EXPECT_EQ(sample(R"(strata_commands_rejected_total{command="get"})"), "2");
  EXPECT_EQ(sample(R"(strata_commands_failed_total{command="get"})"), "1");
  const auto bucket = [&](const std::string& bound) {
    return sample(R"(strata_command_duration_seconds_bucket{command="get",le=")" + bound + "\"}");
  };
  EXPECT_EQ(bucket("1e-06"), "1");
  EXPECT_EQ(bucket("2e-06"), "2");
  EXPECT_EQ(bucket("0.002048"), "2");
  EXPECT_EQ(bucket("0.004096"), "3");
  EXPECT_EQ(bucket("16.777216"), "3");
  EXPECT_EQ(bucket("+Inf"), "4");
  EXPECT_EQ(sample(R"(strata_command_duration_seconds_count{command="get"})"), "4");
  EXPECT_NEAR(std::stod(sample(R"(strata_command_duration_seconds_sum{command="get"})")), 2.5, 1e-6);
}

TEST_F(Metrics, AreWrittenInSlices) {
  for (const Command& command : commands_.all()) loop_.command(command.id).usual_calls.add();
  EXPECT_NE(text().find(R"(_bucket{command="getrange")"), std::string::npos);
  EXPECT_GE(slices_, 4U) << "one to begin, one to count, and the durations of all commands alone fill another";
}

TEST_F(Metrics, ARejectedCommandHasNoDuration) {
  loop_.command(commands_.find("set")->id).rejected.add();
  EXPECT_EQ(sample(R"(strata_commands_total{command="set"})"), "0");
  EXPECT_EQ(text().find(R"(_bucket{command="set")"), std::string::npos);
}

TEST_F(Metrics, NeverFallWhenStatisticsAreReset) {
  loop_.command(commands_.find("get")->id).usual_calls.add(5);
  loop_.count_error("WRONGTYPE");
  statistics_.reset();
  EXPECT_EQ(sample(R"(strata_commands_total{command="get"})"), "5");
  EXPECT_EQ(sample(R"(strata_errors_total{code="WRONGTYPE"})"), "1");
}

TEST_F(Metrics, Cache) {
  set("a", "v");
  set("b", "v", 3, wall_clock_ms() + 1'000'000);
  cache_.read(*session_, cache_.key(0, "a"), [](const ItemView&) {});
  cache_.read(*session_, cache_.key(0, "none"), [](const ItemView&) {});
  EXPECT_EQ(sample("strata_hits_total"), "1");
  EXPECT_EQ(sample("strata_misses_total"), "1");
  EXPECT_EQ(sample(R"(strata_keys{database="0"})"), "1");
  EXPECT_EQ(sample(R"(strata_keys_with_expiry{database="3"})"), "1");
  EXPECT_EQ(sample(R"(strata_keys{database="1"})"), "");
  EXPECT_EQ(sample(R"(strata_memory_bytes{purpose="items"})"), std::to_string(cache_.budget().bytes(Purpose::items)));
  EXPECT_EQ(sample("strata_memory_limit_bytes"), std::to_string(cache_.budget().limit_bytes()));
  EXPECT_FALSE(sample("strata_allocator_bytes{kind=\"in_use\"}").empty());
  EXPECT_FALSE(sample("strata_allocator_purged_bytes_total").empty());
}

TEST_F(Metrics, Network) {
  loop_.traffic.connections_accepted.add(9);
  loop_.traffic.dropped_idle.add(2);
  loop_.traffic.network_input_bytes.add(12'345'678'901);
  loop_.traffic.loop_lag.buckets[0].add(4);
  loop_.traffic.loop_lag_nanoseconds.add(2500);
  EXPECT_EQ(sample("strata_connections_accepted_total"), "9");
  EXPECT_EQ(sample(R"(strata_connections_dropped_total{reason="idle"})"), "2");
  EXPECT_EQ(sample("strata_network_input_bytes_total"), "12345678901") << "no digit may be lost";
  EXPECT_EQ(sample("strata_loop_lag_seconds_count"), "4");
  EXPECT_EQ(sample("strata_loop_lag_seconds_sum"), "2.5e-06");
}

TEST_F(Metrics, LabelsAreEscaped) {
  loop_.count_error("A\"B\\C\nD");
  EXPECT_EQ(sample(R"(strata_errors_total{code="A\"B\\C\nD"})"), "1");
}

TEST_F(Metrics, AdminRequests) {
  state_.requests.add("GET", "/v1/stats", 200);
  state_.requests.add("GET", "/v1/stats", 200);
  state_.requests.add("GET", "/v1/stats", 401);
  EXPECT_EQ(sample(R"(strata_admin_requests_total{method="GET",route="/v1/stats",status="200"})"), "2");
  EXPECT_EQ(sample(R"(strata_admin_requests_total{method="GET",route="/v1/stats",status="401"})"), "1");
}

std::size_t open_files() {
  OpenFiles files;
  while (!files.slice()) {
  }
  return files.count();
}

TEST(DatabaseSizes, AreCountedInSlices) {
  const Cache cache({.namespaces = 40}, {});
  DatabaseSizes sizes(cache);
  EXPECT_FALSE(sizes.slice());
  EXPECT_FALSE(sizes.slice());
  EXPECT_TRUE(sizes.slice());
  EXPECT_EQ(sizes.all().size(), 40U);
}

TEST(OpenFiles, CountsDescriptors) {
  const std::size_t before = open_files();
  EXPECT_GE(before, 3U);
  std::array<std::unique_ptr<std::FILE, int (*)(std::FILE*)>, 3> more = {{{std::fopen("/dev/null", "r"), std::fclose},
                                                                          {std::fopen("/dev/null", "r"), std::fclose},
                                                                          {std::fopen("/dev/null", "r"), std::fclose}}};
  ASSERT_NE(more[2], nullptr);
  EXPECT_EQ(open_files(), before + 3);
}

}  // namespace
}  // namespace strata::server::admin
