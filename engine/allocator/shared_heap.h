#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/allocator/granule_spans.h"
#include "engine/allocator/heap.h"
#include "engine/allocator/heap_spans.h"
#include "engine/sync/mutex.h"

namespace strata::allocator {

enum class HeapStrategy : std::uint8_t {
  size_class,  // as the process' allocator: fast, at most an eighth of a block is rounding
  best_fit,    // granules of 16 bytes, in the tightest hole of the fullest span that will do: dense, slower (granule_spans.h)
  arena,       // one block behind the other; single blocks are not given back, reset() frees all
};

struct HeapOptions {
  const char* name = "";  // for statistics and walks; copied, at most kNameBytes - 1 characters of it
  HeapStrategy strategy = HeapStrategy::size_class;
  // Most bytes of slices that hold blocks, rounded down to 64 KiB; 0: no limit. The heap's records come on top: 64 KiB, and 1.7 % of
  // what blocks lie in where that is more than 3 MB, but none in heaps of size classes.
  std::uint64_t limit_bytes = 0;
};

struct HeapUsage {
  std::uint64_t used_bytes = 0;    // of blocks in use, as they were rounded
  std::uint64_t held_bytes = 0;    // of slices that hold blocks
  std::uint64_t limit_bytes = 0;   // of them, as it was set; 0: none
  std::uint64_t record_bytes = 0;  // of slices with the heap's own records
  std::uint64_t used_blocks = 0;
  std::uint64_t refused = 0;  // requests that got no memory, since the heap was created
};

// A heap that any thread may use: apart from the process' memory, with a limit, measured, and given back whole. Blocks of more than 64 KiB
// get slices of their own, by any strategy.
//
// Blocks may also be freed and resized by the functions of allocate.h: they find the heap by the span, and a resized block stays in its
// heap. Such frees take the heap's lock at once and do not wait in the freeing thread's batches, so none can arrive after the heap's end.
//
// Memory checks (memory_checks.h) hold for blocks of size classes and large ones as elsewhere. Those of granules have no canaries; their bit
// maps tell in every build whether a block begins where one is freed.
// Thread safety: all functions, from any thread, but destroy() and reset() while no other thread uses the heap or a block of it.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): the heap within begins at a cache line
class alignas(64) SharedHeap {
 public:
  static constexpr std::size_t kNameBytes = 64;

  // nullptr: no memory.
  [[nodiscard]] static SharedHeap* create(const HeapOptions& options) noexcept;
  // All memory goes back, blocks in use or not, in a time by the number of spans. nullptr is allowed. A block that is freed afterwards is
  // reported as an invalid free as long as its memory has not been put to another use.
  static void destroy(SharedHeap* heap) noexcept;
  // Whether a heap lies at the address: false once it is destroyed, until another one comes to lie there.
  [[nodiscard]] static bool is_heap(const void* address) noexcept;

  SharedHeap(const SharedHeap&) = delete;
  SharedHeap& operator=(const SharedHeap&) = delete;

  // `alignment`: a power of two, always kept; blocks are aligned to 8 bytes at least. 0 bytes make the smallest block.
  // nullptr: no memory or over the limit.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment = kMallocAlignment) noexcept;
  [[nodiscard]] void* allocate_zeroed(std::size_t bytes, std::size_t alignment = kMallocAlignment) noexcept;
  // As realloc, but never frees, and a block that moves is aligned to 16 bytes only. nullptr as `address`: as allocate().
  // nullptr: no memory, the block is as it was; or `address` is no block of this heap, which is reported.
  [[nodiscard]] void* reallocate(void* address, std::size_t bytes) noexcept;
  // nullptr is allowed. What is no block of this heap is reported. In an arena blocks stay in use until the heap is reset or destroyed; only
  // blocks of more than 64 KiB go back at once.
  void deallocate(void* address) noexcept;

  // Whether the address lies in this heap's memory: true for every block in use of it, false for those of others.
  [[nodiscard]] bool owns(const void* address) const noexcept;
  // Of a block in use: how many bytes of it may be used. 0: no block begins there, where that can be told.
  [[nodiscard]] std::size_t usable_bytes(const void* address) const noexcept;

  // Frees all blocks at once and gives the memory back; an arena keeps one span.
  void reset() noexcept;
  // Gives back what the heap keeps for later. For threads that want memory to be free.
  void release_unneeded() noexcept;

