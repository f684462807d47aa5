#include "engine/api/cache_object.h"

#include <algorithm>
#include <atomic>
#include <unordered_map>

#include "engine/api/cache_config.h"
#include "engine/api/versioned_struct.h"
#include "engine/os/entropy.h"

namespace {

using strata::cache::Policy;
using strata::cache::Session;

// Which caches there are: a thread that ends may have sessions of some that are no more.
struct Caches {
  std::mutex mutex;
  std::unordered_map<std::uint64_t, strata_cache*> alive;
  std::uint64_t last_id = 0;
};
Caches& caches() {
  // Not destroyed: threads may end after the process has begun to.
  static auto* const all = new Caches;
  return *all;
}

std::uint64_t enter(strata_cache& cache) {
  Caches& all = caches();
  const std::lock_guard lock(all.mutex);
  all.alive.emplace(++all.last_id, &cache);
  return all.last_id;
}

void leave(std::uint64_t id) {
  Caches& all = caches();
  const std::lock_guard lock(all.mutex);
  all.alive.erase(id);
}

// The sessions of a thread, given back when it ends.
class ThreadSessions {
 public:
  ThreadSessions() = default;
  ThreadSessions(const ThreadSessions&) = delete;
  ThreadSessions& operator=(const ThreadSessions&) = delete;
  ~ThreadSessions() {
    Caches& all = caches();
    const std::lock_guard lock(all.mutex);
    for (const Entry& entry : entries_) {
      const auto cache = all.alive.find(entry.cache);
      if (cache != all.alive.end()) cache->second->close(entry.session);
    }
  }

  [[nodiscard]] Session* of(std::uint64_t cache) const noexcept {
    for (const Entry& entry : entries_) {
      if (entry.cache == cache) return entry.session;
    }
    return nullptr;
  }
  // Forgets those of caches that are no more.
  void add(std::uint64_t cache, Session& session) {
    {
      Caches& all = caches();
      const std::lock_guard lock(all.mutex);
      std::erase_if(entries_, [&all](const Entry& entry) { return !all.alive.contains(entry.cache); });
    }
    entries_.push_back({cache, &session});
  }

 private:
  struct Entry {
    std::uint64_t cache;
    Session* session;
  };
  std::vector<Entry> entries_;
};

thread_local ThreadSessions thread_sessions;

std::uint64_t random_seed() {
  // Without the kernel's numbers an address is better than nothing: it differs from process to process.
  return strata::os::random_u64().value_or(reinterpret_cast<std::uintptr_t>(&caches()));
}

}  // namespace

strata_cache::strata_cache(const strata_cache_config& config, const strata::cache::AutoInvalidation& auto_invalidation,
                           const strata::cache::DynamicSizing& dynamic_sizing)
    : cache({.namespaces = config.databases, .hash_seed = random_seed()},
            {.max_memory_bytes = config.cache_size,
             .policy = *strata::api::policy_of(config.replacement_policy),
             .dynamic_sizing = dynamic_sizing,
             .expiry = {.jitter_percent = config.expiry_jitter_percent,
                        .is_sliding = (config.flags & STRATA_CACHE_SLIDING_EXPIRY) != 0}}),
      id_(enter(*this)) {
  cache.set_auto_invalidation(auto_invalidation, strata::os::wall_clock_ms());
  if (config.maintenance_ms == 0) return;
  try {
    maintenance_ = std::thread([this, every = std::chrono::milliseconds(config.maintenance_ms)] { maintain(every); });
  } catch (...) {
    leave(id_);
    throw;
  }
}

strata_cache::~strata_cache() {
  if (maintenance_.joinable()) {
    {
      const std::lock_guard lock(maintenance_mutex_);
      is_ending_ = true;
    }
    maintenance_ends_.notify_all();
    maintenance_.join();
  }
  leave(id_);
}

Session& strata_cache::session() {
  Session* session = thread_sessions.of(id_);
  if (session == nullptr) {
    {
      const std::lock_guard lock(sessions_mutex_);
      sessions_.push_back(cache.open_session());
      session = sessions_.back().get();
    }
    // Not under the lock: a thread that ends takes the two the other way round.
    thread_sessions.add(id_, *session);
  }
  if (!session->is_in_slice()) session->set_now_ms(strata::os::wall_clock_ms());
  return *session;
}

void strata_cache::close(const Session* session) noexcept {
  const std::lock_guard lock(sessions_mutex_);
  std::erase_if(sessions_, [session](const auto& own) { return own.get() == session; });
}

void strata_cache::maintain(std::chrono::milliseconds every) {
  constexpr auto kSlice = std::chrono::milliseconds(1);
  std::unique_lock lock(maintenance_mutex_);
  while (!maintenance_ends_.wait_for(lock, every, [this] { return is_ending_; })) {
    lock.unlock();
    Session& own = session();
    // One turn each time, more where there is more; at most half of the time.
    const auto until = std::chrono::steady_clock::now() + every / 2;
    while (cache.upkeep(own, 0, 1, kSlice).more && std::chrono::steady_clock::now() < until)
      own.set_now_ms(strata::os::wall_clock_ms());
    lock.lock();
  }
}

strata_status strata_cache_create(const strata_cache_config* config, strata_cache** cache) noexcept {
  constexpr const char* kFunction = "strata_cache_create";
  if (cache == nullptr) return strata::api::failed({STRATA_INVALID_ARGUMENT, kFunction, "cache: nowhere to put it"});
  strata_cache_config ours = STRATA_CACHE_CONFIG_INIT;
  if (config != nullptr) {
    const strata_status status = strata::api::take_in(*config, ours, sizeof(strata_cache_config), kFunction);
    if (status != STRATA_OK) return status;
  }
  return strata::api::guarded([&] {
    strata::cache::AutoInvalidation auto_invalidation;
    strata_status status = strata::api::check_config(ours, kFunction);
    if (status == STRATA_OK)
      status = strata::api::read_auto_invalidation(ours.auto_invalidation, ours.databases, kFunction, auto_invalidation);
    strata::cache::DynamicSizing dynamic_sizing;
    if (status == STRATA_OK) status = strata::api::read_dynamic_sizing(ours, kFunction, dynamic_sizing);
    if (status == STRATA_OK) *cache = new strata_cache(ours, auto_invalidation, dynamic_sizing);
    return status;
  });
}

void strata_cache_destroy(strata_cache* cache) noexcept { delete cache; }
