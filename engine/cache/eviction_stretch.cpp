#include <array>
#include <span>

#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"

namespace strata::cache {
namespace {

// Items that are evicted at once to make one place, and chunks that are looked at for it, with the domain locked.
constexpr std::size_t kMostInStretch = 512;
constexpr std::size_t kLooksPerStretch = 1024;

// Items side by side that may go.
class Stretch {
 public:
  struct Item {
    std::uint64_t offset, hash;
  };

  Stretch(const Core& core, bool volatile_only) noexcept : core_(core), volatile_only_(volatile_only) {}

  void begin() noexcept { count_ = 0; }
  bool add(const ItemChunk& chunk) noexcept {
    const StoredItem item = core_.store.at(chunk.offset);
    if (count_ == items_.size() || item.encoding() == Encoding::block_body || (volatile_only_ && !item.expires())) return false;
    items_[count_++].offset = chunk.offset;
    return true;
  }
  // As long as they may be read.
  void end() noexcept {
    for (Item& one : std::span(items_).first(count_)) {
      const StoredItem item = core_.store.at(one.offset);
      one.hash = core_.hash_of(item.key(), item.ns());
    }
  }
  [[nodiscard]] std::span<const Item> items() const noexcept { return std::span(items_).first(count_); }

 private:
  const Core& core_;
  bool volatile_only_;
  std::array<Item, kMostInStretch> items_;
  std::size_t count_ = 0;
};

}  // namespace

// Whoever they are: one place for what is to be stored costs some misses, and emptying a segment, to have one for sure, costs thousands of them and
// milliseconds. Some may be out of the index already and wait for readers elsewhere: then there is no place yet, and who asks again gets a segment.
bool Cache::evict_stretch(Session& session, std::uint64_t bytes) {
  // Nothing goes but what the program chooses.
  if (policy() == Policy::custom) return false;
  Stretch stretch(*core_, only_volatile(policy()));
  // Where the thread looks for a place first.
  if (!core_->memory.stretch_next(core_->memory.domain_of(session.handle_), bytes, kLooksPerStretch, stretch)) return false;
  for (const Stretch::Item& item : stretch.items()) {
    const FoundSlot found =
        core_->shard_of(item.hash).find(item.hash, [&item](Slot slot) { return slot.offset_bytes() == item.offset; });
    Evicted evicted;
    if (found) (void)evict(session, found.slot, evicted);
  }
  session.reclaim();
  core_->memory.give_back_kept(session.handle_);
  session.counters_.places_cleared.add();
  return true;
}

}  // namespace strata::cache
