#include "loadtest/run/tape.h"

namespace strata::loadtest {

namespace {

// Values of a load end with the process: what a batch of large ones may take at once.
constexpr std::size_t kBatchBytes = std::size_t{8} << 20;

}  // namespace

Tape Tape::record(OperationSource& source, RequestEncoder& encoder, std::uint32_t batch, std::uint64_t limit_bytes,
                  std::uint64_t limit_requests) {
  Tape tape;
  tape.batch_ = batch;
  do {
    for (std::uint32_t i = 0; i < batch; ++i) {
      const Operation operation = source.next();
      encoder.append(operation, tape.bytes_);
      tape.ends_.push_back(tape.bytes_.size());
      tape.kinds_.push_back(operation.kind);
    }
  } while (tape.bytes_.size() < limit_bytes && tape.kinds_.size() < limit_requests);
  return tape;
}

Batch LiveStream::next() {
  bytes_.clear();
  for (OperationKind& kind : kinds_) {
    const Operation operation = source_.next();
    encoder_.append(operation, bytes_);
    kind = operation.kind;
  }
  return {bytes_, kinds_.data(), static_cast<std::uint32_t>(kinds_.size())};
}

Batch LoadStream::next() {
  bytes_.clear();
  kinds_.clear();
  for (; kinds_.size() < batch_ && next_ < workload_.options.keys && bytes_.size() < kBatchBytes; next_ += step_) {
    Operation operation{OperationKind::set, next_, workload_.value_bytes(next_), 0};
    encoder_.append(operation, bytes_);
    kinds_.push_back(operation.kind);
    value_bytes_ += operation.value_bytes;
  }
  return {bytes_, kinds_.data(), static_cast<std::uint32_t>(kinds_.size())};
}

}  // namespace strata::loadtest
