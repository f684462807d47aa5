#include "engine/sync/quiescent_state.h"

#include <algorithm>
#include <cassert>

#include "engine/sync/full_fence.h"

// Why nothing is freed that a reader may hold. Let U be the change that took an object out of reach, and e the epoch its list waits for.
//
// 1. U comes before begin_epoch() of e in the retiring thread. epoch_ changes by read-modify-write operations only, so whoever acquires a
//    value of e or more synchronises with that one: what it reads afterwards is as after U.
// 2. A participant with seen_ >= e was quiescent after it acquired such a value (quiescent, online). It held nothing then, and finds by (1)
//    no reference to the object later. What it read before lies before the release of seen_, which update_reached() acquires.
// 3. A participant that is seen offline: what it read before lies before the release of kOffline. When it comes online it writes seen_,
//    fences, and reads; update_reached() has acquired e, fences, and reads seen_. Of the two fences one is first: either the look sees that
//    it is online, and with what epoch, or what the participant reads is as after U, whatever the epoch it wrote down.
// 4. update_reached() releases reached_, and who frees acquires it: all these reads come before the free.
namespace strata::sync::qsbr {

void RetiredList::add(Retired& retired) noexcept {
  retired.next = nullptr;
  (first == nullptr ? first : last->next) = &retired;
  last = &retired;
}

void RetiredList::take_over(RetiredList& other) noexcept {
  if (other.empty()) return;
  (first == nullptr ? first : last->next) = other.first;
  last = other.last;
  other = RetiredList{};
}

std::uint64_t RetiredList::free(std::size_t most, void* keeper) noexcept {
  std::uint64_t bytes = 0;
  for (; most > 0 && first != nullptr; --most) {
    Retired& retired = *first;
    first = retired.next;
    bytes += retired.bytes;
    retired.deleter(retired, keeper);
  }
  return bytes;
}

Domain::~Domain() {
  // Nobody else is left; the lock is for the analysis.
  RetiredList left;
  {
    const MutexLock lock(mutex_);
    assert(first_ == nullptr);
    left.take_over(orphans_.waiting);
    left.take_over(orphans_.collecting);
  }
  (void)left.free(Participant::kAllObjects, nullptr);
}

void Domain::enter(Participant& participant) noexcept {
  const MutexLock lock(mutex_);
  participant.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &participant;
  first_ = &participant;
}

void Domain::leave(Participant& participant) noexcept {
  const MutexLock lock(mutex_);
  (participant.previous_ == nullptr ? first_ : participant.previous_->next_) = participant.next_;
  if (participant.next_ != nullptr) participant.next_->previous_ = participant.previous_;
  // Those that waited for an epoch already wait for a later one now; the list is in the order of retiring again.
  orphans_.collecting.take_over(participant.limbo_.waiting);
  orphans_.collecting.take_over(participant.limbo_.collecting);
  has_orphans_.store(!orphans_.empty(), std::memory_order_relaxed);
  ended_.retired_bytes += participant.retired_bytes_.load(std::memory_order_relaxed);
  ended_.reclaimed_bytes += participant.reclaimed_bytes_.load(std::memory_order_relaxed);
}

void Domain::begin_waiting(Limbo& limbo) noexcept {
  if (!limbo.waiting.empty() || limbo.collecting.empty()) return;
  limbo.waiting.take_over(limbo.collecting);
  limbo.waiting_for = begin_epoch();
}

void Domain::update_reached() noexcept {
  std::uint64_t all = epoch_.load(std::memory_order_acquire);
  full_fence();
  for (const Participant* participant = first_; participant != nullptr; participant = participant->next_) {
    const std::uint64_t seen = participant->seen_.load(std::memory_order_acquire);
    if (seen != Participant::kOffline) all = std::min(all, seen);
  }
  // One that came online a moment ago may have written down an epoch that was over: that takes nothing back (3).
  if (all > reached_.load(std::memory_order_relaxed)) reached_.store(all, std::memory_order_release);
}

bool Domain::try_reached(std::uint64_t epoch) noexcept {
  if (reached(epoch)) return true;
  if (!mutex_.try_lock()) return false;
  update_reached();
  mutex_.unlock();
  return reached(epoch);
}

bool Domain::update_and_reached(std::uint64_t epoch) noexcept {
  if (reached(epoch)) return true;
  const MutexLock lock(mutex_);
  update_reached();
  return reached(epoch);
}

void Domain::wait_until_reached(std::uint64_t epoch) noexcept {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (update_and_reached(epoch)) return;
    pause();
  }
  while (!update_and_reached(epoch)) {
    const EventCount::Ticket ticket = announced_.prepare();
    if (update_and_reached(epoch)) return announced_.cancel();
    announced_.wait(ticket);
  }
}

std::uint64_t Domain::drain(RetiredList& list, void* keeper) noexcept {
  {
    const MutexLock lock(mutex_);
    list.take_over(orphans_.waiting);
    list.take_over(orphans_.collecting);
    has_orphans_.store(false, std::memory_order_relaxed);
  }
  wait_until_reached(begin_epoch());
  return list.free(Participant::kAllObjects, keeper);
}

