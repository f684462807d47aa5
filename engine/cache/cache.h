#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/cache/auto_invalidation.h"
#include "engine/cache/budget.h"
#include "engine/cache/change.h"
#include "engine/cache/databases.h"
#include "engine/cache/decision.h"
#include "engine/cache/event_log.h"
#include "engine/cache/index_shard.h"
#include "engine/cache/key.h"
#include "engine/cache/options.h"
#include "engine/cache/session.h"
#include "engine/cache/status.h"
#include "engine/cache/value_block.h"
#include "engine/cache/victim_chooser.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

struct Core;

// Sums over all threads.
struct Statistics {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t expired = 0;
  std::uint64_t invalidated = 0;  // with their prefix, by MatchInvalidation, or for age or idleness; counted when taken out
  std::uint64_t evicted = 0;
  std::uint64_t eviction_refusals = 0;
  std::uint64_t place_searches = 0;  // for items that fitted below the limit, but into no free chunk: more was evicted
  std::uint64_t places_cleared = 0;  // for such items: what lay side by side was evicted
  std::uint64_t reclaim_waits = 0;   // of writers for readers: see Cache::retired_bytes
  std::uint64_t expiries_jittered = 0;  // items that were given less than was asked for: ExpiryRules; so is the next
  std::uint64_t expiries_renewed = 0;   // times that the lifetime of an item began anew
  // Of the misses, those of keys that had been there and are remembered; of about as many keys as there are items, at most 1/64 of the limit. A
  // key that never was is taken for one of them with a probability of 0.38 % at most.
  std::uint64_t misses_evicted = 0;
  std::uint64_t misses_expired = 0;
  std::uint64_t misses_removed = 0;
  std::uint64_t misses_flushed = 0;
  [[nodiscard]] std::uint64_t misses_never_seen() const noexcept {
    const std::uint64_t known = misses_evicted + misses_expired + misses_removed + misses_flushed;
    return misses - std::min(misses, known);  // the counters go on while they are added up
  }
  std::uint64_t sampled = 0;  // items looked at here and there to find one to evict, by the policies that compare a few
  // Under custom:
  std::uint64_t chosen = 0;           // items that went because the program chose them
  std::uint64_t choice_refusals = 0;  // times that it wanted none of those it was shown
  // Under s3fifo:
  std::uint64_t promoted = 0;       // items that left the young queue for the main one
  std::uint64_t readmitted = 0;     // keys that the young queue had let go and that came again
  std::uint64_t evicted_young = 0;  // of the evicted, those that had not been hit often enough when they left the young queue
  std::uint64_t judged_by_size =
      0;  // of the promoted and of these, those that would have been the other if all items were as large
};

// Of all shards.
struct IndexStatistics {
  std::uint64_t slots =
      0;  // of the tables, old ones that are being emptied included, and of what is in use of the overflow pools
  std::uint64_t pool_buckets = 0;  // in use
  std::uint64_t moves = 0;         // tables that were emptied into larger or smaller ones
  std::uint64_t growing = 0;       // shards that are at it
  std::uint64_t sent_aside = 0;    // items that made room for others of their home, since the start
};

// Since the start, but for the first two.
struct CompactionStatistics {
  std::uint64_t segments_bytes = 0;    // resident for items, of all sizes
  std::uint64_t free_bytes = 0;        // of them, not used
  std::uint64_t segments_emptied = 0;  // and given back
  std::uint64_t moved_items = 0;
  std::uint64_t moved_bytes = 0;
  std::uint64_t given_up = 0;  // segments that could not be emptied
};

// Since the start.
struct ExpiryStatistics {
  std::uint64_t walks = 0;   // segments that were looked through for what has expired
  std::uint64_t looked = 0;  // chunks that were looked at by these walks
};

struct NamespaceSize {
  std::uint64_t items = 0;
  std::uint64_t with_expiry = 0;
};

// What one slice of upkeep did.
struct UpkeepReport {
  std::uint64_t expired = 0;
  std::uint64_t evicted = 0;
  std::uint64_t freed = 0;        // items of flushed namespaces given back
  std::uint64_t invalidated = 0;  // items of invalidated prefixes, or too old or idle, given back
  bool more = false;              // due work is left: call again soon
};

