#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/cache/databases.h"
#include "engine/cache/eviction_pool.h"
#include "engine/cache/ghost_table.h"
#include "engine/cache/item_memory.h"
#include "engine/cache/order_list.h"
#include "engine/cache/retirement.h"
#include "engine/cache/write_gate.h"
#include "engine/cache/young_queue.h"
#include "engine/sync/quiescent_state.h"

namespace strata::cache {

class Cache;

// Written by one thread alone (plain relaxed loads and stores), read by anybody.
template <typename T>
class OwnCounter {
 public:
  void add(T count = 1) noexcept { value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed); }
  [[nodiscard]] T get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<T> value_{0};
};

// Counters of one thread.
struct SessionCounters {
  OwnCounter<std::uint64_t> hits;
  OwnCounter<std::uint64_t> misses;
  // Of the misses, those of keys that had been there, by what had become of them.
  std::array<OwnCounter<std::uint64_t>, kGoneCauses> misses_of_gone;
  OwnCounter<std::uint64_t> expired;      // items removed because their time had come
  OwnCounter<std::uint64_t> invalidated;  // items removed because their prefix was invalidated, or they matched what was to go
  OwnCounter<std::uint64_t> evicted;      // items removed because memory was needed
  OwnCounter<std::uint64_t> eviction_refusals;  // writes refused: over the limit and nothing to evict
  OwnCounter<std::uint64_t> retries;            // of updates, because somebody else changed the key meanwhile
  OwnCounter<std::uint64_t> place_searches;     // for items that fitted below the limit, but into no free chunk
  OwnCounter<std::uint64_t> places_cleared;     // for such items, by taking out what lay side by side
  OwnCounter<std::uint64_t> reclaim_waits;      // for readers, because too much waited for them
  OwnCounter<std::uint64_t> expiries_jittered;  // items that were given less than was asked for
  OwnCounter<std::uint64_t> expiries_renewed;   // lifetimes that began anew
  OwnCounter<std::uint64_t> promoted;           // items that left the young queue for the main one
  OwnCounter<std::uint64_t> readmitted;         // keys that the young queue had let go and that came again
  OwnCounter<std::uint64_t> evicted_young;      // of the evicted
  OwnCounter<std::uint64_t> judged_by_size;     // of the promoted and of these: their size made the difference
  OwnCounter<std::uint64_t> sampled;            // items looked at here and there for one to evict
  OwnCounter<std::uint64_t> chosen;             // of the evicted, by the program
  OwnCounter<std::uint64_t> choice_refusals;    // times that it wanted none
  // Of each keyspace: what this thread has added less what it has removed. Sums over threads are exact, one thread's may be below zero.
  struct Keyspace {
    OwnCounter<std::int64_t> items;
    OwnCounter<std::int64_t> with_expiry;
  };
  std::array<Keyspace, kKeyspaces> keyspaces;
};

// What one thread brings to the cache: its clock reading, its counters, its random numbers, its place among the readers. Every thread that uses
// the cache opens one (Cache::open_session) and passes it to each call.
//
// A thread that serves many requests says where it holds nothing of the cache: begin_slice() before, quiescent() between, end_slice() before it
// sleeps. Between them no call has to say so by itself. Outside of slices every call does: that is slower, and all there is to it.
// Thread safety: none; the counters may be read from other threads.
class Session {
 public:
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();  // folds the counters into the cache's total

  // The time that expiry is judged by, and after which compaction tries again what it gave up, until the next call: set once per turn of an event loop. A new session has the time of its opening.
  void set_now_ms(std::int64_t wall_clock_ms) noexcept { now_ms_ = wall_clock_ms; }
  [[nodiscard]] std::int64_t now_ms() const noexcept { return now_ms_; }
  // Whether reads from here on are uses: they renew what the policy knows of a key, and its lifetime where that slides. Hits and misses are counted
  // either way. So it is at first.
  void set_touching(bool is_touching) noexcept { is_touching_ = is_touching; }

