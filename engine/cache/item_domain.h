#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/cache/chunk_magazine.h"
#include "engine/cache/expiry_tally.h"
#include "engine/cache/free_runs.h"
#include "engine/cache/segments.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

class ItemDomain;
class ItemMemory;

// What a thread brings to ItemMemory: the run that it cuts items off, without a lock, and chunks that it keeps. Item memory calls it a handle. Ends, and closes its
// run, before the memory does. Thread safety: one thread at a time.
class alignas(64) ItemRun {
 public:
  explicit ItemRun(ItemMemory& memory) noexcept;
  ~ItemRun();
  ItemRun(const ItemRun&) = delete;
  ItemRun& operator=(const ItemRun&) = delete;

 private:
  friend class ItemDomain;
  friend class ItemMemory;

  [[nodiscard]] bool is_open() const noexcept { return domain_ != nullptr; }
  // The last chunk that was cut off; 0: no run is open.
  [[nodiscard]] std::uint64_t last_cut() const noexcept {
    return front_ + std::uint64_t{left_.load(std::memory_order_relaxed)} * kGranuleBytes;
  }
  void count_cut() noexcept { cuts_.store(cuts_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }

  // The thread's; but where a run is open the domain's walks look at the first three, under its lock, which also guards the three behind.
  std::uint64_t front_ = 0;              // of the run, in bytes from the region's base
  std::atomic<std::uint64_t> cuts_ = 0;  // items cut off this run
  std::atomic<std::uint32_t> left_ = 0;  // granules from its front to the last cut
  std::uint32_t total_ = 0;              // granules, with the last one
  ItemRun* next_ = nullptr;              // open runs of the domain
  ItemRun* previous_ = nullptr;
  ItemDomain* domain_ = nullptr;  // of the open run
  ItemMemory& memory_;
  std::uint32_t turn_ = 0;  // which domain comes next
  alignas(64) ChunkMagazine magazine_;  // all reserved
};

struct ItemDomainStatistics {
  std::uint64_t free_bytes = 0;      // in free chunks
  std::uint64_t hole_bytes = 0;      // of them, in those too small for a run
  std::uint64_t open_run_bytes = 0;  // of runs, not cut off yet
  std::uint64_t allocations = 0;     // since the start; the same for those below
  std::uint64_t runs_taken = 0;
  std::uint64_t hole_hits = 0;  // small items that took a hole
  std::uint64_t released = 0;   // chunks
  std::uint64_t kept = 0;       // chunks that a thread kept for its next items instead
  std::uint64_t drained = 0;    // segments that draining has emptied
  std::uint64_t expiry_walks = 0;   // segments that were walked for what has expired in them
  std::uint64_t expiry_looked = 0;  // chunks that were looked at by these walks
};

// A chunk of a segment.
struct ItemChunk {
  std::uint64_t offset = 0;  // in bytes from the region's base
  std::uint64_t bytes = 0;
  FreeRuns::Kind kind = FreeRuns::Kind::free;
};

// Segments that share a lock, free runs, an order and a hand; large items in pages of their own are segments of that order too. Part of
// ItemMemory, whose header says how it all works. Thread safety: all functions, from any thread, each thread with an ItemRun of its own.
class ItemDomain {
 public:
  // REQUIRES: `segments` is started and outlives it.
  ItemDomain(Segments& segments, std::uint32_t number) noexcept;
  ItemDomain(const ItemDomain&) = delete;
  ItemDomain& operator=(const ItemDomain&) = delete;

  // Items of at most that many granules are cut off runs; larger ones are placed one by one. 2 KiB of 16.
  static constexpr std::uint32_t kSmallGranules = 512;
  static constexpr std::uint32_t kRunGranules = 4096;

