#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace strata::loadtest {

// One access of a recorded trace.
struct Access {
  std::uint64_t key = 0;
  std::uint32_t value_bytes = 0;  // 0: not recorded
  bool first = false;             // of its key: any cache misses it
};

// A whole trace in memory: a .trc file (records of u64 key and u32 value size, little endian) compressed with zstd.
struct Trace {
  // At most `limit` accesses (0: all). nullopt, and a line that names the file and what is wrong with it in `problem`, if it can
  // not be read, is not zstd, is damaged or ends within a record.
  static std::optional<Trace> read(const std::string& path, std::uint64_t limit, std::string& problem);

  std::vector<Access> accesses;
  std::uint64_t distinct_keys = 0;
  std::uint64_t largest_key = 0;
};

}  // namespace strata::loadtest
