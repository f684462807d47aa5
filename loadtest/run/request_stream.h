#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "loadtest/wire/reply_scanner.h"
#include "loadtest/workload/operation.h"

namespace strata::loadtest {

// Requests that are sent together.
struct Batch {
  std::string_view bytes;
  const OperationKind* kinds = nullptr;  // of each request
  std::uint32_t count = 0;               // 0: there is nothing more to send
};

// Where a connection's requests come from, and where the replies go that matter to it. One a connection.
// Thread safety: one thread at a time.
class RequestStream {
 public:
  virtual ~RequestStream() = default;

  // The next requests; asked for when all replies to the last ones have come. Valid until the next call.
  virtual Batch next() = 0;

  // Replies in the order of the requests; called only for streams that want them.
  [[nodiscard]] virtual bool wants_replies() const { return false; }
  // The values of hits matter too, not only that there is one.
  [[nodiscard]] virtual bool wants_values() const { return false; }
  // `index`: of the request in the batch. A hit's text is the value, if values are wanted.
  virtual void replied(std::uint32_t index, const Reply& reply, std::uint64_t now_ns);
};

inline void RequestStream::replied(std::uint32_t, const Reply&, std::uint64_t) {}

}  // namespace strata::loadtest
