#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <deque>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/admin/admin_server.h"
#include "tests/server/admin/admin_fixture.h"
#include "tests/server/admin/http_client.h"

namespace strata::server::admin {
namespace {

// A whole admin server on a free port; its io_context runs on a thread of its own.
class HttpSessions : public AdminFixture {
 protected:
  void SetUp() override {
    ListenError error;
    admin_ = AdminServer::listen(io_, server_, nullptr, error);
    ASSERT_NE(admin_, nullptr) << error.text;
    port_ = admin_->port();
    ASSERT_NE(port_, 0);
    admin_->start();
    thread_ = std::thread([this] { io_.run(); });
  }

  void TearDown() override {
    on_control_thread([this] { admin_.reset(); });
    work_.reset();
    thread_.join();  // every session has ended, or this would wait
    EXPECT_EQ(buffer_bytes(), 0U);
  }

  void on_control_thread(const std::function<void()>& task) {
    std::promise<void> done;
    boost::asio::post(io_, [&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

  static std::string request(const std::string& method, const std::string& target, const std::string& headers = {},
                             const std::string& body = {}) {
    const std::string length = body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return method + " " + target + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + std::string(kToken) + "\r\n" + headers +
           length + "\r\n" + body;
  }

  static std::string error_code(const HttpAnswer& answer) {
    return std::string(boost::json::parse(answer.body).at("error").at("code").as_string());
  }

  // What one connection answers to these bytes, which it has to end the connection after.
  void expect_refusal(const std::string& bytes, unsigned status, const std::string& code) {
    SCOPED_TRACE(bytes.substr(0, 60));
    HttpClient client(port_);
    client.send(bytes);
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(error_code(*answer), code);
    client.finish();
    EXPECT_TRUE(client.at_end());
  }

  void expect_serving() {
    HttpClient client(port_);
    client.send(request("GET", "/healthz"));
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200U);
  }

  // Bytes of values that sessions hold, as AdminListener's state has it.
  [[nodiscard]] std::uint64_t sessions_hold() const { return admin_->held_value_bytes(); }

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_ = boost::asio::make_work_guard(io_);
  std::unique_ptr<AdminServer> admin_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

TEST_F(HttpSessions, ServeManyRequestsOnOneConnection) {
  set("user:1", "v");
  HttpClient client(port_);
  const auto exchange = [&](const std::string& sent, bool has_body = true) {
    client.send(sent);
    return client.receive(has_body).value_or(HttpAnswer());
  };
  EXPECT_EQ(exchange(request("GET", "/healthz")).body, "{\"status\":\"ok\"}\n");
  EXPECT_EQ(exchange(request("GET", "/nothing")).status, 404U);
  EXPECT_EQ(exchange(request("POST", "/v1/invalidate", {}, R"({"prefix":"user:"})")).body,
            "{\"matched\":1,\"invalidated\":1,\"dry_run\":false}\n");
  EXPECT_EQ(exchange(request("PATCH", "/v1/config", "Transfer-Encoding: chunked\r\n") + "2\r\n{}\r\n0\r\n\r\n").status, 200U);
  const HttpAnswer metrics = exchange(request("GET", "/metrics"));
  EXPECT_EQ(metrics.headers.at("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(metrics.body.find(R"(strata_admin_requests_total{method="GET",route="/healthz",status="200"} 1)"), std::string::npos);
  EXPECT_NE(metrics.body.find(R"(strata_admin_requests_total{method="none",route="none",status="404"} 1)"), std::string::npos);
  const HttpAnswer head = exchange(request("HEAD", "/v1/stats"), false);
  EXPECT_EQ(head.status, 200U);
  EXPECT_GT(std::stoul(head.headers.at("Content-Length")), 100U);
  EXPECT_EQ(exchange(request("GET", "/healthz")).status, 200U) << "nothing of the HEAD is left over";
}

TEST_F(HttpSessions, AnswerRequestsThatWereSentTogether) {
  HttpClient client(port_);
  client.send(request("GET", "/healthz") + request("GET", "/readyz") + request("POST", "/v1/invalidate", {}, R"({"keys":[]})"));
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 200U);
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 503U);
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 200U);
}

TEST_F(HttpSessions, EndWhenTheClientSaysSo) {
  for (const std::string& sent :
       {request("GET", "/healthz", "Connection: close\r\n"), std::string("GET /healthz HTTP/1.0\r\n\r\n")}) {
    HttpClient client(port_);
    client.send(sent);
    EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 200U);
    EXPECT_TRUE(client.at_end());
  }
}

TEST_F(HttpSessions, AskForTheBodyThatWaitsForIt) {
  HttpClient client(port_);
  client.send(request("POST", "/v1/invalidate", "Expect: 100-continue\r\nContent-Length: 11\r\n"));
  EXPECT_EQ(client.receive(false).value_or(HttpAnswer()).status, 100U);
  client.send(R"({"keys":[]})");
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 200U);
}

TEST_F(HttpSessions, SwitchReadiness) {
  on_control_thread([this] { admin_->set_ready(true); });
  HttpClient client(port_);
  client.send(request("GET", "/readyz"));
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 200U);
}

TEST_F(HttpSessions, RefuseWhatIsNotHttp) {
  for (const char* bytes :
       {"nonsense\r\n\r\n", "GET /healthz HTTP/9.9\r\n\r\n", "GET  HTTP/1.1\r\n\r\n", "*1\r\n$4\r\nPING\r\n\r\n",
        "\x16\x03\x01\x02\r\n\r\n", "GET / HTTP/1.1\r\nNo colon\r\n\r\n", "GET / HTTP/1.1\r\nA: b\x01\r\n\r\n",
        "POST /v1/invalidate HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST /v1/invalidate HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST /v1/invalidate HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /v1/invalidate HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    expect_refusal(bytes, 400, "bad_request");
  }
  expect_refusal(request("POST", "/v1/invalidate", "Transfer-Encoding: chunked\r\n") + "zz\r\n", 400, "bad_request");
  expect_serving();
}

TEST_F(HttpSessions, RefuseLargeHeaders) {
  expect_refusal("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(20'000, 'x') + "\r\n\r\n", 431, "header_too_large");
  expect_refusal("GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n", 431, "header_too_large");
  std::string many = "GET /healthz HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 5000; ++i) many += "A: b\r\n";
  expect_refusal(many + "\r\n", 431, "header_too_large");
  expect_refusal("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(4'000'000, 'x') + "\r\n\r\n", 431,
                 "header_too_large");
}

TEST_F(HttpSessions, RefuseLargeBodies) {
  const std::string body = R"({"keys":[")" + std::string(100'000, 'x') + "\"]}";
  expect_refusal(request("POST", "/v1/invalidate", {}, body), 413, "body_too_large");
  expect_refusal(request("POST", "/v1/invalidate", "Content-Length: 1000000000\r\n"), 413, "body_too_large");
  expect_refusal(request("POST", "/v1/invalidate", "Expect: 100-continue\r\nContent-Length: 1000000000\r\n"), 413,
                 "body_too_large");
  std::string chunked = request("POST", "/v1/invalidate", "Transfer-Encoding: chunked\r\n");
  for (int i = 0; i < 100; ++i) chunked += "400\r\n" + std::string(1024, 'x') + "\r\n";
  expect_refusal(chunked + "0\r\n\r\n", 413, "body_too_large");
  expect_refusal(request("POST", "/v1/invalidate", "Transfer-Encoding: chunked\r\n") + "fffffff\r\n", 413, "body_too_large");
}

TEST_F(HttpSessions, TakeTheLimitsInForce) {
  const std::string body = R"({"keys":[")" + std::string(2000, 'x') + "\"]}";
  HttpClient client(port_);
  client.send(request("PATCH", "/v1/config", {}, R"({"admin.body_limit":"1kb"})"));
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 200U);
  expect_refusal(request("POST", "/v1/invalidate", {}, body), 413, "body_too_large");
}

