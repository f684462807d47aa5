#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "engine/api/strata.hpp"
#include "protocol/byte_buffer.h"
#include "server/commands/context.h"

namespace strata::server {

// The steps of a walk through the keys of one database, each of which takes some hundred microseconds at most, even when every bucket and key misses the
// processor's cache. Thread safety: none.
class KeySteps {
 public:
  KeySteps(Cache& cache, Namespace ns, std::string pattern, std::uint64_t cursor)
      : cache_(cache), ns_(ns), pattern_(std::move(pattern)), cursor_(cursor) {}

  // Looks at some more keys, about as many as `wanted` unless the step is over before, and visits those that match. Returns how many it has looked at.
  std::size_t step(Session& session, std::uint64_t wanted, cache::Visitor<void(std::string_view key, const ItemView&)> visit);

  // Where to go on; 0: the end, or nothing was looked at yet.
  [[nodiscard]] std::uint64_t cursor() const noexcept { return cursor_; }

 private:
  Cache& cache_;
  Namespace ns_;
  std::string pattern_;
  std::uint64_t cursor_;
};

// A walk through the keys of one database in slices that never hold the loop for long: KEYS, SCAN. It collects the names
// that match, already encoded, so that a suspended command carries one buffer; its memory is charged to the client
// buffers. Lifetime: from the first slice to the reply. Thread safety: none.
class KeyWalk {
 public:
  struct Filter {
    std::string pattern = "*";
    bool any_type = true;  // false: a type that no item has was asked for
  };

  KeyWalk(Cache& cache, Namespace ns, Filter filter, std::uint64_t cursor);
  ~KeyWalk();
  KeyWalk(const KeyWalk&) = delete;
  KeyWalk& operator=(const KeyWalk&) = delete;

  // Looks at the keys of some more buckets: until `wanted` keys were looked at altogether or the slice is used up.
  // Returns whether the walk is over: at the end, or `wanted` reached.
  bool slice(Session& session, std::uint64_t wanted);

  [[nodiscard]] std::uint64_t cursor() const noexcept { return steps_.cursor(); }
  [[nodiscard]] std::size_t found() const noexcept { return found_; }
  // The names as bulk strings, one behind the other.
  [[nodiscard]] std::string_view encoded() const noexcept { return encoded_.view(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return encoded_.capacity(); }

 private:
  Cache& cache_;
  bool any_type_;
  KeySteps steps_;
  std::uint64_t looked_at_ = 0;
  std::size_t found_ = 0;
  protocol::ByteBuffer encoded_;
  std::int64_t charged_bytes_ = 0;
};

}  // namespace strata::server
