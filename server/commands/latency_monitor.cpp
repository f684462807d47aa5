#include "server/commands/latency_monitor.h"

#include <algorithm>

namespace strata::server {

void LatencyMonitor::set_threshold_ms(std::int64_t ms) {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t ns = ms <= 0 ? CloserLook::kNever : static_cast<std::uint64_t>(ms) * 1'000'000;
  at_ns_.store(ns, std::memory_order_relaxed);
  look_.ask(CloserLook::Asker::latency_monitor, {.nanoseconds = ns});
}

void LatencyMonitor::add(Event event, std::uint64_t ms, std::int64_t now_s) {
  const std::scoped_lock lock(mutex_);
  History& history = histories_[static_cast<std::size_t>(event)];
  history.longest_ms = std::max(history.longest_ms, ms);
  std::vector<Sample>& samples = history.samples;
  if (!samples.empty() && samples.back().at_s == now_s) {
    samples.back().ms = std::max(samples.back().ms, ms);
    return;
  }
  if (samples.size() == kSamples) samples.erase(samples.begin());
  samples.push_back({.at_s = now_s, .ms = ms});
}

LatencyMonitor::History LatencyMonitor::history(Event event) const {
  const std::scoped_lock lock(mutex_);
  return histories_[static_cast<std::size_t>(event)];
}

bool LatencyMonitor::reset(Event event) {
  const std::scoped_lock lock(mutex_);
  History& history = histories_[static_cast<std::size_t>(event)];
  const bool any = !history.samples.empty();
  history = {};
  return any;
}

}  // namespace strata::server
