#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "engine/cache/item_domain.h"

namespace strata::cache {

// The memory that items lie in. An item is found by its offset from the region's base; offset 0 is none. How the bytes are used, and what
// was measured: docs/architecture.md, "Where items lie".
//
// The life of a chunk:
//   allocate()   it is reserved: its first word says how long it is and that it is no item. The bytes behind that word are the caller's.
//   complete()   the caller has written all of the item but its header; this writes the header, and whoever walks over the memory may
//                read the item from now on. Then the index may name it.
//   release()    nobody can read it any more: it is out of the index, and all readers have been quiescent since.
//                Of a chunk that was never completed: at any time.
// Or release() makes it a reserved one once more, with the domain's lock, and the thread keeps it for its next item of the size (ChunkMagazine):
// to all others it is as one that is being filled.
//
// Cutting without the lock. A small item comes from the thread's run: 16 KiB, of which the thread cuts items off the end, going downwards,
// with no lock and no atomic read-modify-write. The first word of the run says "open run" and how long the whole of it is until the lock
// is taken to close it, and is not written by cutting. What others may do meanwhile, each with the domain's lock:
//   - Free the chunk in front of the run, or take it: they set or clear the bit for that in the run's first word. Cutting does not touch
//     this word; the one cut that would use it (take_rest) and the closing hold the lock.
//   - Free the chunk behind the run: they look at the run's last granule, which is a chunk in use of its own until the run is closed. So
//     no free chunk ever reaches across the end of an open run, and a walk that steps over the run comes to a chunk.
//   - Free items that were cut off: they look at the first words of the item and of what lies behind it. Both were written by the
//     cutting thread before the item was published, and the releaser has seen that. In front of the item lies what was cut off after it,
//     in use or free, or the rest of the run: then its bit says "not free" and nothing in front is looked at. A free chunk has all its
//     words behind the last cut, where the cutting thread does not write.
//   - Take what is free there, as any hole.
//   - Walk: they step over the run by its first word. Only verify() and statistics() look inside, by the last cut: it is stored after
//     the word of the chunk it tells of.
// Completing without the lock. While the chunk in front of the item is the rest of the caller's own open run, nobody changes the item's
// first word: it is stored. Else the neighbour in front may be freed or taken just now, and the header is put in place by one atomic
// exclusive-or that leaves the bit alone. That is so for items out of holes or in chunks that the thread has kept, for those too large to be
// cut, for large ones, and for those that were not completed before the next cut.
//
// Where an item goes: see allocate(). Nothing is evicted here: where memory is out the caller evicts, with the help of hand_next(),
// and asks again.
// Thread safety: all functions but start(), from any thread, each thread with a handle of its own.
class ItemMemory {
 public:
  using Handle = ItemRun;

  // `budget` is charged with what is resident, and outlives this; so does `whole`, which is as Segments knows it.
  explicit ItemMemory(Budget& budget, const Budget* whole = nullptr) noexcept : segments_(budget, whole) {}
  ItemMemory(const ItemMemory&) = delete;
  ItemMemory& operator=(const ItemMemory&) = delete;

  // Once, before all else. After a failure nothing is held. `calls` outlives this.
  [[nodiscard]] std::errc start(os::MemoryCalls& calls, const SegmentGeometry& geometry);

