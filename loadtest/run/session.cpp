#include "loadtest/run/session.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <atomic>
#include <ctime>
#include <latch>
#include <mutex>
#include <thread>

#include "loadtest/report/progress.h"
#include "loadtest/run/process_probe.h"
#include "loadtest/run/run_clock.h"

namespace strata::loadtest {

namespace {

constexpr auto kUnlimited = std::chrono::hours(24 * 365);
constexpr auto kPollPause = std::chrono::milliseconds(20);
// From the moment all threads are ready, so that they begin together.
constexpr std::uint64_t kStartDelayNs = 5'000'000;

// One round: all threads from connecting to their last reply.
class Round {
 public:
  Round(const Options& options, Driver& driver) : options_(options), driver_(driver), ready_(options.threads + 1) {}

  bool run(RunResult& result) {
    std::vector<std::thread> threads;
    workers_.resize(options_.threads);
    problems_.resize(options_.threads);
    for (unsigned i = 0; i < options_.threads; ++i) threads.emplace_back([this, i] { work(i); });
    ready_.arrive_and_wait();
    choose_window();
    start_.count_down();
    watch(result);
    for (std::thread& thread : threads) thread.join();
    return add_to(result);
  }

 private:
  void work(unsigned i) {
    workers_[i] = driver_.make(i);
    const bool connected = workers_[i]->connect(problems_[i]);
    if (!connected) failed_ = true;
    ready_.arrive_and_wait();
    start_.wait();
    if (!failed_) workers_[i]->run(window_, problems_[i]);
    finished_.fetch_add(1);
  }

  void choose_window() {
    const auto duration =
        driver_.ends_by_itself() ? std::chrono::duration_cast<std::chrono::milliseconds>(kUnlimited) : options_.duration;
    window_ = Window::from(now_ns() + kStartDelayNs, options_.warmup, duration);
    if (options_.warmup.count() == 0) window_.begin_ns = now_ns();
  }

  // Until all threads have finished: the progress, and the use of the server at the window's begin and end.
  void watch(RunResult& result) {
    Progress progress(options_, driver_.expected_requests());
    if (options_.server_pid != 0 && !result.server) result.server = ServerUse{options_.server_pid};
    while (finished_.load() < options_.threads) {
      const std::uint64_t now = now_ns();
      if (driver_.measured() && !before_ && now >= window_.begin_ns) before_ = ProcessUse::of(options_.server_pid);
      if (!after_ && now >= window_.end_ns) after_ = ProcessUse::of(options_.server_pid);
      std::uint64_t replies = 0;
      for (const auto& worker : workers_) replies += worker->progress();
      progress.show(replies, window_);
      std::this_thread::sleep_for(kPollPause);
    }
    if (!after_) after_ = ProcessUse::of(options_.server_pid);
  }

  bool add_to(RunResult& result) {
    std::uint64_t cpu_ns = 0;
    std::uint64_t elapsed_ns = 0;
    std::uint64_t replies = 0;
    for (unsigned i = 0; i < options_.threads; ++i) {
      const auto& seen = result.problems;
      if (!problems_[i].empty() && std::find(seen.begin(), seen.end(), problems_[i]) == seen.end())
        result.problems.push_back(problems_[i]);
      if (!driver_.measured()) {
        result.recorder.add_errors(workers_[i]->recorder());
        continue;
      }
      result.recorder.add(workers_[i]->recorder());
      result.dropped_connections += workers_[i]->dropped_connections();
      cpu_ns += workers_[i]->clock().cpu_ns();
      elapsed_ns = std::max(elapsed_ns, workers_[i]->clock().elapsed_ns());
      replies += workers_[i]->recorder().latency().count();
    }
    if (replies == 0) return result.problems.empty();
    result.seconds += static_cast<double>(elapsed_ns) / 1e9;
    result.client_cpu_us_per_request = static_cast<double>(cpu_ns) / 1e3 / static_cast<double>(replies);
    if (result.server && before_ && after_) {
      result.server->cpu_us_per_request =
          static_cast<double>(after_->cpu_ns - before_->cpu_ns) / 1e3 / static_cast<double>(replies);
      if (result.server->resident_bytes_before == 0) result.server->resident_bytes_before = before_->resident_bytes;
      result.server->resident_bytes_after = after_->resident_bytes;
    }
    return result.problems.empty();
  }

  const Options& options_;
  Driver& driver_;
  std::latch ready_;
  std::latch start_{1};
  Window window_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::string> problems_;
  std::atomic<bool> failed_{false};
  std::atomic<unsigned> finished_{0};
  std::optional<ProcessUse> before_;
  std::optional<ProcessUse> after_;
};

}  // namespace

RunResult perform(const Options& options, Driver& driver) {
  RunResult result;
  result.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  if (options.server_pid != 0 && !ProcessUse::of(options.server_pid)) {
    result.problems.push_back(fmt::format("--server-pid {}: there is no such process to look at", options.server_pid));
    return result;
  }
  // Kept until the driver has told what its workers' streams know.
  std::vector<std::unique_ptr<Round>> rounds;
  bool more = true;
  while (more) {
    rounds.push_back(std::make_unique<Round>(options, driver));
    more = rounds.back()->run(result) && driver.another_round();
  }
  if (result.recorder.errors() > 0 && result.problems.empty()) {
    result.problems.push_back(fmt::format("the server answered {} requests with errors", result.recorder.errors()));
  }
  if (result.requests() > 0) driver.collect(result);
  return result;
}

}  // namespace strata::loadtest
