#include "engine/allocator/process_allocator.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <memory>

#include "engine/allocator/large_blocks.h"
#include "engine/allocator/memory_checks.h"
#include "engine/allocator/shared_heap.h"
#include "engine/os/coarse_clock.h"
#include "engine/sync/atomic.h"

namespace strata::allocator {
namespace {

constexpr std::size_t kLeastReserveBytes = std::size_t{64} << 20;
constexpr std::size_t kUsualReserveBytes = std::size_t{1} << 40;
// Address space for each byte of the machine's memory, so that it does not run out first, fragmentation and all.
constexpr std::size_t kReserveFactor = 8;

constinit Heap empty_heap;
constinit sync::Atomic<bool> started = false;
constinit pthread_key_t exit_key = 0;
constinit bool has_exit_key = false;
constinit sync::Atomic<bool> fork_is_handled = false;
constinit thread_local bool thread_has_ended = false;

std::size_t address_space_wanted() noexcept {
  if (process.reserve_bytes != 0) return process.reserve_bytes;
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return kUsualReserveBytes;
  const std::size_t memory = static_cast<std::size_t>(pages) * static_cast<std::size_t>(page_bytes);
  return std::max(kUsualReserveBytes, std::bit_ceil(memory * kReserveFactor));
}

void give_heap_back(Heap& heap) noexcept {
  heap.put_aside();
  const sync::MutexLock lock(process.heaps_mutex);
  heap.next_unused = process.unused_heaps;
  process.unused_heaps = &heap;
  process.heaps_in_use.fetch_sub(1, std::memory_order_relaxed);
}

void thread_ends(void* heap) {
  current_heap = &empty_heap;
  thread_has_ended = true;
  give_heap_back(*static_cast<Heap*>(heap));
}

// So that the child finds everything whole. Other threads' heaps stay as they were at that moment: the child can free blocks from them, but
// what these threads had at hand is lost to it.
void before_fork() { lock_process(); }
void after_fork() { unlock_process(); }

[[nodiscard]] bool start_locked() noexcept STRATA_REQUIRES(process.heaps_mutex) {
  if (started.load(std::memory_order_relaxed)) return true;
  os::MemoryCalls& calls = process.calls == nullptr ? os::linux_memory_calls() : *process.calls;
  if (process.map.reserve(calls, address_space_wanted(), kLeastReserveBytes) != std::errc{}) return false;
  draw_check_secrets();
  process.slices.start(process.map);
  process.recycled.start(process.map, process.slices);
  has_exit_key = ::pthread_key_create(&exit_key, thread_ends) == 0;
  started.store(true, std::memory_order_release);
  return true;
}

// A slice: the blocks at hand, then the heap. Not to be touched before it is used.
[[nodiscard]] Heap* new_heap() noexcept STRATA_REQUIRES(process.heaps_mutex) {
  static_assert(AtHand::kBytes + sizeof(Heap) <= kSliceBytes && AtHand::kBytes % alignof(Heap) == 0);
  Span* span = process.slices.allocate(1, 1, SpanUse::allocator, false);
  if (span == nullptr) return nullptr;
  std::byte* const memory = process.map.start_of(*span);
  zero_old_contents(*span, AtHand::kBytes);
  Heap* const heap = std::construct_at(reinterpret_cast<Heap*>(memory + AtHand::kBytes));
  heap->start(process.shared, memory);
  heap->number = process.heap_count++;
  heap->next_registered = process.registered_heaps;
  process.registered_heaps = heap;
  return heap;
}

[[nodiscard]] Heap* take_heap() noexcept {
  Heap* heap = nullptr;
  {
    const sync::MutexLock lock(process.heaps_mutex);
    if (!start_locked()) return nullptr;
    heap = process.unused_heaps;
    if (heap != nullptr) {
      process.unused_heaps = heap->next_unused;
    } else {
      heap = new_heap();
    }
    if (heap == nullptr) return nullptr;
  }
  process.heaps_in_use.fetch_add(1, std::memory_order_relaxed);
  heap->take_up();
  current_heap = heap;
  // Both may allocate, so they come when this thread has a heap and holds no lock.
  if (!fork_is_handled.exchange(true, std::memory_order_relaxed)) (void)::pthread_atfork(before_fork, after_fork, after_fork);
  if (has_exit_key) (void)::pthread_setspecific(exit_key, heap);
  return heap;
}

}  // namespace

constinit ProcessAllocator process;
constinit thread_local Heap* current_heap __attribute__((tls_model("initial-exec"))) = &empty_heap;

Heap* late_heap() noexcept {
  if (process.late_heap != nullptr) return process.late_heap;
  const sync::MutexLock lock(process.heaps_mutex);
  if (start_locked()) process.late_heap = new_heap();
  return process.late_heap;
}

bool start_process_allocator() noexcept {
  if (started.load(std::memory_order_acquire)) return true;
  const sync::MutexLock lock(process.heaps_mutex);
  return start_locked();
}

Heap* heap_of_thread() noexcept {
  Heap* heap = current_heap;
  if (heap->started()) return heap;
  return thread_has_ended ? nullptr : take_heap();
}

Span* span_of(const void* address) noexcept {
  if (!process.map.contains(address)) return nullptr;
  if (process.map.offset_of(address) >> kSliceShift >= process.map.committed_slices()) return nullptr;
  Span* span = process.map.first_of(process.map.entry_of(address));
  return span->use == SpanUse::blocks || span->use == SpanUse::large ? span : nullptr;
}

// The locks of shared heaps are more than the analysis can follow.
void lock_process() noexcept STRATA_NO_THREAD_SAFETY_ANALYSIS {
  process.late_mutex.lock();
  process.heaps_mutex.lock();
  for (SharedHeap* heap = process.shared_heaps; heap != nullptr; heap = heap->next_registered) heap->mutex().lock_in_series();
  process.abandoned.mutex().lock();
  process.recycled.mutex().lock();
  process.slices.mutex().lock();
}

void unlock_process() noexcept STRATA_NO_THREAD_SAFETY_ANALYSIS {
  process.slices.mutex().unlock();
  process.recycled.mutex().unlock();
  process.abandoned.mutex().unlock();
  for (SharedHeap* heap = process.shared_heaps; heap != nullptr; heap = heap->next_registered) heap->mutex().unlock();
  process.heaps_mutex.unlock();
  process.late_mutex.unlock();
}

void thread_is_idle() noexcept {
  if (!current_heap->started()) return;
  current_heap->flush();
  process.slices.tick(os::coarse_monotonic_ns());
}

}  // namespace strata::allocator
