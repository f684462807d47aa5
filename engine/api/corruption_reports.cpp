#include <atomic>

#include "engine/allocator/corruption.h"
#include "engine/api/strata.h"

namespace strata::api {
namespace {

constinit std::atomic<strata_corruption_callback> corruption_callback = nullptr;

struct Kind {
  strata_corruption_kind kind;
  const char* text;
};

Kind kind_of(allocator::Corruption kind) noexcept {
  switch (kind) {
    case allocator::Corruption::invalid_free: return {STRATA_CORRUPTION_INVALID_FREE, "invalid free"};
    case allocator::Corruption::foreign_free: return {STRATA_CORRUPTION_FOREIGN_FREE, "free of memory of others"};
    case allocator::Corruption::double_free: return {STRATA_CORRUPTION_DOUBLE_FREE, "double free"};
    case allocator::Corruption::corrupted_list: return {STRATA_CORRUPTION_CORRUPTED_LIST, "corrupted free list"};
    case allocator::Corruption::overflow: return {STRATA_CORRUPTION_OVERFLOW, "overflow"};
    case allocator::Corruption::use_after_free: return {STRATA_CORRUPTION_USE_AFTER_FREE, "use after free"};
  }
  return {STRATA_CORRUPTION_OTHER, "corruption"};
}

void pass_on(const allocator::CorruptionReport& report) noexcept {
  const strata_corruption_callback callback = corruption_callback.load(std::memory_order_acquire);
  if (callback == nullptr) return;  // taken away a moment ago
  const Kind kind = kind_of(report.kind);
  const strata_corruption passed{.kind = kind.kind,
                                 .text = kind.text,
                                 .address = report.address,
                                 .block = report.block,
                                 .block_bytes = report.block_bytes,
                                 .thread = report.thread,
                                 .requested_bytes = report.requested_bytes,
                                 .damaged_offset = report.damaged_offset};
  callback(&passed);
}

}  // namespace
}  // namespace strata::api

strata_corruption_callback strata_set_corruption_callback(strata_corruption_callback callback) noexcept {
  using strata::api::corruption_callback;
  if (callback == nullptr) (void)strata::allocator::set_corruption_hook(nullptr);
  const strata_corruption_callback before = corruption_callback.exchange(callback, std::memory_order_acq_rel);
  if (callback != nullptr) (void)strata::allocator::set_corruption_hook(strata::api::pass_on);
  return before;
}
