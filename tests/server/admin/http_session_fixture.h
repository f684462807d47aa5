#pragma once

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "server/admin/admin_server.h"
#include "tests/server/admin/admin_fixture.h"
#include "tests/server/admin/http_client.h"

namespace strata::server::admin {

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

}  // namespace strata::server::admin