// The shared level of the cache: an index of 256 shards over items in segments; any thread serves any key. Reads take no lock and write
// nothing; what changes a key takes the lock of its home bucket for the moment of publishing (docs/coherency.md has the argument).
// An operation on one key is atomic, and so is every operation on several (`read_many`, `update_many`).
// Visitors see items where they lie, while they may be read; decisions are made before anything is locked, and of several keys under their
// locks: no calls into the cache, no blocking.
// Ownership: keys and values are copied in, large values (ValueRef) adopted.
// Thread safety: all functions, from any thread, each with a session of its own.
// Memory: everything is charged to `budget()`; a write that would pass the limit evicts first. What one update adds is known only
// when it has decided, so that the total may pass the limit by one value a thread, until that update returns.
class Cache {
 public:
  static constexpr std::size_t kShards = kShardCount;

  Cache(const Options& options, const Tunables& tunables);
  ~Cache();  // REQUIRES: all sessions closed, all ValueRefs dropped
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // Takes effect for the next operation of every thread. Lowering the limit evicts in slices (upkeep) and with the next writes.
  // False, and nothing is changed: the policy is custom and nobody is there to choose.
  bool apply(const Tunables& tunables) noexcept;
  [[nodiscard]] Tunables tunables() const noexcept;
  [[nodiscard]] const Options& options() const noexcept;
  // What the cache takes out by itself. REQUIRES: its problem() is a null pointer.
  void set_auto_invalidation(const AutoInvalidation& settings, std::int64_t now_ms);
  [[nodiscard]] AutoInvalidation auto_invalidation() const;
  // What came of it.
  [[nodiscard]] EventLog& events() noexcept;
  [[nodiscard]] const EventLog& events() const noexcept;

  [[nodiscard]] std::unique_ptr<Session> open_session();

  // REQUIRES: ns < options().namespaces
  [[nodiscard]] Key key(Namespace ns, std::string_view bytes) const noexcept;

  // Has what operations on these keys will look at on its way from memory, and notes in the keys where to find it: pays where at least two are about
  // to come. It changes nothing else. REQUIRES: within a slice of the calling thread's session, in which the keys are used.
  void prefetch(std::span<Key> keys) const noexcept;
  // The first step of it, which waits for nothing: for keys that will be prefetched a little later.
  void prefetch_homes(std::span<const Key> keys) const noexcept;

  // Calls `visit` if the key is there and not expired. Counts a hit or a miss, renews the recency. Returns whether it was there.
  bool read(Session& session, const Key& key, Visitor<void(const ItemView&)> visit);
  // Calls `visit(i, item or nullptr)` for each key, in order, as of one moment.
  void read_many(Session& session, std::span<const Key> keys, Visitor<void(std::size_t, const ItemView*)> visit);
  // As read, for looking without touching: neither statistics nor recency change (TTL, EXISTS as introspection, OBJECT).
  bool peek(Session& session, const Key& key, Visitor<void(const ItemView&)> visit);
  // As read_many, likewise.
  void peek_many(Session& session, std::span<const Key> keys, Visitor<void(std::size_t, const ItemView*)> visit);

  // How often the key was asked for since the policy last judged it, 3 at most; under lfu about how often, where older uses count less. Nothing if it is
  // not there. Looks without touching.
  [[nodiscard]] std::optional<unsigned> hits(Session& session, const Key& key);
  // As if it had been asked for so often, as far as the policy tells that apart.
  void assume_hits(Session& session, const Key& key, unsigned hits);
  // What the key takes: its item with padding, its value's block, its slot in the index; not its share of what is free. Nothing if it is not there.
  // Looks without touching.
  [[nodiscard]] std::optional<std::uint64_t> bytes_of(Session& session, const Key& key);

