#include "server/admin/request.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string>

#include "server/admin/percent_coding.h"
#include "server/admin/router.h"
#include "tests/server/admin/admin_fixture.h"

namespace strata::server::admin {
namespace {

bool matches(std::string_view pattern, std::string_view path) {
  PathValues values;
  return match_path(pattern, path, values);
}

TEST(PathPattern, StandsForItself) {
  EXPECT_TRUE(matches("/v1/keys", "/v1/keys"));
  for (const char* path :
       {"", "/", "*", "/v1", "/v1/", "/v1/key", "/v1/keys/", "/v1/keyss", "/v1/keys/x", "//v1/keys", "v1/keys", "/v1//keys"})
    EXPECT_FALSE(matches("/v1/keys", path)) << path;
}

TEST(PathPattern, TakesAnySegmentInAPlace) {
  PathValues values;
  for (const char* value : {"a", "", "user:17", "%2F", "{key}", "."}) {
    ASSERT_TRUE(match_path("/v1/keys/{key}", std::string("/v1/keys/") + value, values)) << value;
    ASSERT_EQ(values.count, 1U);
  }
  const std::string two = "/a/1/b/2";
  ASSERT_TRUE(match_path("/a/{x}/b/{y}", two, values));
  EXPECT_EQ(values.at[0], "1");
  EXPECT_EQ(values.at[1], "2");
  for (const char* path : {"/v1/keys", "/v1/keys/a/b", "/v1/keys/a/", "/v2/keys/a", "/v1/keysx"})
    EXPECT_FALSE(matches("/v1/keys/{key}", path)) << path;
}

TEST(PercentCoding, GivesTheBytesBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decode(percent_encode(all), Plus::itself), all);
  EXPECT_EQ(percent_encode("a/b c%"), "a%2Fb%20c%25");
  EXPECT_EQ(percent_decode("a+b%2b%2B", Plus::itself), "a+b++");
  EXPECT_EQ(percent_decode("a+b%2b%2B", Plus::blank), "a b++");
  for (const char* wrong : {"%", "%2", "%2g", "%g2", "a%", "%%20", "% 2"})
    EXPECT_FALSE(percent_decode(wrong, Plus::itself)) << wrong;
}

class Requests : public AdminFixture {
 protected:
  // The message of the refusal of GET `target`; empty if there is none.
  std::string refusal(const std::string& target, unsigned status = 400) {
    const Response response = call("GET", target);
    if (response.status == 200 || response.status == 404) return {};
    EXPECT_EQ(response.status, status) << target;
    EXPECT_EQ(response.content_type, "application/problem+json");
    const auto problem = boost::json::parse(response.body);
    EXPECT_EQ(problem.at("status"), status);
    EXPECT_EQ(problem.at("detail"), problem.at("error").at("message"));
    return std::string(problem.at("detail").as_string());
  }
};

TEST_F(Requests, NameWhatIsWrongWithAnEncoding) {
  EXPECT_NE(refusal("/v1/keys/a%2").find("the path parameter 'key'"), std::string::npos) << refusal("/v1/keys/a%2");
  EXPECT_NE(refusal("/v1/keys?match=%zz").find("the query parameter 'match'"), std::string::npos);
  EXPECT_NE(refusal("/v1/keys?%zz=1").find("%zz"), std::string::npos);
}

TEST_F(Requests, NameWhatIsWrongWithAParameter) {
  EXPECT_NE(refusal("/v1/keys?limit=0").find("'limit' has to be an integer from 1 to 1000"), std::string::npos);
  for (const char* query :
       {"limit=1001", "limit=x", "limit=", "limit", "limit=1.5", "limit=-1", "cursor=-1", "database=256", "database=16"})
    EXPECT_FALSE(refusal(std::string("/v1/keys?") + query).empty()) << query;
  EXPECT_NE(refusal("/v1/keys?limt=5").find("allowed: match, database, cursor, limit"), std::string::npos);
  EXPECT_NE(refusal("/v1/stats?x").find("allowed: none"), std::string::npos);
  EXPECT_NE(refusal("/v1/keys?limit=5&limit=6").find("given twice"), std::string::npos);
  EXPECT_NE(refusal("/v1/slowlog?kind=fast").find("slow, large-request, large-reply"), std::string::npos);
  EXPECT_NE(refusal("/v1/clients/x").find("the path parameter 'id'"), std::string::npos);
  EXPECT_EQ(refusal("/v1/keys?&&limit=5&"), "");
}

TEST_F(Requests, IgnoreTheQueryOfHealthChecks) { EXPECT_EQ(call("GET", "/healthz?anything=%zz").status, 200U); }

}  // namespace
}  // namespace strata::server::admin
