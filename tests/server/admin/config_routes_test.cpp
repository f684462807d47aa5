#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <string>

#include "config/schema.h"
#include "tests/server/admin/admin_fixture.h"

namespace strata::server::admin {
namespace {

namespace json = boost::json;

class ConfigRoutes : public AdminFixture {
 protected:
  std::string value(std::string_view path) { return config::get(*store_.current(), path).value(); }
  json::value patch(unsigned status, const char* body) { return call_json(status, "PATCH", "/v1/config", body); }
};

TEST_F(ConfigRoutes, ShowEveryKey) {
  const json::object all = call_json(200, "GET", "/v1/config").as_object();
  EXPECT_EQ(all.size(), config::all_keys().size());
  for (const config::Key& key : config::all_keys()) {
    const json::object& row = all.at(key.path).as_object();
    EXPECT_EQ(row.size(), 3U);
    EXPECT_EQ(row.at("value").as_string(), key.shown(*store_.current()));
    EXPECT_EQ(row.at("changeable"), key.changeable);
  }
  EXPECT_EQ(all.at("server.port").at("origin"), "strata.yaml:2:3");
  EXPECT_EQ(all.at("log.level").at("origin"), "default");
}

TEST_F(ConfigRoutes, MaskSecrets) {
  const std::string body = call("GET", "/v1/config").body;
  EXPECT_EQ(body.find("very-secret-word"), std::string::npos);
  EXPECT_EQ(body.find(kToken), std::string::npos);
  EXPECT_EQ(call_json(200, "GET", "/v1/config").at("admin.token").at("value").as_string(), config::kSecretMask);
}

TEST_F(ConfigRoutes, ChangeKeysTogether) {
  const json::value answer = patch(200, R"({"memory.max_memory": "150mb", "limits.max_clients": 500})");
  EXPECT_EQ(answer.at("dry_run"), false);
  const json::array& changes = answer.at("changes").as_array();
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0], (json::value{{"key", "memory.max_memory"}, {"from", "80%"}, {"to", "150mb"}, {"effect", "run time"}}));
  EXPECT_EQ(value("memory.max_memory"), "150mb");
  EXPECT_EQ(store_.current()->limits.max_clients, 500U);
  EXPECT_EQ(call_json(200, "GET", "/v1/config").at("limits.max_clients").at("origin"), "PATCH /v1/config");
}

TEST_F(ConfigRoutes, ChangeTheTokenForTheNextRequest) {
  patch(200, R"({"admin.token": "another-word"})");
  EXPECT_EQ(call("GET", "/v1/config").status, 401U);
}

TEST_F(ConfigRoutes, TakeAnEmptyChange) { EXPECT_TRUE(patch(200, "{}").at("changes").as_array().empty()); }

TEST_F(ConfigRoutes, RefuseAllWhenOneIsWrong) {
  struct Case {
    const char* wrong;
    const char* key;
  };
  for (const auto& [wrong, key] :
       {Case{R"("limits.max_clients": "many")", "limits.max_clients"}, Case{R"("limits.max_cleints": 5)", "limits.max_cleints"},
        Case{R"("server.port": 1)", "server.port"}, Case{R"("memory.policy": "best")", "memory.policy"},
        Case{R"("limits.max_clients": 1.5)", "limits.max_clients"}, Case{R"("limits.max_clients": -1)", "limits.max_clients"},
        Case{R"("limits.max_clients": 18446744073709551615)", "limits.max_clients"},
        Case{R"("log.level": {"a": 1})", "log.level"}, Case{R"("log.level": null)", "log.level"},
        Case{R"("log.level": true)", "log.level"}, Case{R"("log.level": ["info"])", "log.level"},
        Case{R"("log.level": "")", "log.level"}}) {
    const std::string before = value("memory.max_memory");
    const json::value answer = patch(400, (R"({"memory.max_memory": "150mb", )" + std::string(wrong) + "}").c_str());
    EXPECT_EQ(answer.at("error").at("code"), "invalid_config") << wrong;
    const json::array& problems = answer.at("error").at("problems").as_array();
    ASSERT_EQ(problems.size(), 1U) << wrong;
    EXPECT_EQ(problems[0].at("key"), key) << wrong;
    EXPECT_FALSE(problems[0].at("message").as_string().empty()) << wrong;
    EXPECT_EQ(value("memory.max_memory"), before) << wrong;
  }
}

TEST_F(ConfigRoutes, NameEveryProblem) {
  const json::value answer = patch(400, R"({"log.level": [], "memory.policy": "best", "no.such": 1})");
  EXPECT_EQ(answer.at("error").at("problems").as_array().size(), 3U) << json::serialize(answer);
}

