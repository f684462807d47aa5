#include "server/password.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <vector>

namespace strata::server {
namespace {

constexpr std::size_t kHashDigits = 64;
constexpr std::string_view kDigits = "0123456789abcdef";

std::string hexadecimal(std::span<const unsigned char> bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) text.append(1, kDigits[byte >> 4U]).append(1, kDigits[byte & 15U]);
  return text;
}

}  // namespace

bool equal_in_constant_time(std::string_view secret, std::string_view guess) noexcept {
  unsigned difference = secret.size() == guess.size() ? 0 : 1;
  for (std::size_t i = 0; i < guess.size(); ++i) {
    const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    difference |= static_cast<unsigned>(static_cast<unsigned char>(expected) ^ static_cast<unsigned char>(guess[i]));
  }
  return difference == 0;
}

std::string password_hash(std::string_view password) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned bytes = 0;
  if (EVP_Digest(password.data(), password.size(), digest.data(), &bytes, EVP_sha256(), nullptr) != 1)
    throw std::bad_alloc();  // nothing else can be wrong with it
  return hexadecimal(std::span(digest).first(bytes));
}

bool is_password_hash(std::string_view text) noexcept {
  return text.size() == kHashDigits &&
         std::all_of(text.begin(), text.end(), [](char c) { return kDigits.find(c) != std::string_view::npos; });
}

std::string random_hexadecimal(std::size_t digits) {
  std::vector<unsigned char> bytes((digits + 1) / 2);
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return {};
  return hexadecimal(bytes).substr(0, digits);
}

}  // namespace strata::server
