#include "server/admin/invalidation.h"

#include <boost/json/value.hpp>
#include <utility>

#include "protocol/glob.h"

namespace strata::server::admin {

namespace {

constexpr std::uint64_t kSliceNanoseconds = 500'000;
constexpr std::size_t kKeysPerStep = 64;
// Few, as keys may be large and a step holds all it finds.
constexpr std::size_t kScannedPerStep = 32;
constexpr std::size_t kBucketsPerStep = 256;

}  // namespace

std::optional<Response> Invalidation::slice() {
  session().set_now_ms(wall_clock_ms());
  const std::uint64_t end_ns = monotonic_ns() + kSliceNanoseconds;
  while (!step()) {
    if (monotonic_ns() >= end_ns) return std::nullopt;
  }
  return json_response(200, {{"matched", matched_}, {"invalidated", invalidated_}, {"dry_run", scope_.dry_run}});
}

bool Invalidation::remove(std::string_view key) {
  bool was_there = false;
  (void)cache().remove(session(), cache().key(scope_.database, key), was_there);
  if (was_there) ++invalidated_;
  return was_there;
}

KeyInvalidation::KeyInvalidation(AdminState& state, InvalidationScope scope, boost::json::array keys)
    : Invalidation(state, scope), keys_(std::move(keys)) {}

bool KeyInvalidation::step() {
  for (std::size_t n = 0; n < kKeysPerStep && next_ < keys_.size(); ++n, ++next_) {
    const std::string_view key = keys_[next_].get_string();
    const bool found = scope().dry_run ? cache().peek(session(), cache().key(scope().database, key), [](const ItemView&) {}) &&
                                             seen_.insert(key).second
                                       : remove(key);
    if (found) count_match();
  }
  return next_ == keys_.size();
}

PatternInvalidation::PatternInvalidation(AdminState& state, InvalidationScope scope, Kind kind, std::string pattern)
    : Invalidation(state, scope), kind_(kind), pattern_(std::move(pattern)) {}

bool PatternInvalidation::matches(std::string_view key) const noexcept {
  return kind_ == Kind::prefix ? key.starts_with(pattern_) : protocol::glob_match(pattern_, key);
}

bool PatternInvalidation::step() {
  cursor_ = cache().scan(session(), scope().database, cursor_, kScannedPerStep, kBucketsPerStep,
                         [&](std::string_view key, const ItemView&) {
                           if (!matches(key)) return;
                           count_match();
                           if (!scope().dry_run) found_.emplace_back(key);
                         });
  for (const std::string& key : found_) remove(key);
  found_.clear();
  return cursor_ == 0;
}

}  // namespace strata::server::admin
