#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "engine/sync/event_count.h"
#include "engine/sync/lock_rank.h"
#include "engine/sync/mutex.h"
#include "engine/sync/thread_annotations.h"

// Quiescent-state-based reclamation, QSBR: memory that readers reach without a lock is freed when no reader can hold a reference to it any
// more (P. McKenney, J. Slingwine, "Read-copy update", 1998; T. Hart et al., "Performance of memory reclamation for lockless
// synchronization", 2007). Readers pay nothing on the way. Instead each thread that reads says now and then that it holds no reference,
// a quiescent state; between two of those it may follow any pointer it finds. A thread that takes an object out of the shared
// structure retires it: it is freed when every thread that was online then has been quiescent or offline since.
//
//   Participant reader(domain);                              one for each thread
//   reader.online();                                         from here on the objects it finds stay
//   ... read ...  reader.quiescent();  ... read ...          holds no reference at this point
//   reader.offline();  ... wait ...  reader.online();        nobody waits for it meanwhile
namespace strata::sync::qsbr {

// What can be retired embeds this or derives from it. 24 bytes, used only while the object is retired; readers may still look at the rest.
struct Retired {
  // Frees the object that `retired` is part of. Called once, by a thread that frees for the domain and holds no lock of it. It may retire
  // others and use guards; it must neither announce quiescent states nor wait. `keeper`: of the participant that frees, see
  // Participant::set_keeper; nullptr: it has none, or the domain frees.
  using Deleter = void (*)(Retired& retired, void* keeper) noexcept;

  Retired* next = nullptr;
  Deleter deleter = nullptr;
  std::size_t bytes = 0;
};

// Retired objects, the first retired first.
struct RetiredList {
  Retired* first = nullptr;
  Retired* last = nullptr;

  [[nodiscard]] bool empty() const noexcept { return first == nullptr; }
  void add(Retired& retired) noexcept;
  // Puts those of `other` behind its own; `other` is then empty.
  void take_over(RetiredList& other) noexcept;
  // Frees up to `most`, and returns their bytes. REQUIRES: deleters leave this list alone.
  [[nodiscard]] std::uint64_t free(std::size_t most, void* keeper) noexcept;
};

// Retired objects by epoch. Two lists are enough: one waits for its epoch; one collects meanwhile and gets a later epoch, one for all, when
// the first is free. So epochs begin no faster than the readers pass them.
struct Limbo {
  RetiredList collecting;
  RetiredList waiting;
  std::uint64_t waiting_for = 0;  // the epoch that all readers have to reach

  [[nodiscard]] bool empty() const noexcept { return collecting.empty() && waiting.empty(); }
};

enum class QuotaState : std::uint8_t { within, over };

class Participant;

// The threads that read and retire the objects of a structure, or of several. 192 bytes; allocates nothing.
// Ends after its participants (REQUIRES), and frees what is still retired. Thread safety: all members, from any thread.
class Domain {
 public:
  struct Counters {
    std::uint64_t retired_bytes = 0;    // since the start
    std::uint64_t reclaimed_bytes = 0;  // of these, freed
    std::uint64_t epochs = 0;           // begun
    std::size_t participants = 0;

    [[nodiscard]] std::uint64_t waiting_bytes() const noexcept { return retired_bytes - reclaimed_bytes; }
  };

  // Bytes retired or freed that a participant may not have told the others yet: what the quota may be missed by, for each of the others.
  static constexpr std::int64_t kMostUnbookedBytes = 4096;
  static constexpr std::uint64_t kNoQuota = ~std::uint64_t{0} >> 1;

  // `quota_bytes`: the most that should wait to be freed; from there on retire() says `over`.
  constexpr explicit Domain(LockRank rank, std::uint64_t quota_bytes = kNoQuota) : quota_bytes_(quota_bytes), mutex_(rank) {}
  ~Domain();
  Domain(const Domain&) = delete;
  Domain& operator=(const Domain&) = delete;

