#include <array>
#include <thread>

#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"

// Eviction of what the program chooses of a few items looked at here and there (victim_chooser.h).
namespace strata::cache {
namespace {

constexpr std::size_t kMostCandidates = 64;
// Times that who chooses may want none of what it is shown for one victim, or choose what somebody else has taken.
constexpr int kTries = 3;

std::size_t bytes_of_value(const Core& core, StoredItem item) noexcept {
  if (item.encoding() == Encoding::block) return core.store.pin(item).view().size();
  char digits[kMostIntegerDigits];
  return item.encoding() == Encoding::integer ? decode_integer(item.stored_value(), digits).size() : item.stored_value().size();
}

VictimCandidate shown(const Core& core, Slot slot, std::int64_t now_ms) noexcept {
  const StoredItem item = core.store.at(slot);
  const UseTable::Use use = core.uses.use_of(slot.offset_bytes());
  return {.key = item.key(),
          .database = core.databases.last_database_of(item.ns()),
          .value_bytes = bytes_of_value(core, item),
          .item_bytes = core.store.whole_bytes_of(item),
          .expire_at_ms = item.expiry_ms(now_ms),
          .uses = use.uses,
          .idle_quarters = use.idle_quarters,
          .hits = static_cast<std::uint32_t>(slot.get<Slot::Frequency>())};
}

}  // namespace

// What goes, of a few.
struct Cache::Choice {
  std::array<Slot, kMostCandidates> slots;
  std::array<VictimCandidate, kMostCandidates> candidates;
  std::size_t count = 0;

  void add(Slot slot, const VictimCandidate& candidate) noexcept {
    slots[count] = slot;
    candidates[count++] = candidate;
  }
  // What expires first, or the first where nothing does.
  [[nodiscard]] Slot without_choice() const noexcept {
    std::size_t first = 0;
    for (std::size_t n = 1; n < count; ++n) {
      if (candidates[n].expire_at_ms < candidates[first].expire_at_ms) first = n;
    }
    return slots[first];
  }
};

bool Cache::set_victim_chooser(VictimChooser* chooser) {
  std::shared_ptr<VictimChooser*> held = chooser != nullptr ? std::make_shared<VictimChooser*>(chooser) : nullptr;
  {
    const sync::MutexLock lock(chooser_mutex_);
    if (chooser == nullptr && policy() == Policy::custom) return false;
    chooser_.swap(held);
  }
  // Whoever is asking the one before holds it.
  while (held != nullptr && held.use_count() > 1) std::this_thread::yield();
  return true;
}

bool Cache::has_victim_chooser() const noexcept {
  const sync::MutexLock lock(chooser_mutex_);
  return chooser_ != nullptr;
}

Cache::Evicted Cache::evict_by_choice(Session& session) {
  std::shared_ptr<VictimChooser*> chooser;
  {
    const sync::MutexLock lock(chooser_mutex_);
    chooser = chooser_;
  }
  Evicted evicted;
  if (chooser == nullptr) return evict_by_samples(session);
  Choice choice;
  for (int tries = 0; tries < kTries; ++tries) {
    choice.count = 0;
    Slot expired;
    sample_here_and_there(session, [&](Slot slot, bool& counts) {
      const StoredItem item = core_->store.at(slot);
      counts = choice.count < kMostCandidates && core_->hash_of(item.key(), item.ns()) != session.added_;
      if (!counts) return;
      if (item.has_expired(session.now_ms_)) expired = slot;
      choice.add(slot, shown(*core_, slot, session.now_ms_));
    });
    if (choice.count == 0) break;
    if (!expired.empty() && evict(session, expired, evicted)) return evicted;
    const std::size_t chosen = (*chooser)->choose({choice.candidates.data(), choice.count});
    if (chosen >= choice.count) {
      session.counters_.choice_refusals.add();
    } else if (evict(session, choice.slots[chosen], evicted)) {
      session.counters_.chosen.add();
      return evicted;
    }
  }
  if (choice.count != 0 && evict(session, choice.without_choice(), evicted)) return evicted;
  return evict_by_samples(session);
}

}  // namespace strata::cache
