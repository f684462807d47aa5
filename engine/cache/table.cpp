#include "engine/cache/table.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace strata::cache {

namespace {

// What the budget is charged for an allocation; 0 for none.
std::size_t allocated_bytes(void* memory) noexcept {
  return memory == nullptr ? 0 : malloc_usable_size(memory) + kMallocHeaderBytes;
}

constexpr std::int64_t kOwnBytes = sizeof(Table) + kMallocHeaderBytes;

}  // namespace

std::unique_ptr<Table> Table::create(Budget& budget) noexcept {
  std::unique_ptr<Table> table(new (std::nothrow) Table(budget));
  if (table == nullptr) return nullptr;
  table->main_ = {static_cast<Item***>(table->allocate(1)), kMinBits};
  if (table->main_.segments == nullptr || !table->open_segment(table->main_, 0)) return nullptr;
  return table;
}

Table::Table(Budget& budget) noexcept : budget_(&budget) { budget_->charge(Purpose::index, kOwnBytes); }

Table::~Table() {
  for (std::uint64_t position = 0; items_ > 0 && position < kInnerEnd;) {
    const Bucket bucket = bucket_at(position);
    while (*bucket.head != nullptr) Item::destroy(unlink(bucket.head));
    position = bucket.end;
  }
  close(old_);
  close(main_);
  budget_->charge(Purpose::index, -kOwnBytes);
}

std::size_t Table::index_bytes() const noexcept { return kOwnBytes + bytes(main_) + bytes(old_); }

std::size_t Table::bytes(const Array& array) noexcept {
  if (array.segments == nullptr) return 0;
  std::size_t sum = allocated_bytes(array.segments);
  for (std::size_t i = 0; i < array.segment_count(); ++i) sum += allocated_bytes(array.segments[i]);
  return sum;
}

void* Table::allocate(std::size_t count) noexcept {
  void* pointers = std::calloc(count, sizeof(void*));
  budget_->charge(Purpose::index, static_cast<std::int64_t>(allocated_bytes(pointers)));
  return pointers;
}

void Table::free(void* pointers) noexcept {
  budget_->charge(Purpose::index, -static_cast<std::int64_t>(allocated_bytes(pointers)));
  std::free(pointers);
}

bool Table::open_segment(Array& array, std::size_t bucket) noexcept {
  Item**& segment = array.segments[bucket >> kSegmentBits];
  if (segment == nullptr) segment = static_cast<Item**>(allocate(array.segment_buckets()));
  return segment != nullptr;
}

void Table::close(Array& array) noexcept {
  if (array.segments == nullptr) return;
  for (std::size_t i = 0; i < array.segment_count(); ++i) {
    if (array.segments[i] != nullptr) free(array.segments[i]);
  }
  free(array.segments);
  array = {};
}

Item** Table::find(std::string_view key, std::uint64_t hash) noexcept {
  Item** link = bucket_of(inner_position_of(hash));
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
  return {array.bucket(index), std::uint64_t{index} << width, (std::uint64_t{index} + 1) << width};
}

bool Table::resize() noexcept {
  // Growing doubles; shrinking quarters, to half full.
  const unsigned bits = items_ > main_.buckets() ? std::min(main_.bits + 1, kMaxBits) : std::max(main_.bits - 2, kMinBits);
  if (bits == main_.bits) return false;
  Array array{.bits = bits};
  array.segments = static_cast<Item***>(allocate(array.segment_count()));
  if (array.segments == nullptr) return false;  // longer chains are slow, not wrong; the next change tries again
  old_ = main_;
  main_ = array;
  moved_ = 0;
  return true;
}

bool Table::move(std::size_t buckets) noexcept {
  // When shrinking, all buckets that fall into one new bucket move together, so that the boundary is one of both arrays.
  const std::size_t unit = old_.bits > main_.bits ? std::size_t{1} << (old_.bits - main_.bits) : 1;
  const std::size_t until = std::min(old_.buckets(), moved_ + (buckets + unit - 1) / unit * unit);
  while (moved_ < until) {
    const std::uint64_t position = std::uint64_t{moved_} << (kInnerBits - old_.bits);
    if (!open_segment(main_, main_.index_of(position))) return false;
    for (std::size_t n = 0; n < unit; ++n) move_bucket(*old_.bucket(moved_++));
    if (moved_ % old_.segment_buckets() == 0) {
      Item**& emptied = old_.segments[(moved_ - 1) >> kSegmentBits];
      free(std::exchange(emptied, nullptr));
    }
  }
  if (moved_ == old_.buckets()) close(old_);
  return true;
}

void Table::move_bucket(Item*& head) noexcept {
  for (Item* item = std::exchange(head, nullptr); item != nullptr;) {
    Item* next = item->next;
    Item** destination = main_.bucket(main_.index_of(inner_position_of(item->hash())));
    item->next = *destination;
    *destination = item;
    item = next;
  }
}

}  // namespace strata::cache