  void begin_slice() noexcept { participant_.online(); }
  [[nodiscard]] bool is_in_slice() const noexcept { return participant_.is_online(); }
  // Where it finds that more has been taken out of the cache than is to wait for readers (Counters::reclaim_waits), both quiescent() and end_slice()
  // wait until each reader has come by a point like this one.
  void quiescent() noexcept {
    retirement_.hand_over();
    if (participant_.is_online()) participant_.set_keeper(&handle_);
    participant_.quiescent();
    if (retirement_.take_over_quota()) [[unlikely]]
      wait_for_readers();
  }
  void end_slice() noexcept {
    // It may sleep for long, and what it keeps is in the way of who empties segments; a thread that has upkeep to do comes by again.
    if (!does_upkeep_ && participant_.has_keeper()) stop_keeping();
    retirement_.hand_over();
    participant_.offline();
    participant_.quiescent();
    if (retirement_.take_over_quota()) [[unlikely]]
      wait_for_readers();
  }

  // For the cache's own parts: where its changes pass the gate.
  [[nodiscard]] WriteGate::Writer& writer() noexcept { return writer_; }
  [[nodiscard]] const SessionCounters& counters() const noexcept { return counters_; }

 private:
  friend class AutoInvalidator;
  friend class Cache;
  friend class Operation;
  friend class Prepared;
  friend class Update;
  friend bool make_place(struct Core& core, Session& session, std::uint64_t hash) noexcept;
  friend void help_growing_at_times(struct Core& core, Session& session, std::uint64_t hash) noexcept;
  friend bool can_retire(Session& session) noexcept;
  friend void count_removed(Session& session, Keyspace keyspace, std::uint64_t hash, const struct Replaced& removed) noexcept;
  friend void count_expired(Session& session, Keyspace keyspace, std::uint64_t hash, const struct Replaced& removed) noexcept;
  friend void note_hit(const struct Core& core, Session& session, std::uint64_t hash, const struct FoundSlot& found) noexcept;
  friend std::int64_t book(Session& session, Keyspace keyspace, class Prepared& prepared, const struct Replaced& replaced,
                           bool had_expired) noexcept;
  friend void book_published(Session& session, Keyspace keyspace, std::uint64_t hash, const struct PreparedItem& item,
                             const struct Replaced& replaced) noexcept;
  friend bool write_plainly(struct Core& core, Session& session, const struct Key& key, std::string_view value,
                            std::int64_t expiry_ms, std::int64_t& added_bytes) noexcept;
  friend void count_taken(Session& session, const struct Key& key, const struct TakenItem& taken) noexcept;
  friend void count_invalidated(Session& session, Keyspace keyspace, std::uint64_t hash, const struct Replaced& removed,
                                InvalidatedPrefixes::View::Count count) noexcept;
  friend bool remove_expired(struct Core& core, Session& session, const struct Key& key, const struct FoundSlot& seen) noexcept;
  friend class Verifier;
  Session(Cache& cache, std::int64_t now_ms, std::uint64_t random_seed);

