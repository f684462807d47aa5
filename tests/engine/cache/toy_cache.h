#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "engine/cache/protocol_points.h"
#include "tests/engine/cache/history.h"

namespace strata::history {

// What is wrong with a toy cache.
enum class Defect : std::uint8_t {
  none,
  torn_value,        // written in place, and read without the lock
  reused_item,       // an item is used again while a reader without the lock may be at it
  stale_copy,        // readers keep a copy for some reads and do not ask whether it is still true
  lost_update,       // the lock is given back between reading and writing
  late_publication,  // a set is answered before others see it, as with a store that waits in the processor
  removal_undone,    // growth copies a slot, which is removed meanwhile, and puts the copy in its place
  half_of_a_set,     // each key of several is set under a lock of its own
  half_of_a_get,     // each key of several is read under a lock of its own
  piecewise_flush,   // each key is flushed under a lock of its own
};

// A store of a few keys in an array of slots that name items, under one lock, with a defect to choose: to show that the checker finds it.
// Every shared word is atomic: what is wrong is the order of things. Value of two words, which are equal as long as it is whole.
class ToyCache {
 public:
  static constexpr KeyId kKeys = 6;
  static constexpr std::size_t kThreads = 4;

  explicit ToyCache(Defect defect) : defect_(defect), items_(kItems) {
    for (std::uint32_t item = kItems; item-- > 1;) free_.push_back(item);
  }

  [[nodiscard]] Value get(std::size_t thread, KeyId key) {
    publish(thread);
    if (defect_ == Defect::stale_copy) return copy_of(thread, key);
    if (defect_ == Defect::torn_value || defect_ == Defect::reused_item) return load(key);
    const std::lock_guard lock(mutex_);
    return load(key);
  }

  void set(std::size_t thread, KeyId key, Value value) {
    publish(thread);
    if (defect_ == Defect::late_publication) {
      waiting_[thread] = {key, value};
      return;
    }
    if (defect_ == Defect::removal_undone) grow((key + 1) % kKeys);
    const std::lock_guard lock(mutex_);
    store(key, value);
  }

  // Puts another value in place of what is there, and tells what that was.
  [[nodiscard]] Value exchange(std::size_t thread, KeyId key, Value value) {
    publish(thread);
    std::unique_lock lock(mutex_);
    const Value seen = load(key);
    if (defect_ == Defect::lost_update) {
      lock.unlock();
      STRATA_PROTOCOL_POINT(before_swing);
      lock.lock();
    }
    store(key, value);
    return seen;
  }

  [[nodiscard]] bool remove(std::size_t thread, KeyId key) { return exchange(thread, key, kAbsent) != kAbsent; }

  void set_many(std::size_t thread, std::span<const KeyId> keys, Value value) {
    publish(thread);
    together(Defect::half_of_a_set, keys.size(), [&](std::size_t i) { store(keys[i], value); });
  }

  void get_many(std::size_t thread, std::span<const KeyId> keys, std::span<Value> values) {
    publish(thread);
    together(Defect::half_of_a_get, keys.size(), [&](std::size_t i) { values[i] = load(keys[i]); });
  }

  void flush(std::size_t thread) {
    publish(thread);
    together(Defect::piecewise_flush, kKeys, [&](std::size_t i) { store(static_cast<KeyId>(i), kAbsent); });
  }

 private:
  // With a defect items are not used again, or it would bring another with it.
  static constexpr std::uint32_t kItems = 1U << 15U;

  struct Item {
    std::atomic<Value> first{kAbsent};
    std::atomic<Value> second{kAbsent};
  };
  struct Copy {
    Value value = kAbsent;
    unsigned reads_left = 0;
  };

  template <typename Each>
  void together(Defect apart, std::size_t count, Each each) {
    std::unique_lock lock(mutex_);
    for (std::size_t i = 0; i < count; ++i) {
      each(i);
      if (defect_ != apart) continue;
      lock.unlock();
      STRATA_PROTOCOL_POINT(after_joint_lock);
      lock.lock();
    }
  }

  [[nodiscard]] Value load(KeyId key) const {
    const std::uint32_t index = slots_[key].load(std::memory_order_acquire);
    if (index == 0) return kAbsent;
    STRATA_PROTOCOL_POINT(reader_after_slot_load);
    const Value first = items_[index].first.load(std::memory_order_acquire);
    STRATA_PROTOCOL_POINT(reader_after_key_compare);
    return first == items_[index].second.load(std::memory_order_acquire) ? first : kDamaged;
  }

  // REQUIRES: the lock
  void store(KeyId key, Value value) {
    const std::uint32_t old = slots_[key].load(std::memory_order_relaxed);
    const bool in_place = defect_ == Defect::torn_value && old != 0 && value != kAbsent;
    std::uint32_t index = in_place ? old : 0;
    if (value != kAbsent) {
      if (!in_place) {
        index = free_.back();
        free_.pop_back();
      }
      items_[index].first.store(value, std::memory_order_release);
      STRATA_PROTOCOL_POINT(before_swing);
      items_[index].second.store(value, std::memory_order_release);
    }
    slots_[key].store(index, std::memory_order_release);
    STRATA_PROTOCOL_POINT(after_swing);
    if (old != index && old != 0 && defect_ != Defect::torn_value && defect_ != Defect::removal_undone) free_.push_back(old);
  }

  [[nodiscard]] Value copy_of(std::size_t thread, KeyId key) {
    Copy& copy = copies_[thread][key];
    if (copy.reads_left == 0) {
      const std::lock_guard lock(mutex_);
      copy = {load(key), 3};
    }
    --copy.reads_left;
    return copy.value;
  }

  // What the thread's last set left to be done.
  void publish(std::size_t thread) {
    if (defect_ != Defect::late_publication) return;
    const auto [key, value] = std::exchange(waiting_[thread], {0, kAbsent});
    if (value == kAbsent) return;
    STRATA_PROTOCOL_POINT(before_unlock);
    const std::lock_guard lock(mutex_);
    store(key, value);
  }

  void grow(KeyId key) {
    const std::uint32_t index = slots_[key].load(std::memory_order_acquire);
    STRATA_PROTOCOL_POINT(growth_block_copied);
    slots_[key].store(index, std::memory_order_release);
  }

  const Defect defect_;
  std::mutex mutex_;
  std::array<std::atomic<std::uint32_t>, kKeys> slots_{};
  std::vector<Item> items_;
  std::vector<std::uint32_t> free_;  // the last one is used first
  // Of each thread:
  std::array<std::array<Copy, kKeys>, kThreads> copies_{};
  std::array<std::pair<KeyId, Value>, kThreads> waiting_{};
};

}  // namespace strata::history
