#include "server/access/acl_user.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/errors.h"
#include "server/access/acl_category.h"
#include "server/password.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;
using Against = AclVerdict::Against;

class AclUserTest : public testing::Test {
 protected:
  // Applies all rules; the last one's reason for refusal.
  std::string_view apply(const std::vector<std::string_view>& rules) {
    std::string_view wrong;
    for (const std::string_view rule : rules) wrong = user_.apply(rule);
    return wrong;
  }
  AclVerdict check(const std::vector<std::string_view>& request) const {
    std::string name;
    for (const std::string_view word : std::span(request).first(std::min<std::size_t>(request.size(), 2)))
      name.append(name.empty() ? "" : "|").append(word);
    const Command* const sub = table_.find_full(name);
    return user_.check(sub != nullptr ? *sub : *table_.find(request[0]), request);
  }
  bool may(const std::vector<std::string_view>& request) const { return check(request).is_allowed(); }

  CommandTable table_;
  AclUser user_{"somebody", 1, table_};
};

TEST_F(AclUserTest, BeginsWithNothing) {
  EXPECT_EQ(user_.describe(), "off resetchannels -@all");
  EXPECT_FALSE(user_.accepts(password_hash("")));
  EXPECT_EQ(check({"PING"}).against, Against::command);
  // What comes before a login is for everybody.
  EXPECT_TRUE(may({"AUTH", "x"}));
}

