#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loadtest/run/request_stream.h"
#include "loadtest/wire/request_encoder.h"
#include "loadtest/workload/workload.h"

namespace strata::loadtest {

// Requests encoded before the clock starts, played again and again: sending one costs nothing but the sending.
// Thread safety: one thread at a time.
class Tape {
 public:
  // Encodes until `limit_bytes` or `limit_requests`, but at least `batch` requests and always a multiple of it.
  static Tape record(OperationSource& source, RequestEncoder& encoder, std::uint32_t batch, std::uint64_t limit_bytes,
                     std::uint64_t limit_requests);

  // The next `batch` requests, from the beginning again after the last.
  Batch next() noexcept {
    const Batch result{std::string_view(bytes_).substr(ends_[at_], ends_[at_ + batch_] - ends_[at_]), &kinds_[at_], batch_};
    at_ += batch_;
    if (at_ == kinds_.size()) at_ = 0;
    return result;
  }

  [[nodiscard]] std::size_t requests() const noexcept { return kinds_.size(); }

 private:
  std::string bytes_;
  std::vector<std::uint64_t> ends_{0};  // request i lies between ends_[i] and ends_[i + 1]
  std::vector<OperationKind> kinds_;
  std::uint32_t batch_ = 1;
  std::size_t at_ = 0;
};

// A connection that plays its thread's tape. All connections of a thread share it, each takes the next piece.
class TapeStream final : public RequestStream {
 public:
  explicit TapeStream(Tape& tape) : tape_(tape) {}
  Batch next() override { return tape_.next(); }

 private:
  Tape& tape_;
};

// Encodes each batch when it is due: for workloads that must not repeat themselves.
class LiveStream final : public RequestStream {
 public:
  LiveStream(OperationSource& source, RequestEncoder& encoder, std::uint32_t batch)
      : source_(source), encoder_(encoder), kinds_(batch) {}
  Batch next() override;

 private:
  OperationSource& source_;
  RequestEncoder& encoder_;
  std::string bytes_;
  std::vector<OperationKind> kinds_;
};

// Stores each key of the key space once: every `step`th from `first` on.
class LoadStream final : public RequestStream {
 public:
  LoadStream(const Workload& workload, RequestEncoder& encoder, std::uint64_t first, std::uint64_t step, std::uint32_t batch)
      : workload_(workload), encoder_(encoder), next_(first), step_(step), batch_(batch) {}
  Batch next() override;
  [[nodiscard]] std::uint64_t value_bytes() const noexcept { return value_bytes_; }

 private:
  const Workload& workload_;
  RequestEncoder& encoder_;
  std::uint64_t next_;
  std::uint64_t step_;
  std::uint32_t batch_;
  std::uint64_t value_bytes_ = 0;
  std::string bytes_;
  std::vector<OperationKind> kinds_;
};

}  // namespace strata::loadtest
