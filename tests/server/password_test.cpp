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

// FIPS 180-2, appendix B.
TEST(PasswordTest, IsKeptAsSha256) {
  EXPECT_EQ(password_hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(password_hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_TRUE(is_password_hash(password_hash("abc")));
  EXPECT_FALSE(is_password_hash(password_hash("abc").substr(1)));
  EXPECT_FALSE(is_password_hash(std::string(64, 'G')));
  EXPECT_FALSE(is_password_hash(std::string(64, 'A')));
}

TEST(PasswordTest, ComesByChance) {
  EXPECT_EQ(random_hexadecimal(7).size(), 7U);
  EXPECT_NE(random_hexadecimal(64), random_hexadecimal(64));
  EXPECT_TRUE(is_password_hash(random_hexadecimal(64)));
}

}  // namespace
}  // namespace strata::server