TEST_F(AclUserTest, KeepsHashesOfSeveralPasswords) {
  EXPECT_EQ(apply({"on", ">one", ">two", ">one"}), "");
  EXPECT_EQ(user_.password_hashes(), (std::vector<std::string>{password_hash("one"), password_hash("two")}));
  EXPECT_EQ(user_.password_hashes()[0], "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
  EXPECT_TRUE(user_.accepts(password_hash("one")));
  EXPECT_TRUE(user_.accepts(password_hash("two")));
  EXPECT_FALSE(user_.accepts(password_hash("three")));
  EXPECT_EQ(apply({"<one"}), "");
  EXPECT_FALSE(user_.accepts(password_hash("one")));
  EXPECT_EQ(apply({"<one"}), errors::kAclNoSuchPassword);
  const std::string hash = password_hash("four");
  EXPECT_EQ(apply({"#" + hash}), "");
  EXPECT_TRUE(user_.accepts(hash));
  EXPECT_EQ(apply({"!" + hash}), "");
  EXPECT_FALSE(user_.accepts(hash));
  for (const std::string_view bad : {"#12", "!12", "#7692C3AD3540BB803C020B3AEE66CD8887123234EA0C6E7143C0ADD73FF431ED"})
    EXPECT_EQ(apply({bad}), errors::kAclPasswordHash) << bad;
  EXPECT_EQ(apply({"off"}), "");
  EXPECT_FALSE(user_.accepts(password_hash("two")));
  EXPECT_EQ(apply({"on", "nopass"}), "");
  EXPECT_TRUE(user_.accepts(password_hash("anything")));
  EXPECT_EQ(apply({"resetpass"}), "");
  EXPECT_FALSE(user_.accepts(password_hash("anything")));
}

TEST_F(AclUserTest, TheLastRuleWins) {
  EXPECT_EQ(apply({"allkeys", "+@all", "-@write", "+set", "-config", "+config|get"}), "");
  EXPECT_TRUE(may({"SET", "k", "v"}));
  EXPECT_FALSE(may({"DEL", "k"}));
  EXPECT_TRUE(may({"CONFIG", "GET", "x"}));
  EXPECT_FALSE(may({"CONFIG", "SET", "x", "y"}));
  EXPECT_EQ(user_.describe(), "off ~* resetchannels +@all -@write +set -config +config|get");
  EXPECT_EQ(apply({"+config"}), "");
  EXPECT_TRUE(may({"CONFIG", "SET", "x", "y"}));
  EXPECT_EQ(user_.describe(), "off ~* resetchannels +@all -@write +set +config");
  EXPECT_EQ(apply({"nocommands", "+@string", "-get"}), "");
  EXPECT_TRUE(may({"SET", "k", "v"}));
  EXPECT_FALSE(may({"GET", "k"}));
  EXPECT_EQ(user_.selectors()[0].commands_text(), "-@all +@string -get");
}

TEST_F(AclUserTest, ARuleTakesThePlaceOfTheSameOne) {
  EXPECT_EQ(apply({"+get", "+@read", "-get", "+GET", "-@READ"}), "");
  EXPECT_EQ(user_.selectors()[0].commands_text(), "-@all +get -@read");
  EXPECT_FALSE(may({"GET", "k"}));
}

TEST_F(AclUserTest, AllowsACommandByItsFirstWord) {
  EXPECT_EQ(apply({"+select|0", "+SELECT|2"}), "");
  EXPECT_TRUE(may({"SELECT", "0"}));
  EXPECT_TRUE(may({"SELECT", "2"}));
  EXPECT_FALSE(may({"SELECT", "1"}));
  EXPECT_EQ(user_.selectors()[0].commands_text(), "-@all +select|0 +select|2");
  EXPECT_EQ(apply({"-select"}), "");
  EXPECT_FALSE(may({"SELECT", "0"}));
  EXPECT_EQ(apply({"+select|a\nb"}), errors::kAclSyntax) << "it would end a line of the file";
}

TEST_F(AclUserTest, NamesWhatIsWrong) {
  const std::pair<std::string_view, std::string_view> cases[] = {{"foo", errors::kAclSyntax},
                                                                 {"%foo", errors::kAclSyntax},
                                                                 {"%X~foo", errors::kAclSyntax},
                                                                 {"%RR~foo", errors::kAclSyntax},
                                                                 {"%~foo", errors::kAclSyntax},
                                                                 {"~a b", errors::kAclSyntax},
                                                                 {"&a b", errors::kAclSyntax},
                                                                 {"+foo", errors::kAclUnknownName},
                                                                 {"-foo", errors::kAclUnknownName},
                                                                 {"+@foo", errors::kAclUnknownName},
                                                                 {"+config|foo", errors::kAclUnknownName},
                                                                 {"+config|", errors::kAclSyntax},
                                                                 {"+config|get|x", errors::kAclFirstArgument},
                                                                 {"-select|0", errors::kAclUnknownName},
                                                                 {"(foo)", errors::kAclSyntax},
                                                                 {"(+foo)", errors::kAclUnknownName}};
  const std::string before = user_.describe();
  for (const auto& [rule, reason] : cases) {
    EXPECT_EQ(user_.apply(rule), reason) << rule;
    EXPECT_EQ(user_.describe(), before) << rule;
  }
  EXPECT_EQ(apply({"~*", "~a"}), errors::kAclKeysAfterAll);
  EXPECT_EQ(apply({"&*", "&a"}), errors::kAclChannelsAfterAll);
}

TEST_F(AclUserTest, KeysByPatternAndUse) {
  EXPECT_EQ(apply({"+@all", "~own:*", "%R~read:*", "%w~write:*"}), "");
  EXPECT_EQ(user_.selectors()[0].keys_text(), "~own:* %R~read:* %W~write:*");
  EXPECT_TRUE(may({"GET", "own:1"}));
  EXPECT_TRUE(may({"SET", "own:1", "v", "GET"}));
  EXPECT_TRUE(may({"GET", "read:1"}));
  EXPECT_FALSE(may({"SET", "read:1", "v"}));
  EXPECT_TRUE(may({"SET", "write:1", "v"}));
  EXPECT_FALSE(may({"SET", "write:1", "v", "GET"}));
  EXPECT_FALSE(may({"SET", "write:1", "v", "IFEQ", "w"}));
  EXPECT_FALSE(may({"GET", "write:1"}));
  EXPECT_FALSE(may({"GET", "other"}));
  // What tells of no value needs any permission.
  EXPECT_TRUE(may({"EXISTS", "write:1", "read:1"}));
  EXPECT_FALSE(may({"EXISTS", "other"}));
  EXPECT_EQ(apply({"%W~read:*"}), "");
  EXPECT_EQ(user_.selectors()[0].keys_text(), "~own:* ~read:* %W~write:*");
  EXPECT_TRUE(may({"SET", "read:1", "v"}));
  EXPECT_EQ(apply({"resetkeys"}), "");
  EXPECT_FALSE(may({"GET", "own:1"}));
}

TEST_F(AclUserTest, KeysOfEveryShapeOfCommand) {
  EXPECT_EQ(apply({"+@all", "%R~r*", "%W~w*", "~b*"}), "");
  const std::pair<std::vector<std::string_view>, std::size_t> cases[] = {
      // The word that is refused; 0: none.
      {{"MSET", "w1", "r1", "w2", "x"}, 0},
      {{"MSET", "w1", "v", "r1", "v"}, 3},
      {{"MGET", "r1", "r2", "b"}, 0},
      {{"MGET", "r1", "w1"}, 2},
      {{"MSETNX", "w1", "v", "x", "v"}, 3},
      {{"MSETEX", "2", "w1", "v", "w2", "v", "EX", "10"}, 0},
      {{"MSETEX", "2", "w1", "v", "r1", "v"}, 4},
      {{"BITOP", "AND", "w1", "r1", "r2"}, 0},
      {{"BITOP", "AND", "r1", "r1", "r2"}, 2},
      {{"BITOP", "AND", "w1", "r1", "w2"}, 4},
      {{"COPY", "r1", "w1"}, 0},
      {{"COPY", "w1", "w2"}, 1},
      {{"COPY", "r1", "r2"}, 2},
      {{"RENAME", "b1", "w1"}, 0},
      {{"RENAME", "r1", "w1"}, 1},
      {{"RENAMENX", "b1", "r1"}, 2},
      {{"LCS", "r1", "b1"}, 0},
      {{"LCS", "r1", "w1"}, 2},
      {{"BITFIELD", "r1", "GET", "u8", "0", "OVERFLOW", "WRAP", "GET", "u8", "8"}, 0},
      {{"BITFIELD", "r1", "GET", "u8", "0", "SET", "u8", "0", "1"}, 1},
      {{"BITFIELD", "w1", "SET", "u8", "0", "1"}, 1},
      {{"DELEX", "w1"}, 0},
      {{"DELEX", "w1", "IFEQ", "v"}, 1},
      {{"DELIFEQ", "w1", "v"}, 1},
      {{"DEL", "w1", "w2", "r1"}, 3},
      {{"GETDEL", "w1"}, 1},
      {{"APPEND", "w1", "v"}, 0},
      {{"INCR", "w1"}, 1},
      {{"OBJECT", "ENCODING", "x"}, 2},
      {{"OBJECT", "ENCODING", "w1"}, 0},
      {{"EXPIRE", "w1", "1"}, 0},
      {{"TTL", "w1"}, 1},
      {{"DUMP", "r1"}, 0},
      {{"RESTORE", "w1", "0", "x"}, 0},
      {{"SCAN", "0"}, 0},
      {{"DBSIZE"}, 0},
  };
  for (const auto& [request, word] : cases) {
    const AclVerdict verdict = check(request);
    EXPECT_EQ(verdict.against, word == 0 ? Against::nothing : Against::key) << request[0];
    EXPECT_EQ(verdict.word, word) << request[0];
  }
  // The command itself refuses these.
  EXPECT_TRUE(may({"MSETEX", "9", "x", "v"}));
  EXPECT_TRUE(may({"MSETEX", "x", "x", "v"}));
}

TEST_F(AclUserTest, EachSelectorIsAWholeOfItsOwn) {
  EXPECT_EQ(apply({"+get", "~a*", "(+set ~b*)", "( +getdel  %R~c* )"}), "");
  EXPECT_TRUE(may({"GET", "a"}));
  EXPECT_TRUE(may({"SET", "b", "v"}));
  EXPECT_EQ(check({"SET", "a", "v"}).against, Against::key);
  EXPECT_EQ(check({"GET", "b"}).against, Against::key);
  EXPECT_EQ(check({"GETDEL", "c"}).against, Against::key);
  EXPECT_EQ(check({"PING"}).against, Against::command);
  EXPECT_EQ(user_.describe(),
            "off ~a* resetchannels -@all +get (~b* resetchannels -@all +set) (%R~c* resetchannels -@all +getdel)");
  EXPECT_EQ(apply({"clearselectors"}), "");
  EXPECT_FALSE(may({"SET", "b", "v"}));
  EXPECT_TRUE(may({"GET", "a"}));
  EXPECT_EQ(apply({"on", "nopass", "&c", "(+set)", "skip-sanitize-payload", "reset"}), "");
  EXPECT_EQ(user_.describe(), "off sanitize-payload resetchannels -@all");
  EXPECT_EQ(user_.name(), "somebody");
}

TEST_F(AclUserTest, WhatItIsDescribedAsMakesTheSame) {
  const std::string_view rules[] = {"on",
                                    "off",
                                    "nopass",
                                    "resetpass",
                                    ">a",
                                    ">b",
                                    "<a",
                                    "~a*",
                                    "%R~b",
                                    "%W~b",
                                    "%RW~c)",
                                    "allkeys",
                                    "resetkeys",
                                    "&n",
                                    "allchannels",
                                    "resetchannels",
                                    "+@all",
                                    "-@all",
                                    "+@read",
                                    "-@write",
                                    "+get",
                                    "-get",
                                    "+config",
                                    "-config|set",
                                    "+config|get",
                                    "+select|0",
                                    "-select",
                                    "+@string",
                                    "-@slow",
                                    "(+get ~a)",
                                    "(%R~x &y +@all -set)",
                                    "(~a) +get)",
                                    "()",
                                    "clearselectors",
                                    "skip-sanitize-payload",
                                    "sanitize-payload",
                                    "reset",
                                    "foo"};
  std::minstd_rand random(7);
  for (int i = 0; i < 3000; ++i) {
    (void)user_.apply(rules[random() % std::size(rules)]);
    const std::string text = user_.describe();
    std::vector<std::string_view> words;
    for (std::size_t from = 0; from <= text.size();) {
      const std::size_t end = std::min(text.find(' ', from), text.size());
      words.push_back(std::string_view(text).substr(from, end - from));
      from = end + 1;
    }
    AclUser again("somebody", 1, table_);
    const MergedRules merged = merge_selectors(words);
    ASSERT_EQ(merged.unmatched, "") << text;
    for (const std::string& rule : merged.rules) ASSERT_EQ(again.apply(rule), "") << text;
    ASSERT_EQ(again.describe(), text);
    for (const Command& command : table_.all()) {
      const std::string_view request[] = {command.spec->name, "0"};
      ASSERT_EQ(again.selectors()[0].allows_command(command, request), user_.selectors()[0].allows_command(command, request))
          << command.full_name << " " << text;
    }
  }
}

TEST_F(AclUserTest, DoesEverythingOnlyWithoutException) {
  EXPECT_EQ(apply({"+@all", "~*"}), "");
  EXPECT_FALSE(user_.may_do_everything());
  EXPECT_EQ(apply({"&*"}), "");
  EXPECT_TRUE(user_.may_do_everything());
  EXPECT_EQ(apply({"-debug"}), "");
  EXPECT_FALSE(user_.may_do_everything());
  EXPECT_EQ(apply({"+@all"}), "");
  EXPECT_TRUE(user_.may_do_everything());
}

TEST(MergeSelectorsTest, PutsTogetherWhatSpacesHaveTornApart) {
  const std::string_view words[] = {"on", "(+get", "~a", "%R~b)", "(+set)", "off"};
  const MergedRules merged = merge_selectors(words);
  EXPECT_EQ(merged.rules, (std::vector<std::string>{"on", "(+get ~a %R~b)", "(+set)", "off"}));
  EXPECT_EQ(merged.unmatched, "");
  const std::string_view open[] = {"on", "(+get", "~a"};
  EXPECT_EQ(merge_selectors(open).unmatched, "(+get");
}

TEST(AclCategoryTest, FollowFromTheRow) {
  const CommandTable table;
  const auto categories = [&table](std::string_view name) {
    std::string text;
    for (std::size_t i = 0; i < kAclCategories.size(); ++i) {
      if ((acl_categories_of(*table.find_full(name)->spec) >> i & 1U) != 0) text.append(kAclCategories[i].with_at);
    }
    return text;
  };
  EXPECT_EQ(categories("get"), "@read@string@fast");
  EXPECT_EQ(categories("set"), "@write@string@slow");
  EXPECT_EQ(categories("bitop"), "@write@bitmap@slow");
  EXPECT_EQ(categories("del"), "@keyspace@write@slow");
  EXPECT_EQ(categories("keys"), "@keyspace@read@slow@dangerous");
  EXPECT_EQ(categories("flushall"), "@keyspace@write@slow@dangerous");
  EXPECT_EQ(categories("config"), "@slow");
  EXPECT_EQ(categories("config|set"), "@admin@slow@dangerous");
  EXPECT_EQ(categories("client|kill"), "@admin@slow@dangerous@connection");
  EXPECT_EQ(categories("command|docs"), "@slow@connection");
  EXPECT_EQ(categories("ping"), "@fast@connection");
  EXPECT_EQ(find_acl_category("READ"), find_acl_category("read"));
  EXPECT_EQ(find_acl_category("all"), 0U);
}

}  // namespace
}  // namespace strata::server
