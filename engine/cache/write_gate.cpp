#include "engine/cache/write_gate.h"

#include "engine/cache/locked_home.h"
#include "engine/cache/protocol_points.h"

namespace strata::cache {

WriteGate::Writer::Writer(WriteGate& gate) noexcept : gate_(gate) {
  const sync::MutexLock lock(gate_.mutex_);
  next_ = gate_.first_;
  if (next_ != nullptr) next_->previous_ = this;
  gate_.first_ = this;
}

WriteGate::Writer::~Writer() {
  const sync::MutexLock lock(gate_.mutex_);
  if (next_ != nullptr) next_->previous_ = previous_;
  (previous_ != nullptr ? previous_->next_ : gate_.first_) = next_;
}

WriteGate::Closed::Closed(WriteGate& gate) noexcept : gate_(gate) {
  STRATA_PROTOCOL_POINT(before_gate_closed);
  gate_.mutex_.lock();
  gate_.closed_.store(true, std::memory_order_relaxed);
  gate_.closings_.store(gate_.closings_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  // Who comes from now on sees that it is closed, or is seen inside.
  sync::heavy_fence();
  for (const Writer* writer = gate_.first_; writer != nullptr && !STRATA_PROTOCOL_FAULT(gate_does_not_wait);
       writer = writer->next_) {
    for (unsigned round = 0; writer->inside_.load(std::memory_order_acquire); ++round) wait_a_little(round);
  }
  STRATA_PROTOCOL_POINT(after_gate_closed);
}

WriteGate::Closed::~Closed() {
  gate_.closed_.store(false, std::memory_order_release);
  gate_.mutex_.unlock();
}

void WriteGate::wait_until_open() const noexcept {
  for (unsigned round = 0; closed_.load(std::memory_order_acquire); ++round) wait_a_little(round);
}

}  // namespace strata::cache
