#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <vector>

#include "engine/allocator/process_allocator.h"

namespace strata::test {

// Of the pages of [start, start + bytes), which begins at a page, as the system tells.
inline std::uint64_t resident_bytes(void* start, std::size_t bytes) {
  const std::size_t page_bytes = allocator::process.map.page_bytes();
  std::vector<unsigned char> pages((bytes + page_bytes - 1) / page_bytes);
  EXPECT_EQ(::mincore(start, bytes, pages.data()), 0);
  std::uint64_t resident = 0;
  for (const unsigned char page : pages) resident += (page & 1U) * page_bytes;
  return resident;
}

}  // namespace strata::test
