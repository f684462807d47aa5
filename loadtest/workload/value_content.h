#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace strata::loadtest {

// What the value of a key holds; depends on the key alone. Thread safety: all functions, from any thread.
class ValueContent {
 public:
  virtual ~ValueContent() = default;

  // Appends the value. `bytes` is the size wanted; lines of a file have their own.
  virtual void append(std::uint64_t key, std::uint32_t bytes, std::string& to) const = 0;
  [[nodiscard]] virtual std::uint32_t size(std::uint64_t key, std::uint32_t wanted_bytes) const;

  // "random" (does not compress), "json" (objects as services store them), "lines:FILE" (a line of the file each).
  // nullptr, and what is wrong in `problem`, if the text is none of these or the file has no lines.
  static std::unique_ptr<ValueContent> parse(std::string_view text, std::string& problem);
};

}  // namespace strata::loadtest
