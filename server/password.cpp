#include "server/password.h"

namespace strata::server {

bool equal_in_constant_time(std::string_view secret, std::string_view guess) noexcept {
  unsigned difference = secret.size() == guess.size() ? 0 : 1;
  for (std::size_t i = 0; i < guess.size(); ++i) {
    const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    difference |= static_cast<unsigned>(static_cast<unsigned char>(expected) ^ static_cast<unsigned char>(guess[i]));
  }
  return difference == 0;
}

void Password::set(std::string_view password) {
  const std::scoped_lock lock(mutex_);
  password_.assign(password);
  required_.store(!password.empty(), std::memory_order_relaxed);
}

bool Password::matches(std::string_view guess) const {
  const std::scoped_lock lock(mutex_);
  return equal_in_constant_time(password_, guess);
}

}  // namespace strata::server
