#include "server/net/output_queue.h"

#include <algorithm>
#include <array>
#include <utility>

namespace strata::server {

namespace {

// Pieces handed to the kernel in one call.
constexpr std::size_t kPieces = 64;
// A new buffer is begun when the last one holds this much, so that a long queue never has to move.
constexpr std::size_t kSegmentBytes = 256ULL << 10;

iovec piece(std::string_view bytes) noexcept { return {const_cast<char*>(bytes.data()), bytes.size()}; }

// Calls `visit(bytes, its block or nullptr)` for each piece of a reply in the order of sending.
template <typename F>
void for_each_piece(Reply& reply, F&& visit) {
  const std::string_view bytes = reply.bytes().view();
  std::size_t from = 0;
  for (const Reply::Pin& pin : reply.pins()) {
    if (pin.offset > from) visit(bytes.substr(from, pin.offset - from), nullptr);
    visit(pin.bytes, &pin.block);
    from = pin.offset;
  }
  if (from < bytes.size()) visit(bytes.substr(from), nullptr);
}

}  // namespace

IoStatus OutputQueue::send(Transport& transport, Reply& reply) {
  std::size_t sent = 0;
  if (segments_.empty()) {
    std::array<iovec, kPieces> pieces;
    std::size_t count = 0;
    for_each_piece(reply, [&](std::string_view bytes, const ValueRef*) {
      if (count < pieces.size() && !bytes.empty()) pieces[count++] = piece(bytes);
    });
    const IoResult result = transport.write({pieces.data(), count});
    if (result.status == IoStatus::closed) return result.status;
    sent = result.bytes;
    sent_bytes_ += sent;
    const bool all = reply.pins().empty() && sent == reply.bytes().size();
    if (all) return IoStatus::ok;
  }
  queue(reply, sent);
  return flush(transport);
}

IoStatus OutputQueue::flush(Transport& transport) {
  while (!segments_.empty()) {
    std::array<iovec, kPieces> pieces;
    std::size_t count = 0;
    std::size_t wanted = 0;
    for (const Segment& segment : segments_) {
      if (count == pieces.size()) break;
      pieces[count++] = piece(segment.rest());
      wanted += segment.rest().size();
    }
    const IoResult result = transport.write({pieces.data(), count});
    if (result.status != IoStatus::ok) return result.status;
    sent_bytes_ += result.bytes;
    drop_sent(result.bytes);
    if (result.bytes < wanted) return IoStatus::would_block;
  }
  return IoStatus::ok;
}

void OutputQueue::queue(Reply& reply, std::size_t skip) {
  for_each_piece(reply, [&](std::string_view bytes, const ValueRef* block) {
    const std::size_t gone = std::min(skip, bytes.size());
    skip -= gone;
    if (gone == bytes.size()) return;
    block != nullptr ? append(*block, bytes, gone) : append(bytes.substr(gone));
  });
}

void OutputQueue::append(std::string_view bytes) {
  if (segments_.empty() || segments_.back().block || segments_.back().bytes.size() >= kSegmentBytes) segments_.emplace_back();
  protocol::ByteBuffer& last = segments_.back().bytes;
  const std::size_t before = last.capacity();
  last.append(bytes);
  buffered_bytes_ += last.capacity() - before;
}

void OutputQueue::append(const ValueRef& block, std::string_view part, std::size_t sent) {
  Segment& segment = segments_.emplace_back();
  segment.block = block;
  segment.part = part;
  segment.sent = sent;
  pinned_bytes_ += part.size();
}

void OutputQueue::drop_sent(std::size_t bytes) {
  while (bytes > 0) {
    Segment& first = segments_.front();
    const std::size_t gone = std::min(bytes, first.rest().size());
    bytes -= gone;
    if (gone < first.rest().size()) {
      first.block ? void(first.sent += gone) : first.bytes.consume(gone);
      return;
    }
    if (first.block) {
      pinned_bytes_ -= first.part.size();
    } else {
      buffered_bytes_ -= first.bytes.capacity();
    }
    segments_.pop_front();
  }
}

}  // namespace strata::server
