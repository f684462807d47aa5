#include "engine/cache/change.h"

#include <optional>

#include "engine/cache/cache_core.h"

namespace strata::cache {

void Core::tell_of(Cause cause, Keyspace keyspace, std::uint64_t hash, std::uint64_t before, std::uint64_t after,
                   std::int64_t now_ms) noexcept {
  ChangeListener* const to = listener.load(std::memory_order_relaxed);
  const std::optional<Namespace> database = databases.database_of(keyspace);
  // What lies in a keyspace that is no database any more went when that was emptied.
  if (to == nullptr || !database) return;
  // It went with its prefix, of which the listener has heard.
  if (before != 0 && is_invalidated(Slot::at(before, 0, SlotPlace::home))) before = 0;
  if (before == 0 && after == 0) return;
  const auto shown = [&](std::optional<ShownItem>& item, std::uint64_t offset) {
    return offset == 0 ? nullptr : &item.emplace(store, store.at(offset), now_ms).view();
  };
  std::optional<ShownItem> old_item;
  std::optional<ShownItem> new_item;
  const std::size_t shard = cache::shard_of(hash);
  const std::uint64_t sequence = change_sequences[shard].fetch_add(1, std::memory_order_relaxed) + 1;
  to->changed({.cause = cause,
               .database = *database,
               .key = store.at(after != 0 ? after : before).key(),
               .before = shown(old_item, before),
               .after = shown(new_item, after),
               .shard = shard,
               .sequence = sequence});
}

}  // namespace strata::cache
