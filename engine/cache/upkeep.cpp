#include <algorithm>

#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"
#include "engine/cache/update.h"

namespace strata::cache {
namespace {

using Time = std::chrono::steady_clock;

// Of the index, between two looks at the clock: some hundred items, each of which may have to come from memory, and its neighbours too.
constexpr unsigned kSweptBuckets = 16;
constexpr unsigned kPartsOfBlock = kBlockBuckets / kSweptBuckets;
// Items are on their way while so many before them are looked at.
constexpr std::size_t kItemsAhead = 8;
// A table that has been seen from end to end with less than this share of its slots taken becomes smaller.
constexpr std::uint64_t kSparse = 4;
constexpr std::uint64_t kFillAfterShrinking = 2;  // slots to an item
// A sixty-fourth less with each call.
constexpr unsigned kFadeEachUpkeep = 6;

}  // namespace

// What one look at a part of the index came to.
struct Cache::Swept {
  std::size_t seen = 0;  // slots
  std::size_t expired = 0;
  std::size_t dropped = 0;
  std::size_t invalidated = 0;
  std::size_t old = 0;         // of these
  bool has_no_memory = false;  // to take anything out: nothing was done
};

Cache::Swept Cache::sweep_some(Session& session, std::size_t shard, Prefix& position) {
  Swept swept;
  session.seen_.clear();
  const Prefix next = core_->shards[shard].collect(position, kSweptBuckets, session.seen_);
  // What is left behind in a dropped keyspace would be there again when that serves another database.
  swept.has_no_memory = !session.retirement_.prepare(session.seen_.size());
  if (swept.has_no_memory) return swept;
  position = next;
  for (std::size_t i = 0; i < session.seen_.size() + kItemsAhead; ++i) {
    if (i < session.seen_.size()) core_->prefetch_item(session.seen_[i]);
    if (i < kItemsAhead) continue;
    sweep_item(session, session.seen_[i - kItemsAhead], swept);
  }
  return swept;
}

void Cache::sweep_item(Session& session, Slot slot, Swept& swept) noexcept {
  const StoredItem item = core_->store.at(slot);
  const Keyspace keyspace = item.ns();
  ++swept.seen;
  const bool drops = core_->databases.is_swept(keyspace);
  if (!drops && core_->is_invalidated(slot)) {
    // Whatever lies under the key now: the item may have been moved since.
    const std::string_view key = item.key();
    if (remove_invalidated(*core_, session,
                           {.bytes = key, .hash = core_->hash_of(key, keyspace), .keyspace = keyspace, .place = {}}))
      ++swept.invalidated;
    return;
  }
  const std::int64_t now_ms = session.now_ms_;
  if (!drops && !item.has_expired(now_ms)) {
    if (core_->is_too_old(item, now_ms) && remove_old(session, slot)) {
      ++swept.invalidated;
      ++swept.old;
    }
    return;
  }
  const std::uint64_t hash = core_->hash_of(item.key(), keyspace);
  if (!remove_if_same(*core_, session, hash, slot, Cause::expired,
                      [drops, now_ms](StoredItem found) { return drops || found.has_expired(now_ms); }))
    return;
  ++(drops ? swept.dropped : swept.expired);
  if (drops) {
    // Who asks for it asks in the keyspace that its database is now.
    const Keyspace now = core_->databases.keyspace_of(core_->databases.last_database_of(keyspace));
    session.note_gone(core_->hash_of(item.key(), now), Gone::flushed);
  } else {
    session.note_gone(hash, Gone::expired);
  }
}

bool Cache::remove_old(Session& session, Slot slot) noexcept {
  const StoredItem item = core_->store.at(slot);
  const std::uint64_t hash = core_->hash_of(item.key(), item.ns());
  if (!remove_if_same(*core_, session, hash, slot, Cause::removed, [](StoredItem) { return true; })) return false;
  session.note_gone(hash, Gone::removed);
  session.counters_.invalidated.add();
  return true;
}

bool Cache::sweep(Session& session, std::size_t shard, const SweepUntil& until, UpkeepReport& report) {
  ShardSweep& state = sweeps_[shard];
  if (state.busy.exchange(true, std::memory_order_acquire)) return false;
  const std::uint32_t round = core_->databases.begin_round(session.participant_);
  if (round != state.round) {
    state.round = round;
    // The round ends where it began: from here on everything has to be seen once.
    state.in_round = round != 0;
    if (state.in_round) state.position = 0;
  }
  bool more = true;
  std::size_t taken_out = 0;  // of a block
  for (unsigned parts = 1; more; ++parts) {
    if (state.position == 0) state.seen = 0;
    const Swept swept = sweep_some(session, shard, state.position);
    if (swept.has_no_memory) break;
    state.seen += swept.seen;
    report.expired += swept.expired;
    report.freed += swept.dropped;
    report.invalidated += swept.invalidated;
    if (swept.old != 0) auto_->note_old(swept.old);
    session.counters_.expired.add(swept.expired);
    if (state.position == 0) {
      consider_shrinking(shard, state.seen);
      if (state.in_round) {
        state.in_round = false;
        core_->databases.end_shard(session.participant_);
      }
    }
    session.quiescent();
    taken_out += swept.dropped + swept.invalidated;
    const bool is_over = state.position == 0 || (!until.all && Time::now() >= until.deadline);
    if (is_over || parts % kPartsOfBlock == 0) {
      more = state.in_round || taken_out > 0;
      taken_out = 0;
    }
    if (is_over) break;
  }
  state.busy.store(false, std::memory_order_release);
  return more;
}

// As a sweep, where no item has to be looked at.
bool Cache::consider_size(Session& session, std::size_t shard) {
  if (core_->shards[shard].counters().buckets == kBlockBuckets) return false;
  ShardSweep& state = sweeps_[shard];
  if (state.busy.exchange(true, std::memory_order_acquire)) return false;
  if (state.position == 0) state.seen = 0;
  session.seen_.clear();
  state.position = core_->shards[shard].collect(state.position, kBlockBuckets, session.seen_);
  state.seen += session.seen_.size();
  if (state.position == 0) consider_shrinking(shard, state.seen);
  state.busy.store(false, std::memory_order_release);
  return false;
}

void Cache::consider_shrinking(std::size_t shard, std::uint64_t items) noexcept {
  const std::uint64_t slots = core_->shards[shard].counters().buckets * Bucket::kSlots;
  if (core_->shards[shard].is_growing() || items * kSparse > slots) return;
  const std::uint64_t blocks = items * kFillAfterShrinking / (Bucket::kSlots * kBlockBuckets) + 1;
  if (blocks * kBlockBuckets * Bucket::kSlots < slots) core_->shards[shard].shrink_to(static_cast<std::uint32_t>(blocks));
}

bool Cache::evict_some(Session& session, Time::time_point deadline, UpkeepReport& report) {
  while (!fits(0)) {
    if (!evict_one(session).found) return false;
    ++report.evicted;
    session.quiescent();
    if (Time::now() >= deadline) return !fits(0);
  }
  return false;
}

// Another policy than the one that the queue is for: all of its items belong to the main queue from now on.
bool Cache::empty_young_queue(Session& session, Time::time_point deadline) noexcept {
  if (policy() == Policy::s3fifo || core_->young.keys() == 0) return false;
  std::array<YoungKey, 32> keys;
  while (const std::size_t taken = core_->young.take(keys)) {
    for (const YoungKey key : std::span(keys).first(taken)) static_cast<void>(promote(*core_, key));
    session.quiescent();
    if (Time::now() >= deadline) break;
  }
  return core_->young.keys() != 0;
}

bool Cache::give_back_spare(Time::time_point deadline) noexcept {
  while (core_->memory.give_back_spare()) {
    if (Time::now() >= deadline) return true;
  }
  return false;
}

// What lies at the bottom of a magazine is not used, and keeps a segment from being emptied.
void Cache::give_back_kept_at_times(Session& session) noexcept {
  constexpr std::int64_t kPauseMs = 100;
  session.does_upkeep_ = true;
  const std::int64_t since_ms = session.now_ms() - session.gave_back_ms_;
  if (since_ms >= 0 && since_ms < kPauseMs) return;
  session.gave_back_ms_ = session.now_ms();
  core_->memory.give_back_kept(session.handle_);
}

UpkeepReport Cache::upkeep(Session& session, std::size_t first, std::size_t stride, std::chrono::nanoseconds slice) {
  UpkeepReport report;
  if (first >= kShards) return report;
  const Operation operation(session);
  session.quiescent();
  give_back_kept_at_times(session);
  follow_system_memory(session.now_ms());
  stride = std::clamp<std::size_t>(stride, 1, kShards);
  const std::size_t share = (kShards - first + stride - 1) / stride;
  const Time::time_point start = Time::now();
  const Time::time_point deadline = start + slice;
  // When memory is short too, expiry may not eat up the whole slice.
  const Time::time_point tidy_until = fits(0) ? deadline : start + slice / 2;
  const NamespaceSize size = size_of_all();
  if (size.with_expiry != 0 && expire_some(session, first, stride, start + (tidy_until - start) * 3 / 4, report))
    report.more = true;
  const bool anything_to_sweep = core_->databases.any_to_sweep() || core_->max_age_s.load(std::memory_order_relaxed) != 0;
  const bool is_sparse = may_be_sparse(size.items);
  for (std::size_t n = 0; n < share; ++n) {
    const std::size_t shard = first + session.upkeep_turn_ % share * stride;
    bool more = core_->shards[shard].help_growing(session.participant_);
    if (anything_to_sweep) {
      more |= sweep(session, shard, {.deadline = tidy_until}, report);
    } else if (is_sparse && !report.more) {
      more |= consider_size(session, shard);
    }
    if (more) report.more = true;
    if (Time::now() >= tidy_until) break;
    ++session.upkeep_turn_;
  }
  session.quiescent();
  if (core_->databases.any_to_sweep()) report.more = true;
  if (auto_->run(session, deadline)) report.more = true;
  if (empty_young_queue(session, deadline)) report.more = true;
  if (put_in_order(session, deadline)) report.more = true;
  if (evict_some(session, deadline, report)) report.more = true;
  if (give_back_spare(deadline)) report.more = true;
  if (compact(session, deadline)) report.more = true;
  core_->fade_shortage(kFadeEachUpkeep);
  return report;
}

NamespaceSize Cache::size_of_all() const {
  const sync::MutexLock lock(sessions_mutex_);
  NamespaceSize sum;
  for (std::size_t ns = 0; ns < options_.namespaces; ++ns) {
    const NamespaceSize size = size_of(core_->databases.keyspace_of(static_cast<Namespace>(ns)));
    sum.items += size.items;
    sum.with_expiry += size.with_expiry;
  }
  return sum;
}

// Some shard's table may be larger than it need be. Keys come to all of them alike, so what holds of one holds of the sum, or nearly.
bool Cache::may_be_sparse(std::uint64_t items) const noexcept {
  return items * kSparse * 4 / 5 * sizeof(Bucket) < budget().bytes(Purpose::index) * Bucket::kSlots;
}

}  // namespace strata::cache
