#include "engine/cache/cache.h"

#include <algorithm>

#include "engine/cache/hash.h"
#include "engine/cache/item.h"
#include "engine/cache/shard.h"
#include "engine/cache/shard_set_lock.h"

namespace strata::cache {

static_assert(Cache::kShards == kShardCount);

namespace {

Options clamped(Options options) noexcept {
  options.namespaces = std::clamp<std::size_t>(options.namespaces, 1, 256);
  return options;
}

// Neighbouring seeds give unrelated random sequences.
std::uint64_t scattered(std::uint64_t seed) noexcept { return hash_of({reinterpret_cast<const char*>(&seed), sizeof seed}, 0); }

void add(Statistics& sum, const SessionCounters& counters) noexcept {
  sum.hits += counters.hits.load(std::memory_order_relaxed);
  sum.misses += counters.misses.load(std::memory_order_relaxed);
  sum.expired += counters.expired.load(std::memory_order_relaxed);
  sum.evicted += counters.evicted.load(std::memory_order_relaxed);
  sum.eviction_refusals += counters.eviction_refusals.load(std::memory_order_relaxed);
}

std::int64_t wall_clock_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

Shard& Cache::shard_for(const Key& key) noexcept { return shards_[key.hash >> 56U]; }

Cache::Cache(const Options& options, const Tunables& tunables) : options_(clamped(options)), shards_(new Shard[kShards]) {
  for (std::size_t i = 0; i < kShards; ++i) shards_[i].open(budget_, options_.namespaces);
  budget_.charge(Purpose::index, static_cast<std::int64_t>(fixed_index_bytes()));
  apply(tunables);
}

Cache::~Cache() = default;

std::size_t Cache::fixed_index_bytes() const noexcept {
  return kShards * (sizeof(Shard) + options_.namespaces * sizeof(std::unique_ptr<Table>) + kMallocHeaderBytes);
}

void Cache::apply(const Tunables& tunables) noexcept {
  budget_.set_limit_bytes(tunables.max_memory_bytes);
  policy_.store(tunables.policy, std::memory_order_relaxed);
  eviction_samples_.store(std::clamp(tunables.eviction_samples, 1U, 64U), std::memory_order_relaxed);
}

Tunables Cache::tunables() const noexcept {
  return {.max_memory_bytes = budget_.limit_bytes(),
          .policy = policy(),
          .eviction_samples = eviction_samples_.load(std::memory_order_relaxed)};
}

const Options& Cache::options() const noexcept { return options_; }
Budget& Cache::budget() noexcept { return budget_; }
const Budget& Cache::budget() const noexcept { return budget_; }

Key Cache::key(Namespace ns, std::string_view bytes) const noexcept { return {bytes, hash_of(bytes, options_.hash_seed), ns}; }

void Cache::count_lookup(Session& session, bool hit) noexcept {
  SessionCounters::add(hit ? session.counters_.hits : session.counters_.misses);
}

NamespaceSize Cache::size(Namespace ns) const {
  NamespaceSize sum;
  for (std::size_t i = 0; i < kShards; ++i) {
    Shard& shard = shards_[i];
    const sync::MutexLock lock(shard.mutex);
    if (const Table* table = shard.table(ns)) {
      sum.items += table->items();
      sum.with_expiry += table->with_expiry();
    }
  }
  return sum;
}

std::unique_ptr<Session> Cache::open_session() {
  const sync::MutexLock lock(sessions_mutex_);
  const std::uint64_t seed = scattered(options_.hash_seed + ++sessions_opened_);
  std::unique_ptr<Session> session(new Session(*this, wall_clock_ms(), seed));
  // The session takes itself out of the list when it ends.
  // cppcheck-suppress danglingLifetime
  sessions_.push_back(session.get());
  return session;
}

void Cache::close(Session& session) noexcept {
  const sync::MutexLock lock(sessions_mutex_);
  add(closed_, session.counters_);
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
  sum.expired -= baseline_.expired;
  sum.evicted -= baseline_.evicted;
  sum.eviction_refusals -= baseline_.eviction_refusals;
  return sum;
}

Statistics Cache::statistics_since_start() const {
  const sync::MutexLock lock(sessions_mutex_);
  return sum_of_sessions();
}

void Cache::reset_statistics() {
  const sync::MutexLock lock(sessions_mutex_);
  baseline_ = sum_of_sessions();
}

Session::~Session() { cache_->close(*this); }

}  // namespace strata::cache
