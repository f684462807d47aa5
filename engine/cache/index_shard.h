#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/cache/index_geometry.h"
#include "engine/cache/index_memory.h"
#include "engine/cache/key.h"
#include "engine/cache/overflow_pool.h"
#include "engine/os/prefetch.h"
#include "engine/sync/futex.h"
#include "engine/sync/mutex.h"
#include "engine/sync/quiescent_state.h"

namespace strata::cache {

// Gives the hash of a slot's item: asked for when a table has become so large that slots do not tell enough of it.
struct ItemHash {
  std::uint64_t (*of)(const void* items, Slot slot) noexcept;
  const void* items;
};

// A slot that was found, and what it said.
struct FoundSlot {
  std::atomic<std::uint64_t>* address = nullptr;
  Slot slot;
  explicit operator bool() const noexcept { return address != nullptr; }
};

// Waits for somebody who holds a bucket; `round` counts up from 0.
void wait_a_little(unsigned round) noexcept;

// The tables of one shard: slots found by hash, read without locks, changed under the lock of the key's home bucket (LockedHome).
//
// **Home.** A key's home bucket is where its search begins and whose lock its writers take; its slot lies there or where the home's header
// says (index_layout.h). Slots of a bucket are claimed by writers of several homes, so claiming is a compare-and-swap; only the home's
// writer empties or swings a slot that is taken, or sends its item aside: to the other pair where it may lie, to make room for another of the
// home ("Why it holds: making room in a home" in docs/coherency.md; the choice of two places is that of cuckoo hashing, R. Pagh and
// F. Rodler 2001, one step deep).
// **Reading.** What is found was there when its slot was loaded: that load is where the read takes effect. A miss is believed if the home
// was not locked and has the same header after the search as before, and is still the home. Who finds `Joint` in the header before it
// searches waits: its key is being changed together with others, and some of them may show the change already.
// **Growing** moves a block of buckets at a time from the old table to the new one, in order; the cursor is the first bucket
// that has not been moved. A key whose old home lies before it is found, and locked, in the new table only. Old and new table are
// never both right for a key: all of the block is locked while it is moved.
//
// All callers are online participants of one domain: a window is purged and used again when all of them have been quiescent.
// Thread safety: all functions but open().
class IndexShard {
 public:
  // Growth and buckets, in this order; growth in the order of the shards.
  static constexpr std::uint16_t kGrowthOrder = 110;
  static constexpr std::uint16_t kBucketOrder = kGrowthOrder + kShardCount;

  explicit IndexShard(std::size_t shard) noexcept
      : shard_(shard), growth_({.name = "growth of an index shard", .order = static_cast<std::uint16_t>(kGrowthOrder + shard)}) {}
  IndexShard(const IndexShard&) = delete;
  IndexShard& operator=(const IndexShard&) = delete;

  // False: no memory for the first block. Once, before all others. `memory` outlives it, and what `hash` looks at does.
  [[nodiscard]] bool open(IndexMemory& memory, ItemHash hash) noexcept;

  // `matches(Slot)` says whether the item of a slot with the same tag is the one.
  template <typename Matches>
  [[nodiscard]] FoundSlot find(std::uint64_t hash, Matches&& matches) const noexcept;

  // Where a key was seen before: found if it still is. A slot that names an item is one that readers come to, and is emptied before they are sent
  // elsewhere; so it need not be looked up from the home. REQUIRES: seen in the same slice, from that home.
  template <typename Matches>
  [[nodiscard]] FoundSlot find_at(const KeyPlace& place, Matches&& matches) const noexcept;

  // What a key's home said, to see later whether anything of its keys has changed: for looking at several keys as of one moment.
  class Mark;
  [[nodiscard]] Mark mark(std::uint64_t hash) const noexcept;
  // False, too, where a change was under way when it was marked.
  [[nodiscard]] bool is_unchanged(const Mark& mark) const noexcept;

  // From here on the shard neither grows nor shrinks, and no bucket of it is moved: for who locks several homes at once. In the order of the
  // shards, before any bucket.
  void pause_growth() noexcept STRATA_ACQUIRE(growth_) { growth_.lock(); }
  void resume_growth() noexcept STRATA_RELEASE(growth_) { growth_.unlock(); }

