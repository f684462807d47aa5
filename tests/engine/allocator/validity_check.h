#pragma once

#include <gtest/gtest.h>

#include "engine/allocator/validity.h"

namespace strata::test {

// For EXPECT_TRUE and ASSERT_TRUE: says what is wrong.
template <typename... Checked>
[[nodiscard]] testing::AssertionResult valid(Checked&... checked) {
  allocator::Invalidity what;
  if (allocator::is_valid(checked..., &what)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << what.reason << " (" << what.where << ")";
}

[[nodiscard]] inline testing::AssertionResult process_is_valid() {
  allocator::Invalidity what;
  if (allocator::is_process_valid(&what)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << what.reason << " (" << what.where << ")";
}

}  // namespace strata::test
