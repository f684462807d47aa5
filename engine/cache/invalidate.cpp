#include <new>

#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"

namespace strata::cache {

bool Cache::begin_invalidation(Session& session, Namespace ns, std::string_view prefix, Ticket& ticket) {
  const WriteGate::Closed closed(core_->gate);
  if (!core_->databases.invalidate(ns, prefix, session.participant_, ticket)) return false;
  if (ChangeListener* const listener = core_->listener.load(std::memory_order_relaxed)) listener->invalidated(ns, prefix);
  return true;
}

bool Cache::try_invalidate(Session& session, Namespace ns, std::string_view prefix) noexcept {
  try {
    Ticket ticket;
    return begin_invalidation(session, ns, prefix, ticket);
  } catch (const std::bad_alloc&) {
    return false;
  }
}

Status Cache::invalidate_prefix(Session& session, Namespace ns, std::string_view prefix, bool wait) {
  if (prefix.empty()) {
    clear(session, ns, wait);
    return Status::ok;
  }
  Ticket ticket;
  const Status status = invalidate_prefix(session, ns, prefix, ticket);
  if (status == Status::ok && wait) sweep_all(session);
  return status;
}

Status Cache::invalidate_prefix(Session& session, Namespace ns, std::string_view prefix, Ticket& ticket) {
  if (prefix.size() > kMostPrefixBytes) return Status::too_large;
  try {
    while (!begin_invalidation(session, ns, prefix, ticket)) sweep_all(session);
  } catch (const std::bad_alloc&) {
    return Status::out_of_memory;
  }
  return Status::ok;
}

bool Cache::is_pending(Session& session, const Ticket& ticket) const noexcept {
  const Operation operation(session);
  const InvalidatedPrefixes::View* const prefixes = core_->databases.prefixes();
  return prefixes != nullptr && ticket.epoch != 0 && prefixes->has(ticket.epoch);
}

std::size_t Cache::pending_prefixes() const noexcept { return core_->databases.pending_prefixes(); }

Status Cache::remove_many(Session& session, std::span<const Key> keys, std::size_t& removed) {
  removed = 0;
  // Decided anew where the index had to grow: counted from the beginning.
  std::size_t there = 0;
  const Status status = update_many(session, keys, 0, [&](std::size_t i, Decision& decision) {
    if (i == 0) there = 0;
    if (decision.current() != nullptr) ++there;
    decision.remove();
  });
  if (status == Status::ok) removed = there;
  return status;
}

}  // namespace strata::cache
