#pragma once

#include "engine/cache/bucket_match.h"
#include "engine/cache/index_shard.h"
#include "engine/cache/protocol_points.h"

// The search, inline: it is most of a lookup.
namespace strata::cache {

namespace index_search {

// Inline always, as the rest of the way of what lies at home is: a call, and what it has to be passed in memory, costs as much as the search.
template <typename Matches>
[[nodiscard]] [[gnu::always_inline]] inline FoundSlot search_bucket(Bucket& bucket, std::uint64_t identity,
                                                                    Matches&& matches) noexcept {
  for (SlotSet candidates = SlotSet::of_identity(bucket, identity); !candidates.empty(); candidates.drop_first()) {
    std::atomic<std::uint64_t>& address = bucket.slots[candidates.first()];
    const Slot slot(address.load(std::memory_order_acquire));
    // It may say something else by now; an empty slot looks like one with a tag of 0.
    if ((slot.bits() & kSlotIdentity) != identity || slot.empty()) [[unlikely]]
      continue;
    STRATA_PROTOCOL_POINT(reader_after_slot_load);
    if (matches(slot)) return {.address = &address, .slot = slot};
  }
  return {};
}

}  // namespace index_search

// Inline always: a home that is returned through memory is stored in pieces and loaded in one, for which the processor waits.
[[gnu::always_inline]] inline IndexShard::Home IndexShard::home_of(std::uint64_t hash) const noexcept {
  const Layout layout(layout_.load(std::memory_order_acquire));
  Home home;
  if (layout.is_growing()) [[unlikely]] {
    const IndexGeometry old = layout.old_geometry();
    home = home_in(old, 1 - layout.window(), old.prefix_of_hash(hash));
    home.is_old = home.bucket >= cursor_.load(std::memory_order_acquire);
  }
  if (!home.is_old) home = settled_home(layout, hash);
  home.layout = layout.bits();
  return home;
}

// In the table, or in the one that the other is emptied into.
[[gnu::always_inline]] inline IndexShard::Home IndexShard::settled_home(Layout layout, std::uint64_t hash) const noexcept {
  const IndexGeometry geometry = layout.geometry();
  Home home = home_in(geometry, layout.window(), geometry.prefix_of_hash(hash));
  home.layout = layout.bits();
  return home;
}

template <typename Matches>
[[gnu::always_inline]] inline FoundSlot IndexShard::search(const Home& home, std::uint64_t header,
                                                           Matches&& matches) const noexcept {
  using index_search::search_bucket;
  const FoundSlot found = search_bucket(home.table[home.bucket], slot_identity(home.tag, SlotPlace::home), matches);
  if (found) [[likely]]
    return found;
  return search_elsewhere(home, header, matches);
}

template <typename Matches>
[[gnu::noinline]] FoundSlot IndexShard::search_elsewhere(Home home, std::uint64_t header, Matches&& matches) const noexcept {
  using index_search::search_bucket;
  FoundSlot found;
  if (BucketHeader::InBuddy::get(header) != 0) {
    found = search_bucket(home.at(SlotPlace::buddy), slot_identity(home.tag, SlotPlace::buddy), matches);
    if (found) return found;
  }
  if (BucketHeader::InAlternate::get(header) != 0) {
    found = search_bucket(home.at(SlotPlace::alternate), slot_identity(home.tag, SlotPlace::alternate), matches);
    if (found) return found;
  }
  if (BucketHeader::InAlternateBuddy::get(header) != 0) {
    found = search_bucket(home.at(SlotPlace::alternate_buddy), slot_identity(home.tag, SlotPlace::alternate_buddy), matches);
    if (found) return found;
  }
  return BucketHeader::Overflow::get(header) == 0 ? FoundSlot{} : search_pool(home, header, matches);
}

template <typename Matches>
FoundSlot IndexShard::search_pool(const Home& home, std::uint64_t header, Matches&& matches) const noexcept {
  return search_chain(home.window, home.header(), header, [&](Bucket& bucket) {
    return index_search::search_bucket(bucket, slot_identity(home.tag, SlotPlace::home), matches);
  });
}

template <typename Search>
FoundSlot IndexShard::search_chain(unsigned window, const std::atomic<std::uint64_t>& address, std::uint64_t header,
                                   Search&& search) const {
  const OverflowPool& pool = pools_[window];
  for (auto number = static_cast<std::uint32_t>(BucketHeader::Overflow::get(header)); number != 0;) {
    Bucket& bucket = pool.bucket(number);
    const FoundSlot found = search(bucket);
    if (found) return found;
    number = OverflowPool::next(bucket);
    // A chain that changes may lead anywhere, even in a circle: the caller sees that it did.
    if (((address.load(std::memory_order_acquire) ^ header) & kSequenceBits) != 0) return {};
  }
  return {};
}

// Of a table that is not growing, what lies at home: almost all that there is. Everything else is not inline, and begins with what fits in registers.
template <typename Matches>
[[gnu::always_inline]] inline FoundSlot IndexShard::find(std::uint64_t hash, Matches&& matches) const noexcept {
  const Layout layout(layout_.load(std::memory_order_acquire));
  if (layout.is_growing()) [[unlikely]]
    return find_patiently(hash, matches);
  const Home home = settled_home(layout, hash);
  const std::uint64_t header = home.header().load(std::memory_order_acquire);
  if (BucketHeader::Joint::get(header) != 0) [[unlikely]]
    return find_patiently(hash, matches);
  const FoundSlot found = index_search::search_bucket(home.table[home.bucket], slot_identity(home.tag, SlotPlace::home), matches);
  if (found || ((header & BucketHeader::kElsewhere) == 0 && is_valid_miss(home, header))) [[likely]]
    return found;
  return find_elsewhere(hash, layout, header, matches);
}

// Not at home, whose header says `header`.
template <typename Matches>
FoundSlot IndexShard::find_elsewhere(std::uint64_t hash, Layout layout, std::uint64_t header, Matches& matches) const noexcept {
  const Home home = settled_home(layout, hash);
  const FoundSlot found = search_elsewhere(home, header, matches);
  if (found || is_valid_miss(home, header)) [[likely]]
    return found;
  return find_patiently(hash, matches);
}

template <typename Matches>
FoundSlot IndexShard::find_patiently(std::uint64_t hash, Matches& matches) const noexcept {
  for (unsigned round = 0;; ++round) {
    const Home home = home_of(hash);
    const std::uint64_t header = home.header().load(std::memory_order_acquire);
    if (BucketHeader::Joint::get(header) == 0) [[likely]] {
      const FoundSlot found = search(home, header, matches);
      if (found || is_valid_miss(home, header)) [[likely]]
        return found;
    }
    wait_a_little(round);
  }
}

// What was looked for, and not found, was not there at one moment at least.
inline bool IndexShard::is_valid_miss(const Home& home, std::uint64_t header) const noexcept {
  STRATA_PROTOCOL_POINT(reader_before_validation);
  if (STRATA_PROTOCOL_FAULT(miss_not_validated)) return true;
  return !BucketHeader::locked(header) && home.header().load(std::memory_order_acquire) == header && is_current(home);
}

template <typename Matches>
FoundSlot IndexShard::find_at(const KeyPlace& place, Matches&& matches) const noexcept {
  // With other tables the home may be another, whose mark would have to be seen.
  if (layout_.load(std::memory_order_acquire) != place.layout ||
      BucketHeader::Joint::get(place.home->header.load(std::memory_order_acquire)) != 0) [[unlikely]]
    return {};
  const Slot slot(place.slot->load(std::memory_order_acquire));
  if (slot.empty()) [[unlikely]]
    return {};
  STRATA_PROTOCOL_POINT(reader_after_slot_load);
  return matches(slot) ? FoundSlot{.address = place.slot, .slot = slot} : FoundSlot{};
}

[[gnu::always_inline]] inline IndexShard::Ahead IndexShard::look_ahead(std::uint64_t hash) const noexcept {
  const Home home = home_of(hash);
  Ahead ahead;
  ahead.table_ = home.table;
  ahead.bucket_ = home.bucket;
  ahead.layout_ = home.layout;
  ahead.tag_ = home.tag;
  ahead.window_ = home.window;
  os::prefetch(&home.header());
  return ahead;
}

inline FoundSlot IndexShard::guess(const Ahead& ahead) const noexcept {
  Bucket& bucket = ahead.table_[ahead.bucket_];
  const FoundSlot found =
      index_search::search_bucket(bucket, slot_identity(ahead.tag_, SlotPlace::home), [](Slot) { return true; });
  if (found) [[likely]]
    return found;
  const std::uint64_t header = bucket.header.load(std::memory_order_relaxed);
  const auto prefetch = [&ahead](SlotPlace place) {
    os::prefetch(&ahead.table_[IndexGeometry::bucket_at(ahead.bucket_, ahead.tag_, place)]);
  };
  if (BucketHeader::InBuddy::get(header) != 0) prefetch(SlotPlace::buddy);
  if (BucketHeader::InAlternate::get(header) != 0) prefetch(SlotPlace::alternate);
  if (BucketHeader::InAlternateBuddy::get(header) != 0) prefetch(SlotPlace::alternate_buddy);
  const auto pool_bucket = static_cast<std::uint32_t>(BucketHeader::Overflow::get(header));
  if (pool_bucket != 0) os::prefetch(&pools_[ahead.window_].bucket(pool_bucket));
  return {};
}

inline FoundSlot IndexShard::guess_elsewhere(const Ahead& ahead) const noexcept {
  const Home home = ahead.home();
  const std::uint64_t header = home.header().load(std::memory_order_relaxed);
  return search_elsewhere(home, header, [](Slot) { return true; });
}

}  // namespace strata::cache
