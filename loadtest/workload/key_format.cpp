#include "loadtest/workload/key_format.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace strata::loadtest {

namespace {

constexpr std::uint64_t kBase = 36;
constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kLongestKey = 65536;

std::size_t digits_of(std::uint64_t number) {
  std::size_t digits = 1;
  for (; number >= kBase; number /= kBase) ++digits;
  return digits;
}

}  // namespace

std::optional<KeyFormat> KeyFormat::make(std::string prefix, std::size_t bytes, std::uint64_t largest, std::string& problem) {
  const std::size_t needed = prefix.size() + digits_of(largest);
  if (bytes < needed || bytes > kLongestKey) {
    problem = fmt::format(
        "--key-size {}: the key numbers of this workload and the prefix '{}' need {} to {} bytes; a shorter --key-prefix helps",
        bytes, prefix, needed, kLongestKey);
    return std::nullopt;
  }
  const std::size_t digits = bytes - prefix.size();
  return KeyFormat(std::move(prefix), digits);
}

void KeyFormat::write(std::uint64_t number, char* to) const noexcept {
  std::memcpy(to, prefix_.data(), prefix_.size());
  char* const first = to + prefix_.size();
  for (char* digit = first + digits_; digit != first; number /= kBase) *--digit = kDigits[number % kBase];
}

std::string KeyFormat::text(std::uint64_t number) const {
  std::string text(bytes(), '\0');
  write(number, text.data());
  return text;
}

}  // namespace strata::loadtest
