#include <gtest/gtest.h>

#include <string>

#include "tests/server/command_fixture.h"

namespace strata::server {
namespace {

class AclCommandsTest : public CommandTest {};

TEST_F(AclCommandsTest, RefusesByCommandAndByKey) {
  EXPECT_EQ(call({"ACL", "SETUSER", "u", "on", "nopass", "+get", "+acl|whoami", "+@connection", "~a*"}), "+OK\r\n");
  EXPECT_EQ(call({"AUTH", "u", "x"}), "+OK\r\n");
  EXPECT_EQ(call({"ACL", "WHOAMI"}), "$1\r\nu\r\n");
  EXPECT_EQ(call({"GET", "a"}), "$-1\r\n");
  EXPECT_EQ(call({"GET", "b"}), "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n");
  EXPECT_EQ(call({"SET", "a", "v"}), "-NOPERM this user has no permissions to run the 'set' command\r\n");
  EXPECT_EQ(call({"CONFIG", "GET", "x"}), "-NOPERM this user has no permissions to run the 'config|get' command\r\n");
  EXPECT_EQ(call({"AUTH", "default", "x"}), "+OK\r\n");
  EXPECT_EQ(call({"SET", "b", "v"}), "+OK\r\n");
  EXPECT_EQ(call({"ACL", "LOG"}).substr(0, 4), "*3\r\n");
  EXPECT_EQ(call({"ACL", "LOG", "RESET"}), "+OK\r\n");
  EXPECT_EQ(call({"ACL", "LOG"}), "*0\r\n");
}

TEST_F(AclCommandsTest, AChangeOfTheOwnUserHoldsFromTheNextCommandOn) {
  EXPECT_EQ(call({"ACL", "SETUSER", "default", "-set"}), "+OK\r\n");
  EXPECT_EQ(call({"SET", "a", "v"}), "-NOPERM this user has no permissions to run the 'set' command\r\n");
  EXPECT_EQ(call({"ACL", "SETUSER", "default", "+@all"}), "+OK\r\n");
  EXPECT_EQ(call({"SET", "a", "v"}), "+OK\r\n");
}

TEST_F(AclCommandsTest, NothingIsRunForWhoseUserIsDeleted) {
  EXPECT_EQ(call({"ACL", "SETUSER", "u", "on", "nopass", "+@all", "~*"}), "+OK\r\n");
  EXPECT_EQ(call({"AUTH", "u", "x"}), "+OK\r\n");
  EXPECT_EQ(call({"ACL", "DELUSER", "u"}), ":1\r\n");
  EXPECT_EQ(call({"SET", "a", "v"}), "-NOAUTH Authentication required.\r\n");
  EXPECT_EQ(get("a"), "");
}

TEST_F(AclCommandsTest, DryRun) {
  EXPECT_EQ(call({"ACL", "SETUSER", "u", "+set", "+config|get", "~a"}), "+OK\r\n");
  EXPECT_EQ(call({"ACL", "DRYRUN", "u", "set", "a", "v"}), "+OK\r\n");
  EXPECT_EQ(call({"ACL", "DRYRUN", "u", "set", "b", "v"}), "$50\r\nThis user has no permissions to access the 'b' key\r\n");
  EXPECT_EQ(call({"ACL", "DRYRUN", "u", "get", "a"}), "$53\r\nThis user has no permissions to run the 'get' command\r\n");
  EXPECT_EQ(call({"ACL", "DRYRUN", "u", "config", "get", "a"}), "+OK\r\n");
  EXPECT_EQ(call({"ACL", "DRYRUN", "u", "get"}), "-ERR wrong number of arguments for 'get' command\r\n");
  EXPECT_EQ(call({"ACL", "DRYRUN", "u", "foo", "x"}), "-ERR Command 'foo' not found\r\n");
  EXPECT_EQ(call({"ACL", "DRYRUN", "x", "foo", "x"}), "-ERR User 'x' not found\r\n");
}

TEST_F(AclCommandsTest, GenPass) {
  EXPECT_EQ(call({"ACL", "GENPASS"}).substr(0, 5), "$64\r\n");
  EXPECT_EQ(call({"ACL", "GENPASS", "5"}).substr(0, 4), "$2\r\n");
  EXPECT_NE(call({"ACL", "GENPASS"}), call({"ACL", "GENPASS"}));
  const std::string error =
      "-ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096\r\n";
  EXPECT_EQ(call({"ACL", "GENPASS", "0"}), error);
  EXPECT_EQ(call({"ACL", "GENPASS", "4097"}), error);
  EXPECT_EQ(call({"ACL", "GENPASS", "x"}), "-ERR value is not an integer or out of range\r\n");
}

}  // namespace
}  // namespace strata::server
