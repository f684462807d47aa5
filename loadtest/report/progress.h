#pragma once

#include <cstdint>

#include "loadtest/options.h"
#include "loadtest/run/run_clock.h"

namespace strata::loadtest {

// One line on a terminal, redrawn in place, that says how far a run has come. Draws nothing elsewhere.
class Progress {
 public:
  // `expected`: how many replies will come; 0 if the time decides.
  Progress(const Options& options, std::uint64_t expected);
  ~Progress();  // removes the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // At most a few times a second, whatever the caller's pace.
  void show(std::uint64_t replies, const Window& window);

 private:
  bool shown_;
  bool drawn_ = false;
  std::uint64_t expected_;
  std::uint64_t last_ns_ = 0;
  std::uint64_t last_replies_ = 0;
};

}  // namespace strata::loadtest
