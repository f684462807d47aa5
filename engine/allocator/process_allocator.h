#pragma once

#include <cstddef>

#include "engine/allocator/abandoned_spans.h"
#include "engine/allocator/heap.h"
#include "engine/allocator/slice_allocator.h"
#include "engine/allocator/slice_map.h"
#include "engine/os/memory_calls.h"
#include "engine/sync/atomic.h"
#include "engine/sync/mutex.h"

namespace strata::allocator {

// The one allocator of the process: what all threads' heaps share, and the heaps. Constant-initialised and never destroyed, so it
// works before the first constructor and after the last destructor. Starts itself at the first allocation.
//
// A thread gets a heap with its first call that needs one and gives it back when it ends (a destructor of pthread_setspecific, which runs
// after those of the language's thread-local objects). What a thread calls after that is served by the one `late heap` under a lock.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): what every free reads comes first
struct ProcessAllocator {
  SliceMap map;  // first: read by every free
  SliceAllocator slices;
  AbandonedSpans abandoned;
  RecycledSpans recycled;
  Heap::Shared shared{.map = &map, .slices = &slices, .abandoned = &abandoned, .recycled = &recycled};

  sync::Mutex heaps_mutex{sync::LockRank{.name = "heaps", .order = 700}};
  Heap* registered_heaps STRATA_GUARDED_BY(heaps_mutex) = nullptr;
  Heap* unused_heaps STRATA_GUARDED_BY(heaps_mutex) = nullptr;
  std::uint32_t heap_count STRATA_GUARDED_BY(heaps_mutex) = 0;  // ever registered
  sync::Atomic<std::uint32_t> heaps_in_use = 0;

  SharedHeap* shared_heaps STRATA_GUARDED_BY(heaps_mutex) = nullptr;
  std::uint64_t shared_heaps_made STRATA_GUARDED_BY(heaps_mutex) = 0;
  HeapStatistics of_destroyed_heaps STRATA_GUARDED_BY(heaps_mutex);

  // A lock for a user that is not a thread; ranked below those that a heap's work takes.
  sync::Mutex late_mutex{sync::LockRank{.name = "late heap", .order = 600}};
  Heap* late_heap STRATA_GUARDED_BY(late_mutex) = nullptr;

  // Before the first allocation, for tests: where the memory comes from.
  os::MemoryCalls* calls = nullptr;
  // Address space, 0: by the machine's memory.
  std::size_t reserve_bytes = 0;
};

extern constinit ProcessAllocator process;

// Of the calling thread; an empty heap until it needs one.
extern constinit thread_local Heap* current_heap __attribute__((tls_model("initial-exec")));

// The heap of the calling thread; gives it one if it has none. nullptr: the thread has ended already, or there is no memory.
[[nodiscard]] Heap* heap_of_thread() noexcept;
// The heap of threads that have ended. nullptr: no memory.
[[nodiscard]] Heap* late_heap() noexcept STRATA_REQUIRES(process.late_mutex);
// Makes sure that the allocator has its address space. False: there is none to be had.
[[nodiscard]] bool start_process_allocator() noexcept;

// The span in use, of blocks or large, that an address lies in; nullptr: none.
[[nodiscard]] Span* span_of(const void* address) noexcept;

// All locks of the allocator, in the order of their ranks: around fork(), and for walks over everything. The heaps of other running threads
// go on; nothing else changes but by what they do to their own spans.
void lock_process() noexcept;
void unlock_process() noexcept;

// Delivers the calling thread's remote frees and takes up its mail, gives back empty spans and free slices that have waited long enough.
// For threads about to wait, and now and then.
void thread_is_idle() noexcept;

}  // namespace strata::allocator
