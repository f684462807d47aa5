#include "engine/cache/backed_cache.h"

#include <memory>
#include <utility>

namespace strata::cache {
namespace {

using Outcome = BackedCache::Outcome;

Outcome outcome_of(const Loaded& loaded) noexcept {
  switch (loaded.status) {
    case Loaded::Status::found: return Outcome::ok;
    case Loaded::Status::not_found: return Outcome::not_found;
    case Loaded::Status::failed: break;
  }
  return Outcome::failed;
}

Outcome outcome_of(Status status) noexcept {
  switch (status) {
    case Status::ok: return Outcome::ok;
    case Status::out_of_memory: return Outcome::out_of_memory;
    case Status::too_large: break;
  }
  return Outcome::too_large;
}

Outcome show(const Loaded& loaded, const Visitor<void(const ItemView&)>& visit) {
  if (loaded.status == Loaded::Status::found) {
    ItemView item;
    item.value = loaded.value;
    item.expire_at_ms = loaded.expire_at_ms;
    visit(item);
  }
  return outcome_of(loaded);
}

}  // namespace

Outcome BackedCache::read(Session& session, const Key& key, Visitor<void(Loaded&)> load, Visitor<void(const ItemView&)> visit) {
  bool counts = true;
  for (;;) {
    // Looking again after waiting is no lookup of the program's.
    const bool found = counts ? cache_.read(session, key, visit) : cache_.peek(session, key, visit);
    counts = false;
    if (found) return Outcome::ok;
    std::shared_ptr<const Loaded> shared;
    bool recursive = false;
    Flights::Turn turn = flights_.load(session, key, shared, recursive);
    if (recursive) return Outcome::recursive;
    if (shared != nullptr) {
      shared_loads_.fetch_add(1, std::memory_order_relaxed);
      return show(*shared, visit);
    }
    if (turn) return this->load(session, key, turn, load, visit);
  }
}

Outcome BackedCache::load(Session& session, const Key& key, Flights::Turn& turn, const Visitor<void(Loaded&)>& load,
                          const Visitor<void(const ItemView&)>& visit) {
  // Between the look and the turn another load may have ended.
  if (cache_.peek(session, key, visit)) return Outcome::ok;
  loads_.fetch_add(1, std::memory_order_relaxed);
  const auto loaded = std::make_shared<Loaded>();
  {
    const Pause pause(session);
    load(*loaded);
  }
  if (loaded->status == Loaded::Status::found) store(session, key, turn, *loaded);
  turn.end(loaded);
  return show(*loaded, visit);
}

// As several keys are changed: decided while the home is locked, so that nobody writes or removes the key between the look at the turn and the store.
void BackedCache::store(Session& session, const Key& key, const Flights::Turn& turn, const Loaded& loaded) {
  ValueRef block;
  if (loaded.value.size() >= kLargeValueBytes) {
    block = cache_.allocate_value(session, loaded.value.size());
    if (!block) return;
    loaded.value.copy(block.data(), loaded.value.size());
  }
  (void)cache_.update_many(session, {&key, 1}, block ? 0 : loaded.value.size(), [&](std::size_t, Decision& decision) {
    if (turn.is_stale() || decision.current() != nullptr) return;
    block ? decision.put(std::move(block), loaded.expire_at_ms) : decision.put(loaded.value, loaded.expire_at_ms);
  });
}

Outcome BackedCache::write(Session& session, const Key& key, std::string_view value, std::int64_t expire_at_ms,
                           Visitor<void(bool&)> write) {
  const Flights::Turn turn = flights_.write(session, key);
  if (!turn) return Outcome::recursive;
  bool done = false;
  {
    const Pause pause(session);
    write(done);
  }
  Status status = Status::ok;
  if (done) {
    status = cache_.put(session, key, value, expire_at_ms);
    if (status == Status::ok) return Outcome::ok;
  }
  // Neither is known to be what the source has.
  bool was_there = false;
  (void)cache_.remove(session, key, was_there);
  return done ? outcome_of(status) : Outcome::failed;
}

Outcome BackedCache::erase(Session& session, const Key& key, Visitor<void(bool&)> erase) {
  const Flights::Turn turn = flights_.write(session, key);
  if (!turn) return Outcome::recursive;
  bool done = false;
  {
    const Pause pause(session);
    erase(done);
  }
  bool was_there = false;
  const Status status = cache_.remove(session, key, was_there);
  return done ? outcome_of(status) : Outcome::failed;
}

Status BackedCache::put(Session& session, const Key& key, std::string_view value, std::int64_t expire_at_ms) {
  flights_.forget(key);
  return cache_.put(session, key, value, expire_at_ms);
}

Status BackedCache::add(Session& session, const Key& key, std::string_view value, std::int64_t expire_at_ms, bool& added) {
  added = false;
  const Status status = update(session, key, [&](Decision& decision) {
    added = decision.current() == nullptr;
    if (added) decision.put(value, expire_at_ms);
  });
  added = added && status == Status::ok;
  return status;
}

Status BackedCache::remove(Session& session, const Key& key, bool& was_there) {
  flights_.forget(key);
  return cache_.remove(session, key, was_there);
}

Status BackedCache::update(Session& session, const Key& key, Visitor<void(Decision&)> decide) {
  flights_.forget(key);
  return cache_.update(session, key, decide);
}

Status BackedCache::update_many(Session& session, std::span<const Key> keys, std::size_t extra_bytes,
                                Visitor<void(std::size_t, Decision&)> decide) {
  for (const Key& key : keys) flights_.forget(key);
  return cache_.update_many(session, keys, extra_bytes, decide);
}

Status BackedCache::invalidate_prefix(Session& session, Namespace ns, std::string_view prefix) {
  flights_.forget_all();
  return cache_.invalidate_prefix(session, ns, prefix, false);
}

Status BackedCache::remove_many(Session& session, std::span<const Key> keys, std::size_t& removed) {
  for (const Key& key : keys) flights_.forget(key);
  return cache_.remove_many(session, keys, removed);
}

void BackedCache::clear(Session& session, Namespace ns) {
  flights_.forget_all();
  cache_.clear(session, ns, false);
}

}  // namespace strata::cache
