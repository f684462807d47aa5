#include "engine/cache/write_behind.h"

#include <algorithm>
#include <utility>

namespace strata::cache {

WriteBehind::WriteBehind(BackedCache& backed, Cache& cache, Writer writer, const Options& options)
    : backed_(backed), cache_(cache), writer_(std::move(writer)), options_(options), thread_([this] { work(); }) {}

WriteBehind::~WriteBehind() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
  charge(-static_cast<std::int64_t>(counters_.bytes));
}

std::string WriteBehind::name_of(const Key& key) {
  std::string name(1, static_cast<char>(key.ns));
  return name.append(key.bytes);
}

std::size_t WriteBehind::bytes_of(const std::string& name, const Waiting& change) noexcept {
  return 2 * name.size() + change.value.size() + kOwnBytes;
}

void WriteBehind::charge(std::int64_t bytes) { cache_.budget().charge(Purpose::write_behind, bytes); }

// A key that waits already may become longer than the queue is: else a queue full of one key could never be written.
bool WriteBehind::has_room(const std::string& name, std::size_t bytes) const {
  if (waiting_.empty() || waiting_.contains(name)) return true;
  return waiting_.size() < options_.most_keys && counters_.bytes + bytes <= options_.most_bytes;
}

WriteBehind::Outcome WriteBehind::put(Session& session, const Key& key, std::string_view value, std::int64_t expire_at_ms) {
  if (key.bytes.size() > kMaxKeyBytes || value.size() > kMaxValueBytes) return Outcome::too_large;
  return queue(session, key, {.is_removal = false, .value = std::string(value), .expire_at_ms = expire_at_ms, .number = 0});
}

WriteBehind::Outcome WriteBehind::remove(Session& session, const Key& key) {
  return queue(session, key, {.is_removal = true, .value = {}, .expire_at_ms = kNoExpiry, .number = 0});
}

// The cache is changed under the queue's lock: so both have the writes of a key in the same order.
WriteBehind::Outcome WriteBehind::queue(Session& session, const Key& key, Waiting change) {
  std::string name = name_of(key);
  const std::size_t bytes = bytes_of(name, change);
  const Pause pause(session);
  std::unique_lock lock(mutex_);
  if (!has_room(name, bytes)) {
    if (options_.when_full == WhenFull::refuse) {
      ++counters_.refused;
      return Outcome::full;
    }
    ++counters_.waits;
    changed_.wait(lock, [&] { return has_room(name, bytes); });
  }
  bool was_there = false;
  const Status status =
      change.is_removal ? backed_.remove(session, key, was_there) : backed_.put(session, key, change.value, change.expire_at_ms);
  // The old value is not what the source will have.
  if (status != Status::ok && !change.is_removal) (void)backed_.remove(session, key, was_there);
  change.number = ++numbers_;
  const auto [place, is_new] = waiting_.try_emplace(std::move(name));
  const std::size_t before = is_new ? 0 : bytes_of(place->first, place->second);
  if (is_new) {
    order_.push_back(place->first);
  } else {
    ++counters_.coalesced;
  }
  place->second = std::move(change);
  counters_.bytes += bytes - before;
  charge(static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(before));
  lock.unlock();
  changed_.notify_all();
  if (status == Status::out_of_memory) return Outcome::out_of_memory;
  return status == Status::too_large ? Outcome::too_large : Outcome::ok;
}

bool WriteBehind::read(Session& session, const Key& key, Visitor<void(const ItemView&)> visit) {
  if (cache_.read(session, key, visit)) return true;
  std::string value;
  std::int64_t expire_at_ms = kNoExpiry;
  {
    const Pause pause(session);
    const std::lock_guard lock(mutex_);
    const auto waiting = waiting_.find(name_of(key));
    if (waiting == waiting_.end() || waiting->second.is_removal) return false;
    if (waiting->second.expire_at_ms <= session.now_ms()) return false;
    value = waiting->second.value;
    expire_at_ms = waiting->second.expire_at_ms;
    // Back into the cache, in its order among the writes.
    bool added = false;
    (void)backed_.add(session, key, value, expire_at_ms, added);
  }
  ItemView item;
  item.value = value;
  item.expire_at_ms = expire_at_ms;
  visit(item);
  return true;
}

bool WriteBehind::flush(Session& session, std::chrono::milliseconds most) {
  const Pause pause(session);
  std::unique_lock lock(mutex_);
  const std::uint64_t until = numbers_;
  return changed_.wait_for(lock, most, [&] {
    return std::none_of(waiting_.begin(), waiting_.end(), [until](const auto& one) { return one.second.number <= until; });
  });
}

WriteBehind::Counters WriteBehind::counters() const {
  const std::lock_guard lock(mutex_);
  Counters counters = counters_;
  counters.queued = waiting_.size();
  return counters;
}

void WriteBehind::work() {
  std::unique_lock lock(mutex_);
  std::chrono::milliseconds retry = options_.first_retry;
  for (;;) {
    changed_.wait(lock, [this] { return is_ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    if (write_batch(lock)) {
      retry = options_.first_retry;
      continue;
    }
    if (is_ending_) return;
    changed_.wait_for(lock, retry, [this] { return is_ending_; });
    retry = std::min(2 * retry, options_.last_retry);
  }
}

bool WriteBehind::write_batch(std::unique_lock<std::mutex>& lock) {
  struct Taken {
    std::string name;
    Waiting change;
  };
  std::vector<Taken> taken;
  for (const std::string& name : order_) {
    if (taken.size() == std::max<std::size_t>(options_.batch_keys, 1)) break;
    taken.push_back({.name = name, .change = waiting_.at(name)});
  }
  std::vector<Change> changes;
  changes.reserve(taken.size());
  for (const Taken& one : taken) {
    changes.push_back({.ns = static_cast<Namespace>(one.name[0]),
                       .key = std::string_view(one.name).substr(1),
                       .is_removal = one.change.is_removal,
                       .value = one.change.value,
                       .expire_at_ms = one.change.expire_at_ms});
  }
  lock.unlock();
  const bool done = writer_(changes);
  lock.lock();
  if (!done) {
    ++counters_.failures;
    return false;
  }
  // Written again meanwhile: to the end of the order.
  for (const Taken& one : taken) {
    order_.pop_front();
    const auto waiting = waiting_.find(one.name);
    ++counters_.written;
    if (waiting->second.number != one.change.number) {
      order_.push_back(one.name);
      continue;
    }
    const std::size_t bytes = bytes_of(waiting->first, waiting->second);
    counters_.bytes -= bytes;
    charge(-static_cast<std::int64_t>(bytes));
    waiting_.erase(waiting);
  }
  changed_.notify_all();
  return true;
}

}  // namespace strata::cache
