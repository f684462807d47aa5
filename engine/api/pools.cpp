// The functions of pool.h.
#include <bit>
#include <cstring>
#include <optional>

#include "engine/api/failure.h"
#include "engine/api/pool.h"
#include "engine/api/versioned_struct.h"
#include "engine/pools/pool_manager.h"

namespace {

namespace api = strata::api;
namespace pools = strata::pools;
using pools::Pool;
using pools::PoolRefusal;

// Not destroyed: threads may use pools until the process ends.
union Forever {
  constexpr Forever() : manager() {}
  ~Forever() {}  // NOLINT(modernize-use-equals-default)
  pools::PoolManager manager;
};
constinit Forever process_pools;

Pool* inner(strata_pool* pool) noexcept { return reinterpret_cast<Pool*>(pool); }
const Pool* inner(const strata_pool* pool) noexcept { return reinterpret_cast<const Pool*>(pool); }
strata_pool* outer(Pool* pool) noexcept { return reinterpret_cast<strata_pool*>(pool); }

strata_status check_pool(const char* function, const strata_pool* pool) noexcept {
  if (Pool::is_pool(pool)) [[likely]]
    return STRATA_OK;
  if (pool == nullptr) return api::failed({STRATA_INVALID_ARGUMENT, function, "no pool"});
  return api::failed({STRATA_INVALID_POOL, function, "not a pool, or one that was destroyed", 0, pool});
}
bool is_pool(const char* function, const strata_pool* pool) noexcept { return check_pool(function, pool) == STRATA_OK; }

// Of a program in C it may be any number, which a C++ enumeration may not.
template <typename Enumeration>
std::uint32_t number_of(const Enumeration& value) noexcept {
  static_assert(sizeof value == sizeof(std::uint32_t));
  std::uint32_t number = 0;
  std::memcpy(&number, &value, sizeof number);
  return number;
}

std::optional<pools::PoolKind> kind_of(std::uint32_t number) noexcept {
  switch (number) {
    case STRATA_POOL_SEGMENT: return pools::PoolKind::segment;
    case STRATA_POOL_FIXED: return pools::PoolKind::fixed;
    case STRATA_POOL_ARENA: return pools::PoolKind::arena;
    default: return std::nullopt;
  }
}
std::optional<pools::LockMode> lock_of(std::uint32_t number) noexcept {
  switch (number) {
    case STRATA_POOL_LOCKED: return pools::LockMode::mutex;
    case STRATA_POOL_UNLOCKED: return pools::LockMode::none;
    default: return std::nullopt;
  }
}
std::optional<pools::Selection> selection_of(std::uint32_t number) noexcept {
  switch (number) {
    case STRATA_POOL_FIRST_FIT: return pools::Selection::first_fit;
    case STRATA_POOL_BEST_FIT: return pools::Selection::best_fit;
    case STRATA_POOL_LEAST_USED: return pools::Selection::least_used;
    case STRATA_POOL_ROUND_ROBIN: return pools::Selection::round_robin;
    default: return std::nullopt;
  }
}

strata_pool_kind outer(pools::PoolKind kind) noexcept {
  switch (kind) {
    case pools::PoolKind::segment: return STRATA_POOL_SEGMENT;
    case pools::PoolKind::fixed: return STRATA_POOL_FIXED;
    case pools::PoolKind::arena: break;
  }
  return STRATA_POOL_ARENA;
}

// `bytes` as asked for or, of alignments, the alignment.
[[gnu::cold]] strata_status tell(PoolRefusal why, const char* function, std::size_t bytes, std::size_t alignment) noexcept {
  switch (why) {
    case PoolRefusal::none: return STRATA_OK;
    case PoolRefusal::no_memory:
      return api::failed(
          {STRATA_OUT_OF_MEMORY, function, "the system gives no more memory, or the process' limit is reached", bytes});
    case PoolRefusal::full: return api::failed({STRATA_POOL_FULL, function, "the pool's maximum is reached", bytes});
    case PoolRefusal::too_large:
      return api::failed({STRATA_SIZE_OVERFLOW, function, "more bytes than a block of the pool, or an object, can have", bytes});
    case PoolRefusal::alignment:
      return api::failed(
          {STRATA_INVALID_ALIGNMENT, function, "not a power of two, or more than the pool's blocks have", alignment});
    case PoolRefusal::options: return api::failed({STRATA_INVALID_ARGUMENT, function, "an option is out of range"});
    case PoolRefusal::name_taken: return api::failed({STRATA_ALREADY_THERE, function, "another pool has that name"});
  }
  return STRATA_OK;
}

void* allocate(strata_pool* pool, std::size_t bytes, std::size_t alignment, const char* function) noexcept {
  if (!is_pool(function, pool)) return nullptr;
  PoolRefusal why{};
  void* const block = inner(pool)->allocate(bytes, alignment, why);
  if (block == nullptr) [[unlikely]]
    (void)tell(why, function, bytes, alignment);
  return block;
}

std::uint32_t flags_of(const Pool& pool, const pools::PoolInfo& info) noexcept {
  std::uint32_t flags = 0;
  if (info.max_bytes != 0) flags |= STRATA_POOL_LIMITED;
  if (pool.sizing().shrink_below_percent != 0) flags |= STRATA_POOL_SHRINKS;
  const std::uint64_t least_growth =
      pool.kind() == pools::PoolKind::segment ? strata::allocator::kSliceBytes : pools::kLeastChunkBytes;
  if (info.max_bytes != 0 && info.total_bytes + least_growth > info.max_bytes) flags |= STRATA_POOL_AT_MAXIMUM;
  return flags;
}

// A mark as the program keeps it.
static_assert(sizeof(pools::ArenaMark) == sizeof(strata_pool_mark));

}  // namespace

