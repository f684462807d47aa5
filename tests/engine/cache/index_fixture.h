#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <vector>

#include "engine/cache/index_shard.h"
#include "engine/cache/locked_home.h"
#include "engine/os/memory_calls.h"

namespace strata::test {

using cache::FoundSlot;
using cache::IndexShard;
using cache::LockedHome;
using cache::Slot;

// One shard of an index over numbered keys. An item is a number's address in units of granules: nothing lies there.
class NumberIndex {
 public:
  static constexpr std::size_t kShard = 7;

  explicit NumberIndex(std::uint64_t most_items = 1U << 24U, os::MemoryCalls& calls = os::linux_memory_calls()) : index(kShard) {
    EXPECT_EQ(memory.reserve(calls, budget, most_items * cache::kShardCount), std::errc{});
    EXPECT_TRUE(index.open(memory, {[](const void*, Slot slot) noexcept { return hash_of(number_of(slot)); }, nullptr}));
  }

  // splitmix64 below the bits of the shard.
  static std::uint64_t hash_of(std::uint64_t number) noexcept {
    std::uint64_t bits = number * 0x9E3779B97F4A7C15U;
    bits = (bits ^ bits >> 30U) * 0xBF58476D1CE4E5B9U;
    bits = (bits ^ bits >> 27U) * 0x94D049BB133111EBU;
    bits ^= bits >> 31U;
    return bits >> cache::kShardBits | std::uint64_t{kShard} << (64 - cache::kShardBits);
  }
  // Items have versions, so that one of a number can take the place of another.
  static constexpr unsigned kVersionBits = 16;
  static Slot item(std::uint64_t number, std::uint64_t version = 0) {
    return Slot::at((((number + 1) << kVersionBits) + (version & 0xffff)) * cache::kGranuleBytes, 0, cache::SlotPlace::home);
  }
  static std::uint64_t number_of(Slot slot) noexcept { return (slot.get<Slot::Offset>() >> kVersionBits) - 1; }
  static std::uint64_t version_of(Slot slot) noexcept { return slot.get<Slot::Offset>() & 0xffff; }
  static auto is(std::uint64_t number) {
    return [number](Slot slot) { return number_of(slot) == number; };
  }

  FoundSlot find(std::uint64_t number) const { return index.find(hash_of(number), is(number)); }

  // Inserts, or swings to another version. Helps growing as a writer does.
  bool put(sync::qsbr::Participant& participant, std::uint64_t number, std::uint64_t version = 0) {
    for (;;) {
      bool done = false;
      {
        LockedHome home(index, hash_of(number));
        const FoundSlot found = home.find(hash_of(number), is(number));
        if (found) {
          home.swing(found, item(number, version));
          done = true;
        } else {
          done = home.insert(hash_of(number), item(number, version));
        }
      }
      const bool helped = index.help_growing(participant);
      if (done) return true;
      if (!helped && !index.is_growing()) return false;
    }
  }
  bool remove(std::uint64_t number) {
    LockedHome home(index, hash_of(number));
    const FoundSlot found = home.find(hash_of(number), is(number));
    if (found) home.erase(hash_of(number), found);
    return static_cast<bool>(found);
  }

  cache::Budget budget;
  cache::IndexMemory memory;
  sync::qsbr::Domain domain{sync::LockRank{.name = "readers of the index", .order = 200}};
  IndexShard index;
};

}  // namespace strata::test
