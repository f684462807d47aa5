#include "engine/cache/order_list.h"

#include <new>

namespace strata::cache {

OrderList::~OrderList() { clear(); }

template <typename T>
bool OrderList::add_chunk(Chunks<T>& chunks) noexcept {
  try {
    chunks.push_back(std::make_unique<std::array<T, kPerChunk>>());
  } catch (const std::bad_alloc&) {
    return false;
  }
  budget_.charge(Purpose::policy, sizeof(std::array<T, kPerChunk>));
  return true;
}

void OrderList::clear() noexcept {
  const sync::MutexLock lock(mutex_);
  clear_locked();
}

void OrderList::clear_locked() noexcept {
  budget_.charge(Purpose::policy, -static_cast<std::int64_t>(records_.size() * sizeof(std::array<Record, kPerChunk>) +
                                                             heads_.size() * sizeof(std::array<Number, kPerChunk>)));
  Chunks<Record>().swap(records_);
  Chunks<Number>().swap(heads_);
  chains_ = doubled_ = 0;
  end_ = 1;
  free_ = newest_ = oldest_ = hand_ = 0;
  keys_.store(0, std::memory_order_relaxed);
}

bool OrderList::begin_table() noexcept {
  if (heads_.empty() && !add_chunk(heads_)) return false;
  chains_ = doubled_ = kPerChunk;
  return true;
}

// Of the chains of the next doubling those below chains_ are there already.
std::uint64_t OrderList::chain_of(std::uint64_t hash) const noexcept {
  const std::uint64_t chain = hash & (2 * doubled_ - 1);
  return chain < chains_ ? chain : chain & (doubled_ - 1);
}

OrderList::Number OrderList::find(std::uint64_t hash) noexcept {
  if (chains_ == 0) return 0;
  Number number = head(chain_of(hash));
  while (number != 0 && record(number).hash() != hash) number = record(number).chain;
  return number;
}

// Records that belong to the next chain, the last one, leave the one they were in.
void OrderList::split_one_chain() noexcept {
  if (chains_ == heads_.size() * kPerChunk && !add_chunk(heads_)) return;
  const std::uint64_t old_chain = chains_ & (doubled_ - 1);
  Number number = head(old_chain);
  Number stay = 0, leave = 0;
  while (number != 0) {
    const Number next = record(number).chain;
    Number& to = (record(number).hash() & doubled_) == 0 ? stay : leave;
    record(number).chain = to;
    to = number;
    number = next;
  }
  head(old_chain) = stay;
  head(chains_) = leave;
  if (++chains_ == 2 * doubled_) doubled_ *= 2;
}

OrderList::Number OrderList::new_record() noexcept {
  if (free_ != 0) {
    const Number number = free_;
    free_ = record(number).chain;
    return number;
  }
  if (end_ == ~Number{0} || (end_ / kPerChunk == records_.size() && !add_chunk(records_))) return 0;
  return end_++;
}

OrderList::Number OrderList::add(std::uint64_t hash) noexcept {
  if (chains_ == 0 && !begin_table()) return 0;
  const Number number = new_record();
  if (number == 0) return 0;
  Number& first = head(chain_of(hash));
  record(number) = {
      .hash_low = static_cast<std::uint32_t>(hash), .hash_high = static_cast<std::uint32_t>(hash >> 32U), .chain = first};
  first = number;
  if (keys_.fetch_add(1, std::memory_order_relaxed) >= chains_) split_one_chain();
  return number;
}

void OrderList::drop(Number number) noexcept {
  unlink(number);
  Number* link = &head(chain_of(record(number).hash()));
  while (*link != number) link = &record(*link).chain;
  *link = record(number).chain;
  record(number).chain = free_;
  free_ = number;
  keys_.fetch_sub(1, std::memory_order_relaxed);
}

void OrderList::link_newest(Number number) noexcept {
  record(number).older = newest_;
  record(number).newer = 0;
  (newest_ == 0 ? oldest_ : record(newest_).newer) = number;
  newest_ = number;
}

void OrderList::link_oldest(Number number) noexcept {
  record(number).newer = oldest_;
  record(number).older = 0;
  (oldest_ == 0 ? newest_ : record(oldest_).older) = number;
  oldest_ = number;
}

void OrderList::unlink(Number number) noexcept {
  const Record& gone = record(number);
  if (hand_ == number) hand_ = gone.newer;
  (gone.newer == 0 ? newest_ : record(gone.newer).older) = gone.older;
  (gone.older == 0 ? oldest_ : record(gone.older).newer) = gone.newer;
}

void OrderList::apply(std::span<const OrderEvent> events, bool moves) noexcept {
  const sync::MutexLock lock(mutex_);
  for (const OrderEvent& event : events) {
    Number number = find(event.hash);
    if (event.kind == OrderEvent::Kind::removed) {
      if (number != 0) drop(number);
    } else if (number == 0) {
      number = add(event.hash);
      if (number != 0) link_newest(number);
    } else if (moves) {
      unlink(number);
      link_newest(number);
    }
  }
}

void OrderList::add_oldest(std::uint64_t hash) noexcept {
  const sync::MutexLock lock(mutex_);
  if (find(hash) != 0) return;
  const Number number = add(hash);
  if (number != 0) link_oldest(number);
}

std::optional<std::uint64_t> OrderList::take(Number number) noexcept {
  if (number == 0) return std::nullopt;
  const std::uint64_t hash = record(number).hash();
  drop(number);
  return hash;
}

std::optional<std::uint64_t> OrderList::take_oldest() noexcept {
  const sync::MutexLock lock(mutex_);
  return take(oldest_);
}

std::optional<std::uint64_t> OrderList::take_newest() noexcept {
  const sync::MutexLock lock(mutex_);
  return take(newest_);
}

std::optional<std::uint64_t> OrderList::pass(std::uint64_t added) noexcept {
  const sync::MutexLock lock(mutex_);
  if (hand_ == 0) hand_ = oldest_;
  if (hand_ == 0) return std::nullopt;
  const Record& passed = record(hand_);
  hand_ = passed.newer;
  if (hand_ == newest_ && hand_ != 0 && record(hand_).hash() == added) hand_ = 0;
  return passed.hash();
}

void OrderList::remove(std::uint64_t hash) noexcept {
  const sync::MutexLock lock(mutex_);
  const Number number = find(hash);
  if (number != 0) drop(number);
}

}  // namespace strata::cache
