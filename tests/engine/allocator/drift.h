#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "engine/allocator/allocate.h"
#include "engine/allocator/memory_checks.h"

// Memory that drifts from one size to another.
namespace strata::test {

struct Held {
  unsigned char* start;
  std::size_t bytes;
  unsigned char mark;

  [[nodiscard]] bool intact() const {
    return std::all_of(start, start + bytes, [this](unsigned char byte) { return byte == mark; });
  }
};

// Fills with one range of sizes, then lets nine blocks of ten give way to blocks of the next.
class Drift {
 public:
  Drift(std::size_t live_bytes, unsigned seed) : live_bytes_(live_bytes), random_(seed) {}

  // One block goes, others come, until nine of ten are new.
  void turn_over(std::size_t smallest, std::size_t largest) {
    const std::vector<Held> leaving = choose_leaving();
    for (const Held& held : leaving) {
      give_back(held);
      fill(smallest, largest);
    }
    fill(smallest, largest);
  }
  // Nine of ten go, then others come.
  void replace(std::size_t smallest, std::size_t largest) {
    for (const Held& held : choose_leaving()) give_back(held);
    fill(smallest, largest);
  }
  void clear() {
    for (const Held& held : blocks_) give_back(held);
    blocks_.clear();
  }
  [[nodiscard]] bool sound() const { return sound_; }

 private:
  std::vector<Held> choose_leaving() {
    std::shuffle(blocks_.begin(), blocks_.end(), random_);
    std::vector<Held> leaving(blocks_.begin() + static_cast<std::ptrdiff_t>(blocks_.size() / 10), blocks_.end());
    blocks_.resize(blocks_.size() / 10);
    return leaving;
  }
  void fill(std::size_t smallest, std::size_t largest) {
    while (used_bytes_ + largest <= live_bytes_) {
      const std::size_t bytes = smallest + random_() % (largest - smallest + 1);
      auto* start = static_cast<unsigned char*>(allocator::allocate(bytes));
      sound_ = sound_ && start != nullptr && reinterpret_cast<std::uintptr_t>(start) % allocator::kMallocAlignment == 0 &&
               allocator::usable_bytes(start) >= bytes;
      const auto mark = static_cast<unsigned char>(random_());
      std::memset(start, mark, bytes);
      blocks_.push_back({start, bytes, mark});
      used_bytes_ += bytes;
    }
  }
  void give_back(const Held& held) {
    sound_ = sound_ && held.intact();
    used_bytes_ -= held.bytes;
    allocator::deallocate(held.start);
  }

  std::size_t live_bytes_;
  std::size_t used_bytes_ = 0;
  std::mt19937 random_;
  std::vector<Held> blocks_;
  bool sound_ = true;
};

inline void skip_where_nothing_is_recycled() {
  if (allocator::kMemoryChecks != allocator::MemoryChecks::none) GTEST_SKIP() << "builds with checks do not recycle spans";
}

}  // namespace strata::test
