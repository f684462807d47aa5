#include "engine/cache/locked_home.h"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "engine/cache/index_search.h"
#include "engine/cache/protocol_points.h"

namespace strata::cache {
namespace {

constexpr sync::LockRank kRank{.name = "bucket of the index", .order = IndexShard::kBucketOrder};

}  // namespace

void wait_a_little(unsigned round) noexcept {
  // A bucket is held for a fraction of a microsecond, unless its holder does not run.
  if (round < static_cast<unsigned>(sync::kSpins)) {
    sync::pause();
  } else {
    (void)sched_yield();
  }
}

LockedHome::LockedHome(IndexShard& shard, std::uint64_t hash, const IndexShard::Ahead& ahead, bool joint) noexcept
    : shard_(&shard), joint_(joint) {
  // Several are taken in the order of their addresses, while the pauses of growth, which come before, keep their order.
  if (!joint) sync::note_taking(this, kRank);
  STRATA_PROTOCOL_POINT(lock_home);
  if (ahead.tells_home()) {
    home_ = ahead.home();
    if (try_lock()) [[likely]]
      return;
  }
  for (unsigned round = 0;; ++round) {
    home_ = shard.home_of(hash);
    if (try_lock()) [[likely]]
      return;
    wait_a_little(round);
  }
}

bool LockedHome::try_lock() noexcept {
  header_ = home_.header().load(std::memory_order_relaxed);
  const std::uint64_t locked =
      BucketHeader::Joint::set(header_ | BucketHeader::kLocked, joint_ && !STRATA_PROTOCOL_FAULT(joint_not_marked) ? 1 : 0);
  if (BucketHeader::locked(header_) ||
      !home_.header().compare_exchange_weak(header_, locked, std::memory_order_acquire, std::memory_order_relaxed))
    return false;
  if (shard_->is_current(home_)) [[likely]]
    return true;
  home_.header().store(header_, std::memory_order_release);
  return false;
}

LockedHome::LockedHome(LockedHome&& other) noexcept
    : shard_(std::exchange(other.shard_, nullptr)),
      home_(other.home_),
      header_(other.header_),
      changed_(other.changed_),
      joint_(other.joint_) {}

void LockedHome::unlock() noexcept {
  if (shard_ == nullptr) return;
  STRATA_PROTOCOL_POINT(before_unlock);
  // Nothing has changed: what others have seen stays valid.
  const std::uint64_t sequence = BucketHeader::Sequence::get(header_) + (changed_ ? 2 : 0);
  home_.header().store(BucketHeader::Sequence::set(header_, sequence & BucketHeader::Sequence::kLargest),
                       std::memory_order_release);
  if (!joint_) sync::note_given_back(this, kRank);
}

IndexShard::Home LockedHome::home_for(std::uint64_t hash) const noexcept {
  if (!joint_) return home_;
  IndexShard::Home home = home_;
  const IndexShard::Layout layout(home.layout);
  const IndexGeometry geometry = home.is_old ? layout.old_geometry() : layout.geometry();
  home.tag = geometry.tag_of(geometry.prefix_of_hash(hash));
  return home;
}

bool LockedHome::covers(std::uint64_t hash) const noexcept { return &shard_->home_of(hash).header() == &home_.header(); }

bool LockedHome::insert(std::uint64_t hash, Slot item) noexcept {
  STRATA_PROTOCOL_POINT(before_swing);
  if (!shard_->claim(home_for(hash), header_, item)) return false;
  STRATA_PROTOCOL_POINT(after_swing);
  changed_ = true;
  return true;
}

Slot LockedHome::swing(const FoundSlot& found, Slot item) noexcept {
  changed_ = true;
  const Slot placed = item.with<Slot::Tag>(found.slot.tag()).with<Slot::Place>(static_cast<std::uint64_t>(found.slot.place()));
  STRATA_PROTOCOL_POINT(before_swing);
  // Readers note hits and the hand takes them away without the lock.
  std::uint64_t before = found.address->load(std::memory_order_relaxed);
  Slot after;
  do {
    const Slot was(before);
    const std::uint64_t hits = std::min(was.get<Slot::Frequency>() + 1, Slot::Frequency::kLargest);
    after = placed.with<Slot::Main>(was.get<Slot::Main>()).with<Slot::Frequency>(hits);
  } while (!found.address->compare_exchange_weak(before, after.bits(), std::memory_order_acq_rel, std::memory_order_relaxed));
  STRATA_PROTOCOL_POINT(after_swing);
  return Slot(before);
}

void LockedHome::move(const FoundSlot& found, std::uint64_t offset_bytes) noexcept {
  STRATA_PROTOCOL_POINT(before_swing);
  std::uint64_t bits = found.address->load(std::memory_order_relaxed);
  while (!found.address->compare_exchange_weak(bits, Slot(bits).with<Slot::Offset>(offset_bytes / kGranuleBytes).bits(),
                                               std::memory_order_acq_rel, std::memory_order_relaxed)) {
  }
  STRATA_PROTOCOL_POINT(after_swing);
}

void LockedHome::promote(const FoundSlot& found) noexcept {
  std::uint64_t bits = found.address->load(std::memory_order_relaxed);
  while (!found.address->compare_exchange_weak(bits, Slot(bits).with<Slot::Main>(1).with<Slot::Frequency>(0).bits(),
                                               std::memory_order_relaxed)) {
  }
}

Slot LockedHome::erase(std::uint64_t hash, const FoundSlot& found) noexcept {
  changed_ = true;
  const Slot was(found.address->load(std::memory_order_relaxed));
  STRATA_PROTOCOL_POINT(before_swing);
  shard_->clear(home_for(hash), header_, found);
  return was;
}

}  // namespace strata::cache
