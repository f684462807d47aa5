#include "loadtest/run/driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

#include "loadtest/run/closed_loop.h"
#include "loadtest/run/look_aside_stream.h"
#include "loadtest/run/open_loop.h"
#include "loadtest/run/thread_parts.h"
#include "loadtest/run/trace_stream.h"
#include "loadtest/run/verify_stream.h"

namespace strata::loadtest {

namespace {

using Streams = std::vector<std::unique_ptr<RequestStream>>;

class CommandDriver : public Driver {
 public:
  CommandDriver(const Options& options, Workload workload)
      : options_(options), workload_(std::move(workload)), parts_(options.threads) {}

 protected:
  ThreadParts& parts(unsigned thread) {
    parts_[thread] = std::make_unique<ThreadParts>(options_, workload_, thread);
    return *parts_[thread];
  }
  [[nodiscard]] std::uint64_t all_connections() const { return std::uint64_t{options_.threads} * options_.connections; }
  [[nodiscard]] std::uint64_t number_of(unsigned thread, unsigned connection) const {
    return std::uint64_t{thread} * options_.connections + connection;
  }
  // The worker whose connections get what `make_stream(number)` gives.
  std::unique_ptr<Worker> closed_loop(unsigned thread, const auto& make_stream, std::uint64_t request_limit = 0) {
    Streams streams;
    for (unsigned i = 0; i < options_.connections; ++i) streams.push_back(make_stream(number_of(thread, i)));
    return std::make_unique<ClosedLoop>(options_, std::move(streams), request_limit);
  }

  const Options& options_;
  Workload workload_;
  PartsOfThreads parts_;
};

class RunDriver final : public CommandDriver {
 public:
  using CommandDriver::CommandDriver;

  std::unique_ptr<Worker> make(unsigned thread) override {
    ThreadParts& own = parts(thread);
    const bool ahead = encodes_ahead();
    if (ahead)
      own.tape = Tape::record(own.source, own.encoder, batch(), options_.encode_ahead_bytes / options_.threads, own_limit());
    const auto stream = [&](std::uint64_t) -> std::unique_ptr<RequestStream> {
      if (options_.look_aside) return look_aside(own);
      if (ahead) return std::make_unique<TapeStream>(own.tape);
      return std::make_unique<LiveStream>(own.source, own.encoder, batch());
    };
    if (options_.rate <= 0) return closed_loop(thread, stream, options_.requests == 0 ? 0 : own_limit());
    auto loop = std::make_unique<OpenLoop>(
        options_, stream(0),
        Arrivals(options_.rate / options_.threads / options_.pipeline, options_.poisson, mix(options_.workload.seed + thread)));
    const std::scoped_lock lock(mutex_);
    open_loops_.push_back(loop.get());
    return loop;
  }

  [[nodiscard]] bool ends_by_itself() const override { return options_.requests != 0; }
  [[nodiscard]] std::uint64_t expected_requests() const override { return options_.requests; }

  void collect(RunResult& result) override {
    result.encoded_ahead = encodes_ahead();
    for (const OpenLoop* loop : open_loops_) result.late_sends += loop->late_sends();
    if (!options_.look_aside) return;
    LookAsideCounts& counts = result.look_aside.emplace();
    for (const LookAsideStream* stream : look_aside_) {
      counts.requests += stream->counts().requests;
      counts.hits += stream->counts().hits;
    }
  }

 private:
  [[nodiscard]] std::uint32_t batch() const { return options_.pipeline; }

  std::unique_ptr<RequestStream> look_aside(ThreadParts& own) {
    auto stream = std::make_unique<LookAsideStream>(own.source, own.encoder, batch(), options_.warm_requests / all_connections());
    const std::scoped_lock lock(mutex_);
    look_aside_.push_back(stream.get());
    return stream;
  }

  [[nodiscard]] std::uint64_t own_limit() const {
    if (options_.requests == 0) return std::numeric_limits<std::uint64_t>::max();
    return (options_.requests + options_.threads - 1) / options_.threads;
  }

  // What must not repeat is not played from a tape, nor what is so large that a tape would hold only a few different requests.
  [[nodiscard]] bool encodes_ahead() const {
    constexpr std::uint64_t kEnoughRequests = 100'000;
    constexpr std::uint64_t kSample = 1000;
    if (options_.look_aside || options_.workload.churn > 0 || options_.workload.one_hit_wonders > 0) return false;
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < kSample; ++i) sum += workload_.value_bytes(scattered(i, workload_.options.keys));
    const std::uint64_t request_bytes = sum / kSample + workload_.keys.bytes() + 32;
    return options_.encode_ahead_bytes / request_bytes >= std::min(kEnoughRequests, workload_.options.keys);
  }

