#include "server/password.h"

#include <gtest/gtest.h>

#include <string>

namespace strata::server {
namespace {

TEST(PasswordTest, ComparesWholeTexts) {
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secre"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secretsecret"));
  EXPECT_FALSE(equal_in_constant_time("secret", ""));
  EXPECT_FALSE(equal_in_constant_time("", "x"));
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_FALSE(equal_in_constant_time(std::string("a\0b", 3), std::string("a\0c", 3)));
}

TEST(PasswordTest, IsRequiredOnlyWhenSet) {
  Password password;
  EXPECT_FALSE(password.required());
  password.set("secret");
  EXPECT_TRUE(password.required());
  EXPECT_TRUE(password.matches("secret"));
  EXPECT_FALSE(password.matches("Secret"));
  password.set("");
  EXPECT_FALSE(password.required());
}

}  // namespace
}  // namespace strata::server
