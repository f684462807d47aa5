#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/cache/cache.h"
#include "engine/cache/joint_lock.h"
#include "engine/cache/protocol_points.h"
#include "engine/cache/update.h"

namespace strata::cache {
namespace {

// Reads of several keys that were disturbed so often lock their homes.
constexpr int kMostRounds = 8;
constexpr std::size_t kWave = 16;  // about as many loads as a processor keeps under way

// Keys that are not const are told where they were seen.
template <typename AnyKey>
void prefetch_wave(Core& core, std::span<AnyKey> keys) noexcept {
  std::array<IndexShard::Ahead, kWave> ahead;
  const auto seen = [&](std::size_t i, const FoundSlot& found) {
    if constexpr (!std::is_const_v<AnyKey>) keys[i].place = ahead[i].place(found);
    if (found) core.prefetch_item(found.slot);
  };
  for (std::size_t i = 0; i < keys.size(); ++i) ahead[i] = core.shard_of(keys[i].hash).look_ahead(keys[i].hash);
  std::uint32_t elsewhere = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const FoundSlot found = core.shard_of(keys[i].hash).guess(ahead[i]);
    seen(i, found);
    if (!found) elsewhere |= 1U << i;
  }
  for (; elsewhere != 0; elsewhere &= elsewhere - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(elsewhere));
    seen(i, core.shard_of(keys[i].hash).guess_elsewhere(ahead[i]));
  }
}

}  // namespace

void Cache::prefetch(std::span<Key> keys) const noexcept {
  for (std::size_t first = 0; first < keys.size(); first += kWave)
    prefetch_wave(*core_, keys.subspan(first, std::min(kWave, keys.size() - first)));
}

void Cache::prefetch_homes(std::span<const Key> keys) const noexcept {
  for (const Key& key : keys) core_->shard_of(key.hash).prefetch(key.hash);
}

void Cache::prefetch_items(std::span<const Key> keys) const noexcept {
  for (std::size_t first = 0; first < keys.size(); first += kWave)
    prefetch_wave(*core_, keys.subspan(first, std::min(kWave, keys.size() - first)));
}

bool Cache::read(Session& session, const Key& key, Visitor<void(const ItemView&)> visit) {
  const bool found = look(session, key, visit, session.is_touching_);
  count_lookup(session, key, found);
  return found;
}

bool Cache::peek(Session& session, const Key& key, Visitor<void(const ItemView&)> visit) {
  return look(session, key, visit, false);
}

bool Cache::look_alone(Session& session, const Key& key, const Visitor<void(const ItemView&)>& visit, bool is_use) {
  const Operation operation(session);
  return look(session, key, visit, is_use);
}

bool Cache::look_anew(Session& session, const Key& key, const Visitor<void(const ItemView&)>& visit, bool is_use) {
  return look(session, core_->current(key), visit, is_use);
}

bool Cache::look(Session& session, const Key& key, const Visitor<void(const ItemView&)>& visit, bool is_use) {
  if (!session.is_in_slice()) [[unlikely]]
    return look_alone(session, key, visit, is_use);
  Core& core = *core_;
  for (;;) {
    const Databases::Version version = core.databases.version();
    // No copy of the key here: what is stored in pieces is not loaded in one, and costs as much as a look into a bucket.
    if (!core.is_current(key)) [[unlikely]]
      return look_anew(session, key, visit, is_use);
    const FoundSlot found = core.find(key);
    const bool is_invalidated = found && Databases::has_prefixes(version) && core.is_invalidated(found.slot);
    if (!core.databases.is_still(version)) [[unlikely]]
      continue;
    if (!found) return false;
    if (is_invalidated) [[unlikely]] {
      // Out of the way, and remembered as gone. Whoever was faster: the key was not there when the slot was loaded.
      (void)remove_invalidated(core, session, key);
      return false;
    }
    STRATA_PROTOCOL_POINT(reader_after_key_compare);
    const StoredItem item = core.store.at(found.slot);
    if (item.has_expired(session.now_ms_)) [[unlikely]] {
      // For others too it is gone from here on. If it was not this one's to remove, something else may be there.
      if (!can_retire(session) || remove_expired(core, session, key, found)) return false;
      continue;
    }
    {
      const ShownItem shown(core.store, item, session.now_ms_);
      visit(shown.view());
    }
    if (!is_use) return true;
    note_hit(core, session, key.hash, found);
    if (core.is_sliding.load(std::memory_order_relaxed)) [[unlikely]]
      renew_if_due(session, key, item);
    return true;
  }
}

