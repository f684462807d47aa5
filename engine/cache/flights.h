#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "engine/cache/key.h"
#include "engine/cache/session.h"
#include "engine/sync/event_count.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

// What came of asking the source behind a cache for a key.
struct Loaded {
  enum class Status : std::uint8_t { found, not_found, failed };

  Status status = Status::failed;
  std::string value;
  std::int64_t expire_at_ms = kNoExpiry;
};

// Who is at work on which key with the source behind the cache, a database or a service: one thread at a time for a key. Those that want to load
// the same key wait and share what comes of it, those that want to write it take turns. Waiting threads hold nothing of the cache.
// Costs nothing where nobody is at work: a load.
// Thread safety: all functions.
class Flights {
 public:
  Flights() = default;
  Flights(const Flights&) = delete;
  Flights& operator=(const Flights&) = delete;

  // The work on one key; ends with it. Empty: there is none, see who gave it.
  class Turn;
  // Begins to load a key. Or, where somebody loads it, waits for that and gives what came of it in `shared`; or waits for a write to end. Then the
  // turn is empty, and `shared` too after a write: look into the cache again. From within a load or write of the same key: both are empty and
  // `recursive` is set, for it would wait for itself.
  [[nodiscard]] Turn load(Session& session, const Key& key, std::shared_ptr<const Loaded>& shared, bool& recursive);
  // Begins to write a key, after all who are at work on it; what they load will not be stored. Empty: as above, from within.
  [[nodiscard]] Turn write(Session& session, const Key& key);
  // The key is about to be written or removed in the cache alone: what somebody loads meanwhile is not stored, for it may be older.
  void forget(const Key& key);
  void forget_all();

  // Threads that wait for another's load or write now.
  [[nodiscard]] std::uint64_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }

 private:
  struct Flight {
    std::thread::id by;
    bool is_load = false;
    bool is_over = false;
    // Something newer has come: its outcome is nobody's but its own thread's and theirs who wait already.
    std::atomic<bool> is_stale = false;
    std::shared_ptr<const Loaded> loaded;
  };
  struct Hasher {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };
  using Table = std::unordered_map<std::string, std::shared_ptr<Flight>, Hasher, std::equal_to<>>;
  struct alignas(64) Stripe {
    sync::Mutex mutex{sync::LockRank{.name = "flights", .order = 60}};
    sync::EventCount ended;
    Table flights STRATA_GUARDED_BY(mutex);
  };
  static constexpr std::size_t kStripes = 64;

  [[nodiscard]] Stripe& stripe_of(const Key& key) noexcept { return stripes_[key.hash % kStripes]; }
  [[nodiscard]] static std::string name_of(const Key& key);
  // Until the flight is over. REQUIRES: no lock is held.
  void wait(Session& session, Stripe& stripe, const Flight& flight);

  std::atomic<std::uint64_t> under_way_ = 0;
  std::atomic<std::uint64_t> waiting_ = 0;
  std::array<Stripe, kStripes> stripes_;
};

class Flights::Turn {
 public:
  Turn() = default;
  Turn(Turn&& other) noexcept;
  Turn& operator=(Turn&&) = delete;
  ~Turn() { end(nullptr); }

  explicit operator bool() const noexcept { return flight_ != nullptr; }
  // The key has been written or removed in the cache since the turn began, or is just about to be. Who looks at it under the lock of the key's home, and
  // stores what was loaded only if it is not, stores nothing that is older: the other comes to that lock afterwards, or had been there before.
  [[nodiscard]] bool is_stale() const noexcept { return flight_->is_stale.load(std::memory_order_acquire); }
  // What came of it: for those who wait. No other turn begins before. Twice: nothing.
  void end(std::shared_ptr<const Loaded> loaded);

 private:
  friend class Flights;
  Turn(Flights& flights, Stripe& stripe, std::string name, std::shared_ptr<Flight> flight)
      : flights_(&flights), stripe_(&stripe), name_(std::move(name)), flight_(std::move(flight)) {}

  Flights* flights_ = nullptr;
  Stripe* stripe_ = nullptr;
  std::string name_;
  std::shared_ptr<Flight> flight_;
};

}  // namespace strata::cache
