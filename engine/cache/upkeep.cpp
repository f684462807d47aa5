#include <algorithm>

#include "engine/cache/cache.h"
#include "engine/cache/hash.h"
#include "engine/cache/item.h"
#include "engine/cache/shard.h"

namespace strata::cache {

namespace {

using Time = std::chrono::steady_clock;

// The work done in one hold of a lock, between two looks at the clock: a few dozen items.
constexpr std::size_t kFreedPerStep = 64;
constexpr std::size_t kLooksPerStep = 64;
// A sweep goes on while at least one in so many of the items with an expiry that it saw had expired.
constexpr std::size_t kWorthwhile = 4;

// What one step of a sweep for expired items found.
struct Swept {
  Item* expired = nullptr;  // linked by `next`
  std::size_t expired_count = 0;
  std::size_t seen = 0;  // items with an expiry, the expired ones included

  [[nodiscard]] bool worth_going_on() const noexcept { return expired_count > 0 && expired_count * kWorthwhile >= seen; }
};

// Goes on with the sweep of a table where the last step stopped.
Swept sweep(Shard& shard, Table& table, std::int64_t now_ms) STRATA_REQUIRES(shard.mutex) {
  Swept swept;
  for (std::size_t looks = 0; looks < kLooksPerStep && table.with_expiry() > 0; ++looks) {
    const Table::Bucket bucket = table.bucket_at(table.sweep_position);
    for (Item** link = bucket.head; *link != nullptr; ++looks) {
      if ((*link)->expire_at_ms != kNoExpiry) ++swept.seen;
      if (!(*link)->has_expired(now_ms)) {
        link = &(*link)->next;
        continue;
      }
      Item* item = shard.remove(table, link);
      item->next = swept.expired;
      swept.expired = item;
      ++swept.expired_count;
    }
    table.sweep_position = bucket.end % kInnerEnd;
  }
  return swept;
}

// The first table from `ns` on that has something to expire or is in the middle of growing or shrinking; null if there is none.
Table* next_table(Shard& shard, std::size_t& ns) STRATA_REQUIRES(shard.mutex) {
  for (; ns < shard.namespaces(); ++ns) {
    Table* table = shard.table(static_cast<Namespace>(ns));
    if (table != nullptr && (table->with_expiry() > 0 || table->wants_to_settle())) return table;
  }
  return nullptr;
}

}  // namespace

bool Cache::free_some(Shard& shard, Time::time_point deadline, UpkeepReport& report) {
  for (bool more = true; more;) {
    Shard::Flushed taken;
    {
      const sync::MutexLock lock(shard.mutex);
      taken = shard.take_flushed(kFreedPerStep);
    }
    destroy_all(taken.list);
    report.freed += taken.count;
    more = taken.more;
    if (more && Time::now() >= deadline) return true;
  }
  return false;
}

bool Cache::expire_some(Session& session, Shard& shard, Time::time_point deadline, UpkeepReport& report) {
  for (std::size_t ns = 0;;) {
    Swept swept;
    bool moving = false;
    {
      const sync::MutexLock lock(shard.mutex);
      Table* table = next_table(shard, ns);
      if (table == nullptr) return false;
      swept = sweep(shard, *table, session.now_ms_);
      moving = table->settle(kLooksPerStep);
    }
    destroy_all(swept.expired);
    report.expired += swept.expired_count;
    SessionCounters::add(session.counters_.expired, swept.expired_count);
    const bool more = moving || swept.worth_going_on();
    if (!more) ++ns;
    if (Time::now() >= deadline) return more;
  }
}

bool Cache::evict_some(Session& session, Time::time_point deadline, UpkeepReport& report) {
  while (!fits(0)) {
    if (!evict_one(session).found) return false;
    ++report.evicted;
    if (Time::now() >= deadline) return !fits(0);
  }
  return false;
}

UpkeepReport Cache::upkeep(Session& session, std::size_t first, std::size_t stride, std::chrono::nanoseconds slice) {
  UpkeepReport report;
  if (first >= kShards) return report;
  stride = std::clamp<std::size_t>(stride, 1, kShards);
  const std::size_t share = (kShards - first + stride - 1) / stride;
  const Time::time_point start = Time::now();
  const Time::time_point deadline = start + slice;
  // When memory is short too, expiry may not eat up the whole slice.
  const Time::time_point tidy_until = fits(0) ? deadline : start + slice / 2;
  for (std::size_t n = 0; n < share; ++n) {
    Shard& shard = shards_[first + session.upkeep_turn_ % share * stride];
    const bool flushed_left = free_some(shard, tidy_until, report);
    const bool expired_left = !flushed_left && expire_some(session, shard, tidy_until, report);
    if (flushed_left || expired_left) {
      report.more = true;  // the next slice goes on with this shard
      break;
    }
    ++session.upkeep_turn_;
    if (Time::now() >= tidy_until) break;
  }
  if (evict_some(session, deadline, report)) report.more = true;
  return report;
}

}  // namespace strata::cache