  // Read-modify-write of one key: `decide` sees the current item and says what becomes of it; it is called again if somebody else changes the
  // key meanwhile (decision.h), and not at all when the key is too large. A put whose expiry has passed removes the item.
  // Does not count hits or misses (callers whose command reads do: count_lookup).
  Status update(Session& session, const Key& key, Visitor<void(Decision&)> decide);
  // Stores a value whatever the key holds: as update() with a decision that puts it and does not look, and less than that.
  Status put(Session& session, const Key& key, std::string_view value, std::int64_t expire_at_ms);
  // Removes a key; `was_there`: whether it had been there. Other than ok: nothing has happened.
  Status remove(Session& session, const Key& key, bool& was_there);
  // The same for several keys at one moment; `decide(i, decision)` is called for each in the order given. A key that is given
  // twice sees its first change the second time. `extra_bytes` is the payload about to be added, for which room is
  // made first; on out_of_memory nothing was changed.
  Status update_many(Session& session, std::span<const Key> keys, std::size_t extra_bytes,
                     Visitor<void(std::size_t, Decision&)> decide);
  // Books a hit or a miss for a lookup made inside `update`.
  void count_lookup(Session& session, const Key& key, bool hit) noexcept;

  // Evicts until `bytes` more fit below the limit. When the limit is further away than that (it was lowered, or buffers of
  // clients have grown) it is ok as soon as a few items and at least `bytes` are gone: upkeep brings the rest down.
  Status make_room(Session& session, std::size_t bytes);

  // Removes everything in a namespace at one moment; the memory comes back in slices of `upkeep`, unless `wait`: then before it
  // returns.
  void clear(Session& session, Namespace ns, bool wait);
  void clear_all(Session& session, bool wait);  // at one moment, too
  // Items of what was cleared that have not been taken out yet.
  [[nodiscard]] std::uint64_t items_to_clear() const;
  // Something that was cleared has not come back yet.
  [[nodiscard]] bool is_clearing() const noexcept;

  // Removes everything in a namespace whose key begins with `prefix` at one moment, however much it is; the memory comes back in slices of `upkeep`,
  // unless `wait`: then before it returns. Until then size() counts what has not come back, and reads look at the prefix of what they find. As long as
  // InvalidatedPrefixes::kMost prefixes wait the caller takes out what they cover by itself first, as with `wait`. An empty prefix clears.
  // too_large: longer than kMostPrefixBytes; out_of_memory: nothing was done.
  static constexpr std::size_t kMostPrefixBytes = InvalidatedPrefixes::kMostBytes;
  [[nodiscard]] Status invalidate_prefix(Session& session, Namespace ns, std::string_view prefix, bool wait);
  // The same without waiting, for who wants to know how much it was. REQUIRES: not empty.
  using Ticket = InvalidatedPrefixes::Ticket;
  [[nodiscard]] Status invalidate_prefix(Session& session, Namespace ns, std::string_view prefix, Ticket& ticket);
  // Not all of it has come back: ticket.taken_out() goes on.
  [[nodiscard]] bool is_pending(Session& session, const Ticket& ticket) const noexcept;
  // Prefixes whose items have not all come back.
  [[nodiscard]] std::size_t pending_prefixes() const noexcept;
  // Removes several keys at one moment; `removed`: how many of them had been there. Other than ok: nothing has happened.
  Status remove_many(Session& session, std::span<const Key> keys, std::size_t& removed);
  // What was in one database is in the other, at one moment. REQUIRES: both below options().namespaces
  void swap(Namespace one, Namespace other);

  // Who hears of all changes from here on; a null pointer: nobody. When it returns the one before is called no more.
  // Ownership: the caller's, which sets another or none before it ends.
  void set_change_listener(ChangeListener* listener) noexcept;

  // Who chooses under the policy custom from here on. When it returns the one before is called no more, so not to be called by it. A null pointer:
  // nobody; false, and nothing is changed, where the policy is custom. Ownership: the caller's.
  bool set_victim_chooser(VictimChooser* chooser);
  [[nodiscard]] bool has_victim_chooser() const noexcept;

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
  [[nodiscard]] IndexStatistics index_statistics() const noexcept;

  // One slice of housekeeping over every `stride`-th shard, and every `stride`-th domain of the item memory, from `first`: removes expired
  // items, evicts down to the limit, frees flushed items, until `slice` has passed (checked every few dozen items). Each event loop calls it
  // for its own share.
  UpkeepReport upkeep(Session& session, std::size_t first, std::size_t stride, std::chrono::nanoseconds slice);

