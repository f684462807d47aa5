#include "engine/pools/pool_manager.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace strata::pools {
namespace {

// What a selection compares.
struct Candidate {
  Pool* pool = nullptr;
  std::size_t waste = 0;
  double used_share = 0;
  bool is_about_the_size = false;
};

// pool: nullptr where it can not serve the request.
[[nodiscard]] Candidate look_at(Pool& pool, std::size_t bytes, std::size_t alignment, bool or_arenas) noexcept {
  if (pool.kind() == PoolKind::arena && !or_arenas) return {};
  const std::size_t waste = pool.waste_for(bytes, alignment);
  if (waste == Pool::kUnfit || !pool.has_room_for(bytes)) return {};
  return {.pool = &pool, .waste = waste, .used_share = pool.used_share(), .is_about_the_size = waste < bytes};
}

// Whether an older pool's candidate has to give way. Round robin: to the first behind the last one, which the caller sees to.
[[nodiscard]] bool is_better(const Candidate& candidate, const Candidate& best, Selection strategy) noexcept {
  if (best.pool == nullptr) return true;
  switch (strategy) {
    case Selection::first_fit: return candidate.is_about_the_size && !best.is_about_the_size;
    case Selection::best_fit: return candidate.waste < best.waste;
    case Selection::least_used: return candidate.used_share < best.used_share;
    case Selection::round_robin: return false;
  }
  return false;
}

}  // namespace

Pool* PoolManager::find_locked(const char* name) const noexcept {
  if (name == nullptr || *name == '\0') return nullptr;
  for (Pool* pool = oldest_; pool != nullptr; pool = pool->next) {
    if (std::strcmp(pool->name(), name) == 0) return pool;
  }
  return nullptr;
}

Pool* PoolManager::find(const char* name) noexcept {
  const sync::MutexLock lock(mutex_);
  return find_locked(name);
}

Pool* PoolManager::create(const PoolOptions& options, PoolRefusal& why) noexcept {
  const sync::MutexLock lock(mutex_);
  why = PoolRefusal::name_taken;
  if (find_locked(options.name) != nullptr) return nullptr;
  Pool* const pool = Pool::create(options, why);
  if (pool == nullptr) return nullptr;
  Pool** last = &oldest_;
  while (*last != nullptr) last = &(*last)->next;
  *last = pool;
  return pool;
}

bool PoolManager::destroy(Pool* pool) noexcept {
  if (pool == nullptr) return true;
  const sync::MutexLock lock(mutex_);
  Pool** link = &oldest_;
  while (*link != nullptr && *link != pool) link = &(*link)->next;
  if (*link == nullptr) return false;
  *link = pool->next;
  if (last_selected_ == pool) last_selected_ = nullptr;
  if (last_cleaned_ == pool) last_cleaned_ = nullptr;
  Pool::destroy(pool);
  return true;
}

void PoolManager::destroy_all() noexcept {
  const sync::MutexLock lock(mutex_);
  while (oldest_ != nullptr) {
    Pool* const pool = oldest_;
    oldest_ = pool->next;
    Pool::destroy(pool);
  }
  last_selected_ = last_cleaned_ = nullptr;
}

Pool* PoolManager::select(std::size_t bytes, std::size_t alignment, Selection strategy, bool or_arenas) noexcept {
  const sync::MutexLock lock(mutex_);
  bytes = std::max<std::size_t>(bytes, 1);
  Candidate best;
  Candidate behind_last;
  bool is_behind_last = false;
  for (Pool* pool = oldest_; pool != nullptr; pool = pool->next) {
    const Candidate candidate = look_at(*pool, bytes, alignment, or_arenas);
    if (candidate.pool != nullptr) {
      if (is_better(candidate, best, strategy)) best = candidate;
      if (is_behind_last && behind_last.pool == nullptr) behind_last = candidate;
    }
    is_behind_last = is_behind_last || pool == last_selected_;
  }
  if (strategy != Selection::round_robin) return best.pool;
  Pool* const selected = behind_last.pool != nullptr ? behind_last.pool : best.pool;
  if (selected != nullptr) last_selected_ = selected;
  return selected;
}

