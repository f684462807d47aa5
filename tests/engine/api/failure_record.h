#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

#include "engine/api/strata.h"

namespace strata::test {

// Tests begin as a program does: nothing has failed and nobody listens.
class ApiTest : public testing::Test {
 protected:
  void SetUp() override {
    strata_set_error_callback(nullptr);
    strata_set_corruption_callback(nullptr);
    strata_clear_error();
  }
};

// Expects that the calling thread's last failure is this one, with a text, and forgets it.
inline void expect_failure(strata_status status, const char* function, std::size_t bytes = 0, const void* address = nullptr) {
  const strata_error* error = strata_last_error();
  EXPECT_EQ(error->status, status) << strata_status_text(error->status) << ", " << error->text;
  EXPECT_STREQ(error->function, function);
  EXPECT_EQ(error->bytes, bytes);
  EXPECT_EQ(error->address, address);
  EXPECT_NE(std::string(error->text), "");
  strata_clear_error();
}

inline void expect_no_failure() {
  EXPECT_EQ(strata_last_error()->status, STRATA_OK) << strata_last_error()->function << ": " << strata_last_error()->text;
}

}  // namespace strata::test
