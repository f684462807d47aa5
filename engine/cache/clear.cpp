#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"

namespace strata::cache {

// One store makes a database empty; the rest is housekeeping.
void Cache::clear(Session& session, Namespace ns, bool wait) { clear_some(session, ns, 1, wait); }

void Cache::clear_all(Session& session, bool wait) { clear_some(session, 0, options_.namespaces, wait); }

bool Cache::try_clear(Namespace first, std::size_t count) {
  const WriteGate::Closed closed(core_->gate);
  if (!core_->databases.begin_anew(first, count)) return false;
  if (ChangeListener* const listener = core_->listener.load(std::memory_order_relaxed)) {
    for (std::size_t ns = first; ns < first + count; ++ns) listener->emptied(static_cast<Namespace>(ns));
  }
  return true;
}

void Cache::clear_some(Session& session, Namespace first, std::size_t count, bool wait) {
  while (!try_clear(first, count)) sweep_all(session);
  if (wait) sweep_all(session);
}

std::uint64_t Cache::items_to_clear() const {
  std::uint64_t items = 0;
  if (!core_->databases.any_dropped()) return items;
  const sync::MutexLock lock(sessions_mutex_);
  for (std::size_t keyspace = 0; keyspace < kKeyspaces; ++keyspace) {
    if (core_->databases.is_dropped(static_cast<Keyspace>(keyspace))) items += size_of(static_cast<Keyspace>(keyspace)).items;
  }
  return items;
}

bool Cache::is_clearing() const noexcept { return core_->databases.any_dropped() || core_->memory.has_spare(); }

void Cache::swap(Namespace one, Namespace other) {
  const WriteGate::Closed closed(core_->gate);
  core_->databases.swap(one, other);
  if (ChangeListener* const listener = core_->listener.load(std::memory_order_relaxed)) listener->swapped(one, other);
}

void Cache::set_change_listener(ChangeListener* listener) noexcept {
  const WriteGate::Closed closed(core_->gate);
  core_->listener.store(listener, std::memory_order_relaxed);
}

// Until nothing is left of what was dropped before. Waits for the other threads to be quiescent: not for a server's loops.
void Cache::sweep_all(Session& session) {
  UpkeepReport report;
  session.retirement_.hand_over();
  session.participant_.synchronize();
  const Operation operation(session);
  while (core_->databases.any_to_sweep()) {
    for (std::size_t shard = 0; shard < kShards; ++shard) {
      (void)sweep(session, shard, {.all = true}, report);
      session.quiescent();
    }
  }
  core_->memory.give_back_kept(session.handle_);
  while (core_->memory.give_back_spare()) {
  }
}

}  // namespace strata::cache
