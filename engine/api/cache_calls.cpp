// The calls of cache.h about keys and values.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>

#include "engine/api/cache_object.h"
#include "engine/api/versioned_struct.h"
#include "engine/cache/match_invalidation.h"

using strata::api::bytes_of;
using strata::api::expiry_of;
using strata::api::guarded;
using strata::api::is_valid;
using strata::api::item_of;
using strata::api::key_of;
using strata::api::status_of;
using strata::api::text_of;
using strata::cache::Decision;
using strata::cache::ItemView;
using strata::cache::Key;
using strata::cache::Session;

namespace {

// Keys of several calls at once. Empty: one of them is not valid.
std::vector<Key> keys_of(const strata_cache* cache, const strata_cache_key* keys, std::size_t count) {
  std::vector<Key> all;
  if (!std::all_of(keys, keys + count, [cache](const strata_cache_key& key) { return is_valid(cache, key); })) return all;
  all.reserve(count);
  for (std::size_t i = 0; i < count; ++i) all.push_back(key_of(*cache, keys[i]));
  return all;
}

}  // namespace

strata_status strata_cache_set_limit(strata_cache* cache, uint64_t max_memory_bytes) noexcept {
  if (cache == nullptr || max_memory_bytes == 0) return STRATA_INVALID_ARGUMENT;
  strata::cache::Tunables tunables = cache->cache.tunables();
  tunables.max_memory_bytes = max_memory_bytes;
  cache->cache.apply(tunables);
  return STRATA_OK;
}

strata_status strata_cache_get(strata_cache* cache, strata_cache_key key, strata_cache_visitor visit, void* context) noexcept {
  if (!is_valid(cache, key) || visit == nullptr) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    const bool found = cache->cache.read(cache->session(), key_of(*cache, key), [&](const ItemView& item) {
      const strata_cache_item shown = item_of(item);
      visit(context, &shown);
    });
    return found ? STRATA_OK : STRATA_NOT_FOUND;
  });
}

strata_status strata_cache_copy(strata_cache* cache, strata_cache_key key, void* buffer, size_t room, size_t* size) noexcept {
  if (!is_valid(cache, key) || size == nullptr || (buffer == nullptr && room != 0)) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    const bool found = cache->cache.read(cache->session(), key_of(*cache, key), [&](const ItemView& item) {
      *size = item.value.size();
      const std::size_t copied = std::min(room, item.value.size());
      if (copied != 0) std::memcpy(buffer, item.value.data(), copied);
    });
    return found ? STRATA_OK : STRATA_NOT_FOUND;
  });
}

strata_status strata_cache_get_many(strata_cache* cache, const strata_cache_key* keys, size_t count,
                                    strata_cache_many_visitor visit, void* context) noexcept {
  if (cache == nullptr || visit == nullptr || (keys == nullptr && count != 0)) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    const std::vector<Key> all = keys_of(cache, keys, count);
    if (all.size() != count) return STRATA_INVALID_ARGUMENT;
    cache->cache.read_many(cache->session(), all, [&](std::size_t number, const ItemView* item) {
      const strata_cache_item shown = item != nullptr ? item_of(*item) : strata_cache_item{};
      visit(context, number, item != nullptr ? &shown : nullptr);
    });
    return STRATA_OK;
  });
}

strata_status strata_cache_put(strata_cache* cache, strata_cache_key key, strata_bytes value, int64_t ttl_ms) noexcept {
  if (!is_valid(cache, key) || !is_valid(value) || ttl_ms < 0) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    Session& session = cache->session();
    return status_of(cache->backed.put(session, key_of(*cache, key), text_of(value), expiry_of(session, ttl_ms)));
  });
}

strata_status strata_cache_add(strata_cache* cache, strata_cache_key key, strata_bytes value, int64_t ttl_ms) noexcept {
  if (!is_valid(cache, key) || !is_valid(value) || ttl_ms < 0) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    Session& session = cache->session();
    bool added = false;
    const auto status = cache->backed.add(session, key_of(*cache, key), text_of(value), expiry_of(session, ttl_ms), added);
    return status == strata::cache::Status::ok && !added ? STRATA_ALREADY_THERE : status_of(status);
  });
}

