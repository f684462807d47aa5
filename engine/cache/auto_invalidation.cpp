#include "engine/cache/auto_invalidation.h"

#include <algorithm>
#include <utility>

#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"
#include "engine/cache/update.h"

namespace strata::cache {
namespace {

using Time = std::chrono::steady_clock;

constexpr double kPercent = 100;
constexpr std::int64_t kMsPerSecond = 1000;
// Items that reach their age one after the other are told of together, so often.
constexpr std::int64_t kOldEventsMs = 10'000;
// Of the windows before the last one all but 1/kForgets count again.
constexpr double kForgets = 16;
// So many windows make what is usual.
constexpr unsigned kLeastWindows = 4;

}  // namespace

const char* AutoInvalidation::problem(std::size_t databases) const noexcept {
  if (interval_ms < 0) return "interval_ms: it has to be 0 or more";
  if (interval_ms > 0 && (idle_percent < 1 || idle_percent > 100))
    return "idle_percent: with an interval it has to be 1 to 100 percent";
  if (max_age_ms < 0 || (max_age_ms > 0 && max_age_ms < kMsPerSecond)) return "max_age_ms: it has to be 0, or a second or more";
  if (pressure_percent > 100) return "pressure_percent: it has to be 0 to 100 percent of the limit";
  if (pressure_percent > 0 && relief_percent >= pressure_percent) return "relief_percent: it has to be below pressure_percent";
  if (pressure_percent > 0 && pressure_ms < kMsPerSecond) return "pressure_ms: it has to be a second or more";
  if (hits_window_ms < 0) return "hits_window_ms: it has to be 0 or more";
  if (hits_window_ms == 0) return nullptr;
  if (hits_percent < 1 || hits_percent > 99) return "hits_percent: with a window it has to be 1 to 99 percent of what is usual";
  if (least_reads == 0) return "hits_least_reads: it has to be 1 or more";
  const bool of_one = then == Then::prefix || then == Then::database;
  if (of_one && database >= databases) return "hits_database: there is no such database";
  if (then == Then::prefix && (prefix.empty() || prefix.size() > InvalidatedPrefixes::kMostBytes))
    return "hits_prefix: it has to have 1 to 1024 bytes";
  return nullptr;
}

AutoInvalidator::AutoInvalidator(Cache& cache, Core& core) noexcept : cache_(cache), core_(core) {}

AutoInvalidation AutoInvalidator::settings() const {
  const sync::MutexLock lock(mutex_);
  return settings_;
}

void AutoInvalidator::set(AutoInvalidation settings, std::int64_t now_ms) {
  const sync::MutexLock lock(mutex_);
  if (settings.interval_ms != settings_.interval_ms) walk_ = {};
  if (settings.pressure_percent != settings_.pressure_percent || settings.relief_percent != settings_.relief_percent)
    pressure_ = {};
  if (settings.hits_window_ms != settings_.hits_window_ms) hits_ = {};
  if (settings.needs_write_times() && !settings_.needs_write_times())
    core_.age_since_s.store(static_cast<std::uint32_t>(now_ms / kMsPerSecond), std::memory_order_relaxed);
  core_.max_age_s.store(static_cast<std::uint32_t>((settings.max_age_ms + kMsPerSecond - 1) / kMsPerSecond),
                        std::memory_order_relaxed);
  core_.notes_writes.store(settings.needs_write_times(), std::memory_order_relaxed);
  settings_ = std::move(settings);
  is_on_.store(settings_.needs_write_times() || settings_.pressure_percent != 0 || settings_.hits_window_ms != 0,
               std::memory_order_relaxed);
}

bool AutoInvalidator::run(Session& session, Time::time_point deadline) {
  if (!is_on() || !mutex_.try_lock()) return false;
  bool more = remove_idle(session, deadline);
  tell_of_old(session.now_ms());
  if (relieve(session, deadline)) more = true;
  judge_hits(session);
  mutex_.unlock();
  return more;
}

// --- idle items ----------------------------------------------------------------------------------------------------------------------

bool AutoInvalidator::remove_idle(Session& session, Time::time_point deadline) {
  const std::int64_t now_ms = session.now_ms();
  if (settings_.interval_ms == 0) return false;
  if (walk_.next_ms == 0) walk_.next_ms = now_ms + settings_.interval_ms;
  if (walk_.phase == Walk::Phase::none) {
    if (now_ms < walk_.next_ms) return false;
    walk_.began_ms = now_ms;
    begin_walk(Walk::Phase::counting);
  }
  for (;;) {
    look_at_block(session);
    session.quiescent();
    if (walk_.shard == Cache::kShards) {
      if (walk_.phase == Walk::Phase::removing) {
        end_walk(now_ms);
        return false;
      }
      walk_.share = walk_.items == 0 ? 0 : static_cast<double>(walk_.idle) / static_cast<double>(walk_.items);
      if (walk_.idle == 0 || walk_.share * kPercent < settings_.idle_percent) {
        walk_.phase = Walk::Phase::none;
        walk_.next_ms = now_ms + settings_.interval_ms;
        return false;
      }
      begin_walk(Walk::Phase::removing);
    }
    if (Time::now() >= deadline) return true;
  }
}

void AutoInvalidator::begin_walk(Walk::Phase phase) noexcept {
  walk_.phase = phase;
  walk_.shard = 0;
  walk_.position = 0;
  if (phase == Walk::Phase::counting) walk_.items = walk_.idle = 0;
  walk_.removed = 0;
}

void AutoInvalidator::end_walk(std::int64_t now_ms) noexcept {
  walk_.phase = Walk::Phase::none;
  walk_.next_ms = now_ms + settings_.interval_ms;
  cache_.events().add({.at_ms = now_ms,
                       .kind = EventKind::idle_items,
                       .measured = walk_.share,
                       .threshold = settings_.idle_percent / kPercent,
                       .items = walk_.removed});
}

void AutoInvalidator::look_at_block(Session& session) {
  session.seen_.clear();
  walk_.position = core_.shards[walk_.shard].collect(walk_.position, kBlockBuckets, session.seen_);
  if (walk_.position == 0) ++walk_.shard;
  for (const Slot slot : session.seen_) {
    const StoredItem item = core_.store.at(slot);
    ++walk_.items;
    const std::int64_t written_ms = std::int64_t{item.written_s()} * kMsPerSecond;
    if (slot.get<Slot::Frequency>() != 0 || (written_ms != 0 && written_ms + settings_.interval_ms > walk_.began_ms)) continue;
    ++walk_.idle;
    if (walk_.phase != Walk::Phase::removing) continue;
    const std::uint64_t hash = core_.hash_of(item.key(), item.ns());
    if (!remove_if_same(core_, session, hash, slot, Cause::removed, [](StoredItem) { return true; })) continue;
    session.note_gone(hash, Gone::removed);
    session.counters_.invalidated.add();
    ++walk_.removed;
  }
}

// --- age -----------------------------------------------------------------------------------------------------------------------------

void AutoInvalidator::tell_of_old(std::int64_t now_ms) noexcept {
  if (old_items_.load(std::memory_order_relaxed) == 0 || now_ms < told_of_old_ms_ + kOldEventsMs) return;
  const double age = static_cast<double>(settings_.max_age_ms) / static_cast<double>(kMsPerSecond);
  told_of_old_ms_ = now_ms;
  cache_.events().add({.at_ms = now_ms,
                       .kind = EventKind::old_items,
                       .measured = age,
                       .threshold = age,
                       .items = old_items_.exchange(0, std::memory_order_relaxed)});
}

// --- memory --------------------------------------------------------------------------------------------------------------------------

bool AutoInvalidator::relieve(Session& session, Time::time_point deadline) {
  if (settings_.pressure_percent == 0) return false;
  const std::int64_t now_ms = session.now_ms();
  const auto limit = static_cast<double>(core_.budget.limit_bytes());
  // What waits for readers comes back without others having to go.
  const auto share = [&] {
    const std::uint64_t total = core_.budget.total_bytes();
    return static_cast<double>(total - std::min(total, core_.readers.waiting_bytes())) / limit;
  };
  if (!pressure_.relieving) {
    const double charged = share();
    if (charged * kPercent <= settings_.pressure_percent) {
      pressure_.since_ms = 0;
      return false;
    }
    if (pressure_.since_ms == 0) pressure_.since_ms = now_ms;
    if (now_ms - pressure_.since_ms < settings_.pressure_ms) return false;
    pressure_.relieving = true;
    pressure_.share = charged;
    pressure_.evicted = 0;
  }
  while (share() * kPercent > settings_.relief_percent && cache_.evict_one(session).found) {
    ++pressure_.evicted;
    session.quiescent();
    if (Time::now() >= deadline) return true;
  }
  cache_.events().add({.at_ms = now_ms,
                       .kind = EventKind::memory_pressure,
                       .measured = pressure_.share,
                       .threshold = settings_.pressure_percent / kPercent,
                       .items = pressure_.evicted});
  pressure_ = {};
  return false;
}

// --- hits ----------------------------------------------------------------------------------------------------------------------------

void AutoInvalidator::judge_hits(Session& session) {
  if (settings_.hits_window_ms == 0) return;
  const std::int64_t now_ms = session.now_ms();
  if (hits_.action_due) hits_.action_due = !act(session);
  if (hits_.next_ms != 0 && now_ms < hits_.next_ms) return;
  const Statistics counted = cache_.statistics_since_start();
  const std::uint64_t all_reads = counted.hits + counted.misses;
  const auto hits = static_cast<double>(counted.hits - hits_.hits);
  const auto reads = static_cast<double>(all_reads - hits_.reads);
  const bool is_first = hits_.next_ms == 0;
  hits_.next_ms = now_ms + settings_.hits_window_ms;
  hits_.hits = counted.hits;
  hits_.reads = all_reads;
  if (is_first || reads < static_cast<double>(settings_.least_reads)) return;
  const double threshold =
      hits_.windows < kLeastWindows ? 0 : hits_.usual_hits / hits_.usual_reads * settings_.hits_percent / kPercent;
  if (hits / reads < threshold) {
    cache_.events().add({.at_ms = now_ms, .kind = EventKind::hit_ratio_drop, .measured = hits / reads, .threshold = threshold});
    hits_.usual_hits = hits_.usual_reads = 0;
    hits_.windows = 0;
    hits_.action_due = settings_.then != AutoInvalidation::Then::nothing && !act(session);
    return;
  }
  hits_.usual_hits += hits - hits_.usual_hits / kForgets;
  hits_.usual_reads += reads - hits_.usual_reads / kForgets;
  ++hits_.windows;
}

// False: too much waits to be swept, or memory is out; later.
bool AutoInvalidator::act(Session& session) {
  switch (settings_.then) {
    case AutoInvalidation::Then::nothing: break;
    case AutoInvalidation::Then::prefix: return cache_.try_invalidate(session, settings_.database, settings_.prefix);
    case AutoInvalidation::Then::database: return cache_.try_clear(settings_.database, 1);
    case AutoInvalidation::Then::everything: return cache_.try_clear(0, cache_.options().namespaces);
  }
  return true;
}

}  // namespace strata::cache
