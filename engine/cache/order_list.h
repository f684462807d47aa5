#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/cache/budget.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

// Something that has happened to a key, for the order.
struct OrderEvent {
  enum class Kind : std::uint8_t { added, touched, removed };
  std::uint64_t hash = 0;
  Kind kind = Kind::added;
};

// The exact order of all keys, by when they came or were used last: for the policies that cannot do without (exact lru, mru, sieve), and only
// while one of them is chosen. A list through records of 20 B, found by hash in a table that grows by one chain at a time (W. Litwin, "Linear
// hashing", 1980), so that no event waits for a whole table: 26 B a key in all, charged to Purpose::policy. A key is its hash: two keys with the
// same 64 bits share a record.
// Where there is no memory for a record the key is not in the order; its item goes when the hand comes to it.
// Thread safety: all functions. Threads bring events in batches (OrderBatch).
class OrderList {
 public:
  explicit OrderList(Budget& budget) noexcept : budget_(budget) {}
  ~OrderList();
  OrderList(const OrderList&) = delete;
  OrderList& operator=(const OrderList&) = delete;

  // What was added is the newest; what is touched becomes it, if `moves`, and is added where it was not known.
  void apply(std::span<const OrderEvent> events, bool moves) noexcept STRATA_EXCLUDES(mutex_);
  // Adds a key as the oldest, if it is not known: one that was there before anybody kept an order.
  void add_oldest(std::uint64_t hash) noexcept STRATA_EXCLUDES(mutex_);

  // Takes the oldest, or the newest one, out.
  [[nodiscard]] std::optional<std::uint64_t> take_oldest() noexcept STRATA_EXCLUDES(mutex_);
  [[nodiscard]] std::optional<std::uint64_t> take_newest() noexcept STRATA_EXCLUDES(mutex_);
  // The key that sieve's hand points at, and moves it on to the next newer one, from the newest to the oldest. `added`: the hash of a key that is being
  // added while room is made for it: as if it were not there yet.
  [[nodiscard]] std::optional<std::uint64_t> pass(std::uint64_t added) noexcept STRATA_EXCLUDES(mutex_);
  void remove(std::uint64_t hash) noexcept STRATA_EXCLUDES(mutex_);

  // Forgets everything and gives its memory back.
  void clear() noexcept STRATA_EXCLUDES(mutex_);
  [[nodiscard]] std::uint64_t keys() const noexcept { return keys_.load(std::memory_order_relaxed); }

 private:
  using Number = std::uint32_t;  // of a record; 0: none
  struct Record {
    std::uint32_t hash_low = 0, hash_high = 0;
    Number newer = 0, older = 0;
    Number chain = 0;  // the next one with the same place in the table, or the next free one
    [[nodiscard]] std::uint64_t hash() const noexcept { return std::uint64_t{hash_high} << 32U | hash_low; }
  };
  static_assert(sizeof(Record) == 20);
  static constexpr std::size_t kPerChunk = 512;
  template <typename T>
  using Chunks = std::vector<std::unique_ptr<std::array<T, kPerChunk>>>;

  [[nodiscard]] Record& record(Number number) noexcept STRATA_REQUIRES(mutex_) {
    return (*records_[number / kPerChunk])[number % kPerChunk];
  }
  [[nodiscard]] Number& head(std::uint64_t chain) noexcept STRATA_REQUIRES(mutex_) {
    return (*heads_[chain / kPerChunk])[chain % kPerChunk];
  }
  [[nodiscard]] std::uint64_t chain_of(std::uint64_t hash) const noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] Number find(std::uint64_t hash) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] Number add(std::uint64_t hash) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] Number new_record() noexcept STRATA_REQUIRES(mutex_);
  void drop(Number number) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] std::optional<std::uint64_t> take(Number number) noexcept STRATA_REQUIRES(mutex_);
  void link_newest(Number number) noexcept STRATA_REQUIRES(mutex_);
  void link_oldest(Number number) noexcept STRATA_REQUIRES(mutex_);
  void unlink(Number number) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] bool begin_table() noexcept STRATA_REQUIRES(mutex_);
  void split_one_chain() noexcept STRATA_REQUIRES(mutex_);
  template <typename T>
  [[nodiscard]] bool add_chunk(Chunks<T>& chunks) noexcept STRATA_REQUIRES(mutex_);
  void clear_locked() noexcept STRATA_REQUIRES(mutex_);

  Budget& budget_;
  std::atomic<std::uint64_t> keys_ = 0;
  sync::Mutex mutex_{sync::LockRank{.name = "order of all keys", .order = 485}};
  Chunks<Record> records_ STRATA_GUARDED_BY(mutex_);
  Chunks<Number> heads_ STRATA_GUARDED_BY(mutex_);
  std::uint64_t chains_ STRATA_GUARDED_BY(mutex_) = 0;   // in use
  std::uint64_t doubled_ STRATA_GUARDED_BY(mutex_) = 0;  // the power of two at most as large
  Number end_ STRATA_GUARDED_BY(mutex_) = 1;             // behind the last record that was ever used
  Number free_ STRATA_GUARDED_BY(mutex_) = 0;
  Number newest_ STRATA_GUARDED_BY(mutex_) = 0, oldest_ STRATA_GUARDED_BY(mutex_) = 0;
  Number hand_ STRATA_GUARDED_BY(mutex_) = 0;  // 0: at the oldest
};

// What one thread has still to tell the order. Thread safety: none.
class OrderBatch {
 public:
  void add(OrderEvent event) noexcept { events_[count_++] = event; }
  [[nodiscard]] bool is_full() const noexcept { return count_ == events_.size(); }
  [[nodiscard]] std::span<const OrderEvent> events() const noexcept { return std::span(events_).first(count_); }
  void clear() noexcept { count_ = 0; }

 private:
  std::array<OrderEvent, 32> events_;
  std::size_t count_ = 0;
};

}  // namespace strata::cache
