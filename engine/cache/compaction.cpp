#include <algorithm>
#include <utility>

#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"
#include "engine/cache/locked_home.h"
#include "engine/cache/protocol_points.h"
#include "engine/cache/update.h"

// Emptying segments: what is left in the one that has most free is moved into free chunks of others, so that it can be given back. Where memory has to
// go, for large items, for buffers, or because the limit was lowered; and where much of what is resident lies idle.
// An item is copied, and its slot then names the copy, under the lock of its home: for who looks it up it is the same item. What was its place waits for
// the readers as if it had been removed.
namespace strata::cache {
namespace {

using Time = std::chrono::steady_clock;

constexpr std::size_t kChunksPerHold = 32;
// Passes over a segment in which nothing was moved before it is given up: somebody holds what is left of it.
constexpr unsigned kMostIdlePasses = 3;
// For one item that finds no place elsewhere.
constexpr unsigned kMostVictims = 8;
constexpr std::uint64_t kEnoughWaiting = 64U << 10U;
// A segment that was given up is left alone so long; and nothing is begun so many times.
constexpr std::uint32_t kPassedOverForS = 2;
constexpr unsigned kPauseAfterGivingUp = 32;
// Unless pages are wanted and there is no other segment: then at least so long.
constexpr std::int64_t kLeastPauseMs = 10;
constexpr std::chrono::microseconds kLongestSlice{500};
// Compaction pays where more than this share of what is resident is free, beyond a few segments, and a segment has so much free that what is copied
// is three times what is won at most.
constexpr std::uint64_t kIdleShare = 20;
constexpr std::uint64_t kIdleSegments = 2;
constexpr std::uint64_t kWorthwhileShare = 4;

}  // namespace

struct Cache::ToMove {
  std::uint64_t offset = 0;  // 0: nothing
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;             // of the key
  const ValueBlock* block = nullptr;  // it is the value of a key, apart from its item
  bool is_held = false;               // by others than that item
};

// The home is locked while it is copied: the expiry may change until then. False: it is no longer there, or is not to stay.
bool Cache::put_at(Session& session, const ToMove& item, std::uint64_t from, std::uint64_t to, ValueRef block) noexcept {
  bool is_young = false;
  std::uint64_t bytes = 0;
  {
    const Passage passage(session.writer());
    LockedHome home(core_->shard_of(item.hash), item.hash);
    const FoundSlot found = home.find(item.hash, [from](Slot slot) { return slot.offset_bytes() == from; });
    if (!found) return false;
    const StoredItem stored = core_->store.at(found.slot);
    // What lies in a keyspace that was dropped is being looked for: it must not go where that has been.
    if (stored.has_expired(session.now_ms()) || !core_->databases.database_of(stored.ns())) return false;
    core_->store.copy(session.handle_, stored, to, item.hash, session.now_ms(), std::move(block));
    home.move(found, to);
    is_young = found.slot.get<Slot::Main>() == 0;
    bytes = core_->store.whole_bytes_of(stored);
  }
  session.note_moved(item.hash, bytes, is_young);
  if (core_->uses.keeps() != UseTable::Keeps::nothing) core_->uses.follow(from, to);
  return true;
}

void Cache::drop_instead(Session& session, const ToMove& item) noexcept {
  const FoundSlot found =
      core_->shard_of(item.hash).find(item.hash, [&item](Slot slot) { return slot.offset_bytes() == item.offset; });
  if (!found) return;
  const StoredItem stored = core_->store.at(found.slot);
  const std::int64_t now_ms = session.now_ms();
  const bool has_expired = stored.has_expired(now_ms), drops = core_->databases.is_swept(stored.ns());
  if (!has_expired && !drops) return;
  if (remove_if_same(*core_, session, item.hash, found.slot, Cause::expired,
                     [drops, now_ms](StoredItem one) { return drops || one.has_expired(now_ms); }) &&
      !drops) {
    session.counters_.expired.add();
    session.note_gone(item.hash, Gone::expired);
  }
}

std::uint64_t Cache::allocate_for_move(Session& session, std::uint64_t bytes) noexcept {
  const std::uint64_t hole = core_->memory.allocate_in_holes(session.handle_, bytes);
  return hole != 0 || !compaction_.may_open ? hole : core_->memory.allocate(session.handle_, bytes);
}

Cache::Moved Cache::move_item(Session& session, const ToMove& item) noexcept {
  const std::uint64_t to = allocate_for_move(session, item.bytes);
  if (to == 0) return Moved::no_room;
  if (!put_at(session, item, item.offset, to, {})) {
    core_->memory.release(std::span(&to, 1));
    drop_instead(session, item);
    return Moved::no;
  }
  session.account(static_cast<std::int64_t>(item.bytes));
  if (STRATA_PROTOCOL_FAULT(moved_freed_at_once)) {
    core_->store.dispose(std::span(&item.offset, 1), nullptr);
    session.account(-static_cast<std::int64_t>(item.bytes));
    return Moved::yes;
  }
  session.retirement_.retire(item.offset, item.bytes);
  return Moved::yes;
}

// The value is copied, and then the item that names it, wherever that lies. Who is sending the old one holds it as long as that takes.
Cache::Moved Cache::move_block(Session& session, const ToMove& block) noexcept {
  ItemStore& store = core_->store;
  const FoundSlot found = core_->shard_of(block.hash).find(block.hash, [&](Slot slot) {
    const StoredItem item = store.at(slot);
    return item.encoding() == Encoding::block && &store.block_of(item) == block.block;
  });
  if (!found) return Moved::no;
  const StoredItem item = store.at(found.slot);
  const std::uint64_t from = found.slot.offset_bytes(), bytes = item.bytes();
  if (bytes > core_->memory.most_mixed_bytes()) return Moved::no;  // a long key
  const ValueRef value = store.pin(item);
  ValueRef copy = compaction_.may_open ? store.allocate_block(session.handle_, value.size(), 0)
                                       : store.allocate_block_in_holes(session.handle_, value.size());
  if (!copy) return Moved::no_room;
  value.view().copy(copy.data(), value.size());
  const std::uint64_t to = allocate_for_move(session, bytes);
  if (to == 0) return Moved::no_room;
  const ToMove named{.offset = from, .bytes = bytes, .hash = block.hash};
  if (!put_at(session, named, from, to, std::move(copy))) {
    core_->memory.release(std::span(&to, 1));
    return Moved::no;
  }
  session.account(static_cast<std::int64_t>(bytes));
  session.retirement_.retire(from, bytes);
  return Moved::yes;
}

Cache::Moved Cache::move(Session& session, const ToMove& chunk) noexcept {
  if (!can_retire(session)) return Moved::no;
  const Moved moved = chunk.block != nullptr ? move_block(session, chunk) : move_item(session, chunk);
  if (moved != Moved::yes) return moved;
  ++compaction_.moved_in_pass;
  compaction_.moved.fetch_add(1, std::memory_order_relaxed);
  compaction_.moved_bytes.fetch_add(chunk.bytes, std::memory_order_relaxed);
  return moved;
}

bool Cache::choose_segment(Session& session, std::uint64_t least_free_bytes) noexcept {
  if (compaction_.pause != 0) {
    --compaction_.pause;
    return false;
  }
  const auto now_s = static_cast<std::uint32_t>(session.now_ms() / 1000);
  compaction_.domain = core_->memory.emptiest_domain(now_s);
  compaction_.moved_in_pass = 0;
  compaction_.idle_passes = 0;
  compaction_.is_draining = core_->memory.begin_draining(compaction_.domain, least_free_bytes, now_s) != 0;
  if (compaction_.is_draining) core_->memory.give_back_kept(session.handle_);
  return compaction_.is_draining;
}

void Cache::give_segment_up(const Session& session) noexcept {
  core_->memory.end_draining(compaction_.domain, static_cast<std::uint32_t>(session.now_ms() / 1000) + kPassedOverForS);
  compaction_.is_draining = false;
  compaction_.given_up.fetch_add(1, std::memory_order_relaxed);
  compaction_.pause = kPauseAfterGivingUp;
}

// The next chunk of the segment that is to be moved. False: the pass is over.
bool Cache::next_to_move(ToMove& chunk) noexcept {
  return core_->memory.drain_next(compaction_.domain, kChunksPerHold, [&](const ItemChunk& seen) {
    const StoredItem item = core_->store.at(seen.offset);
    chunk = {.offset = seen.offset, .bytes = seen.bytes};
    if (item.encoding() == Encoding::block_body) {
      chunk.block = &core_->store.block_in(seen.offset);
      chunk.hash = chunk.block->owner();
      chunk.is_held = chunk.block->is_held();
    } else {
      chunk.hash = core_->hash_of(item.key(), item.ns());
    }
    return false;
  });
}

// What finds no place elsewhere goes, where memory has to. False: it has to stay.
bool Cache::evict_instead(Session& session, const ToMove& chunk) noexcept {
  const FoundSlot found = core_->shard_of(chunk.hash).find(chunk.hash, [&](Slot slot) {
    if (chunk.block == nullptr) return slot.offset_bytes() == chunk.offset;
    const StoredItem item = core_->store.at(slot);
    return item.encoding() == Encoding::block && &core_->store.block_of(item) == chunk.block;
  });
  if (!found) return true;  // it is gone already
  if (policy() == Policy::noeviction || (only_volatile(policy()) && !core_->store.at(found.slot).expires())) return false;
  Evicted evicted;
  return evict(session, found.slot, evicted);
}

// A pass over the segment is over. What was moved waits for the readers; what was not is somebody's who is using it.
void Cache::end_pass(Session& session) noexcept {
  compaction_.idle_passes = std::exchange(compaction_.moved_in_pass, 0) == 0 ? compaction_.idle_passes + 1 : 0;
  session.quiescent();
  if (compaction_.idle_passes > kMostIdlePasses) give_segment_up(session);
}

// There is no place for it. Who goes is the policy's to say, as long as what it lets go makes a place.
Cache::Drained Cache::make_place_for(Session& session, const ToMove& chunk, const DrainUntil& until) noexcept {
  for (unsigned victims = 0; until.may_evict && victims < kMostVictims; ++victims) {
    // What went before, and is still being read, will make one.
    if (core_->readers.waiting_bytes() > kEnoughWaiting || !evict_one(session).found) break;
    session.quiescent();
    session.quiescent();
    if (move(session, chunk) != Moved::no_room) return Drained::more;
  }
  const bool must = until.may_evict && until.least_free_bytes == 0;
  if (must && can_retire(session) && evict_instead(session, chunk)) return Drained::more;
  if (until.may_evict && core_->readers.waiting_bytes() > kEnoughWaiting) return Drained::over;
  give_segment_up(session);
  return Drained::over;
}

Cache::Drained Cache::drain_step(Session& session, const DrainUntil& until, unsigned& begun) noexcept {
  if (compaction_.is_draining && !core_->memory.is_draining(compaction_.domain)) compaction_.is_draining = false;
  if (!compaction_.is_draining) {
    if (until.segments == begun) return Drained::over;
    if (!choose_segment(session, until.least_free_bytes)) return Drained::nothing;
    ++begun;
  }
  ToMove chunk;
  const bool goes_on = next_to_move(chunk);
  if (chunk.offset == 0) {
    if (goes_on) return Drained::more;
    end_pass(session);
    return Drained::over;
  }
  // As long as that goes on the segment stays, and a copy would only be there beside it.
  if (chunk.is_held) {
    give_segment_up(session);
    return Drained::over;
  }
  return move(session, chunk) != Moved::no_room ? Drained::more : make_place_for(session, chunk, until);
}

Cache::Drained Cache::drain(Session& session, const DrainUntil& until) noexcept {
  if (compaction_.busy.exchange(true, std::memory_order_acquire)) return Drained::elsewhere;
  compaction_.may_open = until.may_open;
  // Who needs the memory now asks without a bound.
  if (until.deadline == Time::time_point::max() && until.bytes == ~std::uint64_t{0}) compaction_.pause = 0;
  const std::uint64_t before = compaction_.moved_bytes.load(std::memory_order_relaxed);
  Drained drained = Drained::more;
  unsigned begun = compaction_.is_draining ? 1 : 0;
  while (drained == Drained::more && compaction_.moved_bytes.load(std::memory_order_relaxed) - before < until.bytes &&
         Time::now() < until.deadline)
    drained = drain_step(session, until, begun);
  session.quiescent();
  if (compaction_.is_draining) drained = Drained::more;
  compaction_.is_begun.store(compaction_.is_draining, std::memory_order_relaxed);
  compaction_.busy.store(false, std::memory_order_release);
  return drained;
}

// Each write has some of the emptiest segment moved, where something else has taken what segments have, or items found no place lately.
void Cache::pay_for_segments(Session& session, std::uint64_t added_bytes) noexcept {
  constexpr std::uint64_t kMovedPerWrite = 64U << 10U, kMovedPerByte = 4;
  ItemMemory& memory = core_->memory;
  if (memory.excess_bytes() != 0) [[unlikely]] {
    (void)drain(session, {.bytes = kMovedPerWrite, .segments = 1, .may_evict = true});
  } else if (core_->shortage.load(std::memory_order_relaxed) != 0) {
    (void)drain(session, {.bytes = std::min(added_bytes * kMovedPerByte, kMovedPerWrite),
                          .least_free_bytes = memory.segment_bytes() / kWorthwhileShare,
                          .may_evict = true});
  }
}

// Free chunks that are side by side, of those that are not. False: it would not pay, or somebody else is at it.
bool Cache::make_runs(Session& session, std::uint64_t bytes) noexcept {
  const std::uint64_t before = compaction_.moved_bytes.load(std::memory_order_relaxed);
  (void)drain(session, {.bytes = bytes * kWorthwhileShare,
                        .least_free_bytes = core_->memory.segment_bytes() / kWorthwhileShare,
                        .may_evict = true});
  return compaction_.moved_bytes.load(std::memory_order_relaxed) != before;
}

bool Cache::compact_now(Session& session, std::chrono::nanoseconds slice) {
  const Operation operation(session);
  session.quiescent();
  // It may be the thread's own run that keeps the segment from being chosen.
  core_->memory.close(session.handle_);
  return drain(session, {.deadline = Time::now() + slice, .segments = 1, .may_open = true}) == Drained::more;
}

// What somebody held in a segment when that was given up he may hold no more: a reply takes milliseconds to be sent. Where that did not help they are left
// alone twice as long, up to as long as they are anyway; `at_once`, for who would be refused, once in a millisecond. False: there is none, or it is too soon.
bool Cache::reconsider_given_up(const Session& session, bool at_once) noexcept {
  const std::int64_t since_ms = session.now_ms() - compaction_.reconsidered_ms.load(std::memory_order_relaxed);
  const std::int64_t pause_ms = std::max(compaction_.reconsider_pause_ms.load(std::memory_order_relaxed), kLeastPauseMs);
  if (since_ms >= 0 && since_ms < (at_once ? 1 : pause_ms)) return false;
  compaction_.reconsidered_ms.store(session.now_ms(), std::memory_order_relaxed);
  compaction_.reconsider_pause_ms.store(std::min(2 * pause_ms, std::int64_t{kPassedOverForS} * 1000), std::memory_order_relaxed);
  return core_->memory.reconsider_given_up(static_cast<std::uint32_t>(session.now_ms() / 1000));
}

bool Cache::make_pages(Session& session, std::uint64_t bytes, bool is_last) noexcept {
  // What is copied for it, at most, and how often it is waited for what was moved.
  constexpr std::uint64_t kMostMovedPerByte = 16;
  constexpr unsigned kMostRounds = 64;
  ItemMemory& memory = core_->memory;
  // Rounded up to pages; and one for their header.
  const std::uint64_t wanted = bytes + 2 * memory.page_bytes();
  const auto fits = [&] { return core_->placement.total_bytes() + wanted <= memory.limit(); };
  if (fits()) return true;
  memory.give_back_kept(session.handle_);
  memory.give_back_free_segments();
  const std::uint64_t before = compaction_.moved_bytes.load(std::memory_order_relaxed);
  const std::uint64_t most = kMostMovedPerByte * (wanted + memory.segment_bytes());
  bool tried_again = false;
  for (unsigned round = 0; round < kMostRounds && !fits(); ++round) {
    if (compaction_.moved_bytes.load(std::memory_order_relaxed) - before > most) break;
    if (drain(session, {.segments = 1, .may_evict = true}) == Drained::nothing) {
      memory.give_back_free_segments();
      if (fits() || std::exchange(tried_again, true) || !reconsider_given_up(session, is_last)) break;
    }
    session.reclaim();
  }
  if (!fits()) return false;
  if (tried_again) compaction_.reconsider_pause_ms.store(kLeastPauseMs, std::memory_order_relaxed);
  return true;
}

bool Cache::compact(Session& session, Time::time_point deadline) noexcept {
  ItemMemory& memory = core_->memory;
  if (memory.excess_bytes() != 0) {
    memory.give_back_kept(session.handle_);
    memory.give_back_free_segments();
    const std::uint64_t before = compaction_.moved_bytes.load(std::memory_order_relaxed);
    if (memory.excess_bytes() != 0 && drain(session, {.deadline = deadline, .segments = 1, .may_evict = true}) == Drained::more)
      return true;
    return memory.excess_bytes() != 0 && compaction_.moved_bytes.load(std::memory_order_relaxed) != before;
  }
  const std::uint64_t resident = core_->placement.total_bytes();
  const std::uint64_t used = budget().bytes(Purpose::items) + budget().bytes(Purpose::large_values);
  const bool pays = resident > used + resident / kIdleShare + kIdleSegments * memory.segment_bytes();
  const DrainUntil until{.deadline = std::min(deadline, Time::now() + kLongestSlice),
                         .least_free_bytes = memory.segment_bytes() / kWorthwhileShare};
  // What was begun is ended.
  return (pays || compaction_.is_begun.load(std::memory_order_relaxed)) && drain(session, until) == Drained::more;
}

CompactionStatistics Cache::compaction_statistics() const noexcept {
  const std::uint64_t resident = core_->placement.total_bytes();
  const std::uint64_t used = budget().bytes(Purpose::items) + budget().bytes(Purpose::large_values);
  return {.segments_bytes = resident,
          .free_bytes = resident - std::min(resident, used),
          .segments_emptied = core_->memory.statistics().drained,
          .moved_items = compaction_.moved.load(std::memory_order_relaxed),
          .moved_bytes = compaction_.moved_bytes.load(std::memory_order_relaxed),
          .given_up = compaction_.given_up.load(std::memory_order_relaxed)};
}

}  // namespace strata::cache
