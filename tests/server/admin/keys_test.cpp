#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <set>
#include <string>

#include "server/admin/key_listing.h"
#include "server/admin/lossless_text.h"
#include "server/admin/percent_coding.h"
#include "tests/server/admin/admin_fixture.h"

namespace strata::server::admin {
namespace {

namespace json = boost::json;

class Keys : public AdminFixture {
 protected:
  std::string value_of(std::string_view key, Namespace database = 0) {
    std::string value = "(absent)";
    cache_.peek(*session_, cache_.key(database, key), [&](const ItemView& item) { value.assign(item.value); });
    return value;
  }
  std::int64_t expiry_of(std::string_view key) {
    std::int64_t expiry = -1;
    cache_.peek(*session_, cache_.key(0, key), [&](const ItemView& item) { expiry = item.expire_at_ms; });
    return expiry;
  }
  json::array names(const std::string& query) { return call_json(200, "GET", "/v1/keys" + query).at("keys").as_array(); }
};

TEST_F(Keys, AreShownWithWhatIsKnown) {
  set("number", "17", 2, wall_clock_ms() + 100'000);
  const json::value facts = call_json(200, "GET", "/v1/keys/number?database=2");
  EXPECT_EQ(facts.at("key"), "number");
  EXPECT_EQ(facts.at("database"), 2);
  EXPECT_EQ(facts.at("encoding"), "int");
  EXPECT_EQ(facts.at("bytes"), 2);
  EXPECT_GT(facts.at("ttl_ms").as_int64(), 0);
  EXPECT_LE(facts.at("ttl_ms").as_int64(), 100'000);
  EXPECT_EQ(facts.at("frequency"), 0);
  set("text", std::string(100, 'x'));
  const json::value forever = call_json(200, "GET", "/v1/keys/text");
  EXPECT_TRUE(forever.at("ttl_ms").is_null());
  EXPECT_EQ(forever.at("encoding"), "raw");
  EXPECT_EQ(call_json(404, "GET", "/v1/keys/number").at("error").at("code"), "no_such_key");
}

TEST_F(Keys, TellAFrequencyOnlyWhereThePolicyCounts) {
  set("k", "v");
  cache_.read(*session_, cache_.key(0, "k"), [](const ItemView&) {});
  EXPECT_EQ(call_json(200, "GET", "/v1/keys/k").at("frequency"), 1);
  cache::Tunables tunables = cache_.tunables();
  tunables.policy = Policy::noeviction;
  ASSERT_TRUE(cache_.apply(tunables));
  EXPECT_TRUE(call_json(200, "GET", "/v1/keys/k").at("frequency").is_null());
}

TEST_F(Keys, AreNotTouchedByLooking) {
  set("k", "v");
  for (int i = 0; i < 3; ++i) call("GET", "/v1/keys/k?value=raw");
  EXPECT_EQ(call_json(200, "GET", "/v1/keys/k").at("frequency"), 0);
  EXPECT_EQ(cache_.statistics_since_start().hits, 0U);
}

TEST_F(Keys, GiveTheirValue) {
  const std::string bytes("a\0\xff\r\n", 5);
  set("k", bytes);
  const Response by_query = call("GET", "/v1/keys/k?value=raw");
  EXPECT_EQ(by_query.content_type, "application/octet-stream");
  EXPECT_EQ(by_query.body, bytes);
  accept_ = "application/octet-stream";
  EXPECT_EQ(call("GET", "/v1/keys/k").body, bytes);
  EXPECT_EQ(call("GET", "/v1/keys/none").status, 404U);
}

TEST_F(Keys, GiveALargeValueFromWhereItLies) {
  set("k", std::string(100'000, 'x'));
  const Response response = call("GET", "/v1/keys/k?value=raw");
  EXPECT_TRUE(response.body.empty());
  ASSERT_TRUE(response.value);
  EXPECT_EQ(response.value.view(), std::string(100'000, 'x'));
  EXPECT_EQ(cache_.held_value_bytes(), 0U) << "a key shows it";
  set("k", "other");
  EXPECT_GE(cache_.held_value_bytes(), 100'000U) << "the answer alone keeps it, and it is charged";
  EXPECT_EQ(response.value.view(), std::string(100'000, 'x'));
}

TEST_F(Keys, AreStored) {
  const Response created = call("PUT", "/v1/keys/a%2Fb%00?database=3", std::string("v\0", 2));
  EXPECT_EQ(created.status, 201U);
  ASSERT_EQ(created.headers.size(), 1U);
  EXPECT_EQ(created.headers[0].second, "/v1/keys/a%2Fb%00?database=3");
  EXPECT_EQ(value_of({"a/b\0", 4}, 3), std::string("v\0", 2));
  EXPECT_EQ(call("PUT", "/v1/keys/a%2Fb%00?database=3", "").status, 204U);
  EXPECT_EQ(value_of({"a/b\0", 4}, 3), "");
  EXPECT_EQ(call("PUT", "/v1/keys/", "of the empty key").status, 201U);
  EXPECT_EQ(value_of(""), "of the empty key");
}

TEST_F(Keys, AreStoredForATime) {
  const std::int64_t before = wall_clock_ms();
  EXPECT_EQ(call("PUT", "/v1/keys/k?ttl=90s", "v").status, 201U);
  EXPECT_GE(expiry_of("k"), before + 90'000);
  const std::int64_t expiry = expiry_of("k");
  EXPECT_EQ(call("PUT", "/v1/keys/k?keep_ttl=true", "w").status, 204U);
  EXPECT_EQ(expiry_of("k"), expiry);
  EXPECT_EQ(call("PUT", "/v1/keys/k", "x").status, 204U);
  EXPECT_EQ(expiry_of("k"), kNoExpiry);
  for (const char* query : {"ttl=0", "ttl=-1", "ttl=soon", "ttl=9999999d", "keep_ttl=maybe", "ttl=5&keep_ttl=true"})
    EXPECT_EQ(call("PUT", std::string("/v1/keys/k?") + query, "y").status, 400U) << query;
  EXPECT_EQ(value_of("k"), "x");
}

TEST_F(Keys, AreStoredUnderAConditionOnly) {
  EXPECT_EQ(call("PUT", "/v1/keys/k?condition=present", "v").status, 412U);
  EXPECT_EQ(value_of("k"), "(absent)");
  EXPECT_EQ(call("PUT", "/v1/keys/k?condition=absent", "v").status, 201U);
  EXPECT_EQ(call_json(412, "PUT", "/v1/keys/k?condition=absent", "w").at("error").at("code"), "condition_failed");
  EXPECT_EQ(value_of("k"), "v");
  EXPECT_EQ(call("PUT", "/v1/keys/k?condition=present", "w").status, 204U);
  EXPECT_EQ(value_of("k"), "w");
}

TEST_F(Keys, AreRefusedWhereThereIsNoMemory) {
  cache::Tunables tunables = cache_.tunables();
  tunables.policy = Policy::noeviction;
  tunables.max_memory_bytes = 1 << 20;
  ASSERT_TRUE(cache_.apply(tunables));
  const json::value problem = call_json(507, "PUT", "/v1/keys/k", std::string(2'000'000, 'x'));
  EXPECT_EQ(problem.at("error").at("code"), "out_of_memory");
  const std::string text(problem.at("detail").as_string());
  EXPECT_NE(text.find("1048576 bytes"), std::string::npos) << text;
  EXPECT_NE(text.find("noeviction"), std::string::npos) << text;
  EXPECT_FALSE(has("k"));
}

TEST_F(Keys, AreRemoved) {
  set("k", "v");
  EXPECT_EQ(call("DELETE", "/v1/keys/k").status, 204U);
  EXPECT_FALSE(has("k"));
  EXPECT_EQ(call("DELETE", "/v1/keys/k").status, 404U);
}

TEST_F(Keys, AreListedInPagesEachOnce) {
  std::set<std::string> all;
  for (int i = 0; i < 2500; ++i) all.insert("key:" + std::to_string(i));
  for (const std::string& key : all) set(key, "v");
  set("elsewhere", "v", 1);
  std::set<std::string> seen;
  std::size_t pages = 0;
  std::string cursor = "0";
  do {
    const json::value page = call_json(200, "GET", "/v1/keys?limit=500&cursor=" + cursor);
    for (const json::value& entry : page.at("keys").as_array())
      EXPECT_TRUE(seen.insert(std::string(entry.at("key").as_string())).second) << entry.at("key").as_string();
    EXPECT_LE(page.at("keys").as_array().size(), 600U);
    cursor = std::to_string(page.at("cursor").to_number<std::uint64_t>());
    ++pages;
  } while (cursor != "0");
  EXPECT_EQ(seen, all);
  EXPECT_GE(pages, 4U);
  EXPECT_EQ(buffer_bytes(), 0U);
}

TEST_F(Keys, AreListedByPattern) {
  for (int i = 0; i < 2000; ++i) set("page:" + std::to_string(i), "v");
  set("user:1", "12345", 0, wall_clock_ms() + 100'000);
  const json::array found = names("?match=user:*");
  ASSERT_EQ(found.size(), 1U) << "a page goes on until it is full or at the end";
  EXPECT_EQ(found[0].at("key"), "user:1");
  EXPECT_EQ(found[0].at("bytes"), 5);
  EXPECT_TRUE(found[0].at("expires_at_ms").is_int64());
  EXPECT_TRUE(names("?match=none*").empty());
  EXPECT_TRUE(names("?database=5").empty());
}

TEST_F(Keys, AreListedInSlices) {
  for (int i = 0; i < 100'000; ++i) set("key:" + std::to_string(i), "v");
  EXPECT_TRUE(names("?match=none").empty());
  EXPECT_GT(slices_, 2U);
}

TEST_F(Keys, ThatAreLongMakePagesOfFewer) {
  constexpr std::size_t kKeys = 1000, kBytes = 4000;
  for (std::size_t i = 0; i < kKeys; ++i) set(std::to_string(i) + std::string(kBytes, 'k'), "v");
  const Response page = call("GET", "/v1/keys?limit=1000");
  EXPECT_GE(page.body.size(), KeyListing::kPageBytes);
  EXPECT_LT(page.body.size(), kKeys * kBytes / 2);
  EXPECT_FALSE(page.body.ends_with("\"cursor\":0}\n"));
}

TEST_F(Keys, AreNotLookedThroughWithoutEndForOnePage) {
  for (std::size_t i = 0; i < KeyListing::kMostLookedAt + 50'000; ++i) set(std::to_string(i), "v");
  json::value page = call_json(200, "GET", "/v1/keys?match=none");
  ASSERT_NE(page.at("cursor"), 0);
  const std::string cursor = std::to_string(page.at("cursor").to_number<std::uint64_t>());
  page = call_json(200, "GET", "/v1/keys?match=none&cursor=" + cursor);
  EXPECT_EQ(page.at("cursor"), 0) << "the rest";
}

TEST_F(Keys, AreChargedForTheirListWhileItGrows) {
  for (int i = 0; i < 100'000; ++i) set("key:" + std::to_string(i), "v");
  {
    KeyListing listing(state_, 0, "*0", 0, KeyListing::kMostKeys);
    ASSERT_FALSE(listing.slice()) << "it looks through some ten thousand keys";
    while (buffer_bytes() < 1000) ASSERT_FALSE(listing.slice());
  }
  EXPECT_EQ(buffer_bytes(), 0U) << "given up on the way";
}

TEST_F(Keys, OfAnyBytesAreShown) {
  set("\xff\x00", "v");
  const json::array found = names("");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].at("key").at("base64"), "/w==") << "a C string ends before the zero";
  EXPECT_EQ(call_json(200, "GET", "/v1/keys/%FF").at("key").at("base64"), "/w==");
}

TEST_F(Keys, ThatAreLongAreCut) {
  set(std::string(100'000, 'k'), "v");
  const json::array found = names("");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].at("key").as_string().size(), KeyListing::kShownKeyBytes);
  EXPECT_EQ(found[0].at("key_bytes"), 100'000);
}

TEST(Base64, IsThatOfTheStandard) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(base64(bytes), text);
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

}  // namespace
}  // namespace strata::server::admin
