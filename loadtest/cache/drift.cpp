// What is resident for what is stored, while values become larger and smaller: generations of new keys, each with another mean size, drive out the ones
// before, some are removed, and upkeep has its share of the time. In the process, one thread.
//
//   strata-drift [LIMIT_MIB [GENERATIONS]]      256 MiB, ten
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "engine/api/strata.hpp"
#include "loadtest/random.h"
#include "loadtest/workload/value_size.h"

namespace {

// The logarithms of the medians.
constexpr std::array kSizes{"lognormal:4.4:0.7", "lognormal:5.5:0.7", "lognormal:3.9:0.7", "lognormal:6.4:0.7", "lognormal:4.8:0.7",
                            "lognormal:7.4:0.7", "lognormal:4.3:0.7", "lognormal:6.0:0.7", "lognormal:3.5:0.7", "lognormal:6.8:0.7"};
constexpr std::uint64_t kMostBytes = 1 << 20;
constexpr std::uint64_t kTimesTheLimit = 2;  // each generation writes so much
constexpr std::uint64_t kRemovesOneIn = 5;
constexpr std::uint64_t kWritesPerSlice = 1024;
constexpr std::chrono::microseconds kSlice{500};

class Drift {
 public:
  explicit Drift(std::uint64_t limit_bytes)
      : limit_bytes_(limit_bytes), cache_({.namespaces = 1, .hash_seed = 1}, {.max_memory_bytes = limit_bytes}) {
    session_ = cache_.open_session();
    session_->begin_slice();
  }
  ~Drift() { session_->end_slice(); }
  Drift(const Drift&) = delete;
  Drift& operator=(const Drift&) = delete;

  void generation(std::uint64_t number) {
    std::string problem;
    const auto size = strata::loadtest::ValueSize::parse(kSizes[number % kSizes.size()], problem);
    std::uint64_t written = 0;
    for (std::uint64_t item = 0; written < kTimesTheLimit * limit_bytes_; ++item) {
      const std::uint64_t bytes = std::min<std::uint64_t>(size->of(item), kMostBytes);
      written += bytes;
      const strata::Status status = cache_.update(*session_, key(number, item),
                                                  [&](strata::Decision& decision) { decision.put(std::string_view(value_).substr(0, bytes), strata::kNoExpiry); });
      if (status != strata::Status::ok) ++refused_;
      if (item % kRemovesOneIn == 0) {
        bool was_there = false;
        (void)cache_.remove(*session_, key(number, random_.below(item + 1)), was_there);
      }
      session_->quiescent();
      // What was tried in vain is tried again after a while, by this clock.
      if (item % kWritesPerSlice == 0) session_->set_now_ms(strata::wall_clock_ms());
      if (item % kWritesPerSlice == 0) (void)cache_.upkeep(*session_, 0, 1, kSlice);
      most_resident_ = std::max(most_resident_, cache_.resident_bytes());
    }
    tell(fmt::format("{} {}", number + 1, kSizes[number % kSizes.size()]));
  }
  void rest() {
    for (int i = 0; i < 1000 && cache_.upkeep(*session_, 0, 1, kSlice).more; ++i) session_->quiescent();
    tell("at rest");
  }

 private:
  strata::Key key(std::uint64_t generation, std::uint64_t item) {
    name_ = fmt::format("{}:{}", generation, item);
    return cache_.key(0, name_);
  }
  void tell(const std::string& when) {
    const strata::cache::CompactionStatistics told = cache_.compaction_statistics();
    const std::uint64_t used = told.segments_bytes - told.free_bytes;
    fmt::print(
        "{:28} {:>8} items, {:>5} MiB of them in {:>5} MiB: {:.3f}; resident at most {} of {} MiB; moved {} MiB; {} writes "
        "refused\n",
        when, cache_.size(0).items, used >> 20U, told.segments_bytes >> 20U,
        static_cast<double>(told.segments_bytes) / static_cast<double>(used), most_resident_ >> 20U, limit_bytes_ >> 20U,
        told.moved_bytes >> 20U, refused_);
  }

  std::uint64_t limit_bytes_;
  strata::Cache cache_;
  std::unique_ptr<strata::Session> session_;
  strata::loadtest::Random random_{1};
  std::string value_ = std::string(kMostBytes, 'v');
  std::string name_;
  std::uint64_t most_resident_ = 0;
  std::uint64_t refused_ = 0;
};

bool read_number(const char* text, std::uint64_t& number) {
  const auto [end, failure] = std::from_chars(text, text + std::strlen(text), number);
  return failure == std::errc{} && *end == '\0' && number > 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t limit_mib = 256;
  std::uint64_t generations = kSizes.size();
  if (argc > 3 || (argc > 1 && !read_number(argv[1], limit_mib)) || (argc > 2 && !read_number(argv[2], generations))) {
    fmt::print(stderr, "usage: strata-drift [LIMIT_MIB [GENERATIONS]]\n");
    return 2;
  }
  Drift drift(limit_mib << 20U);
  for (std::uint64_t number = 0; number < generations; ++number) drift.generation(number);
  drift.rest();
  return 0;
}