  std::mutex mutex_;
  std::vector<OpenLoop*> open_loops_;  // their workers outlive collect()
  std::vector<const LookAsideStream*> look_aside_;
};

class LoadDriver final : public CommandDriver {
 public:
  using CommandDriver::CommandDriver;

  std::unique_ptr<Worker> make(unsigned thread) override {
    ThreadParts& own = parts(thread);
    return closed_loop(thread, [&](std::uint64_t number) {
      auto stream = std::make_unique<LoadStream>(workload_, own.encoder, number, all_connections(), options_.pipeline);
      const std::scoped_lock lock(mutex_);
      streams_.push_back(stream.get());
      return stream;
    });
  }

  [[nodiscard]] bool ends_by_itself() const override { return true; }
  [[nodiscard]] std::uint64_t expected_requests() const override { return workload_.options.keys; }

  void collect(RunResult& result) override {
    Loaded& loaded = result.loaded.emplace();
    loaded.items = workload_.options.keys;
    loaded.key_bytes = loaded.items * workload_.keys.bytes();
    for (const LoadStream* stream : streams_) loaded.value_bytes += stream->value_bytes();
    std::string problem;
    const auto count = count_items(problem);
    if (!count) {
      result.problems.push_back(problem);
      return;
    }
    loaded.items_on_server = *count;
    if (*count < loaded.items) {
      result.problems.push_back(
          fmt::format("{} keys were stored, but the server holds {}: some were evicted, refused or lost", loaded.items, *count));
    }
  }

 private:
  [[nodiscard]] std::optional<std::uint64_t> count_items(std::string& problem) const {
    Socket socket = Socket::open(options_.target, problem);
    if (!socket.valid()) return std::nullopt;
    const bool memcached = options_.target.protocol == Protocol::memcached;
    std::string text;
    if (socket.ask(options_.target.protocol, memcached ? "stats\r\n" : "DBSIZE\r\n", text) == Outcome::error) {
      problem = "asking for the number of keys: " + text;
      return std::nullopt;
    }
    constexpr std::string_view kItems = "STAT curr_items ";
    const std::size_t at = memcached ? text.find(kItems) : 0;
    if (at != std::string::npos) return std::strtoull(text.c_str() + at + (memcached ? kItems.size() : 1), nullptr, 10);
    problem = "asking for the number of keys: the server's stats have no curr_items";
    return std::nullopt;
  }

  std::mutex mutex_;
  std::vector<const LoadStream*> streams_;
};

class TraceDriver final : public CommandDriver {
 public:
  TraceDriver(const Options& options, Workload workload, Trace trace)
      : CommandDriver(options, std::move(workload)), trace_(std::move(trace)) {}

  std::unique_ptr<Worker> make(unsigned thread) override {
    ThreadParts& own = parts(thread);
    return closed_loop(thread, [&](std::uint64_t number) {
      auto stream = std::make_unique<TraceStream>(trace_, workload_, own.encoder, options_.pipeline, number, all_connections());
      const std::scoped_lock lock(mutex_);
      streams_.push_back(stream.get());
      return stream;
    });
  }

  [[nodiscard]] bool ends_by_itself() const override { return true; }
  [[nodiscard]] std::uint64_t expected_requests() const override { return trace_.accesses.size(); }

  void collect(RunResult& result) override {
    TraceResult& told = result.trace.emplace();
    for (const TraceStream* stream : streams_) told.counts.add(stream->counts());
    told.distinct_keys = trace_.distinct_keys;
    for (const Access& access : trace_.accesses) {
      if (access.first) told.footprint_bytes += workload_.keys.bytes() + value_bytes(access, workload_);
    }
  }

 private:
  Trace trace_;
  std::mutex mutex_;
  std::vector<const TraceStream*> streams_;
};

// Three rounds: every key is deleted, random reads and writes until the time is over, every key is read.
class VerifyDriver final : public CommandDriver {
 public:
  VerifyDriver(const Options& options, Workload workload)
      : CommandDriver(options, std::move(workload)), state_(workload_.options.keys) {}