void Cache::renew_if_due(Session& session, const Key& key, StoredItem item) {
  if (const std::optional<Renewal> renewal = renewal_of(session, item)) renew(session, key, *renewal);
}

// All of them as of one moment: none of their homes has changed from the first look to the last.
void Cache::look_many(Session& session, std::span<const Key> keys, const Visitor<void(std::size_t, const ItemView*)>& visit,
                      bool is_hit) {
  const Operation operation(session);
  prefetch_items(keys);
  std::vector<SeenKey> seen(keys.size());
  // Expired items are taken out first, or others whose clock is behind would see them still.
  do {
    for (int round = 0; !see_all(keys, seen); ++round) {
      if (round == kMostRounds) {
        see_all_locked(session, keys, seen);
        break;
      }
    }
  } while (remove_all_expired(session, seen));
  std::uint64_t hits = 0;
  // An update may be quiescent, so these come when nothing is read any more.
  std::vector<std::pair<std::size_t, Renewal>> renewals;
  const bool is_sliding = core_->is_sliding.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!seen[i].found) {
      visit(i, nullptr);
      if (is_hit) count_miss(session, seen[i].key.hash);
      continue;
    }
    const ShownItem shown(core_->store, core_->store.at(seen[i].found.slot), session.now_ms_);
    visit(i, &shown.view());
    if (!is_hit) continue;
    ++hits;
    if (!session.is_touching_) continue;
    note_hit(*core_, session, seen[i].key.hash, seen[i].found);
    if (!is_sliding) [[likely]]
      continue;
    if (const std::optional<Renewal> renewal = renewal_of(session, core_->store.at(seen[i].found.slot)))
      renewals.emplace_back(i, *renewal);
  }
  session.counters_.hits.add(hits);
  for (const auto& [i, renewal] : renewals) renew(session, seen[i].key, renewal);
}

void Cache::read_many(Session& session, std::span<const Key> keys, Visitor<void(std::size_t, const ItemView*)> visit) {
  look_many(session, keys, visit, true);
}

void Cache::peek_many(Session& session, std::span<const Key> keys, Visitor<void(std::size_t, const ItemView*)> visit) {
  look_many(session, keys, visit, false);
}

bool Cache::remove_all_expired(Session& session, std::span<SeenKey> seen) noexcept {
  bool any = false;
  for (SeenKey& one : seen) {
    if (!one.found) continue;
    if (one.is_invalidated) [[unlikely]] {
      // It was not there at the moment of the others.
      one.found = {};
      (void)remove_invalidated(*core_, session, one.key);
      continue;
    }
    if (!core_->store.at(one.found.slot).has_expired(session.now_ms_)) continue;
    if (!session.retirement_.prepare()) {
      one.found = {};
      continue;
    }
    any = true;
    (void)remove_expired(*core_, session, one.key, one.found);
  }
  return any;
}

bool Cache::see_all(std::span<const Key> keys, std::vector<SeenKey>& seen) noexcept {
  const Databases::Version version = core_->databases.version();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    seen[i].key = core_->current(keys[i]);
    seen[i].mark = core_->shard_of(seen[i].key.hash).mark(seen[i].key.hash);
    seen[i].found = core_->find(seen[i].key);
    seen[i].is_invalidated = seen[i].found && core_->is_invalidated(seen[i].found.slot);
  }
  STRATA_PROTOCOL_POINT(reader_before_validation);
  if (STRATA_PROTOCOL_FAULT(databases_not_validated)) return true;
  return std::all_of(seen.begin(), seen.end(),
                     [this](const SeenKey& one) { return core_->shard_of(one.key.hash).is_unchanged(one.mark); }) &&
         core_->databases.is_still(version);
}

void Cache::see_all_locked(Session& session, std::span<const Key> keys, std::vector<SeenKey>& seen) {
  const Passage passage(session.writer());
  const JointLock lock(*core_, keys);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    seen[i].key = lock.key(i);
    seen[i].found = lock.home(i).find(seen[i].key.hash, core_->matches(seen[i].key));
    seen[i].is_invalidated = seen[i].found && core_->is_invalidated(seen[i].found.slot);
  }
}

}  // namespace strata::cache
