#include "engine/cache/databases.h"

#include <algorithm>
#include <new>

#include "engine/cache/hash.h"
#include "engine/cache/protocol_points.h"

namespace strata::cache {

Databases::Databases(std::size_t databases, Budget& budget) noexcept : prefixes_(budget) {
  for (std::size_t database = 0; database < databases; ++database) {
    give(static_cast<Namespace>(database), static_cast<Keyspace>(database));
    state_[database].store(State::in_use, std::memory_order_relaxed);
  }
}

std::optional<Namespace> Databases::database_of(Keyspace keyspace) const noexcept {
  if (state_[keyspace].load(std::memory_order_relaxed) != State::in_use) return std::nullopt;
  return databases_[keyspace].load(std::memory_order_relaxed);
}

void Databases::give(Namespace database, Keyspace keyspace) noexcept {
  keyspaces_[database].store(keyspace, std::memory_order_release);
  databases_[keyspace].store(database, std::memory_order_relaxed);
}

void Databases::begin_change() noexcept {
  // What is stored from here on is stored by release: who sees it sees that the version is odd.
  version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void Databases::end_change() noexcept {
  const Version version = version_.load(std::memory_order_relaxed) + 1;
  version_.store(prefixes_.any() ? version | kHasPrefixes : version & ~kHasPrefixes, std::memory_order_release);
}

bool Databases::invalidate(Namespace database, std::string_view prefix, sync::qsbr::Participant& participant,
                           InvalidatedPrefixes::Ticket& ticket) {
  const sync::MutexLock lock(mutex_);
  if (!was_written(database)) return true;
  begin_change();
  bool added = false;
  try {
    added = prefixes_.add(keyspace_of(database), prefix, participant, ticket);
  } catch (...) {
    end_change();
    throw;
  }
  end_change();
  return added;
}

bool Databases::begin_anew(Namespace first, std::size_t count) noexcept {
  const sync::MutexLock lock(mutex_);
  const auto is_unused = [](const std::atomic<State>& state) { return state.load(std::memory_order_relaxed) == State::unused; };
  std::size_t wanted = 0;
  for (std::size_t database = first; database < first + count; ++database)
    wanted += was_written(static_cast<Namespace>(database)) ? 1U : 0U;
  if (static_cast<std::size_t>(std::count_if(state_.begin(), state_.end(), is_unused)) < wanted) return false;
  begin_change();
  for (std::size_t database = first; database < first + count; ++database) {
    if (!was_written(static_cast<Namespace>(database))) continue;
    const auto keyspace = static_cast<Keyspace>(std::find_if(state_.begin(), state_.end(), is_unused) - state_.begin());
    const Keyspace old = keyspace_of(static_cast<Namespace>(database));
    state_[keyspace].store(State::in_use, std::memory_order_relaxed);
    give(static_cast<Namespace>(database), keyspace);
    state_[old].store(State::dropped, std::memory_order_relaxed);
    dropped_count_.fetch_add(1, std::memory_order_release);
  }
  end_change();
  return true;
}

void Databases::swap(Namespace one, Namespace other) noexcept {
  const sync::MutexLock lock(mutex_);
  const Keyspace of_one = keyspace_of(one);
  begin_change();
  give(one, keyspace_of(other));
  give(other, of_one);
  end_change();
}

std::uint32_t Databases::begin_round([[maybe_unused]] sync::qsbr::Participant& participant) noexcept {
  const sync::MutexLock lock(mutex_);
  const auto is_dropped = [](const std::atomic<State>& state) { return state.load(std::memory_order_relaxed) == State::dropped; };
  if (shards_left_ == 0 && (prefixes_.any() || std::any_of(state_.begin(), state_.end(), is_dropped))) {
    prefixes_.begin_round();
    if (STRATA_PROTOCOL_FAULT(prefix_forgotten_early)) forget_swept(participant);
    for (std::atomic<State>& state : state_) {
      if (state.load(std::memory_order_relaxed) == State::dropped) state.store(State::swept, std::memory_order_relaxed);
    }
    shards_left_ = kShardCount;
    if (++rounds_ == 0) ++rounds_;
    round_.store(rounds_, std::memory_order_release);
  }
  return round();
}

void Databases::end_shard(sync::qsbr::Participant& participant) noexcept {
  const sync::MutexLock lock(mutex_);
  if (--shards_left_ != 0) return;
  round_.store(0, std::memory_order_release);
  for (std::atomic<State>& state : state_) {
    if (state.load(std::memory_order_relaxed) != State::swept) continue;
    written_[static_cast<std::size_t>(&state - state_.data())].store(false, std::memory_order_relaxed);
    state.store(State::unused, std::memory_order_relaxed);
    dropped_count_.fetch_sub(1, std::memory_order_release);
  }
  forget_swept(participant);
}

void Databases::forget_swept(sync::qsbr::Participant& participant) noexcept {
  if (!prefixes_.any()) return;
  // With another version: a reader that has found an item before it was taken out must not find that the prefix is forgotten and show it. The gate
  // need not be closed: nothing is left that the prefixes cover.
  begin_change();
  try {
    prefixes_.end_round(participant);
  } catch (const std::bad_alloc&) {
    // They wait for another round.
  }
  end_change();
}

}  // namespace strata::cache