  // Empties the segment that has most free, and gives it back, whether or not that pays, for so long at most. Returns whether it goes on: the rest is for
  // the next call, or for upkeep.
  bool compact_now(Session& session, std::chrono::nanoseconds slice);

  // Taken out and waiting until no reader can look at it: charged, and about max(0.5 % of the limit, 4 MiB) at most, beyond which who writes waits for
  // the readers when its operation or slice is over.
  [[nodiscard]] std::uint64_t retired_bytes() const noexcept;

  // The limit below which so many bytes can be used (budget().total_bytes()), as long as no more is lost to chunks that nothing fits in, and the policy
  // evicts.
  [[nodiscard]] static std::uint64_t limit_for(std::uint64_t used_bytes) noexcept;
  // What is resident: segments with what is free in them, and all else that is charged. This is what the limit bounds; `budget()` has what is used.
  [[nodiscard]] std::uint64_t resident_bytes() const noexcept;
  // Of it, large values that are no key's: they are being received, or were replaced while a ValueRef holds them.
  [[nodiscard]] std::uint64_t held_value_bytes() const noexcept;
  [[nodiscard]] bool is_compacting() const noexcept { return compaction_.is_begun.load(std::memory_order_relaxed); }
  // Free in the segments, or in use by what waits for readers, and what was done about it.
  [[nodiscard]] CompactionStatistics compaction_statistics() const noexcept;
  // What it took to find what has expired and nobody asked for.
  [[nodiscard]] ExpiryStatistics expiry_statistics() const noexcept;
  // Places of items that were replaced or removed and that a thread kept for its next items, since the start (ChunkMagazine).
  [[nodiscard]] std::uint64_t places_kept() const noexcept;
  [[nodiscard]] Budget& budget() noexcept;
  [[nodiscard]] const Budget& budget() const noexcept;
  // A block to receive a large value into, or an empty reference if it does not fit below the limit even after eviction.
  [[nodiscard]] ValueRef allocate_value(Session& session, std::size_t bytes);

 private:
  friend class AutoInvalidator;
  friend class Session;
  friend class Verifier;

  struct SeenKey {
    Key key;
    IndexShard::Mark mark;
    FoundSlot found;
    bool is_invalidated = false;  // with its prefix: what was found does not count
  };
  struct Evicted {
    bool found = false;           // false: there is nothing that the policy lets go
    std::size_t freed_bytes = 0;  // what the budget gets back; a pinned block gives nothing yet
  };

  // inspect.cpp. The slot of a key that is there and has not expired.
  [[nodiscard]] FoundSlot inspect(const Session& session, const Key& key) const noexcept;
  [[nodiscard]] Policy policy() const noexcept;
  [[nodiscard]] bool fits(std::uint64_t bytes) const noexcept;

  void prefetch_items(std::span<const Key> keys) const noexcept;
  // After a hit, where lifetimes slide: that of the item begins anew, if enough of it is over. `expiry_ms`: that it has so far.
  struct Renewal {
    std::int64_t lifetime_ms = 0, expiry_ms = 0;
  };
  [[nodiscard]] std::optional<Renewal> renewal_of(const Session& session, StoredItem item) const noexcept;
  void renew(Session& session, const Key& key, const Renewal& renewal);
  // Not inline: the way of a hit without one has no room for it.
  [[gnu::noinline]] void renew_if_due(Session& session, const Key& key, StoredItem item);
  bool look(Session& session, const Key& key, const Visitor<void(const ItemView&)>& visit, bool is_use);
  // The same outside of any slice.
  [[gnu::noinline]] bool look_alone(Session& session, const Key& key, const Visitor<void(const ItemView&)>& visit, bool is_use);
  // The same for a key whose database has become another keyspace since it was hashed.
  [[gnu::noinline]] bool look_anew(Session& session, const Key& key, const Visitor<void(const ItemView&)>& visit, bool is_use);
  void look_many(Session& session, std::span<const Key> keys, const Visitor<void(std::size_t, const ItemView*)>& visit, bool is_hit);
  // Whether there were any.
  bool remove_all_expired(Session& session, std::span<SeenKey> seen) noexcept;
  [[nodiscard]] bool see_all(std::span<const Key> keys, std::vector<SeenKey>& seen) noexcept;
  void see_all_locked(Session& session, std::span<const Key> keys, std::vector<SeenKey>& seen);
  [[nodiscard]] Status change_together(Session& session, std::span<const Key> keys,
                                       const Visitor<void(std::size_t, Decision&)>& decide, bool strict,
                                       std::int64_t& added_bytes);

