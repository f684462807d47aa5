#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace strata::server {

// A counter that one thread writes and any thread reads: an addition without a locked instruction.
class Counter {
 public:
  [[gnu::always_inline]] void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t n) noexcept { value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Durations in buckets that double: bucket i counts what took less than 2^i microseconds (and not less than 2^(i-1));
// the last one takes all the rest.
template <typename Cell>
struct Histogram {
  static constexpr std::size_t kBuckets = 26;  // 1 us to 33 s

  std::array<Cell, kBuckets> buckets{};

  static std::size_t bucket_of(std::uint64_t nanoseconds) noexcept {
    const auto index = static_cast<std::size_t>(std::bit_width(nanoseconds / 1000));
    return index < kBuckets ? index : kBuckets - 1;
  }
  static std::uint64_t upper_bound_microseconds(std::size_t bucket) noexcept { return std::uint64_t{1} << bucket; }
};

// What one event loop counts of a command.
struct CommandCounters {
  // Over in less than a microsecond, and nobody looked closer (CloserLook::is_usual): all that such a call has to count.
  Counter usual_calls;
  Counter other_calls;
  Counter ticks;               // CycleClock's, of all calls
  Counter rejected;            // not run: wrong arity, no permission, memory
  Counter failed;              // ran and answered an error
  Histogram<Counter> latency;  // of the other calls that are over
};

// What that comes to.
struct CommandStatistics {
  std::uint64_t calls = 0;
  std::uint64_t nanoseconds = 0;
  std::uint64_t rejected = 0;
  std::uint64_t failed = 0;
  Histogram<std::uint64_t> latency{};  // of those that are over
};

template <typename Cell>
struct BasicTraffic {
  Cell connections_accepted{};
  Cell connections_rejected{};  // over max_clients
  Cell dropped_slow{};          // output limit
  Cell dropped_largest{};       // limit of all clients
  Cell dropped_idle{};
  Cell protocol_errors{};
  Cell tls_handshakes{};  // that were completed
  Cell tls_failures{};    // connections that ended before
  Cell network_input_bytes{};
  Cell network_output_bytes{};
  Cell turns{};                // of event loops: readable sockets served
  Cell suspended{};            // commands that left without their reply and came back later
  Histogram<Cell> loop_lag{};  // how late timers fire
  Cell loop_lag_nanoseconds{};
};

// What one event loop counts. Only that loop's thread writes.
class LoopStatistics {
 public:
  explicit LoopStatistics(std::size_t commands) : commands_(std::make_unique<CommandCounters[]>(commands)) {}

  CommandCounters& command(std::size_t id) noexcept { return commands_[id]; }
  [[nodiscard]] const CommandCounters& command(std::size_t id) const noexcept { return commands_[id]; }
  BasicTraffic<Counter> traffic;
  std::atomic<std::uint64_t> connections{0};

  // Errors are rare, so a lock is fair. At most kErrorCodes different codes; the rest count as "OTHER".
  void count_error(std::string_view code);
  void add_errors_to(std::map<std::string, std::uint64_t>& sum) const;

 private:
  static constexpr std::size_t kErrorCodes = 128;

  std::unique_ptr<CommandCounters[]> commands_;
  mutable std::mutex errors_mutex_;
  std::map<std::string, std::uint64_t, std::less<>> errors_;
};

// Sums over all loops at one moment.
struct StatisticsSnapshot {
  std::vector<CommandStatistics> commands;  // by Command::id
  BasicTraffic<std::uint64_t> traffic{};
  std::map<std::string, std::uint64_t> errors;  // by code

  [[nodiscard]] std::uint64_t total_calls() const noexcept;
  [[nodiscard]] std::uint64_t total_errors() const noexcept;
};

// The statistics of the server: every loop's, summed on demand. Thread safety: all functions, from any thread.
class Statistics {
 public:
  explicit Statistics(std::size_t commands) : commands_(commands) {}

  // Owned here, so that counts survive the loop that made them.
  LoopStatistics& add_loop();

  // Since the start of the process: what metrics need, which must never fall.
  [[nodiscard]] StatisticsSnapshot since_start() const;
  // Since the last reset (CONFIG RESETSTAT): what INFO shows.
  [[nodiscard]] StatisticsSnapshot since_reset() const;
  void reset();

  // Rates over the last second or so; `sample` is called every 100 ms by one thread.
  struct Rates {
    std::uint64_t commands_per_second = 0;
    double input_kilobytes_per_second = 0;
    double output_kilobytes_per_second = 0;
  };
  void sample(std::chrono::steady_clock::time_point now);
  [[nodiscard]] Rates rates() const;

 private:
  static constexpr std::size_t kSamples = 16;
  struct Sample {
    std::chrono::steady_clock::time_point at;
    std::uint64_t commands = 0;
    std::uint64_t input_bytes = 0;
    std::uint64_t output_bytes = 0;
  };

  std::size_t commands_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<LoopStatistics>> loops_;
  StatisticsSnapshot baseline_;
  std::array<Sample, kSamples> samples_{};
  std::size_t sample_count_ = 0;
};

}  // namespace strata::server
