#include <algorithm>

#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"

namespace strata::cache {
namespace {

// A cursor is the 53 highest bits of a hash; the index goes by what follows the shard's bits. Prefixes of deeper tables than this tells do not exist:
// that would be 2^29 buckets in a shard.
constexpr unsigned kInnerShift = 64 - kPositionBits + kShardBits;

Prefix prefix_at(std::uint64_t cursor) noexcept { return (cursor & (kInnerEnd - 1)) << kInnerShift; }
std::uint64_t position_of(Prefix prefix) noexcept { return prefix >> kInnerShift; }
// What costs as much as a bucket: a look at a block, whose lines come in a row, and so many items, of whatever database.
constexpr std::size_t kItemsPerBucket = 4;
constexpr std::uint64_t kEnd = std::uint64_t{1} << kPositionBits;

}  // namespace

std::uint64_t Cache::scan(Session& session, Namespace ns, std::uint64_t cursor, std::size_t at_least, std::size_t max_buckets,
                          Visitor<void(std::string_view key, const ItemView&)> visit) {
  const Operation operation(session);
  const Keyspace keyspace = core_->databases.keyspace_of(ns);
  // As of the beginning: what is taken out later may be seen still, when its prefix is forgotten already.
  const InvalidatedPrefixes::View* const prefixes = core_->databases.has_prefixes() ? core_->databases.prefixes() : nullptr;
  at_least = std::max<std::size_t>(at_least, 1);
  max_buckets = std::max<std::size_t>(max_buckets, 1);
  std::size_t items = 0;
  std::size_t buckets = 0;
  std::size_t homes_at_once = 1;
  while (cursor < kEnd && items < at_least && buckets < max_buckets) {
    const std::size_t shard = cursor >> kInnerBits;
    // As many homes as should hold what is still wanted, so that few items more come than were asked for.
    const std::size_t wanted = std::max((at_least - items) / Bucket::kSlots + 1, homes_at_once);
    const auto homes = static_cast<unsigned>(std::min<std::size_t>(wanted, kBlockBuckets));
    session.seen_.clear();
    const Prefix next = core_->shards[shard].collect(prefix_at(cursor), homes, session.seen_);
    buckets += 1 + session.seen_.size() / kItemsPerBucket;
    homes_at_once = session.seen_.empty() ? kBlockBuckets : 1;
    for (const Slot slot : session.seen_) {
      const StoredItem item = core_->store.at(slot);
      if (item.ns() != keyspace || item.has_expired(session.now_ms_)) continue;
      if (prefixes != nullptr && prefixes->covers(keyspace, item.key(), item.epoch())) continue;
      const ShownItem shown(core_->store, item, session.now_ms_);
      visit(item.key(), shown.view());
      ++items;
    }
    cursor = next == 0 ? (std::uint64_t{shard} + 1) << kInnerBits : (std::uint64_t{shard} << kInnerBits) + position_of(next);
  }
  return cursor < kEnd ? cursor : 0;
}

}  // namespace strata::cache