  // eviction.cpp and eviction_*.cpp
  struct Victim {
    Slot slot;
    std::int64_t expiry_ms = 0;
    std::size_t seen = 0;
  };
  Evicted evict_one(Session& session);
  Evicted evict_by_hand(Session& session);
  Evicted evict_by_samples(Session& session);
  Evicted evict_by_use(Session& session);
  Evicted evict_by_choice(Session& session);
  struct Choice;
  void sample_here_and_there(Session& session, Visitor<void(Slot, bool& counts)> consider);
  void offer_to_pool(Session& session, Slot slot) const noexcept;
  Evicted evict_pooled(Session& session) noexcept;
  Evicted evict_by_queues(Session& session);
  Evicted evict_by_order(Session& session);
  Evicted evict_unordered(Session& session);
  // Items that were there before the policy that keeps an order was chosen: the oldest, in no order among each other. Returns whether some are left.
  bool put_in_order(Session& session, std::chrono::steady_clock::time_point deadline);
  void choose(Policy policy) noexcept;
  // A key leaves the young queue: for the main one, or for good. False: nothing was evicted.
  bool leave_young(Session& session, YoungKey key, Evicted& evicted) noexcept;
  [[nodiscard]] bool young_is_large() const noexcept;
  // Whether a young item is to stay now that its turn has come.
  [[nodiscard]] bool has_proved_itself(Session& session, Slot slot) noexcept;
  // With their values.
  [[nodiscard]] std::uint64_t budget_of_items() const noexcept;
  // As many ghosts as items.
  void consider_ghosts() noexcept;
  // The clock of uses to as many items as there are.
  void fit_uses() noexcept;
  void count_miss(Session& session, std::uint64_t hash) noexcept;
  // Whose items the hand judges under s3fifo; all others know no difference.
  enum class Judges : std::uint8_t { main, young };
  struct UnderHand;
  Evicted evict_by_hand(Session& session, std::uint32_t domain, Judges judges);
  Evicted evict_unjudged(Session& session);
  [[nodiscard]] UnderHand look_under_hand(Session& session, std::uint64_t offset, std::uint64_t hash, Judges judges);
  [[nodiscard]] std::uint64_t pass_by_hand(std::uint32_t domain, std::uint64_t& hash, std::size_t& passed) noexcept;
  [[nodiscard]] std::uint32_t next_hand(Session& session) const noexcept;
  Prefix look_around(Session& session, std::size_t shard, Prefix position, std::size_t homes, std::size_t samples,
                     Victim& victim);
  bool evict(Session& session, Slot slot, Evicted& evicted) noexcept;
  // Removes items until `bytes` more fit, or, when the limit is far, enough for one write to pay. False: not enough could be
  // removed.
  bool reserve(Session& session, std::uint64_t bytes);
  // Brings the total down again after a write that turned out larger than what was reserved.
  void settle(Session& session, std::int64_t added_bytes);
  // An item found no place (Session::wanted_bytes_), though it fits below the limit: evicts more, waits for readers, has segments emptied where it
  // needs pages of its own. False: there is nothing to be done.
  [[nodiscard]] bool find_place(Session& session, unsigned attempt);
  // As find_place(), for so many bytes of pages.
  [[nodiscard]] bool find_pages(Session& session, std::uint64_t bytes, unsigned attempt);
  void evict_bytes(Session& session, std::uint64_t bytes);
  // What lies side by side, until it has so many bytes. False: nothing that may go does, or too many would have to.
  bool evict_stretch(Session& session, std::uint64_t bytes);
  // The loop of both: until `room_bytes` more fit, or several victims and `own_bytes` are gone. False: nothing is left to remove.
  bool evict_for(Session& session, std::uint64_t room_bytes, std::uint64_t own_bytes);