TEST_F(ConfigRoutes, TellWhatWouldChange) {
  const json::value answer =
      call_json(200, "PATCH", "/v1/config?dry_run=true", R"({"log.level": "debug", "memory.policy": "s3fifo"})");
  EXPECT_EQ(answer,
            (json::value{{"dry_run", true},
                         {"changes", {{{"key", "log.level"}, {"from", "info"}, {"to", "debug"}, {"effect", "run time"}}}}}));
  EXPECT_EQ(value("log.level"), "info");
  const json::value refused =
      call_json(400, "PATCH", "/v1/config?dry_run=true", R"({"server.port": 1, "log.level": "debug", "x.y": 1})");
  const json::array& changes = refused.at("error").at("changes").as_array();
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0], (json::value{{"key", "server.port"}, {"from", "6379"}, {"to", "1"}, {"effect", "restart"}}));
  EXPECT_EQ(refused.at("error").at("problems").as_array().size(), 2U);
}

TEST_F(ConfigRoutes, HideSecretsThatChange) {
  const json::value answer = call_json(200, "PATCH", "/v1/config?dry_run=true", R"({"security.password": "new-secret"})");
  EXPECT_EQ(answer.at("changes").as_array()[0].at("from").as_string(), config::kSecretMask);
  EXPECT_EQ(json::serialize(answer).find("secret-"), std::string::npos);
  EXPECT_EQ(json::serialize(answer).find("new-secret"), std::string::npos);
}

TEST_F(ConfigRoutes, ChangeOnlyWhatIsAsExpected) {
  const auto tag = [this] {
    const Response response = call("GET", "/v1/config");
    EXPECT_EQ(response.headers.at(0).first, "ETag");
    return response.headers.at(0).second;
  };
  const std::string first = tag();
  EXPECT_EQ(tag(), first) << "it stays as long as nothing changes";
  EXPECT_EQ(first.front(), '"') << "strong";
  if_match_ = first;
  const Response changed = call("PATCH", "/v1/config", R"({"log.level": "debug"})");
  EXPECT_EQ(changed.status, 200U);
  const std::string second = tag();
  EXPECT_NE(second, first);
  EXPECT_EQ(changed.headers.at(0).second, second);
  EXPECT_EQ(call_json(412, "PATCH", "/v1/config", R"({"log.level": "info"})").at("error").at("code"), "stale");
  EXPECT_EQ(value("log.level"), "debug");
  for (const std::string& stale :
       {"W/" + second, std::string("\"x\""), std::string("nonsense"), second + "0\"", std::string(",")}) {
    if_match_ = stale;
    EXPECT_EQ(call("PATCH", "/v1/config", R"({"log.level": "info"})").status, 412U) << stale;
  }
  if_match_ = "\"other\", " + second;
  EXPECT_EQ(call("PATCH", "/v1/config?dry_run=true", R"({"log.level": "info"})").status, 200U);
  EXPECT_EQ(call("PATCH", "/v1/config", R"({"log.level": "info"})").status, 200U);
  if_match_ = "*";
  EXPECT_EQ(call("PATCH", "/v1/config", R"({"log.level": "error"})").status, 200U);
}

TEST_F(ConfigRoutes, TakeNoTagOfAnotherProcess) {
  facts_.run_id = std::string(40, 'a');
  if_match_ = call("GET", "/v1/config").headers.at(0).second;
  facts_.run_id = std::string(40, 'b');
  EXPECT_EQ(call("PATCH", "/v1/config", R"({"log.level": "error"})").status, 412U) << if_match_;
  if_match_ = call("GET", "/v1/config").headers.at(0).second;
  EXPECT_EQ(call("PATCH", "/v1/config", R"({"log.level": "error"})").status, 200U) << if_match_;
}

TEST_F(ConfigRoutes, KnowOtherWaysToChangeTheConfiguration) {
  if_match_ = call("GET", "/v1/config").headers.at(0).second;
  const std::vector<config::Change> changes = {{"log.level", "debug"}};
  ASSERT_TRUE(store_.change(changes, "CONFIG SET").empty());
  EXPECT_EQ(call("PATCH", "/v1/config", R"({"log.level": "error"})").status, 412U);
}

TEST_F(ConfigRoutes, RefuseMoreChangesThanThereAreKeys) {
  std::string body = R"({"a": 1)";
  for (int i = 0; i < 500; ++i) body += ",\"k" + std::to_string(i) + "\": 1";
  EXPECT_EQ(call_json(400, "PATCH", "/v1/config", body + "}").at("error").at("code"), "invalid_request");
}

}  // namespace
}  // namespace strata::server::admin
