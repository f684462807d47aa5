#include "server/commands/statistics.h"

#include "engine/api/strata.hpp"

namespace strata::server {

namespace {

std::uint64_t value_of(const Counter& cell) noexcept { return cell.get(); }
std::uint64_t value_of(std::uint64_t cell) noexcept { return cell; }

// `sum` becomes sum + sign * part, cell by cell; the one place that lists the fields.
template <typename Cell>
void accumulate(Histogram<std::uint64_t>& sum, const Histogram<Cell>& part, bool subtract) {
  for (std::size_t i = 0; i < sum.buckets.size(); ++i) {
    sum.buckets[i] += subtract ? -value_of(part.buckets[i]) : value_of(part.buckets[i]);
  }
}

CommandStatistics read(const CommandCounters& counters) {
  // Once: it goes on meanwhile, and no histogram is to have more than there are calls of its kind.
  const std::uint64_t usual = counters.usual_calls.get();
  CommandStatistics statistics{.calls = usual + counters.other_calls.get(),
                               .nanoseconds = CycleClock::ticks_to_ns(counters.ticks.get()),
                               .rejected = counters.rejected.get(),
                               .failed = counters.failed.get()};
  accumulate(statistics.latency, counters.latency, false);
  statistics.latency.buckets[0] += usual;
  return statistics;
}

void accumulate(CommandStatistics& sum, const CommandStatistics& part, bool subtract) {
  const auto add = [subtract](std::uint64_t& to, std::uint64_t from) { to += subtract ? -from : from; };
  add(sum.calls, part.calls);
  add(sum.nanoseconds, part.nanoseconds);
  add(sum.rejected, part.rejected);
  add(sum.failed, part.failed);
  accumulate(sum.latency, part.latency, subtract);
}

template <typename Cell>
void accumulate(BasicTraffic<std::uint64_t>& sum, const BasicTraffic<Cell>& part, bool subtract) {
  const auto add = [subtract](std::uint64_t& to, const Cell& from) { to += subtract ? -value_of(from) : value_of(from); };
  add(sum.connections_accepted, part.connections_accepted);
  add(sum.connections_rejected, part.connections_rejected);
  add(sum.dropped_slow, part.dropped_slow);
  add(sum.dropped_largest, part.dropped_largest);
  add(sum.dropped_idle, part.dropped_idle);
  add(sum.protocol_errors, part.protocol_errors);
  add(sum.tls_handshakes, part.tls_handshakes);
  add(sum.tls_failures, part.tls_failures);
  add(sum.network_input_bytes, part.network_input_bytes);
  add(sum.network_output_bytes, part.network_output_bytes);
  add(sum.turns, part.turns);
  add(sum.suspended, part.suspended);
  accumulate(sum.loop_lag, part.loop_lag, subtract);
  add(sum.loop_lag_nanoseconds, part.loop_lag_nanoseconds);
}

void subtract(StatisticsSnapshot& from, const StatisticsSnapshot& baseline) {
  for (std::size_t i = 0; i < baseline.commands.size(); ++i) accumulate(from.commands[i], baseline.commands[i], true);
  accumulate(from.traffic, baseline.traffic, true);
  for (const auto& [code, count] : baseline.errors) {
    auto found = from.errors.find(code);
    if (found != from.errors.end() && (found->second -= count) == 0) from.errors.erase(found);
  }
}

}  // namespace

void LoopStatistics::count_error(std::string_view code) {
  const std::scoped_lock lock(errors_mutex_);
  auto found = errors_.find(code);
  if (found == errors_.end()) found = errors_.try_emplace(errors_.size() < kErrorCodes ? std::string(code) : "OTHER", 0).first;
  ++found->second;
}

void LoopStatistics::add_errors_to(std::map<std::string, std::uint64_t>& sum) const {
  const std::scoped_lock lock(errors_mutex_);
  for (const auto& [code, count] : errors_) sum[code] += count;
}

std::uint64_t StatisticsSnapshot::total_calls() const noexcept {
  std::uint64_t calls = 0;
  for (const auto& command : commands) calls += command.calls;
  return calls;
}

std::uint64_t StatisticsSnapshot::total_errors() const noexcept {
  std::uint64_t total = 0;
  for (const auto& [code, count] : errors) total += count;
  return total;
}

LoopStatistics& Statistics::add_loop() {
  const std::scoped_lock lock(mutex_);
  return *loops_.emplace_back(std::make_unique<LoopStatistics>(commands_));
}

StatisticsSnapshot Statistics::since_start() const {
  const std::scoped_lock lock(mutex_);
  StatisticsSnapshot sum;
  sum.commands.resize(commands_);
  for (const auto& loop : loops_) {
    for (std::size_t id = 0; id < commands_; ++id) accumulate(sum.commands[id], read(loop->command(id)), false);
    accumulate(sum.traffic, loop->traffic, false);
    loop->add_errors_to(sum.errors);
  }
  return sum;
}

StatisticsSnapshot Statistics::since_reset() const {
  StatisticsSnapshot snapshot = since_start();
  const std::scoped_lock lock(mutex_);
  subtract(snapshot, baseline_);
  return snapshot;
}

void Statistics::reset() {
  StatisticsSnapshot now = since_start();
  const std::scoped_lock lock(mutex_);
  baseline_ = std::move(now);
}

void Statistics::sample(std::chrono::steady_clock::time_point now) {
  const StatisticsSnapshot sum = since_start();
  const std::scoped_lock lock(mutex_);
  samples_[sample_count_++ % kSamples] = {now, sum.total_calls(), sum.traffic.network_input_bytes,
                                          sum.traffic.network_output_bytes};
}

Statistics::Rates Statistics::rates() const {
  const std::scoped_lock lock(mutex_);
  if (sample_count_ < 2) return {};
  const Sample& newest = samples_[(sample_count_ - 1) % kSamples];
  const Sample& oldest = samples_[sample_count_ <= kSamples ? 0 : sample_count_ % kSamples];
  const double seconds = std::chrono::duration<double>(newest.at - oldest.at).count();
  if (seconds <= 0) return {};
  return {static_cast<std::uint64_t>(static_cast<double>(newest.commands - oldest.commands) / seconds),
          static_cast<double>(newest.input_bytes - oldest.input_bytes) / 1024 / seconds,
          static_cast<double>(newest.output_bytes - oldest.output_bytes) / 1024 / seconds};
}

}  // namespace strata::server
