#include "server/admin/router.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <set>
#include <string>

#include "server/admin/bearer_token.h"
#include "tests/server/admin/admin_fixture.h"

namespace strata::server::admin {
namespace {

Admission admit_with(const RequestHead& head, const std::string& token = {}) {
  config::Admin settings;
  settings.token = token;
  return admit(head, settings);
}

std::string header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

std::string error_code(const Response& response) {
  const auto json = boost::json::parse(response.body);
  EXPECT_FALSE(json.at("error").at("message").as_string().empty());
  return std::string(json.at("error").at("code").as_string());
}

TEST(Routes, AreCompleteAndUnique) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Route& route : all_routes()) {
    EXPECT_TRUE(seen.emplace(route.method, route.path).second) << route.method << route.path;
    EXPECT_TRUE(route.path.starts_with('/')) << route.path;
    EXPECT_TRUE(route.summary.ends_with('.')) << route.path;
    EXPECT_NE(route.handler, nullptr) << route.path;
    // What changes something always takes the token.
    if (route.method != "GET") {
      EXPECT_EQ(route.access, Access::token) << route.path;
    }
  }
}

TEST(Admit, FindsTheRouteWhateverTheQuery) {
  for (const char* target : {"/healthz", "/healthz?", "/healthz?verbose=1&x=/v1/stats"}) {
    const Admission admission = admit_with({.method = "GET", .target = target});
    ASSERT_FALSE(admission.refusal) << target;
    EXPECT_EQ(admission.route->path, "/healthz");
  }
}

TEST(Admit, ServesHeadWhereGetIs) {
  EXPECT_FALSE(admit_with({.method = "HEAD", .target = "/healthz"}).refusal);
  EXPECT_EQ(admit_with({.method = "HEAD", .target = "/v1/invalidate"}).refusal.value().status, 405U);
}

TEST(Admit, DoesNotKnowOtherPaths) {
  for (const char* target :
       {"/", "", "*", "/healthz/", "/v1", "/v1/config/x", "/V1/config", "/%68ealthz", "http://x/healthz", "?/healthz"}) {
    const Admission admission = admit_with({.method = "GET", .target = target});
    EXPECT_EQ(admission.route, nullptr) << target;
    ASSERT_TRUE(admission.refusal) << target;
    EXPECT_EQ(admission.refusal->status, 404U) << target;
    EXPECT_EQ(error_code(*admission.refusal), "not_found");
    EXPECT_NE(admission.refusal->body.find("/v1/invalidate"), std::string::npos) << "names what there is";
  }
}

TEST(Admit, MakesHostilePathsPrintable) {
  const std::string target = "/\x01\xff\"" + std::string(5000, 'x');
  const Response response = admit_with({.method = "GET", .target = target}).refusal.value();
  EXPECT_EQ(error_code(response), "not_found");
  const std::size_t usual_bytes = admit_with({.method = "GET", .target = "/x"}).refusal.value().body.size();
  EXPECT_LT(response.body.size(), usual_bytes + 500);
}

TEST(Admit, SaysWhatAPathTakes) {
  const Response config = admit_with({.method = "DELETE", .target = "/v1/config"}).refusal.value();
  EXPECT_EQ(config.status, 405U);
  EXPECT_EQ(error_code(config), "method_not_allowed");
  EXPECT_EQ(header(config, "Allow"), "GET, HEAD, PATCH");
  EXPECT_EQ(header(admit_with({.method = "GET", .target = "/v1/invalidate"}).refusal.value(), "Allow"), "POST");
  EXPECT_EQ(admit_with({.method = "get", .target = "/healthz"}).refusal.value().status, 405U);
}

TEST(Admit, AsksForTheToken) {
  for (const char* authorization :
       {"", "Bearer ", "Bearer wrong", "Bearer right ", "Bearer  right", "Basic right", "right", "Bearer rightright"}) {
    const Admission admission = admit_with({.method = "GET", .target = "/v1/stats", .authorization = authorization}, "right");
    ASSERT_TRUE(admission.refusal) << authorization;
    EXPECT_EQ(admission.refusal->status, 401U);
    EXPECT_EQ(error_code(*admission.refusal), "unauthorized");
    EXPECT_EQ(header(*admission.refusal, "WWW-Authenticate"), "Bearer");
    EXPECT_EQ(admission.refusal->body.find("right"), std::string::npos) << "the token must not show";
  }
  EXPECT_FALSE(admit_with({.method = "GET", .target = "/v1/stats", .authorization = "bearer right"}, "right").refusal);
  EXPECT_FALSE(admit_with({.method = "GET", .target = "/healthz"}, "right").refusal);
  EXPECT_FALSE(admit_with({.method = "GET", .target = "/readyz"}, "right").refusal);
}

