#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "engine/api/strata.hpp"
#include "server/commands/context.h"
#include "server/commands/reply_pieces.h"

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
// that match, already encoded. Lifetime: from the first slice to the end of the reply. Thread safety: none.
class KeyWalk {
 public:
  struct Filter {
    std::string pattern = "*";
    bool any_type = true;  // false: a type that no item has was asked for
  };

  KeyWalk(Cache& cache, Namespace ns, Filter filter, std::uint64_t cursor);

  // Looks at the keys of some more buckets: until `wanted` keys were looked at altogether or the slice is used up.
  // Returns whether the walk is over: at the end, or `wanted` reached.
  bool slice(Session& session, std::uint64_t wanted);

  [[nodiscard]] std::uint64_t cursor() const noexcept { return steps_.cursor(); }
  [[nodiscard]] std::size_t found() const noexcept { return found_; }
  // The names as bulk strings, one behind the other.
  [[nodiscard]] ReplyPieces& encoded() noexcept { return encoded_; }

 private:
  bool any_type_;
  KeySteps steps_;
  std::uint64_t looked_at_ = 0;
  std::size_t found_ = 0;
  ReplyPieces encoded_;
};

}  // namespace strata::server
