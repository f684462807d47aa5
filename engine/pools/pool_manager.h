#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/pools/budget_optimiser.h"
#include "engine/pools/pool.h"
#include "engine/sync/mutex.h"

namespace strata::pools {

// Which pool serves a request, of those whose blocks are large and aligned enough and that have room. Of equals the oldest.
enum class Selection : std::uint8_t {
  first_fit,    // the oldest whose blocks are less than twice as large as asked for (a segment pool's are); else the oldest
  best_fit,     // the least waste
  least_used,   // the smallest share in use; an empty pool counts as nothing in use
  round_robin,  // the next one after that of the last such selection
};

struct PoolTotals {
  std::uint64_t pools = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t record_bytes = 0;
  std::uint64_t block_count = 0;
  std::uint64_t refused = 0;
  std::uint64_t moved_bytes = 0;  // by rebalance(), since the start
};

// Pools by their names. Not on the way of an allocation: who has a pool uses it.
// Thread safety: all functions, from any thread, but that a pool which is destroyed is in no other use; pools of lock mode `none` are looked at by all
// functions but create() and find(), so only while no thread uses them.
class PoolManager {
 public:
  constexpr explicit PoolManager(const BudgetOptimiser::Options& options = kUsualOptions) noexcept
      : options_(options), optimiser_(options) {}
  // Destroys its pools.
  ~PoolManager() { destroy_all(); }
  PoolManager(const PoolManager&) = delete;
  PoolManager& operator=(const PoolManager&) = delete;

  // nullptr: `why` says why not. Names that are not "" are unique.
  [[nodiscard]] Pool* create(const PoolOptions& options, PoolRefusal& why) noexcept;
  // False: not a pool of this manager, and nothing happens. nullptr is allowed.
  bool destroy(Pool* pool) noexcept;
  void destroy_all() noexcept;
  // nullptr: there is none, or it is "".
  [[nodiscard]] Pool* find(const char* name) noexcept;

  // visit(Pool&) for each, the oldest first; false ends it. May use the pool, but not the manager.
  template <typename Visit>
  void for_each(Visit visit) noexcept {
    const sync::MutexLock lock(mutex_);
    for (Pool* pool = oldest_; pool != nullptr; pool = pool->next) {
      if (!visit(*pool)) return;
    }
  }

  // The pool for a block of that size; arenas, which free no single blocks, only where `or_arenas`. nullptr: none.
  [[nodiscard]] Pool* select(std::size_t bytes, std::size_t alignment, Selection strategy, bool or_arenas = false) noexcept;

  [[nodiscard]] PoolTotals totals() noexcept;
  // A round of Pool::cleanup() for each, of `most_chunks` in all. Begins behind the pool where the last one ended, so that all get their turn.
  // Returns the bytes given back.
  std::uint64_t cleanup(std::uint32_t most_chunks = Pool::kUsualCleanupChunks) noexcept;
  // A round of the optimiser over the pools that have a maximum, the oldest BudgetOptimiser::kMostDomains of them: their marginal use is the requests that
  // the maximum refused since the last round, for each byte of it. A pool gives no more than what it does not hold, nor goes below its
  // initial size; the sum of the maxima stays. Returns the bytes moved.
  std::uint64_t rebalance() noexcept;

 private:
  static constexpr BudgetOptimiser::Options kUsualOptions{.unit_bytes = kLeastChunkBytes};

  [[nodiscard]] Pool* find_locked(const char* name) const noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] bool is_in_step() const noexcept STRATA_REQUIRES(mutex_);
  void add_domains() noexcept STRATA_REQUIRES(mutex_);

  sync::Mutex mutex_{sync::LockRank{.name = "pool manager", .order = 655}};
  Pool* oldest_ STRATA_GUARDED_BY(mutex_) = nullptr;
  Pool* last_selected_ STRATA_GUARDED_BY(mutex_) = nullptr;
  Pool* last_cleaned_ STRATA_GUARDED_BY(mutex_) = nullptr;
  std::uint64_t moved_bytes_ STRATA_GUARDED_BY(mutex_) = 0;
  const BudgetOptimiser::Options options_;
  BudgetOptimiser optimiser_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::pools