RetiredList Domain::take_free_orphans() noexcept {
  RetiredList taken;
  if (!has_orphans_.load(std::memory_order_relaxed) || !mutex_.try_lock()) return taken;
  begin_waiting(orphans_);
  if (!reached(orphans_.waiting_for)) update_reached();
  if (reached(orphans_.waiting_for)) taken.take_over(orphans_.waiting);
  has_orphans_.store(!orphans_.empty(), std::memory_order_relaxed);
  mutex_.unlock();
  return taken;
}

void Domain::synchronize() noexcept {
  RetiredList list;
  const std::uint64_t freed = drain(list, nullptr);
  booked_bytes_.fetch_sub(static_cast<std::int64_t>(freed), std::memory_order_relaxed);
  const MutexLock lock(mutex_);
  ended_.reclaimed_bytes += freed;
}

Domain::Counters Domain::counters() const noexcept {
  const MutexLock lock(mutex_);
  Counters sum = ended_;
  for (const Participant* participant = first_; participant != nullptr; participant = participant->next_) {
    sum.retired_bytes += participant->retired_bytes_.load(std::memory_order_relaxed);
    sum.reclaimed_bytes += participant->reclaimed_bytes_.load(std::memory_order_relaxed);
    ++sum.participants;
  }
  sum.epochs = epoch_.load(std::memory_order_relaxed) - 1;
  return sum;
}

Participant::Participant(Domain& domain) noexcept : domain_(domain) { domain_.enter(*this); }

Participant::~Participant() {
  offline();
  // Twice: what waits, and what was collected meanwhile. If this is the last one nothing holds either back.
  quiescent();
  quiescent();
  book();
  domain_.leave(*this);
}

void Participant::online() noexcept {
  seen_.store(domain_.epoch_.load(std::memory_order_acquire), std::memory_order_release);
  full_fence();
}

void Participant::offline() noexcept {
  assert(guards_ == 0);
  if (is_online()) announce(kOffline);
}

void Participant::announce(std::uint64_t epoch) noexcept {
  seen_.store(epoch, std::memory_order_release);
  domain_.announced_.notify_all();
}

void Participant::quiescent(std::size_t most_objects) noexcept {
  assert(guards_ == 0);
  // First, so that what this thread has retired needs no second announcement of its own.
  begin_waiting();
  if (is_online()) {
    const std::uint64_t epoch = domain_.epoch_.load(std::memory_order_acquire);
    if (epoch != seen_.load(std::memory_order_relaxed)) announce(epoch);
  }
  free_reached(most_objects);
}

QuotaState Participant::retire(Retired& retired, std::size_t bytes, Retired::Deleter deleter) noexcept {
  retired.bytes = bytes;
  retired.deleter = deleter;
  limbo_.collecting.add(retired);
  retired_bytes_.store(retired_bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  unbooked_bytes_ += static_cast<std::int64_t>(bytes);
  if (unbooked_bytes_ >= Domain::kMostUnbookedBytes) book();
  return domain_.quota_state(unbooked_bytes_);
}

void Participant::synchronize() noexcept {
  const bool was_online = is_online();
  offline();
  RetiredList list;
  list.take_over(limbo_.waiting);
  list.take_over(limbo_.collecting);
  count_freed(domain_.drain(list, keeper_));
  if (was_online) online();
}

void Participant::begin_waiting() noexcept {
  // The list that is being freed must not get others behind its last.
  if (!freeing_) domain_.begin_waiting(limbo_);
}

void Participant::free_reached(std::size_t most_objects) noexcept {
  if (freeing_) return;
  freeing_ = true;
  if (!limbo_.waiting.empty() && domain_.try_reached(limbo_.waiting_for)) count_freed(limbo_.waiting.free(most_objects, keeper_));
  if (RetiredList orphans = domain_.take_free_orphans(); !orphans.empty()) count_freed(orphans.free(kAllObjects, keeper_));
  freeing_ = false;
}

void Participant::count_freed(std::uint64_t bytes) noexcept {
  reclaimed_bytes_.store(reclaimed_bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  unbooked_bytes_ -= static_cast<std::int64_t>(bytes);
  if (unbooked_bytes_ <= -Domain::kMostUnbookedBytes) book();
}

void Participant::book() noexcept {
  domain_.booked_bytes_.fetch_add(unbooked_bytes_, std::memory_order_relaxed);
  unbooked_bytes_ = 0;
}

ReadGuard::ReadGuard(Participant& participant) noexcept : participant_(participant), goes_offline_(!participant.is_online()) {
  if (goes_offline_) participant_.online();
  ++participant_.guards_;
}

ReadGuard::~ReadGuard() {
  --participant_.guards_;
  if (!goes_offline_) return;
  participant_.begin_waiting();
  participant_.offline();
  participant_.free_reached(Participant::kAllObjects);
}

}  // namespace strata::sync::qsbr