strata_status strata_cache_put_many(strata_cache* cache, const strata_cache_key* keys, const strata_bytes* values, size_t count,
                                    int64_t ttl_ms) noexcept {
  if (cache == nullptr || ttl_ms < 0 || ((keys == nullptr || values == nullptr) && count != 0)) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    const std::vector<Key> all = keys_of(cache, keys, count);
    const bool are_valid = std::all_of(values, values + count, [](const strata_bytes& value) { return is_valid(value); });
    if (all.size() != count || !are_valid) return STRATA_INVALID_ARGUMENT;
    Session& session = cache->session();
    const std::int64_t expiry = expiry_of(session, ttl_ms);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) bytes += keys[i].bytes.size + values[i].size;
    return status_of(cache->backed.update_many(
        session, all, bytes, [&](std::size_t i, Decision& decision) { decision.put(text_of(values[i]), expiry); }));
  });
}

strata_status strata_cache_remove(strata_cache* cache, strata_cache_key key) noexcept {
  if (!is_valid(cache, key)) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    bool was_there = false;
    const auto status = cache->backed.remove(cache->session(), key_of(*cache, key), was_there);
    return status == strata::cache::Status::ok && !was_there ? STRATA_NOT_FOUND : status_of(status);
  });
}

strata_status strata_cache_update(strata_cache* cache, strata_cache_key key, strata_cache_decider decide,
                                  void* context) noexcept {
  if (!is_valid(cache, key) || decide == nullptr) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    Session& session = cache->session();
    bool is_understood = true;
    const auto status = cache->backed.update(session, key_of(*cache, key), [&](Decision& decision) {
      const ItemView* const current = decision.current();
      const strata_cache_item shown = current != nullptr ? item_of(*current) : strata_cache_item{};
      strata_cache_change change{STRATA_CACHE_KEEP, {nullptr, 0}, 0};
      decide(context, current != nullptr ? &shown : nullptr, &change);
      is_understood = change.action == STRATA_CACHE_KEEP || change.action == STRATA_CACHE_REMOVE ||
                      (change.action == STRATA_CACHE_PUT && is_valid(change.value) && change.ttl_ms >= 0);
      if (!is_understood) return;
      if (change.action == STRATA_CACHE_PUT) decision.put(text_of(change.value), expiry_of(session, change.ttl_ms));
      if (change.action == STRATA_CACHE_REMOVE) decision.remove();
    });
    return is_understood ? status_of(status) : STRATA_INVALID_ARGUMENT;
  });
}

strata_status strata_cache_remove_many(strata_cache* cache, const strata_cache_key* keys, size_t count,
                                       size_t* removed) noexcept {
  if (cache == nullptr || (keys == nullptr && count != 0)) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    const std::vector<Key> all = keys_of(cache, keys, count);
    if (all.size() != count) return STRATA_INVALID_ARGUMENT;
    std::size_t there = 0;
    const auto status = cache->backed.remove_many(cache->session(), all, there);
    if (removed != nullptr) *removed = there;
    return status_of(status);
  });
}

strata_status strata_cache_invalidate_prefix(strata_cache* cache, uint32_t database, strata_bytes prefix) noexcept {
  if (cache == nullptr || database >= cache->cache.options().namespaces || !is_valid(prefix)) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    return status_of(
        cache->backed.invalidate_prefix(cache->session(), static_cast<strata::cache::Namespace>(database), text_of(prefix)));
  });
}

