#include "loadtest/report/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace strata::loadtest {

namespace {

constexpr std::uint64_t kPauseNs = 250'000'000;
constexpr std::size_t kBarCells = 30;

}  // namespace

Progress::Progress(const Options& options, std::uint64_t expected)
    : shown_(!options.quiet && ::isatty(STDERR_FILENO) == 1), expected_(expected) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void Progress::show(std::uint64_t replies, const Window& window) {
  const std::uint64_t now = now_ns();
  if (!shown_ || now < last_ns_ + kPauseNs) return;
  double share = 0;
  const char* phase = "";
  if (now < window.begin_ns) {
    phase = "  warming up";
  } else if (expected_ > 0) {
    share = static_cast<double>(replies) / static_cast<double>(expected_);
  } else {
    share = static_cast<double>(now - window.begin_ns) / static_cast<double>(window.end_ns - window.begin_ns);
  }
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * kBarCells);
  const double rate =
      last_ns_ == 0 ? 0 : static_cast<double>(replies - last_replies_) * 1e9 / static_cast<double>(now - last_ns_);
  fmt::print(stderr, "\r\x1b[K[{}{}] {:3.0f} %  {} replies  {:.0f}/s{}", std::string(full, '#'),
             std::string(kBarCells - full, '.'), std::min(share, 1.0) * 100, replies, rate, phase);
  std::fflush(stderr);
  drawn_ = true;
  last_ns_ = now;
  last_replies_ = replies;
}

}  // namespace strata::loadtest
