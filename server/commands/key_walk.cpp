#include "server/commands/key_walk.h"
#include "engine/api/strata.hpp"

#include <algorithm>
#include <utility>

#include "protocol/reply_writer.h"

namespace strata::server {

namespace {

constexpr std::size_t kSliceBuckets = 256;
constexpr std::uint64_t kSliceKeys = 256;

}  // namespace

std::size_t KeySteps::step(Session& session, std::uint64_t wanted,
                           cache::Visitor<void(std::string_view key, const ItemView&)> visit) {
  const bool everything = pattern_ == "*";
  std::size_t looked_at = 0;
  cursor_ = cache_.scan(session, ns_, cursor_, static_cast<std::size_t>(std::min(wanted, kSliceKeys)), kSliceBuckets,
                        [&](std::string_view key, const ItemView& item) {
                          ++looked_at;
                          if (everything || cache::glob_match(pattern_, key)) visit(key, item);
                        });
  return looked_at;
}

KeyWalk::KeyWalk(Cache& cache, Namespace ns, Filter filter, std::uint64_t cursor)
    : any_type_(filter.any_type), steps_(cache, ns, std::move(filter.pattern), cursor), encoded_(cache.budget()) {}

bool KeyWalk::slice(Session& session, std::uint64_t wanted) {
  looked_at_ += steps_.step(session, wanted - looked_at_, [&](std::string_view key, const ItemView&) {
    if (!any_type_) return;
    protocol::ReplyWriter(encoded_.end(), protocol::Version::resp2).bulk(key);
    ++found_;
  });
  encoded_.charge();
  return steps_.cursor() == 0 || looked_at_ >= wanted;
}

}  // namespace strata::server
