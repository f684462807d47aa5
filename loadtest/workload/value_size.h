#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace strata::loadtest {

// How large the value of a key is. The size depends on the key alone, so that loading, replaying and verifying agree about it
// without a table. Thread safety: all functions, from any thread.
class ValueSize {
 public:
  virtual ~ValueSize() = default;
  [[nodiscard]] virtual std::uint32_t of(std::uint64_t key) const = 0;

  // "64", "uniform:64:1024", "lognormal:MU:SIGMA[:MAX]" (of the natural logarithm of the bytes), "table:64=50,1024=50".
  // nullptr, and what is wrong in `problem`, if the text is none of these. Sizes go up to 512 MiB.
  static std::unique_ptr<ValueSize> parse(std::string_view text, std::string& problem);
};

}  // namespace strata::loadtest
