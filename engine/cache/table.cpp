#include "engine/cache/table.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace strata::cache {

std::unique_ptr<Table> Table::create(Budget& budget) noexcept {
  std::unique_ptr<Table> table(new (std::nothrow) Table(budget));
  if (table != nullptr && !table->allocate(table->main_, kMinBits)) table.reset();
  return table;
}

Table::Table(Budget& budget) noexcept : budget_(&budget) { budget_->charge(Purpose::index, sizeof(Table) + kMallocHeaderBytes); }

Table::~Table() {
  for (std::uint64_t position = 0; items_ > 0 && position < kInnerEnd;) {
    const Bucket bucket = bucket_at(position);
    while (*bucket.head != nullptr) Item::destroy(unlink(bucket.head));
    position = bucket.end;
  }
  free(old_);
  free(main_);
  budget_->charge(Purpose::index, -static_cast<std::int64_t>(sizeof(Table) + kMallocHeaderBytes));
}

std::size_t Table::index_bytes() const noexcept { return sizeof(Table) + kMallocHeaderBytes + bytes(main_) + bytes(old_); }

std::size_t Table::bytes(const Array& array) noexcept {
  return array.buckets == nullptr ? 0 : malloc_usable_size(array.buckets) + kMallocHeaderBytes;
}

bool Table::allocate(Array& array, unsigned bits) noexcept {
  auto* buckets = static_cast<Item**>(std::calloc(std::size_t{1} << bits, sizeof(Item*)));
  if (buckets == nullptr) return false;
  array = {buckets, bits};
  budget_->charge(Purpose::index, static_cast<std::int64_t>(bytes(array)));
  return true;
}

void Table::free(Array& array) noexcept {
  budget_->charge(Purpose::index, -static_cast<std::int64_t>(bytes(array)));
  std::free(array.buckets);
  array = {};
}

Item** Table::find(std::string_view key, std::uint64_t hash) noexcept {
  Item** link = head_of(inner_position_of(hash));
  while (*link != nullptr && !(*link)->is(key, hash)) link = &(*link)->next;
  return link;
}

void Table::insert(Item** link, Item* item) noexcept {
  item->next = *link;
  *link = item;
  ++items_;
  if (item->expire_at_ms != kNoExpiry) ++with_expiry_;
}

Item* Table::unlink(Item** link) noexcept {
  Item* item = *link;
  *link = item->next;
  item->next = nullptr;
  --items_;
  if (item->expire_at_ms != kNoExpiry) --with_expiry_;
  return item;
}

void Table::set_expiry(Item& item, std::int64_t expire_at_ms) noexcept {
  if (item.expire_at_ms != kNoExpiry) --with_expiry_;
  item.expire_at_ms = expire_at_ms;
  if (item.expire_at_ms != kNoExpiry) ++with_expiry_;
}

Table::Bucket Table::bucket_at(std::uint64_t position) noexcept {
  const bool in_old = is_moving() && old_.index_of(position) >= moved_;
  const Array& array = in_old ? old_ : main_;
  const std::size_t index = array.index_of(position);
  const unsigned width = kInnerBits - array.bits;
  return {&array.buckets[index], std::uint64_t{index} << width, (std::uint64_t{index} + 1) << width};
}

void Table::resize() noexcept {
  // Growing doubles; shrinking quarters, to half full.
  const unsigned bits = items_ > main_.size() ? std::min(main_.bits + 1, kMaxBits) : std::max(main_.bits - 2, kMinBits);
  if (bits == main_.bits) return;
  Array array;
  if (!allocate(array, bits)) return;  // longer chains are slow, not wrong; the next change tries again
  old_ = main_;
  main_ = array;
  moved_ = 0;
}

void Table::move(std::size_t buckets) noexcept {
  // When shrinking, all buckets that fall into one new bucket move together, so that the boundary is one of both arrays.
  const std::size_t unit = old_.bits > main_.bits ? std::size_t{1} << (old_.bits - main_.bits) : 1;
  const std::size_t until = std::min(old_.size(), moved_ + (buckets + unit - 1) / unit * unit);
  for (; moved_ < until; ++moved_) {
    for (Item* item = old_.buckets[moved_]; item != nullptr;) {
      Item* next = item->next;
      Item** head = &main_.buckets[main_.index_of(inner_position_of(item->hash()))];
      item->next = *head;
      *head = item;
      item = next;
    }
  }
  if (moved_ == old_.size()) free(old_);
}

}  // namespace strata::cache
