#include "server/access/acl_log.h"

#include <gtest/gtest.h>

#include <string>

namespace strata::server {
namespace {

using Reason = AclLog::Reason;

TEST(AclLogTest, CountsTheSameWithinAMinuteAsOne) {
  AclLog log;
  log.add(Reason::key, "k", "u", "first", 1000);
  log.add(Reason::key, "k", "u", "second", 61'000);
  log.add(Reason::key, "k", "other", "third", 61'000);
  log.add(Reason::command, "k", "u", "fourth", 61'000);
  log.add(Reason::key, "j", "u", "fifth", 61'000);
  auto entries = log.last(10);
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[3].count, 2U);
  EXPECT_EQ(entries[3].client, "second");
  EXPECT_EQ(entries[3].created_ms, 1000);
  EXPECT_EQ(entries[3].updated_ms, 61'000);
  // It comes to the front when it happens again.
  log.add(Reason::key, "k", "u", "sixth", 121'000);
  entries = log.last(10);
  EXPECT_EQ(entries[0].count, 3U);
  EXPECT_EQ(entries[0].id, 0U);
  log.add(Reason::key, "k", "u", "seventh", 181'001);
  entries = log.last(1);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].count, 1U);
  EXPECT_EQ(entries[0].id, 4U);
  EXPECT_EQ(log.refusals(Reason::key), 6U);
  EXPECT_EQ(log.refusals(Reason::command), 1U);
  EXPECT_EQ(log.refusals(Reason::auth), 0U);
}

TEST(AclLogTest, LooksForTheSameAmongTheLastTen) {
  AclLog log;
  log.add(Reason::key, "k", "u", "", 0);
  for (int i = 0; i < 10; ++i) log.add(Reason::key, std::to_string(i), "u", "", 0);
  log.add(Reason::key, "k", "u", "", 0);
  EXPECT_EQ(log.last(1)[0].count, 1U);
  log.add(Reason::key, "2", "u", "", 0);
  EXPECT_EQ(log.last(1)[0].count, 2U);
}

TEST(AclLogTest, IsBounded) {
  AclLog log;
  log.set_most_entries(3);
  for (int i = 0; i < 9; ++i) log.add(Reason::auth, std::to_string(i), std::string(5000, 'u'), "", i);
  ASSERT_EQ(log.last(100).size(), 3U);
  EXPECT_EQ(log.last(100)[2].object, "6");
  EXPECT_EQ(log.last(1)[0].user.size(), AclLog::kKeptBytes);
  log.set_most_entries(1);
  EXPECT_EQ(log.last(100).size(), 1U);
  log.reset();
  EXPECT_TRUE(log.last(100).empty());
  log.set_most_entries(0);
  log.add(Reason::auth, "x", "u", "", 0);
  EXPECT_TRUE(log.last(100).empty());
}

}  // namespace
}  // namespace strata::server
