// How full a table of 64-byte buckets may be, and what growing it takes. Seven slots a bucket; an item lies in its home bucket, else in
// the buddy in the same 128 bytes, else in the pair that its tag points at within a block of 32 pairs, else in the overflow pool. Each
// bucket counts its own items in each of these places, so that a search knows where not to look. Two bits of the slot tell which it
// is, so that bucket, tag and these bits give the item's place in any larger table, and growing looks at no item: checked here by
// growing by an eighth four times, and finding every item.
// usage: strata-index-fill [ITEMS]
#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "loadtest/random.h"

namespace {

using strata::loadtest::Wide;
constexpr std::uint32_t kSlots = 7, kTagBits = 16;
constexpr std::uint64_t kBlockBuckets = 64;

enum Where : std::uint8_t { kHome, kBuddy, kAlternate, kAlternateBuddy, kPool };

struct Slot {
  std::uint32_t item = 0;  // 0: empty
  std::uint16_t tag = 0;
  std::uint8_t where = kHome;
};

struct Bucket {
  Slot slots[kSlots];
  std::uint32_t away[5] = {};  // its items that lie there
};

struct Seen {
  std::uint32_t lines = 0, false_tags = 0;
  bool found = false;
};

class Table {
 public:
  // Places depend on the first `depth` + 16 bits of a hash alone. depth is at most one less than the bits of a bucket's number: bucket
  // and tag then tell them all.
  Table(std::uint64_t buckets, unsigned depth) : buckets_(buckets / kBlockBuckets * kBlockBuckets), depth_(depth) {}

  std::uint64_t size() const { return buckets_.size(); }
  std::uint64_t pooled() const { return pool_.size(); }
  std::uint64_t known(std::uint64_t hash) const { return hash >> (64 - depth_ - kTagBits); }

  Where insert(std::uint64_t known, std::uint32_t item) {
    const std::uint64_t home = home_of(known);
    const auto tag = static_cast<std::uint16_t>(known);
    for (std::uint8_t where = kHome; where < kPool; ++where) {
      for (Slot& slot : buckets_[at(home, tag, where)].slots) {
        if (slot.item != 0) continue;
        slot = {item, tag, where};
        ++buckets_[home].away[where];
        return static_cast<Where>(where);
      }
    }
    ++buckets_[home].away[kPool];
    pool_.push_back({known, item});
    return kPool;
  }

  Seen find(std::uint64_t known, std::uint32_t item) const {
    Seen seen;
    const std::uint64_t home = home_of(known);
    const auto tag = static_cast<std::uint16_t>(known);
    for (std::uint8_t where = kHome; where < kPool; ++where) {
      if (where != kHome && buckets_[home].away[where] == 0) continue;
      ++seen.lines;
      for (const Slot& slot : buckets_[at(home, tag, where)].slots) {
        if (slot.item == 0 || slot.tag != tag || slot.where != where) continue;
        seen.found = slot.item == item;
        if (seen.found) return seen;
        ++seen.false_tags;
      }
    }
    if (buckets_[home].away[kPool] == 0) return seen;
    ++seen.lines;
    for (const Pooled& pooled : pool_) seen.found = seen.found || (pooled.known == known && pooled.item == item);
    return seen;
  }

  void take_over(const Table& from) {
    for (std::uint64_t number = 0; number < from.buckets_.size(); ++number) {
      for (const Slot& slot : from.buckets_[number].slots) {
        if (slot.item != 0) insert(from.known_of(number, slot), slot.item);
      }
    }
    for (const Pooled& pooled : from.pool_) insert(pooled.known, pooled.item);
  }

 private:
  struct Pooled {
    std::uint64_t known;
    std::uint32_t item;
  };

  std::uint64_t home_of(std::uint64_t known) const {
    return static_cast<std::uint64_t>((static_cast<Wide>(known) * buckets_.size()) >> (depth_ + kTagBits));
  }

  // Each step is its own inverse.
  static std::uint64_t at(std::uint64_t bucket, std::uint16_t tag, std::uint8_t where) {
    if (where == kBuddy || where == kAlternateBuddy) bucket ^= 1;
    if (where == kAlternate || where == kAlternateBuddy) {
      const std::uint64_t pair = (strata::loadtest::mix(tag) % (kBlockBuckets / 2 - 1)) + 1;  // never its own
      bucket ^= 2 * pair;
    }
    return bucket;
  }

  // The number that ends in the tag and whose home is the one that the slot tells: there is one only, as the homes of numbers that
  // share a tag are more than a bucket apart.
  std::uint64_t known_of(std::uint64_t bucket, const Slot& slot) const {
    const std::uint64_t home = at(bucket, slot.tag, slot.where);
    const auto begin = static_cast<std::uint64_t>((static_cast<Wide>(home) << (depth_ + kTagBits)) / buckets_.size());
    std::uint64_t known = (begin >> kTagBits << kTagBits) | slot.tag;
    if (home_of(known) != home) known += 1U << kTagBits;
    return known;
  }

  std::vector<Bucket> buckets_;
  std::vector<Pooled> pool_;
  unsigned depth_;
};

// Returns the items that growing lost: none, if the layout is right.
std::uint64_t show_fill(std::uint64_t items, double fill) {
  const auto buckets = static_cast<std::uint64_t>(static_cast<double>(items) / fill / kSlots);
  const unsigned depth = static_cast<unsigned>(std::bit_width(buckets)) - 2;
  Table table(buckets, depth);
  std::uint64_t where[5] = {};
  for (std::uint32_t item = 1; item <= items; ++item) ++where[table.insert(table.known(strata::loadtest::mix(item)), item)];
  std::uint64_t hit_lines = 0, miss_lines = 0, false_tags = 0, lost = 0;
  for (std::uint32_t item = 1; item <= items; ++item) {
    hit_lines += table.find(table.known(strata::loadtest::mix(item)), item).lines;
    const Seen miss = table.find(table.known(strata::loadtest::mix(item + items)), 0);
    miss_lines += miss.lines;
    false_tags += miss.false_tags;
  }
  for (int growths = 0; growths < 4; ++growths) {
    Table grown(table.size() * 9 / 8, depth);
    grown.take_over(table);
    table = std::move(grown);
  }
  for (std::uint32_t item = 1; item <= items; ++item) {
    lost += table.find(table.known(strata::loadtest::mix(item)), item).found ? 0U : 1U;
  }
  const auto share = [&](std::uint64_t count) { return static_cast<double>(count) / static_cast<double>(items); };
  fmt::print("| {:.0f} % | {:.2f} | {:.1f} % | {:.1f} % | {:.1f} % | {:.3f} % | {:.2f} | {:.2f} | {:.4f} | {} |\n", fill * 100,
             64.0 / kSlots / fill, share(where[kHome]) * 100, share(where[kBuddy]) * 100,
             share(where[kAlternate] + where[kAlternateBuddy]) * 100, share(where[kPool]) * 100, share(hit_lines),
             share(miss_lines), share(false_tags), lost);
  return lost;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t items = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  fmt::print(
      "| fill | B an item | home | buddy | alternate | pool | lines a hit | lines a miss | false tags a miss | lost by growing "
      "|\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  std::uint64_t lost = 0;
  for (const double fill : {0.80, 0.84, 0.86, 0.88, 0.90, 0.92, 0.94}) lost += show_fill(items, fill);
  return lost == 0 ? 0 : 1;
}
