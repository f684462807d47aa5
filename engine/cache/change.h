#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/cache/decision.h"
#include "engine/cache/key.h"

namespace strata::cache {

enum class Cause : std::uint8_t {
  written,         // a new item, instead of another or of none
  expiry_changed,  // the same item
  removed,         // by who asked for it
  expired,
  evicted,
};

// What has become of a key. Valid during the call.
struct Change {
  Cause cause;
  Namespace database;
  std::string_view key;
  const ItemView*
      before;  // a null pointer: there was none. May have expired already. With the expiry after the change where only that changed
  const ItemView* after;  // a null pointer: there is none any more
  std::size_t shard;
  std::uint64_t
      sequence;  // of the shard's changes since somebody listens: one more each time, in the order in which a key's changes took effect
};

// Hears of every change in the order in which it takes effect for its key: what notifications, replication, snapshots and the other levels of
// the cache are made of. One at a time; without one it costs a load.
// Called while the key is locked, so that nobody has changed it again: neither calls into the cache nor waiting. Thread safety: called from all
// threads that use the cache, for different keys at once; emptied(), invalidated() and swapped() while there is no other call.
class ChangeListener {
 public:
  ChangeListener() = default;
  ChangeListener(const ChangeListener&) = delete;
  ChangeListener& operator=(const ChangeListener&) = delete;
  virtual ~ChangeListener() = default;

  virtual void changed(const Change& change) noexcept = 0;
  // All keys of a database are gone; nobody hears of each.
  virtual void emptied(Namespace database) noexcept = 0;
  // All keys of a database that begin with the prefix are gone, likewise. The bytes are valid during the call.
  virtual void invalidated(Namespace database, std::string_view prefix) noexcept = 0;
  virtual void swapped(Namespace one, Namespace other) noexcept = 0;
};

}  // namespace strata::cache
