#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/cache/invalidated_prefixes.h"
#include "engine/cache/key.h"
#include "engine/sync/mutex.h"
#include "engine/sync/quiescent_state.h"

namespace strata::cache {

inline constexpr std::size_t kKeyspaces = 256;

// Which keyspace each database is, and which prefixes of keys were invalidated in it. Changes while the gate of writers is closed: who is inside it
// sees it stand still. Readers ask for the version before and after (a sequence lock; C. Lameter, "Effective synchronization on Linux/NUMA systems", 2005).
// Thread safety: all functions, changes but one at a time.
class Databases {
 public:
  Databases(std::size_t databases, Budget& budget) noexcept;

  [[nodiscard]] Keyspace keyspace_of(Namespace database) const noexcept {
    return keyspaces_[database].load(std::memory_order_acquire);
  }
  // Nothing: it was dropped, or was none ever. REQUIRES: inside the gate.
  [[nodiscard]] std::optional<Namespace> database_of(Keyspace keyspace) const noexcept;

  // Which one it is, or was before it was dropped.
  [[nodiscard]] Namespace last_database_of(Keyspace keyspace) const noexcept {
    return databases_[keyspace].load(std::memory_order_relaxed);
  }

  // The databases as they are at one moment: what is found between is of that moment if the version is the same after it.
  using Version = std::uint64_t;
  // In a version: prefixes are pending, so that what is found may be invalidated. Readers have the version at hand anyway.
  static constexpr Version kHasPrefixes = Version{1} << 63U;
  [[nodiscard]] Version version() const noexcept {
    for (;;) {
      const Version version = version_.load(std::memory_order_acquire);
      if (version % 2 == 0) [[likely]]
        return version;
    }
  }
  [[nodiscard]] bool is_still(Version version) const noexcept { return version_.load(std::memory_order_acquire) == version; }

  // Prefixes whose items have not all been taken out. What was found between version() and is_still() may be judged by what prefixes() says between
  // them; who is inside the gate may ask at any time. REQUIRES of prefixes(): the thread is among the readers.
  [[nodiscard]] static bool has_prefixes(Version version) noexcept { return (version & kHasPrefixes) != 0; }
  [[nodiscard]] bool has_prefixes() const noexcept { return has_prefixes(version_.load(std::memory_order_relaxed)); }
  [[nodiscard]] const InvalidatedPrefixes::View* prefixes() const noexcept { return prefixes_.view(); }
  [[nodiscard]] std::size_t pending_prefixes() const noexcept { return prefixes_.count(); }
  // What was written before in this database under the prefix is invalidated from here on, at one moment, and is to be swept. False, and nothing is
  // changed: too many wait. Throws std::bad_alloc, likewise. REQUIRES: the gate is closed; as InvalidatedPrefixes::add.
  [[nodiscard]] bool invalidate(Namespace database, std::string_view prefix, sync::qsbr::Participant& participant,
                                InvalidatedPrefixes::Ticket& ticket);

  // To be said before the first item is put into a keyspace, and as often as one likes.
  void note_written(Keyspace keyspace) noexcept {
    if (written_[keyspace].load(std::memory_order_relaxed)) [[likely]]
      return;
    written_[keyspace].store(true, std::memory_order_relaxed);
  }
  [[nodiscard]] bool was_written(Namespace database) const noexcept {
    return written_[keyspace_of(database)].load(std::memory_order_relaxed);
  }

  // These databases begin anew, at one moment, and their old keyspaces are to be swept; nothing happens to one that was never written.
  // False, and nothing is changed: too many keyspaces wait to be swept. REQUIRES: the gate is closed.
  [[nodiscard]] bool begin_anew(Namespace first, std::size_t count) noexcept;
  // REQUIRES: the gate is closed.
  void swap(Namespace one, Namespace other) noexcept;

  // Some keyspaces were dropped, or prefixes invalidated, and something may still lie there. They are swept together, in one round over all items at a
  // time.
  [[nodiscard]] bool any_to_sweep() const noexcept { return any_dropped() || prefixes_.any(); }
  [[nodiscard]] bool any_dropped() const noexcept { return dropped_count_.load(std::memory_order_acquire) != 0; }
  // A round begins, for the keyspaces that are dropped and the prefixes that are pending now. Returns its number, the same as before while one is under way; 0: nothing to sweep.
  [[nodiscard]] std::uint32_t begin_round(sync::qsbr::Participant& participant) noexcept;
  [[nodiscard]] std::uint32_t round() const noexcept { return round_.load(std::memory_order_acquire); }
  // Is to be taken out in the present round.
  [[nodiscard]] bool is_swept(Keyspace keyspace) const noexcept {
    return state_[keyspace].load(std::memory_order_relaxed) == State::swept;
  }
  // Was dropped, and items may be left of it.
  [[nodiscard]] bool is_dropped(Keyspace keyspace) const noexcept {
    return state_[keyspace].load(std::memory_order_relaxed) >= State::dropped;
  }
  // A shard has been looked through in the present round. With the last of them the keyspaces serve again, and the prefixes are forgotten.
  void end_shard(sync::qsbr::Participant& participant) noexcept;

 private:
  enum class State : std::uint8_t { unused, in_use, dropped, swept };

  void give(Namespace database, Keyspace keyspace) noexcept;
  void forget_swept(sync::qsbr::Participant& participant) noexcept STRATA_REQUIRES(mutex_);
  void begin_change() noexcept;
  void end_change() noexcept;

  std::atomic<Version> version_ = 0;  // odd: being changed
  std::array<std::atomic<Keyspace>, kKeyspaces> keyspaces_{};
  std::array<std::atomic<Namespace>, kKeyspaces> databases_{};  // of keyspaces in use; of others, the last that they were
  std::array<std::atomic<bool>, kKeyspaces> written_{};
  std::array<std::atomic<State>, kKeyspaces> state_{};
  std::atomic<std::uint32_t> dropped_count_ = 0;  // dropped or swept
  std::atomic<std::uint32_t> round_ = 0;          // 0: none is under way
  InvalidatedPrefixes prefixes_;                  // changed under the lock
  sync::Mutex mutex_{sync::LockRank{.name = "databases", .order = 100}};
  std::uint32_t rounds_ STRATA_GUARDED_BY(mutex_) = 0;
  std::size_t shards_left_ STRATA_GUARDED_BY(mutex_) = 0;
};

}  // namespace strata::cache
