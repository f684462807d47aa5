#include <algorithm>

#include "engine/cache/index_shard.h"
#include "engine/cache/locked_home.h"
#include "engine/cache/protocol_points.h"

// Growing and shrinking: emptying one table into another, a block at a time.
namespace strata::cache {
namespace {

// So many pool buckets to 64 of the table tell that 96 % (4) to 98 % (7) of the slots are taken: measured, see docs/architecture.md, "The index". So
// nobody has to count items. Shards differ, or all of them would grow at the same time.
constexpr std::uint32_t kPoolBucketsPerBlock = 4;
constexpr std::uint32_t kJitter = 4;
constexpr std::uint32_t kGrowthDivisor = 8;

// A slot's own bits, without what tells its place.
Slot unplaced(Slot slot) noexcept { return slot.with<Slot::Tag>(0).with<Slot::Place>(0); }

// Not one of LockedHome: the mover holds a block of them, of the old table, and for a moment one more, of the new one.
std::uint64_t lock_header(std::atomic<std::uint64_t>& address) noexcept {
  for (unsigned round = 0;; ++round) {
    std::uint64_t header = address.load(std::memory_order_relaxed);
    if (!BucketHeader::locked(header) && address.compare_exchange_weak(header, header | BucketHeader::kLocked,
                                                                       std::memory_order_acquire, std::memory_order_relaxed))
      return header;
    wait_a_little(round);
  }
}

// `header`: what it said when it was locked, with the counts that it shall have.
void unlock_header(std::atomic<std::uint64_t>& address, std::uint64_t header) noexcept {
  const std::uint64_t sequence = (BucketHeader::Sequence::get(header) + 2) & BucketHeader::Sequence::kLargest;
  address.store(BucketHeader::Sequence::set(header, sequence), std::memory_order_release);
}

}  // namespace

bool IndexShard::wants_to_grow() const noexcept {
  const Layout layout(layout_.load(std::memory_order_relaxed));
  const std::uint32_t most = kPoolBucketsPerBlock + static_cast<std::uint32_t>(shard_ % kJitter);
  return pools_[layout.window()].in_use() > layout.blocks() * most;
}

std::uint32_t IndexShard::blocks_wanted(Layout layout) const noexcept {
  const std::uint32_t wanted = wanted_blocks_.load(std::memory_order_relaxed);
  if (wanted != 0) return std::clamp<std::uint32_t>(wanted, 1, memory_->most_blocks());
  if (!wants_to_grow()) return layout.blocks();
  return std::min(layout.blocks() + std::max(layout.blocks() / kGrowthDivisor, 1U), memory_->most_blocks());
}

bool IndexShard::help_growing(sync::qsbr::Participant& participant) noexcept {
  const bool growing = is_growing();
  if (!growing && wanted_blocks_.load(std::memory_order_relaxed) == 0 && !wants_to_grow()) [[likely]]
    return false;
  if (!growth_.try_lock()) return growing;
  Layout layout(layout_.load(std::memory_order_relaxed));
  bool more = layout.is_growing();
  if (!more) {
    const std::uint32_t blocks = blocks_wanted(layout);
    wanted_blocks_.store(0, std::memory_order_relaxed);
    more = blocks != layout.blocks() && begin(layout, blocks);
    layout = Layout(layout_.load(std::memory_order_relaxed));
  }
  if (more && move_block(layout) && cursor_.load(std::memory_order_relaxed) == layout.old_geometry().buckets()) {
    finish(layout, participant);
    more = false;
  }
  growth_.unlock();
  return more;
}

// False: not now.
bool IndexShard::begin(Layout layout, std::uint32_t blocks) noexcept {
  const unsigned window = 1 - layout.window();
  if (emptied_.in_use.load(std::memory_order_acquire)) return false;
  if (!memory_->commit_buckets(shard_, window, blocks)) return false;
  // A table that has become 64 times as large since its depth was chosen is moved by the keys of its items, for once: its tags tell little more
  // than its buckets do. One that shrinks is not to be deeper than it can tell.
  constexpr unsigned kOutgrown = 6;
  const unsigned deepest = IndexGeometry::deepest(blocks);
  const unsigned depth = layout.depth() > deepest || layout.depth() + kOutgrown <= deepest ? deepest : layout.depth();
  cursor_.store(0, std::memory_order_relaxed);
  layout_.store(Layout::settled(blocks, depth, window).growing_from(layout).bits(), std::memory_order_release);
  return true;
}

// How many blocks of the new table the items of the old one's first ones come to lie in.
std::uint32_t IndexShard::blocks_reached(Layout layout, std::uint32_t old_block) noexcept {
  const std::uint64_t reached = (std::uint64_t{old_block} + 1) * layout.blocks() / layout.old_blocks() + 1;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(reached, layout.blocks()));
}

