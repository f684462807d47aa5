#include <gtest/gtest.h>

#include <boost/json/value.hpp>

#include "engine/api/strata.hpp"
#include "tests/server/admin/admin_fixture.h"

namespace strata::server::admin {
namespace {

namespace json = boost::json;

class Stats : public AdminFixture {
 protected:
  json::value get() { return call_json(200, "GET", "/v1/stats"); }
};

TEST_F(Stats, Process) {
  EXPECT_EQ(get().at("version").as_string().find_first_not_of("0123456789."), json::string::npos);
  EXPECT_FALSE(get().at("version").as_string().empty());
  EXPECT_GE(get().at("uptime_seconds").as_int64(), 5);
}

TEST_F(Stats, Commands) {
  auto& counts = loop_.command(commands_.find_full("config|get")->id);
  counts.usual_calls.add(3);
  counts.ticks.add(CycleClock::ns_to_ticks(1'500'000'000));
  counts.rejected.add(2);
  counts.failed.add(1);
  json::value commands = get().at("commands");
  json::value& seconds = commands.at("config|get").at("seconds");
  EXPECT_NEAR(seconds.as_double(), 1.5, 1e-6);
  seconds = 1.5;
  EXPECT_EQ(commands, (json::value{{"config|get", {{"calls", 3}, {"seconds", 1.5}, {"rejected", 2}, {"failed", 1}}}}));
}

TEST_F(Stats, Connections) {
  loop_.traffic.connections_accepted.add(7);
  loop_.traffic.connections_rejected.add(3);
  loop_.traffic.dropped_slow.add(2);
  loop_.traffic.dropped_idle.add(1);
  EXPECT_EQ(
      get().at("connections"),
      (json::value{
          {"current", 0}, {"accepted", 7}, {"rejected", 3}, {"dropped_slow", 2}, {"dropped_largest", 0}, {"dropped_idle", 1}}));
}

TEST_F(Stats, Cache) {
  set("a", "v");
  set("b", "v", 3);
  set("c", "v", 3, wall_clock_ms() + 1'000'000);
  cache_.read(*session_, cache_.key(0, "a"), [](const ItemView&) {});
  cache_.read(*session_, cache_.key(0, "none"), [](const ItemView&) {});
  const json::value stats = get();
  EXPECT_EQ(stats.at("hits"), 1);
  EXPECT_EQ(stats.at("misses"), 1);
  EXPECT_EQ(stats.at("evicted"), 0);
  EXPECT_EQ(stats.at("expired"), 0);
  EXPECT_EQ(stats.at("databases"),
            (json::value{{"0", {{"keys", 1}, {"with_expiry", 0}}}, {"3", {{"keys", 2}, {"with_expiry", 1}}}}));
}

TEST_F(Stats, Memory) {
  set("a", std::string(100'000, 'x'));
  for (int i = 0; i < 4000; ++i) set("k" + std::to_string(i), std::string(1000, 'x'));  // shards report in batches
  const json::value memory = get().at("memory");
  const auto bytes = [&](const char* name) { return memory.at("bytes").at(name).to_number<std::uint64_t>(); };
  EXPECT_GE(bytes("large_values"), 100'000U);
  EXPECT_GT(bytes("items"), 0U);
  EXPECT_GT(bytes("index"), 0U);
  EXPECT_EQ(bytes("client_buffers"), 0U);
  EXPECT_EQ(memory.at("total_bytes").to_number<std::uint64_t>(), cache_.budget().total_bytes());
  EXPECT_EQ(memory.at("limit_bytes").to_number<std::uint64_t>(), cache_.budget().limit_bytes());
  EXPECT_EQ(memory.at("peak_bytes").to_number<std::uint64_t>(), cache_.budget().peak_bytes());
  EXPECT_GT(memory.at("resident_bytes").at("anonymous").to_number<std::uint64_t>(), 0U);
}

TEST_F(Stats, HealthAndReadiness) {
  EXPECT_EQ(call_json(200, "GET", "/healthz"), (json::value{{"status", "ok"}}));
  EXPECT_EQ(call_json(503, "GET", "/readyz"), (json::value{{"status", "not ready"}}));
  state_.ready = true;
  EXPECT_EQ(call_json(200, "GET", "/readyz"), (json::value{{"status", "ready"}}));
}

}  // namespace
}  // namespace strata::server::admin
