#include "server/access/acl_registry.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "protocol/errors.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;

class AclRegistryTest : public testing::Test {
 protected:
  AclRegistryTest() : path_(testing::TempDir() + "users-" + std::to_string(getpid()) + ".acl") {}
  ~AclRegistryTest() override { std::filesystem::remove(path_); }

  std::string set(std::string_view name, const std::vector<std::string_view>& rules) { return acl_.set_user(name, rules); }
  std::vector<std::string> remove(const std::vector<std::string_view>& names) { return acl_.remove(names); }
  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    for (const auto& [name, user] : *acl_.users()) lines.push_back(acl_line(*user));
    return lines;
  }
  std::string load(std::string_view text) {
    std::ofstream(path_) << text;
    acl_.set_file(path_);
    return acl_.load().wrong;
  }

  [[nodiscard]] bool is_let_through(const Client& client) const { return gate_.lets(client.access.pass); }

  const std::string path_;
  CommandTable table_;
  CommandGate gate_;
  AclRegistry acl_{table_, gate_};
  Client client_{{}};
};

constexpr std::string_view kOpenDefault = "user default on nopass ~* &* +@all";

TEST_F(AclRegistryTest, TheDefaultUserMayDoEverythingUnlessItHasAPassword) {
  EXPECT_EQ(lines(), std::vector<std::string>{std::string(kOpenDefault)});
  acl_.begin(client_);
  EXPECT_TRUE(client_.authenticated);
  EXPECT_TRUE(is_let_through(client_));
  EXPECT_FALSE(acl_.needs_log_in(client_));
  acl_.set_default_password("secret");
  EXPECT_TRUE(acl_.default_needs_log_in());
  Client late{{}};
  acl_.begin(late);
  EXPECT_FALSE(late.authenticated);
  EXPECT_FALSE(is_let_through(late));
  EXPECT_TRUE(acl_.needs_log_in(late));
  EXPECT_FALSE(acl_.log_in(late, "default", "Secret"));
  EXPECT_FALSE(is_let_through(late));
  EXPECT_TRUE(acl_.log_in(late, "default", "secret"));
  EXPECT_TRUE(is_let_through(late));
  // Who was in before stays in.
  EXPECT_TRUE(acl_.refresh(client_));
  EXPECT_TRUE(is_let_through(client_));
}

TEST_F(AclRegistryTest, ThePasswordOfTheSettingsIsSetWhenItChanges) {
  acl_.set_default_password("secret");
  EXPECT_EQ(set("default", {">other"}), "");
  acl_.set_default_password("secret");
  EXPECT_EQ(acl_.find("default")->password_hashes().size(), 2U);
  acl_.set_default_password("new");
  EXPECT_EQ(acl_.find("default")->password_hashes().size(), 1U);
  acl_.set_default_password("");
  EXPECT_FALSE(acl_.find("default")->needs_password());
  EXPECT_FALSE(acl_.default_needs_log_in());
}

TEST_F(AclRegistryTest, AChangeReachesWhoIsLoggedIn) {
  EXPECT_EQ(set("u", {"on", ">p", "+@all", "allkeys", "allchannels"}), "");
  ASSERT_TRUE(acl_.log_in(client_, "u", "p"));
  EXPECT_TRUE(is_let_through(client_));
  EXPECT_EQ(client_.user_name(), "u");
  EXPECT_EQ(set("u", {"-get"}), "");
  EXPECT_FALSE(is_let_through(client_)) << "at once, without being looked up";
  EXPECT_TRUE(acl_.refresh(client_));
  EXPECT_FALSE(is_let_through(client_));
  EXPECT_FALSE(client_.access.user->may_do_everything());
  EXPECT_EQ(set("u", {"+@all"}), "");
  EXPECT_TRUE(acl_.refresh(client_));
  EXPECT_TRUE(is_let_through(client_));
  // Switched off, nobody comes in; who is in stays, as in Redis.
  EXPECT_EQ(set("u", {"off"}), "");
  EXPECT_TRUE(acl_.refresh(client_));
  EXPECT_TRUE(client_.authenticated);
  EXPECT_FALSE(acl_.log_in(client_, "u", "p"));
}

TEST_F(AclRegistryTest, WhoIsDeletedIsNobodyEvenIfTheNameComesBack) {
  EXPECT_EQ(set("u", {"on", "nopass", "+@all", "allkeys"}), "");
  ASSERT_TRUE(acl_.log_in(client_, "u", ""));
  EXPECT_EQ(remove({"nobody", "u"}), std::vector<std::string>{"u"});
  EXPECT_EQ(set("u", {"on", "nopass", "+@all", "allkeys"}), "");
  EXPECT_FALSE(acl_.refresh(client_));
  EXPECT_FALSE(client_.authenticated);
  EXPECT_EQ(client_.user_name(), "default");
  EXPECT_TRUE(remove({"nobody"}).empty());
}

