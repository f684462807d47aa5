#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <string>

#include "server/admin/admin_server.h"
#include "tests/server/admin/admin_fixture.h"

namespace strata::server::admin {
namespace {

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
    ServerState server{cache_,       store,        commands_, clients_, statistics_, limits_, acl_, gate_,
                       closer_look_, command_log_, latency_,  pause_,   monitors_,   facts_,  [] {}};
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