TEST_F(HttpSessions, DoNotReadTheBodyOfARefusedRequest) {
  expect_refusal("POST /v1/invalidate HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n", 401, "unauthorized");
  expect_refusal(request("POST", "/nothing", "Content-Length: 11\r\n"), 404, "not_found");
  expect_refusal(request("POST", "/v1/invalidate", "Origin: http://evil.example\r\nContent-Length: 11\r\n"), 403, "cross_origin");
}

TEST_F(HttpSessions, SurviveClientsThatLeave) {
  const std::string whole = request("POST", "/v1/invalidate", {}, R"({"keys":["a"]})");
  for (std::size_t sent = 0; sent <= whole.size(); ++sent) {
    HttpClient client(port_);
    client.send(std::string_view(whole).substr(0, sent));
  }
  for (std::size_t sent = 0; sent < whole.size(); sent += 7) {
    HttpClient client(port_);
    client.send(std::string_view(whole).substr(0, sent));
    client.finish();
    EXPECT_TRUE(client.at_end()) << sent;
  }
  expect_serving();
}

TEST_F(HttpSessions, SurviveNoise) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::string bytes = round % 2 == 0 ? std::string() : request("POST", "/v1/invalidate", {}, R"({"keys":["a"]})");
    if (bytes.empty()) {
      for (int i = 0; i < 300; ++i) bytes.push_back(static_cast<char>(random()));
    } else {
      for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    HttpClient client(port_);
    client.send(bytes);
    client.finish();
    while (client.receive()) {
    }
  }
  expect_serving();
}