TEST(Admit, RefusesWritesThatAPageOfAnotherSiteSends) {
  for (const char* origin : {"http://evil.example", "null", "http://127.0.0.1:80", "127.0.0.1:8379"}) {
    const Admission admission =
        admit_with({.method = "POST", .target = "/v1/invalidate", .origin = origin, .host = "127.0.0.1:8379"});
    ASSERT_TRUE(admission.refusal) << origin;
    EXPECT_EQ(admission.refusal->status, 403U);
    EXPECT_EQ(error_code(*admission.refusal), "cross_origin");
    EXPECT_FALSE(admit_with({.method = "GET", .target = "/v1/stats", .origin = origin, .host = "127.0.0.1:8379"}).refusal);
  }
  EXPECT_FALSE(
      admit_with({.method = "PATCH", .target = "/v1/config", .origin = "http://127.0.0.1:8379", .host = "127.0.0.1:8379"})
          .refusal);
}

TEST(BearerToken, IsNotAskedForWhenThereIsNone) {
  EXPECT_TRUE(has_token("", ""));
  EXPECT_TRUE(has_token("", "Bearer anything"));
  EXPECT_FALSE(has_token("t", "Bearer"));
}

class Bodies : public AdminFixture {};

TEST_F(Bodies, ThatAreNotAJsonObjectAreRefused) {
  for (const char* body : {"", " ", "{", "not json", "{\"a\":1,}", "{\"a\":1} x", "{} {}", "\xff\xfe", "{\"\xff\":1}"}) {
    EXPECT_EQ(call_json(400, "POST", "/v1/invalidate", body).at("error").at("code"), "invalid_json") << body;
  }
  for (const char* body : {"[]", "null", "\"keys\"", "1"}) {
    EXPECT_EQ(call_json(400, "PATCH", "/v1/config", body).at("error").at("code"), "invalid_request") << body;
  }
}

TEST_F(Bodies, MayNotBeDeep) {
  const auto answer = call_json(400, "POST", "/v1/invalidate", R"({"keys":)" + std::string(100'000, '['));
  EXPECT_NE(answer.at("error").at("message").as_string().find("8 levels"), boost::json::string::npos);
}

TEST_F(Bodies, AreParsedInSlices) {
  std::string body = R"({"keys":["x")";
  while (body.size() < 1'000'000) body += R"(,"a key that is not there")";
  EXPECT_EQ(call_json(200, "POST", "/v1/invalidate", body + "]}").at("matched"), 0);
  EXPECT_GE(slices_, body.size() / (64ULL << 10));
}

TEST_F(Bodies, MayNotHoldTooManyValues) {
  const auto list = [](std::size_t values) {
    std::string text = R"({"keys":["\\\",:")";
    for (std::size_t i = 1; i < values; ++i) text += R"(,"")";
    return text + "]}";
  };
  EXPECT_EQ(call("POST", "/v1/invalidate", list(50'000)).status, 200U);
  EXPECT_EQ(call_json(400, "POST", "/v1/invalidate", list(50'001)).at("error").at("code"), "invalid_request");
  std::string members = R"({"a":1)";
  for (int i = 0; i < 1000; ++i) members += R"(,"a":1)";
  const auto answer = call_json(400, "PATCH", "/v1/config", members + "}");
  EXPECT_NE(answer.at("error").at("message").as_string().find("1000 members"), boost::json::string::npos);
}

TEST(ErrorResponse, QuotesLittle) {
  const Response response = error_response(400, "invalid_request", std::string(100'000, 'x') + "\n");
  EXPECT_LT(response.body.size(), 2000U);
  EXPECT_NE(response.body.find("xxx..."), std::string::npos);
}

TEST_F(Bodies, OfRoutesThatTakeNoneAreIgnored) { EXPECT_EQ(call("GET", "/healthz", "not json").status, 200U); }

}  // namespace
}  // namespace strata::server::admin
