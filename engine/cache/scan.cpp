#include <algorithm>

#include "engine/cache/cache.h"
#include "engine/cache/hash.h"
#include "engine/cache/item.h"
#include "engine/cache/shard.h"

namespace strata::cache {

namespace {

constexpr std::uint64_t kEnd = std::uint64_t{1} << kPositionBits;
constexpr std::size_t kBucketsPerLock = 32;

// How far one call of scan has come.
struct Progress {
  std::uint64_t cursor;
  std::size_t items = 0;
  std::size_t buckets = 0;
};

// Visits the bucket at the cursor and moves the cursor behind it. The cursor may lie within the bucket, if the table has shrunk
// since the last call: what lies before it has been visited then.
void scan_bucket(Table& table, Progress& progress, std::int64_t now_ms,
                 const Visitor<void(std::string_view, const ItemView&)>& visit) {
  const std::uint64_t inner = progress.cursor % kInnerEnd;
  const Table::Bucket bucket = table.bucket_at(inner);
  for (const Item* item = *bucket.head; item != nullptr; item = item->next) {
    if (inner_position_of(item->hash()) < inner || item->has_expired(now_ms)) continue;
    visit(item->key(), item->view(now_ms));
    ++progress.items;
  }
  progress.cursor += bucket.end - inner;
}

}  // namespace

std::uint64_t Cache::scan(Session& session, Namespace ns, std::uint64_t cursor, std::size_t at_least, std::size_t max_buckets,
                          Visitor<void(std::string_view key, const ItemView&)> visit) {
  Progress progress{.cursor = cursor};
  at_least = std::max<std::size_t>(at_least, 1);
  max_buckets = std::max<std::size_t>(max_buckets, 1);
  while (progress.cursor < kEnd && progress.items < at_least && progress.buckets < max_buckets) {
    const std::uint64_t index = progress.cursor >> kInnerBits;
    const sync::MutexLock lock(shards_[index].mutex);
    Table* table = shards_[index].table(ns);
    if (table == nullptr || table->items() == 0) {
      progress.cursor = (index + 1) << kInnerBits;
      ++progress.buckets;
      continue;
    }
    for (std::size_t n = 0; n < kBucketsPerLock && progress.cursor >> kInnerBits == index; ++n) {
      if (progress.items >= at_least || progress.buckets >= max_buckets) break;
      scan_bucket(*table, progress, session.now_ms_, visit);
      ++progress.buckets;
    }
  }
  return progress.cursor < kEnd ? progress.cursor : 0;
}

}  // namespace strata::cache