TEST_F(HttpSessions, AreLimitedInNumber) {
  std::deque<HttpClient> busy;
  for (int i = 0; i < 64; ++i) {
    HttpClient& client = busy.emplace_back(port_);
    client.send(request("GET", "/healthz"));
    ASSERT_EQ(client.receive().value_or(HttpAnswer()).status, 200U) << i;
  }
  expect_refusal(request("GET", "/healthz"), 503, "too_many_connections");
  busy.front().send(request("GET", "/healthz"));
  EXPECT_EQ(busy.front().receive().value_or(HttpAnswer()).status, 200U) << "those that are in stay in";
}

TEST_F(HttpSessions, EndWithTheServer) {
  HttpClient idle(port_);
  idle.send(request("GET", "/healthz"));
  EXPECT_EQ(idle.receive().value_or(HttpAnswer()).status, 200U);
  on_control_thread([this] { admin_->close(); });
  EXPECT_TRUE(idle.at_end());
}

TEST_F(HttpSessions, GiveUpWorkWhenTheServerEnds) {
  for (int i = 0; i < 50'000; ++i) set("many:" + std::to_string(i), "v");
  HttpClient client(port_);
  client.send(request("POST", "/v1/invalidate", {}, R"({"prefix":"many:"})"));
  on_control_thread([this] { admin_->close(); });
  while (client.receive()) {
  }
  EXPECT_TRUE(client.at_end());
}

TEST_F(HttpSessions, AreAsManyAsTheSettingsSay) {
  const std::vector<config::Change> changes = {{"admin.max_connections", "2"}};
  ASSERT_TRUE(store_.change(changes, "test").empty());
  std::deque<HttpClient> busy;
  for (int i = 0; i < 2; ++i) {
    busy.emplace_back(port_).send(request("GET", "/healthz"));
    ASSERT_EQ(busy.back().receive().value_or(HttpAnswer()).status, 200U) << i;
  }
  expect_refusal(request("GET", "/healthz"), 503, "too_many_connections");
}

TEST_F(HttpSessions, HoldHeadersToTheLimitInForce) {
  const std::string long_header = "X-Long: " + std::string(5000, 'x') + "\r\n";
  {
    HttpClient client(port_);
    client.send(request("GET", "/healthz", long_header));
    EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 200U);
  }
  const std::vector<config::Change> changes = {{"admin.header_limit", "4kb"}};
  ASSERT_TRUE(store_.change(changes, "test").empty());
  expect_refusal(request("GET", "/healthz", long_header), 431, "header_too_large");
}

TEST_F(HttpSessions, EndSlowHeadersAndBodiesAndIdleConnections) {
  const std::vector<config::Change> changes = {
      {"admin.header_timeout", "100ms"}, {"admin.request_timeout", "100ms"}, {"admin.idle_timeout", "100ms"}};
  ASSERT_TRUE(store_.change(changes, "test").empty());
  expect_refusal("GET /healthz HTTP/1.1\r\nHost:", 408, "header_timeout");
  expect_refusal(request("POST", "/v1/invalidate", "Content-Length: 100\r\n") + "{", 408, "request_timeout");
  HttpClient idle(port_);
  EXPECT_TRUE(idle.at_end());
}

TEST_F(HttpSessions, GiveUpOnClientsThatTakeNothing) {
  set("large", std::string(64 << 20, 'x'));
  const std::vector<config::Change> changes = {{"admin.response_timeout", "100ms"}};
  ASSERT_TRUE(store_.change(changes, "test").empty());
  HttpClient client(port_);
  client.send(request("GET", "/v1/keys/large?value=raw"));
  std::uint64_t held = 0;
  while (held == 0) on_control_thread([&] { held = sessions_hold(); });
  while (held != 0) on_control_thread([&] { held = sessions_hold(); });
  const auto answer = client.receive();
  EXPECT_FALSE(answer) << "no more than what the sockets had room for has come";
}

