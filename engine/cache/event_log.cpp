#include "engine/cache/event_log.h"

#include <algorithm>
#include <new>

namespace strata::cache {
namespace {

constexpr auto kLogBytes = static_cast<std::int64_t>(EventLog::kMost * sizeof(Event));

}  // namespace

EventLog::~EventLog() {
  if (events_.capacity() != 0) budget_.charge(Purpose::policy, -kLogBytes);
}

void EventLog::add(Event event) noexcept {
  Count& count = counts_[static_cast<std::size_t>(event.kind)];
  count.events.fetch_add(1, std::memory_order_relaxed);
  count.items.fetch_add(event.items, std::memory_order_relaxed);
  const sync::MutexLock lock(mutex_);
  if (events_.empty()) {
    try {
      events_.resize(kMost);
      budget_.charge(Purpose::policy, kLogBytes);
    } catch (const std::bad_alloc&) {
      // The next one tries again.
    }
  }
  event.number = ++last_;
  if (!events_.empty()) events_[(event.number - 1) % kMost] = event;
  if (listener_ != nullptr) listener_->occurred(event);
}

std::vector<Event> EventLog::since(std::uint64_t after) const {
  std::vector<Event> kept;
  const sync::MutexLock lock(mutex_);
  if (events_.empty()) return kept;
  const std::uint64_t oldest = last_ > kMost ? last_ - kMost + 1 : 1;
  for (std::uint64_t number = std::max(oldest, after + 1); number <= last_; ++number) {
    const Event& event = events_[(number - 1) % kMost];
    if (event.number == number) kept.push_back(event);
  }
  return kept;
}

EventLog::Counts EventLog::counts(EventKind kind) const noexcept {
  const Count& count = counts_[static_cast<std::size_t>(kind)];
  return {.events = count.events.load(std::memory_order_relaxed), .items = count.items.load(std::memory_order_relaxed)};
}

void EventLog::set_listener(EventListener* listener) noexcept {
  const sync::MutexLock lock(mutex_);
  listener_ = listener;
}

}  // namespace strata::cache
