#pragma once

#include <boost/json/array.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>

#include "server/admin/admin_state.h"
#include "server/admin/job.h"

namespace strata::server::admin {

// What is common to all ways to name the keys.
struct InvalidationScope {
  Namespace database = 0;
  bool dry_run = false;  // count only
};

// Removes what it is told to and counts: `matched` is what was found, `invalidated` what this job removed. Keys that
// come while it runs may stay. Answers {"matched", "invalidated", "dry_run"}.
class Invalidation : public Job {
 public:
  std::optional<Response> slice() final;

 protected:
  Invalidation(AdminState& state, InvalidationScope scope) : state_(state), scope_(scope) {}

  // Does some more; returns whether that was the last. Called until the slice is used up.
  virtual bool step() = 0;

  [[nodiscard]] Cache& cache() const noexcept { return state_.server.cache; }
  [[nodiscard]] Session& session() const noexcept { return *state_.session; }
  [[nodiscard]] const InvalidationScope& scope() const noexcept { return scope_; }
  // Counts a key that was found.
  void count_match() noexcept { ++matched_; }
  void set_counts(std::uint64_t matched, std::uint64_t invalidated) noexcept {
    matched_ = matched;
    invalidated_ = invalidated;
  }
  // Removes a key; returns whether it was there.
  bool remove(std::string_view key);

 private:
  AdminState& state_;
  InvalidationScope scope_;
  std::uint64_t matched_ = 0;
  std::uint64_t invalidated_ = 0;
};

// The keys of a list.
class KeyInvalidation final : public Invalidation {
 public:
  // REQUIRES: all members are strings
  KeyInvalidation(AdminState& state, InvalidationScope scope, boost::json::array keys);

 private:
  bool step() override;

  boost::json::array keys_;
  std::size_t next_ = 0;
  std::unordered_set<std::string_view> seen_;  // in a dry run, where a key that is listed twice is found twice
};

// The keys that match a glob pattern, or begin with a prefix that are only to be counted, found by a walk through the database.
class PatternInvalidation final : public Invalidation {
 public:
  PatternInvalidation(AdminState& state, InvalidationScope scope, cache::MatchInvalidation::Kind kind, std::string pattern);

 private:
  bool step() override;

  cache::MatchInvalidation walk_;
};

// The keys that begin with a prefix that was invalidated, which are gone already: counts them as they are taken out, and helps with it.
class PrefixInvalidation final : public Invalidation {
 public:
  PrefixInvalidation(AdminState& state, InvalidationScope scope, Cache::Ticket ticket);

 private:
  bool step() override;

  Cache::Ticket ticket_;
};

}  // namespace strata::server::admin