PoolTotals PoolManager::totals() noexcept {
  PoolTotals totals;
  for_each([&](const Pool& pool) {
    const PoolInfo info = pool.info();
    ++totals.pools;
    totals.total_bytes += info.total_bytes;
    totals.used_bytes += info.used_bytes;
    totals.record_bytes += info.record_bytes;
    totals.block_count += info.block_count;
    totals.refused += info.refused;
    return true;
  });
  const sync::MutexLock lock(mutex_);
  totals.moved_bytes = moved_bytes_;
  return totals;
}

std::uint64_t PoolManager::cleanup(std::uint32_t most_chunks) noexcept {
  const sync::MutexLock lock(mutex_);
  if (oldest_ == nullptr) return 0;
  std::uint64_t given_back = 0;
  Pool* const first = last_cleaned_ == nullptr || last_cleaned_->next == nullptr ? oldest_ : last_cleaned_->next;
  Pool* pool = first;
  do {
    given_back += pool->cleanup_within(most_chunks);
    last_cleaned_ = pool;
    pool = pool->next == nullptr ? oldest_ : pool->next;
  } while (pool != first && most_chunks > 0);
  return given_back;
}

// Whether the optimiser's domains are the pools that have a maximum, with these as their budgets.
bool PoolManager::is_in_step() const noexcept {
  std::size_t number = 0;
  for (const Pool* pool = oldest_; pool != nullptr && number < BudgetOptimiser::kMostDomains; pool = pool->next) {
    const std::uint64_t max = pool->sizing().max_bytes;
    if (max == 0) continue;
    if (number == optimiser_.size() || pool->domain != number || optimiser_.domain(number).budget_bytes != max) return false;
    ++number;
  }
  return number == optimiser_.size();
}

// Pools came, went, or got another maximum: the optimiser begins anew.
void PoolManager::add_domains() noexcept {
  optimiser_ = BudgetOptimiser(options_);
  for (Pool* pool = oldest_; pool != nullptr; pool = pool->next) {
    pool->domain = BudgetOptimiser::kMostDomains;
    const std::uint64_t max = pool->sizing().max_bytes;
    if (max == 0 || optimiser_.size() == BudgetOptimiser::kMostDomains) continue;
    pool->domain = optimiser_.add({.budget_bytes = max});
  }
}

std::uint64_t PoolManager::rebalance() noexcept {
  const sync::MutexLock lock(mutex_);
  if (!is_in_step()) add_domains();
  std::array<double, BudgetOptimiser::kMostDomains> samples{};
  std::array<Pool*, BudgetOptimiser::kMostDomains> pools{};
  for (Pool* pool = oldest_; pool != nullptr; pool = pool->next) {
    const PoolInfo info = pool->info();
    const std::uint64_t refused = info.refused_full - pool->refused_before;
    pool->refused_before = info.refused_full;
    if (pool->domain >= BudgetOptimiser::kMostDomains) continue;
    const std::uint64_t kept = std::max(pool->sizing().initial_bytes, info.total_bytes);
    (void)optimiser_.set_bounds(pool->domain, std::min(kept, info.max_bytes), ~std::uint64_t{0});
    samples[pool->domain] = static_cast<double>(refused) / static_cast<double>(info.max_bytes);
    pools[pool->domain] = pool;
  }
  const BudgetOptimiser::Move move = optimiser_.end_round({samples.data(), optimiser_.size()});
  if (move.bytes == 0) return 0;
  for (const std::size_t number : {move.from, move.to}) pools[number]->set_max_bytes(optimiser_.domain(number).budget_bytes);
  moved_bytes_ += move.bytes;
  return move.bytes;
}

}  // namespace strata::pools
