#include "config/printer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "config/schema.h"
#include "tests/config/temporary_file.h"

namespace strata::config {
namespace {

LoadResult load_file(const std::string& path) { return load({path, {}, {}}); }

std::vector<std::string> problems_of(const LoadResult& result) {
  std::vector<std::string> texts;
  for (const Problem& problem : result.problems) texts.push_back(problem.text());
  return texts;
}

// Settings in which no key has its default.
Settings all_changed() {
  Settings settings;
  settings.server = {{"0.0.0.0", "::"},
                     7000,
                     "run/s \"1\" # \\.sock",
                     0750,
                     4,
                     5,
                     "/data/caf\xC3\xA9: x",
                     128,
                     std::chrono::milliseconds(1500),
                     std::chrono::hours(2),
                     std::chrono::seconds(0)};
  settings.memory = {{MemoryAmount::Unit::bytes, 1000000007}, true, EvictionPolicy::volatile_ttl, 64};
  settings.dynamic_sizing = {true,
                             {MemoryAmount::Unit::bytes, 1000000006},
                             {MemoryAmount::Unit::percent, 9},
                             150,
                             std::chrono::seconds(3),
                             std::chrono::minutes(2)};
  settings.expiry = {12, true};
  settings.auto_invalidation = {
      std::chrono::minutes(5), 70, std::chrono::hours(3), 90, 80, std::chrono::seconds(4), std::chrono::seconds(30), 60, 10,
      HitsAction::database,    3,  "user: \"1\""};
  settings.limits = {1, 2ULL << 20, 65536, {MemoryAmount::Unit::percent, 7}, 3ULL << 20, 17, 18};
  settings.command_log = {-1, 2, 3, 4, std::chrono::milliseconds(5)};
  settings.security = {"hush: \"#\"", false, "users.acl", 7};
  settings.tls = {7001, "c.pem", "k.pem", "a.pem", ClientCertificates::optional, TlsVersion::tls13, "C:!D", "S", true};
  settings.admin = {"::1",
                    0,
                    "token",
                    2048,
                    std::chrono::milliseconds(100),
                    4096,
                    std::chrono::milliseconds(200),
                    std::chrono::milliseconds(300),
                    std::chrono::milliseconds(400),
                    5,
                    6};
  settings.log = {LogLevel::off, LogFormat::json, "~"};
  return settings;
}

TEST(PrintConfig, NamesTheOrigin) {
  const std::string text = print_config(Settings{}, {{"server.port", "strata.yaml:3:9"}});
  EXPECT_NE(
      text.find("\nserver:\n  bind: [\"127.0.0.1\"]  # default\n  port: 6379  # strata.yaml:3:9\n  unix_socket: \"\"  # default\n"
                "  unix_socket_mode: \"700\"  # default\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("\n  password: \"\"  # default\n"), std::string::npos) << text;
}

TEST(PrintConfig, HidesSecrets) {
  Settings settings;
  settings.security.password = "hush";
  const std::string text = print_config(settings, {{"security.password", "environment STRATA_SECURITY_PASSWORD"}});
  EXPECT_EQ(text.find("hush"), std::string::npos);
  EXPECT_NE(text.find("\n  # password: \"********\"  # environment STRATA_SECURITY_PASSWORD (hidden: give it again)\n"),
            std::string::npos)
      << text;
}

TEST(PrintConfig, LoadsBack) {
  Settings settings = all_changed();
  for (const Key& key : all_keys()) EXPECT_NE(key.get(settings), key.get(Settings{})) << key.path << " is not covered here";
  const TemporaryFile file(print_config(settings, {}));
  const LoadResult result = load_file(file.path());
  settings.security.password.clear();
  settings.admin.token.clear();
  EXPECT_EQ(problems_of(result), std::vector<std::string>{});
  EXPECT_EQ(result.settings, settings);
  EXPECT_EQ(result.origins.size(), all_keys().size() - 2);
}

TEST(Reference, IsTheFileInTheRepository) {
  std::ifstream file(STRATA_REFERENCE_YAML, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_EQ(text, print_reference()) << "write it anew: strata_config_tests --print-reference > config/reference.yaml";
}

TEST(Reference, HoldsEveryKeyWithItsDefault) {
  const LoadResult result = load_file(STRATA_REFERENCE_YAML);
  EXPECT_EQ(problems_of(result), std::vector<std::string>{});
  for (const Key& key : all_keys()) {
    EXPECT_TRUE(result.origins.contains(key.path)) << key.path;
    EXPECT_EQ(key.get(result.settings), key.get(Settings{})) << key.path;
  }
}

}  // namespace
}  // namespace strata::config
