#include "engine/cache/shard.h"

#include <utility>

namespace strata::cache {

Shard::~Shard() {
  // One by one: a chain of unique_ptrs that frees itself recurses as deep as it is long.
  while (flushed_ != nullptr) flushed_ = std::move(flushed_->next_flushed);
}

Shard::Flushed Shard::take_flushed(std::size_t at_most) noexcept {
  Flushed taken;
  std::size_t buckets_left = at_most * 4;  // a sparse table must not make one slice long
  while (flushed_ != nullptr && taken.count < at_most && buckets_left > 0) {
    Table& table = *flushed_;
    if (table.items() == 0) {
      flushed_ = std::move(table.next_flushed);
      continue;
    }
    const Table::Bucket bucket = table.bucket_at(table.sweep_position);
    for (; *bucket.head != nullptr; ++taken.count) {
      Item* item = remove(table, bucket.head);
      item->next = taken.list;
      taken.list = item;
    }
    table.sweep_position = bucket.end;
    --buckets_left;
  }
  taken.more = flushed_ != nullptr;
  return taken;
}

}  // namespace strata::cache
