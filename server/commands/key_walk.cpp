#include "server/commands/key_walk.h"
#include "engine/api/strata.hpp"

#include <algorithm>
#include <utility>

#include "protocol/reply_writer.h"

namespace strata::server {

namespace {

// One slice: some hundred microseconds at most, even when every bucket and key misses the processor's cache.
constexpr std::size_t kSliceBuckets = 1024;
constexpr std::uint64_t kSliceKeys = 1024;

}  // namespace

KeyWalk::KeyWalk(Cache& cache, Namespace ns, Filter filter, std::uint64_t cursor)
    : cache_(cache), ns_(ns), filter_(std::move(filter)), cursor_(cursor) {}

KeyWalk::~KeyWalk() { cache_.budget().charge(Purpose::client_buffers, -charged_bytes_); }

bool KeyWalk::slice(Session& session, std::uint64_t wanted) {
  protocol::ReplyWriter writer(encoded_, protocol::Version::resp2);
  const bool everything = filter_.pattern == "*";
  const auto at_least = static_cast<std::size_t>(std::min(wanted - looked_at_, kSliceKeys));
  cursor_ = cache_.scan(session, ns_, cursor_, at_least, kSliceBuckets, [&](std::string_view key, const ItemView&) {
    ++looked_at_;
    if (!filter_.any_type || !(everything || cache::glob_match(filter_.pattern, key))) return;
    writer.bulk(key);
    ++found_;
  });
  const auto held = static_cast<std::int64_t>(encoded_.capacity());
  cache_.budget().charge(Purpose::client_buffers, held - charged_bytes_);
  charged_bytes_ = held;
  return cursor_ == 0 || looked_at_ >= wanted;
}

}  // namespace strata::server
