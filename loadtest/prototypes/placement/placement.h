#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace strata::placement {

using Owner = std::uint32_t;
using Place = std::uint64_t;  // what it means is the placement's own
inline constexpr Place kNowhere = ~Place{0};

// Stands for the index: where the item of each owner lies.
struct Entry {
  Place place = kNowhere;
  std::uint32_t bytes = 0;  // header, key and value, not rounded
  bool hit = false;         // since the hand passed it last
};

struct ItemTable {
  std::vector<Entry> entries;
  std::uint64_t requested_bytes = 0;  // of the items there are
  std::uint64_t items = 0;

  void evict(Owner owner) {
    requested_bytes -= entries[owner].bytes;
    --items;
    entries[owner] = {};
  }
};

struct Counters {
  std::uint64_t inserted_bytes = 0;
  std::uint64_t copied_bytes = 0;  // of items that were moved
  std::uint64_t evicted_items = 0;
  std::uint64_t drained = 0;  // segments or spans that were emptied by moving what was left
};

struct Limits {
  std::uint64_t resident_bytes = 0;  // 0: none, and nothing is ever evicted
  std::uint64_t reserved_bytes = 0;  // addresses
  std::uint32_t unit_bytes = 0;      // of a segment or span
  // Bytes that may be moved for each byte that is inserted: what is not spent is kept, up to a few units.
  double copies_per_insert = 1.0;
  // Moving pays only for a unit of which at least this share is free.
  double least_free_share = 0.06;
};

// Where items lie. The first 8 bytes of an item belong to the placement: 4 for what will be the header, 4 that tell the owner (the
// real item tells it by its key). Single-threaded.
class Placement {
 public:
  Placement(ItemTable& table, const Limits& limits) : table_(table), limits_(limits) {}
  virtual ~Placement() = default;
  Placement(const Placement&) = delete;
  Placement& operator=(const Placement&) = delete;

  // Room for an item that is not in the table yet; moves others, and evicts some if there is a limit. kNowhere if that does not help.
  virtual Place place(Owner owner, std::uint32_t bytes) = 0;
  virtual void release(Place place) = 0;
  virtual std::byte* address(Place place) = 0;
  virtual std::uint64_t resident_bytes() const = 0;
  // Of the placement's own tables, as they would be in the server.
  virtual std::uint64_t metadata_bytes() const = 0;

  const Counters& counters() const { return counters_; }

 protected:
  ItemTable& table_;
  const Limits limits_;
  Counters counters_;
};

inline constexpr const char* kPlacements[] = {"log", "mixed", "classes16", "classes32"};

// One of kPlacements; null for another name.
std::unique_ptr<Placement> make_placement(const std::string& name, ItemTable& table, const Limits& limits);

}  // namespace strata::placement