  // A reserved chunk, its offset; 0: there is no room. `may_open`: a segment if need be. Opens a run if the item is small.
  // REQUIRES: `run` is not open if the item is small.
  [[nodiscard]] std::uint64_t allocate(ItemRun& run, std::uint32_t granules, bool may_open) noexcept STRATA_EXCLUDES(mutex_);
  // A reserved chunk from the free one that fits best; 0: there is none.
  [[nodiscard]] std::uint64_t allocate_hole(std::uint32_t granules) noexcept STRATA_EXCLUDES(mutex_);
  // All that is left of the run as one chunk; the run is closed. REQUIRES: it is open here.
  [[nodiscard]] std::uint64_t take_rest(ItemRun& run) noexcept STRATA_EXCLUDES(mutex_);
  // REQUIRES: it is open here.
  void close(ItemRun& run) noexcept STRATA_EXCLUDES(mutex_);
  // Makes a block that was just opened one of the domain's segments, with one reserved chunk in it.
  void add_large(std::uint32_t first) noexcept STRATA_EXCLUDES(mutex_);

  // Of chunks that are all the domain's, large ones among them. `keeper`, unless nullptr, is given those that it may keep, reserved.
  // REQUIRES: at most kMostReleased.
  void release(std::span<const std::uint64_t> offsets, ChunkMagazine* keeper) noexcept STRATA_EXCLUDES(mutex_);
  static constexpr std::size_t kMostReleased = 64;
  // See ItemMemory::trim.
  [[nodiscard]] std::uint64_t trim(std::uint64_t offset, std::uint64_t front_bytes, std::uint64_t back_bytes) noexcept
      STRATA_EXCLUDES(mutex_);
  void give_back_whole_segments() noexcept STRATA_EXCLUDES(mutex_);
  // See ItemMemory.
  bool give_back_spare() noexcept STRATA_EXCLUDES(mutex_);
  [[nodiscard]] bool is_above_kept() const noexcept STRATA_EXCLUDES(mutex_) {
    const sync::MutexLock lock(mutex_);
    return has_spare();
  }

