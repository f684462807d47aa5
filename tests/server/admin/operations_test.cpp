#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/admin/audit_log.h"
#include "tests/server/admin/admin_fixture.h"

namespace strata::server::admin {
namespace {

namespace json = boost::json;

class Clients : public AdminFixture {
 protected:
  std::shared_ptr<Client> connect(std::uint64_t id) {
    auto client = std::make_shared<Client>(Client::Identity{.id = id,
                                                            .fd = 3,
                                                            .peer_address = "192.0.2.1:" + std::to_string(id),
                                                            .local_address = "192.0.2.2:6379",
                                                            .connected_at_ms = wall_clock_ms() - 5000});
    clients_.add(client);
    return client;
  }
};

TEST_F(Clients, AreShown) {
  const auto client = connect(7);
  client->set_name("worker");
  client->set_database(3);
  client->activity.last_command.store(commands_.find_full("get"));
  client->activity.output_bytes.store(11);
  const json::value shown = call_json(200, "GET", "/v1/clients/7");
  EXPECT_EQ(shown.at("address"), "192.0.2.1:7");
  EXPECT_EQ(shown.at("name"), "worker");
  EXPECT_EQ(shown.at("database"), 3);
  EXPECT_EQ(shown.at("last_command"), "get");
  EXPECT_EQ(shown.at("output_bytes"), 11);
  EXPECT_GE(shown.at("age_ms").as_int64(), 5000);
  EXPECT_EQ(call("GET", "/v1/clients/8").status, 404U);
}

TEST_F(Clients, AreListedInPages) {
  for (std::uint64_t id = 1; id <= 5; ++id) connect(id);
  const json::value first = call_json(200, "GET", "/v1/clients?limit=3");
  EXPECT_EQ(first.at("connected"), 5);
  ASSERT_EQ(first.at("clients").as_array().size(), 3U);
  EXPECT_EQ(first.at("clients").as_array()[2].at("id"), 3);
  const json::array rest = call_json(200, "GET", "/v1/clients?limit=3&after=3").at("clients").as_array();
  ASSERT_EQ(rest.size(), 2U);
  EXPECT_EQ(rest[0].at("id"), 4);
  EXPECT_TRUE(call_json(200, "GET", "/v1/clients?after=5").at("clients").as_array().empty());
}

TEST_F(Clients, AreDisconnected) {
  const auto client = connect(7);
  std::vector<Client::Reason> reasons;
  client->set_disconnect([&](Client::Reason reason) { reasons.push_back(reason); });
  EXPECT_EQ(call("DELETE", "/v1/clients/7").status, 204U);
  EXPECT_EQ(reasons, std::vector{Client::Reason::killed});
  EXPECT_EQ(call("DELETE", "/v1/clients/7").status, 404U) << "it is gone already";
  EXPECT_EQ(call("DELETE", "/v1/clients/8").status, 404U);
}

class Logs : public AdminFixture {
 protected:
  Logs() {
    command_log_.set({.slow_us = 10, .request_bytes = -1, .reply_bytes = 100, .entries = 100});
    for (std::uint64_t i = 0; i < 5; ++i) note(10'000 * (i + 1), 0, {"GET", "k" + std::to_string(i)});
    note(0, 500, {"GET", "\xff"});
  }
  void note(std::uint64_t nanoseconds, std::uint64_t reply_bytes, std::vector<std::string> words) {
    const Client client({.id = 1, .fd = 3, .peer_address = "192.0.2.1:5", .local_address = {}, .connected_at_ms = 0});
    const std::vector<std::string_view> views(words.begin(), words.end());
    command_log_.note({.nanoseconds = nanoseconds, .reply_bytes = reply_bytes, .words = views}, *commands_.find_full("get"),
                      client, 7000);
  }
};

TEST_F(Logs, ShowTheNewestFirstInPages) {
  const json::value page = call_json(200, "GET", "/v1/slowlog?limit=2");
  EXPECT_EQ(page.at("kept"), 5);
  ASSERT_EQ(page.at("entries").as_array().size(), 2U);
  EXPECT_EQ(page.at("entries").as_array()[0], (json::value{{"number", 4},
                                                           {"at_s", 7},
                                                           {"microseconds", 50},
                                                           {"words", {"GET", "k4"}},
                                                           {"client", "192.0.2.1:5"},
                                                           {"client_name", ""}}));
  const json::array next = call_json(200, "GET", "/v1/slowlog?limit=2&before=3").at("entries").as_array();
  ASSERT_EQ(next.size(), 2U);
  EXPECT_EQ(next[0].at("number"), 2);
  EXPECT_EQ(call_json(200, "GET", "/v1/slowlog?before=1").at("entries").as_array().size(), 1U);
  EXPECT_TRUE(call_json(200, "GET", "/v1/slowlog?before=0").at("entries").as_array().empty());
}

TEST_F(Logs, AreKeptApart) {
  const json::value large = call_json(200, "GET", "/v1/slowlog?kind=large-reply");
  ASSERT_EQ(large.at("entries").as_array().size(), 1U);
  EXPECT_EQ(large.at("entries").as_array()[0].at("bytes"), 500);
  EXPECT_EQ(large.at("entries").as_array()[0].at("words").as_array()[1].at("base64"), "/w==");
  EXPECT_EQ(call("DELETE", "/v1/slowlog?kind=large-reply").status, 204U);
  EXPECT_EQ(command_log_.size(CommandLog::Kind::large_reply), 0U);
  EXPECT_EQ(command_log_.size(CommandLog::Kind::slow), 5U);
  EXPECT_EQ(call("DELETE", "/v1/slowlog").status, 204U);
  EXPECT_EQ(command_log_.size(CommandLog::Kind::slow), 0U);
}

class Operations : public AdminFixture {
 protected:
  json::array audit(const std::string& query = {}) { return call_json(200, "GET", "/v1/audit" + query).at("entries").as_array(); }
};

TEST_F(Operations, MemoryIsThatOfTheBooks) {
  set("a", std::string(100'000, 'x'));
  const json::value memory = call_json(200, "GET", "/v1/memory");
  EXPECT_EQ(memory.at("limit_bytes").to_number<std::uint64_t>(), cache_.budget().limit_bytes());
  EXPECT_EQ(memory.at("total_bytes").to_number<std::uint64_t>(), cache_.budget().total_bytes());
  EXPECT_EQ(memory.at("max_memory_bytes").to_number<std::uint64_t>(), cache_.tunables().max_memory_bytes);
  EXPECT_GE(memory.at("bytes").at("large_values").to_number<std::uint64_t>(), 100'000U);
  EXPECT_GT(memory.at("process_resident_bytes").to_number<std::uint64_t>(), 0U);
  EXPECT_GT(memory.at("fragmentation_ratio").as_double(), 0.0);
  EXPECT_EQ(memory.at("client_values_bytes"), 0);
}

TEST_F(Operations, FreeMemoryIsGivenBack) {
  strata_held_memory before{};
  before.struct_bytes = sizeof before;
  constexpr std::size_t kBytes = 8 << 20;
  void* block = strata_malloc(kBytes);
  std::memset(block, 1, kBytes);
  strata_free(block);
  ASSERT_EQ(strata_memory_held(&before), STRATA_OK);
  EXPECT_EQ(call("POST", "/v1/memory/purge").status, 202U);
  state_.purge.join();
  strata_held_memory after = before;
  ASSERT_EQ(strata_memory_held(&after), STRATA_OK);
  EXPECT_GT(after.purge_calls, before.purge_calls);
  EXPECT_EQ(after.dirty_free_bytes, 0U);
  EXPECT_EQ(call("POST", "/v1/memory/purge").status, 202U) << "and again";
}

TEST_F(Operations, PolicyIsChosenThroughTheSettings) {
  store_.on_change(
      [this](const config::Settings& settings) {
        cache::Tunables tunables = cache_.tunables();
        tunables.policy =
            cache::policy_from_name(config::kEvictionPolicyNames[static_cast<std::size_t>(settings.memory.policy)]).value();
        cache_.apply(tunables);
      },
      nullptr);
  EXPECT_EQ(call_json(200, "GET", "/v1/policy").at("policy"), "s3fifo");
  const json::value answer = call_json(200, "PUT", "/v1/policy", R"({"policy": "lru"})");
  EXPECT_EQ(answer,
            (json::value{{"dry_run", false},
                         {"changes", {{{"key", "memory.policy"}, {"from", "s3fifo"}, {"to", "lru"}, {"effect", "run time"}}}}}));
  EXPECT_EQ(cache_.tunables().policy, Policy::lru);
  EXPECT_EQ(call_json(200, "GET", "/v1/policy").at("policy"), "lru");
  EXPECT_EQ(call_json(400, "PUT", "/v1/policy", R"({"policy": "best"})").at("error").at("code"), "invalid_config");
  for (const char* body : {"{}", R"({"eviction_samples": 3})", R"({"policy": []})", R"({"policy": "lru", "x": 1})"})
    EXPECT_EQ(call_json(400, "PUT", "/v1/policy", body).at("error").at("code"), "invalid_request") << body;
  EXPECT_EQ(call("PUT", "/v1/policy?dry_run=true", R"({"policy": "fifo"})").status, 200U);
  EXPECT_EQ(cache_.tunables().policy, Policy::lru);
}

TEST_F(Operations, LogLevelIsChosen) {
  EXPECT_EQ(call_json(200, "GET", "/v1/log-level").at("level"), "info");
  EXPECT_EQ(call("PUT", "/v1/log-level", R"({"level": "error"})").status, 200U);
  EXPECT_EQ(store_.current()->log.level, config::LogLevel::error);
  EXPECT_EQ(call_json(200, "GET", "/v1/log-level").at("level"), "error");
}

TEST_F(Operations, EveryChangeIsNoted) {
  set("k", "v");
  (void)call("PUT", "/v1/keys/new%FF", "12345");
  (void)call("DELETE", "/v1/keys/k");
  (void)call("DELETE", "/v1/slowlog");
  (void)call("POST", "/v1/invalidate", R"({"prefix": "user:"})");
  (void)call("PATCH", "/v1/config", R"({"log.level": "debug", "admin.token": "another-word", "limits.max_clients": 10000})");
  std::vector<std::string> lines;  // not asked for by a request: the token is another one now
  for (const AuditEntry& entry : state_.audit.last(100)) {
    EXPECT_EQ(entry.peer, "192.0.2.7:50614");
    EXPECT_TRUE(entry.with_token);
    lines.push_back(entry.action + " | " + entry.what + " | " + entry.from + " | " + entry.to);
  }
  EXPECT_EQ(lines, (std::vector<std::string>{
                       "PATCH /v1/config | admin.token | ******** | ********",
                       "PATCH /v1/config | log.level | info | debug",
                       "POST /v1/invalidate | keys that begin with user: in database 0 |  | invalidated",
                       "DELETE /v1/slowlog | slow | 0 entries | ",
                       "DELETE /v1/keys/{key} | key \"k\" in database 0 |  | removed",
                       "PUT /v1/keys/{key} | key \"new\\xff\" in database 0 |  | 5 bytes",
                   }));
}

TEST_F(Operations, WhatChangesNothingIsNotNoted) {
  (void)call("PATCH", "/v1/config?dry_run=true", R"({"log.level": "debug"})");
  (void)call("PATCH", "/v1/config", R"({"log.level": "loud"})");
  (void)call("PATCH", "/v1/config", R"({"log.level": "info"})");
  (void)call("POST", "/v1/invalidate", R"({"prefix": "user:", "dry_run": true})");
  (void)call("DELETE", "/v1/keys/none");
  (void)call("PUT", "/v1/keys/k?condition=present", "v");
  EXPECT_TRUE(audit().empty());
}

TEST_F(Operations, ChangesAreNotedInFewWords) {
  (void)call("POST", "/v1/invalidate", R"({"glob": ")" + std::string(1000, 'x') + "\"}");
  const json::array page = audit();
  ASSERT_EQ(page.size(), 1U);
  const std::string what(page[0].at("what").as_string());
  EXPECT_TRUE(what.starts_with("keys that match xxx")) << what;
  EXPECT_LT(what.size(), 200U);
}

TEST_F(Operations, TheAuditLogIsPagedAndBounded) {
  for (int i = 0; i < 10; ++i) (void)call("PUT", "/v1/keys/k" + std::to_string(i), "v");
  const json::array page = audit("?limit=3");
  ASSERT_EQ(page.size(), 3U);
  EXPECT_EQ(page[0].at("number"), 10);
  EXPECT_EQ(audit("?limit=3&before=8")[0].at("number"), 7);
  (void)call("PATCH", "/v1/config", R"({"admin.audit_entries": 4})");
  EXPECT_EQ(audit().size(), 4U);
  (void)call("PATCH", "/v1/config", R"({"admin.audit_entries": 0})");
  EXPECT_TRUE(audit().empty());
}

}  // namespace
}  // namespace strata::server::admin
