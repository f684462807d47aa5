#pragma once

#include <cstddef>
#include <deque>

#include "engine/api/strata.hpp"
#include "protocol/byte_buffer.h"
#include "server/commands/charged_bytes.h"
#include "server/commands/reply.h"

namespace strata::server {

// A long answer that begins with how long it is: collected in pieces until that is known, and answered one piece a turn of the loop, so that nothing
// is ever moved as a whole. What it holds is charged to the client buffers. Thread safety: none.
class ReplyPieces {
 public:
  // Sending so much takes some ten microseconds.
  static constexpr std::size_t kPieceBytes = 64ULL << 10;

  explicit ReplyPieces(Budget& budget) noexcept : charged_(budget) {}

  // Where what comes next is written, some of it: to be asked for again between one name or line and the next.
  [[nodiscard]] protocol::ByteBuffer& end();
  // Charges what was written since the last time; to be called at the end of a slice.
  void charge() noexcept { charged_.set(memory_bytes()); }
  // Moves the first piece that is left into the reply. Returns whether it was the last.
  bool answer_one(Reply& reply);

  [[nodiscard]] std::size_t bytes() const noexcept { return pieces_.empty() ? 0 : full_bytes_ + pieces_.back().size(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return pieces_.empty() ? 0 : full_memory_ + pieces_.back().capacity();
  }

 private:
  // A piece with less room than that is full.
  static constexpr std::size_t kSpareBytes = 4096;

  std::deque<protocol::ByteBuffer> pieces_;
  std::size_t full_bytes_ = 0;   // of all but the last one
  std::size_t full_memory_ = 0;  // likewise
  ChargedBytes charged_;
};

}  // namespace strata::server
