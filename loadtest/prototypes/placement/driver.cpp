#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "loadtest/prototypes/placement/workloads.h"
#include "loadtest/run/run_clock.h"

namespace strata::placement {
namespace {

constexpr std::uint32_t kPlacementBytes = 8;

std::byte pattern(Owner owner, std::uint32_t bytes) { return static_cast<std::byte>(loadtest::mix(owner * 31ULL + bytes)); }

}  // namespace

Driver::Driver(const std::string& placement, Owner owners, const Limits& limits) {
  table_.entries.resize(owners);
  placement_ = make_placement(placement, table_, limits);
}

bool Driver::store(Owner owner, std::uint32_t bytes) {
  const std::uint64_t begin = loadtest::now_ns();
  const Place place = placement_->place(owner, bytes);
  if (place == kNowhere) return false;
  std::memset(placement_->address(place) + kPlacementBytes, std::to_integer<int>(pattern(owner, bytes)), bytes - kPlacementBytes);
  Entry& entry = table_.entries[owner];
  if (entry.place != kNowhere) {
    table_.requested_bytes -= entry.bytes;
    --table_.items;
    placement_->release(entry.place);
  }
  entry = {place, bytes, false};
  table_.requested_bytes += bytes;
  ++table_.items;
  const std::uint64_t spent = loadtest::now_ns() - begin;
  times_.add(spent);
  spent_ns_ += spent;
  ++stores_;
  return true;
}

void Driver::remove(Owner owner) {
  const Place place = table_.entries[owner].place;
  if (place == kNowhere) return;
  table_.evict(owner);
  placement_->release(place);
}

bool Driver::hit(Owner owner) {
  Entry& entry = table_.entries[owner];
  if (entry.place == kNowhere) return false;
  entry.hit = true;
  return true;
}

void Driver::check() {
  std::uint64_t bytes = 0, items = 0;
  for (Owner owner = 0; owner < table_.entries.size(); ++owner) {
    const Entry& entry = table_.entries[owner];
    if (entry.place == kNowhere) continue;
    ++items;
    bytes += entry.bytes;
    const std::byte* item = placement_->address(entry.place);
    const std::byte expected = pattern(owner, entry.bytes);
    Owner told = 0;
    std::memcpy(&told, item + 4, sizeof told);
    bool same = told == owner;
    for (std::uint32_t at = kPlacementBytes; at < entry.bytes; ++at) same = same && item[at] == expected;
    if (!same) {
      std::fprintf(stderr, "the item of owner %u, %u B, was overwritten\n", owner, entry.bytes);
      std::abort();
    }
  }
  if (bytes != table_.requested_bytes || items != table_.items || placement_->resident_bytes() < bytes) {
    std::fprintf(stderr, "the sums are wrong\n");
    std::abort();
  }
}

void Driver::begin_phase() {
  times_ = {};
  at_begin_ = placement_->counters();
  stores_ = spent_ns_ = 0;
}

Driver::Phase Driver::end_phase(const std::string& name) {
  check();
  const Counters& now = placement_->counters();
  Phase phase;
  phase.name = name;
  phase.stores = stores_;
  phase.ns_per_store = stores_ == 0 ? 0 : static_cast<double>(spent_ns_) / static_cast<double>(stores_);
  phase.p999_us = static_cast<double>(times_.percentile(0.999)) / 1e3;
  phase.worst_us = static_cast<double>(times_.maximum()) / 1e3;
  const std::uint64_t inserted = now.inserted_bytes - at_begin_.inserted_bytes;
  if (inserted > 0) {
    phase.copied_per_inserted = static_cast<double>(now.copied_bytes - at_begin_.copied_bytes) / static_cast<double>(inserted);
  }
  phase.resident_bytes = placement_->resident_bytes() + placement_->metadata_bytes();
  phase.resident_per_requested = static_cast<double>(phase.resident_bytes) / static_cast<double>(table_.requested_bytes);
  phase.items = table_.items;
  phase.evicted = now.evicted_items - at_begin_.evicted_items;
  phase.drained = now.drained - at_begin_.drained;
  return phase;
}

}  // namespace strata::placement
