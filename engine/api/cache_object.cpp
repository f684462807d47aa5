#include "engine/api/cache_object.h"

#include <algorithm>
#include <atomic>
#include <unordered_map>

#include "engine/api/versioned_struct.h"
#include "engine/os/entropy.h"

namespace {

using strata::cache::Policy;
using strata::cache::Session;

constexpr std::uint64_t kLeastMemory = std::uint64_t{2} << 20U;
constexpr std::uint32_t kMostDatabases = 128;

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

bool is_in_range(const strata_cache_options& options) noexcept {
  return options.max_memory_bytes >= kLeastMemory && strata::api::policy_of(options.policy) && options.databases >= 1 &&
         options.databases <= kMostDatabases;
}

std::uint64_t random_seed() {
  // Without the kernel's numbers an address is better than nothing: it differs from process to process.
  return strata::os::random_u64().value_or(reinterpret_cast<std::uintptr_t>(&caches()));
}

}  // namespace

strata_cache::strata_cache(const strata_cache_options& options)
    : cache({.namespaces = options.databases, .hash_seed = random_seed()},
            {.max_memory_bytes = options.max_memory_bytes, .policy = *strata::api::policy_of(options.policy)}),
      id_(enter(*this)) {
  if (options.maintenance_ms == 0) return;
  try {
    maintenance_ = std::thread([this, every = std::chrono::milliseconds(options.maintenance_ms)] { maintain(every); });
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

strata_status strata_cache_create(const strata_cache_options* options, strata_cache** cache) noexcept {
  if (cache == nullptr) return STRATA_INVALID_ARGUMENT;
  strata_cache_options ours = STRATA_CACHE_OPTIONS_INIT;
  if (options != nullptr) {
    const strata_status status = strata::api::take_in(*options, ours, sizeof(strata_cache_options), "strata_cache_create");
    if (status != STRATA_OK) return status;
  }
  if (!is_in_range(ours)) return STRATA_INVALID_ARGUMENT;
  if (ours.policy == STRATA_CACHE_CUSTOM) return STRATA_NO_CHOOSER;
  return strata::api::guarded([&] {
    *cache = new strata_cache(ours);
    return STRATA_OK;
  });
}

void strata_cache_destroy(strata_cache* cache) noexcept { delete cache; }
