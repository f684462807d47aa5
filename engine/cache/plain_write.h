#pragma once

#include <cstdint>
#include <string_view>

#include "engine/cache/cache_core.h"
#include "engine/cache/session.h"

namespace strata::cache {

// Whether a write says no more than a small value and an expiry that is taken as it is. Where prefixes wait, its item would have to say that it is not
// one of theirs.
[[nodiscard]] inline bool is_plain_write(const Core& core, std::string_view value, std::int64_t expiry_ms,
                                         std::int64_t now_ms) noexcept {
  if (value.size() >= kLargeValueBytes || core.notes_writes.load(std::memory_order_relaxed) || core.databases.has_prefixes())
    return false;
  if (expiry_ms == kNoExpiry) return true;
  return expiry_ms > now_ms && !core.is_sliding.load(std::memory_order_relaxed) &&
         core.jitter_percent.load(std::memory_order_relaxed) == 0;
}

// Most writes put a small value whatever the key holds. This is Update for those: nobody is asked, so what is known of the item stays in registers, and
// nothing is kept for another attempt. False: it takes an Update (no memory, no place in the index, or a database has become another or prefixes were
// invalidated just now); the key is as it was, and at most one item was made in vain, which is retired. `added_bytes`: of items, less those it removed.
// REQUIRES: is_plain_write(); that there is room for it.
[[nodiscard]] bool write_plainly(Core& core, Session& session, const Key& key, std::string_view value, std::int64_t expiry_ms,
                                 std::int64_t& added_bytes) noexcept;

}  // namespace strata::cache
