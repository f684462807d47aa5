#include "loadtest/prototypes/placement/size_classes.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace strata::placement {
namespace {

constexpr std::uint32_t kPage = 4096, kLargest = 80 << 10, kFewestBlocks = 16;
constexpr std::size_t kSpansCompared = 256, kPartialCompared = 16;

}  // namespace

SizeClasses::SizeClasses(ItemTable& table, const Limits& limits, std::uint32_t steps) : Placement(table, limits), steps_(steps) {
  const auto add = [&](std::uint32_t bytes) {
    // At least a few blocks a span, or the rest at its end weighs too much.
    const std::uint32_t span = std::max(limits.unit_bytes, (bytes * kFewestBlocks + kPage - 1) / kPage * kPage);
    classes_.push_back({bytes, span, kNone, {}, {}, 0});
  };
  std::uint32_t bytes = 8;
  for (; bytes <= 4 * steps; bytes += 4) add(bytes);
  for (std::uint32_t doubling = 4 * steps; doubling < kLargest; doubling *= 2) {
    for (std::uint32_t step = 1; step <= steps; ++step) add(doubling + doubling / steps * step);
  }
}

SizeClasses::~SizeClasses() {
  for (const Span& span : spans_) {
    if (span.base != nullptr) ::munmap(span.base, span.bytes);
  }
}

std::uint32_t SizeClasses::class_of(std::uint32_t bytes) const {
  const auto at = std::lower_bound(classes_.begin(), classes_.end(), bytes,
                                   [](const Class& known, std::uint32_t wanted) { return known.block_bytes < wanted; });
  return static_cast<std::uint32_t>(at - classes_.begin());
}

std::byte* SizeClasses::address(Place place) {
  const Span& span = spans_[place >> 32];
  return span.base + (place & 0xffffffff) * span.block_bytes;
}

Place SizeClasses::place(Owner owner, std::uint32_t bytes) {
  counters_.inserted_bytes += bytes;
  credit_bytes_ = std::min(credit_bytes_ + bytes * limits_.copies_per_insert, 64.0 * limits_.unit_bytes);
  const std::uint32_t number = class_of(bytes);
  Class& size_class = classes_[number];
  while (!choose_span(size_class)) {
    if (counters_.inserted_bytes - looked_at_ >= limits_.unit_bytes &&
        static_cast<double>(free_bytes_) > 0.04 * static_cast<double>(resident_bytes_)) {
      looked_at_ = counters_.inserted_bytes;
      if (drain_any()) continue;
    }
    if (may_open(size_class.span_bytes)) {
      size_class.current = open_span(number);
    } else if (!evict_span()) {
      return kNowhere;
    }
  }
  const std::uint32_t span = size_class.current;
  const std::uint32_t block = take_block(span);
  owner_of(spans_[span], block) = owner;
  return place_of(span, block);
}

bool SizeClasses::may_open(std::uint32_t bytes) const {
  return limits_.resident_bytes == 0 || resident_bytes_ + bytes <= limits_.resident_bytes;
}

std::uint32_t SizeClasses::open_span(std::uint32_t size_class) {
  Class& owner = classes_[size_class];
  void* memory = ::mmap(nullptr, owner.span_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("mmap");
    std::abort();
  }
  std::uint32_t number = 0;
  if (unused_numbers_.empty()) {
    number = static_cast<std::uint32_t>(spans_.size());
    spans_.emplace_back();
  } else {
    number = unused_numbers_.back();
    unused_numbers_.pop_back();
  }
  Span& span = spans_[number];
  span = {static_cast<std::byte*>(memory),
          owner.span_bytes,
          owner.block_bytes,
          owner.span_bytes / owner.block_bytes,
          0,
          0,
          kNone,
          size_class,
          static_cast<std::uint32_t>(owner.spans.size()),
          false,
          kNone,
          kNone};
  owner.spans.push_back(number);
  owner.partial.push_back(number);
  span.partial = true;
  owner.free_blocks += span.capacity;
  // Just behind the hand: the last that it comes to.
  span.newer = hand_;
  span.older = hand_ == kNone ? newest_ : spans_[hand_].older;
  (span.older == kNone ? oldest_ : spans_[span.older].newer) = number;
  (span.newer == kNone ? newest_ : spans_[span.newer].older) = number;
  ++spans_in_use_;
  resident_bytes_ += span.bytes;
  free_bytes_ += std::uint64_t{span.capacity} * span.block_bytes;
  return number;
}

void SizeClasses::close_span(std::uint32_t number) {
  Span& span = spans_[number];
  Class& owner = classes_[span.size_class];
  owner.spans[span.place_in_class] = owner.spans.back();
  spans_[owner.spans.back()].place_in_class = span.place_in_class;
  owner.spans.pop_back();
  if (span.partial) std::erase(owner.partial, number);
  owner.free_blocks -= span.capacity;
  if (owner.current == number) owner.current = kNone;
  if (hand_ == number) hand_ = span.newer;
  (span.older == kNone ? oldest_ : spans_[span.older].newer) = span.newer;
  (span.newer == kNone ? newest_ : spans_[span.newer].older) = span.older;
  --spans_in_use_;
  resident_bytes_ -= span.bytes;
  free_bytes_ -= std::uint64_t{span.capacity} * span.block_bytes;
  ::munmap(span.base, span.bytes);
  span = {};
  unused_numbers_.push_back(number);
}

