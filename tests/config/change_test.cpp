#include "config/change.h"

#include <gtest/gtest.h>

#include "config/schema.h"

namespace strata::config {
namespace {

using namespace std::chrono_literals;

TEST(Change, AppliesAllChanges) {
  const std::vector<Change> changes = {
      {"server.idle_timeout", "90s"}, {"memory.policy", "noeviction"}, {"security.password", "hush"}};
  const ChangeResult result = apply_changes(Settings{}, changes);
  Settings expected;
  expected.server.idle_timeout = 90s;
  expected.memory.policy = EvictionPolicy::noeviction;
  expected.security.password = "hush";
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.settings, expected);
}

TEST(Change, RefusesAllWhenOneIsWrongAndNamesEach) {
  const std::vector<Change> changes = {
      {"limits.max_clients", "500"}, {"limits.max_client", "500"},    {"limits.max_clients", "600"},
      {"server.port", "6380"},       {"server.idle_timeout", "long"}, {"security.password", "a\nb"},
  };
  const ChangeResult result = apply_changes(Settings{}, changes);
  const std::vector<std::string> expected = {
      "limits.max_client: unknown key, did you mean limits.max_clients?",
      "limits.max_clients: given twice in one request; allowed: once",
      "server.port: cannot change at run time, it needs a restart",
      R"(server.idle_timeout: "long" is not a duration; allowed: a duration from 0s to 365d (ms, s, m, h, d))",
      "security.password: holds a control character or bytes that are not UTF-8; allowed: a text of 0 to 512 bytes",
  };
  std::vector<std::string> texts;
  for (const Problem& problem : result.problems) texts.push_back(problem.text());
  EXPECT_EQ(texts, expected);
  EXPECT_EQ(result.settings, Settings{});
}

TEST(Change, FixedAndChangeableKeysAreTheDocumentedOnes) {
  for (const Key& key : all_keys()) {
    const std::vector<Change> changes = {{std::string(key.path), key.get(Settings{})}};
    EXPECT_EQ(apply_changes(Settings{}, changes).ok(), key.changeable) << key.path;
  }
  std::vector<std::string_view> fixed;
  for (const Key& key : all_keys()) {
    if (!key.changeable) fixed.push_back(key.path);
  }
  const std::vector<std::string_view> expected = {"server.bind",
                                                  "server.port",
                                                  "server.unix_socket",
                                                  "server.unix_socket_mode",
                                                  "server.threads",
                                                  "server.databases",
                                                  "server.data_dir",
                                                  "server.tcp_backlog",
                                                  "security.acl_file",
                                                  "tls.port",
                                                  "tls.admin",
                                                  "admin.bind",
                                                  "admin.port",
                                                  "log.format",
                                                  "log.file"};
  EXPECT_EQ(fixed, expected);
}

TEST(Change, RefusesMoreChangesThanThereAreKeysUnread) {
  const std::vector<Change> changes(100000, Change{"limits.max_clients", "1"});
  const ChangeResult result = apply_changes(Settings{}, changes);
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_EQ(result.problems[0].text(), "too many changes in one request; allowed: at most " + std::to_string(all_keys().size()));
}

TEST(Change, ChecksTheSettingsAsAWhole) {
  Settings base;
  base.admin.port = base.server.port;
  const std::vector<Change> changes = {{"limits.max_clients", "5"}};
  const ChangeResult result = apply_changes(base, changes);
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_EQ(result.problems[0].key, "admin.port");
  EXPECT_EQ(result.settings, base);
}

TEST(Diff, SeparatesWhatCanChangeFromWhatNeedsARestart) {
  const Settings running;
  Settings loaded;
  loaded.server.port = 7000;
  loaded.log.file = "strata.log";
  loaded.log.level = LogLevel::debug;
  loaded.admin.token = "hush";
  const Differences differences = diff(running, loaded);
  EXPECT_EQ(differences.changeable, (std::vector<Change>{{"admin.token", "hush"}, {"log.level", "debug"}}));
  EXPECT_EQ(differences.fixed, (std::vector<std::string>{"server.port", "log.file"}));

  const ChangeResult result = apply_changes(running, differences.changeable);
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(diff(result.settings, loaded).fixed, differences.fixed);
  EXPECT_TRUE(diff(result.settings, loaded).changeable.empty());
  EXPECT_TRUE(diff(running, running).changeable.empty());
  EXPECT_TRUE(diff(running, running).fixed.empty());
}

}  // namespace
}  // namespace strata::config
