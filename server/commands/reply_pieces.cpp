#include "server/commands/reply_pieces.h"

namespace strata::server {

protocol::ByteBuffer& ReplyPieces::end() {
  if (pieces_.empty()) return pieces_.emplace_back();  // most answers are short: it grows as they do
  protocol::ByteBuffer& last = pieces_.back();
  if (last.size() + kSpareBytes < kPieceBytes) return last;
  full_bytes_ += last.size();
  full_memory_ += last.capacity();
  protocol::ByteBuffer& next = pieces_.emplace_back();
  (void)next.make_exact_room(kPieceBytes);
  return next;
}

bool ReplyPieces::answer_one(Reply& reply) {
  if (pieces_.empty()) return true;
  protocol::ByteBuffer& first = pieces_.front();
  reply.append_raw(first.view());
  if (pieces_.size() > 1) {
    full_bytes_ -= first.size();
    full_memory_ -= first.capacity();
  }
  pieces_.pop_front();
  charge();
  return pieces_.empty();
}

}  // namespace strata::server
