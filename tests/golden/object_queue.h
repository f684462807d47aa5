#pragma once

#include <cstdint>
#include <vector>

#include "tests/golden/policy_simulator.h"

namespace strata::golden {

// A queue of objects, each in it at most once, with removal from the middle: linked through arrays indexed by object.
class ObjectQueue {
 public:
  static constexpr Object kNone = ~Object{0};

  explicit ObjectQueue(Object objects) : newer_(objects, kNone), older_(objects, kNone), member_(objects, false) {}

  bool contains(Object object) const { return member_[object]; }
  std::uint64_t size() const { return size_; }
  Object oldest() const { return oldest_; }
  Object newer_than(Object object) const { return newer_[object]; }

  void push(Object object) {
    older_[object] = newest_;
    newer_[object] = kNone;
    (newest_ == kNone ? oldest_ : newer_[newest_]) = object;
    newest_ = object;
    member_[object] = true;
    ++size_;
  }

  void remove(Object object) {
    (older_[object] == kNone ? oldest_ : newer_[older_[object]]) = newer_[object];
    (newer_[object] == kNone ? newest_ : older_[newer_[object]]) = older_[object];
    member_[object] = false;
    --size_;
  }

  Object pop_oldest() {
    const Object object = oldest_;
    remove(object);
    return object;
  }

 private:
  std::vector<Object> newer_, older_;
  std::vector<bool> member_;
  Object newest_ = kNone, oldest_ = kNone;
  std::uint64_t size_ = 0;
};

}  // namespace strata::golden