strata_status strata_cache_invalidate_matching(strata_cache* cache, uint32_t database, strata_bytes glob,
                                               uint64_t* removed) noexcept {
  using strata::cache::MatchInvalidation;
  if (cache == nullptr || database >= cache->cache.options().namespaces || !is_valid(glob)) return STRATA_INVALID_ARGUMENT;
  if (glob.size > MatchInvalidation::kMostGlobBytes) return STRATA_SIZE_OVERFLOW;
  return guarded([&] {
    Session& session = cache->session();
    cache->backed.forget_all();
    MatchInvalidation walk(cache->cache, static_cast<strata::cache::Namespace>(database), MatchInvalidation::Kind::glob,
                           std::string(text_of(glob)), MatchInvalidation::Does::remove);
    while (!walk.step(session)) {
    }
    if (removed != nullptr) *removed = walk.removed();
    return walk.refused() == 0 ? STRATA_OK : STRATA_OUT_OF_MEMORY;
  });
}

strata_status strata_cache_clear(strata_cache* cache, uint32_t database) noexcept {
  if (cache == nullptr || database >= cache->cache.options().namespaces) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    cache->backed.clear(cache->session(), static_cast<strata::cache::Namespace>(database));
    return STRATA_OK;
  });
}

strata_status strata_cache_begin(strata_cache* cache) noexcept {
  if (cache == nullptr) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    Session& session = cache->session();
    if (session.is_in_slice()) return STRATA_INVALID_ARGUMENT;
    session.begin_slice();
    return STRATA_OK;
  });
}

void strata_cache_end(strata_cache* cache) noexcept {
  if (cache == nullptr) return;
  (void)guarded([&] {
    Session& session = cache->session();
    if (session.is_in_slice()) session.end_slice();
    return STRATA_OK;
  });
}

strata_status strata_cache_maintain(strata_cache* cache, uint64_t microseconds, bool* more) noexcept {
  if (cache == nullptr) return STRATA_INVALID_ARGUMENT;
  constexpr std::uint64_t kMost = 1'000'000'000;
  return guarded([&] {
    const auto slice = std::chrono::microseconds(std::min(microseconds, kMost));
    const bool is_more = cache->cache.upkeep(cache->session(), 0, 1, slice).more;
    if (more != nullptr) *more = is_more;
    return STRATA_OK;
  });
}

strata_status strata_cache_get_events(const strata_cache* cache, uint64_t after, strata_cache_event* events, size_t room,
                                      size_t* count) noexcept {
  if (cache == nullptr || count == nullptr || (events == nullptr && room != 0)) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    const std::vector<strata::cache::Event> kept = cache->cache.events().since(after);
    *count = kept.size();
    std::transform(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(std::min(room, kept.size())), events,
                   [](const strata::cache::Event& event) {
                     return strata_cache_event{event.number,   event.at_ms,     static_cast<strata_cache_event_kind>(event.kind),
                                               event.measured, event.threshold, event.items};
                   });
    return STRATA_OK;
  });
}

strata_status strata_cache_get_statistics(const strata_cache* cache, strata_cache_statistics* statistics) noexcept {
  if (cache == nullptr) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    const strata::cache::Statistics counted = cache->cache.statistics_since_start();
    strata_cache_statistics ours = STRATA_CACHE_STATISTICS_INIT;
    for (std::size_t database = 0; database < cache->cache.options().namespaces; ++database) {
      ours.items += cache->cache.size(static_cast<strata::cache::Namespace>(database)).items;
    }
    ours.used_bytes = cache->cache.budget().total_bytes();
    ours.limit_bytes = cache->cache.budget().limit_bytes();
    ours.retired_bytes = cache->cache.retired_bytes();
    ours.hits = counted.hits;
    ours.misses = counted.misses;
    ours.expired = counted.expired;
    ours.evicted = counted.evicted;
    ours.refused = counted.eviction_refusals;
    ours.loads = cache->backed.loads();
    ours.shared_loads = cache->backed.shared_loads();
    ours.sampled = counted.sampled;
    ours.chosen = counted.chosen;
    ours.choice_refusals = counted.choice_refusals;
    ours.invalidated = counted.invalidated;
    ours.pending_prefixes = cache->cache.pending_prefixes();
    ours.waiting = cache->backed.waiting();
    return strata::api::give_out(statistics, ours, offsetof(strata_cache_statistics, sampled), "strata_cache_get_statistics");
  });
}
