#include "engine/cache/use_table.h"

#include <algorithm>
#include <bit>

namespace strata::cache {
namespace {

// A byte under frequency.
constexpr unsigned kQuarterBits = 4;
constexpr std::uint32_t kQuarters = 1U << kQuarterBits;
constexpr std::uint32_t kLargestCount = 15;
constexpr std::uint32_t kQuartersPerHalving = 4;

struct Count {
  std::uint32_t count;
  std::uint32_t idle;
};

Count count_in(std::uint8_t byte, std::uint32_t quarter) noexcept {
  return {.count = std::uint32_t{byte} >> kQuarterBits, .idle = (quarter - byte) % kQuarters};
}

std::uint8_t byte_of(std::uint32_t count, std::uint32_t quarter) noexcept {
  return static_cast<std::uint8_t>(count << kQuarterBits | quarter % kQuarters);
}

std::uint32_t halved(Count counted, std::uint32_t extra_quarters) noexcept {
  return counted.count - std::min(counted.count, (counted.idle + extra_quarters) / kQuartersPerHalving);
}

}  // namespace

UseTable::~UseTable() {
  choose(Keeps::nothing);
  region_.release();
}

std::errc UseTable::reserve(os::MemoryCalls& calls, std::uint64_t items_end) {
  page_bytes_ = calls.page_bytes();
  const auto pages_for = [this](std::uint64_t bytes) { return (bytes + page_bytes_ - 1) / page_bytes_; };
  pages_ = pages_for((items_end >> kLeastShift) + 1);
  const std::uint64_t state_pages = pages_for(pages_);
  if (const std::errc failure = region_.reserve_anonymous(calls, (pages_ + state_pages) * page_bytes_, page_bytes_);
      failure != std::errc{})
    return failure;
  (void)region_.refuse_huge_pages(0, region_.bytes());
  states_ = reinterpret_cast<std::atomic<std::uint8_t>*>(region_.base() + pages_ * page_bytes_);
  const sync::MutexLock lock(mutex_);
  state_pages_.resize(state_pages);
  return region_.commit(pages_ * page_bytes_, state_pages * page_bytes_);
}

void UseTable::choose(Keeps keeps) noexcept {
  const sync::MutexLock lock(mutex_);
  if (keeps_.exchange(keeps, std::memory_order_relaxed) == keeps) return;
  forget();
}

void UseTable::forget() noexcept {
  for (std::uint64_t page = 0; page < charged_end_; ++page) {
    if (states_[page].load(std::memory_order_relaxed) != charged) continue;
    // Who has looked at the state before may still write; the page is zero but for that.
    states_[page].store(committed, std::memory_order_relaxed);
    if (region_.purge(page * page_bytes_, page_bytes_) != std::errc{}) {
      for (std::uint64_t at = 0; at < page_bytes_; ++at)
        reinterpret_cast<Cell*>(region_.base() + page * page_bytes_)[at].store(0, std::memory_order_relaxed);
    }
  }
  budget_.charge(Purpose::policy, -static_cast<std::int64_t>(charged_bytes_));
  charged_bytes_ = 0;
  charged_end_ = 0;
  std::fill(state_pages_.begin(), state_pages_.end(), false);
  now_.store(kStepsPerRound, std::memory_order_relaxed);
  fitted_at_.store(0, std::memory_order_relaxed);
  new_keys_.store(0, std::memory_order_relaxed);
}

UseTable::Cell* UseTable::cell(std::uint64_t offset) const noexcept {
  const std::uint64_t number = offset >> shift_.load(std::memory_order_relaxed);
  if (number / page_bytes_ >= pages_ || states_[number / page_bytes_].load(std::memory_order_acquire) != charged) return nullptr;
  return reinterpret_cast<Cell*>(region_.base()) + number;
}

UseTable::Cell* UseTable::cell_made(std::uint64_t offset) noexcept {
  Cell* const there = cell(offset);
  if (there != nullptr || keeps() == Keeps::nothing) [[likely]]
    return there;
  const sync::MutexLock lock(mutex_);
  const std::uint64_t page = (offset >> shift_.load(std::memory_order_relaxed)) / page_bytes_;
  if (page >= pages_ || keeps() == Keeps::nothing) return nullptr;
  const std::uint8_t state = states_[page].load(std::memory_order_relaxed);
  if (state == unknown && !commit_around(page)) return nullptr;
  if (state != charged) {
    std::uint64_t bytes = page_bytes_;
    if (!state_pages_[page / page_bytes_]) bytes += page_bytes_;
    state_pages_[page / page_bytes_] = true;
    budget_.charge(Purpose::policy, static_cast<std::int64_t>(bytes));
    charged_bytes_ += bytes;
    charged_end_ = std::max(charged_end_, page + 1);
    states_[page].store(charged, std::memory_order_release);
  }
  return cell(offset);
}

// Several pages at a time: the kernel keeps a record for each range.
bool UseTable::commit_around(std::uint64_t page) noexcept {
  constexpr std::uint64_t kPagesAtOnce = 64;
  const std::uint64_t first = page / kPagesAtOnce * kPagesAtOnce;
  const std::uint64_t end = std::min(first + kPagesAtOnce, pages_);
  if (region_.commit(first * page_bytes_, (end - first) * page_bytes_) != std::errc{}) return false;
  for (std::uint64_t now = first; now < end; ++now) states_[now].store(committed, std::memory_order_relaxed);
  return true;
}

void UseTable::begin(std::uint64_t offset) noexcept {
  Cell* const cell = cell_made(offset);
  if (cell == nullptr) return;
  cell->store(keeps() == Keeps::recency ? static_cast<std::uint8_t>(now()) : byte_of(1, quarter()), std::memory_order_relaxed);
}

void UseTable::use(std::uint64_t offset, std::uint64_t random) noexcept {
  Cell* const cell = this->cell(offset);
  if (cell == nullptr) {
    begin(offset);
    return;
  }
  const std::uint8_t before = cell->load(std::memory_order_relaxed);
  std::uint8_t after = static_cast<std::uint8_t>(now());
  if (keeps() == Keeps::frequency) {
    // A part of a round counts as a whole one with that probability.
    std::uint32_t count = halved(count_in(before, quarter()), static_cast<std::uint32_t>(random % kQuartersPerHalving));
    const std::uint32_t bits = count == 0 ? 0 : count - 1;
    if (count < kLargestCount && (random >> 32U) % (std::uint64_t{1} << bits) == 0) ++count;
    after = byte_of(count, quarter());
  }
  if (after != before) cell->store(after, std::memory_order_relaxed);
}

void UseTable::set_uses(std::uint64_t offset, std::uint32_t uses) noexcept {
  const auto count = std::min(static_cast<std::uint32_t>(std::bit_width(uses)), kLargestCount);
  if (Cell* const cell = cell_made(offset)) cell->store(byte_of(count, quarter()), std::memory_order_relaxed);
}

void UseTable::follow(std::uint64_t from, std::uint64_t to) noexcept {
  const Cell* const old = cell(from);
  const std::uint8_t byte = old != nullptr ? old->load(std::memory_order_relaxed) : std::uint8_t{0};
  if (Cell* const cell = cell_made(to)) cell->store(byte, std::memory_order_relaxed);
}

UseTable::Rank UseTable::rank(std::uint64_t offset) const noexcept {
  Cell* const cell = this->cell(offset);
  if (cell == nullptr) return kLargestRank;
  const std::uint8_t byte = cell->load(std::memory_order_relaxed);
  if (keeps() == Keeps::recency) return static_cast<std::uint8_t>(now() - byte);
  const Count counted = count_in(byte, quarter());
  const std::uint32_t count = halved(counted, 0);
  // So that the time that it tells does not wrap.
  if (count != counted.count)
    cell->store(byte_of(count, quarter() - counted.idle % kQuartersPerHalving), std::memory_order_relaxed);
  return (kLargestCount - count) * kQuarters + counted.idle;
}

UseTable::Use UseTable::use_of(std::uint64_t offset) const noexcept {
  const Cell* const cell = this->cell(offset);
  if (cell == nullptr) return {.uses = 0, .idle_quarters = kQuarters - 1};
  const Count counted = count_in(cell->load(std::memory_order_relaxed), quarter());
  const std::uint32_t count = halved(counted, 0);
  return {.uses = count == 0 ? 0 : 1U << (count - 1), .idle_quarters = counted.idle};
}

void UseTable::count_new(std::uint32_t keys) noexcept {
  const std::uint32_t step = step_keys_.load(std::memory_order_relaxed);
  const std::uint32_t counted = new_keys_.fetch_add(keys, std::memory_order_relaxed) + keys;
  if (counted < step) return;
  new_keys_.fetch_sub(counted / step * step, std::memory_order_relaxed);
  now_.fetch_add(counted / step, std::memory_order_relaxed);
}

void UseTable::fit(std::uint64_t items, std::uint64_t item_bytes) noexcept {
  const sync::MutexLock lock(mutex_);
  if (items == 0) return;
  const bool is_first = fitted_at_.load(std::memory_order_relaxed) == 0;
  fitted_at_.store(now(), std::memory_order_relaxed);
  step_keys_.store(static_cast<std::uint32_t>(std::clamp<std::uint64_t>(items / kStepsPerRound, 1, 1U << 30U)),
                   std::memory_order_relaxed);
  // The power of two below the mean: one or two cells an item.
  const auto width = static_cast<unsigned>(std::bit_width(item_bytes / items));
  const unsigned wanted = std::clamp(width == 0 ? 0 : width - 1, kLeastShift, kLargestShift);
  const unsigned shift = shift_.load(std::memory_order_relaxed);
  if (wanted == shift || (!is_first && wanted + 1 >= shift && wanted <= shift + 1)) return;
  forget();
  shift_.store(wanted, std::memory_order_relaxed);
  fitted_at_.store(now(), std::memory_order_relaxed);
}

}  // namespace strata::cache