  // Has the line of the home bucket on its way.
  void prefetch(std::uint64_t hash) const noexcept { os::prefetch(&home_of(hash).header()); }
  // A search in steps, each of which has on their way the lines that the next one looks at: so the loads of several keys overlap. What it comes to
  // is a guess, good for prefetching the item. First the home; then what lies there, or the other places that its header names; then those.
  class Ahead;
  [[nodiscard]] Ahead look_ahead(std::uint64_t hash) const noexcept;
  // Nothing: not at home.
  [[nodiscard]] FoundSlot guess(const Ahead& ahead) const noexcept;
  [[nodiscard]] FoundSlot guess_elsewhere(const Ahead& ahead) const noexcept;

  // Begins to grow or shrink if it is time to, and goes on with it: moves a block or two. REQUIRES: no bucket is locked. False: nothing
  // is left to move.
  bool help_growing(sync::qsbr::Participant& participant) noexcept;
  // A table that was emptied has not been left by all readers yet: the next can not begin to grow before.
  [[nodiscard]] bool waits_for_readers() const noexcept { return emptied_.in_use.load(std::memory_order_acquire); }
  [[nodiscard]] bool is_growing() const noexcept { return Layout(layout_.load(std::memory_order_relaxed)).is_growing(); }
  // So much lies in the overflow pool that lookups and memory gain by a larger table.
  [[nodiscard]] bool wants_to_grow() const noexcept;
  // The next help_growing() makes it so much smaller, but for a window that is still in use. For who has seen how little is in it.
  void shrink_to(std::uint32_t blocks) noexcept { wanted_blocks_.store(blocks, std::memory_order_relaxed); }

  // Adds to `seen` the slots of up to `homes` homes from `first` on, of one block at most. Returns where to go on, 0 at the end. Over a whole
  // round what is there all the time is seen once, whatever grows; what comes or goes meanwhile may be.
  [[nodiscard]] Prefix collect(Prefix first, unsigned homes, std::vector<Slot>& seen) const;

  // Adds to `seen` the slots of one bucket, that of `hash`, and of what has found no place in it: a sample, if the hash is any number. Some may be
  // moved or taken out just now.
  void sample(std::uint64_t hash, std::vector<Slot>& seen) const;

  struct Counters {
    std::uint64_t buckets = 0;  // of the old table too while there is one
    std::uint32_t pool_buckets = 0;
    std::uint64_t moves = 0;       // tables that were emptied into others
    std::uint64_t sent_aside = 0;  // items that made room for others of their home
  };
  [[nodiscard]] Counters counters() const noexcept;

 private:
  friend class LockedHome;

  // Which tables there are. One word, so that a reader sees one moment of it.
  class Layout {
   public:
    using Blocks = BitField<0, 23>;
    using OldBlocks = BitField<23, 23>;  // 0: not growing
    using Depth = BitField<46, 6>;
    using OldDepth = BitField<52, 6>;
    using Window = BitField<58, 1>;  // of the table; the old one is in the other

    constexpr explicit Layout(std::uint64_t bits) noexcept : bits_(bits) {}
    [[nodiscard]] static Layout settled(std::uint32_t blocks, unsigned depth, unsigned window) noexcept {
      return Layout(Window::set(Depth::set(Blocks::set(0, blocks), depth), window));
    }
    [[nodiscard]] Layout growing_from(Layout old) const noexcept {
      return Layout(OldDepth::set(OldBlocks::set(bits_, old.blocks()), old.depth()));
    }
    [[nodiscard]] std::uint64_t bits() const noexcept { return bits_; }
    [[nodiscard]] bool is_growing() const noexcept { return OldBlocks::get(bits_) != 0; }
    [[nodiscard]] unsigned window() const noexcept { return static_cast<unsigned>(Window::get(bits_)); }
    [[nodiscard]] std::uint32_t blocks() const noexcept { return static_cast<std::uint32_t>(Blocks::get(bits_)); }
    [[nodiscard]] std::uint32_t old_blocks() const noexcept { return static_cast<std::uint32_t>(OldBlocks::get(bits_)); }
    [[nodiscard]] unsigned depth() const noexcept { return static_cast<unsigned>(Depth::get(bits_)); }
    [[nodiscard]] IndexGeometry geometry() const noexcept { return {blocks(), depth()}; }
    [[nodiscard]] IndexGeometry old_geometry() const noexcept {
      return {old_blocks(), static_cast<unsigned>(OldDepth::get(bits_))};
    }

