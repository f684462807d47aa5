#include "engine/cache/cache.h"

#include <algorithm>

#include "engine/cache/cache_core.h"
#include "engine/cache/update.h"
#include "engine/os/clock.h"

namespace strata::cache {
namespace {

Options clamped(Options options) noexcept {
  // Half of the keyspaces stay for databases that were emptied and wait to be swept.
  options.namespaces = std::clamp<std::size_t>(options.namespaces, 1, kKeyspaces / 2);
  return options;
}

// Neighbouring seeds give unrelated random sequences.
std::uint64_t scattered(std::uint64_t seed) noexcept { return hash_of({reinterpret_cast<const char*>(&seed), sizeof seed}, 0); }

void add(Statistics& sum, const SessionCounters& counters) noexcept {
  sum.hits += counters.hits.get();
  sum.misses += counters.misses.get();
  const auto misses_of = [&counters](Gone cause) { return counters.misses_of_gone[static_cast<std::size_t>(cause)].get(); };
  sum.misses_evicted += misses_of(Gone::evicted_young) + misses_of(Gone::evicted);
  sum.misses_expired += misses_of(Gone::expired);
  sum.misses_removed += misses_of(Gone::removed);
  sum.misses_flushed += misses_of(Gone::flushed);
  sum.expired += counters.expired.get();
  sum.invalidated += counters.invalidated.get();
  sum.evicted += counters.evicted.get();
  sum.eviction_refusals += counters.eviction_refusals.get();
  sum.reclaim_waits += counters.reclaim_waits.get();
  sum.place_searches += counters.place_searches.get();
  sum.places_cleared += counters.places_cleared.get();
  sum.expiries_jittered += counters.expiries_jittered.get();
  sum.expiries_renewed += counters.expiries_renewed.get();
  sum.promoted += counters.promoted.get();
  sum.readmitted += counters.readmitted.get();
  sum.evicted_young += counters.evicted_young.get();
  sum.judged_by_size += counters.judged_by_size.get();
  sum.sampled += counters.sampled.get();
  sum.chosen += counters.chosen.get();
  sum.choice_refusals += counters.choice_refusals.get();
}

}  // namespace

Cache::Cache(const Options& options, const Tunables& tunables)
    : options_(clamped(options)),
      core_(std::make_unique<Core>(options_, tunables.max_memory_bytes)),
      events_(std::make_unique<EventLog>(core_->budget)),
      sizer_(std::make_unique<DynamicSizer>(options_.system_memory)),
      auto_(std::make_unique<AutoInvalidator>(*this, *core_)) {
  apply(tunables);
}

Cache::~Cache() = default;

bool Cache::apply(const Tunables& tunables) noexcept {
  if (tunables.policy == Policy::custom && !has_victim_chooser()) return false;
  set_limit(sizer_->set(tunables.dynamic_sizing, tunables.max_memory_bytes));
  choose(tunables.policy);
  eviction_samples_.store(std::clamp(tunables.eviction_samples, 1U, 64U), std::memory_order_relaxed);
  core_->jitter_percent.store(std::min(tunables.expiry.jitter_percent, ExpiryRules::kMostJitterPercent),
                              std::memory_order_relaxed);
  core_->is_sliding.store(tunables.expiry.is_sliding, std::memory_order_relaxed);
  return true;
}

void Cache::set_limit(std::uint64_t bytes) noexcept {
  budget().set_limit_bytes(bytes);
  core_->readers.set_quota(std::max<std::uint64_t>(bytes / 200, 4U << 20U));
  core_->set_shortage(core_->shortage.load(std::memory_order_relaxed));
}

void Cache::follow_system_memory(std::int64_t now_ms) {
  const std::optional<DynamicSizer::Change> change = sizer_->look(now_ms);
  if (!change) return;
  set_limit(change->limit_bytes);
  const auto largest = static_cast<double>(sizer_->max_bytes());
  events().add({.at_ms = now_ms,
                .kind = change->is_lower ? EventKind::limit_lowered : EventKind::limit_raised,
                .measured = static_cast<double>(change->limit_bytes) / largest,
                .threshold = static_cast<double>(change->available_bytes) / largest});
}

Tunables Cache::tunables() const noexcept {
  return {.max_memory_bytes = sizer_->max_bytes(),
          .policy = policy(),
          .eviction_samples = eviction_samples_.load(std::memory_order_relaxed),
          .dynamic_sizing = sizer_->settings(),
          .expiry = {.jitter_percent = core_->jitter_percent.load(std::memory_order_relaxed),
                     .is_sliding = core_->is_sliding.load(std::memory_order_relaxed)}};
}

Policy Cache::policy() const noexcept { return core_->policy.load(std::memory_order_relaxed); }

void Cache::set_auto_invalidation(const AutoInvalidation& settings, std::int64_t now_ms) { auto_->set(settings, now_ms); }
AutoInvalidation Cache::auto_invalidation() const { return auto_->settings(); }
EventLog& Cache::events() noexcept { return *events_; }
const EventLog& Cache::events() const noexcept { return *events_; }

const Options& Cache::options() const noexcept { return options_; }
std::uint64_t Cache::retired_bytes() const noexcept { return core_->readers.waiting_bytes(); }
Budget& Cache::budget() noexcept { return core_->budget; }
const Budget& Cache::budget() const noexcept { return core_->budget; }
bool Cache::fits(std::uint64_t bytes) const noexcept {
  return budget().total_bytes() + bytes + core_->held_back.load(std::memory_order_relaxed) <= budget().limit_bytes();
}
std::uint64_t Cache::limit_for(std::uint64_t used_bytes) noexcept { return used_bytes + used_bytes / (kAlwaysHeldBack - 1) + 1; }
std::uint64_t Cache::resident_bytes() const noexcept { return core_->resident_bytes(); }

std::uint64_t Cache::held_value_bytes() const noexcept { return core_->store.unshown_bytes(); }

Key Cache::key(Namespace ns, std::string_view bytes) const noexcept {
  const Keyspace keyspace = core_->databases.keyspace_of(ns);
  return {.bytes = bytes, .hash = core_->hash_of(bytes, keyspace), .ns = ns, .keyspace = keyspace, .place = {}};
}

void Cache::count_lookup(Session& session, const Key& key, bool hit) noexcept {
  if (hit) {
    session.counters_.hits.add();
  } else {
    count_miss(session, core_->current(key).hash);
  }
}

void Cache::count_miss(Session& session, std::uint64_t hash) noexcept {
  session.counters_.misses.add();
  const GhostTable::Found gone = core_->ghosts.find(hash);
  if (gone.found) session.counters_.misses_of_gone[static_cast<std::size_t>(gone.cause)].add();
}

Status Cache::update(Session& session, const Key& key, Visitor<void(Decision&)> decide) {
  if (key.bytes.size() > kMaxKeyBytes) return Status::too_large;
  const Operation operation(session);
  for (unsigned attempt = 0;; ++attempt) {
    // How large the value is shows only when it is decided, so the rest is made good afterwards.
    const bool has_room = reserve(session, 0);
    Update update(*core_, session, key, decide, !has_room || policy() == Policy::noeviction);
    session.wanted_bytes_ = 0;
    const Status status = update.run();
    if (status == Status::out_of_memory && find_place(session, attempt)) continue;
    if (status == Status::out_of_memory) session.counters_.eviction_refusals.add();
    settle(session, update.added_bytes());
    return status;
  }
}

Status Cache::remove(Session& session, const Key& key, bool& was_there) {
  was_there = false;
  if (key.bytes.size() > kMaxKeyBytes) return Status::ok;
  const Operation operation(session);
  return remove_any(*core_, session, key, was_there);
}

Status Cache::update_many(Session& session, std::span<const Key> keys, std::size_t extra_bytes,
                          Visitor<void(std::size_t, Decision&)> decide) {
  for (const Key& key : keys) {
    if (key.bytes.size() > kMaxKeyBytes) return Status::too_large;
  }
  const Operation operation(session);
  prefetch_items(keys);
  constexpr std::size_t kItemOverhead = 24;
  const bool has_room = reserve(session, extra_bytes == 0 ? 0 : extra_bytes + keys.size() * kItemOverhead);
  std::int64_t added_bytes = 0;
  Status status = Status::ok;
  for (unsigned attempt = 0;; ++attempt) {
    session.wanted_bytes_ = 0;
    status = change_together(session, keys, decide, !has_room || policy() == Policy::noeviction, added_bytes);
    if (status != Status::out_of_memory || !find_place(session, attempt)) break;
  }
  if (status == Status::out_of_memory) session.counters_.eviction_refusals.add();
  settle(session, added_bytes);
  return status;
}

NamespaceSize Cache::size_of(Keyspace keyspace) const {
  std::int64_t items = static_cast<std::int64_t>(closed_sizes_[keyspace].items);
  std::int64_t with_expiry = static_cast<std::int64_t>(closed_sizes_[keyspace].with_expiry);
  for (const Session* session : sessions_) {
    items += session->counters_.keyspaces[keyspace].items.get();
    with_expiry += session->counters_.keyspaces[keyspace].with_expiry.get();
  }
  return {.items = static_cast<std::uint64_t>(std::max<std::int64_t>(items, 0)),
          .with_expiry = static_cast<std::uint64_t>(std::max<std::int64_t>(with_expiry, 0))};
}

NamespaceSize Cache::size(Namespace ns) const {
  const sync::MutexLock lock(sessions_mutex_);
  return size_of(core_->databases.keyspace_of(ns));
}

Session::Session(Cache& cache, std::int64_t now_ms, std::uint64_t random_seed)
    : cache_(&cache),
      now_ms_(now_ms),
      random_(random_seed | 1),
      participant_(cache.core_->readers),
      writer_(cache.core_->gate),
      handle_(cache.core_->memory),
      retirement_(cache.core_->store, cache.core_->budget, participant_) {}

void Session::stop_keeping() noexcept {
  participant_.set_keeper(nullptr);
  cache_->core_->memory.give_back_kept(handle_);
}

void Session::flush_credit() noexcept {
  cache_->budget().charge(Purpose::items, credit_bytes_);
  credit_bytes_ = 0;
}

void Session::note_new(std::uint64_t hash, std::uint64_t bytes, bool in_main) noexcept {
  Core& core = *cache_->core_;
  note_order(hash, OrderEvent::Kind::added);
  added_ = hash;
  if (in_main) {
    if (core.policy.load(std::memory_order_relaxed) != Policy::s3fifo) return;
    const GhostTable::Found ghost = core.ghosts.find(hash);
    if (!ghost.found || ghost.cause != Gone::evicted_young) return;
    core.ghosts.remove(hash);
    counters_.readmitted.add();
    return;
  }
  note_young(hash, bytes);
}

void Session::note_replaced(std::uint64_t hash, std::uint64_t bytes, bool is_young) noexcept {
  note_order(hash, OrderEvent::Kind::touched);
  note_moved(hash, bytes, is_young);
}

void Session::note_moved(std::uint64_t hash, std::uint64_t bytes, bool is_young) noexcept {
  if (is_young && cache_->core_->may_have_unjudged()) note_young(hash, bytes);
}

void Session::note_young(std::uint64_t hash, std::uint64_t bytes) noexcept {
  Core& core = *cache_->core_;
  if (core.is_filling()) {
    // In no queue: the hand judges it when it comes by.
    filled_ = true;
    if (!core.has_unjudged.load(std::memory_order_relaxed)) core.has_unjudged.store(true, std::memory_order_relaxed);
    return;
  }
  if (filled_) end_filling();
  young_.add(YoungKey(hash), bytes);
  if (young_.is_full(core.young)) bring_young();
}

void Session::end_filling() noexcept {
  filled_ = false;
  cache_->core_->memory.close(handle_);
  cache_->core_->has_unjudged.store(true, std::memory_order_relaxed);
}

void Session::bring_young() noexcept {
  Core& core = *cache_->core_;
  const std::span<const YoungKey> keys = young_.keys();
  // For what finds no place there: it need not prove itself.
  for (std::size_t n = core.young.add(keys, young_.bytes()); n < keys.size(); ++n) promote(core, keys[n]);
  young_.clear();
}

void Session::note_order(std::uint64_t hash, OrderEvent::Kind kind) noexcept {
  if (!keeps_order(cache_->core_->policy.load(std::memory_order_relaxed))) [[likely]]
    return;
  order_.add({.hash = hash, .kind = kind});
  if (order_.is_full()) bring_order();
}

void Session::note_gone(std::uint64_t hash, Gone cause) noexcept {
  constexpr std::uint64_t kGonePerLook = 1024;
  if (++gone_ % kGonePerLook == 1) cache_->consider_ghosts();
  cache_->core_->ghosts.add(hash, cause);
}

void Session::bring_order() noexcept {
  Core& core = *cache_->core_;
  const Policy policy = core.policy.load(std::memory_order_relaxed);
  if (keeps_order(policy)) core.order.apply(order_.events(), use_changes_order(policy));
  order_.clear();
}

void Session::wait_for_readers() noexcept {
  if (!cache_->core_->readers.is_over_quota()) return;
  counters_.reclaim_waits.add();
  participant_.synchronize();
}

void Session::reclaim() noexcept {
  retirement_.hand_over();
  participant_.synchronize();
}

Session::~Session() {
  flush_credit();
  bring_young();
  if (filled_) end_filling();
  bring_order();
  cache_->close(*this);
  // The handle ends before the participant frees the last of what was retired.
  participant_.set_keeper(nullptr);
}

std::unique_ptr<Session> Cache::open_session() {
  const sync::MutexLock lock(sessions_mutex_);
  const std::uint64_t seed = scattered(options_.hash_seed + ++sessions_opened_);
  std::unique_ptr<Session> session(new Session(*this, os::wall_clock_ms(), seed));
  // The session takes itself out of the list when it ends.
  // cppcheck-suppress danglingLifetime
  sessions_.push_back(session.get());
  return session;
}

void Cache::close(Session& session) noexcept {
  const sync::MutexLock lock(sessions_mutex_);
  add(closed_, session.counters_);
  for (std::size_t keyspace = 0; keyspace < kKeyspaces; ++keyspace) {
    // Modulo 2^64: what one thread has removed another has added.
    closed_sizes_[keyspace].items += static_cast<std::uint64_t>(session.counters_.keyspaces[keyspace].items.get());
    closed_sizes_[keyspace].with_expiry += static_cast<std::uint64_t>(session.counters_.keyspaces[keyspace].with_expiry.get());
  }
  std::erase(sessions_, &session);
}

Statistics Cache::sum_of_sessions() const {
  Statistics sum = closed_;
  for (const Session* session : sessions_) add(sum, session->counters());
  return sum;
}

Statistics Cache::statistics() const {
  const sync::MutexLock lock(sessions_mutex_);
  Statistics sum = sum_of_sessions();
  sum.hits -= baseline_.hits;
  sum.misses -= baseline_.misses;
  sum.misses_evicted -= baseline_.misses_evicted;
  sum.misses_expired -= baseline_.misses_expired;
  sum.misses_removed -= baseline_.misses_removed;
  sum.misses_flushed -= baseline_.misses_flushed;
  sum.expired -= baseline_.expired;
  sum.invalidated -= baseline_.invalidated;
  sum.evicted -= baseline_.evicted;
  sum.eviction_refusals -= baseline_.eviction_refusals;
  sum.reclaim_waits -= baseline_.reclaim_waits;
  sum.place_searches -= baseline_.place_searches;
  sum.places_cleared -= baseline_.places_cleared;
  sum.expiries_jittered -= baseline_.expiries_jittered;
  sum.expiries_renewed -= baseline_.expiries_renewed;
  sum.promoted -= baseline_.promoted;
  sum.readmitted -= baseline_.readmitted;
  sum.evicted_young -= baseline_.evicted_young;
  sum.judged_by_size -= baseline_.judged_by_size;
  sum.sampled -= baseline_.sampled;
  sum.chosen -= baseline_.chosen;
  sum.choice_refusals -= baseline_.choice_refusals;
  return sum;
}

Statistics Cache::statistics_since_start() const {
  const sync::MutexLock lock(sessions_mutex_);
  return sum_of_sessions();
}

std::uint64_t Cache::places_kept() const noexcept { return core_->memory.statistics().kept; }

IndexStatistics Cache::index_statistics() const noexcept {
  IndexStatistics sum;
  for (std::size_t shard = 0; shard < kShards; ++shard) {
    const IndexShard::Counters told = core_->shards[shard].counters();
    sum.slots += (told.buckets + told.pool_buckets) * Bucket::kSlots;
    sum.pool_buckets += told.pool_buckets;
    sum.moves += told.moves;
    sum.sent_aside += told.sent_aside;
    if (core_->shards[shard].is_growing()) ++sum.growing;
  }
  return sum;
}

void Cache::reset_statistics() {
  const sync::MutexLock lock(sessions_mutex_);
  baseline_ = sum_of_sessions();
}

}  // namespace strata::cache
