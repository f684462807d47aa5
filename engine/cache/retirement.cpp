#include "engine/cache/retirement.h"

#include <cassert>
#include <new>
#include <span>

#include "engine/cache/protocol_points.h"

namespace strata::cache {

Retirement::~Retirement() {
  hand_over_batch();
  drop_spares(0);
}

bool Retirement::prepare_lists(std::size_t items) noexcept {
  if (batch_bytes_ >= kBatchBytes) hand_over_batch();
  const std::size_t left = batch_ != nullptr ? kBatchItems - batch_->items : 0;
  while (left + spare_count_ * kBatchItems < items) {
    auto* const batch = STRATA_PROTOCOL_FAULT(no_memory_to_retire) ? nullptr : new (std::nothrow) Batch;
    if (batch == nullptr) return false;
    batch->next = std::exchange(spares_, batch);
    ++spare_count_;
  }
  return true;
}

void Retirement::drop_spares(std::size_t but) noexcept {
  while (spare_count_ > but) {
    --spare_count_;
    delete static_cast<Batch*>(std::exchange(spares_, spares_->next));
  }
}

void Retirement::retire(std::uint64_t offset, std::uint64_t bytes) noexcept {
  if (batch_ == nullptr) {
    assert(spares_ != nullptr);
    --spare_count_;
    batch_ = static_cast<Batch*>(std::exchange(spares_, spares_->next));
    batch_->store = &store_;
    batch_->budget = &budget_;
  }
  batch_->offsets[batch_->items++] = offset;
  batch_bytes_ += bytes;
  if (batch_->items == kBatchItems) hand_over_batch();
}

void Retirement::hand_over_batch() noexcept {
  if (batch_ == nullptr) return;
  if (STRATA_PROTOCOL_FAULT(reclaim_early)) {
    batch_->bytes = batch_bytes_;
    dispose(*batch_, nullptr);
  } else if (participant_.retire(*batch_, batch_bytes_, dispose) == sync::qsbr::QuotaState::over)
    over_quota_ = true;
  batch_ = nullptr;
  batch_bytes_ = 0;
}

// The keeper of a session's participant is its handle of the item memory.
void Retirement::dispose(sync::qsbr::Retired& retired, void* handle) noexcept {
  STRATA_PROTOCOL_POINT(before_reclaim);
  auto& batch = static_cast<Batch&>(retired);
  batch.store->dispose(std::span(batch.offsets.data(), batch.items), static_cast<ItemStore::Handle*>(handle));
  batch.budget->charge(Purpose::items, -static_cast<std::int64_t>(batch.bytes));
  delete &batch;
}

}  // namespace strata::cache