   private:
    std::uint64_t bits_;
  };

  // Where a key belongs now.
  struct Home {
    Bucket* table = nullptr;
    std::uint64_t bucket = 0;
    std::uint64_t layout = 0;
    std::uint16_t tag = 0;
    std::uint8_t window = 0;
    bool is_old = false;  // in the table that is being emptied

    [[nodiscard]] Bucket& at(SlotPlace place) const noexcept { return table[IndexGeometry::bucket_at(bucket, tag, place)]; }
    [[nodiscard]] std::atomic<std::uint64_t>& header() const noexcept { return table[bucket].header; }
  };
  [[nodiscard]] Home home_of(std::uint64_t hash) const noexcept;
  [[nodiscard]] Home settled_home(Layout layout, std::uint64_t hash) const noexcept;
  [[nodiscard]] Home home_in(const IndexGeometry& geometry, unsigned window, Prefix prefix) const noexcept {
    return {.table = tables_[window],
            .bucket = geometry.home_of(prefix),
            .layout = 0,
            .tag = geometry.tag_of(prefix),
            .window = static_cast<std::uint8_t>(window),
            .is_old = false};
  }
  // Whether a home is the key's still. REQUIRES: asked after its header was read or locked.
  [[nodiscard]] bool is_current(const Home& home) const noexcept {
    return layout_.load(std::memory_order_acquire) == home.layout &&
           (!home.is_old || cursor_.load(std::memory_order_acquire) <= home.bucket);
  }
  [[nodiscard]] bool is_valid_miss(const Home& home, std::uint64_t header) const noexcept;

  template <typename Matches>
  [[nodiscard]] [[gnu::noinline]] FoundSlot find_elsewhere(std::uint64_t hash, Layout layout, std::uint64_t header,
                                                           Matches& matches) const noexcept;
  // However often it is disturbed.
  template <typename Matches>
  [[nodiscard]] [[gnu::noinline]] FoundSlot find_patiently(std::uint64_t hash, Matches& matches) const noexcept;
  template <typename Matches>
  [[nodiscard]] FoundSlot search(const Home& home, std::uint64_t header, Matches&& matches) const noexcept;
  // Takes a copy, so that its callers need not have the home in memory.
  template <typename Matches>
  [[nodiscard]] FoundSlot search_elsewhere(Home home, std::uint64_t header, Matches&& matches) const noexcept;
  template <typename Matches>
  [[nodiscard]] FoundSlot search_pool(const Home& home, std::uint64_t header, Matches&& matches) const noexcept;

  // The chain of a home whose header said `header`; ends early where that has changed but for the lock.
  template <typename Search>
  [[nodiscard]] FoundSlot search_chain(unsigned window, const std::atomic<std::uint64_t>& address, std::uint64_t header,
                                       Search&& search) const;
  static constexpr std::uint64_t kSequenceBits = BucketHeader::Sequence::kMask & ~BucketHeader::kLocked;

  // The changes of a home that is locked; they tell it what its header is to say.
  [[nodiscard]] bool claim(const Home& home, std::uint64_t& header, Slot item) noexcept;
  [[nodiscard]] bool claim_by_moving(const Home& home, std::uint64_t& header, Slot item, SlotPlace place) noexcept;
  [[nodiscard]] bool claim_in_pool(const Home& home, std::uint64_t& header, Slot item) noexcept;
  void clear(const Home& home, std::uint64_t& header, const FoundSlot& found) noexcept;
  void drop_empty_pool_buckets(const Home& home, std::uint64_t& header) noexcept;

  // A piece of the order of hashes that lies in one block, of which all homes are in one table.
  struct Piece {
    Home begin;
    std::uint64_t end_bucket;
    Prefix end;  // 0: the end of all
    IndexGeometry geometry;
  };
  [[nodiscard]] Piece piece_from(Prefix first, unsigned homes) const noexcept;
  void collect_piece(const Piece& piece, Prefix first, std::vector<Slot>& seen) const;

