#include "engine/cache/change.h"

#include <functional>
#include <new>
#include <utility>

namespace strata::cache {

namespace {

// A large value that is appended to gets a quarter of its size as spare room, so that building one up piece by piece copies each
// byte a handful of times, not once per piece.
constexpr std::size_t kAppendSpareDivisor = 4;

// An allocation less than half used is replaced by a smaller one only if that gives back something worth it.
constexpr std::size_t kWorthShrinkingBytes = 64;

bool points_into(std::string_view part, std::string_view whole) noexcept {
  const std::less<const char*> before;
  return !part.empty() && !before(part.data(), whole.data()) && before(part.data(), whole.data() + whole.size());
}

bool is_append(std::string_view head, std::string_view current) noexcept {
  return head.data() == current.data() && head.size() == current.size();
}

void copy_two(char* destination, std::string_view head, std::string_view tail) noexcept {
  head.copy(destination, head.size());
  tail.copy(destination + head.size(), tail.size());
}

}  // namespace

void Change::free_all() noexcept {
  while (logged_ > 0) {
    const Undo& undo = log_[--logged_];
    if (undo.displaced != nullptr) discard(undo.displaced);
  }
  destroy_all(std::exchange(discarded_, nullptr));
}

bool Change::keep_log(std::size_t changes) noexcept {
  log_.reset(new (std::nothrow) Undo[changes]);
  return log_ != nullptr;
}

Change::Place Change::find(Shard& shard, const Key& key) noexcept {
  Place place;
  place.table = shard.table(key.ns);
  if (place.table == nullptr) return place;
  place.link = place.table->find(key.bytes, key.hash);
  if (*place.link != nullptr && (*place.link)->has_expired(now_ms_)) [[unlikely]] {
    discard(shard.remove(*place.table, place.link));  // not logged: it stays gone even if this change is taken back
    place.table->settle();
    place.link = place.table->find(key.bytes, key.hash);
    SessionCounters::add(counters_->expired);
  }
  return place;
}

Status Change::apply(Shard& shard, const Key& key, const Visitor<void(Decision&)>& decide) {
  const Place place = find(shard, key);
  Item* item = place.item();
  ItemView view = item != nullptr ? item->view(now_ms_) : ItemView{};
  Decision decision(item != nullptr ? &view : nullptr);
  decide(decision);
  view.block = ValueRef();  // or nothing could be appended to it
  if (item != nullptr) item->touch(now_ms_);

  switch (decision.action_) {
    case Decision::Action::keep: break;
    case Decision::Action::put:
      if (decision.expire_at_ms_ > now_ms_) return put(shard, place, key, decision);
      remove(shard, place);
      break;
    case Decision::Action::set_expiry: set_expiry(shard, place, decision.expire_at_ms_); break;
    case Decision::Action::remove: remove(shard, place); break;
  }
  return Status::ok;
}

void Change::remove(Shard& shard, const Place& place) noexcept {
  if (place.item() == nullptr) return;
  Item* item = shard.remove(*place.table, place.link);
  added_bytes_ -= static_cast<std::int64_t>(item->charged_bytes() + item->block_bytes());
  if (log_ != nullptr) {
    log({&shard, place.table, nullptr, item, nullptr, kNoExpiry});
  } else {
    discard(item);
  }
  place.table->settle();
}

void Change::set_expiry(Shard& shard, const Place& place, std::int64_t expire_at_ms) noexcept {
  Item* item = place.item();
  if (item == nullptr) return;
  if (expire_at_ms <= now_ms_) {
    remove(shard, place);
    return;
  }
  if (log_ != nullptr) log({&shard, place.table, nullptr, nullptr, item, item->expire_at_ms});
  place.table->set_expiry(*item, expire_at_ms);
}

Status Change::put(Shard& shard, Place place, const Key& key, Decision& decision) {
  const bool adopts = decision.block_ && decision.block_->size() >= kLargeValueBytes;
  if (decision.block_ && !adopts) decision.put(decision.block_->view(), {}, decision.expire_at_ms_);
  const std::size_t size = adopts ? decision.block_->size() : decision.head_.size() + decision.tail_.size();
  if (size > kMaxValueBytes) return Status::too_large;
  // A change that may be taken back must leave the old item as it is.
  if (log_ == nullptr && !adopts && put_in_place(place, decision)) return Status::ok;

  Item* old = place.item();
  const std::size_t old_bytes = old != nullptr ? old->charged_bytes() + old->block_bytes() : 0;
  const std::size_t block_bytes = size < kLargeValueBytes || adopts ? 0 : size;  // an adopted block is in the account already
  const std::size_t item_bytes = Item::allocation_bytes(key.bytes.size(), size) + kMallocHeaderBytes;
  if (!admits(item_bytes + block_bytes, old_bytes)) return Status::out_of_memory;
  if (place.table == nullptr) {
    place.table = shard.table_for_writing(key.ns);
    if (place.table == nullptr) return Status::out_of_memory;
    place.link = place.table->find(key.bytes, key.hash);
  }
  Item* item = make_item(old, key, decision);
  if (item == nullptr) return Status::out_of_memory;
  const std::size_t new_bytes = item->charged_bytes() + (adopts ? 0 : item->block_bytes());
  added_bytes_ += static_cast<std::int64_t>(new_bytes) - static_cast<std::int64_t>(old_bytes);
  shard.account(static_cast<std::int64_t>(item->charged_bytes()));
  if (old != nullptr) static_cast<void>(shard.remove(*place.table, place.link));
  place.table->insert(place.link, item);
  if (log_ != nullptr) {
    log({&shard, place.table, item, old, nullptr, kNoExpiry});
  } else if (old != nullptr) {
    discard(old);
  }
  place.table->settle();
  return Status::ok;
}

// Overwriting saves an allocation where nobody can see it: an inline value is read under the lock only, a large one is appended
// to only while no reader has it pinned.
bool Change::put_in_place(const Place& place, const Decision& decision) noexcept {
  Item* item = place.item();
  if (item == nullptr) return false;
  const std::string_view current = item->value();
  const std::string_view head = decision.head_;
  const std::string_view tail = decision.tail_;
  if (points_into(tail, current)) return false;
  if (item->is_large()) {
    if (!is_append(head, current) || !item->block().unique() || !item->block().append(tail)) return false;
  } else {
    const std::size_t size = head.size() + tail.size();
    const std::size_t capacity = item->inline_capacity();
    const bool wasteful = capacity > kWorthShrinkingBytes && size < capacity / 2;
    if (size >= kLargeValueBytes || size > capacity || wasteful) return false;
    const bool head_stays = head.data() == current.data() && head.size() <= current.size();
    if (!head_stays && points_into(head, current)) return false;
    if (!head_stays) head.copy(item->inline_value(), head.size());
    tail.copy(item->inline_value() + head.size(), tail.size());
    item->set_inline_size(size);
  }
  place.table->set_expiry(*item, decision.expire_at_ms_);
  return true;
}

Item* Change::make_item(const Item* old, const Key& key, Decision& decision) noexcept {
  const std::size_t size = decision.head_.size() + decision.tail_.size();
  Item* item = nullptr;
  if (decision.block_ && decision.block_->size() >= kLargeValueBytes) {
    item = Item::create(key.bytes, key.hash, std::move(decision.block_));
  } else if (size < kLargeValueBytes) {
    item = Item::create(key.bytes, key.hash, size);
    if (item != nullptr) copy_two(item->inline_value(), decision.head_, decision.tail_);
  } else {
    const bool grows = old != nullptr && is_append(decision.head_, old->value());
    ValueRef block = ValueRef::allocate(size, grows ? size / kAppendSpareDivisor : 0, *budget_);
    if (!block) return nullptr;
    copy_two(block->data(), decision.head_, decision.tail_);
    item = Item::create(key.bytes, key.hash, std::move(block));
  }
  if (item == nullptr) return nullptr;
  item->expire_at_ms = decision.expire_at_ms_;
  item->touch(now_ms_);
  return item;
}

bool Change::admits(std::size_t new_bytes, std::size_t old_bytes) const noexcept {
  if (new_bytes <= old_bytes) return true;
  const std::uint64_t limit = budget_->limit_bytes();
  if (new_bytes > limit) return false;
  return !strict_ || budget_->total_bytes() + (new_bytes - old_bytes) <= limit;
}

void Change::take_back() noexcept {
  while (logged_ > 0) {
    const Undo& undo = log_[--logged_];
    undo.shard->mutex.assert_held();
    if (undo.renewed != nullptr) {
      undo.table->set_expiry(*undo.renewed, undo.expire_at_ms);
      continue;
    }
    const Item* witness = undo.added != nullptr ? undo.added : undo.displaced;
    Item** link = undo.table->find(witness->key(), witness->hash());
    if (undo.added != nullptr) discard(undo.shard->remove(*undo.table, link));
    if (undo.displaced != nullptr) {
      undo.table->insert(link, undo.displaced);
      undo.shard->account(static_cast<std::int64_t>(undo.displaced->charged_bytes()));
    }
    undo.table->settle();
  }
  added_bytes_ = 0;
}

void Change::discard(Item* item) noexcept {
  item->next = discarded_;
  discarded_ = item;
}

void Change::log(const Undo& undo) noexcept { log_[logged_++] = undo; }

}  // namespace strata::cache
