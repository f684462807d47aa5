#include <chrono>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/admin/http_session_fixture.h"

// What a session says to what it is sent, and how long it waits for it.
namespace strata::server::admin {
namespace {

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

// A proxy would give away what is for who has the token, and a browser run what a client stored.
TEST_F(HttpSessions, ForbidToKeepAnswersAndToGuessWhatTheyAre) {
  HttpClient client(port_);
  client.send(request("GET", "/v1/config"));
  const HttpAnswer answer = client.receive().value_or(HttpAnswer());
  EXPECT_EQ(answer.headers.at("Cache-Control"), "no-store");
  EXPECT_EQ(answer.headers.at("X-Content-Type-Options"), "nosniff");
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

// Who is only to be told that there are too many takes memory too.
TEST_F(HttpSessions, AreClosedWithoutAWordWhereTooManyAreBeingRefused) {
  const std::vector<config::Change> changes = {{"admin.max_connections", "1"}};
  ASSERT_TRUE(store_.change(changes, "test").empty());
  std::deque<HttpClient> silent;
  for (int i = 0; i < 17; ++i) silent.emplace_back(port_);
  HttpClient client(port_);
  client.send(request("GET", "/healthz"));
  EXPECT_FALSE(client.receive());
  silent.back().send(request("GET", "/healthz"));
  EXPECT_EQ(silent.back().receive().value_or(HttpAnswer()).status, 503U);
}

// It may go on sending what nobody wants, for a while: its place is another one's then.
TEST_F(HttpSessions, EndAWhileAfterARefusalThoughTheClientStays) {
  const std::vector<config::Change> changes = {{"admin.max_connections", "1"}};
  ASSERT_TRUE(store_.change(changes, "test").empty());
  HttpClient refused(port_);
  refused.send("nonsense\r\n\r\n");
  EXPECT_EQ(refused.receive().value_or(HttpAnswer()).status, 400U);
  EXPECT_TRUE(refused.at_end()) << "of what the server sends";
  unsigned status = 503;
  while (status == 503) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    HttpClient next(port_);
    next.send(request("GET", "/healthz"));
    status = next.receive().value_or(HttpAnswer()).status;
    next.finish();
  }
  EXPECT_EQ(status, 200U);
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

TEST_F(HttpSessions, TellWhoHasChangedSomething) {
  HttpClient client(port_);
  client.send(request("PUT", "/v1/keys/k", {}, "v"));
  EXPECT_EQ(client.receive().value_or(HttpAnswer()).status, 201U);
  client.send(request("GET", "/v1/audit"));
  const auto entry = boost::json::parse(client.receive().value_or(HttpAnswer()).body).at("entries").as_array().at(0);
  EXPECT_TRUE(std::string_view(entry.at("peer").as_string()).starts_with("127.0.0.1:"));
  EXPECT_EQ(entry.at("with_token"), true);
}

}  // namespace
}  // namespace strata::server::admin