  // The offset of a chunk of that many bytes, rounded up to granules; 0: memory is out, because of the limit or of the system.
  // One that the handle keeps, if there is any of this size. Else from the handle's run while it lasts. A new run is cut from a free chunk of at least 4 KiB; but where more than 2 % is free in smaller
  // ones, holes, or no segment could be had lately, a small item gets the hole that fits best instead. Items above 2 KiB get the free chunk that fits best. Only when no domain
  // has any is a segment opened. What is larger than a quarter of a segment gets pages of its own. REQUIRES: bytes > 0
  [[nodiscard]] std::uint64_t allocate(Handle& handle, std::uint64_t bytes) noexcept {
    const std::uint64_t count = (bytes + kGranuleBytes - 1) / kGranuleBytes;
    if (const std::uint64_t kept = handle.magazine_.take(count); kept != 0) return kept;
    const std::uint32_t left = handle.left_.load(std::memory_order_relaxed);
    if (count >= left) [[unlikely]]
      return allocate_slowly(handle, bytes);
    const auto rest = static_cast<std::uint32_t>(left - count);
    const std::uint64_t offset = handle.front_ + std::uint64_t{rest} * kGranuleBytes;
    chunk_word(address(offset)).store(ChunkWord::reserved(static_cast<std::uint32_t>(count)), std::memory_order_relaxed);
    handle.left_.store(rest, std::memory_order_release);
    handle.count_cut();
    return offset;
  }
  // The same from the free chunk that fits best, without a run: for what is moved. No segment is opened and no page added for it.
  [[nodiscard]] std::uint64_t allocate_in_holes(Handle& handle, std::uint64_t bytes) noexcept;
  // Writes the header. All else has been written: ItemShape::write_behind_header, then expiry, extras, key and value.
  // `header`: ItemShape::header(). REQUIRES: a reserved chunk of just the shape's item_bytes(), or a large one of at least those.
  void complete(Handle& handle, std::uint64_t offset, std::uint32_t header) noexcept {
    // Released: who sees the header may read the item.
    if (offset == handle.last_cut()) [[likely]] {
      chunk_word(address(offset)).store(header, std::memory_order_release);
    } else {
      complete_beside_others(offset, header);
    }
  }
  // Cuts bytes off a reserved chunk, in front and behind, and returns where it begins now. For what was received into its final place before
  // all fields in front of it were known. REQUIRES: multiples of kGranuleBytes that leave something; of a large chunk in front, less than a
  // page, once.
  [[nodiscard]] std::uint64_t trim(std::uint64_t offset, std::uint64_t front_bytes, std::uint64_t back_bytes = 0) noexcept;
  // Locks once for each domain and 64 chunks; the more at a time the better. `keeper`: the calling thread's, may keep some of them for its next items
  // (ChunkMagazine), where they lie among others in use: what may become whole segments does not stay with it.
  void release(std::span<const std::uint64_t> offsets, Handle* keeper = nullptr) noexcept;
  // What is left of the handle's run, and what it keeps, can be used by others from now on; so does the handle's end. For threads that go to sleep.
  void close(Handle& handle) noexcept;
  // The same of what it keeps alone.
  void give_back_kept(Handle& handle) noexcept {
    if (!handle.magazine_.empty()) give_back_all_kept(handle);
  }
  [[nodiscard]] static std::uint64_t kept_bytes(const Handle& handle) noexcept { return handle.magazine_.bytes(); }
  // Segments that are all free go back to the system.
  void give_back_free_segments() noexcept;
  // One of them, if some domain has more than the one that it keeps. Whoever empties segments gives most of them back by the way, but not many at once:
  // for who has time. False: there was none.
  bool give_back_spare() noexcept;
  [[nodiscard]] bool has_spare() const noexcept;

  [[nodiscard]] std::byte* address(std::uint64_t offset) const noexcept { return base_ + offset; }
  [[nodiscard]] std::uint64_t offset_of(const std::byte* address) const noexcept {
    return static_cast<std::uint64_t>(address - base_);
  }

  // Most bytes that may be resident; ~0: no limit. Enough for what is there stays.
  void set_limit(std::uint64_t bytes) noexcept { segments_.set_limit(bytes); }
  // Resident above the limit: segments are to be emptied.
  [[nodiscard]] std::uint64_t excess_bytes() const noexcept { return segments_.excess_bytes(); }
  [[nodiscard]] std::uint64_t limit() const noexcept { return segments_.limit(); }
  [[nodiscard]] std::uint64_t page_bytes() const noexcept { return segments_.page_bytes(); }
  [[nodiscard]] std::uint64_t segment_bytes() const noexcept { return segments_.geometry().segment_bytes; }
  // Chunks above this have pages of their own.
  [[nodiscard]] std::uint64_t most_mixed_bytes() const noexcept { return most_mixed_bytes_; }

