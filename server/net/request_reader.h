#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "engine/api/strata.hpp"
#include "protocol/byte_buffer.h"
#include "protocol/request_parser.h"

namespace strata::server {

// Some requests of one client, read ahead so that their keys can be looked at together. One per event loop, refilled
// again and again.
struct RequestBatch {
  struct Request {
    std::size_t first = 0;  // of its arguments
    std::size_t count = 0;
    std::size_t end = 0;  // offset in the window of the byte behind it
  };

  std::vector<std::string_view> args;
  std::vector<Request> requests;
  std::vector<Key> keys;        // of the requests that are looked for ahead
  bool may_hold_large = false;  // some request may be as large as somebody asks for

  [[nodiscard]] std::span<const std::string_view> args_of(const Request& request) const noexcept {
    return {args.data() + request.first, request.count};
  }
  void clear();
};

// Turns what a socket delivers into requests. Bytes are read into a buffer that all connections of a loop share; only
// the beginning of a request that is not complete yet moves into memory of the connection, and a large argument is
// received straight into the block that the cache will keep. An idle connection holds no buffer at all. One turn:
// `prepare`, read, `received`, then `parse` and execute until it has nothing more, `end_turn`. Thread safety: none.
class RequestReader {
 public:
  explicit RequestReader(std::span<char> shared_buffer) : shared_(shared_buffer) {}

  // Where the next bytes go.
  std::span<const iovec> prepare();
  void received(std::size_t bytes);
  // Instead of reading: goes on with what was kept (after a suspended command).
  void take_up() { window_ = carry_.view(); }

  // Reads at most `most` requests into the (cleared) batch. The status is of the first one that is not in it.
  protocol::ParseStatus parse(RequestBatch& batch, std::size_t most);
  // The rest of the batch is not executed now: it is read again from behind `request`.
  void rewind(const RequestBatch::Request& request);

  // Keeps what is left of the window. A large argument that has begun gets its block from the cache; when that refuses,
  // the payload is skipped and the request reported by `refused`.
  void end_turn(Cache& cache, Session& session);

  // The blocks that arguments of the first request of the batch lie in.
  [[nodiscard]] std::span<const ValueRef> blocks() const noexcept { return blocks_; }
  // Whether the first request of the batch could not be received because memory is out. Its arguments must not be looked at.
  [[nodiscard]] bool refused() const noexcept { return refused_; }
  // The first request has been dealt with.
  void release_blocks() noexcept;

  void set_limits(const protocol::ParseLimits& limits) noexcept { parser_.set_limits(limits); }
  [[nodiscard]] std::string_view error() const noexcept { return parser_.error(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return carry_.capacity() + parser_.memory_bytes(); }
  // Of large arguments, in blocks of the cache.
  [[nodiscard]] std::size_t received_bytes() const noexcept;
  // Of what is parsed: the words of no request take more, but for those in blocks.
  [[nodiscard]] std::size_t window_bytes() const noexcept { return window_.size(); }
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return carry_.size(); }

 private:
  [[nodiscard]] bool diverted() const noexcept { return payload_left_ > 0; }

  std::span<char> shared_;
  protocol::RequestParser parser_;
  protocol::ByteBuffer carry_;  // the beginning of an incomplete request
  std::string_view window_;     // what can be parsed: in shared_ or in carry_
  std::size_t offset_ = 0;      // of the first byte of the window that is not consumed
  protocol::ParseStatus status_ = protocol::ParseStatus::need_more;
  std::vector<ValueRef> blocks_;  // large arguments of the request in progress, the last one perhaps not complete
  std::size_t payload_left_ = 0;  // of the large argument being received
  bool refused_ = false;
  std::array<iovec, 2> targets_{};
};

}  // namespace strata::server
