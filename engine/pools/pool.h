#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/allocator/shared_heap.h"
#include "engine/pools/bump_blocks.h"
#include "engine/pools/fixed_blocks.h"
#include "engine/pools/pool_lock.h"
#include "engine/pools/pool_sizing.h"

namespace strata::pools {

enum class PoolKind : std::uint8_t {
  segment,  // blocks of any size, by best fit in segments of 64 KiB; more than 64 KiB: slices of their own
  fixed,    // blocks of one size
  arena,    // one block behind the other; freed together, or back to a mark
};

// Why a pool gave no block, or was not made.
enum class PoolRefusal : std::uint8_t {
  none,
  no_memory,   // the system gives no more, or the process' limit is reached
  full,        // the pool's maximum is reached
  too_large,   // more than a block of this fixed pool, or than an object can have
  alignment,   // no power of two, or more than the blocks of this fixed pool are aligned to
  options,     // a value that does not exist or is out of range, or a maximum that not even one chunk is below
  name_taken,  // by another pool of the manager
};

struct PoolOptions {
  const char* name = "";  // copied; of at most SharedHeap::kNameBytes - 1 characters
  PoolKind kind = PoolKind::segment;
  LockMode lock = LockMode::mutex;
  std::size_t block_bytes = 0;                          // of a fixed pool
  std::size_t alignment = allocator::kMallocAlignment;  // of all blocks, a power of two; for fixed pools at most 64 KiB
  PoolSizing sizing = {};
};

// What is known of a pool: the mission's MemoryPool, and counters since the pool was made.
struct PoolInfo {
  std::uint64_t total_bytes = 0;        // of memory that holds blocks
  std::uint64_t used_bytes = 0;         // of blocks in use, as they were rounded
  std::uint64_t block_count = 0;        // blocks in use
  std::uint64_t free_blocks = 0;        // of a fixed pool, of those it holds
  std::uint64_t chunk_count = 0;        // chunks, or segments and large blocks
  std::uint64_t max_bytes = 0;          // 0: none
  std::uint64_t record_bytes = 0;       // beside total_bytes
  std::uint64_t taken_blocks = 0;       // block_count of them have not come back
  std::uint64_t refused = 0;            // requests that got nothing
  std::uint64_t refused_full = 0;       // of them for the pool's maximum
  std::uint64_t growths = 0;            // times it took more memory, the initial one left out; of a segment pool 0
  std::uint64_t shrinks = 0;            // times it was low for long enough
  std::uint64_t contentions = 0;        // times a thread waited for its lock, modulo 65,536
  const void* start_address = nullptr;  // lowest of its memory; nullptr: it holds none
  const void* first_block = nullptr;    // in use with the lowest address; of an arena the first taken. nullptr: none
};

// Named memory for blocks of like size or like life, over a heap of the allocator (shared_heap.h): the heap counts what the pool holds,
// walks and statistics tell it by the pool's name, and its end gives everything back.
//
// Growing and shrinking: pool_sizing.h. Nothing shrinks but by cleanup(), which somebody calls now and then.
// Misuse found when a block is freed goes to the engine's corruption hook: memory of others and addresses at which no block begins always; a block
// freed twice always in fixed and segment pools (an arena frees no single blocks).
//
// Thread safety: by the lock mode; is_pool() from any thread. destroy(), reset() and roll_back() while nobody else uses the pool or a block of it that
// goes. Around fork() the pool must not be in use by another thread: its lock is not taken then.
class Pool {
 public:
  // nullptr: `why` says why not.
  [[nodiscard]] static Pool* create(const PoolOptions& options, PoolRefusal& why) noexcept;
  // All memory goes back, blocks in use or not. nullptr is allowed.
  static void destroy(Pool* pool) noexcept;
  // False once it is destroyed, until another one comes to lie there.
  [[nodiscard]] static bool is_pool(const void* address) noexcept;

  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // At the pool's alignment or `alignment`, whichever is more. 0 bytes make the smallest block. nullptr: `why` says why.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment, PoolRefusal& why) noexcept;
  [[nodiscard]] void* allocate(std::size_t bytes) noexcept {
    PoolRefusal why{};
    return allocate(bytes, 1, why);
  }
  // nullptr is allowed. What is no block of this pool in use is reported. In an arena nothing happens otherwise.
  void deallocate(void* block) noexcept;
  // Whether it is a block of this pool in use; in an arena, whether it lies in its blocks.
  [[nodiscard]] bool owns(const void* block) const noexcept;

  // Frees all blocks at once. The memory stays, for the next cleanups to give back; a segment pool keeps its initial memory alone.
  void reset() noexcept;
  // Of arenas; the mark of another pool's kind is empty.
  [[nodiscard]] ArenaMark mark() const noexcept;
  // False: not an arena, or the mark lies in nothing that is in use now.
  [[nodiscard]] bool roll_back(const ArenaMark& mark) noexcept;

