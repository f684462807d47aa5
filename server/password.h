#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

namespace strata::server {

// The one password of the server, empty if there is none. Compared in constant time: how long a wrong guess takes tells
// nothing about how much of it was right. Thread safety: all functions, from any thread.
class Password {
 public:
  void set(std::string_view password);
  [[nodiscard]] bool required() const noexcept { return required_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool matches(std::string_view guess) const;

 private:
  mutable std::mutex mutex_;
  std::string password_;
  std::atomic<bool> required_{false};
};

// Whether two texts are equal, in a time that depends on the length of `guess` alone.
[[nodiscard]] bool equal_in_constant_time(std::string_view secret, std::string_view guess) noexcept;

}  // namespace strata::server
