#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/cache/backed_cache.h"

namespace strata::cache {

// Writes that the cache has at once and the source behind it soon: a queue, bounded in keys and bytes, which a thread of its own empties in batches.
// Of a key that is written again while it waits the source gets the last value only. Nothing in the queue is lost to eviction: read() finds what
// waits there. What was not taken by the source at the end of the process is lost: that is the price of the strategy.
// Its bytes are charged to the cache's budget.
// Thread safety: all functions; calls of the writer come one at a time.
class WriteBehind {
 public:
  // A key's last write. Valid during the call.
  struct Change {
    Namespace ns = 0;
    std::string_view key;
    bool is_removal = false;
    std::string_view value;
    std::int64_t expire_at_ms = kNoExpiry;
  };
  // Gives the source a batch, oldest first. False: it has not taken it, and gets it, or what has been written since, again after a while.
  using Writer = std::function<bool(std::span<const Change>)>;

  enum class WhenFull : std::uint8_t { wait, refuse };
  struct Options {
    std::size_t most_keys = 65'536;
    std::size_t most_bytes = 64U << 20U;  // of keys, values and the queue's own
    std::size_t batch_keys = 128;
    std::chrono::milliseconds first_retry{10};  // doubled after each failure, up to last_retry
    std::chrono::milliseconds last_retry{5000};
    WhenFull when_full = WhenFull::wait;
  };
  enum class Outcome : std::uint8_t { ok, full, out_of_memory, too_large };
  struct Counters {
    std::uint64_t queued = 0;     // keys waiting now
    std::uint64_t bytes = 0;      // of them
    std::uint64_t written = 0;    // changes that the source took
    std::uint64_t coalesced = 0;  // that it did not get because a later one of the same key came before
    std::uint64_t failures = 0;   // batches that it did not take
    std::uint64_t waits = 0;      // calls that waited for room
    std::uint64_t refused = 0;
  };

  // `cache` outlives it, and no session is in a slice of it when this ends.
  WriteBehind(BackedCache& backed, Cache& cache, Writer writer, const Options& options);
  // Gives the source all that waits, each batch once more if it does not take it; the rest is lost.
  ~WriteBehind();
  WriteBehind(const WriteBehind&) = delete;
  WriteBehind& operator=(const WriteBehind&) = delete;

  // full: there is no room in the queue, nothing was changed. out_of_memory, too_large: the cache can not hold it, and has nothing; the source will get it.
  Outcome put(Session& session, const Key& key, std::string_view value, std::int64_t expire_at_ms);
  Outcome remove(Session& session, const Key& key);
  // What the cache has, or what waits. False: neither has it, or a removal waits.
  bool read(Session& session, const Key& key, Visitor<void(const ItemView&)> visit);
  // Waits until the source has taken all that waits now. False: the time is over. Without effect on who writes meanwhile.
  bool flush(Session& session, std::chrono::milliseconds most);

  [[nodiscard]] Counters counters() const;

 private:
  struct Waiting {
    bool is_removal = false;
    std::string value;
    std::int64_t expire_at_ms = kNoExpiry;
    std::uint64_t number = 0;  // of the write, counted up
  };
  static constexpr std::size_t kOwnBytes = 160;  // of the table, the order and two strings, about

  [[nodiscard]] static std::string name_of(const Key& key);
  Outcome queue(Session& session, const Key& key, Waiting change);
  [[nodiscard]] bool has_room(const std::string& name, std::size_t bytes) const;
  [[nodiscard]] static std::size_t bytes_of(const std::string& name, const Waiting& change) noexcept;
  void charge(std::int64_t bytes);
  void work();
  // One batch; false: the source did not take it. `lock` is let go while it does.
  bool write_batch(std::unique_lock<std::mutex>& lock);

  BackedCache& backed_;
  Cache& cache_;
  const Writer writer_;
  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;  // room, work or the end
  std::unordered_map<std::string, Waiting> waiting_;
  std::deque<std::string> order_;  // of all that wait, as they were first written since the source last had them
  std::uint64_t numbers_ = 0;
  bool is_ending_ = false;
  Counters counters_;
  std::thread thread_;
};

}  // namespace strata::cache
