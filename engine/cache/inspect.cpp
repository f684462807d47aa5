#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"

namespace strata::cache {

std::optional<unsigned> Cache::hits(Session& session, const Key& key) {
  const Operation operation(session);
  for (;;) {
    const Databases::Version version = core_->databases.version();
    const FoundSlot found = core_->find(core_->current(key));
    const bool is_invalidated = found && Databases::has_prefixes(version) && core_->is_invalidated(found.slot);
    if (!core_->databases.is_still(version)) continue;
    if (!found || is_invalidated || core_->store.at(found.slot).has_expired(session.now_ms_)) return std::nullopt;
    return static_cast<unsigned>(found.slot.get<Slot::Frequency>());
  }
}

}  // namespace strata::cache