  // See ItemMemory, "Draining".
  [[nodiscard]] std::uint64_t begin_draining(std::uint64_t least_free_bytes, std::uint32_t now_s) noexcept
      STRATA_EXCLUDES(mutex_);
  void end_draining(std::uint32_t pass_over_until_s) noexcept STRATA_EXCLUDES(mutex_);
  bool reconsider(std::uint32_t now_s) noexcept STRATA_EXCLUDES(mutex_);
  template <typename Visitor>
  bool drain_next(std::size_t most, Visitor&& visit) STRATA_EXCLUDES(mutex_);
  // A glance, without the lock.
  [[nodiscard]] bool is_draining() const noexcept { return is_draining_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t most_free_bytes(std::uint32_t now_s) const noexcept STRATA_EXCLUDES(mutex_);

  // See ItemMemory, "Expiry".
  template <typename Visitor>
  bool walk_expired(std::int64_t now_ms, std::size_t most, Visitor&& visit) STRATA_EXCLUDES(mutex_);
  [[nodiscard]] bool knows_of_expiry(std::uint32_t segment, std::int64_t expiry_ms) const STRATA_EXCLUDES(mutex_);

  // See ItemMemory.
  template <typename Visitor>
  void for_each_chunk(std::uint32_t segment, Visitor&& visit) STRATA_EXCLUDES(mutex_);
  template <typename Visitor>
  std::size_t hand_next(std::size_t most, Visitor&& visit) STRATA_EXCLUDES(mutex_);
  template <typename Stretch>
  bool stretch_next(std::uint64_t bytes, std::size_t most, Stretch&& stretch) STRATA_EXCLUDES(mutex_);

  // Nothing is open: a glance, without the lock.
  [[nodiscard]] bool is_empty() const noexcept { return segments_linked_.load(std::memory_order_relaxed) == 0; }
  // Rounds that the hand has begun.
  [[nodiscard]] std::uint32_t hand_rounds() const noexcept { return hand_rounds_.load(std::memory_order_relaxed); }

  [[nodiscard]] ItemDomainStatistics statistics() const noexcept STRATA_EXCLUDES(mutex_);
  // The first thing that is wrong, or nothing. Adds up what the domain's segments hold.
  [[nodiscard]] std::string verify(std::uint32_t& segments, std::uint64_t& large_bytes) const STRATA_EXCLUDES(mutex_);

 private:
  using Granule = FreeRuns::Granule;
  static constexpr Granule kNone = FreeRuns::kNone;
  // Of a walk: the next chunk it looks at, a granule of a segment. Segment 0: the first of the oldest.
  struct Position {
    std::uint32_t segment = 0;
    Granule at = 0;
  };
  // What a release empties is given back when the lock is no longer held.
  struct Emptied {
    std::array<std::uint32_t, kMostReleased> segments;
    std::size_t count = 0;
    void add(std::uint32_t segment) noexcept { segments[count++] = segment; }
  };

  [[nodiscard]] std::uint64_t offset_of(Granule at) const noexcept { return base_ + std::uint64_t{at} * kGranuleBytes; }
  [[nodiscard]] Granule granule_of(std::uint64_t offset) const noexcept {
    return static_cast<Granule>((offset - base_) / kGranuleBytes);
  }
  [[nodiscard]] Granule segment_begin(std::uint32_t segment) const noexcept { return granule_of(segments_.offset_of(segment)); }
  [[nodiscard]] SegmentHeader& header_at(Granule at) const noexcept {
    return segments_.header(segments_.segment_of(offset_of(at)));
  }

  [[nodiscard]] bool holes_are_plenty() const noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] bool is_worth_a_run(Granule found, Granule count) const noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] Granule take(Granule found, Granule count) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] Granule open_segment() noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t allocate_small(ItemRun& run, Granule count, bool may_open) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t take_hole(Granule found, Granule count) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t begin_run(ItemRun& run, Granule found, Granule count) noexcept STRATA_REQUIRES(mutex_);
  void forget_run(ItemRun& run) noexcept STRATA_REQUIRES(mutex_);

  void link(std::uint32_t segment) noexcept STRATA_REQUIRES(mutex_);
  void unlink(std::uint32_t segment) noexcept STRATA_REQUIRES(mutex_);
  // What was freed is now part of `run`: counts it and moves the hand, and where draining is, out of it.
  void count_freed(Granule granules, FreeRuns::Run run) noexcept STRATA_REQUIRES(mutex_);
  // Chunks in use, side by side in one segment; none: nothing.
  void free_run(FreeRuns::Run freed, Emptied& emptied) noexcept STRATA_REQUIRES(mutex_);
  // Adds a chunk in use to such a run, if it lies beside it.
  [[nodiscard]] bool join(FreeRuns::Run& run, FreeRuns::Run chunk) const noexcept STRATA_REQUIRES(mutex_);
  // Unless there is something better to be done with it.
  [[nodiscard]] bool keep(Granule at, ChunkMagazine& keeper) noexcept STRATA_REQUIRES(mutex_);
  // More whole free segments than are kept.
  [[nodiscard]] bool has_spare() const noexcept STRATA_REQUIRES(mutex_) { return runs_.whole_segments() > 1; }
  // Takes a segment that is one free run out of the domain.
  void withdraw(Granule begin, Emptied& emptied) noexcept STRATA_REQUIRES(mutex_);
  void give_back(const Emptied& emptied) noexcept STRATA_EXCLUDES(mutex_);
  [[nodiscard]] std::uint64_t trim_large(std::uint64_t offset, Granule front, std::uint64_t back_bytes) noexcept
      STRATA_REQUIRES(mutex_);
  // Of mixed sizes, with nobody's open run in it, the one that has most free; 0: none.
  [[nodiscard]] std::uint32_t emptiest(std::uint32_t now_s) const noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] bool has_open_run(std::uint32_t segment) const noexcept STRATA_REQUIRES(mutex_);
  // The chunk that begins at that granule of the segment. The last one of a large item's block reaches to its end.
  [[nodiscard]] ItemChunk chunk_of(std::uint32_t segment, Granule at) const noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] Granule behind(std::uint32_t segment, Granule at, const ItemChunk& chunk) const noexcept STRATA_REQUIRES(mutex_);
  // The chunk at which a walk is; it goes on behind it. REQUIRES: there is a segment.
  [[nodiscard]] ItemChunk pass(Position& position) noexcept STRATA_REQUIRES(mutex_);
  // At a segment's end a walk goes on to the next newer one.
  void leave_if_at_end(Position& position) const noexcept STRATA_REQUIRES(mutex_);
  // Of mixed sizes, and what becomes free in it is there for new items.
  [[nodiscard]] bool takes_items(std::uint32_t segment) const noexcept STRATA_REQUIRES(mutex_) {
    return segments_.header(segment).state == SegmentState::mixed;
  }
  // Where a walk was about to look there is now a free run: it goes on behind it.
  void skip_freed(Position& position, FreeRuns::Run run) const noexcept STRATA_REQUIRES(mutex_);

  // Puts the walk before the first chunk of the next segment in which something has expired. False: there is none among those it has looked at.
  [[nodiscard]] bool find_expired(std::int64_t now_ms) noexcept STRATA_REQUIRES(mutex_);
  // The walk has come to the end of its segment.
  void end_walk() noexcept STRATA_REQUIRES(mutex_);
  // The chunks that a thread has cut off its run lie behind so many granules of it.
  [[nodiscard]] Granule not_cut_off(std::uint64_t front) const noexcept STRATA_REQUIRES(mutex_);

  [[nodiscard]] std::string verify_open_runs(std::uint32_t segment, FreeRuns::Sums& found) const STRATA_REQUIRES(mutex_);
  [[nodiscard]] std::string verify_mixed(std::uint32_t segment, FreeRuns::Sums& found) const STRATA_REQUIRES(mutex_);

  Segments& segments_;
  const std::uint32_t number_;
  const std::uint64_t base_;  // of the domain's slice, in bytes from the region's base

  mutable sync::Mutex mutex_{sync::LockRank{.name = "item domain", .order = 460}};
  FreeRuns runs_ STRATA_GUARDED_BY(mutex_);
  std::uint64_t granules_ STRATA_GUARDED_BY(mutex_) = 0;  // of open segments, large ones apart
  // No segment could be had when one was wanted last: holes are all there is.
  bool is_short_ STRATA_GUARDED_BY(mutex_) = false;
  ItemRun* open_runs_ STRATA_GUARDED_BY(mutex_) = nullptr;
  std::uint32_t oldest_ STRATA_GUARDED_BY(mutex_) = 0, newest_ STRATA_GUARDED_BY(mutex_) = 0;
  Position hand_ STRATA_GUARDED_BY(mutex_);
  Position stretch_ STRATA_GUARDED_BY(mutex_);  // where the next stretch is looked for
  std::atomic<std::uint32_t> hand_rounds_ = 0;
  std::atomic<bool> is_draining_ = false;  // written under the lock: runs_.is_withholding()
  // The next granule that draining looks at, in its segment.
  Granule drain_at_ STRATA_GUARDED_BY(mutex_) = 0;
  // For what has expired.
  struct {
    Position position;
    bool is_in_segment = false;  // else that is the next one it may begin with
    bool is_unsure = false;      // some chunk was not yet what it will be
    ExpiryTally tally;
  } walk_ STRATA_GUARDED_BY(mutex_);
  std::atomic<std::uint32_t> segments_linked_ = 0;          // large items included
  ItemDomainStatistics counted_ STRATA_GUARDED_BY(mutex_);  // without what open runs add
};