TEST_F(AclRegistryTest, ARefusedRuleChangesNothing) {
  EXPECT_EQ(set("u", {"on", "+foo"}), errors::acl_bad_rule("+foo", errors::kAclUnknownName));
  EXPECT_EQ(acl_.find("u"), nullptr);
  EXPECT_EQ(set("u", {"+get", "(~a"}), errors::acl_unmatched_parenthesis("(~a"));
  EXPECT_EQ(set("a b", {"on"}), errors::kAclUserName);
  EXPECT_EQ(set("", {"on"}), errors::kAclUserName);
  EXPECT_EQ(set("u", {"on", "(~a", "+get)"}), "");
  EXPECT_EQ(set("u", {"off", "foo"}), errors::acl_bad_rule("foo", errors::kAclSyntax));
  EXPECT_TRUE(acl_.find("u")->is_on());
}

TEST_F(AclRegistryTest, IsBounded) {
  const std::string pattern = "~" + std::string(AclRegistry::kMostUserBytes / 2, 'x');
  EXPECT_EQ(set("u", {pattern}), "");
  EXPECT_EQ(set("u", {pattern + "y"}), errors::kAclTooMuch);
  EXPECT_EQ(set("v", {pattern}), "");
  std::string wrong;
  std::size_t users = 0;
  for (; wrong.empty() && users < AclRegistry::kMostUsers; ++users) wrong = set("w" + std::to_string(users), {pattern});
  EXPECT_EQ(wrong, errors::kAclTooMuch);
  EXPECT_NEAR(static_cast<double>(users), static_cast<double>(AclRegistry::kMostBytes) / (AclRegistry::kMostUserBytes / 2.0), 10);
  // What goes makes room.
  EXPECT_EQ(remove({"u"}).size(), 1U);
  EXPECT_EQ(set("z", {pattern}), "");
}

TEST_F(AclRegistryTest, TheFileComesBackAsItWasSaved) {
  EXPECT_EQ(set("u", {"on", ">p", "~a*", "%R~b", "&c", "+@read", "-get", "(~x", "+set)"}), "");
  EXPECT_EQ(set("default", {">d"}), "");
  const std::vector<std::string> before = lines();
  acl_.set_file(path_);
  ASSERT_EQ(acl_.save(), "");
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(set("other", {}), "");
  EXPECT_EQ(set("u", {"reset"}), "");
  ASSERT_TRUE(acl_.log_in(client_, "default", "d"));
  const AclRegistry::Loaded loaded = acl_.load();
  EXPECT_EQ(loaded.wrong, "");
  EXPECT_EQ(loaded.gone, std::vector<std::string>{"other"});
  EXPECT_EQ(lines(), before);
  EXPECT_TRUE(acl_.refresh(client_)) << "who is in the file stays who it is";
}

TEST_F(AclRegistryTest, AFileIsLoadedAsAWholeOrNotAtAll) {
  const std::vector<std::string> before = lines();
  const std::string end = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
  EXPECT_EQ(load("user a on\nuser b on +foo\n\nfoo\nuser a off\nuser c (+get"),
            path_ + ":2: Error in applying operation '+foo': Unknown command or category name in ACL. " + path_ +
                ":4 should start with user keyword followed by the username. WARNING: Duplicate user 'a' found on line 5. " +
                path_ + ":6: Unmatched parenthesis in selector definition. " + end);
  EXPECT_EQ(lines(), before);
  EXPECT_EQ(load("  user a on nopass (+get ~b) \r\n\n\tuser c off"), "");
  EXPECT_EQ(lines().size(), 3U);
  EXPECT_EQ(lines()[2], kOpenDefault) << "a file without it leaves it as it is at first";
  EXPECT_EQ(load("user default off"), "");
  EXPECT_TRUE(acl_.default_needs_log_in());
  std::filesystem::remove(path_);
  EXPECT_NE(acl_.load().wrong.find("No such file"), std::string::npos);
}

// For the thread sanitizer: loops ask while others change.
TEST_F(AclRegistryTest, ThreadsAskWhileOthersChange) {
  std::atomic<bool> over{false};
  EXPECT_EQ(set("u", {"on", "nopass", "+@all", "allkeys", "allchannels"}), "");
  std::vector<std::thread> loops;
  std::atomic<std::uint64_t> asked{0};
  for (int i = 0; i < 2; ++i) {
    loops.emplace_back([&] {
      Client client{{}};
      acl_.begin(client);
      while (!over.load()) {
        if (is_let_through(client) || acl_.refresh(client)) asked.fetch_add(1);
        (void)acl_.log_in(client, "u", "");
      }
    });
  }
  for (int i = 0; i < 300 || asked.load() < 100; ++i) {
    EXPECT_EQ(set("u", {i % 2 == 0 ? "-get" : "+@all"}), "");
    if (i % 10 == 0) {
      remove({"u"});
      EXPECT_EQ(set("u", {"on", "nopass", "+@all", "allkeys", "allchannels"}), "");
    }
  }
  over = true;
  for (std::thread& loop : loops) loop.join();
}

}  // namespace
}  // namespace strata::server