  std::unique_ptr<Worker> make(unsigned thread) override {
    ThreadParts& own = parts(thread);
    return closed_loop(thread, [&](std::uint64_t number) {
      auto stream =
          std::make_unique<VerifyStream>(state_, workload_, own.source, own.encoder,
                                         VerifyStream::Place{number, all_connections()}, options_.pipeline, options_.may_evict);
      if (round_ != kMixed) stream->sweep(round_ == 0 ? OperationKind::del : OperationKind::get);
      const std::scoped_lock lock(mutex_);
      streams_.push_back(stream.get());
      return stream;
    });
  }

  [[nodiscard]] bool ends_by_itself() const override { return round_ != kMixed; }
  [[nodiscard]] bool measured() const override { return round_ == kMixed; }
  [[nodiscard]] std::uint64_t expected_requests() const override { return round_ == kMixed ? 0 : state_.size(); }

  bool another_round() override {
    take_counts();
    return ++round_ < kRounds;
  }

  void collect(RunResult& result) override {
    take_counts();
    const VerifyCounts& counts = told_.counts;
    if (counts.checked == 0) result.problems.emplace_back("nothing was verified: no GET was answered");
    if (counts.wrong + counts.stale + counts.lost > 0) {
      result.problems.push_back(fmt::format("verification failed: {} wrong, {} stale, {} lost of {} checked", counts.wrong,
                                            counts.stale, counts.lost, counts.checked));
      for (const std::string& finding : told_.findings) result.problems.push_back(finding);
    }
    result.verification = told_;
  }

 private:
  void take_counts() {
    for (const VerifyStream* stream : streams_) {
      told_.counts.add(stream->counts());
      for (const std::string& finding : stream->findings()) {
        if (told_.findings.size() < 10) told_.findings.push_back(finding);
      }
    }
    streams_.clear();
  }

  static constexpr unsigned kMixed = 1;
  static constexpr unsigned kRounds = 3;

  VerifyState state_;
  unsigned round_ = 0;
  Verification told_;
  std::mutex mutex_;
  std::vector<const VerifyStream*> streams_;
};

bool check(const Options& options, const Workload& workload, std::string& problem) {
  const std::uint64_t connections = std::uint64_t{options.threads} * options.connections;
  if (options.command == Command::verify) {
    constexpr std::uint64_t kMostKeys = 50'000'000;
    if (workload.mix.any([](OperationKind kind) { return kind > OperationKind::set && kind != OperationKind::del; })) {
      problem = fmt::format("--mix {}: verify knows what get, set and del do, no more", options.workload.mix);
    } else if (workload.options.keys < connections || workload.options.keys > kMostKeys) {
      problem = fmt::format("--keys {}: verify needs a key for each of the {} connections, and at most {}", workload.options.keys,
                            connections, kMostKeys);
    } else if (options.workload.churn > 0 || options.workload.one_hit_wonders > 0) {
      problem = "--churn and --one-hit-wonders: verify keeps to its keys";
    }
  }
  if (options.look_aside && options.rate > 0) {
    problem = "--look-aside with --rate: what is sent next depends on replies, so there is no open loop of it";
  } else if (options.warm_requests > 0 && !options.look_aside) {
    problem = "--warm-requests without --look-aside: only its hits and misses are counted from there on";
  } else if (options.warm_requests > 0 && options.requests > 0 && options.warm_requests >= options.requests) {
    problem =
        fmt::format("--warm-requests {}: nothing of --requests {} is left to count", options.warm_requests, options.requests);
  }
  if (options.target.protocol == Protocol::memcached && workload.keys.bytes() > 250) {
    problem = fmt::format("--key-size {}: memcached takes keys of at most 250 bytes", workload.keys.bytes());
  }
  return problem.empty();
}

}  // namespace

std::unique_ptr<Driver> Driver::make(const Options& options, std::string& problem) {
  std::optional<Trace> trace;
  if (options.command == Command::trace) {
    trace = Trace::read(options.trace_file, options.requests, problem);
    if (!trace) return nullptr;
  }
  auto workload = Workload::make(options.workload, trace ? trace->largest_key : 0, problem);
  if (!workload || !check(options, *workload, problem)) return nullptr;
  switch (options.command) {
    case Command::load: return std::make_unique<LoadDriver>(options, std::move(*workload));
    case Command::trace: return std::make_unique<TraceDriver>(options, std::move(*workload), std::move(*trace));
    case Command::verify: return std::make_unique<VerifyDriver>(options, std::move(*workload));
    default: return std::make_unique<RunDriver>(options, std::move(*workload));
  }
}

}  // namespace strata::loadtest
