#include "loadtest/run/look_aside_stream.h"

namespace strata::loadtest {

Batch LookAsideStream::next() {
  bytes_.clear();
  kinds_.clear();
  keys_.clear();
  for (const std::uint64_t key : missed_) append(source_.store_of(key));
  missed_.clear();
  in_batch_.clear();
  for (std::uint32_t i = 0; i < batch_; ++i) {
    const Operation operation = held_ ? *held_ : source_.next();
    held_.reset();
    if (!in_batch_.insert(operation.key).second) {
      held_ = operation;
      break;
    }
    append(operation);
    ++taken_;
  }
  return {bytes_, kinds_.data(), static_cast<std::uint32_t>(kinds_.size())};
}

void LookAsideStream::append(const Operation& operation) {
  encoder_.append(operation, bytes_);
  kinds_.push_back(operation.kind);
  keys_.push_back(operation.key);
}

void LookAsideStream::replied(std::uint32_t index, const Reply& reply, std::uint64_t) {
  if (kinds_[index] != OperationKind::get || reply.outcome == Outcome::error) return;
  const bool hit = reply.outcome == Outcome::hit;
  if (!hit) missed_.push_back(keys_[index]);
  if (taken_ <= warm_) return;
  ++counts_.requests;
  if (hit) ++counts_.hits;
}

}  // namespace strata::loadtest