// False: an item found no place; the block stays as it was and is tried again.
bool IndexShard::move_block(Layout layout) noexcept {
  const std::uint64_t first = cursor_.load(std::memory_order_relaxed);
  Bucket* const block = tables_[1 - layout.window()] + first;
  std::array<std::uint64_t, kBlockBuckets> headers{};
  for (std::uint32_t bucket = 0; bucket < kBlockBuckets; ++bucket) headers[bucket] = lock_header(block[bucket].header);
  if (STRATA_PROTOCOL_FAULT(cursor_moved_early)) cursor_.store(first + kBlockBuckets, std::memory_order_release);
  const auto block_number = static_cast<std::uint32_t>(first / kBlockBuckets);
  memory_->use_buckets(shard_, layout.window(), blocks_reached(layout, block_number));
  const bool moved = move_slots(layout, first);
  STRATA_PROTOCOL_POINT(growth_before_cursor);
  if (moved) cursor_.store(first + kBlockBuckets, std::memory_order_release);
  for (std::uint32_t bucket = 0; bucket < kBlockBuckets; ++bucket) unlock_header(block[bucket].header, headers[bucket]);
  // Who still looks there finds empty buckets, and that the cursor has passed.
  if (moved) memory_->give_back_buckets(shard_, 1 - layout.window(), block_number + 1);
  return moved;
}

// Calls `each(home, slot's address, slot)` for the items whose home is in the block, until it says false. REQUIRES: all of it is locked.
template <typename Each>
bool IndexShard::for_each_slot(unsigned window, std::uint64_t first, Each&& each) const noexcept {
  Bucket* const table = tables_[window];
  const auto for_bucket = [&each](Bucket& bucket, auto&& home_of) {
    return std::all_of(std::begin(bucket.slots), std::end(bucket.slots), [&](std::atomic<std::uint64_t>& address) {
      const Slot slot(address.load(std::memory_order_relaxed));
      return slot.empty() || each(home_of(slot), address, slot);
    });
  };
  for (std::uint64_t here = first; here < first + kBlockBuckets; ++here) {
    if (!for_bucket(table[here], [here](Slot slot) { return IndexGeometry::bucket_at(here, slot.tag(), slot.place()); }))
      return false;
    const std::uint64_t header = table[here].header.load(std::memory_order_relaxed);
    for (auto number = static_cast<std::uint32_t>(BucketHeader::Overflow::get(header)); number != 0;
         number = OverflowPool::next(pools_[window].bucket(number))) {
      if (!for_bucket(pools_[window].bucket(number), [here](Slot) { return here; })) return false;
    }
  }
  return true;
}

bool IndexShard::move_slots(Layout layout, std::uint64_t first) noexcept {
  std::uint64_t copied = 0;
  const bool fits = for_each_slot(1 - layout.window(), first, [&](std::uint64_t home, std::atomic<std::uint64_t>&, Slot slot) {
    growth_.assert_held();
    const bool placed = change_moved(layout, home, slot,
                                     [&](const Home& to, std::uint64_t& header) { return claim(to, header, unplaced(slot)); });
    copied += placed ? 1 : 0;
    return placed;
  });
  if (!fits) {
    take_back(layout, first, copied);
    return false;
  }
  STRATA_PROTOCOL_POINT(growth_block_copied);
  // In the new table nobody has seen them yet.
  for_each_slot(1 - layout.window(), first, [](std::uint64_t, std::atomic<std::uint64_t>& address, Slot) {
    address.store(0, std::memory_order_release);
    return true;
  });
  return true;
}

void IndexShard::take_back(Layout layout, std::uint64_t first, std::uint64_t until) noexcept {
  for_each_slot(1 - layout.window(), first, [&](std::uint64_t home, std::atomic<std::uint64_t>&, Slot slot) {
    growth_.assert_held();
    if (until-- == 0) return false;
    return change_moved(layout, home, slot, [&](const Home& to, std::uint64_t& header) {
      const FoundSlot copy = search(to, header, [slot](Slot other) { return other.offset_bytes() == slot.offset_bytes(); });
      if (copy) clear(to, header, copy);
      return true;
    });
  });
}

// Calls `change(home, header)` with the home locked that a slot of the old table has in the new one; false if that did.
template <typename Change>
bool IndexShard::change_moved(Layout layout, std::uint64_t old_home, Slot slot, Change&& change) noexcept {
  const IndexGeometry geometry = layout.geometry();
  const IndexGeometry old = layout.old_geometry();
  const Prefix prefix = geometry.depth() > old.depth() ? geometry.prefix_of_hash(hash_.of(hash_.items, slot))
                                                       : geometry.shortened(old.prefix_of(old_home, slot.tag()));
  const Home home = home_in(geometry, layout.window(), prefix);
  std::uint64_t header = lock_header(home.header());
  const bool done = change(home, header);
  unlock_header(home.header(), header);
  return done;
}

void IndexShard::finish(Layout layout, sync::qsbr::Participant& participant) noexcept {
  emptied_.shard = this;
  emptied_.window = 1 - layout.window();
  emptied_.in_use.store(true, std::memory_order_relaxed);
  layout_.store(Layout::settled(layout.blocks(), layout.depth(), layout.window()).bits(), std::memory_order_release);
  moves_.store(moves_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  // Its bytes are charged as the index's until they are purged.
  (void)participant.retire(emptied_, 0, purge_emptied);
}

void IndexShard::purge_emptied(sync::qsbr::Retired& retired, void*) noexcept {
  auto& emptied = static_cast<EmptiedWindow&>(retired);
  emptied.shard->pools_[emptied.window].reset();
  emptied.shard->memory_->purge(emptied.shard->shard_, emptied.window);
  emptied.in_use.store(false, std::memory_order_release);
}

}  // namespace strata::cache
