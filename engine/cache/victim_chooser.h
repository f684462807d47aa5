#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/cache/key.h"

namespace strata::cache {

// An item that may go, as who chooses is shown it. Valid during the call.
struct VictimCandidate {
  std::string_view key;
  Namespace database = 0;
  std::size_t value_bytes = 0;
  std::size_t item_bytes = 0;  // all that comes back when it goes, a large value's block with it
  std::int64_t expire_at_ms = kNoExpiry;
  // About how many uses count: a power of two at most 16384, halved for each round without one. A round: as many new keys as there are items.
  std::uint32_t uses = 0;
  std::uint32_t idle_quarters = 0;  // of a round since the last use, 15 at most
  std::uint32_t hits = 0;           // of this item, 3 at most
};

// The policy `custom`: which of a few items goes is what the program says.
// Called by whatever thread needs memory, several at a time, with no lock held, in the middle of a write or of upkeep: it must not call the cache, nor
// block, and is to be quick. What it says counts even if the item is used meanwhile.
class VictimChooser {
 public:
  static constexpr std::size_t kNone = ~std::size_t{0};
  // Which of the candidates goes, of which there is one at least. Another number, kNone: none of them. Then others are shown, two more times at most,
  // and after that what expires first of them goes, or the first.
  [[nodiscard]] virtual std::size_t choose(std::span<const VictimCandidate> candidates) noexcept = 0;

 protected:
  ~VictimChooser() = default;
};

}  // namespace strata::cache
