#pragma once

#include <atomic>
#include <cstdint>

namespace strata::sync {

// What the allocator uses in place of std::atomic, for anything that more than one thread may write or read. It is std::atomic, except in
// builds with STRATA_COUNT_SHARED_WRITES: there each thread counts what it writes to such words, so that a test can show which paths
// write to no line that others use. Loads are not counted.
#ifndef STRATA_COUNT_SHARED_WRITES

template <typename T>
using Atomic = std::atomic<T>;

#else

// Of the calling thread, since it began.
struct SharedWrites {
  std::uint64_t stores = 0;
  std::uint64_t read_modify_writes = 0;  // successful or not
};
inline constinit thread_local SharedWrites shared_writes;

template <typename T>
class Atomic : public std::atomic<T> {
  using Base = std::atomic<T>;

 public:
  using Base::Base;
  using Base::operator=;

  void store(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    ++shared_writes.stores;
    Base::store(value, order);
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) noexcept { return written().exchange(value, order); }
  template <typename... Orders>
  bool compare_exchange_weak(T& expected, T desired, Orders... orders) noexcept {
    return written().compare_exchange_weak(expected, desired, orders...);
  }
  template <typename... Orders>
  bool compare_exchange_strong(T& expected, T desired, Orders... orders) noexcept {
    return written().compare_exchange_strong(expected, desired, orders...);
  }
  T fetch_add(T by, std::memory_order order = std::memory_order_seq_cst) noexcept { return written().fetch_add(by, order); }
  T fetch_sub(T by, std::memory_order order = std::memory_order_seq_cst) noexcept { return written().fetch_sub(by, order); }
  T fetch_or(T bits, std::memory_order order = std::memory_order_seq_cst) noexcept { return written().fetch_or(bits, order); }
  T fetch_and(T bits, std::memory_order order = std::memory_order_seq_cst) noexcept { return written().fetch_and(bits, order); }

 private:
  Base& written() noexcept {
    ++shared_writes.read_modify_writes;
    return *this;
  }
};

#endif

}  // namespace strata::sync
