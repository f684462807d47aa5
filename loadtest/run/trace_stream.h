#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "loadtest/run/request_stream.h"
#include "loadtest/wire/request_encoder.h"
#include "loadtest/workload/trace.h"
#include "loadtest/workload/workload.h"

namespace strata::loadtest {

// How well a cache served a trace.
struct TraceCounts {
  std::uint64_t requests = 0;
  std::uint64_t hits = 0;
  std::uint64_t compulsory_misses = 0;  // the first access to a key
  std::uint64_t bytes_requested = 0;    // key and value of every access
  std::uint64_t bytes_hit = 0;

  void add(const TraceCounts& other) noexcept;
  [[nodiscard]] std::uint64_t misses() const noexcept { return requests - hits; }
};

// Bytes of a trace's value, recorded or chosen by the workload.
[[nodiscard]] std::uint32_t value_bytes(const Access& access, const Workload& workload);

// Replays its share of a trace as applications use a look-aside cache: GET, and SET after a miss. A batch holds the SETs that the
// last one made necessary, then GETs of different keys only: a key asked for twice before its SET would count as two misses.
class TraceStream final : public RequestStream {
 public:
  // Takes the accesses to the keys that fall to this one of `streams`, so that each key's requests stay in order.
  TraceStream(const Trace& trace, const Workload& workload, RequestEncoder& encoder, std::uint32_t batch, std::uint64_t stream,
              std::uint64_t streams);

  Batch next() override;
  [[nodiscard]] bool wants_replies() const override { return true; }
  void replied(std::uint32_t index, const Reply& reply, std::uint64_t now_ns) override;

  [[nodiscard]] const TraceCounts& counts() const noexcept { return counts_; }

 private:
  void skip_to_own() noexcept;

  const Trace& trace_;
  const Workload& workload_;
  RequestEncoder& encoder_;
  std::uint32_t batch_;
  std::uint64_t stream_;
  std::uint64_t streams_;
  std::size_t next_ = 0;
  std::string bytes_;
  std::vector<OperationKind> kinds_;
  std::vector<std::size_t> asked_;              // accesses, one for each request of the batch
  std::vector<std::size_t> missed_;             // accesses whose key is to be stored
  std::unordered_set<std::uint64_t> in_batch_;  // keys
  TraceCounts counts_;
};

}  // namespace strata::loadtest
