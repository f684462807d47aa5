#pragma once

#include <array>
#include <memory>
#include <vector>

#include "loadtest/run/request_stream.h"
#include "loadtest/run/worker.h"

namespace strata::loadtest {

// Each connection sends its next batch when all replies to the last one have come.
class ClosedLoop final : public Worker {
 public:
  // `streams`: one for each connection. `request_limit`: this thread sends no batch beyond it; 0 for no limit.
  ClosedLoop(const Options& options, std::vector<std::unique_ptr<RequestStream>> streams, std::uint64_t request_limit);

 protected:
  void begin(std::uint64_t now) override;
  void readable(std::size_t connection, std::string_view data, std::uint64_t now) override;
  void writable(std::size_t connection, std::uint64_t now) override;
  std::uint64_t due(std::uint64_t) override { return ~std::uint64_t{0}; }
  [[nodiscard]] std::uint64_t outstanding() const override { return outstanding_; }
  [[nodiscard]] bool finished(std::uint64_t) const override { return active_ == 0; }
  void give_up(std::uint64_t now) override;
  void dropped(std::size_t connection, std::uint64_t now) override;

 private:
  struct Connection {
    std::unique_ptr<RequestStream> stream;
    ReplyScanner scanner;
    Batch batch;
    std::string_view unsent;
    std::uint32_t replies = 0;
    std::uint64_t sent_ns = 0;
    bool wants_replies = false;
  };

  // The replies in `data`, one by one. False if the run has failed.
  bool read_replies(Connection& connection, std::string_view data, std::array<std::uint32_t, kOperationKinds>& of_kind,
                    std::uint64_t now);
  void send_next(std::size_t index, std::uint64_t now);

  std::vector<Connection> connections_;
  std::size_t active_ = 0;
  std::uint64_t outstanding_ = 0;
  std::uint64_t requests_left_;
};

}  // namespace strata::loadtest
