#include "engine/cache/match_invalidation.h"

#include "engine/cache/glob.h"

namespace strata::cache {
namespace {

// Few, as keys may be large and a step holds all it finds.
constexpr std::size_t kScannedPerStep = 32;
constexpr std::size_t kBucketsPerStep = 256;

}  // namespace

bool MatchInvalidation::matches(std::string_view key) const noexcept {
  return kind_ == Kind::prefix ? key.starts_with(pattern_) : glob_match(pattern_, key);
}

bool MatchInvalidation::step(Session& session) {
  cursor_ = cache_.scan(session, ns_, cursor_, kScannedPerStep, kBucketsPerStep, [&](std::string_view key, const ItemView&) {
    if (!matches(key)) return;
    ++matched_;
    if (does_ == Does::remove) found_.emplace_back(key);
  });
  for (const std::string& key : found_) {
    bool was_there = false;
    if (cache_.remove(session, cache_.key(ns_, key), was_there) != Status::ok) ++refused_;
    if (was_there) ++removed_;
  }
  found_.clear();
  return cursor_ == 0;
}

}  // namespace strata::cache
