#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/cache/item_store.h"
#include "engine/sync/quiescent_state.h"

namespace strata::cache {

// What one thread has taken out of the index, until nobody can read it any more: then it goes back to the store. Collected in batches, so
// that an item costs 8 bytes here and none of its own. Stays charged meanwhile.
// Thread safety: none; its thread's.
class Retirement {
 public:
  Retirement(ItemStore& store, Budget& budget, sync::qsbr::Participant& participant) noexcept
      : store_(store), budget_(budget), participant_(participant) {}
  ~Retirement();
  Retirement(const Retirement&) = delete;
  Retirement& operator=(const Retirement&) = delete;

  // Has the lists at hand that `items` more take. To be called before what is to be retired is taken out of the index, so that nothing has to be done
  // about a lack of memory afterwards. False: there is none.
  [[nodiscard]] bool prepare(std::size_t items = 1) noexcept {
    if (batch_ != nullptr && batch_->items + items <= kBatchItems && batch_bytes_ < kBatchBytes) [[likely]]
      return true;
    return prepare_lists(items);
  }
  // REQUIRES: prepared; out of reach for who looks from now on.
  void retire(std::uint64_t offset, std::uint64_t bytes) noexcept;
  // What was collected begins to wait. To be called before the thread is quiescent or offline. Nothing is prepared after it.
  void hand_over() noexcept {
    if (spare_count_ > kKeptSpares) [[unlikely]]
      drop_spares(kKeptSpares);
    if (batch_ != nullptr) hand_over_batch();
  }
  // So much waits, since it was asked last, that whoever writes is to wait too, where it holds no reference.
  [[nodiscard]] bool take_over_quota() noexcept { return std::exchange(over_quota_, false); }

 private:
  static constexpr std::size_t kBatchItems = 60;
  static constexpr std::uint64_t kBatchBytes = 64U << 10U;
  static constexpr std::size_t kKeptSpares = 2;

  struct Batch : sync::qsbr::Retired {
    ItemStore* store = nullptr;
    Budget* budget = nullptr;
    std::uint32_t items = 0;
    std::array<std::uint64_t, kBatchItems> offsets;
  };
  static void dispose(sync::qsbr::Retired& retired, void* handle) noexcept;
  void hand_over_batch() noexcept;
  [[nodiscard]] bool prepare_lists(std::size_t items) noexcept;
  void drop_spares(std::size_t but) noexcept;

  ItemStore& store_;
  Budget& budget_;
  sync::qsbr::Participant& participant_;
  Batch* batch_ = nullptr;
  sync::qsbr::Retired* spares_ = nullptr;  // empty batches
  std::size_t spare_count_ = 0;
  std::uint64_t batch_bytes_ = 0;
  bool over_quota_ = false;
};

}  // namespace strata::cache
