#include "server/commands/reply.h"

#include <algorithm>
#include <cstring>

namespace strata::server {

void Reply::error(std::string_view text) {
  ++errors_;
  const std::string_view code = text.substr(0, text.find(' '));
  last_error_code_size_ = std::min(code.size(), sizeof last_error_code_);
  std::memcpy(last_error_code_, code.data(), last_error_code_size_);
  ReplyWriter::error(text);
}

void Reply::value(const ItemView& item) {
  if (overflowed_ || bytes_.size() > limit_bytes_) {
    overflowed_ = true;
    return;
  }
  if (!item.block) {
    bulk(item.value);
    return;
  }
  bulk_header(item.value.size());
  pins_.push_back({bytes_.size(), item.block});
  pinned_bytes_ += item.value.size();
  bulk_end();
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
