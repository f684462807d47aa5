#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/engine/cache/history.h"

namespace strata::history {

enum class Verdict : std::uint8_t {
  linearizable,
  not_linearizable,
  undecided,  // a limit was reached first: for a test as bad as the one before
  malformed,  // operations of one thread overlap, or one ends before it begins: the recording is wrong
};

// Of the search in one group of keys.
struct SearchLimits {
  std::uint64_t configurations = 1ULL << 22U;  // remembered, at 32 bytes
  std::uint64_t steps = 1ULL << 28U;           // operations put into the order, taken back ones included
};

struct Judgement {
  Verdict verdict = Verdict::linearizable;
  std::string explanation;           // empty when linearizable
  std::size_t operations = 0;        // with an effect on some key
  std::size_t groups = 0;            // of keys that no operation joins
  std::uint64_t configurations = 0;  // the sum of what was remembered
  std::uint64_t steps = 0;
};

// Whether the operations can be put into one order that a store working through them one at a time would have answered in the same way, each
// operation standing somewhere between its invocation and its response (Herlihy and Wing 1990).
//
// The search is Wing and Gong's (1993) with Lowe's memory of what was tried (2017): it puts one operation after another into the order, takes
// back the last one where none fits, and never goes on twice from the same configuration (operations in the order, values of the keys).
// Keys that no operation joins are judged apart: a history is linearizable if each key's is (Herlihy and Wing; as a method Horn and Kroening 2015).
//
// A key may vanish by itself: at most once for each time it is written, and is then gone.
// - Expiry: it is missing for operations whose clock has reached its expiry, and may be for others that respond after some operation (of any
//   thread, on any key) with such a clock was invoked.
// - Eviction: it may be missing if one of `history.evictions` overlaps the time between the invocation of its write and the response of
//   the operation that misses it.
[[nodiscard]] Judgement judge(const History& history, const SearchLimits& limits = {});

}  // namespace strata::history
