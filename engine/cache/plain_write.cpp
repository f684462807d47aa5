#include "engine/cache/plain_write.h"

#include <algorithm>

#include "engine/cache/cache.h"
#include "engine/cache/protocol_points.h"
#include "engine/cache/publish.h"
#include "engine/cache/update.h"

namespace strata::cache {

bool write_plainly(Core& core, Session& session, const Key& key, std::string_view value, std::int64_t expiry_ms,
                   std::int64_t& added_bytes) noexcept {
  IndexShard& shard = core.shard_of(key.hash);
  const IndexShard::Ahead ahead = shard.look_ahead(key.hash);
  if (!session.retirement_.prepare()) [[unlikely]]
    return false;
  const std::int64_t now_ms = session.now_ms_;
  NewItem what{.ns = key.keyspace, .key = key.bytes, .head = value, .tail = {}, .expiry_ms = expiry_ms, .now_ms = now_ms};
  char integer[kMostIntegerBytes];
  what.shorten(integer);
  PreparedItem item{.expires = expiry_ms != kNoExpiry};
  item.offset = core.store.create(session.handle_, what, item.bytes);
  if (item.offset == 0) [[unlikely]]
    return false;
  item.whole_bytes = item.bytes;
  session.account(static_cast<std::int64_t>(item.bytes));
  Replaced replaced;
  bool had_expired = false, is_published = false;
  {
    const Passage passage(session.writer());
    // Inside the gate neither can change any more.
    if (core.is_current(key) && (!core.databases.has_prefixes() || STRATA_PROTOCOL_FAULT(item_of_old_epoch))) [[likely]] {
      core.databases.note_written(key.keyspace);
      LockedHome home(shard, key.hash, ahead);
      const FoundSlot found = home.find(key.hash, core.matches(key));
      if (found) {
        replaced = replaced_at(core, found);
        had_expired = core.store.at(found.slot).has_expired(now_ms);
      } else {
        item.enters_main = core.enters_main(key.hash);
      }
      is_published = publish(core, home, key, found, item, replaced, now_ms);
    }
  }
  if (!is_published) [[unlikely]] {
    session.retirement_.retire(item.offset, item.bytes);
    return false;
  }
  if (had_expired) session.counters_.expired.add();
  book_published(session, key.keyspace, key.hash, item, replaced);
  added_bytes = static_cast<std::int64_t>(item.bytes) - static_cast<std::int64_t>(replaced.bytes);
  help_growing_at_times(core, session, key.hash);
  return true;
}

Status Cache::put(Session& session, const Key& key, std::string_view value, std::int64_t expire_at_ms) {
  // More than an item has beside its key and its value.
  constexpr std::uint64_t kMostOverhead = 64;
  if (key.bytes.size() > kMaxKeyBytes) return Status::too_large;
  if (is_plain_write(*core_, value, expire_at_ms, session.now_ms())) [[likely]] {
    const Operation operation(session);
    const std::uint64_t bytes = kMostOverhead + key.bytes.size() + value.size();
    // The budget may hear of what the session has booked before together with this item.
    const auto unheard = static_cast<std::uint64_t>(std::max<std::int64_t>(session.credit_bytes_, 0));
    // What it passes the limit by goes afterwards, if anything may. Who is above it already evicts first, which is update()'s to do.
    const bool has_room = fits(bytes + unheard) || (policy() != Policy::noeviction && bytes <= budget().limit_bytes() && fits(0));
    std::int64_t added_bytes = 0;
    if (has_room && write_plainly(*core_, session, key, value, expire_at_ms, added_bytes)) [[likely]] {
      settle(session, added_bytes);
      return Status::ok;
    }
  }
  return update(session, key, [&](Decision& decision) { decision.put(value, expire_at_ms); });
}

}  // namespace strata::cache
