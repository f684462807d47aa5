#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/cache/use_table.h"

namespace strata::cache {

// The best candidates that earlier samples came by and that have not gone: with them a few samples a victim come close to the true order (as Redis
// does since 3.0). A candidate may be gone, or used again, when its turn comes: who takes it looks.
// Thread safety: none, each thread has its own.
class EvictionPool {
 public:
  struct Candidate {
    std::uint64_t hash = 0;
    std::uint64_t offset = 0;
    UseTable::Rank rank = 0;
  };
  static constexpr std::size_t kCandidates = 16;

  // Whether one of that rank would be kept.
  [[nodiscard]] bool takes(UseTable::Rank rank, std::uint64_t offset) const noexcept {
    if (count_ == kCandidates && rank <= candidates_[0].rank) return false;
    return std::none_of(candidates_.begin(), candidates_.begin() + count_,
                        [offset](const Candidate& known) { return known.offset == offset; });
  }
  // REQUIRES: takes()
  void add(const Candidate& candidate) noexcept {
    if (count_ == kCandidates) {
      std::move(candidates_.begin() + 1, candidates_.end(), candidates_.begin());
      --count_;
    }
    std::size_t place = count_++;
    for (; place > 0 && candidates_[place - 1].rank > candidate.rank; --place) candidates_[place] = candidates_[place - 1];
    candidates_[place] = candidate;
  }
  // Takes the one out that is to go first.
  [[nodiscard]] std::optional<Candidate> take() noexcept {
    if (count_ == 0) return std::nullopt;
    return candidates_[--count_];
  }
  void clear() noexcept { count_ = 0; }

 private:
  std::array<Candidate, kCandidates> candidates_;  // the best at the end
  std::uint8_t count_ = 0;
};

}  // namespace strata::cache
