#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "server/commands/context.h"

namespace strata::server {

// The value of a key with `piece` at an offset, zeros before it where the value is shorter: SETRANGE, SETBIT. What lies behind the end is
// appended, so that a large value that grows has spare room and is not copied each time; anything else copies the value once.
// Lifetime: longer than the update whose decision uses it. Thread safety: none.
class GrownValue {
 public:
  // REQUIRES: `piece` stays valid.
  GrownValue(std::size_t offset, std::string_view piece) noexcept : offset_(offset), piece_(piece) {}

  // The length of the value that it puts. REQUIRES: as long as this may be called again, nobody else puts something into the decision.
  std::size_t put(Decision& decision, const ItemView* current);

 private:
  // So many zeros are written behind a value as a part of what is appended.
  static constexpr std::size_t kMostGapBytes = 64ULL << 10;

  struct Writer {
    const GrownValue* grown;
    std::string_view before;
    void operator()(char* destination) const;
  };

  std::size_t offset_;
  std::string_view piece_;
  std::string tail_;
  Writer writer_{};
};

}  // namespace strata::server
