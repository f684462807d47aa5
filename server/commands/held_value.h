#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/commands/context.h"

namespace strata::server {

// A value that outlives the visit: a large one pinned, where it never changes, another copied.
struct HeldValue {
  bool found = false;
  std::string small;
  ValueRef large;
  std::int64_t expire_at_ms = kNoExpiry;
  std::int64_t lifetime_ms = 0;

  void take(const ItemView& item) {
    found = true;
    large = item.block;
    expire_at_ms = item.expire_at_ms;
    lifetime_ms = item.lifetime_ms;
    if (!large) small.assign(item.value);
  }
  [[nodiscard]] std::string_view view() const noexcept { return large ? large.view() : std::string_view(small); }
  [[nodiscard]] ItemView item() const { return {.value = view(), .block = large, .expire_at_ms = expire_at_ms}; }
  // Whether the item is still this value. Two pins of one block are the same bytes.
  [[nodiscard]] bool is_still(const ItemView* item) const noexcept {
    if (item == nullptr) return !found;
    if (!found || static_cast<bool>(large) != static_cast<bool>(item->block)) return false;
    return large ? large.data() == item->block.data() && large.size() == item->block.size() : small == item->value;
  }

  // Null where there was none.
  void answer(Reply& reply) const { found ? reply.value(item()) : reply.null(); }
  void put(Decision& decision, std::int64_t expiry_ms) const {
    large ? decision.put(large, expiry_ms) : decision.put(small, expiry_ms);
  }
};

}  // namespace strata::server
