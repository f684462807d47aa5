#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "engine/cache/budget.h"
#include "engine/cache/hash.h"
#include "engine/cache/item.h"

namespace strata::cache {

// The items of one namespace in one shard: a hash table with chains, its buckets in the order of the hash, so that walking the
// buckets walks the hashes, whatever the number of buckets.
//
// It grows and shrinks by moving a few buckets of the old array into the new one at each change (`settle`). Both arrays are
// walked in hash order: what lies before the boundary `moved_` is in the new array, the rest in the old one. So a lookup still
// looks at one bucket, and a walk by position sees each item once. Arrays consist of segments that are allocated as the boundary
// reaches them and freed as it leaves them: no change pays for more than a segment of 32 KiB, however large the table is.
// The arrays are charged to Purpose::index; the items are not charged here.
//
// Ownership: items linked in belong to the table. Thread safety: none, the lock of its shard guards it.
class Table {
 public:
  static constexpr unsigned kMinBits = 3;
  static constexpr unsigned kMaxBits = kInnerBits;

  // nullptr when memory is out.
  [[nodiscard]] static std::unique_ptr<Table> create(Budget& budget) noexcept;
  ~Table();  // frees the items that are left without telling the budget: REQUIRES the shard has given their charge back
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  [[nodiscard]] std::size_t items() const noexcept { return items_; }
  [[nodiscard]] std::size_t with_expiry() const noexcept { return with_expiry_; }
  [[nodiscard]] std::size_t index_bytes() const noexcept;

  // The link that points to the item; if there is none, the null at the end of its bucket. Valid until the table's next `settle`
  // or until the item before it is unlinked.
  [[nodiscard]] Item** find(std::string_view key, std::uint64_t hash) noexcept;
  // REQUIRES: the key is not in the table, and `link` is what find returned for it, before or after it was unlinked
  void insert(Item** link, Item* item) noexcept;
  // Takes *link out of the table and returns it.
  Item* unlink(Item** link) noexcept;
  void set_expiry(Item& item, std::int64_t expire_at_ms) noexcept;

  // Starts to grow or shrink if it is time to, and goes on with it: moves at least `buckets` buckets. Call after each change.
  // Returns whether there is more to move.
  bool settle(std::size_t buckets = kBucketsPerChange) noexcept {
    if (is_moving()) return move(buckets) && is_moving();
    if (wants_to_settle()) [[unlikely]]
      return resize();
    return false;
  }
  [[nodiscard]] bool wants_to_settle() const noexcept {
    return is_moving() || items_ > main_.buckets() || (main_.bits > kMinBits && items_ < main_.buckets() / kSparse);
  }

  // The bucket that holds the items at a position within the shard (inner_position_of).
  struct Bucket {
    Item** head;
    std::uint64_t begin;  // the first position that falls into it
    std::uint64_t end;    // the first position beyond it; kInnerEnd for the last bucket
  };
  [[nodiscard]] Bucket bucket_at(std::uint64_t position) noexcept;

  // Where the sweep for expired items and the search for victims go on; kept here so that each covers the table evenly.
  std::uint64_t sweep_position = 0;
  std::uint64_t eviction_position = 0;
  std::unique_ptr<Table> next_flushed;  // in the shard's list of flushed tables

 private:
  static constexpr std::size_t kBucketsPerChange = 8;
  static constexpr std::size_t kSparse = 8;  // shrink below one item in so many buckets

  static constexpr unsigned kSegmentBits = 12;

  // 2^bits buckets in segments of up to 4096. REQUIRES of the accessors: the segment is there
  struct Array {
    Item*** segments = nullptr;
    unsigned bits = 0;

    [[nodiscard]] std::size_t buckets() const noexcept { return std::size_t{1} << bits; }
    [[nodiscard]] std::size_t segment_buckets() const noexcept { return std::size_t{1} << std::min(bits, kSegmentBits); }
    [[nodiscard]] std::size_t segment_count() const noexcept { return buckets() / segment_buckets(); }
    [[nodiscard]] std::size_t index_of(std::uint64_t position) const noexcept { return position >> (kInnerBits - bits); }
    [[nodiscard]] Item** bucket(std::size_t index) const noexcept {
      return &segments[index >> kSegmentBits][index & ((std::size_t{1} << kSegmentBits) - 1)];
    }
  };

  explicit Table(Budget& budget) noexcept;
  [[nodiscard]] bool is_moving() const noexcept { return old_.segments != nullptr; }
  // The bucket that serves this position now.
  [[nodiscard]] Item** bucket_of(std::uint64_t position) const noexcept {
    if (is_moving()) [[unlikely]] {
      const std::size_t index = old_.index_of(position);
      if (index >= moved_) return old_.bucket(index);
    }
    return main_.bucket(main_.index_of(position));
  }
  [[nodiscard]] bool resize() noexcept;
  [[nodiscard]] bool move(std::size_t buckets) noexcept;
  void move_bucket(Item*& head) noexcept;

  [[nodiscard]] void* allocate(std::size_t count) noexcept;
  void free(void* pointers) noexcept;
  [[nodiscard]] bool open_segment(Array& array, std::size_t bucket) noexcept;
  void close(Array& array) noexcept;
  [[nodiscard]] static std::size_t bytes(const Array& array) noexcept;

  Budget* budget_;
  Array main_;
  Array old_;              // being emptied into main_; null otherwise
  std::size_t moved_ = 0;  // buckets of old_ below this are empty; a boundary of main_'s buckets too
  std::size_t items_ = 0;
  std::size_t with_expiry_ = 0;
};

}  // namespace strata::cache
