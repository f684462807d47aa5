#include "engine/cache/index_shard.h"

#include <algorithm>

#include "engine/cache/protocol_points.h"

namespace strata::cache {
namespace {

// The count of a home's items in one of its other places goes up or down by one, and stays where it can count no further.
template <typename Count>
std::uint64_t counted_up(std::uint64_t header) noexcept {
  return Count::set(header, std::min(Count::get(header) + 1, Count::kLargest));
}
template <typename Count>
std::uint64_t counted_down(std::uint64_t header) noexcept {
  const std::uint64_t count = Count::get(header);
  return count == Count::kLargest ? header : Count::set(header, count - 1);
}

bool claim_in(Bucket& bucket, Slot item) noexcept {
  for (std::atomic<std::uint64_t>& slot : bucket.slots) {
    std::uint64_t empty = 0;
    if (slot.load(std::memory_order_relaxed) == 0 &&
        slot.compare_exchange_strong(empty, item.bits(), std::memory_order_release, std::memory_order_relaxed))
      return true;
  }
  return false;
}

bool has_free(const Bucket& bucket) noexcept {
  return std::any_of(std::begin(bucket.slots), std::end(bucket.slots),
                     [](const std::atomic<std::uint64_t>& slot) { return slot.load(std::memory_order_relaxed) == 0; });
}

bool holds(const Bucket& bucket, const std::atomic<std::uint64_t>* slot) noexcept {
  return slot >= std::begin(bucket.slots) && slot < std::end(bucket.slots);
}

bool is_empty(const Bucket& bucket) noexcept {
  return std::all_of(std::begin(bucket.slots), std::end(bucket.slots),
                     [](const std::atomic<std::uint64_t>& slot) { return slot.load(std::memory_order_relaxed) == 0; });
}

}  // namespace

bool IndexShard::open(IndexMemory& memory, ItemHash hash) noexcept {
  memory_ = &memory;
  hash_ = hash;
  for (unsigned window = 0; window < pools_.size(); ++window) {
    tables_[window] = memory.buckets(shard_, window);
    pools_[window].open(memory, shard_, window);
  }
  if (!memory.commit_buckets(shard_, 0, 1)) return false;
  memory.use_buckets(shard_, 0, 1);
  layout_.store(Layout::settled(1, IndexGeometry::deepest(1), 0).bits(), std::memory_order_release);
  return true;
}

bool IndexShard::claim(const Home& home, std::uint64_t& header, Slot item) noexcept {
  item = item.with<Slot::Tag>(home.tag);
  const auto placed = [item](SlotPlace place) { return item.with<Slot::Place>(static_cast<std::uint64_t>(place)); };
  if (claim_in(home.at(SlotPlace::home), placed(SlotPlace::home))) [[likely]]
    return true;
  if (claim_in(home.at(SlotPlace::buddy), placed(SlotPlace::buddy))) {
    header = counted_up<BucketHeader::InBuddy>(header);
  } else if (claim_in(home.at(SlotPlace::alternate), placed(SlotPlace::alternate))) {
    header = counted_up<BucketHeader::InAlternate>(header);
  } else if (claim_in(home.at(SlotPlace::alternate_buddy), placed(SlotPlace::alternate_buddy))) {
    header = counted_up<BucketHeader::InAlternateBuddy>(header);
  } else if (!claim_by_moving(home, header, item, SlotPlace::home) && !claim_by_moving(home, header, item, SlotPlace::buddy)) {
    return claim_in_pool(home, header, placed(SlotPlace::home));
  }
  return true;
}

// Sends one of the home's own items that lies at `place` to its alternate pair, and takes its slot. What belongs to other homes stays: their locks
// are not held. Copied first, so that whoever looks finds it in one of both; a miss in between is not believed, for the home is locked.
bool IndexShard::claim_by_moving(const Home& home, std::uint64_t& header, Slot item, SlotPlace place) noexcept {
  const auto placed = [](Slot slot, SlotPlace at) { return slot.with<Slot::Place>(static_cast<std::uint64_t>(at)); };
  const auto moves_to = [&](Slot other, SlotPlace at) {
    Bucket& there = home.table[IndexGeometry::bucket_at(home.bucket, other.tag(), at)];
    if (!has_free(there)) return false;
    aside_begun_.fetch_add(1, std::memory_order_relaxed);
    if (claim_in(there, placed(other, at))) return true;
    sent_aside_.fetch_add(1, std::memory_order_release);
    return false;
  };
  for (std::atomic<std::uint64_t>& address : home.at(place).slots) {
    const Slot other(address.load(std::memory_order_relaxed));
    if (other.empty() || other.place() != place) continue;
    if (moves_to(other, SlotPlace::alternate)) {
      header = counted_up<BucketHeader::InAlternate>(header);
    } else if (moves_to(other, SlotPlace::alternate_buddy)) {
      header = counted_up<BucketHeader::InAlternateBuddy>(header);
    } else {
      continue;
    }
    STRATA_PROTOCOL_POINT(item_sent_aside);
    address.store(placed(item, place).bits(), std::memory_order_release);
    sent_aside_.fetch_add(1, std::memory_order_release);
    return true;
  }
  return false;
}

bool IndexShard::claim_in_pool(const Home& home, std::uint64_t& header, Slot item) noexcept {
  OverflowPool& pool = pools_[home.window];
  const auto first = static_cast<std::uint32_t>(BucketHeader::Overflow::get(header));
  for (std::uint32_t number = first; number != 0; number = OverflowPool::next(pool.bucket(number))) {
    if (claim_in(pool.bucket(number), item)) return true;
  }
  const std::uint32_t added = pool.take();
  if (added == 0) return false;
  Bucket& bucket = pool.bucket(added);
  bucket.header.store(first, std::memory_order_relaxed);
  bucket.slots[0].store(item.bits(), std::memory_order_release);
  header = BucketHeader::Overflow::set(header, added);
  return true;
}

void IndexShard::clear(const Home& home, std::uint64_t& header, const FoundSlot& found) noexcept {
  found.address->store(0, std::memory_order_release);
  const SlotPlace place = found.slot.place();
  if (!holds(home.at(place), found.address)) {
    drop_empty_pool_buckets(home, header);
  } else if (place == SlotPlace::buddy) {
    header = counted_down<BucketHeader::InBuddy>(header);
  } else if (place == SlotPlace::alternate) {
    header = counted_down<BucketHeader::InAlternate>(header);
  } else if (place == SlotPlace::alternate_buddy) {
    header = counted_down<BucketHeader::InAlternateBuddy>(header);
  }
}

void IndexShard::drop_empty_pool_buckets(const Home& home, std::uint64_t& header) noexcept {
  OverflowPool& pool = pools_[home.window];
  std::uint32_t before = 0;
  for (auto number = static_cast<std::uint32_t>(BucketHeader::Overflow::get(header)); number != 0;) {
    const std::uint32_t next = OverflowPool::next(pool.bucket(number));
    if (!is_empty(pool.bucket(number))) {
      before = number;
    } else {
      if (before == 0) {
        header = BucketHeader::Overflow::set(header, next);
      } else {
        pool.bucket(before).header.store(next, std::memory_order_release);
      }
      pool.give_back(number);
    }
    number = next;
  }
}

IndexShard::Piece IndexShard::piece_from(Prefix first, unsigned homes) const noexcept {
  const Layout layout(layout_.load(std::memory_order_acquire));
  Piece piece{.begin = {}, .end_bucket = 0, .end = 0, .geometry = layout.geometry()};
  Prefix moved = 0;  // beyond what is in the new table only; 0: all is
  unsigned window = layout.window();
  if (layout.is_growing()) {
    const IndexGeometry old = layout.old_geometry();
    const std::uint64_t cursor = cursor_.load(std::memory_order_acquire);
    moved = cursor == old.buckets() ? 0 : old.first_prefix(cursor);
    if (old.home_of(old.shortened(first)) >= cursor) {
      piece.geometry = old;
      piece.begin.is_old = true;
      window = 1 - window;
      moved = 0;
    }
  }
  const bool is_old = piece.begin.is_old;
  piece.begin = home_in(piece.geometry, window, piece.geometry.shortened(first));
  piece.begin.is_old = is_old;
  piece.begin.layout = layout.bits();
  const std::uint64_t block_end = (piece.begin.bucket / kBlockBuckets + 1) * kBlockBuckets;
  piece.end_bucket = std::min(piece.begin.bucket + homes, block_end);
  piece.end = piece.end_bucket == piece.geometry.buckets() ? 0 : piece.geometry.first_prefix(piece.end_bucket);
  if (moved != 0 && (piece.end == 0 || piece.end > moved)) piece.end = moved;
  return piece;
}

void IndexShard::collect_piece(const Piece& piece, Prefix first, std::vector<Slot>& seen) const {
  const auto consider = [&](std::uint64_t home, Slot slot) {
    if (slot.empty() || home < piece.begin.bucket || home >= piece.end_bucket) return;
    const Prefix prefix = piece.geometry.prefix_of(home, slot.tag());
    if (piece.end != 0 && prefix >= piece.end) return;
    // `first` may come from a deeper table: then the item itself has to tell.
    if (prefix < first && (prefix < piece.geometry.shortened(first) || hash_.of(hash_.items, slot) << kShardBits < first)) return;
    seen.push_back(slot);
  };
  const std::uint64_t block = piece.begin.bucket / kBlockBuckets * kBlockBuckets;
  for (std::uint64_t here = block; here < block + kBlockBuckets; ++here) {
    const Bucket& bucket = piece.begin.table[here];
    for (const std::atomic<std::uint64_t>& address : bucket.slots) {
      const Slot slot(address.load(std::memory_order_acquire));
      consider(IndexGeometry::bucket_at(here, slot.tag(), slot.place()), slot);
    }
  }
  STRATA_PROTOCOL_POINT(walk_after_block);
  for (std::uint64_t here = piece.begin.bucket; here < piece.end_bucket; ++here) {
    const std::size_t before = seen.size();
    for (unsigned round = 0;; ++round) {
      seen.resize(before);
      const std::uint64_t header = piece.begin.table[here].header.load(std::memory_order_acquire);
      const FoundSlot none = search_chain(piece.begin.window, piece.begin.table[here].header, header, [&](Bucket& bucket) {
        for (const std::atomic<std::uint64_t>& address : bucket.slots)
          consider(here, Slot(address.load(std::memory_order_acquire)));
        return FoundSlot{};
      });
      (void)none;
      if (piece.begin.table[here].header.load(std::memory_order_acquire) == header && !BucketHeader::locked(header)) break;
      wait_a_little(round);
    }
  }
}

Prefix IndexShard::collect(Prefix first, unsigned homes, std::vector<Slot>& seen) const {
  const std::size_t before = seen.size();
  for (;;) {
    const Piece piece = piece_from(first, homes);
    const std::uint64_t ended = sent_aside_.load(std::memory_order_acquire);
    collect_piece(piece, first, seen);
    const bool none_was_sent = aside_begun_.load(std::memory_order_relaxed) == ended || STRATA_PROTOCOL_FAULT(walk_not_validated);
    if (is_current(piece.begin) && none_was_sent) return piece.end;
    seen.resize(before);
  }
}

void IndexShard::sample(std::uint64_t hash, std::vector<Slot>& seen) const {
  const auto add = [&seen](const Bucket& bucket) {
    for (const std::atomic<std::uint64_t>& address : bucket.slots) {
      const Slot slot(address.load(std::memory_order_acquire));
      if (!slot.empty()) seen.push_back(slot);
    }
    return FoundSlot{};
  };
  const Home home = home_of(hash);
  add(home.table[home.bucket]);
  const std::uint64_t header = home.header().load(std::memory_order_acquire);
  if (BucketHeader::Overflow::get(header) != 0) (void)search_chain(home.window, home.header(), header, add);
}

IndexShard::Counters IndexShard::counters() const noexcept {
  return {.buckets = memory_->used_buckets(shard_, 0) + memory_->used_buckets(shard_, 1),
          .pool_buckets = pools_[0].in_use() + pools_[1].in_use(),
          .moves = moves_.load(std::memory_order_relaxed),
          .sent_aside = sent_aside_.load(std::memory_order_relaxed)};
}

}  // namespace strata::cache
