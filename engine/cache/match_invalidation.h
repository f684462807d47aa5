#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cache/cache.h"

namespace strata::cache {

// Removes the keys of a database that match a glob pattern, or begin with a prefix, one after the other on a walk through it; or only counts them. What is
// there during the whole walk is found; what comes meanwhile may be. What a step finds it removes before the next one, so that memory stays bounded
// whatever matches. To remove a prefix at one moment: Cache::invalidate_prefix.
// Thread safety: none; the cache outlives it.
class MatchInvalidation {
 public:
  enum class Kind : std::uint8_t { prefix, glob };
  enum class Does : std::uint8_t { remove, count };
  // Of a pattern: matching takes its length times that of the key.
  static constexpr std::size_t kMostGlobBytes = 1024;

  // REQUIRES: a glob has at most kMostGlobBytes.
  MatchInvalidation(Cache& cache, Namespace ns, Kind kind, std::string pattern, Does does)
      : cache_(cache), ns_(ns), kind_(kind), does_(does), pattern_(std::move(pattern)) {}

  // Looks at a few dozen items more. Returns whether that was the end.
  [[nodiscard]] bool step(Session& session);

  [[nodiscard]] std::uint64_t matched() const noexcept { return matched_; }
  [[nodiscard]] std::uint64_t removed() const noexcept { return removed_; }
  // Of them, those that there was no memory for to remove them.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

 private:
  [[nodiscard]] bool matches(std::string_view key) const noexcept;

  Cache& cache_;
  Namespace ns_;
  Kind kind_;
  Does does_;
  std::string pattern_;
  std::uint64_t cursor_ = 0;
  std::uint64_t matched_ = 0;
  std::uint64_t removed_ = 0;
  std::uint64_t refused_ = 0;
  std::vector<std::string> found_;  // by this step
};

}  // namespace strata::cache
