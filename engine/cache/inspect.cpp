#include <algorithm>

#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"

namespace strata::cache {

// REQUIRES: within an operation of the session.
FoundSlot Cache::inspect(const Session& session, const Key& key) const noexcept {
  for (;;) {
    const Databases::Version version = core_->databases.version();
    const FoundSlot found = core_->find(core_->current(key));
    const bool is_invalidated = found && Databases::has_prefixes(version) && core_->is_invalidated(found.slot);
    if (!core_->databases.is_still(version)) continue;
    if (!found || is_invalidated || core_->store.at(found.slot).has_expired(session.now_ms_)) return {};
    return found;
  }
}

std::optional<unsigned> Cache::hits(Session& session, const Key& key) {
  const Operation operation(session);
  const FoundSlot found = inspect(session, key);
  if (!found) return std::nullopt;
  if (core_->uses.keeps() == UseTable::Keeps::frequency) return core_->uses.use_of(found.slot.offset_bytes()).uses;
  return static_cast<unsigned>(found.slot.get<Slot::Frequency>());
}

void Cache::assume_hits(Session& session, const Key& key, unsigned hits) {
  constexpr unsigned kMostInSlot = 3;
  if (core_->uses.keeps() == UseTable::Keeps::frequency) {
    const Operation operation(session);
    if (const FoundSlot found = inspect(session, key)) core_->uses.set_uses(found.slot.offset_bytes(), hits);
    return;
  }
  for (unsigned hit = std::min(hits, kMostInSlot); hit > 0; --hit)
    (void)update(session, key, [](Decision& decision) { (void)decision.current(); });
}

std::optional<std::uint64_t> Cache::bytes_of(Session& session, const Key& key) {
  const Operation operation(session);
  const FoundSlot found = inspect(session, key);
  if (!found) return std::nullopt;
  const StoredItem item = core_->store.at(found.slot);
  std::uint64_t bytes = item.bytes() + sizeof(Slot);
  if (item.encoding() == Encoding::block) bytes += ItemStore::charged_bytes(core_->store.block_of(item));
  return bytes;
}

}  // namespace strata::cache
