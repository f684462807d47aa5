#include "loadtest/run/trace_stream.h"

#include "loadtest/random.h"

namespace strata::loadtest {

void TraceCounts::add(const TraceCounts& other) noexcept {
  requests += other.requests;
  hits += other.hits;
  compulsory_misses += other.compulsory_misses;
  bytes_requested += other.bytes_requested;
  bytes_hit += other.bytes_hit;
}

std::uint32_t value_bytes(const Access& access, const Workload& workload) {
  return access.value_bytes != 0 ? access.value_bytes : workload.value_bytes(access.key);
}

TraceStream::TraceStream(const Trace& trace, const Workload& workload, RequestEncoder& encoder, std::uint32_t batch,
                         std::uint64_t stream, std::uint64_t streams)
    : trace_(trace), workload_(workload), encoder_(encoder), batch_(batch), stream_(stream), streams_(streams) {
  skip_to_own();
}

void TraceStream::skip_to_own() noexcept {
  while (next_ < trace_.accesses.size() && streams_ > 1 && mix(trace_.accesses[next_].key) % streams_ != stream_) ++next_;
}

Batch TraceStream::next() {
  bytes_.clear();
  kinds_.clear();
  asked_.clear();
  for (const std::size_t missed : missed_) {
    const Access& access = trace_.accesses[missed];
    encoder_.append({OperationKind::set, access.key, value_bytes(access, workload_), 0}, bytes_);
    kinds_.push_back(OperationKind::set);
    asked_.push_back(missed);
  }
  missed_.clear();
  in_batch_.clear();
  for (std::uint32_t gets = 0; gets < batch_ && next_ < trace_.accesses.size(); ++gets) {
    const Access& access = trace_.accesses[next_];
    if (!in_batch_.insert(access.key).second) break;
    encoder_.append({OperationKind::get, access.key, 0, 0}, bytes_);
    kinds_.push_back(OperationKind::get);
    asked_.push_back(next_++);
    skip_to_own();
  }
  return {bytes_, kinds_.data(), static_cast<std::uint32_t>(kinds_.size())};
}

void TraceStream::replied(std::uint32_t index, const Reply& reply, std::uint64_t) {
  if (kinds_[index] != OperationKind::get) return;
  const Access& access = trace_.accesses[asked_[index]];
  const std::uint64_t bytes = workload_.keys.bytes() + value_bytes(access, workload_);
  ++counts_.requests;
  counts_.bytes_requested += bytes;
  if (reply.outcome == Outcome::hit) {
    ++counts_.hits;
    counts_.bytes_hit += bytes;
    return;
  }
  counts_.compulsory_misses += access.first ? 1 : 0;
  missed_.push_back(asked_[index]);
}

}  // namespace strata::loadtest
