#pragma once

#include <atomic>
#include <cstdint>

#include "engine/os/memory_calls.h"

namespace strata::test {

// The calls of Linux, of which one can be told to fail. Counts them.
class FakeMemoryCalls final : public os::MemoryCalls {
 public:
  enum Call { reserve_call, release_call, commit_call, discard_call, populate_call, huge_call, move_call, file_call, kCalls };

  // From the `number`th call of a kind on (1: the next) all of that kind fail.
  void fail_from(Call call, std::uint64_t number) { fails_from_[call] = made_[call] + number; }
  void let_all_succeed() {
    for (auto& number : fails_from_) number = kNever;
    fails_only_ = kNever;
  }
  // Of the calls from now on, of whatever kind, the `number`th (1: the next) fails and no other.
  void fail_only(std::uint64_t number) { fails_only_ = made_in_all_ + number; }
  // Whether that call was made.
  [[nodiscard]] bool has_failed() const { return made_in_all_ >= fails_only_; }
  [[nodiscard]] std::uint64_t made(Call call) const { return made_[call]; }
  // Requests for more address space than this fail.
  std::size_t largest_reserve = ~std::size_t{0};

  void* reserve(std::size_t bytes) noexcept override {
    return fails(reserve_call) || bytes > largest_reserve ? nullptr : real_.reserve(bytes);
  }
  std::errc release(void* start, std::size_t bytes) noexcept override {
    return fails(release_call) ? kFailure : real_.release(start, bytes);
  }
  std::errc commit(void* start, std::size_t bytes) noexcept override {
    return fails(commit_call) ? kFailure : real_.commit(start, bytes);
  }
  std::errc discard(void* start, std::size_t bytes) noexcept override {
    return fails(discard_call) ? kFailure : real_.discard(start, bytes);
  }
  std::errc populate(void* start, std::size_t bytes) noexcept override {
    return fails(populate_call) ? kFailure : real_.populate(start, bytes);
  }
  std::errc advise_huge_pages(void* start, std::size_t bytes) noexcept override {
    return fails(huge_call) ? kFailure : real_.advise_huge_pages(start, bytes);
  }
  std::errc refuse_huge_pages(void* start, std::size_t bytes) noexcept override {
    return fails(huge_call) ? kFailure : real_.refuse_huge_pages(start, bytes);
  }
  std::errc move(void* from, std::size_t bytes, void* to) noexcept override {
    return fails(move_call) ? kFailure : real_.move(from, bytes, to);
  }
  std::errc open_file(const char* path, std::size_t size, int* descriptor) noexcept override {
    return fails(file_call) ? kFailure : real_.open_file(path, size, descriptor);
  }
  std::errc map_file(int descriptor, std::size_t offset, void* start, std::size_t bytes) noexcept override {
    return fails(file_call) ? kFailure : real_.map_file(descriptor, offset, start, bytes);
  }
  std::errc punch_hole(int descriptor, std::size_t offset, std::size_t bytes) noexcept override {
    return fails(file_call) ? kFailure : real_.punch_hole(descriptor, offset, bytes);
  }
  void close_file(int descriptor) noexcept override { real_.close_file(descriptor); }
  std::size_t page_bytes() const noexcept override { return real_.page_bytes(); }

 private:
  static constexpr std::errc kFailure = std::errc::not_enough_memory;
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  bool fails(Call call) noexcept {
    const bool is_the_one = ++made_in_all_ == fails_only_;
    return ++made_[call] >= fails_from_[call] || is_the_one;
  }

  os::MemoryCalls& real_ = os::linux_memory_calls();
  std::atomic<std::uint64_t> made_[kCalls] = {};
  std::atomic<std::uint64_t> made_in_all_ = 0;
  std::atomic<std::uint64_t> fails_only_ = kNever;
  std::atomic<std::uint64_t> fails_from_[kCalls] = {kNever, kNever, kNever, kNever, kNever, kNever, kNever, kNever};
};

}  // namespace strata::test
