#include <algorithm>

#include "engine/cache/cache.h"
#include "engine/cache/hash.h"
#include "engine/cache/item.h"
#include "engine/cache/shard.h"

namespace strata::cache {

namespace {

// So many victims a write pays for when the limit is further away than its own size; upkeep does the rest.
constexpr std::size_t kVictimsPerWrite = 16;
// Shards looked at before the best seen so far is taken, or, if there is none, before the search becomes thorough.
constexpr std::size_t kQuickShards = 16;
// Items and buckets looked at in one hold of a lock.
constexpr std::size_t kLooksPerLock = 1024;

bool only_volatile(Policy policy) noexcept {
  return policy == Policy::volatile_lru || policy == Policy::volatile_random || policy == Policy::volatile_ttl;
}

// The search for one item to evict: looks at a few items and remembers the one that the policy would rather lose.
class Sampler {
 public:
  Sampler(Policy policy, std::size_t samples, std::int64_t now_ms) noexcept
      : policy_(policy), samples_(by_chance() ? 1 : samples), now_ms_(now_ms), now_(recency_of(now_ms)) {}

  // Items of a table that the policy may touch.
  [[nodiscard]] std::size_t eligible(const Table& table) const noexcept {
    return only_volatile(policy_) ? table.with_expiry() : table.items();
  }

  // Looks at items of a table from `position` on, around its end, until enough have been seen, or all, or kLooksPerLock.
  // Returns where it stopped.
  std::uint64_t look(std::size_t shard, Namespace ns, Table& table, std::uint64_t position) noexcept {
    const std::uint64_t first = table.bucket_at(position).begin;
    std::size_t looks = 0;
    for (bool wrapped = false; !is_done() && looks < kLooksPerLock && !(wrapped && position >= first); ++looks) {
      const Table::Bucket bucket = table.bucket_at(position);
      for (const Item* item = *bucket.head; item != nullptr && !is_done(); item = item->next, ++looks) consider(shard, ns, *item);
      wrapped = wrapped || bucket.end == kInnerEnd;
      position = bucket.end % kInnerEnd;
    }
    return position;
  }

  [[nodiscard]] bool is_done() const noexcept { return seen_ >= samples_; }
  [[nodiscard]] bool has_victim() const noexcept { return seen_ > 0; }
  [[nodiscard]] std::size_t shard() const noexcept { return shard_; }

  // Takes the victim out of its shard; null if it is gone meanwhile. REQUIRES: has_victim(), and `shard` is the one at shard()
  [[nodiscard]] Item* take(Shard& shard) const noexcept STRATA_REQUIRES(shard.mutex) {
    Table* table = shard.table(ns_);
    if (table == nullptr) return nullptr;
    Item** link = table->bucket_at(inner_position_of(hash_)).head;
    while (*link != nullptr && (*link)->hash() != hash_) link = &(*link)->next;
    if (*link == nullptr) return nullptr;
    Item* item = shard.remove(*table, link);
    shard.flush_credit();  // whoever waits for room must see it at once, or it would evict too much
    table->settle();
    return item;
  }

 private:
  [[nodiscard]] bool by_chance() const noexcept {
    return policy_ == Policy::allkeys_random || policy_ == Policy::volatile_random;
  }

  void consider(std::size_t shard, Namespace ns, const Item& item) noexcept {
    if (only_volatile(policy_) && item.expire_at_ms == kNoExpiry) return;
    ++seen_;
    // Higher is sooner to go; what has expired goes before all others.
    std::uint64_t score = idle_units(item.accessed, now_);
    if (policy_ == Policy::volatile_ttl)
      score = static_cast<std::uint64_t>(kNoExpiry - std::max<std::int64_t>(item.expire_at_ms, 0));
    if (item.has_expired(now_ms_)) score = ~std::uint64_t{0};
    if (seen_ > 1 && score <= score_) return;
    score_ = score;
    shard_ = shard;
    ns_ = ns;
    hash_ = item.hash();
  }