  // xorshift64: uniform enough to choose victims by, and three instructions.
  [[nodiscard]] std::uint64_t random() noexcept {
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    return random_;
  }
  // Books bytes of items. The budget hears of them in steps.
  void account(std::int64_t bytes) noexcept {
    credit_bytes_ += bytes;
    if (credit_bytes_ > Budget::kCreditBytes || credit_bytes_ < -Budget::kCreditBytes) flush_credit();
  }
  void flush_credit() noexcept;
  // A key is there that was not. By its policy it comes into the young queue, or, if that let it go not long ago, does not have to again.
  void note_new(std::uint64_t hash, std::uint64_t bytes, bool in_main) noexcept;
  // What waits for the hand to judge it may have come to lie where that has been.
  void note_replaced(std::uint64_t hash, std::uint64_t bytes, bool is_young) noexcept;
  void note_moved(std::uint64_t hash, std::uint64_t bytes, bool is_young) noexcept;
  void note_young(std::uint64_t hash, std::uint64_t bytes) noexcept;
  void bring_young() noexcept;
  // What was stored while the cache was filling is judged by the hand, which does not come to open runs.
  void end_filling() noexcept;
  // For the policies that are told of each use.
  void note_use(std::uint64_t hash, std::uint64_t offset) noexcept;
  // A key's item has come to lie somewhere else than its old one; 0: there was none.
  void note_place(std::uint64_t before, std::uint64_t offset) noexcept;
  // For the policies that keep an order.
  void note_order(std::uint64_t hash, OrderEvent::Kind kind) noexcept;
  void bring_order() noexcept;
  // Remembered, for who asks for it.
  void note_gone(std::uint64_t hash, Gone cause) noexcept;
  void wait_for_readers() noexcept;
  // The places of what it has taken out.
  void stop_keeping() noexcept;
  // What was taken out before is free afterwards: waits for each reader to come by.
  void reclaim() noexcept;

  Cache* cache_;
  std::int64_t now_ms_;
  std::uint64_t random_;
  std::size_t upkeep_turn_ = 0;  // where among its shards the next upkeep goes on
  struct ExpiryRound {
    std::size_t domains_left = 0;  // to be walked through for what has expired; 0: no round is under way
    std::size_t domains_walked = 0;
    std::int64_t next_ms = 0;  // the next one does not begin before
  } expiry_round_;
  std::int64_t credit_bytes_ = 0;
  std::uint64_t gone_ = 0;          // keys that it has noted as gone
  std::uint64_t added_ = 0;         // hash of the key that the update under way has added: not the one to make room for itself
  std::uint32_t hand_turn_ = 0;     // which domain's hand looks for the next victim
  std::uint64_t wanted_bytes_ = 0;  // for which no place was found, since it was set to 0
  bool cleared_place_ = false;      // for the item under way
  std::int64_t gave_back_ms_ = 0;   // when it gave back what it keeps, in upkeep
  bool does_upkeep_ = false;
  bool is_touching_ = true;
  bool filled_ = false;             // it has stored something while the cache was filling, since it ended that last
  sync::qsbr::Participant participant_;
  WriteGate::Writer writer_;
  ItemStore::Handle handle_;
  Retirement retirement_;
  YoungBatch young_;
  OrderBatch order_;
  EvictionPool pool_;
  std::uint32_t new_keys_ = 0;  // that the clock of uses has not heard of
  std::vector<Slot> seen_;      // of a piece of the index that is being looked through
  SessionCounters counters_;
};

// A slice from construction to destruction.
class Slice {
 public:
  explicit Slice(Session& session) noexcept : session_(session) { session_.begin_slice(); }
  ~Slice() { session_.end_slice(); }
  Slice(const Slice&) = delete;
  Slice& operator=(const Slice&) = delete;

 private:
  Session& session_;
};

// Outside of any slice from construction to destruction, for waiting: what the thread held of the cache it holds no longer.
class Pause {
 public:
  explicit Pause(Session& session) noexcept : session_(session), in_slice_(session.is_in_slice()) {
    if (in_slice_) session_.end_slice();
  }
  ~Pause() {
    if (in_slice_) session_.begin_slice();
  }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  Session& session_;
  bool in_slice_;
};

// One call of the cache: holds the thread among the readers, if no slice does.
class Operation {
 public:
  explicit Operation(Session& session) noexcept : session_(session), alone_(!session.participant_.is_online()) {
    if (alone_) session_.begin_slice();
  }
  ~Operation() {
    if (alone_) end_alone();
  }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

 private:
  // Not inline: what a slice would have cost less takes no registers from what is in one.
  [[gnu::noinline]] void end_alone() noexcept { session_.end_slice(); }

  Session& session_;
  bool alone_;
};

}  // namespace strata::cache
