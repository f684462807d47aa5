#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "engine/cache/budget.h"
#include "engine/cache/decision.h"
#include "engine/cache/key.h"
#include "engine/cache/options.h"
#include "engine/cache/session.h"
#include "engine/cache/value_block.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

class Shard;

enum class Status : std::uint8_t {
  ok,
  out_of_memory,  // over the limit and nothing may be evicted, or the system gave none: nothing was changed
  too_large,      // key or value beyond kMaxKeyBytes / kMaxValueBytes: nothing was changed
};

// Sums over all threads.
struct Statistics {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t expired = 0;
  std::uint64_t evicted = 0;
  std::uint64_t eviction_refusals = 0;
};

struct NamespaceSize {
  std::uint64_t items = 0;
  std::uint64_t with_expiry = 0;
};

// What one slice of upkeep did.
struct UpkeepReport {
  std::uint64_t expired = 0;
  std::uint64_t evicted = 0;
  std::uint64_t freed = 0;  // items of flushed namespaces given back
  bool more = false;        // due work is left: call again soon
};

// The shared level of the cache: 256 shards, each a hash table under its own lock; any thread serves any key.
// An operation on one key is atomic, and so is every operation on several (`read_many`, `update_many`): all shards concerned are
// locked in ascending order. Visitors and decisions run under those locks: short, no calls into the cache, no blocking.
// Ownership: keys and values are copied in, large values (ValueRef) adopted.
// Thread safety: all functions, from any thread, each with a session of its own.
// Memory: everything is charged to `budget()`; a write that would pass the limit evicts first. What one update adds is known only
// when it has decided, so that the total may pass the limit by one value a thread, until that update returns.
class Cache {
 public:
  static constexpr std::size_t kShards = 256;

  Cache(const Options& options, const Tunables& tunables);
  ~Cache();  // REQUIRES: all sessions closed, all ValueRefs dropped
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // Takes effect for the next operation of every thread. Lowering the limit evicts in slices (upkeep) and with the next writes.
  void apply(const Tunables& tunables) noexcept;
  [[nodiscard]] Tunables tunables() const noexcept;
  [[nodiscard]] const Options& options() const noexcept;

  [[nodiscard]] std::unique_ptr<Session> open_session();

  // REQUIRES: ns < options().namespaces
  [[nodiscard]] Key key(Namespace ns, std::string_view bytes) const noexcept;

  // Calls `visit` if the key is there and not expired. Counts a hit or a miss, renews the recency. Returns whether it was there.
  bool read(Session& session, const Key& key, Visitor<void(const ItemView&)> visit);
  // Calls `visit(i, item or nullptr)` for each key, in order, as of one moment.
  void read_many(Session& session, std::span<const Key> keys, Visitor<void(std::size_t, const ItemView*)> visit);
  // As read, for looking without touching: neither statistics nor recency change (TTL, EXISTS as introspection, OBJECT).
  bool peek(Session& session, const Key& key, Visitor<void(const ItemView&)> visit);

  // Read-modify-write of one key: `decide` sees the current item and says what becomes of it, under the lock; it is called once,
  // or not at all when the key is too large. A put whose expiry has passed removes the item.
  // Does not count hits or misses (callers whose command reads do: count_lookup).
  Status update(Session& session, const Key& key, Visitor<void(Decision&)> decide);
  // The same for several keys at one moment; `decide(i, decision)` is called for each in the order given. A key that is given
  // twice sees its first change the second time. `extra_bytes` is the payload about to be added, for which room is
  // made first; on out_of_memory nothing was changed.
  Status update_many(Session& session, std::span<const Key> keys, std::size_t extra_bytes,
                     Visitor<void(std::size_t, Decision&)> decide);
  // Books a hit or a miss for a lookup made inside `update`.
  static void count_lookup(Session& session, bool hit) noexcept;

  // Evicts until `bytes` more fit below the limit. When the limit is further away than that (it was lowered, or buffers of
  // clients have grown) it is ok as soon as a few items and at least `bytes` are gone: upkeep brings the rest down.
  Status make_room(Session& session, std::size_t bytes);

