#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "engine/api/strata.h"
#include "tests/engine/api/failure_record.h"

namespace strata::test {
namespace {

std::vector<strata_error> told;              // NOLINT(cert-err58-cpp)
std::vector<strata_corruption> corruptions;  // NOLINT(cert-err58-cpp)

void note_error(const strata_error* error) { told.push_back(*error); }
void note_corruption(const strata_corruption* report) { corruptions.push_back(*report); }

using Version = ApiTest;
using Status = ApiTest;
using LastError = ApiTest;
using ErrorCallback = ApiTest;
using CorruptionCallback = ApiTest;

TEST_F(Version, IsTheProjects) {
  // From the build's description of the project, not from the header.
  EXPECT_STREQ(strata_version_text(), STRATA_PROJECT_VERSION);
  EXPECT_EQ(strata_version(), std::uint32_t{STRATA_VERSION});
  const std::string header = std::to_string(STRATA_VERSION_MAJOR) + "." + std::to_string(STRATA_VERSION_MINOR) + "." +
                             std::to_string(STRATA_VERSION_PATCH);
  EXPECT_EQ(header, STRATA_PROJECT_VERSION);
}

TEST_F(Status, EachHasATextOfItsOwn) {
  std::vector<std::string> texts;
  for (int status = STRATA_OK; status <= STRATA_NOT_SUPPORTED; ++status) {
    const std::string text = strata_status_text(static_cast<strata_status>(status));
    EXPECT_NE(text, "unknown status") << status;
    for (const std::string& other : texts) EXPECT_NE(text, other);
    texts.push_back(text);
  }
  for (const int number : {STRATA_NOT_SUPPORTED + 1, 99, -1}) {
    // As a program in C, or of another version, may have it.
    strata_status unknown = STRATA_OK;
    static_assert(sizeof unknown == sizeof number);
    std::memcpy(&unknown, &number, sizeof number);
    EXPECT_STREQ(strata_status_text(unknown), "unknown status");
  }
}

TEST_F(LastError, IsNothingAtTheStartAndStaysUntilTheNext) {
  EXPECT_EQ(strata_last_error()->status, STRATA_OK);
  EXPECT_STREQ(strata_last_error()->function, "");
  EXPECT_STREQ(strata_last_error()->text, "no error");
  EXPECT_EQ(strata_malloc(SIZE_MAX), nullptr);
  strata_free(strata_malloc(10));
  EXPECT_EQ(strata_last_error()->status, STRATA_SIZE_OVERFLOW) << "success does not touch it";
  EXPECT_EQ(strata_aligned_alloc(3, 10), nullptr);
  EXPECT_EQ(strata_last_error()->status, STRATA_INVALID_ALIGNMENT);
  strata_clear_error();
  EXPECT_EQ(strata_last_error()->status, STRATA_OK);
  EXPECT_STREQ(strata_last_error()->function, "");
}

TEST_F(LastError, IsEachThreadsOwn) {
  EXPECT_EQ(strata_malloc(SIZE_MAX), nullptr);
  std::thread([] {
    EXPECT_EQ(strata_last_error()->status, STRATA_OK);
    EXPECT_EQ(strata_aligned_alloc(3, 10), nullptr);
    EXPECT_EQ(strata_last_error()->status, STRATA_INVALID_ALIGNMENT);
  }).join();
  expect_failure(STRATA_SIZE_OVERFLOW, "strata_malloc", SIZE_MAX);
}

TEST_F(ErrorCallback, HearsOfEachFailure) {
  told.clear();
  EXPECT_EQ(strata_set_error_callback(note_error), nullptr);
  EXPECT_EQ(strata_aligned_alloc(3, 10), nullptr);
  strata_free(strata_malloc(10));
  EXPECT_EQ(strata_malloc(SIZE_MAX), nullptr);
  EXPECT_EQ(strata_set_error_callback(nullptr), &note_error);
  EXPECT_EQ(strata_malloc(SIZE_MAX), nullptr);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].status, STRATA_INVALID_ALIGNMENT);
  EXPECT_STREQ(told[0].function, "strata_aligned_alloc");
  EXPECT_EQ(told[0].bytes, 3U);
  EXPECT_EQ(told[1].status, STRATA_SIZE_OVERFLOW);
}

TEST_F(ErrorCallback, IsNotCalledForItsOwnFailures) {
  static int calls;
  calls = 0;
  strata_set_error_callback([](const strata_error*) {
    ++calls;
    EXPECT_EQ(strata_malloc(SIZE_MAX), nullptr);
    EXPECT_EQ(strata_last_error()->status, STRATA_SIZE_OVERFLOW);
  });
  EXPECT_EQ(strata_aligned_alloc(3, 10), nullptr);
  EXPECT_EQ(calls, 1);
  expect_failure(STRATA_INVALID_ALIGNMENT, "strata_aligned_alloc", 3);
  EXPECT_EQ(strata_aligned_alloc(3, 10), nullptr);
  EXPECT_EQ(calls, 2);
  strata_set_error_callback(nullptr);
}

TEST_F(CorruptionCallback, HearsOfForeignAndInvalidFrees) {
  corruptions.clear();
  EXPECT_EQ(strata_set_corruption_callback(note_corruption), nullptr);
  int foreign = 0;
  strata_free(&foreign);
  auto* block = static_cast<unsigned char*>(strata_malloc(100'000));
  strata_free(block + 16);
  EXPECT_EQ(strata_set_corruption_callback(nullptr), &note_corruption);
  strata_free(block);
  ASSERT_EQ(corruptions.size(), 2U);
  EXPECT_EQ(corruptions[0].kind, STRATA_CORRUPTION_FOREIGN_FREE);
  EXPECT_EQ(corruptions[0].address, &foreign);
  EXPECT_EQ(corruptions[0].block, nullptr);
  EXPECT_NE(corruptions[0].thread, 0U);
  EXPECT_STREQ(corruptions[0].text, "free of memory of others");
  EXPECT_EQ(corruptions[1].kind, STRATA_CORRUPTION_INVALID_FREE);
  EXPECT_EQ(corruptions[1].address, block + 16);
  EXPECT_EQ(corruptions[1].block, block);
  EXPECT_EQ(corruptions[1].block_bytes, 100'000U);
}

TEST_F(CorruptionCallback, WithoutOneALineIsWritten) {
  corruptions.clear();
  strata_set_corruption_callback(note_corruption);
  strata_set_corruption_callback(nullptr);
  int foreign = 0;
  ASSERT_EQ(setenv("STRATA_MEMORY_ABORT", "0", 1), 0);  // NOLINT(concurrency-mt-unsafe): for builds in which the line is the last
  testing::internal::CaptureStderr();
  strata_free(&foreign);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("strata: free of memory"), std::string::npos);
  EXPECT_TRUE(corruptions.empty());
}

}  // namespace
}  // namespace strata::test
