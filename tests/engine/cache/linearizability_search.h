#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/engine/cache/linearizability.h"
#include "tests/engine/cache/linearizability_group.h"

// The search of linearizability.h, in one group of keys.
namespace strata::history {

// The 128-bit fingerprints of the configurations that were tried. Two different ones that share a fingerprint would be taken for one: with 2^22 of
// them, less likely than 2^-84.
class Tried {
 public:
  using Fingerprint = std::array<std::uint64_t, 2>;

  // False if it is there already.
  bool insert(const Fingerprint& fingerprint);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  bool place(const Fingerprint& fingerprint) noexcept;

  std::vector<Fingerprint> table_;  // open addressing; all zero is free
  std::size_t size_ = 0;
};

class Search {
 public:
  // `looks_ahead`: gives a way up as soon as a value is overwritten that steps not in the order have to see yet. The answer is the same;
  // without it the order found before a failure goes on up to the operation that saw something wrong.
  Search(const Group& group, const SearchLimits& limits, bool looks_ahead);

  [[nodiscard]] Verdict run();

  // The longest order of steps that was possible.
  [[nodiscard]] std::span<const std::uint32_t> longest_order() const noexcept { return longest_; }
  [[nodiscard]] std::uint64_t configurations() const noexcept { return tried_.size(); }
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

 private:
  struct Change {
    std::uint32_t key = 0;
    Held before;
  };
  // A configuration on the way to the present one.
  struct Frame {
    std::uint64_t candidates = 0;  // lanes whose next step is to be tried
    Vanishing vanishing;
    std::size_t changes = 0;  // how many there were before the step taken from here
    std::uint32_t lane = 0;   // of that step
  };

  [[nodiscard]] const Step* next_in(std::size_t lane) const noexcept;
  [[nodiscard]] const Step& horizon() const noexcept;
  [[nodiscard]] Frame open();
  [[nodiscard]] std::uint64_t choices(std::uint64_t horizon);
  [[nodiscard]] std::uint32_t first_to_respond(std::uint64_t lanes) const noexcept;
  [[nodiscard]] bool changes_nothing(const Step& step) const noexcept;
  [[nodiscard]] bool take(const Frame& frame);
  void take_back(const Frame& frame) noexcept;
  void restore(std::size_t changes) noexcept;
  void count(const Step& step, std::uint32_t by) noexcept;
  [[nodiscard]] bool loses_a_reader(std::size_t changes) const noexcept;
  [[nodiscard]] Tried::Fingerprint fingerprint_of_key(std::uint32_t key) const noexcept;
  void refresh(const Step& step) noexcept;
  void remember_longest();

  const Group& group_;
  const SearchLimits limits_;
  const bool looks_ahead_;
  std::vector<Slot> slots_;              // the counts are of steps not in the order
  std::vector<std::uint32_t> position_;  // of each lane's next step
  std::vector<Held> held_;
  std::vector<Tried::Fingerprint> key_fingerprints_;
  Tried::Fingerprint keys_fingerprint_{};  // all of them, exclusive-or
  Tried tried_;
  std::vector<Frame> frames_;
  std::vector<Change> changes_;
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> longest_;
  std::size_t shared_ = 0;  // so much of longest_ and order_ is the same
  std::size_t due_ = 0;     // steps not in the order that have to be
  std::size_t least_due_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace strata::history