  // compaction.cpp
  enum class Moved : std::uint8_t { yes, no, no_room };
  // What came of draining: a segment is begun and it goes on; it is empty, or was given up; there is none that can be; another thread is at it.
  enum class Drained : std::uint8_t { more, over, nothing, elsewhere };
  struct ToMove;
  struct DrainUntil {
    std::uint64_t bytes = ~std::uint64_t{0};  // moved
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    unsigned segments = ~0U;             // begun
    std::uint64_t least_free_bytes = 0;  // of a segment that is begun
    bool may_evict = false;              // what finds no place elsewhere
    bool may_open = false;               // segments, for what is moved
  };
  [[nodiscard]] Moved move_item(Session& session, const ToMove& item) noexcept;
  [[nodiscard]] Moved move_block(Session& session, const ToMove& block) noexcept;
  [[nodiscard]] bool put_at(Session& session, const ToMove& item, std::uint64_t from, std::uint64_t to, ValueRef block) noexcept;
  [[nodiscard]] Moved move(Session& session, const ToMove& chunk) noexcept;
  void drop_instead(Session& session, const ToMove& chunk) noexcept;
  [[nodiscard]] std::uint64_t allocate_for_move(Session& session, std::uint64_t bytes) noexcept;
  [[nodiscard]] bool next_to_move(ToMove& chunk) noexcept;
  [[nodiscard]] bool evict_instead(Session& session, const ToMove& chunk) noexcept;
  [[nodiscard]] Drained make_place_for(Session& session, const ToMove& chunk, const DrainUntil& until) noexcept;
  [[nodiscard]] Drained drain_step(Session& session, const DrainUntil& until, unsigned& begun) noexcept;
  [[nodiscard]] bool choose_segment(Session& session, std::uint64_t least_free_bytes) noexcept;
  void end_pass(Session& session) noexcept;
  void give_segment_up(const Session& session) noexcept;
  // Moves what is left of the emptiest segments elsewhere.
  Drained drain(Session& session, const DrainUntil& until) noexcept;
  void pay_for_segments(Session& session, std::uint64_t added_bytes) noexcept;
  [[nodiscard]] bool make_runs(Session& session, std::uint64_t bytes) noexcept;
  // Has segments given back until so many bytes may be added to what is resident.
  // `is_last`: the write will be refused otherwise.
  [[nodiscard]] bool make_pages(Session& session, std::uint64_t bytes, bool is_last) noexcept;
  void give_back_kept_at_times(Session& session) noexcept;
  [[nodiscard]] bool reconsider_given_up(const Session& session, bool at_once) noexcept;
  bool compact(Session& session, std::chrono::steady_clock::time_point deadline) noexcept;

  // expiry.cpp. A few dozen chunks of the domain, or of all that are the thread's to look after. Returns whether there is more to do now.
  bool expire_in_domain(Session& session, std::uint32_t domain, UpkeepReport& report) noexcept;
  bool expire_some(Session& session, std::size_t first, std::size_t stride, std::chrono::steady_clock::time_point deadline,
                   UpkeepReport& report) noexcept;