template <typename Visitor>
void ItemDomain::for_each_chunk(std::uint32_t segment, Visitor&& visit) {
  const sync::MutexLock lock(mutex_);
  const SegmentState state = segments_.header(segment).state;
  if (state == SegmentState::unused) return;
  for (Granule at = 0; at != runs_.segment_granules();) {
    const ItemChunk chunk = chunk_of(segment, at);
    at = behind(segment, at, chunk);
    if (chunk.kind != FreeRuns::Kind::open_run) visit(chunk);
  }
}

template <typename Visitor>
std::size_t ItemDomain::hand_next(std::size_t most, Visitor&& visit) {
  const sync::MutexLock lock(mutex_);
  std::size_t shown = 0;
  for (std::size_t looked = 0; looked < most && oldest_ != 0; ++looked) {
    if (hand_.segment == 0) {
      hand_ = {.segment = oldest_};
      hand_rounds_.fetch_add(1, std::memory_order_relaxed);
    }
    const ItemChunk chunk = pass(hand_);
    if (chunk.kind != FreeRuns::Kind::item) continue;
    ++shown;
    if (!visit(chunk)) break;
  }
  return shown;
}

template <typename Stretch>
bool ItemDomain::stretch_next(std::uint64_t bytes, std::size_t most, Stretch&& stretch) {
  const sync::MutexLock lock(mutex_);
  std::uint64_t begin = 0, end = 0;
  for (std::size_t looked = 0; looked < most && oldest_ != 0; ++looked) {
    if (stretch_.segment == 0) stretch_ = {.segment = oldest_};
    const ItemChunk chunk = pass(stretch_);
    const std::uint32_t segment = segments_.segment_of(chunk.offset);
    if (chunk.offset != end || end == begin || segment != segments_.segment_of(begin)) {
      stretch.begin();
      begin = end = chunk.offset;
    }
    const bool is_free = chunk.kind == FreeRuns::Kind::free;
    if (!takes_items(segment) || (!is_free && (chunk.kind != FreeRuns::Kind::item || !stretch.add(chunk)))) {
      begin = end;
      continue;
    }
    end = chunk.offset + chunk.bytes;
    if (end - begin < bytes) continue;
    stretch.end();
    return true;
  }
  return false;
}