  // 0: no limit. What is above it stays.
  void set_limit(std::uint64_t bytes) noexcept;
  // Of best fit, for pools: empty slices of small blocks stay as long as these are no more than `bytes`, and when they are all in use
  // `growth_percent` of them are added, which stay, too. False: so much is not to be had, or not below the limit; what was had stays.
  // Where a request would fail otherwise everything that is empty goes nevertheless.
  [[nodiscard]] bool keep(std::uint64_t bytes, std::uint32_t growth_percent) noexcept;
  // Gives back empty slices of small blocks, at most `most`, until all slices are `total_bytes` or those of small blocks `kept_bytes`, which is
  // kept from here on. Returns the bytes given back.
  std::uint64_t release_beyond(std::uint64_t total_bytes, std::uint64_t kept_bytes, std::uint32_t most) noexcept;

  // Room in the heap's own slice, in front of it, for what stands on the heap and ends with it, at a multiple of 64 bytes: what the first
  // records of granules leave. REQUIRES: not a heap of size classes. Whether something lies there attach() says.
  static constexpr std::size_t kAttachedBytes = 768;
  [[nodiscard]] void* place_to_attach() noexcept { return reinterpret_cast<std::byte*>(this) - kAttachedBytes; }
  void attach(void* attached) noexcept { attached_.store(attached, std::memory_order_release); }
  [[nodiscard]] void* attached() const noexcept { return attached_.load(std::memory_order_acquire); }

  [[nodiscard]] HeapUsage usage() const noexcept;
  // Valid as long as the heap.
  [[nodiscard]] const char* name() const noexcept { return name_.data(); }
  [[nodiscard]] HeapStrategy strategy() const noexcept { return strategy_; }
  // Unique in the process.
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

  // For walks and checks, under the lock.
  [[nodiscard]] sync::Mutex& mutex() const noexcept STRATA_RETURN_CAPABILITY(mutex_) { return mutex_; }
  [[nodiscard]] const Heap& classes() const noexcept STRATA_REQUIRES(mutex_) { return heap_; }
  [[nodiscard]] const HeapSpans& spans() const noexcept STRATA_REQUIRES(mutex_) { return spans_; }
  [[nodiscard]] HeapUsage usage_locked() const noexcept STRATA_REQUIRES(mutex_);
  // What was handed out and taken back since the heap was created. Of heaps of size classes by batches, else by blocks.
  [[nodiscard]] HeapStatistics statistics() const noexcept STRATA_REQUIRES(mutex_);

  // Of the registry of heaps, under its lock.
  SharedHeap* next_registered = nullptr;
  SharedHeap* previous_registered = nullptr;

 private:
  explicit SharedHeap(const HeapOptions& options) noexcept;
  ~SharedHeap() = default;

  void start(void* memory) noexcept;
  [[nodiscard]] bool is_ours(const Span& span) const noexcept { return span.shared_heap.load(std::memory_order_acquire) == this; }
  // Whether blocks to 64 KiB are of granules.
  [[nodiscard]] bool has_granules() const noexcept { return strategy_ != HeapStrategy::size_class; }
  [[nodiscard]] void* take(std::size_t bytes, std::size_t alignment) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] void* take_from_class(std::size_t bytes, std::size_t alignment) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] void* take_granules(std::size_t bytes, std::size_t alignment) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] void* resize(Span& span, void* address, std::size_t held, std::size_t bytes) noexcept STRATA_REQUIRES(mutex_);
  [[nodiscard]] std::size_t held_by(const Span& span, const void* address) const noexcept STRATA_REQUIRES(mutex_);
  void give_back(Span& span, void* address, std::size_t held) noexcept STRATA_REQUIRES(mutex_);
  void note_taken(std::size_t bytes) noexcept STRATA_REQUIRES(mutex_);
  void note_returned(std::size_t bytes) noexcept STRATA_REQUIRES(mutex_);
  void release_unneeded_locked(std::uint32_t kept_spans) noexcept STRATA_REQUIRES(mutex_);

  mutable sync::Mutex mutex_{sync::LockRank{.name = "shared heap", .order = 750}};
  const HeapStrategy strategy_;
  std::uint32_t growth_percent_ STRATA_GUARDED_BY(mutex_) = 0;
  std::uint64_t id_ = 0;
  sync::Atomic<void*> attached_ = nullptr;
  std::array<char, kNameBytes> name_{};
  HeapSpans spans_ STRATA_GUARDED_BY(mutex_);
  Heap::Shared shared_;
  Heap heap_ STRATA_GUARDED_BY(mutex_);              // size_class
  GranuleSpans granules_ STRATA_GUARDED_BY(mutex_);  // best_fit and arena
  std::uint64_t used_bytes_ STRATA_GUARDED_BY(mutex_) = 0;
  std::uint64_t used_blocks_ STRATA_GUARDED_BY(mutex_) = 0;
  std::uint64_t refused_ STRATA_GUARDED_BY(mutex_) = 0;
  HeapStatistics counted_ STRATA_GUARDED_BY(mutex_);  // best_fit and arena
};

}  // namespace strata::allocator
