#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strata::loadtest {

// Writes the number of a key as text of a fixed length: the prefix, then the number in base 36, filled up with zeros.
class KeyFormat {
 public:
  // nullopt, and what is wrong in `problem`, if numbers up to `largest` do not fit.
  static std::optional<KeyFormat> make(std::string prefix, std::size_t bytes, std::uint64_t largest, std::string& problem);

  [[nodiscard]] std::size_t bytes() const noexcept { return prefix_.size() + digits_; }
  // Appends nothing: writes exactly bytes() to `to`.
  void write(std::uint64_t number, char* to) const noexcept;
  [[nodiscard]] std::string text(std::uint64_t number) const;

 private:
  KeyFormat(std::string prefix, std::size_t digits) : prefix_(std::move(prefix)), digits_(digits) {}

  std::string prefix_;
  std::size_t digits_;
};

}  // namespace strata::loadtest
