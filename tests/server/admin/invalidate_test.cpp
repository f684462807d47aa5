#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <string>

#include "engine/cache/verify.h"
#include "tests/server/admin/admin_fixture.h"

namespace strata::server::admin {
namespace {

namespace json = boost::json;

class Invalidate : public AdminFixture {
 protected:
  void SetUp() override {
    for (int i = 0; i < 100; ++i) {
      set("user:" + std::to_string(i), "v");
      set("page:" + std::to_string(i), "v");
    }
    set("user:1", "v", 2);
    set("other", "v", 2);
  }

  // "matched/invalidated" of a request that is accepted, without and with its dry run before it.
  std::string counts(const std::string& members) {
    const std::uint64_t before = keys() + keys(2);
    const json::value rehearsal = call_json(200, "POST", "/v1/invalidate", "{" + members + R"(, "dry_run": true})");
    EXPECT_EQ(rehearsal.at("invalidated"), 0) << members;
    EXPECT_EQ(rehearsal.at("dry_run"), true);
    EXPECT_EQ(keys() + keys(2), before) << members;
    const json::value answer = call_json(200, "POST", "/v1/invalidate", "{" + members + "}");
    EXPECT_EQ(answer.at("matched"), rehearsal.at("matched")) << members;
    EXPECT_EQ(answer.at("invalidated"), answer.at("matched")) << members;
    EXPECT_EQ(answer.at("dry_run"), false);
    EXPECT_EQ(before - keys() - keys(2), answer.at("invalidated").to_number<std::uint64_t>()) << members;
    return std::to_string(answer.at("invalidated").to_number<std::uint64_t>());
  }
};

TEST_F(Invalidate, Keys) {
  EXPECT_EQ(counts(R"("keys": ["user:1", "user:2", "none"])"), "2");
  EXPECT_FALSE(has("user:1"));
  EXPECT_TRUE(has("user:3"));
  EXPECT_EQ(counts(R"("keys": [])"), "0");
  EXPECT_EQ(counts(R"("keys": ["page:1", "page:1"])"), "1") << "listed twice, there once";
}

TEST_F(Invalidate, KeysThatAreNotPlainText) {
  set(std::string("nul\0here", 8), "v");
  set("sn\xc3\xb6w", "v");
  set("", "v");
  EXPECT_EQ(counts(R"("keys": ["nul\u0000here", "sn\u00f6w", ""])"), "3");
}

TEST_F(Invalidate, Prefix) {
  EXPECT_EQ(counts(R"("prefix": "user:9")"), "11");
  EXPECT_EQ(counts(R"("prefix": "none")"), "0");
  EXPECT_EQ(counts(R"("prefix": "user:*")"), "0") << "a prefix is no pattern";
  EXPECT_EQ(counts(R"("prefix": "user:")"), "89");
  EXPECT_EQ(counts(R"("prefix": "")"), "100");
}

TEST_F(Invalidate, Glob) {
  EXPECT_EQ(counts(R"("glob": "*:1?")"), "20");
  EXPECT_EQ(counts(R"("glob": "page:[0-4]")"), "5");
  EXPECT_EQ(counts(R"("glob": "user")"), "0");
  EXPECT_EQ(counts(R"("glob": "*")"), "175");
}

TEST_F(Invalidate, OnlyTheDatabaseNamed) {
  EXPECT_EQ(counts(R"("keys": ["user:1"], "database": 2)"), "1");
  EXPECT_EQ(counts(R"("prefix": "", "database": 2)"), "1");
  EXPECT_EQ(counts(R"("glob": "*", "database": 15)"), "0");
  EXPECT_EQ(keys(), 200U);
}

TEST_F(Invalidate, DoesNotFindWhatHasExpired) {
  set("old:1", "v", 0, wall_clock_ms() - 1000);
  set("old:2", "v", 0, wall_clock_ms() + 1'000'000);
  EXPECT_EQ(call_json(200, "POST", "/v1/invalidate", R"({"prefix": "old:"})").at("invalidated"), 1);
}

TEST_F(Invalidate, ManyKeysInSlices) {
  for (int i = 0; i < 100'000; ++i) set("many:" + std::to_string(i), "v");
  EXPECT_EQ(call_json(200, "POST", "/v1/invalidate", R"({"prefix": "many:"})").at("invalidated"), 100'000);
  EXPECT_GT(slices_, 3U) << "the control thread has others to serve";
  EXPECT_EQ(keys(), 200U);
  EXPECT_EQ(cache::verify(cache_), "");
}

TEST_F(Invalidate, CountsNoHitsOrMisses) {
  counts(R"("keys": ["user:1", "none"])");
  counts(R"("prefix": "page:")");
  EXPECT_EQ(cache_.statistics().hits, 0U);
  EXPECT_EQ(cache_.statistics().misses, 0U);
}

TEST_F(Invalidate, RefusesWhatItDoesNotUnderstand) {
  for (const std::string& body :
       {std::string("{}"), std::string(R"({"database": 0})"), std::string(R"({"keys": "a"})"),
        std::string(R"({"keys": ["user:1", 1]})"), std::string(R"({"prefix": 1})"), std::string(R"({"glob": ["a"]})"),
        std::string(R"({"keys": ["user:1"], "prefix": "user:"})"), std::string(R"({"prefix": "user:", "glob": "*"})"),
        std::string(R"({"prefix": "user:", "database": 16})"), std::string(R"({"prefix": "user:", "database": -1})"),
        std::string(R"({"prefix": "user:", "database": 256})"),
        std::string(R"({"prefix": "user:", "database": 18446744073709551615})"),
        std::string(R"({"prefix": "user:", "database": 1.0})"), std::string(R"({"prefix": "user:", "database": "0"})"),
        std::string(R"({"prefix": "user:", "dry_run": "no"})"), std::string(R"({"prefix": "user:", "dry_run": null})"),
        std::string(R"({"prefix": "user:", "dryrun": true})"), R"({"glob": ")" + std::string(1025, '*') + R"("})"}) {
    const json::value answer = call_json(400, "POST", "/v1/invalidate", body);
    EXPECT_EQ(answer.at("error").at("code"), "invalid_request") << body;
    EXPECT_EQ(keys(), 200U) << body;
  }
}

}  // namespace
}  // namespace strata::server::admin
