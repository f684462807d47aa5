#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>

#include "engine/allocator/corruption.h"
#include "engine/allocator/memory_checks.h"

namespace strata::test {

inline constexpr bool kChecked = allocator::kCheckedHeap;
inline constexpr bool kHardened = allocator::kMemoryChecks == allocator::MemoryChecks::hardened;
inline constexpr bool kUnchecked = allocator::kMemoryChecks == allocator::MemoryChecks::none;

// Takes the place of the corruption hook while it lives, and keeps what is reported, from any thread. One at a time.
class ReportLog {
 public:
  ReportLog() : before_(allocator::set_corruption_hook(keep)) { active = this; }
  ~ReportLog() {
    allocator::set_corruption_hook(before_);
    active = nullptr;
  }
  ReportLog(const ReportLog&) = delete;
  ReportLog& operator=(const ReportLog&) = delete;

  [[nodiscard]] std::size_t count() const { return count_; }

  // The one report since the last call. A failed expectation if there is none, or more.
  [[nodiscard]] allocator::CorruptionReport only() const {
    const std::size_t count = count_.exchange(0);
    EXPECT_EQ(count, 1U) << "reports";
    return count == 0 ? allocator::CorruptionReport() : reports_[0];
  }

 private:
  static void keep(const allocator::CorruptionReport& report) {
    const std::size_t number = active->count_.fetch_add(1);
    if (number < active->reports_.size()) active->reports_[number] = report;
  }

  static inline ReportLog* active = nullptr;

  mutable std::atomic<std::size_t> count_ = 0;
  std::array<allocator::CorruptionReport, 64> reports_;
  allocator::CorruptionHook before_;
};

}  // namespace strata::test
