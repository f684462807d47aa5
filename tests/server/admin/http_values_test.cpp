#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/server/admin/http_session_fixture.h"

// Values of keys as bodies, and the memory that sessions hold for them and for their answers.
namespace strata::server::admin {
namespace {

class HttpValues : public HttpSessions {
 protected:
  void store_keys() {
    for (int i = 0; i < 4000; ++i) set(std::string(100, 'k') + std::to_string(i), "v");
  }
  void wait_until_charged(std::uint64_t bytes) {
    std::uint64_t charged = ~bytes;
    while (charged != bytes) on_control_thread([&] { charged = buffer_bytes(); });
  }
  // Something, or nothing; returns how much.
  std::uint64_t wait_until_holding(bool something) {
    std::uint64_t held = something ? 0 : 1;
    while ((held != 0) != something) on_control_thread([&] { held = sessions_hold(); });
    return held;
  }
};

TEST_F(HttpValues, GiveUpOnClientsThatTakeNothing) {
  set("large", std::string(64 << 20, 'x'));
  const std::vector<config::Change> changes = {{"admin.response_timeout", "100ms"}};
  ASSERT_TRUE(store_.change(changes, "test").empty());
  HttpClient client(port_);
  client.send(request("GET", "/v1/keys/large?value=raw"));
  (void)wait_until_holding(true);
  (void)wait_until_holding(false);
  const auto answer = client.receive();
  EXPECT_FALSE(answer) << "no more than what the sockets had room for has come";
}

TEST_F(HttpValues, SendAndReceiveLargeValues) {
  std::mt19937 random(1);
  std::string value(3'000'000, '\0');
  for (char& c : value) c = static_cast<char>(random());
  HttpClient client(port_);
  client.send(request("PUT", "/v1/keys/large?database=1", {}, value));
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 201U) << "beyond admin.body_limit, which is that of JSON";
  client.send(request("GET", "/v1/keys/large?value=raw&database=1"));
  const HttpAnswer got = client.receive().value_or(HttpAnswer());
  EXPECT_EQ(got.headers.at("Content-Type"), "application/octet-stream");
  EXPECT_TRUE(got.body == value);
  client.send(request("HEAD", "/v1/keys/large?value=raw&database=1"));
  const HttpAnswer head = client.receive(false).value_or(HttpAnswer());
  EXPECT_EQ(head.headers.at("Content-Length"), "3000000");
  client.send(request("PUT", "/v1/keys/small", "Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 201U);
  client.send(request("DELETE", "/v1/keys/small"));
  const HttpAnswer gone = client.receive().value_or(HttpAnswer());
  EXPECT_EQ(gone.status, 204U);
  EXPECT_FALSE(gone.headers.contains("Content-Length"));
  client.send(request("GET", "/healthz"));
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 200U) << "nothing is left over";
}

TEST_F(HttpValues, HoldValuesToTheLimitOfValues) {
  const std::vector<config::Change> changes = {{"limits.bulk_length", "1mb"}};
  ASSERT_TRUE(store_.change(changes, "test").empty());
  expect_refusal(request("PUT", "/v1/keys/k", "Content-Length: 1048577\r\n"), 413, "body_too_large");
  expect_refusal(request("PUT", "/v1/keys/k", "Transfer-Encoding: chunked\r\n") + "fffff\r\n", 413, "body_too_large");
}

TEST_F(HttpValues, RefuseValuesThereIsNoMemoryFor) {
  cache::Tunables tunables = cache_.tunables();
  tunables.policy = Policy::noeviction;
  tunables.max_memory_bytes = 4 << 20;
  ASSERT_TRUE(cache_.apply(tunables));
  expect_refusal(request("PUT", "/v1/keys/k", "Content-Length: 100000000\r\n"), 507, "out_of_memory");
}

TEST_F(HttpValues, EvictForALargeValue) {
  cache::Tunables tunables = cache_.tunables();
  tunables.max_memory_bytes = 32 << 20;
  ASSERT_TRUE(cache_.apply(tunables));
  for (int i = 0; i < 40'000; ++i) set("k" + std::to_string(i), std::string(1000, 'x'));
  const std::uint64_t before = keys();
  HttpClient client(port_);
  client.send(request("PUT", "/v1/keys/large", {}, std::string(16 << 20, 'x')));
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 201U);
  EXPECT_LT(keys(), before);
}

TEST_F(HttpValues, EvictInSlicesBetweenWhichOthersAreServed) {
  constexpr std::uint64_t kBytes = 16 << 20;
  cache::Tunables tunables = cache_.tunables();
  tunables.max_memory_bytes = 32 << 20;
  ASSERT_TRUE(cache_.apply(tunables));
  for (int i = 0; i < 300'000; ++i) set("k" + std::to_string(i), std::string(60, 'x'));
  HttpClient client(port_);
  client.send(request("PUT", "/v1/keys/large", "Content-Length: " + std::to_string(kBytes) + "\r\n") + "some");
  std::set<std::uint64_t> counts;
  for (bool received = false; !received;) {
    on_control_thread([&] {
      counts.insert(keys());
      received = cache_.budget().bytes(Purpose::large_values) >= kBytes;
    });
  }
  EXPECT_GT(counts.size(), 2U) << "before, after, and some between: more than a hundred thousand take longer than a slice";
}

TEST_F(HttpValues, HoldNoMoreValuesThanTheirShare) {
  limits_.all_clients_bytes = 4'000'000;
  const std::string begun = request("PUT", "/v1/keys/k", "Content-Length: 900000\r\n") + "some";
  HttpClient first(port_);
  first.send(begun);
  EXPECT_EQ(wait_until_holding(true), 900'000U);
  expect_refusal(begun, 503, "too_much_held");
  first.send(std::string(899'996, 'x'));
  EXPECT_EQ(first.receive().value_or(HttpAnswer()).status, 201U);
  HttpClient second(port_);
  second.send(request("PUT", "/v1/keys/k", {}, std::string(3'000'000, 'x')));
  EXPECT_EQ(second.receive().value_or(HttpAnswer()).status, 204U) << "one value alone is taken whatever its length";
}

TEST_F(HttpValues, AreChargedForABodyBeforeItIsThere) {
  const std::string body = R"({"keys": [")" + std::string(5000, 'x') + "\"]}";
  HttpClient client(port_);
  client.send(request("POST", "/v1/invalidate", "Content-Length: " + std::to_string(body.size()) + "\r\n") + body.substr(0, 9));
  wait_until_charged(body.size());
  client.send(body.substr(9));
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 200U);
  wait_until_charged(0);
  client.send(request("POST", "/v1/invalidate", "Transfer-Encoding: chunked\r\n") + "9\r\n");
  wait_until_charged(store_.current()->admin.body_limit_bytes);  // it may become so long
}

// A client that takes nothing: at some time no more fits into the sockets.
TEST_F(HttpValues, AreChargedForAnAnswerUntilItIsTaken) {
  store_keys();
  HttpClient client(port_);
  constexpr int kRequests = 500;
  std::string requests;
  for (int i = 0; i < kRequests; ++i) requests += request("GET", "/v1/keys?limit=1000");
  client.send(requests);
  std::uint64_t charged = 0;
  for (int same = 0; same < 10'000;) {
    const std::uint64_t before = charged;
    on_control_thread([&] { charged = buffer_bytes(); });
    same = charged != 0 && charged == before ? same + 1 : 0;
  }
  for (int i = 0; i < kRequests; ++i) {
    const HttpAnswer answer = client.receive().value_or(HttpAnswer());
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.body.size(), charged);
  }
}

TEST_F(HttpValues, HoldNothingBetweenRequests) {
  set("large", std::string(1 << 20, 'x'));
  HttpClient client(port_);
  client.send(request("GET", "/v1/keys/large?value=raw"));
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 200U);
  (void)wait_until_holding(false);
}

TEST_F(HttpValues, HoldNothingForClientsThatLeave) {
  {
    HttpClient client(port_);
    client.send(request("PUT", "/v1/keys/k", "Content-Length: 900000\r\n") + "some");
    (void)wait_until_holding(true);
  }
  (void)wait_until_holding(false);
}

TEST_F(HttpValues, GiveBackWhatTheirAnswersAreChargedFor) {
  store_keys();
  HttpClient client(port_);
  client.send(request("GET", "/v1/keys?limit=1000"));
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 200U);
  wait_until_charged(0);
}

}  // namespace
}  // namespace strata::server::admin