  Policy policy_;
  std::size_t samples_;
  std::int64_t now_ms_;
  std::uint32_t now_;
  std::size_t seen_ = 0;
  std::uint64_t score_ = 0;
  std::size_t shard_ = 0;
  Namespace ns_ = 0;
  std::uint64_t hash_ = 0;
};

// Samples one table of the shard, chosen by chance so that every item of the shard is as likely to be looked at.
void look_around(Sampler& sampler, std::size_t index, Shard& shard, std::uint64_t random) STRATA_REQUIRES(shard.mutex) {
  std::size_t eligible = 0;
  for (std::size_t ns = 0; ns < shard.namespaces(); ++ns) {
    if (const Table* table = shard.table(static_cast<Namespace>(ns))) eligible += sampler.eligible(*table);
  }
  if (eligible == 0) return;
  std::size_t chosen = (random >> 32U) % eligible;
  for (std::size_t i = 0; i < shard.namespaces(); ++i) {
    const auto ns = static_cast<Namespace>(i);
    Table* table = shard.table(ns);
    if (table == nullptr) continue;
    const std::size_t here = sampler.eligible(*table);
    if (chosen < here) {
      static_cast<void>(sampler.look(index, ns, *table, random & (kInnerEnd - 1)));
      return;
    }
    chosen -= here;
  }
}

// One step of the thorough search: a table that may have something is looked through from where the last search stopped.
// Returns false when the shard has nothing to give.
bool look_through(Sampler& sampler, std::size_t index, Shard& shard) STRATA_REQUIRES(shard.mutex) {
  for (std::size_t i = 0; i < shard.namespaces(); ++i) {
    const auto ns = static_cast<Namespace>(i);
    Table* table = shard.table(ns);
    if (table == nullptr || sampler.eligible(*table) == 0) continue;
    table->eviction_position = sampler.look(index, ns, *table, table->eviction_position);
    return true;
  }
  return false;
}

}  // namespace

Cache::Evicted Cache::evict_one(Session& session) {
  if (policy() == Policy::noeviction) return {};
  Sampler sampler(policy(), eviction_samples_.load(std::memory_order_relaxed), session.now_ms_);
  const std::uint64_t random = session.random();
  const std::size_t start = shard_of(random);
  for (std::size_t n = 0; n < kQuickShards && !sampler.is_done(); ++n) {
    const std::size_t index = (start + n) % kShards;
    const sync::MutexLock lock(shards_[index].mutex);
    look_around(sampler, index, shards_[index], random);
  }
  // Few items are left, or few that may go: now every shard is searched to its end, in short holds of its lock.
  for (std::size_t n = 0; n < kShards && !sampler.has_victim(); ++n) {
    const std::size_t index = (start + n) % kShards;
    for (bool more = true; more && !sampler.has_victim();) {
      const sync::MutexLock lock(shards_[index].mutex);
      more = look_through(sampler, index, shards_[index]);
    }
  }
  if (!sampler.has_victim()) return {};

  Evicted evicted{.found = true};
  Item* item = nullptr;
  {
    Shard& shard = shards_[sampler.shard()];
    const sync::MutexLock lock(shard.mutex);
    item = sampler.take(shard);
  }
  if (item == nullptr) return evicted;  // somebody else removed it: that made room as well
  evicted.freed_bytes = item->charged_bytes() + (item->is_large() && item->block().unique() ? item->block_bytes() : 0);
  SessionCounters::add(item->has_expired(session.now_ms_) ? session.counters_.expired : session.counters_.evicted);
  Item::destroy(item);
  return evicted;
}

bool Cache::evict_for(Session& session, std::uint64_t room_bytes, std::uint64_t own_bytes) {
  std::uint64_t freed_bytes = 0;
  for (std::size_t victims = 0; !fits(room_bytes); ++victims) {
    if (victims >= kVictimsPerWrite && freed_bytes >= own_bytes) return true;
    const Evicted evicted = evict_one(session);
    if (!evicted.found) return false;
    freed_bytes += evicted.freed_bytes;
  }
  return true;
}

bool Cache::reserve(Session& session, std::uint64_t bytes) {
  if (fits(bytes)) [[likely]]
    return true;
  if (bytes > budget_.limit_bytes()) return false;  // emptying the cache would not help
  return evict_for(session, bytes, bytes);
}

void Cache::settle(Session& session, std::int64_t added_bytes) {
  if (added_bytes <= 0 || fits(0)) [[likely]]
    return;
  static_cast<void>(evict_for(session, 0, static_cast<std::uint64_t>(added_bytes)));
}

Status Cache::make_room(Session& session, std::size_t bytes) {
  if (reserve(session, bytes)) return Status::ok;
  SessionCounters::add(session.counters_.eviction_refusals);
  return Status::out_of_memory;
}

ValueRef Cache::allocate_value(Session& session, std::size_t bytes) {
  if (bytes > kMaxValueBytes || make_room(session, bytes + sizeof(ValueBlock)) != Status::ok) return {};
  return ValueRef::allocate(bytes, budget_);
}

}  // namespace strata::cache
