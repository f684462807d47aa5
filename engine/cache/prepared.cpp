#include <array>
#include <utility>

#include "engine/cache/update.h"

namespace strata::cache {
namespace {

// A large value that is appended to gets a quarter of its size as spare room, so that building one up piece by piece copies each
// byte a handful of times, not once per piece.
constexpr std::size_t kAppendSpareDivisor = 4;

void copy_two(char* destination, std::string_view head, std::string_view tail) noexcept {
  head.copy(destination, head.size());
  tail.copy(destination + head.size(), tail.size());
}

}  // namespace

Prepared::Prepared(Prepared&& other) noexcept
    : core_(other.core_),
      session_(other.session_),
      kind_(other.kind_),
      item_(std::exchange(other.item_, {})),
      block_bytes_(other.block_bytes_),
      expiry_ms_(other.expiry_ms_),
      lifetime_ms_(other.lifetime_ms_),
      hash_(other.hash_),
      epoch_(other.epoch_) {}

Prepared& Prepared::operator=(Prepared&& other) noexcept {
  discard();
  kind_ = other.kind_;
  item_ = std::exchange(other.item_, {});
  block_bytes_ = other.block_bytes_;
  expiry_ms_ = other.expiry_ms_;
  lifetime_ms_ = other.lifetime_ms_;
  hash_ = other.hash_;
  epoch_ = other.epoch_;
  return *this;
}

bool Prepared::change_expiry(std::int64_t expiry_ms, std::int64_t now_ms) noexcept {
  if (!core_->store.set_expiry(item_.offset, expiry_ms, now_ms)) return false;
  expiry_ms_ = expiry_ms;
  return true;
}

void Prepared::discard() noexcept {
  if (item_.offset != 0) session_->retirement_.retire(item_.offset, item_.bytes);
  item_.offset = 0;
}

bool Prepared::admits(const StoredItem* current, bool strict) const noexcept {
  const Budget& budget = core_->budget;
  const std::uint64_t limit = budget.limit_bytes();
  if (item_.bytes + block_bytes_ > limit) return false;
  // The item and its block are charged already.
  const std::uint64_t old_bytes = current != nullptr ? core_->store.whole_bytes_of(*current) : 0;
  const std::uint64_t new_bytes = item_.bytes + block_bytes_;
  return !strict || new_bytes <= old_bytes ||
         budget.total_bytes() + core_->held_back.load(std::memory_order_relaxed) <= limit + old_bytes;
}

Status Prepared::make(const Key& key, Decision& decision, Presence presence, const StoredItem* current, bool strict) noexcept {
  const Kind removal = presence == Presence::absent ? Kind::keep : Kind::remove;
  const std::int64_t now_ms = session_->now_ms();
  discard();
  block_bytes_ = 0;
  expiry_ms_ = decision.expire_at_ms_;
  item_.expires = expiry_ms_ != kNoExpiry;
  lifetime_ms_ = 0;
  if (item_.expires) follow_expiry_rules(decision, current);
  hash_ = key.hash;
  item_.enters_main = presence == Presence::present || decision.action_ != Decision::Action::put || core_->enters_main(key.hash);
  switch (decision.action_) {
    case Decision::Action::keep: kind_ = Kind::keep; return Status::ok;
    case Decision::Action::remove: kind_ = removal; return Status::ok;
    case Decision::Action::put:
      if (expiry_ms_ > now_ms) {
        const Status status = make_item(key, decision, current);
        if (status != Status::ok || admits(current, strict && !decision.takes_over_)) return status;
        forget();
        return Status::out_of_memory;
      }
      kind_ = removal;
      return Status::ok;
    case Decision::Action::set_expiry: break;
  }
  if (current == nullptr || expiry_ms_ <= now_ms) {
    kind_ = removal;
    return Status::ok;
  }
  const bool has_lifetime = current->lifetime_ms() == lifetime_ms_;
  if (has_lifetime && current->expiry_ms(now_ms) == expiry_ms_) {
    kind_ = Kind::keep;
    return Status::ok;
  }
  if (has_lifetime && current->shape().expiry == ExpiryForm::near && item_.expires &&
      expiry_form(expiry_ms_, now_ms) == ExpiryForm::near) {
    kind_ = Kind::set_expiry;
    return Status::ok;
  }
  // There is no word for it: the same value once more, with another.
  if (current->encoding() == Encoding::block) {
    decision.block_ = core_->store.pin(*current);
  }
  const ShownItem shown(core_->store, *current, now_ms);
  decision.head_ = shown.view().value;
  decision.tail_ = {};
  return make_item(key, decision, current);
}

void Prepared::follow_expiry_rules(const Decision& decision, const StoredItem* current) noexcept {
  const std::int64_t now_ms = session_->now_ms();
  const bool slides = core_->is_sliding.load(std::memory_order_relaxed);
  const unsigned jitter = core_->jitter_percent.load(std::memory_order_relaxed);
  if ((!slides && jitter == 0) || expiry_ms_ <= now_ms) [[likely]]
    return;
  if (decision.kept_lifetime_ms_) {
    lifetime_ms_ = slides ? *decision.kept_lifetime_ms_ : 0;
    return;
  }
  // It is to keep the one it has.
  if (current != nullptr && current->expiry_ms(now_ms) == expiry_ms_) {
    lifetime_ms_ = slides ? current->lifetime_ms() : 0;
    if (lifetime_ms_ != 0 && decision.action_ == Decision::Action::put) expiry_ms_ = now_ms + lifetime_ms_;
    return;
  }
  if (jitter != 0) {
    const auto asked_ms = static_cast<std::uint64_t>(expiry_ms_ - now_ms);
    const std::uint64_t most_ms = asked_ms / 100 * jitter + asked_ms % 100 * jitter / 100;
    expiry_ms_ -= static_cast<std::int64_t>(session_->random() % (most_ms + 1));
    session_->counters_.expiries_jittered.add();
  }
  // One for which there is no place lasts thousands of years.
  constexpr std::int64_t kLongest = std::int64_t{1} << (8U * kLifetimeExtra.bytes);
  if (slides && expiry_ms_ - now_ms < kLongest) lifetime_ms_ = expiry_ms_ - now_ms;
}

Status Prepared::make_written(const Key& key, const Decision& decision, const StoredItem* current) noexcept {
  const std::size_t size = decision.size_;
  if (size > kMaxValueBytes) return Status::too_large;
  if (size > core_->budget.limit_bytes()) return Status::out_of_memory;
  Decision written = decision;
  written.write_.reset();
  if (size >= kLargeValueBytes) {
    written.block_ = core_->store.allocate_block(session_->handle_, size, 0);
    if (!written.block_) {
      session_->wanted_bytes_ = ItemStore::block_bytes(size);
      return Status::out_of_memory;
    }
    block_bytes_ = ItemStore::charged_bytes(written.block_.block());
    (*decision.write_)(written.block_.data());
    return make_item(key, written, current);
  }
  char bytes[kLargeValueBytes];
  (*decision.write_)(bytes);
  written.head_ = {bytes, size};
  written.tail_ = {};
  return make_item(key, written, current);
}

Status Prepared::make_item(const Key& key, Decision& decision, const StoredItem* current) noexcept {
  if (decision.write_) return make_written(key, decision, current);
  if (decision.block_ && decision.block_.size() < kLargeValueBytes) {
    decision.head_ = decision.block_.view();
    decision.tail_ = {};
    // The block itself lives until the decision ends.
  }
  const bool adopts = decision.block_ && decision.block_.size() >= kLargeValueBytes;
  const std::size_t size = adopts ? decision.block_.size() : decision.head_.size() + decision.tail_.size();
  if (size > kMaxValueBytes) return Status::too_large;
  if (!adopts && size > core_->budget.limit_bytes()) return Status::out_of_memory;  // whatever goes
  epoch_ = epoch_of(key);
  NewItem item;
  item.ns = key.keyspace;
  item.key = key.bytes;
  item.head = decision.head_;
  item.tail = decision.tail_;
  item.expiry_ms = expiry_ms_;
  item.now_ms = session_->now_ms();
  item.epoch = epoch_;
  item.written_s = written_s();
  item.lifetime_ms = lifetime_ms_;
  if (size >= kLargeValueBytes) return make_large(item, decision, current);
  char integer[kMostIntegerBytes];
  item.shorten(integer);
  item_.offset = core_->store.create(session_->handle_, item, item_.bytes);
  if (item_.offset == 0) return out_of_memory();
  item_.whole_bytes = item_.bytes;
  session_->account(static_cast<std::int64_t>(item_.bytes));
  kind_ = Kind::put;
  return Status::ok;
}

Status Prepared::out_of_memory() noexcept {
  session_->wanted_bytes_ = item_.bytes;
  return Status::out_of_memory;
}

// What tells it from items of the key that were there before.
Epoch Prepared::epoch_of(const Key& key) const noexcept {
  if (!core_->databases.has_prefixes()) [[likely]]
    return 0;
  const InvalidatedPrefixes::View* const prefixes = core_->databases.prefixes();
  return prefixes != nullptr ? prefixes->epoch_for(key.keyspace, key.bytes) : 0;
}

std::uint32_t Prepared::written_s() const noexcept {
  if (!core_->notes_writes.load(std::memory_order_relaxed)) [[likely]]
    return 0;
  return static_cast<std::uint32_t>(session_->now_ms() / 1000);
}

Status Prepared::make_large(NewItem item, Decision& decision, const StoredItem* current) noexcept {
  ItemStore& store = core_->store;
  ValueRef value = decision.block_;
  if (!value) {
    const std::size_t size = item.head.size() + item.tail.size();
    const bool grows = current != nullptr && current->encoding() == Encoding::block &&
                       item.head.data() == store.block_of(*current).data() &&
                       item.head.size() == ItemStore::locator_of(*current).size;
    if (grows) {
      value = store.pin(*current);
      if (!value.append(item.tail)) value = ValueRef();
    }
    if (!value) {
      const std::size_t spare = grows ? size / kAppendSpareDivisor : 0;
      value = store.allocate_block(session_->handle_, size, spare);
      if (!value) {
        session_->wanted_bytes_ = ItemStore::block_bytes(size + spare);
        return Status::out_of_memory;
      }
      copy_two(value.data(), item.head, item.tail);
      block_bytes_ = ItemStore::charged_bytes(value.block());
    }
  }
  const std::uint64_t beside_bytes = ItemStore::charged_bytes(value.block());
  item_.offset = store.create(session_->handle_, item, value, hash_, item_.bytes);
  if (item_.offset == 0) return out_of_memory();
  item_.whole_bytes = item_.bytes + beside_bytes;
  session_->account(static_cast<std::int64_t>(item_.bytes));
  kind_ = Kind::put;
  return Status::ok;
}

}  // namespace strata::cache