template <typename Visitor>
bool ItemDomain::walk_expired(std::int64_t now_ms, std::size_t most, Visitor&& visit) {
  const sync::MutexLock lock(mutex_);
  if (!walk_.is_in_segment && !find_expired(now_ms)) return walk_.position.segment != 0;
  const std::uint32_t segment = walk_.position.segment;
  Granule& at = walk_.position.at;
  for (std::size_t looked = 0; looked < most && at != runs_.segment_granules(); ++looked) {
    const ItemChunk chunk = chunk_of(segment, at);
    ++counted_.expiry_looked;
    if (chunk.kind == FreeRuns::Kind::item) {
      // By the clock of this call, as `visit` does: that of who began the walk may be another.
      const std::int64_t expiry_ms = visit(chunk);
      if (expiry_ms > now_ms) walk_.tally.note(expiry_ms);
    } else if (chunk.kind != FreeRuns::Kind::free) {
      walk_.is_unsure = true;
    }
    at = chunk.kind == FreeRuns::Kind::open_run ? at + not_cut_off(chunk.offset) : behind(segment, at, chunk);
  }
  if (at == runs_.segment_granules()) end_walk();
  return walk_.is_in_segment || walk_.position.segment != 0;
}

template <typename Visitor>
bool ItemDomain::drain_next(std::size_t most, Visitor&& visit) {
  const sync::MutexLock lock(mutex_);
  if (!runs_.is_withholding()) return false;
  const std::uint32_t segment = segments_.segment_of(offset_of(runs_.withheld()));
  for (std::size_t looked = 0; looked < most && drain_at_ != runs_.segment_granules(); ++looked) {
    const ItemChunk chunk = chunk_of(segment, drain_at_);
    drain_at_ = behind(segment, drain_at_, chunk);
    if (chunk.kind == FreeRuns::Kind::item && !visit(chunk)) return true;
  }
  if (drain_at_ != runs_.segment_granules()) return true;
  drain_at_ = 0;
  return false;
}

}  // namespace strata::cache
