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
  EXPECT_EQ(answer, (json::value{{"changed", {"memory.max_memory", "limits.max_clients"}}}));
  EXPECT_EQ(value("memory.max_memory"), "150mb");
  EXPECT_EQ(store_.current()->limits.max_clients, 500U);
  EXPECT_EQ(call_json(200, "GET", "/v1/config").at("limits.max_clients").at("origin"), "PATCH /v1/config");
}

TEST_F(ConfigRoutes, ChangeTheTokenForTheNextRequest) {
  patch(200, R"({"admin.token": "another-word"})");
  EXPECT_EQ(call("GET", "/v1/config").status, 401U);
}

TEST_F(ConfigRoutes, TakeAnEmptyChange) { EXPECT_TRUE(patch(200, "{}").at("changed").as_array().empty()); }

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

TEST_F(ConfigRoutes, RefuseMoreChangesThanThereAreKeys) {
  std::string body = R"({"a": 1)";
  for (int i = 0; i < 500; ++i) body += ",\"k" + std::to_string(i) + "\": 1";
  EXPECT_EQ(call_json(400, "PATCH", "/v1/config", body + "}").at("error").at("code"), "invalid_request");
}

}  // namespace
}  // namespace strata::server::admin