strata_status strata_pool_create(const strata_pool_options* options, strata_pool** pool) noexcept {
  constexpr const char* kFunction = "strata_pool_create";
  constexpr std::size_t kFirstVersionBytes = offsetof(strata_pool_options, shrink_after_rounds) + sizeof(uint32_t);
  if (pool == nullptr) return api::failed({STRATA_INVALID_ARGUMENT, kFunction, "nowhere to put the pool"});
  *pool = nullptr;
  strata_pool_options ours = STRATA_POOL_OPTIONS_INIT;
  if (options != nullptr) {
    if (const strata_status status = api::take_in(*options, ours, kFirstVersionBytes, kFunction); status != STRATA_OK)
      return status;
  }
  const auto kind = kind_of(number_of(ours.kind));
  const auto lock = lock_of(number_of(ours.lock));
  if (!kind.has_value() || !lock.has_value())
    return api::failed({STRATA_INVALID_ARGUMENT, kFunction, "there is no such kind or lock mode"});
  PoolRefusal why{};
  Pool* const made = process_pools.manager.create({.name = ours.name == nullptr ? "" : ours.name,
                                                   .kind = *kind,
                                                   .lock = *lock,
                                                   .block_bytes = ours.block_bytes,
                                                   .alignment = ours.alignment,
                                                   .sizing = {.initial_bytes = ours.initial_bytes,
                                                              .max_bytes = ours.max_bytes,
                                                              .growth_percent = ours.growth_percent,
                                                              .shrink_below_percent = ours.shrink_below_percent,
                                                              .shrink_after_rounds = ours.shrink_after_rounds}},
                                                  why);
  *pool = outer(made);
  return tell(why, kFunction, 0, 0);
}

void strata_pool_destroy(strata_pool* pool) noexcept {
  if (pool != nullptr && is_pool("strata_pool_destroy", pool)) (void)process_pools.manager.destroy(inner(pool));
}

strata_pool* strata_pool_find(const char* name) noexcept {
  Pool* const pool = process_pools.manager.find(name);
  if (pool == nullptr) api::fail({STRATA_NOT_FOUND, "strata_pool_find", "no pool has that name"});
  return outer(pool);
}

void* strata_pool_malloc(strata_pool* pool, size_t bytes) noexcept { return allocate(pool, bytes, 1, "strata_pool_malloc"); }

void* strata_pool_aligned_alloc(strata_pool* pool, size_t alignment, size_t bytes) noexcept {
  return allocate(pool, bytes, alignment, "strata_pool_aligned_alloc");
}

void strata_pool_free(strata_pool* pool, void* block) noexcept {
  if (is_pool("strata_pool_free", pool)) inner(pool)->deallocate(block);
}

strata_status strata_pool_reset(strata_pool* pool) noexcept {
  if (const strata_status status = check_pool("strata_pool_reset", pool); status != STRATA_OK) return status;
  inner(pool)->reset();
  return STRATA_OK;
}

bool strata_pool_owns(const strata_pool* pool, const void* block) noexcept {
  return Pool::is_pool(pool) && inner(pool)->owns(block);
}

strata_status strata_pool_set_mark(const strata_pool* pool, strata_pool_mark* mark) noexcept {
  constexpr const char* kFunction = "strata_pool_set_mark";
  if (const strata_status status = check_pool(kFunction, pool); status != STRATA_OK) return status;
  if (mark == nullptr || inner(pool)->kind() != pools::PoolKind::arena)
    return api::failed({STRATA_INVALID_ARGUMENT, kFunction, "no mark to set, or not an arena", 0, pool});
  *mark = std::bit_cast<strata_pool_mark>(inner(pool)->mark());
  return STRATA_OK;
}