// The fullest of a few spans that have a free block: the others get emptier and can be drained.
bool SizeClasses::choose_span(Class& size_class, std::uint32_t except) {
  const auto usable = [&](std::uint32_t number) { return number != except && spans_[number].used < spans_[number].capacity; };
  if (size_class.current != kNone && usable(size_class.current)) return true;
  size_class.current = kNone;
  std::vector<std::uint32_t>& partial = size_class.partial;
  std::size_t best = partial.size();
  for (std::size_t at = partial.size(); at > 0 && partial.size() - at < kPartialCompared; --at) {
    const std::uint32_t number = partial[at - 1];
    if (!usable(number)) {
      if (number == except) continue;
      spans_[number].partial = false;
      partial[at - 1] = partial.back();
      partial.pop_back();
      if (best > partial.size()) best = partial.size();
    } else if (best >= partial.size() || spans_[number].used > spans_[partial[best]].used) {
      best = at - 1;
    }
  }
  if (best < partial.size()) size_class.current = partial[best];
  if (size_class.current == kNone) {
    for (std::size_t at = 0; at < partial.size() && size_class.current == kNone; ++at) {
      if (usable(partial[at])) size_class.current = partial[at];
    }
  }
  return size_class.current != kNone;
}

std::uint32_t SizeClasses::emptiest(const Class& size_class) {
  std::uint32_t best = kNone;
  const std::size_t count = std::min(size_class.spans.size(), kSpansCompared);
  for (std::size_t step = 0; step < count; ++step) {
    const std::uint32_t candidate = size_class.spans[++sampled_from_ % size_class.spans.size()];
    if (best == kNone || spans_[candidate].used < spans_[best].used) best = candidate;
  }
  return best;
}

std::uint32_t SizeClasses::take_block(std::uint32_t number) {
  Span& span = spans_[number];
  std::uint32_t block = span.first_free;
  if (block != kNone) {
    span.first_free = word(span, block);
  } else {
    block = span.handed_out++;
  }
  word(span, block) = kUsed;
  ++span.used;
  --classes_[span.size_class].free_blocks;
  free_bytes_ -= span.block_bytes;
  return block;
}

void SizeClasses::free_block(std::uint32_t number, std::uint32_t block) {
  Span& span = spans_[number];
  word(span, block) = span.first_free;
  span.first_free = block;
  --span.used;
  if (!span.partial) {
    span.partial = true;
    classes_[span.size_class].partial.push_back(number);
  }
  ++classes_[span.size_class].free_blocks;
  free_bytes_ += span.block_bytes;
}

void SizeClasses::release(Place place) {
  const auto number = static_cast<std::uint32_t>(place >> 32);
  free_block(number, static_cast<std::uint32_t>(place));
  if (spans_[number].used == 0) close_span(number);
}

bool SizeClasses::drain_any() {
  std::uint32_t best = 0;
  std::uint64_t most = 0;
  for (std::uint32_t number = 0; number < classes_.size(); ++number) {
    const Class& known = classes_[number];
    if (known.spans.size() < 2 || known.free_blocks * known.block_bytes <= known.span_bytes) continue;
    if (known.free_blocks * known.block_bytes > most) {
      most = known.free_blocks * known.block_bytes;
      best = number;
    }
  }
  return most > 0 && drain_one(best);
}

// Empties the emptiest span of the class, if the others have room for what is in it.
bool SizeClasses::drain_one(std::uint32_t number) {
  Class& size_class = classes_[number];
  const std::uint32_t source = emptiest(size_class);
  const Span& from = spans_[source];
  const std::uint32_t free = from.capacity - from.used;
  const double live_bytes = static_cast<double>(from.used) * from.block_bytes;
  if (size_class.free_blocks - free < from.used || free < limits_.least_free_share * from.capacity ||
      live_bytes > credit_bytes_) {
    return false;
  }
  for (std::uint32_t block = 0; block < from.handed_out; ++block) {
    if (word(from, block) != kUsed) continue;
    if (!choose_span(size_class, source)) break;
    const std::uint32_t to = take_block(size_class.current);
    const Span& target = spans_[size_class.current];
    const Owner owner = owner_of(from, block);
    std::memcpy(&owner_of(target, to), &owner_of(from, block), from.block_bytes - 4);
    table_.entries[owner].place = place_of(size_class.current, to);
    counters_.copied_bytes += from.block_bytes;
    credit_bytes_ -= from.block_bytes;
    free_block(source, block);
  }
  if (size_class.current == source) size_class.current = kNone;
  if (from.used > 0) return false;
  ++counters_.drained;
  close_span(source);
  return true;
}

// Evicts what was not hit from the span at the hand, and gives the span back if that emptied it or its class can take the rest.
bool SizeClasses::evict_span() {
  for (std::uint64_t looked = 0; looked <= 2 * spans_in_use_; ++looked) {
    if (hand_ == kNone) hand_ = oldest_;
    const std::uint32_t number = hand_;
    hand_ = spans_[number].newer;
    const Span& span = spans_[number];
    const std::uint32_t size_class = span.size_class;
    bool evicted = false;
    for (std::uint32_t block = 0; block < span.handed_out; ++block) {
      if (word(span, block) != kUsed) continue;
      Entry& entry = table_.entries[owner_of(span, block)];
      if (entry.place != place_of(number, block)) continue;
      if (entry.hit) {
        entry.hit = false;
        continue;
      }
      ++counters_.evicted_items;
      table_.evict(owner_of(span, block));
      free_block(number, block);
      evicted = true;
    }
    if (span.used == 0) {
      close_span(number);
    } else {
      drain_one(size_class);
    }
    if (evicted) return true;
  }
  return false;
}

}  // namespace strata::placement
