#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "loadtest/run/request_stream.h"
#include "loadtest/wire/request_encoder.h"
#include "loadtest/workload/workload.h"

namespace strata::loadtest {

// GETs, and how many found their key.
struct LookAsideCounts {
  std::uint64_t requests = 0;
  std::uint64_t hits = 0;
};

// Operations of a workload as applications use a look-aside cache: a GET that missed is followed by a SET, in the next batch. A batch
// asks for no key twice, because the second GET of a key that is not there would miss as well, before the SET.
class LookAsideStream final : public RequestStream {
 public:
  // `warm`: so many operations only fill the cache; their hits and misses do not count. Source and encoder outlive this.
  LookAsideStream(OperationSource& source, RequestEncoder& encoder, std::uint32_t batch, std::uint64_t warm)
      : source_(source), encoder_(encoder), batch_(batch), warm_(warm) {}

  Batch next() override;
  [[nodiscard]] bool wants_replies() const override { return true; }
  void replied(std::uint32_t index, const Reply& reply, std::uint64_t now_ns) override;

  [[nodiscard]] const LookAsideCounts& counts() const noexcept { return counts_; }

 private:
  void append(const Operation& operation);

  OperationSource& source_;
  RequestEncoder& encoder_;
  std::uint32_t batch_;
  std::uint64_t warm_;
  std::uint64_t taken_ = 0;  // operations from the source
  std::string bytes_;
  std::vector<OperationKind> kinds_;
  std::vector<std::uint64_t> keys_;    // of each request of the batch
  std::vector<std::uint64_t> missed_;  // keys to be stored
  std::unordered_set<std::uint64_t> in_batch_;
  std::optional<Operation> held_;  // its key was in the last batch already
  LookAsideCounts counts_;
};

}  // namespace strata::loadtest
