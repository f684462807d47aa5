#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <vector>

#include "engine/cache/budget.h"
#include "engine/os/region.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

// How an item was used, in one byte beside it: for the policies that compare samples by their use, and only while one of them is chosen.
//
// The byte is found by where the item lies, not by its key: one byte for so many bytes of item memory, a cell, as large as a mean item or half of it.
// So no two items share one but the small ones that lie next to each other, and what lies next to what is always used is bounded by the cell. (A
// byte found by the key's hash would be shared by any two keys: a cold item that shares with a hot one never goes, and as long as the hot one is
// used the cold ones of its byte only become more, until they are the cache.)
//
// Time is told in insertions of new keys: 64 steps are as many as there are items, a round. Bytes wrap after four rounds; what is not looked at for so
// long and comes to look young is next to nothing, for samples come by several times a round.
//
// What a byte says:
//   recency    the step of the last use; a use writes if that has changed.
//   frequency  four bits: 0, or 1 + the logarithm of the uses, counted as R. Morris did ("Counting large numbers of events in small registers", 1978):
//              the step from c to c + 1 takes 2^(c-1) uses on the average. And four bits for when: a quarter of a round each. For each round without a use
//              the uses count half.
// A page of cells is committed with the first item that comes to lie in it, charged to Purpose::policy, and given back when the policy changes.
//
// Thread safety: all functions but reserve(); without locks but for the first byte in a page, resize() and choose(). What several threads do to one byte
// at a time may get lost, and nothing else does.
class UseTable {
 public:
  enum class Keeps : std::uint8_t { nothing, recency, frequency };
  // Steps of the clock in which as many keys come as there are.
  static constexpr std::uint32_t kStepsPerRound = 64;
  // The larger the sooner it is to go. An item without a byte has the largest.
  using Rank = std::uint32_t;
  static constexpr Rank kLargestRank = 255;

  explicit UseTable(Budget& budget) noexcept : budget_(budget) {}
  ~UseTable();
  UseTable(const UseTable&) = delete;
  UseTable& operator=(const UseTable&) = delete;

  // Address space for items at offsets below `items_end`. Once, before all else. `calls` outlives this.
  [[nodiscard]] std::errc reserve(os::MemoryCalls& calls, std::uint64_t items_end);

  // What it is for from now on. If that is something else than before all is forgotten: what is there already is older than what comes.
  void choose(Keeps keeps) noexcept STRATA_EXCLUDES(mutex_);
  [[nodiscard]] Keeps keeps() const noexcept { return keeps_.load(std::memory_order_relaxed); }

  // An item is there that was not. `random`: any number.
  void begin(std::uint64_t offset) noexcept STRATA_EXCLUDES(mutex_);
  void use(std::uint64_t offset, std::uint64_t random) noexcept;
  // Under frequency: as if it had been used so often until now, to a power of two below that.
  void set_uses(std::uint64_t offset, std::uint32_t uses) noexcept STRATA_EXCLUDES(mutex_);
  // An item has come to lie elsewhere, or another has taken its key: what is known goes with it.
  void follow(std::uint64_t from, std::uint64_t to) noexcept STRATA_EXCLUDES(mutex_);

  [[nodiscard]] Rank rank(std::uint64_t offset) const noexcept;
  // Under frequency: about how many uses count, and for how many quarters of a round there was none.
  struct Use {
    std::uint32_t uses = 0;
    std::uint32_t idle_quarters = 0;
  };
  [[nodiscard]] Use use_of(std::uint64_t offset) const noexcept;

  // So many keys have come.
  void count_new(std::uint32_t keys) noexcept;
  // How many a thread may count by itself before it tells.
  [[nodiscard]] std::uint32_t batch() const noexcept { return step_keys_.load(std::memory_order_relaxed) / 8 + 1; }
  // A few times a round, for a call of fit().
  [[nodiscard]] bool is_fit_due() const noexcept {
    return now() - fitted_at_.load(std::memory_order_relaxed) >= kStepsPerRound / 4;
  }
  // Fits the clock and the size of a cell to what is there. Another size of cells forgets everything, so it changes by a factor of four at least.
  void fit(std::uint64_t items, std::uint64_t item_bytes) noexcept STRATA_EXCLUDES(mutex_);
  [[nodiscard]] std::uint64_t cell_bytes() const noexcept { return std::uint64_t{1} << shift_.load(std::memory_order_relaxed); }

 private:
  using Cell = std::atomic<std::uint8_t>;
  static constexpr unsigned kLeastShift = 6;
  static constexpr unsigned kLargestShift = 20;
  enum PageState : std::uint8_t { unknown, committed, charged };

  [[nodiscard]] std::uint32_t now() const noexcept { return now_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t quarter() const noexcept { return now() / (kStepsPerRound / 4); }
  // Null: its page is not in use.
  [[nodiscard]] Cell* cell(std::uint64_t offset) const noexcept;
  [[nodiscard]] Cell* cell_made(std::uint64_t offset) noexcept STRATA_EXCLUDES(mutex_);
  [[nodiscard]] bool commit_around(std::uint64_t page) noexcept STRATA_REQUIRES(mutex_);
  void forget() noexcept STRATA_REQUIRES(mutex_);

  Budget& budget_;
  os::Region region_;  // cells; behind them one byte for the state of each of their pages
  std::size_t page_bytes_ = 1;
  std::uint64_t pages_ = 0;
  std::atomic<std::uint8_t>* states_ = nullptr;
  std::atomic<Keeps> keeps_ = Keeps::nothing;
  std::atomic<unsigned> shift_ = kLeastShift;
  std::atomic<std::uint32_t> now_ = kStepsPerRound;  // so that a byte of 0 is old
  std::atomic<std::uint32_t> fitted_at_ = 0;
  std::atomic<std::uint32_t> step_keys_ = 1;
  std::atomic<std::uint32_t> new_keys_ = 0;  // since the last step
  sync::Mutex mutex_{sync::LockRank{.name = "table of uses", .order = 492}};
  std::uint64_t charged_bytes_ STRATA_GUARDED_BY(mutex_) = 0;
  std::uint64_t charged_end_ STRATA_GUARDED_BY(mutex_) = 0;  // behind the last page that is in use
  std::vector<bool> state_pages_ STRATA_GUARDED_BY(mutex_);  // of the states, those that are charged
};

}  // namespace strata::cache
