#include "tests/golden/policy_simulator.h"

#include <algorithm>

#include "tests/golden/object_queue.h"

namespace strata::golden {
namespace {

// One queue and nothing remembered about hits.
class Fifo : public PolicySimulator {
 public:
  Fifo(Object objects, std::uint64_t capacity) : queue_(objects), capacity_(capacity) {}

  bool access(Object object) override {
    if (queue_.contains(object)) return true;
    if (queue_.size() >= capacity_) queue_.pop_oldest();
    queue_.push(object);
    return false;
  }

 private:
  ObjectQueue queue_;
  std::uint64_t capacity_;
};

class Lru : public PolicySimulator {
 public:
  Lru(Object objects, std::uint64_t capacity) : queue_(objects), capacity_(capacity) {}

  bool access(Object object) override {
    const bool hit = queue_.contains(object);
    if (hit) {
      queue_.remove(object);
    } else if (queue_.size() >= capacity_) {
      queue_.pop_oldest();
    }
    queue_.push(object);
    return hit;
  }

 private:
  ObjectQueue queue_;
  std::uint64_t capacity_;
};

// FIFO that gives what was hit since it was last at the end another round.
class Clock : public PolicySimulator {
 public:
  Clock(Object objects, std::uint64_t capacity) : queue_(objects), visited_(objects, false), capacity_(capacity) {}

  bool access(Object object) override {
    if (queue_.contains(object)) {
      visited_[object] = true;
      return true;
    }
    if (queue_.size() >= capacity_) evict();
    visited_[object] = false;
    queue_.push(object);
    return false;
  }

 private:
  void evict() {
    for (;;) {
      const Object object = queue_.pop_oldest();
      if (!visited_[object]) return;
      visited_[object] = false;
      queue_.push(object);
    }
  }

  ObjectQueue queue_;
  std::vector<bool> visited_;
  std::uint64_t capacity_;
};

// Like clock, but what is kept stays where it is, and the hand goes on from there.
class Sieve : public PolicySimulator {
 public:
  Sieve(Object objects, std::uint64_t capacity) : queue_(objects), visited_(objects, false), capacity_(capacity) {}

  bool access(Object object) override {
    if (queue_.contains(object)) {
      visited_[object] = true;
      return true;
    }
    if (queue_.size() >= capacity_) evict();
    visited_[object] = false;
    queue_.push(object);
    return false;
  }

 private:
  void evict() {
    Object at = hand_ == ObjectQueue::kNone ? queue_.oldest() : hand_;
    while (visited_[at]) {
      visited_[at] = false;
      at = queue_.newer_than(at);
      if (at == ObjectQueue::kNone) at = queue_.oldest();
    }
    hand_ = queue_.newer_than(at);
    queue_.remove(at);
  }

  ObjectQueue queue_;
  std::vector<bool> visited_;
  Object hand_ = ObjectQueue::kNone;
  std::uint64_t capacity_;
};

class S3Fifo : public PolicySimulator {
 public:
  S3Fifo(Object objects, std::uint64_t capacity)
      : small_(objects),
        main_(objects),
        ghost_(objects),
        hits_(objects, 0),
        capacity_(capacity),
        main_capacity_(capacity - std::max<std::uint64_t>(1, capacity / 10)) {}

  bool access(Object object) override {
    if (small_.contains(object) || main_.contains(object)) {
      hits_[object] = std::min<std::uint8_t>(hits_[object] + 1, kMostHits);
      return true;
    }
    const bool ghost = ghost_.contains(object);
    if (ghost) ghost_.remove(object);
    while (small_.size() + main_.size() >= capacity_) evict();
    hits_[object] = 0;
    (ghost ? main_ : small_).push(object);
    return false;
  }

 private:
  static constexpr std::uint8_t kMostHits = 3, kPromoteAt = 2;

  void evict() {
    if (main_.size() > main_capacity_ || small_.size() == 0) {
      evict_from_main();
    } else {
      evict_from_small();
    }
  }

  // Moves on what was hit often enough; the first that was not becomes a ghost.
  void evict_from_small() {
    while (small_.size() > 0) {
      const Object object = small_.pop_oldest();
      if (hits_[object] < kPromoteAt) {
        remember(object);
        return;
      }
      hits_[object] = 0;
      main_.push(object);
    }
  }

  void evict_from_main() {
    for (;;) {
      const Object object = main_.pop_oldest();
      if (hits_[object] == 0) return;
      --hits_[object];
      main_.push(object);
    }
  }

  void remember(Object object) {
    if (main_capacity_ == 0) return;
    if (ghost_.size() >= main_capacity_) ghost_.pop_oldest();
    ghost_.push(object);
  }

  ObjectQueue small_, main_, ghost_;
  std::vector<std::uint8_t> hits_;
  std::uint64_t capacity_, main_capacity_;
};

}  // namespace

std::unique_ptr<PolicySimulator> PolicySimulator::make(std::string_view policy, Object objects, std::uint64_t capacity) {
  if (policy == "fifo") return std::make_unique<Fifo>(objects, capacity);
  if (policy == "lru") return std::make_unique<Lru>(objects, capacity);
  if (policy == "clock") return std::make_unique<Clock>(objects, capacity);
  if (policy == "sieve") return std::make_unique<Sieve>(objects, capacity);
  if (policy == "s3fifo") return std::make_unique<S3Fifo>(objects, capacity);
  return nullptr;
}

double miss_ratio(PolicySimulator& simulator, const std::vector<Object>& accesses) {
  std::uint64_t misses = 0;
  for (const Object object : accesses) misses += simulator.access(object) ? 0U : 1U;
  return static_cast<double>(misses) / static_cast<double>(accesses.size());
}

}  // namespace strata::golden
