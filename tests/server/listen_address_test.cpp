#include "server/listen_address.h"

#include <gtest/gtest.h>

namespace strata::server {
namespace {

TEST(ListenAddressTest, KnowsLoopback) {
  EXPECT_TRUE(is_loopback("127.0.0.1"));
  EXPECT_TRUE(is_loopback("127.8.9.1"));
  EXPECT_TRUE(is_loopback("::1"));
  EXPECT_FALSE(is_loopback("0.0.0.0"));
  EXPECT_FALSE(is_loopback("::"));
  EXPECT_FALSE(is_loopback("10.0.0.1"));
  EXPECT_FALSE(is_loopback("128.0.0.1"));
}

TEST(ListenAddressTest, PutsBracketsAroundIpv6) {
  EXPECT_EQ(address_and_port("127.0.0.1", 1), "127.0.0.1:1");
  EXPECT_EQ(address_and_port("::1", 6379), "[::1]:6379");
}

TEST(ExposureTest, WhatOthersCanReachNeedsASecret) {
  config::Settings settings;
  EXPECT_EQ(check_exposure(settings, !settings.security.password.empty()), "");
  settings.server.bind = {"127.0.0.1", "0.0.0.0"};
  EXPECT_NE(check_exposure(settings, !settings.security.password.empty()).find("0.0.0.0 without a password"), std::string::npos);
  settings.security.password = "secret";
  EXPECT_EQ(check_exposure(settings, !settings.security.password.empty()), "");
  settings.admin.bind = "0.0.0.0";
  EXPECT_NE(check_exposure(settings, !settings.security.password.empty()).find("admin.token"), std::string::npos);
  settings.admin.port = 0;
  EXPECT_EQ(check_exposure(settings, !settings.security.password.empty()), "");
  settings = {};
  settings.server.bind = {"0.0.0.0"};
  settings.security.protected_mode = false;
  EXPECT_EQ(check_exposure(settings, !settings.security.password.empty()), "");
  settings.security.protected_mode = true;
  settings.server.port = 0;
  EXPECT_EQ(check_exposure(settings, !settings.security.password.empty()), "");
}

}  // namespace
}  // namespace strata::server