  // upkeep.cpp. Where the sweep of a shard is.
  struct ShardSweep {
    std::atomic<bool> busy = false;
    // Of who made it busy:
    Prefix position = 0;
    std::uint64_t seen = 0;   // slots since the table's beginning
    std::uint32_t round = 0;  // that was known last
    bool in_round = false;    // the shard is not through with it
  };
  struct SweepUntil {
    std::chrono::steady_clock::time_point deadline{};
    bool all = false;  // until the shard's end instead
  };
  struct Swept;
  // Goes on with the sweep of a shard: takes out what lies in a dropped keyspace, was invalidated with its prefix or is too old, and what has
  // expired as it comes by. Returns whether it pays to come again soon.
  bool sweep(Session& session, std::size_t shard, const SweepUntil& until, UpkeepReport& report);
  Swept sweep_some(Session& session, std::size_t shard, Prefix& position);
  void sweep_item(Session& session, Slot slot, Swept& swept) noexcept;
  void sweep_all(Session& session);
  bool remove_old(Session& session, Slot slot) noexcept;
  void clear_some(Session& session, Namespace first, std::size_t count, bool wait);
  // False, and nothing is done: so much waits to be swept that there is no place for more, or memory is out.
  [[nodiscard]] bool try_clear(Namespace first, std::size_t count);
  [[nodiscard]] bool try_invalidate(Session& session, Namespace ns, std::string_view prefix) noexcept;
  // The same, but memory that is out throws.
  [[nodiscard]] bool begin_invalidation(Session& session, Namespace ns, std::string_view prefix, Ticket& ticket);
  bool consider_size(Session& session, std::size_t shard);
  void consider_shrinking(std::size_t shard, std::uint64_t items) noexcept;
  // Segments that are all free. Returns whether there may be more.
  bool give_back_spare(std::chrono::steady_clock::time_point deadline) noexcept;
  bool empty_young_queue(Session& session, std::chrono::steady_clock::time_point deadline) noexcept;
  bool evict_some(Session& session, std::chrono::steady_clock::time_point deadline, UpkeepReport& report);
  [[nodiscard]] NamespaceSize size_of_all() const;
  [[nodiscard]] bool may_be_sparse(std::uint64_t items) const noexcept;
  [[nodiscard]] NamespaceSize size_of(Keyspace keyspace) const STRATA_REQUIRES(sessions_mutex_);
  [[nodiscard]] Statistics sum_of_sessions() const STRATA_REQUIRES(sessions_mutex_);
  void close(Session& session) noexcept;

  // The limit in force: the largest, or what that has given way to.
  void set_limit(std::uint64_t bytes) noexcept;
  void follow_system_memory(std::int64_t now_ms);

  const Options options_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<EventLog> events_;
  std::unique_ptr<DynamicSizer> sizer_;
  std::unique_ptr<AutoInvalidator> auto_;
  std::atomic<unsigned> eviction_samples_;
  std::array<ShardSweep, kShardCount> sweeps_;
  struct {
    std::atomic<bool> any = false;
    std::atomic<bool> anew = false;  // from the beginning
    std::atomic<bool> busy = false;
    // Of who made it busy:
    std::size_t shard = 0;
    Prefix position = 0;
  } to_be_ordered_;

  struct {
    std::atomic<bool> busy = false;
    // Of who made it busy:
    bool is_draining = false;
    bool may_open = false;
    std::uint32_t domain = 0;
    std::uint64_t moved_in_pass = 0;  // items and blocks
    unsigned idle_passes = 0;         // in a row, over the segment
    unsigned pause = 0;               // times that nothing is begun: the last one that was chosen could not be emptied
    // For statistics:
    std::atomic<std::uint64_t> moved = 0, moved_bytes = 0, given_up = 0;
    std::atomic<bool> is_begun = false;  // is_draining, for all
    // When segments that were given up were last offered again, and how long it has to be before they are again.
    std::atomic<std::int64_t> reconsidered_ms = 0, reconsider_pause_ms = 0;
  } compaction_;
  mutable sync::Mutex chooser_mutex_;
  std::shared_ptr<VictimChooser*> chooser_ STRATA_GUARDED_BY(chooser_mutex_);  // held by who is asking it

  mutable sync::Mutex sessions_mutex_;
  std::vector<Session*> sessions_ STRATA_GUARDED_BY(sessions_mutex_);
  std::uint64_t sessions_opened_ STRATA_GUARDED_BY(sessions_mutex_) = 0;
  Statistics closed_ STRATA_GUARDED_BY(sessions_mutex_);  // of sessions that are no more
  std::array<NamespaceSize, kKeyspaces> closed_sizes_ STRATA_GUARDED_BY(sessions_mutex_);
  Statistics baseline_ STRATA_GUARDED_BY(sessions_mutex_);  // what reset_statistics set to zero
};

}  // namespace strata::cache
