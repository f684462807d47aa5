#pragma once

#include "engine/cache/index_shard.h"

namespace strata::cache {

// Holds the lock of a key's home bucket from construction to destruction: the key, and those that share its home, change by this thread alone.
// Readers are not held up, but for misses of these keys, which wait for the end. Short: nothing that waits.
// What is found stays where it is; only the frequency in a slot may change under the hands of who holds the lock.
class LockedHome {
 public:
  // Waits for whoever holds it. REQUIRES: the thread holds no bucket.
  LockedHome(IndexShard& shard, std::uint64_t hash) noexcept : LockedHome(shard, hash, IndexShard::Ahead::none(), false) {}
  // The same where the home was looked for before, and is most often where it was then. REQUIRES: the thread has not been quiescent since.
  LockedHome(IndexShard& shard, std::uint64_t hash, const IndexShard::Ahead& ahead) noexcept
      : LockedHome(shard, hash, ahead, false) {}
  // One of several, in the order of address_of(). From the first change until the last is unlocked no reader sees some without the others.
  // REQUIRES: the shard's growth is paused; that no other of the set has the same address.
  struct OneOfSeveral {};
  LockedHome(IndexShard& shard, std::uint64_t hash, OneOfSeveral) noexcept
      : LockedHome(shard, hash, IndexShard::Ahead::none(), true) {}
  ~LockedHome() { unlock(); }
  LockedHome(LockedHome&& other) noexcept;
  LockedHome(const LockedHome&) = delete;
  LockedHome& operator=(const LockedHome&) = delete;
  LockedHome& operator=(LockedHome&&) = delete;

  // Tells homes apart, and orders them. REQUIRES: growth is paused.
  [[nodiscard]] static const void* address_of(const IndexShard& shard, std::uint64_t hash) noexcept {
    return &shard.home_of(hash).header();
  }
  // Whether the key of this hash has the same home. REQUIRES: growth is paused.
  [[nodiscard]] bool covers(std::uint64_t hash) const noexcept;

  template <typename Matches>
  [[nodiscard]] FoundSlot find(std::uint64_t hash, Matches&& matches) const noexcept {
    if (!joint_) [[likely]]
      return shard_->search(home_, header_, matches);
    return shard_->search(home_for(hash), header_, matches);
  }

  // Publishes an item in a free place. `item`: a slot with everything but tag and place. False: there is none, nor is there in the
  // overflow pool: the table must grow first. REQUIRES: the item is complete, its key not there.
  [[nodiscard]] bool insert(std::uint64_t hash, Slot item) noexcept;
  // Publishes an item in place of another of the same key, and returns what the slot said then. What the policy knows of the key stays, and it
  // counts as a hit.
  Slot swing(const FoundSlot& found, Slot item) noexcept;
  // Has the slot name the same item at another place. Nobody has to look again for that, and what the policy knows stays. REQUIRES: the copy is
  // complete.
  void move(const FoundSlot& found, std::uint64_t offset_bytes) noexcept;
  // Moves an item to the policy's main queue, as one without hits.
  void promote(const FoundSlot& found) noexcept;
  // Takes an item out, and returns what the slot said then.
  Slot erase(std::uint64_t hash, const FoundSlot& found) noexcept;
  // Something that readers of other keys may have looked for in vain has changed all the same.
  void note_change() noexcept { changed_ = true; }

 private:
  LockedHome(IndexShard& shard, std::uint64_t hash, const IndexShard::Ahead& ahead, bool joint) noexcept;
  [[nodiscard]] bool try_lock() noexcept;
  [[nodiscard]] IndexShard::Home home_for(std::uint64_t hash) const noexcept;
  void unlock() noexcept;

  IndexShard* shard_;
  IndexShard::Home home_;
  std::uint64_t header_ = 0;  // what it said when it was locked, with the counts that it will have
  bool changed_ = false;
  bool joint_;
};

}  // namespace strata::cache
