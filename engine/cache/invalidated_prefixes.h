#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cache/budget.h"
#include "engine/cache/key.h"
#include "engine/sync/quiescent_state.h"

namespace strata::cache {

// How many prefixes had been invalidated when an item was written. Items say so only where one was pending that their key begins with: the others
// lie at 0, before all. Never used again: 48 bits of it are more than a cache sees.
using Epoch = std::uint64_t;

// Prefixes that were invalidated and whose items have not all been taken out yet. An item is invalidated if its key begins with one of them that is of a
// later epoch than the item.
//
// Readers see a list that never changes; another one takes its place, and the old one is freed when every reader has been quiescent.
// Thread safety: view() and any(), from participants that are online; the rest one at a time (under the lock of Databases).
class InvalidatedPrefixes {
 public:
  // So many wait at most; and bytes of one.
  static constexpr std::size_t kMost = 64;
  static constexpr std::size_t kMostBytes = 1024;

  // Of one invalidation: what has been taken out for it so far. What waits under a prefix that is invalidated again counts there.
  struct Ticket {
    Epoch epoch = 0;  // 0: there was nothing
    std::shared_ptr<std::atomic<std::uint64_t>> items;
    [[nodiscard]] std::uint64_t taken_out() const noexcept {
      return items == nullptr ? 0 : items->load(std::memory_order_relaxed);
    }
  };

  class View : private sync::qsbr::Retired {
   public:
    // Where what a prefix covers is counted when it is taken out. As long as the view may be read.
    class Count {
     public:
      void add() const noexcept { items_->fetch_add(1, std::memory_order_relaxed); }
      explicit operator bool() const noexcept { return items_ != nullptr; }

     private:
      friend class View;
      std::atomic<std::uint64_t>* items_ = nullptr;
    };
    // Of the prefix that covers the item; empty: none does.
    [[nodiscard]] Count covering(Keyspace keyspace, std::string_view key, Epoch epoch) const noexcept {
      Count count;
      for (const Rule& rule : rules_) {
        if (rule.epoch <= epoch || rule.keyspace != keyspace || !key.starts_with(rule.prefix)) continue;
        count.items_ = rule.items.get();
        break;
      }
      return count;
    }
    [[nodiscard]] bool covers(Keyspace keyspace, std::string_view key, Epoch epoch) const noexcept {
      return static_cast<bool>(covering(keyspace, key, epoch));
    }
    [[nodiscard]] bool has(Epoch epoch) const noexcept {
      for (const Rule& rule : rules_) {
        if (rule.epoch == epoch) return true;
      }
      return false;
    }
    // What an item of the key that is made now has to say.
    [[nodiscard]] Epoch epoch_for(Keyspace keyspace, std::string_view key) const noexcept {
      return covers(keyspace, key, 0) ? newest_ : 0;
    }

   private:
    friend class InvalidatedPrefixes;
    struct Rule {
      std::string prefix;
      Epoch epoch;
      Keyspace keyspace;
      std::shared_ptr<std::atomic<std::uint64_t>> items;
    };
    [[nodiscard]] std::size_t bytes() const noexcept;
    std::vector<Rule> rules_;
    Epoch newest_ = 0;
    Budget* budget_ = nullptr;
  };

  explicit InvalidatedPrefixes(Budget& budget) noexcept : budget_(budget) {}
  ~InvalidatedPrefixes();
  InvalidatedPrefixes(const InvalidatedPrefixes&) = delete;
  InvalidatedPrefixes& operator=(const InvalidatedPrefixes&) = delete;

  // A null pointer: none are pending.
  [[nodiscard]] const View* view() const noexcept { return view_.load(std::memory_order_acquire); }
  [[nodiscard]] bool any() const noexcept { return view() != nullptr; }
  [[nodiscard]] std::size_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

  // From here on what was written before is invalidated. Longer prefixes of the same that wait are part of it. False, and nothing is changed:
  // kMost others wait. Throws std::bad_alloc, likewise. REQUIRES: not empty, at most kMostBytes.
  [[nodiscard]] bool add(Keyspace keyspace, std::string_view prefix, sync::qsbr::Participant& participant, Ticket& ticket);

  // What is pending now is swept in the round that begins; when it has ended none of that is left.
  void begin_round() noexcept { swept_up_to_ = newest_; }
  // Throws std::bad_alloc: they stay, and another round is due.
  void end_round(sync::qsbr::Participant& participant);

 private:
  // Shows other rules; none: a null pointer.
  void show(std::vector<View::Rule> rules, sync::qsbr::Participant& participant);
  static void free(sync::qsbr::Retired& view, void* keeper) noexcept;

  Budget& budget_;
  std::atomic<View*> view_ = nullptr;
  std::atomic<std::size_t> count_ = 0;
  Epoch newest_ = 0;
  Epoch swept_up_to_ = 0;
};

}  // namespace strata::cache