TEST_F(HttpSessions, SendAndReceiveLargeValues) {
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

TEST_F(HttpSessions, HoldValuesToTheLimitOfValues) {
  const std::vector<config::Change> changes = {{"limits.bulk_length", "1mb"}};
  ASSERT_TRUE(store_.change(changes, "test").empty());
  expect_refusal(request("PUT", "/v1/keys/k", "Content-Length: 1048577\r\n"), 413, "body_too_large");
  expect_refusal(request("PUT", "/v1/keys/k", "Transfer-Encoding: chunked\r\n") + "fffff\r\n", 413, "body_too_large");
}

TEST_F(HttpSessions, RefuseValuesThereIsNoMemoryFor) {
  cache::Tunables tunables = cache_.tunables();
  tunables.policy = Policy::noeviction;
  tunables.max_memory_bytes = 4 << 20;
  ASSERT_TRUE(cache_.apply(tunables));
  expect_refusal(request("PUT", "/v1/keys/k", "Content-Length: 100000000\r\n"), 507, "out_of_memory");
}

TEST_F(HttpSessions, EvictForALargeValue) {
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

TEST_F(HttpSessions, HoldNoMoreValuesThanTheirShare) {
  limits_.all_clients_bytes = 4'000'000;
  const std::string begun = request("PUT", "/v1/keys/k", "Content-Length: 900000\r\n") + "some";
  HttpClient first(port_);
  first.send(begun);
  std::uint64_t held = 0;
  while (held == 0) on_control_thread([&] { held = sessions_hold(); });
  EXPECT_EQ(held, 900'000U);
  expect_refusal(begun, 503, "too_much_held");
  first.send(std::string(899'996, 'x'));
  EXPECT_EQ(first.receive().value_or(HttpAnswer()).status, 201U);
  HttpClient second(port_);
  second.send(request("PUT", "/v1/keys/k", {}, std::string(3'000'000, 'x')));
  EXPECT_EQ(second.receive().value_or(HttpAnswer()).status, 204U) << "one value alone is taken whatever its length";
}

TEST_F(HttpSessions, GiveBackWhatTheirAnswersAreChargedFor) {
  for (int i = 0; i < 4000; ++i) set(std::string(100, 'k') + std::to_string(i), "v");
  HttpClient client(port_);
  client.send(request("GET", "/v1/keys?limit=1000"));
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 200U);
  std::uint64_t charged = 1;
  while (charged != 0) on_control_thread([&] { charged = buffer_bytes(); });
}

TEST_F(HttpSessions, TellWhoHasChangedSomething) {
  HttpClient client(port_);
  client.send(request("PUT", "/v1/keys/k", {}, "v"));
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 201U);
  client.send(request("GET", "/v1/audit"));
  const auto entry = boost::json::parse(client.receive().value_or(HttpAnswer()).body).at("entries").as_array().at(0);
  EXPECT_TRUE(std::string_view(entry.at("peer").as_string()).starts_with("127.0.0.1:"));
  EXPECT_EQ(entry.at("with_token"), true);
}

class Listening : public AdminFixture {
 protected:
  static config::Settings with(const std::string& address, std::uint16_t port) {
    config::Settings settings = default_settings();
    settings.admin.bind = address;
    settings.admin.port = port;
    return settings;
  }
  // What listening with these settings says; empty if it works.
  std::string listen(const config::Settings& settings) {
    SettingsStore store(settings, {}, {});
    ServerState server{cache_,       store,    commands_, clients_,  statistics_, limits_, acl_,
                       command_log_, latency_, pause_,    monitors_, facts_,      [] {}};
    ListenError error;
    return AdminServer::listen(io_, server, nullptr, error) ? "" : error.text;
  }
  boost::asio::io_context io_;
};

TEST_F(Listening, SaysWhatToChange) {
  ListenError error;
  const auto first = AdminServer::listen(io_, server_, nullptr, error);
  ASSERT_NE(first, nullptr) << error.text;
  const std::string taken = listen(with("127.0.0.1", first->port()));
  EXPECT_NE(taken.find("127.0.0.1:" + std::to_string(first->port())), std::string::npos) << taken;
  EXPECT_NE(taken.find("admin.port"), std::string::npos) << taken;
  const std::string foreign = listen(with("192.0.2.1", 0));
  EXPECT_NE(foreign.find("admin.bind"), std::string::npos) << foreign;
  const std::string no_address = listen(with("localhost", 0));
  EXPECT_NE(no_address.find("admin.bind"), std::string::npos) << no_address;
  for (const std::string& text : {taken, foreign, no_address}) EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

}  // namespace
}  // namespace strata::server::admin
