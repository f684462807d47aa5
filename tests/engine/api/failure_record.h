#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

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

// The corruption reports of the process from here on.
class CorruptionRecord {
 public:
  CorruptionRecord() {
    reports().clear();
    strata_set_corruption_callback([](const strata_corruption* report) { reports().push_back(*report); });
  }
  ~CorruptionRecord() { strata_set_corruption_callback(nullptr); }
  CorruptionRecord(const CorruptionRecord&) = delete;
  CorruptionRecord& operator=(const CorruptionRecord&) = delete;

  // Expects one report since the last call: an invalid free of this address.
  static void expect_invalid_free(const void* address, const char* where) {
    ASSERT_EQ(reports().size(), 1U) << where;
    EXPECT_EQ(reports()[0].kind, STRATA_CORRUPTION_INVALID_FREE) << where;
    EXPECT_EQ(reports()[0].address, address) << where;
    reports().clear();
  }
  static void expect_nothing(const char* where) {
    EXPECT_TRUE(reports().empty()) << where;
    reports().clear();
  }

 private:
  // Not of the library's memory: it is beside malloc.
  static std::vector<strata_corruption>& reports() {
    static std::vector<strata_corruption> all;
    return all;
  }
};

inline void expect_no_failure() {
  EXPECT_EQ(strata_last_error()->status, STRATA_OK) << strata_last_error()->function << ": " << strata_last_error()->text;
}

}  // namespace strata::test