  // growth (index_growth.cpp)
  [[nodiscard]] std::uint32_t blocks_wanted(Layout layout) const noexcept;
  [[nodiscard]] bool begin(Layout layout, std::uint32_t blocks) noexcept STRATA_REQUIRES(growth_);
  [[nodiscard]] bool move_block(Layout layout) noexcept STRATA_REQUIRES(growth_);
  [[nodiscard]] static std::uint32_t blocks_reached(Layout layout, std::uint32_t old_block) noexcept;
  template <typename Each>
  bool for_each_slot(unsigned window, std::uint64_t first, Each&& each) const noexcept;
  [[nodiscard]] bool move_slots(Layout layout, std::uint64_t first) noexcept STRATA_REQUIRES(growth_);
  void take_back(Layout layout, std::uint64_t first, std::uint64_t until) noexcept STRATA_REQUIRES(growth_);
  template <typename Change>
  [[nodiscard]] bool change_moved(Layout layout, std::uint64_t old_home, Slot slot, Change&& change) noexcept
      STRATA_REQUIRES(growth_);
  void finish(Layout layout, sync::qsbr::Participant& participant) noexcept STRATA_REQUIRES(growth_);

  // The table that was emptied, until nobody can be in it.
  struct EmptiedWindow : sync::qsbr::Retired {
    IndexShard* shard = nullptr;
    unsigned window = 0;
    std::atomic<bool> in_use = false;
  };
  static void purge_emptied(sync::qsbr::Retired& emptied, void* keeper) noexcept;

  // Read by everybody, written when the table grows.
  alignas(64) std::atomic<std::uint64_t> layout_ = 0;
  std::atomic<std::uint64_t> cursor_ = 0;  // of the old table
  std::array<Bucket*, 2> tables_{};        // of the windows
  IndexMemory* memory_ = nullptr;
  const std::size_t shard_;
  ItemHash hash_{};

  alignas(64) sync::Mutex growth_;
  EmptiedWindow emptied_;
  std::atomic<std::uint32_t> wanted_blocks_ = 0;
  std::atomic<std::uint64_t> moves_ = 0;
  // Items that made room for others of their home. Who walks over the tables sees one twice, or not at all, if it is sent aside meanwhile; so it
  // looks again unless all that were begun at the end had ended at the beginning.
  std::atomic<std::uint64_t> aside_begun_ = 0;
  std::atomic<std::uint64_t> sent_aside_ = 0;
  std::array<OverflowPool, 2> pools_;
};

class IndexShard::Ahead {
 public:
  // Says nothing: filled by look_ahead().
  Ahead() noexcept {}  // NOLINT(modernize-use-equals-default): there may be many, of which few are used

  // Of no home.
  [[nodiscard]] static Ahead none() noexcept {
    Ahead none;
    none.table_ = nullptr;
    none.bucket_ = none.layout_ = 0;
    none.tag_ = none.window_ = 0;
    return none;
  }
  [[nodiscard]] KeyPlace place(const FoundSlot& found) const noexcept {
    return {.home = table_ + bucket_, .layout = layout_, .slot = found.address};
  }

 private:
  friend class IndexShard;
  friend class LockedHome;
  // While a table grows a home may move though the tables stay.
  [[nodiscard]] bool tells_home() const noexcept { return table_ != nullptr && !Layout(layout_).is_growing(); }
  [[nodiscard]] Home home() const noexcept {
    return {.table = table_, .bucket = bucket_, .layout = layout_, .tag = tag_, .window = window_, .is_old = false};
  }

  Bucket* table_;
  std::uint64_t bucket_;
  std::uint64_t layout_;
  std::uint16_t tag_;
  std::uint8_t window_;
};

class IndexShard::Mark {
 private:
  friend class IndexShard;
  Home home_;
  std::uint64_t header_ = 0;
};

inline IndexShard::Mark IndexShard::mark(std::uint64_t hash) const noexcept {
  Mark mark;
  mark.home_ = home_of(hash);
  mark.header_ = mark.home_.header().load(std::memory_order_acquire);
  return mark;
}

inline bool IndexShard::is_unchanged(const Mark& mark) const noexcept {
  return !BucketHeader::locked(mark.header_) && mark.home_.header().load(std::memory_order_acquire) == mark.header_ &&
         is_current(mark.home_);
}

}  // namespace strata::cache

#include "engine/cache/index_search.h"  // IWYU pragma: export