  // Waits until each participant that is online now has been quiescent or offline, then frees what ended participants had left behind.
  // REQUIRES: the calling thread is no online participant, and holds no lock that one takes while it is online.
  void synchronize() noexcept STRATA_EXCLUDES(mutex_);

  void set_quota(std::uint64_t bytes) noexcept { quota_bytes_.store(bytes, std::memory_order_relaxed); }
  // Retired and not freed, as far as participants have told: see kMostUnbookedBytes. Costs a load.
  [[nodiscard]] std::uint64_t waiting_bytes() const noexcept {
    const std::int64_t bytes = booked_bytes_.load(std::memory_order_relaxed);
    return bytes > 0 ? static_cast<std::uint64_t>(bytes) : 0;
  }
  [[nodiscard]] bool is_over_quota() const noexcept { return quota_state(0) == QuotaState::over; }
  // Exact where nobody retires or frees meanwhile.
  [[nodiscard]] Counters counters() const noexcept STRATA_EXCLUDES(mutex_);

 private:
  friend class Participant;

  void enter(Participant& participant) noexcept STRATA_EXCLUDES(mutex_);
  void leave(Participant& participant) noexcept STRATA_EXCLUDES(mutex_);

  // The epoch in which nobody can hold any more what the caller has taken out of reach before.
  [[nodiscard]] std::uint64_t begin_epoch() noexcept { return epoch_.fetch_add(1, std::memory_order_acq_rel) + 1; }
  void begin_waiting(Limbo& limbo) noexcept;
  [[nodiscard]] bool reached(std::uint64_t epoch) const noexcept { return reached_.load(std::memory_order_acquire) >= epoch; }
  // Looks where the participants are.
  void update_reached() noexcept STRATA_REQUIRES(mutex_);
  // Looks only if nobody else is at it.
  [[nodiscard]] bool try_reached(std::uint64_t epoch) noexcept STRATA_EXCLUDES(mutex_);
  void wait_until_reached(std::uint64_t epoch) noexcept STRATA_EXCLUDES(mutex_);
  [[nodiscard]] bool update_and_reached(std::uint64_t epoch) noexcept STRATA_EXCLUDES(mutex_);
  // Adds the orphans to `list`, waits until nobody can hold any of it, and frees it. Returns the bytes freed.
  [[nodiscard]] std::uint64_t drain(RetiredList& list, void* keeper) noexcept STRATA_EXCLUDES(mutex_);
  // Empty if there are none that may be freed, or somebody else is at it.
  [[nodiscard]] RetiredList take_free_orphans() noexcept STRATA_EXCLUDES(mutex_);

  [[nodiscard]] QuotaState quota_state(std::int64_t unbooked_bytes) const noexcept {
    const std::int64_t waiting = booked_bytes_.load(std::memory_order_relaxed) + unbooked_bytes;
    return waiting >= static_cast<std::int64_t>(quota_bytes_.load(std::memory_order_relaxed)) ? QuotaState::over
                                                                                              : QuotaState::within;
  }

  static constexpr std::size_t kCacheLineBytes = 64;

  // Read by every announcement, written a few times in an epoch.
  alignas(kCacheLineBytes) std::atomic<std::uint64_t> epoch_ = 1;
  std::atomic<std::uint64_t> reached_ = 0;  // by all participants that are online
  EventCount announced_;                    // somebody has been quiescent in a new epoch, or has gone offline
  std::atomic<std::uint64_t> quota_bytes_;
  std::atomic<bool> has_orphans_ = false;

  // Written in steps of kMostUnbookedBytes. Retired by participants, ended ones included, and not freed.
  alignas(kCacheLineBytes) std::atomic<std::int64_t> booked_bytes_ = 0;
  mutable Mutex mutex_;
  Participant* first_ STRATA_GUARDED_BY(mutex_) = nullptr;
  Limbo orphans_ STRATA_GUARDED_BY(mutex_);
  Counters ended_ STRATA_GUARDED_BY(mutex_);  // retired by participants that have ended; freed by them or by no participant
};
static_assert(sizeof(Domain) == 192);

// A thread's part in a domain. Begins offline. What it has retired and not freed when it ends goes to the domain: the next participant that
// is quiescent frees it. 128 bytes. Thread safety: one thread at a time.
class Participant {
 public:
  explicit Participant(Domain& domain) noexcept;
  // REQUIRES: no guard. Frees what may be freed.
  ~Participant();
  Participant(const Participant&) = delete;
  Participant& operator=(const Participant&) = delete;

