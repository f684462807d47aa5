#include "server/commands/held_request.h"

#include <algorithm>

namespace strata::server {

HeldRequest::HeldRequest(Budget& budget, std::span<const std::string_view> words, std::span<const ValueRef> blocks)
    : budget_(budget), blocks_(blocks.begin(), blocks.end()) {
  const auto lies_apart = [&](std::string_view word) {
    return std::any_of(blocks_.begin(), blocks_.end(),
                       [&](const ValueRef& block) { return block && block.view().data() == word.data(); });
  };
  std::size_t bytes = 0;
  for (const std::string_view word : words) bytes += lies_apart(word) ? 0 : word.size();
  text_.reserve(bytes);  // the words point into it
  words_.reserve(words.size());
  for (const std::string_view word : words) {
    if (lies_apart(word)) {
      words_.push_back(word);
      continue;
    }
    const std::size_t begin = text_.size();
    text_.append(word);
    words_.emplace_back(text_.data() + begin, word.size());
  }
  charged_bytes_ = static_cast<std::int64_t>(sizeof *this + text_.capacity() + words_.capacity() * sizeof(std::string_view));
  budget_.charge(Purpose::client_buffers, charged_bytes_);
}

HeldRequest::~HeldRequest() { budget_.charge(Purpose::client_buffers, -charged_bytes_); }

}  // namespace strata::server
