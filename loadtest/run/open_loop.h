#pragma once

#include <deque>
#include <string>
#include <vector>

#include "loadtest/random.h"
#include "loadtest/run/request_stream.h"
#include "loadtest/run/worker.h"

namespace strata::loadtest {

// When requests are due: at a fixed rate, evenly or as a Poisson process. Thread safety: one thread at a time.
class Arrivals {
 public:
  // REQUIRES: rate (a second) > 0.
  Arrivals(double rate, bool poisson, std::uint64_t seed) : gap_ns_(1e9 / rate), poisson_(poisson), random_(seed) {}

  void start(std::uint64_t now) { next_ns_ = static_cast<double>(now) + gap(); }
  [[nodiscard]] std::uint64_t next_ns() const noexcept { return static_cast<std::uint64_t>(next_ns_); }
  void advance() { next_ns_ += gap(); }

 private:
  double gap() { return poisson_ ? gap_ns_ * random_.exponential() : gap_ns_; }

  double gap_ns_;
  bool poisson_;
  Random random_;
  double next_ns_ = 0;
};

// Requests, or batches of them that go together, are sent when they are due, whether or not earlier ones have been answered, and their latency counts from the moment
// they were due: a server that stops for a second delays every request of that second, and each of them is counted (no
// coordinated omission; Tene 2013).
class OpenLoop final : public Worker {
 public:
  // `arrivals`: of what `stream` gives at a time, be it one request or several.
  OpenLoop(const Options& options, std::unique_ptr<RequestStream> stream, const Arrivals& arrivals);

  // Requests that left more than 1 ms after they were due, because this program or the socket could not keep up.
  [[nodiscard]] std::uint64_t late_sends() const noexcept { return late_sends_; }

 protected:
  void begin(std::uint64_t now) override;
  void readable(std::size_t connection, std::string_view data, std::uint64_t now) override;
  void writable(std::size_t connection, std::uint64_t now) override;
  std::uint64_t due(std::uint64_t now) override;
  [[nodiscard]] std::uint64_t outstanding() const override { return outstanding_; }
  [[nodiscard]] bool finished(std::uint64_t now) const override;
  void give_up(std::uint64_t now) override;
  void dropped(std::size_t connection, std::uint64_t now) override;

 private:
  struct Waiting {
    std::uint64_t due_ns;
    OperationKind kind;
  };
  struct Connection {
    explicit Connection(Protocol protocol) : scanner(protocol) {}
    ReplyScanner scanner;
    std::deque<Waiting> waiting;
    std::string unsent;
    std::size_t sent = 0;  // of `unsent`
  };

  void flush(std::size_t index);
  // The connection whose turn it is among those that still take requests; none if all are full.
  Connection* choose();

  std::unique_ptr<RequestStream> stream_;
  Arrivals arrivals_;
  std::vector<Connection> connections_;
  std::size_t turn_ = 0;
  std::uint64_t outstanding_ = 0;
  std::uint64_t late_sends_ = 0;
};

}  // namespace strata::loadtest
