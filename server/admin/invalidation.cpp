#include "server/admin/invalidation.h"

#include <boost/json/value.hpp>
#include <chrono>
#include <utility>

namespace strata::server::admin {

namespace {

constexpr std::uint64_t kSliceNanoseconds = 500'000;
constexpr std::size_t kKeysPerStep = 64;
constexpr auto kUpkeepSlice = std::chrono::microseconds(500);

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

PatternInvalidation::PatternInvalidation(AdminState& state, InvalidationScope scope, cache::MatchInvalidation::Kind kind,
                                         std::string pattern)
    : Invalidation(state, scope),
      walk_(state.server.cache, scope.database, kind, std::move(pattern),
            scope.dry_run ? cache::MatchInvalidation::Does::count : cache::MatchInvalidation::Does::remove) {}

bool PatternInvalidation::step() {
  const bool is_end = walk_.step(session());
  set_counts(walk_.matched(), walk_.removed());
  return is_end;
}

PrefixInvalidation::PrefixInvalidation(AdminState& state, InvalidationScope scope, Cache::Ticket ticket)
    : Invalidation(state, scope), ticket_(std::move(ticket)) {}

bool PrefixInvalidation::step() {
  const bool is_pending = cache().is_pending(session(), ticket_);
  if (is_pending) (void)cache().upkeep(session(), 0, 1, kUpkeepSlice);
  set_counts(ticket_.taken_out(), ticket_.taken_out());
  return !is_pending;
}

}  // namespace strata::server::admin
