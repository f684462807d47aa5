#include "server/commands/reply.h"

#include <algorithm>
#include <cstring>

namespace strata::server {

void Reply::error(std::string_view text) {
  ++remarks_;
  const std::string_view code = text.substr(0, text.find(' '));
  last_error_code_size_ = std::min(code.size(), sizeof last_error_code_);
  std::memcpy(last_error_code_, code.data(), last_error_code_size_);
  ReplyWriter::error(text);
}

void Reply::value(const ItemView& item) {
  if (!item.block && !overflowed_ && bytes_.size() <= limit_bytes_) [[likely]]
    return bulk(item.value);
  framed_value({}, item, item.value, {});
}

void Reply::framed_value(std::string_view before, const ItemView& item, std::string_view part, std::string_view after) {
  if (overflowed_ || bytes_.size() > limit_bytes_) {
    overflowed_ = true;
    return;
  }
  bulk_header(before.size() + part.size() + after.size());
  bytes_.append(before);
  // What is short is not worth a piece of its own, and a large block held for it.
  if (!item.block || part.size() < kLargeValueBytes) {
    bytes_.append(part);
  } else {
    pins_.push_back({bytes_.size(), item.block, part});
    pinned_bytes_ += part.size();
    remark();
  }
  bytes_.append(after);
  bulk_end();
}

std::size_t Reply::size_since(const Mark& mark) const noexcept {
  std::size_t pinned = 0;
  for (std::size_t i = mark.pins; i < pins_.size(); ++i) pinned += pins_[i].bytes.size();
  return bytes_.size() - mark.bytes + pinned;
}

void Reply::cut(const Mark& mark) {
  bytes_.drop_back(bytes_.size() - mark.bytes);
  for (; pins_.size() > mark.pins; pins_.pop_back()) pinned_bytes_ -= pins_.back().bytes.size();
  overflowed_ = false;
}

void Reply::clear(std::size_t keep_bytes) {
  if (bytes_.capacity() > keep_bytes) {
    bytes_.release();
  } else {
    bytes_.clear();
  }
  pins_.clear();
  pinned_bytes_ = 0;
  overflowed_ = false;
}

}  // namespace strata::server