strata_status strata_pool_roll_back(strata_pool* pool, const strata_pool_mark* mark) noexcept {
  constexpr const char* kFunction = "strata_pool_roll_back";
  if (const strata_status status = check_pool(kFunction, pool); status != STRATA_OK) return status;
  if (mark == nullptr || !inner(pool)->roll_back(std::bit_cast<pools::ArenaMark>(*mark)))
    return api::failed({STRATA_INVALID_ARGUMENT, kFunction, "not an arena, or no mark of what is in use", 0, pool});
  return STRATA_OK;
}

strata_status strata_pool_get_info(const strata_pool* pool, strata_pool_info* out) noexcept {
  constexpr const char* kFunction = "strata_pool_get_info";
  constexpr std::size_t kFirstVersionBytes = offsetof(strata_pool_info, contentions) + sizeof(uint64_t);
  if (const strata_status status = check_pool(kFunction, pool); status != STRATA_OK) return status;
  const Pool& asked = *inner(pool);
  const pools::PoolInfo info = asked.info();
  const strata_pool_info ours{
      .struct_bytes = sizeof ours,
      .total_size = info.total_bytes,
      .used_size = info.used_bytes,
      .block_count = info.block_count,
      .flags = flags_of(asked, info),
      .start_address = info.start_address,
      .first_block = info.first_block,
      .lock_mode = asked.lock_mode() == pools::LockMode::mutex ? STRATA_POOL_LOCKED : STRATA_POOL_UNLOCKED,
      .kind = outer(asked.kind()),
      .name = asked.name(),
      .block_size = asked.block_bytes(),
      .free_blocks = info.free_blocks,
      .chunk_count = info.chunk_count,
      .initial_size = asked.sizing().initial_bytes,
      .max_size = info.max_bytes,
      .record_size = info.record_bytes,
      .blocks_taken = info.taken_blocks,
      .refused = info.refused,
      .refused_full = info.refused_full,
      .growths = info.growths,
      .shrinks = info.shrinks,
      .contentions = info.contentions};
  return api::give_out(out, ours, kFirstVersionBytes, kFunction);
}

strata_status strata_pool_set_maximum(strata_pool* pool, uint64_t max_bytes) noexcept {
  if (const strata_status status = check_pool("strata_pool_set_maximum", pool); status != STRATA_OK) return status;
  inner(pool)->set_max_bytes(max_bytes);
  return STRATA_OK;
}

strata_status strata_visit_pools(strata_pool_visitor visitor, void* context) noexcept {
  if (visitor == nullptr) return api::failed({STRATA_INVALID_ARGUMENT, "strata_visit_pools", "no visitor"});
  process_pools.manager.for_each([=](Pool& pool) { return visitor(outer(&pool), context); });
  return STRATA_OK;
}

strata_pool* strata_pool_select(size_t bytes, size_t alignment, strata_pool_selection strategy) noexcept {
  constexpr const char* kFunction = "strata_pool_select";
  const auto selection = selection_of(number_of(strategy));
  if (!selection.has_value()) {
    api::fail({STRATA_INVALID_ARGUMENT, kFunction, "there is no such strategy"});
    return nullptr;
  }
  if (!api::is_alignment(kFunction, alignment)) return nullptr;
  Pool* const pool = process_pools.manager.select(bytes, alignment, *selection);
  if (pool == nullptr) api::fail({STRATA_NOT_FOUND, kFunction, "no pool has room for such a block", bytes});
  return outer(pool);
}

strata_status strata_pools_totals(strata_pool_totals* out) noexcept {
  constexpr std::size_t kFirstVersionBytes = offsetof(strata_pool_totals, moved_size) + sizeof(uint64_t);
  const pools::PoolTotals totals = process_pools.manager.totals();
  const strata_pool_totals ours{.struct_bytes = sizeof ours,
                                .pools = totals.pools,
                                .total_size = totals.total_bytes,
                                .used_size = totals.used_bytes,
                                .record_size = totals.record_bytes,
                                .block_count = totals.block_count,
                                .refused = totals.refused,
                                .moved_size = totals.moved_bytes};
  return api::give_out(out, ours, kFirstVersionBytes, "strata_pools_totals");
}

uint64_t strata_pools_cleanup(uint32_t most_chunks) noexcept {
  return process_pools.manager.cleanup(most_chunks == 0 ? Pool::kUsualCleanupChunks : most_chunks);
}

uint64_t strata_pools_rebalance() noexcept { return process_pools.manager.rebalance(); }
