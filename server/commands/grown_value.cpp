#include "server/commands/grown_value.h"

#include <algorithm>
#include <cstring>

namespace strata::server {

void GrownValue::Writer::operator()(char* destination) const {
  const std::size_t offset = grown->offset_;
  const std::string_view piece = grown->piece_;
  const std::size_t kept = std::min(before.size(), offset);
  before.copy(destination, kept);
  std::memset(destination + kept, 0, offset - kept);
  piece.copy(destination + offset, piece.size());
  const std::size_t end = offset + piece.size();
  if (end < before.size()) before.substr(end).copy(destination + end, before.size() - end);
}

std::size_t GrownValue::put(Decision& decision, const ItemView* current) {
  const std::string_view before = current != nullptr ? current->value : std::string_view();
  const std::int64_t expire_at_ms = current != nullptr ? current->expire_at_ms : kNoExpiry;
  if (current != nullptr && offset_ >= before.size() && offset_ - before.size() <= kMostGapBytes) {
    tail_.assign(offset_ - before.size(), '\0');
    tail_.append(piece_);
    decision.put(before, tail_, expire_at_ms);
    return before.size() + tail_.size();
  }
  const std::size_t size = std::max(before.size(), offset_ + piece_.size());
  writer_ = {.grown = this, .before = before};
  decision.put(size, writer_, expire_at_ms);
  return size;
}

}  // namespace strata::server
