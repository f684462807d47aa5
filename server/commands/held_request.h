#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/strata.hpp"

namespace strata::server {

// A request that is carried out later: its words, copied from where they were received, and the blocks of the large ones, which stay where they lie.
// Charged to Purpose::client_buffers as long as it lives; no larger than what a client may send (limits.query_buffer).
// Thread safety: none.
class HeldRequest {
 public:
  // REQUIRES: `budget` outlives it.
  HeldRequest(Budget& budget, std::span<const std::string_view> words, std::span<const ValueRef> blocks);
  ~HeldRequest();
  HeldRequest(const HeldRequest&) = delete;
  HeldRequest& operator=(const HeldRequest&) = delete;

  [[nodiscard]] std::span<const std::string_view> words() const noexcept { return words_; }
  [[nodiscard]] std::span<const ValueRef> blocks() const noexcept { return blocks_; }

 private:
  Budget& budget_;
  std::vector<ValueRef> blocks_;
  std::string text_;
  std::vector<std::string_view> words_;
  std::int64_t charged_bytes_ = 0;
};

}  // namespace strata::server
