#include "loadtest/prototypes/placement/workloads.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace strata::placement {
namespace {

using loadtest::Random;
using Phases = std::vector<Driver::Phase>;

constexpr std::uint32_t kHeader = 4;

Limits limits_of(const Given& given, bool limited) {
  Limits limits;
  limits.resident_bytes = limited ? given.budget_bytes : 0;
  limits.reserved_bytes = 4 * given.budget_bytes + (std::uint64_t{64} << 20);
  limits.unit_bytes = given.unit_bytes;
  limits.copies_per_insert = given.copies_per_insert;
  limits.least_free_share = given.least_free_share;
  return limits;
}

struct Range {
  std::uint32_t smallest, largest;
  std::uint32_t draw(Random& random) const { return smallest + static_cast<std::uint32_t>(random.below(largest - smallest + 1)); }
  double mean() const { return (smallest + largest) / 2.0; }
};

// The generations of the book's size-drift program.
constexpr Range kDrift[] = {{48, 144}, {80, 240}, {144, 432}, {272, 816}, {528, 1584}, {208, 624}};

std::uint32_t lognormal(Random& random, double mu, double sigma) {
  return static_cast<std::uint32_t>(std::clamp(std::exp(mu + sigma * random.normal()), 1.0, 60'000.0));
}

struct ItemSet {
  const char* name;
  Owner items;
  std::uint32_t key_bytes;
  std::uint32_t (*value)(Random&);
};

constexpr ItemSet kItemSets[] = {
    {"16 B + 64 B", 2'000'000, 16, [](Random&) { return 64U; }},
    {"20 B + lognormal(5.2, 0.9)", 1'000'000, 20, [](Random& random) { return lognormal(random, 5.2, 0.9); }},
    {"20 B + JSON of 450-650 B", 400'000, 20,
     [](Random& random) {
       return Range{450, 650}.draw(random);
     }},
    {"20 B + 4-64 KiB", 12'000, 20,
     [](Random& random) {
       return Range{4096, 65536}.draw(random);
     }},
};

}  // namespace

// The four sets of the book, at five counts each.
Phases load_item_sets(const Given& given, double scale) {
  Phases phases;
  for (const ItemSet& set : kItemSets) {
    for (const double share : {1.0, 1.07, 1.13, 1.19, 1.25}) {
      const auto items = static_cast<Owner>(set.items * share * scale);
      Given ample = given;
      ample.budget_bytes = std::uint64_t{2} << 30;
      Driver driver(given.placement, items, limits_of(ample, false));
      Random random(1);
      driver.begin_phase();
      for (Owner owner = 0; owner < items; ++owner) driver.store(owner, kHeader + set.key_bytes + set.value(random));
      phases.push_back(driver.end_phase(std::string("load ") + set.name));
    }
  }
  return phases;
}

Phases overwrite_same_sizes(const Given& given) {
  const auto size = [](Owner owner) {
    Random random(owner);
    return kHeader + 20 + lognormal(random, 5.2, 0.9);
  };
  const auto owners = static_cast<Owner>(static_cast<double>(given.budget_bytes) / 297);
  Driver driver(given.placement, owners, limits_of(given, false));
  Phases phases;
  driver.begin_phase();
  for (Owner owner = 0; owner < owners; ++owner) driver.store(owner, size(owner));
  phases.push_back(driver.end_phase("same sizes: load"));
  Random random(2);
  driver.begin_phase();
  for (std::uint64_t i = 0; i < 3ULL * owners; ++i) {
    const auto owner = static_cast<Owner>(random.below(owners));
    driver.store(owner, size(owner));
  }
  phases.push_back(driver.end_phase("same sizes: overwrite 3x"));
  return phases;
}

// The bytes stay the same, so the number of items changes: owners beyond the generation's number are removed.
Phases overwrite_drifting_sizes(const Given& given) {
  const auto items_of = [&](const Range& range) {
    return static_cast<Owner>(static_cast<double>(given.budget_bytes) / range.mean());
  };
  Driver driver(given.placement, items_of(kDrift[0]), limits_of(given, false));
  Random random(3);
  Phases phases;
  driver.begin_phase();
  for (Owner owner = 0; owner < items_of(kDrift[0]); ++owner) driver.store(owner, kDrift[0].draw(random));
  phases.push_back(driver.end_phase("drift: load"));
  for (std::size_t generation = 1; generation < std::size(kDrift); ++generation) {
    driver.begin_phase();
    const Range& range = kDrift[generation];
    std::vector<Owner> order(driver.table().entries.size());
    for (Owner owner = 0; owner < order.size(); ++owner) order[owner] = owner;
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    order.resize(order.size() * 9 / 10);
    std::size_t removed = 0, stored = 0;
    while (removed < order.size()) {  // nine of ten go, others come for as many bytes
      driver.remove(order[removed++]);
      while (driver.table().requested_bytes < given.budget_bytes && stored < removed) {
        driver.store(order[stored++], range.draw(random));
      }
    }
    phases.push_back(driver.end_phase("drift: " + std::to_string(range.smallest) + "-" + std::to_string(range.largest) + " B"));
  }
  return phases;
}

// Three stores in ten hit keys that are there no more, or were never: half as much again is asked for as fits.
Phases drift_at_the_limit(const Given& given) {
  const auto owners = static_cast<Owner>(1.5 * static_cast<double>(given.budget_bytes) / kDrift[0].mean());
  Driver driver(given.placement, owners, limits_of(given, true));
  Random random(4);
  Phases phases;
  for (const Range& range : kDrift) {
    const auto keys = static_cast<std::uint64_t>(1.5 * static_cast<double>(given.budget_bytes) / range.mean());
    driver.begin_phase();
    for (std::uint64_t i = 0; i < 3 * keys; ++i) {
      const auto owner = static_cast<Owner>(random.below(keys));
      if (random.below(3) == 0) {
        driver.hit(owner);
      } else {
        driver.store(owner, range.draw(random));
      }
    }
    phases.push_back(driver.end_phase("limit: " + std::to_string(range.smallest) + "-" + std::to_string(range.largest) + " B"));
  }
  return phases;
}

// A fifth of the items goes at once, wherever it lies; as many bytes of new ones come.
Phases expire_in_waves(const Given& given) {
  const auto owners = static_cast<Owner>(static_cast<double>(given.budget_bytes) / 297);
  Driver driver(given.placement, owners, limits_of(given, false));
  Random random(5);
  Phases phases;
  driver.begin_phase();
  for (Owner owner = 0; owner < owners; ++owner) driver.store(owner, kHeader + 20 + lognormal(random, 5.2, 0.9));
  for (int wave = 1; wave <= 5; ++wave) {
    for (Owner owner = 0; owner < owners; ++owner) {
      if (random.below(5) == 0) driver.remove(owner);
    }
    if (wave == 1) phases.push_back(driver.end_phase("waves: a fifth gone"));
    driver.begin_phase();
    for (Owner owner = 0; owner < owners; ++owner) {
      if (driver.table().entries[owner].place == kNowhere) driver.store(owner, kHeader + 20 + lognormal(random, 5.2, 0.9));
    }
  }
  phases.push_back(driver.end_phase("waves: after the fifth"));
  return phases;
}

// Look-aside: what is not there is stored. Values without a recorded size get one by their key, log-normal.
Phases replay(const Given& given, const std::string& name, const loadtest::Trace& trace) {
  std::unordered_map<std::uint64_t, Owner> numbers;
  std::vector<Owner> accesses;
  std::vector<std::uint32_t> sizes;
  std::uint64_t footprint = 0;
  for (const loadtest::Access& access : trace.accesses) {
    const auto [known, fresh] = numbers.emplace(access.key, static_cast<Owner>(numbers.size()));
    if (fresh) {
      Random random(access.key);
      const std::uint32_t value = access.value_bytes != 0 ? std::min(access.value_bytes, 60'000U) : lognormal(random, 5.2, 0.9);
      sizes.push_back(kHeader + 20 + value);
      footprint += sizes.back();
    }
    accesses.push_back(known->second);
  }
  Phases phases;
  for (const double share : {0.1, 0.3}) {
    Given sized = given;
    sized.budget_bytes = static_cast<std::uint64_t>(static_cast<double>(footprint) * share);
    if (sized.budget_bytes < 12 * std::uint64_t{given.unit_bytes}) continue;
    Driver driver(given.placement, static_cast<Owner>(numbers.size()), limits_of(sized, true));
    driver.begin_phase();
    std::uint64_t hits = 0;
    for (const Owner owner : accesses) {
      if (driver.hit(owner)) {
        ++hits;
      } else {
        driver.store(owner, sizes[owner]);
      }
    }
    phases.push_back(driver.end_phase("trace " + name + (share < 0.2 ? " 10 %" : " 30 %")));
    phases.back().hit_ratio = static_cast<double>(hits) / static_cast<double>(accesses.size());
  }
  return phases;
}

}  // namespace strata::placement
