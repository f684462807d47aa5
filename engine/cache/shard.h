#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/cache/budget.h"
#include "engine/cache/key.h"
#include "engine/cache/table.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

// One 256th of the cache: a lock and, under it, a table for each namespace that has ever had an item here. Changes in the bytes
// of its items are collected in a credit and told to the budget when they pass Budget::kCreditBytes either way. Thread safety:
// lock `mutex`, then anything.
class alignas(64) Shard {
 public:
  Shard() = default;
  ~Shard();  // REQUIRES: nobody uses it any more
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  void open(Budget& budget, std::size_t namespaces) STRATA_EXCLUDES(mutex) {
    const sync::MutexLock lock(mutex);
    budget_ = &budget;
    tables_.resize(namespaces);
  }

  // nullptr: the namespace has nothing here.
  [[nodiscard]] Table* table(Namespace ns) noexcept STRATA_REQUIRES(mutex) { return tables_[ns].get(); }
  [[nodiscard]] std::size_t namespaces() const noexcept STRATA_REQUIRES(mutex) { return tables_.size(); }
  // nullptr when memory is out.
  [[nodiscard]] Table* table_for_writing(Namespace ns) noexcept STRATA_REQUIRES(mutex) {
    if (tables_[ns] == nullptr) tables_[ns] = Table::create(*budget_);
    return tables_[ns].get();
  }

  // Books bytes of items (not of their large blocks, which book themselves).
  void account(std::int64_t delta_bytes) noexcept STRATA_REQUIRES(mutex) {
    credit_bytes_ += delta_bytes;
    if (credit_bytes_ > Budget::kCreditBytes || credit_bytes_ < -Budget::kCreditBytes) flush_credit();
  }
  void flush_credit() noexcept STRATA_REQUIRES(mutex) {
    budget_->charge(Purpose::items, credit_bytes_);
    credit_bytes_ = 0;
  }

  // Takes an item out of a table of this shard and out of the account. The caller frees it, better after unlocking.
  [[nodiscard]] Item* remove(Table& table, Item** link) noexcept STRATA_REQUIRES(mutex) {
    Item* item = table.unlink(link);
    account(-static_cast<std::int64_t>(item->charged_bytes()));
    return item;
  }

  // Empties a namespace at once. Its items stay charged until take_flushed has handed them out.
  void flush(Namespace ns) noexcept STRATA_REQUIRES(mutex) {
    if (tables_[ns] == nullptr) return;
    tables_[ns]->sweep_position = 0;
    tables_[ns]->next_flushed = std::move(flushed_);
    flushed_ = std::move(tables_[ns]);
  }
  [[nodiscard]] Table* first_flushed() const noexcept STRATA_REQUIRES(mutex) { return flushed_.get(); }
  // Takes some flushed items (a list linked by `next`, `count` of them) out of the account. The caller frees them after
  // unlocking.
  struct Flushed {
    Item* list = nullptr;
    std::size_t count = 0;
    bool more = false;
  };
  [[nodiscard]] Flushed take_flushed(std::size_t at_most) noexcept STRATA_REQUIRES(mutex);

  sync::Mutex mutex;

 private:
  Budget* budget_ STRATA_GUARDED_BY(mutex) = nullptr;
  std::int64_t credit_bytes_ STRATA_GUARDED_BY(mutex) = 0;
  std::vector<std::unique_ptr<Table>> tables_ STRATA_GUARDED_BY(mutex);
  std::unique_ptr<Table> flushed_ STRATA_GUARDED_BY(mutex);
};

}  // namespace strata::cache