  // One round: shrinks the pool if it has been low for long enough, by at most `most_chunks`; what is left over goes in the next rounds. Returns the
  // bytes given back.
  std::uint64_t cleanup(std::uint32_t most_chunks = kUsualCleanupChunks) noexcept;
  static constexpr std::uint32_t kUsualCleanupChunks = 64;
  // The same, and takes off `most_chunks` what has gone.
  std::uint64_t cleanup_within(std::uint32_t& most_chunks) noexcept;

  // 0: none. What the pool holds above it stays until it is given back.
  void set_max_bytes(std::uint64_t bytes) noexcept;

  [[nodiscard]] PoolInfo info() const noexcept;
  [[nodiscard]] const char* name() const noexcept { return heap_.name(); }
  [[nodiscard]] PoolKind kind() const noexcept { return kind_; }
  [[nodiscard]] LockMode lock_mode() const noexcept { return lock_.mode(); }
  [[nodiscard]] PoolSizing sizing() const noexcept;
  [[nodiscard]] std::size_t alignment() const noexcept { return alignment_; }
  // Of a fixed pool, as rounded; else 0.
  [[nodiscard]] std::size_t block_bytes() const noexcept { return block_bytes_; }
  // Of what it holds, 0 to 1.
  [[nodiscard]] double used_share() const noexcept;
  // How many bytes more than asked for a block would take; kUnfit: it can not be one of this pool.
  [[nodiscard]] std::size_t waste_for(std::size_t bytes, std::size_t alignment) const noexcept;
  static constexpr std::size_t kUnfit = ~std::size_t{0};
  // Whether a block of that size is free or the pool may take memory for one. A moment later it may be otherwise.
  [[nodiscard]] bool has_room_for(std::size_t bytes) const noexcept;

  // Of the manager, under its lock.
  Pool* next = nullptr;
  std::size_t domain = ~std::size_t{0};  // of its optimiser
  std::uint64_t refused_before = 0;      // for the pool's maximum, until the last round of it

 private:
  Pool(SharedHeap& heap, const PoolOptions& options) noexcept;
  ~Pool() = default;

  [[nodiscard]] bool take_initial() noexcept STRATA_REQUIRES(lock_);
  [[nodiscard]] void* take(std::size_t bytes, std::size_t alignment, PoolRefusal& why) noexcept STRATA_REQUIRES(lock_);
  [[nodiscard]] void* try_take(std::size_t bytes, std::size_t alignment) noexcept STRATA_REQUIRES(lock_);
  [[nodiscard]] PoolRefusal grow(std::size_t bytes, std::size_t alignment) noexcept STRATA_REQUIRES(lock_);
  [[nodiscard]] std::uint64_t total_bytes() const noexcept STRATA_REQUIRES(lock_);
  [[nodiscard]] std::uint64_t used_bytes() const noexcept STRATA_REQUIRES(lock_);
  [[nodiscard]] std::uint64_t needed_for(std::size_t bytes, std::size_t alignment) const noexcept STRATA_REQUIRES(lock_);
  [[nodiscard]] bool add_chunk(std::uint64_t bytes) noexcept STRATA_REQUIRES(lock_);
  std::uint64_t shrink_to(std::uint64_t bytes, std::uint32_t& most_chunks) noexcept STRATA_REQUIRES(lock_);
  [[nodiscard]] const void* first_block_in(const Span& span) const noexcept STRATA_REQUIRES(lock_);
  void find_addresses(PoolInfo& info) const noexcept STRATA_REQUIRES(lock_);

  SharedHeap& heap_;
  mutable PoolLock lock_;
  const PoolKind kind_;
  const std::size_t alignment_;
  std::size_t block_bytes_ = 0;
  FixedBlocks fixed_ STRATA_GUARDED_BY(lock_);
  BumpBlocks bump_ STRATA_GUARDED_BY(lock_);
  SizeKeeper size_ STRATA_GUARDED_BY(lock_);
  std::uint64_t shrinking_to_ STRATA_GUARDED_BY(lock_) = 0;  // goes on there in the next rounds
  bool is_shrinking_ STRATA_GUARDED_BY(lock_) = false;
  std::uint64_t taken_blocks_ STRATA_GUARDED_BY(lock_) = 0;
  std::uint64_t refused_ STRATA_GUARDED_BY(lock_) = 0;
  std::uint64_t refused_full_ STRATA_GUARDED_BY(lock_) = 0;
  std::uint64_t growths_ STRATA_GUARDED_BY(lock_) = 0;
  std::uint64_t shrinks_ STRATA_GUARDED_BY(lock_) = 0;
};
static_assert(sizeof(Pool) <= SharedHeap::kAttachedBytes);

}  // namespace strata::pools