  [[nodiscard]] std::uint32_t domains() const noexcept { return static_cast<std::uint32_t>(domains_.size()); }
  // Where the handle's next run or hole is looked for first: who evicts for it does so there.
  [[nodiscard]] std::uint32_t domain_of(const Handle& handle) const noexcept { return handle.turn_; }

  // Shows the chunks of a segment one by one, from its beginning to its end, to `visit(const ItemChunk&)`; of open runs only what was cut
  // off and lies behind them. None if the segment is not in use. The domain is locked meanwhile: `visit` may read items (not the reserved
  // ones), and search the index without a lock, but call nothing of this class.
  template <typename Visitor>
  void for_each_chunk(std::uint32_t segment, Visitor&& visit) {
    domain_of_segment(segment).for_each_chunk(segment, visit);
  }
  [[nodiscard]] std::uint32_t segment_of(std::uint64_t offset) const noexcept { return segments_.segment_of(offset); }
  [[nodiscard]] std::uint32_t segments_end() const noexcept { return segments_.geometry().segments(); }

  // Moves the domain's hand on, over `most` chunks at most, and shows each item that it passes to `visit(const ItemChunk&)`, until that
  // says false; returns how many it has shown. The hand goes through the segments in the order in which they were opened, round and round;
  // a segment that is opened is put behind it, to be the last that it comes to. Large items count as segments. Items in open runs are
  // passed over. An item that is shown may be out of the index already. Locking and `visit` as in for_each_chunk: an item is safe to read
  // while it is shown, and not after, unless the visitor has found it in the index, for then the usual rules of readers hold.
  template <typename Visitor>
  std::size_t hand_next(std::uint32_t domain, std::size_t most, Visitor&& visit) {
    return domains_[domain]->hand_next(most, visit);
  }
  // Looks for chunks that lie side by side where new items may, items and free ones, and have `bytes` together, in `most` chunks at most from where the
  // last such search ended. At `stretch.begin()` what was added before does not count; `stretch.add(const ItemChunk&)` is told of each item, in their order,
  // and says whether it may go; at `stretch.end()` they are enough. Who then frees the items has a free chunk of so many bytes, if nobody took part of it.
  // False: there are none. Locking and reading as in hand_next(), until end() returns.
  template <typename Stretch>
  bool stretch_next(std::uint32_t domain, std::uint64_t bytes, std::size_t most, Stretch&& stretch) {
    return domains_[domain]->stretch_next(bytes, most, stretch);
  }

  // Draining: a segment of which little is left is emptied, so that it can be given back. Of the domain, the one that has most free is chosen, if that
  // is `least_free_bytes`; from then on nothing new is placed in it, but for what threads keep of it.
  // Returns what is in use of it, 0: there is none such, or one is being drained. Its items are shown by drain_next(), which works like hand_next() and says false when it has come to the end, to begin anew; who moves them
  // allocates a chunk elsewhere, has the index name that, and releases the old one as ever. When the last chunk is released the segment is given back,
  // and draining is over. end_draining() gives it up, and it is not chosen again before the time that is told. One segment of a domain at a time, moved
  // by one thread. Times are in seconds since 1970.
  [[nodiscard]] std::uint64_t begin_draining(std::uint32_t domain, std::uint64_t least_free_bytes, std::uint32_t now_s) noexcept {
    return domains_[domain]->begin_draining(least_free_bytes, now_s);
  }
  void end_draining(std::uint32_t domain, std::uint32_t pass_over_until_s) noexcept {
    domains_[domain]->end_draining(pass_over_until_s);
  }
  // Those that were given up may be chosen again at once. False: there were none.
  bool reconsider_given_up(std::uint32_t now_s) noexcept;
  template <typename Visitor>
  bool drain_next(std::uint32_t domain, std::size_t most, Visitor&& visit) {
    return domains_[domain]->drain_next(most, visit);
  }

