#pragma once

#include <cstdint>
#include <string_view>

#include "engine/cache/cache.h"
#include "engine/cache/flights.h"

namespace strata::cache {

// A cache in front of a source of the data, and the usual ways to keep the two together. Whoever changes keys that are also loaded does it
// through this: so that nothing older than what was written is ever stored.
//   Look-aside: the program reads, asks the source where nothing is there, and adds what it got (add); when it changes the source it removes.
//   Read-through: read() asks the source itself, once for a key however many threads want it; the others wait for the same answer.
//   Write-through: write() changes the source, then the cache, one thread at a time for a key, so that both end with the same value.
//   Write-behind: write_behind.h.
// Callbacks run with no lock held and may use the cache, but for the key they are about.
// Thread safety: all functions, from any thread, each with a session of its own.
class BackedCache {
 public:
  enum class Outcome : std::uint8_t { ok, not_found, failed, recursive, out_of_memory, too_large };

  // `cache` outlives it.
  explicit BackedCache(Cache& cache) noexcept : cache_(cache) {}

  // Shows the item that is there, or what `load` gets. What can not be stored, because there is no room, is shown all the same. not_found, failed: as
  // the load said, to all who waited for it; neither is stored. recursive: `load` asks for its own key.
  Outcome read(Session& session, const Key& key, Visitor<void(Loaded&)> load, Visitor<void(const ItemView&)> visit);
  // Calls `write`, which sets what it is given if the source has taken the value; then the cache has it too, else neither the old nor the new
  // value: failed. out_of_memory, too_large: the source has it, the cache has nothing.
  Outcome write(Session& session, const Key& key, std::string_view value, std::int64_t expire_at_ms, Visitor<void(bool&)> write);
  // The same for a removal.
  Outcome erase(Session& session, const Key& key, Visitor<void(bool&)> erase);

  // Of the cache alone.
  Status put(Session& session, const Key& key, std::string_view value, std::int64_t expire_at_ms);
  // Unless there is something; `added`: there was not.
  Status add(Session& session, const Key& key, std::string_view value, std::int64_t expire_at_ms, bool& added);
  Status remove(Session& session, const Key& key, bool& was_there);
  Status update(Session& session, const Key& key, Visitor<void(Decision&)> decide);
  Status update_many(Session& session, std::span<const Key> keys, std::size_t extra_bytes,
                     Visitor<void(std::size_t, Decision&)> decide);
  void clear(Session& session, Namespace ns);
  // What is being loaded is not stored: to be said before keys are removed of which it is not known whether somebody loads them.
  void forget_all() { flights_.forget_all(); }
  [[nodiscard]] Status invalidate_prefix(Session& session, Namespace ns, std::string_view prefix);
  Status remove_many(Session& session, std::span<const Key> keys, std::size_t& removed);

  // Of read(): how often the source was asked, and how often somebody waited for another's answer instead.
  [[nodiscard]] std::uint64_t loads() const noexcept { return loads_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t shared_loads() const noexcept { return shared_loads_.load(std::memory_order_relaxed); }
  // Threads that wait now until another has loaded or written the same key.
  [[nodiscard]] std::uint64_t waiting() const noexcept { return flights_.waiting(); }

 private:
  [[nodiscard]] Outcome load(Session& session, const Key& key, Flights::Turn& turn, const Visitor<void(Loaded&)>& load,
                             const Visitor<void(const ItemView&)>& visit);
  void store(Session& session, const Key& key, const Flights::Turn& turn, const Loaded& loaded);

  Cache& cache_;
  Flights flights_;
  std::atomic<std::uint64_t> loads_ = 0;
  std::atomic<std::uint64_t> shared_loads_ = 0;
};

}  // namespace strata::cache