  [[nodiscard]] bool is_online() const noexcept { return seen_.load(std::memory_order_relaxed) != kOffline; }
  // From here on the objects it finds stay until it is quiescent or offline. Costs a fence.
  void online() noexcept;
  // Holds no reference from here on, and may sleep as long as it likes: nobody waits for it. Costs a fence. REQUIRES: no guard.
  void offline() noexcept;

  // Holds no reference at this point. Then frees what may be freed, `most_objects` at most; also when it is offline. Costs four loads
  // where nothing is new, a fence where an epoch is, a look at all participants while something waits. REQUIRES: no guard.
  void quiescent(std::size_t most_objects = kAllObjects) noexcept;

  // Has the object freed when nobody can hold it any more: by this thread when it is quiescent, at the end of a guard, in synchronize().
  // REQUIRES: it is out of reach, so that who looks from now on does not find it, and not retired yet. Online or offline.
  // `over`: the object is taken, but the domain holds its quota of retired bytes. To stay near it the caller should call synchronize()
  // at the next point where it holds no reference, before it retires more; quiescent() alone does not wait for others.
  [[nodiscard]] QuotaState retire(Retired& retired, std::size_t bytes, Retired::Deleter deleter) noexcept;

  // Waits until each participant that is online now has been quiescent or offline, and frees all that this one had retired and that ended
  // ones left behind. Is offline meanwhile. REQUIRES: no guard, no reference, no lock that a participant takes while it is online.
  void synchronize() noexcept;

  static constexpr std::size_t kAllObjects = ~std::size_t{0};

  // What the deleters that this thread runs are shown: where it keeps what it can use again. Lives until it is set to nullptr, or the participant ends.
  void set_keeper(void* keeper) noexcept { keeper_ = keeper; }
  [[nodiscard]] bool has_keeper() const noexcept { return keeper_ != nullptr; }

 private:
  friend class Domain;
  friend class ReadGuard;
  static constexpr std::uint64_t kOffline = 0;

  void announce(std::uint64_t epoch) noexcept;
  void begin_waiting() noexcept;
  void free_reached(std::size_t most_objects) noexcept;
  void count_freed(std::uint64_t bytes) noexcept;
  void book() noexcept;

  static constexpr std::size_t kCacheLineBytes = 64;

  // The epoch it was quiescent in last, or kOffline. Written by this thread, read by those that look how far all are.
  alignas(kCacheLineBytes) std::atomic<std::uint64_t> seen_ = kOffline;
  Domain& domain_;
  Participant* next_ = nullptr;  // this and previous_: the domain's
  Participant* previous_ = nullptr;
  void* keeper_ = nullptr;
  std::uint32_t guards_ = 0;
  bool freeing_ = false;  // deleters run

  alignas(kCacheLineBytes) Limbo limbo_;
  std::int64_t unbooked_bytes_ = 0;
  // Of this thread: it writes, others read for Counters. It may free more than it has retired, of orphans.
  std::atomic<std::uint64_t> retired_bytes_ = 0;
  std::atomic<std::uint64_t> reclaimed_bytes_ = 0;
};
static_assert(sizeof(Participant) == 128);

// Makes a participant online from construction to destruction, for callers that do not know when they are quiescent, as a library's
// operations; its end frees what may be freed. Inside another guard, or where the thread is online already, it changes nothing.
class ReadGuard {
 public:
  explicit ReadGuard(Participant& participant) noexcept;
  ~ReadGuard();
  ReadGuard(const ReadGuard&) = delete;
  ReadGuard& operator=(const ReadGuard&) = delete;

 private:
  Participant& participant_;
  bool goes_offline_;
};

}  // namespace strata::sync::qsbr