  // Removes everything in a namespace at one moment; the memory comes back in slices of `upkeep`, unless `wait`: then before it
  // returns.
  void clear(Session& session, Namespace ns, bool wait);
  void clear_all(Session& session, bool wait);

  // Visits items in the order of their hash, a bucket at a time, at least `at_least` of them if there are as many, from `cursor`
  // (0 at the beginning); returns where to go on, 0 at the end. The cursor is a hash position below 2^53: an item that is there
  // during the whole iteration is visited exactly once, whatever else comes, goes or grows. At most `max_buckets` buckets are
  // looked at in one call.
  std::uint64_t scan(Session& session, Namespace ns, std::uint64_t cursor, std::size_t at_least, std::size_t max_buckets,
                     Visitor<void(std::string_view key, const ItemView&)> visit);

  [[nodiscard]] NamespaceSize size(Namespace ns) const;
  [[nodiscard]] Statistics statistics() const;              // since the last reset
  [[nodiscard]] Statistics statistics_since_start() const;  // never falls
  void reset_statistics();

  // One slice of housekeeping over every `stride`-th shard from `first`: removes expired items, evicts down to the limit, frees
  // flushed items, until `slice` has passed (checked every few dozen items). Each event loop calls it for its own share of
  // shards.
  UpkeepReport upkeep(Session& session, std::size_t first, std::size_t stride, std::chrono::nanoseconds slice);

  [[nodiscard]] Budget& budget() noexcept;
  [[nodiscard]] const Budget& budget() const noexcept;
  // A block to receive a large value into, or an empty reference if it does not fit below the limit even after eviction.
  [[nodiscard]] ValueRef allocate_value(Session& session, std::size_t bytes);

 private:
  friend class Session;
  friend class Verifier;

  struct Evicted {
    bool found = false;           // false: there is nothing that the policy lets go
    std::size_t freed_bytes = 0;  // what the budget got back; a pinned block gives nothing yet
  };

  [[nodiscard]] Shard& shard_for(const Key& key) noexcept;
  [[nodiscard]] Policy policy() const noexcept { return policy_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool fits(std::uint64_t bytes) const noexcept { return budget_.total_bytes() + bytes <= budget_.limit_bytes(); }
  // Removes one item (eviction.cpp).
  Evicted evict_one(Session& session);
  // Removes items until `bytes` more fit, or, when the limit is far, enough for one write to pay. False: not enough could be
  // removed.
  bool reserve(Session& session, std::uint64_t bytes);
  // Brings the total down again after a write that turned out larger than what was reserved.
  void settle(Session& session, std::int64_t added_bytes);
  // The loop of both: until `room_bytes` more fit, or several victims and `own_bytes` are gone. False: nothing is left to remove.
  bool evict_for(Session& session, std::uint64_t room_bytes, std::uint64_t own_bytes);

  void free_flushed();
  // The three kinds of upkeep, in short holds of one lock, until `deadline` or until little is left to do; each does at least one
  // step. They return whether it pays to come again soon.
  bool free_some(Shard& shard, std::chrono::steady_clock::time_point deadline, UpkeepReport& report);
  bool expire_some(Session& session, Shard& shard, std::chrono::steady_clock::time_point deadline, UpkeepReport& report);
  bool evict_some(Session& session, std::chrono::steady_clock::time_point deadline, UpkeepReport& report);
  [[nodiscard]] Statistics sum_of_sessions() const STRATA_REQUIRES(sessions_mutex_);
  void close(Session& session) noexcept;
  [[nodiscard]] std::size_t fixed_index_bytes() const noexcept;

  const Options options_;
  std::atomic<Policy> policy_;
  std::atomic<unsigned> eviction_samples_;
  Budget budget_;
  std::unique_ptr<Shard[]> shards_;

  mutable sync::Mutex sessions_mutex_;
  std::vector<Session*> sessions_ STRATA_GUARDED_BY(sessions_mutex_);
  std::uint64_t sessions_opened_ STRATA_GUARDED_BY(sessions_mutex_) = 0;
  Statistics closed_ STRATA_GUARDED_BY(sessions_mutex_);    // of sessions that are no more
  Statistics baseline_ STRATA_GUARDED_BY(sessions_mutex_);  // what reset_statistics set to zero
};

}  // namespace strata::cache