  // Expiry: walk_expired() goes through the segments of a domain, of each through all chunks and open runs, but only if something in it may have expired
  // by `now_ms` and enough for a walk to be worth its time (ExpiryTally). Each call goes on for `most` chunks at most, shows items to
  // `visit(const ItemChunk&)`, which returns the item's expiry, and says whether there is more to do now. Several threads may share the work. Locking
  // and `visit` as in hand_next().
  //
  // That a segment's earliest expiry is right takes this of who gives an item an expiry. Where it is a new item, note_expiry() comes between allocate() and
  // complete(): a walk that has begun before and does not see the item complete has seen that there is something unfinished. Where an item gets
  // another expiry, note_expiry() comes after it: the item's word is exchanged and then the segment's is read, the walk exchanges the segment's and then
  // reads the item's, in one order for all; so one sees what the other did.
  template <typename Visitor>
  bool walk_expired(std::uint32_t domain, std::int64_t now_ms, std::size_t most, Visitor&& visit) {
    return domains_[domain]->walk_expired(now_ms, most, visit);
  }
  void note_expiry(std::uint64_t offset, std::int64_t expiry_ms) noexcept {
    segments_.header(segments_.segment_of(offset)).lower_earliest_expiry(expiry_ms);
  }
  [[nodiscard]] bool is_draining(std::uint32_t domain) const noexcept { return domains_[domain]->is_draining(); }
  // The domain with the segment that has most free, of those that may be chosen now.
  [[nodiscard]] std::uint32_t emptiest_domain(std::uint32_t now_s) const noexcept;

  // For tests: a walk will find it, not much later than it expires.
  [[nodiscard]] bool knows_of_expiry(std::uint64_t offset, std::int64_t expiry_ms) const {
    const std::uint32_t segment = segments_.segment_of(offset);
    return domain_of_segment(segment).knows_of_expiry(segment, expiry_ms);
  }

  // Nothing lies in the domain, so there is nothing for its hand.
  [[nodiscard]] bool is_empty(std::uint32_t domain) const noexcept { return domains_[domain]->is_empty(); }
  // Chunks in use in the domain: about so many steps are a round of its hand.
  [[nodiscard]] std::uint64_t chunks(std::uint32_t domain) const noexcept {
    const ItemDomainStatistics told = domains_[domain]->statistics();
    return told.allocations - told.released;
  }
  // Rounds that the domain's hand has begun.
  [[nodiscard]] std::uint32_t hand_rounds(std::uint32_t domain) const noexcept { return domains_[domain]->hand_rounds(); }

  struct Statistics : ItemDomainStatistics {
    Segments::Counters memory;
  };
  // Exact where nobody allocates or frees meanwhile.
  [[nodiscard]] Statistics statistics() const noexcept;
  // For tests: walks over everything, compares it with all sums, and says what is wrong first; empty if nothing is.
  // REQUIRES: nobody allocates or frees meanwhile.
  [[nodiscard]] std::string verify() const;

 private:
  friend class ItemRun;

  [[nodiscard]] ItemDomain& domain_of_segment(std::uint32_t segment) const noexcept {
    return *domains_[number_of_domain(segment)];
  }
  [[nodiscard]] std::uint32_t number_of_domain(std::uint32_t segment) const noexcept;
  [[nodiscard]] std::uint64_t allocate_slowly(Handle& handle, std::uint64_t bytes) noexcept;
  void complete_beside_others(std::uint64_t offset, std::uint32_t header) noexcept;
  [[nodiscard]] std::uint64_t allocate_anywhere(Handle& handle, std::uint32_t granules) noexcept;
  [[nodiscard]] std::uint64_t allocate_large(std::uint64_t bytes) noexcept;
  // REQUIRES: some, ItemDomain::kMostReleased at most.
  void release_batch(std::span<const std::uint64_t> offsets, ChunkMagazine* keeper) noexcept;
  void prefetch_neighbours(std::span<const std::uint64_t> offsets) const noexcept;
  void give_back_all_kept(Handle& handle) noexcept;
  void close_run(Handle& handle) noexcept {
    if (handle.is_open()) handle.domain_->close(handle);
  }

  std::byte* base_ = nullptr;
  std::uint64_t most_mixed_bytes_ = 0;  // of a chunk in a segment of mixed sizes
  std::atomic<std::uint32_t> handles_ = 0;
  Segments segments_;
  std::vector<std::unique_ptr<ItemDomain>> domains_;
};

}  // namespace strata::cache
