#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/api/strata.hpp"

namespace strata::server {

// What a command holds between its slices, charged to the client buffers as long as this lives.
class ChargedBytes {
 public:
  explicit ChargedBytes(Budget& budget) noexcept : budget_(budget) {}
  ~ChargedBytes() { set(0); }
  ChargedBytes(const ChargedBytes&) = delete;
  ChargedBytes& operator=(const ChargedBytes&) = delete;

  void set(std::size_t bytes) noexcept {
    budget_.charge(Purpose::client_buffers, static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(bytes_));
    bytes_ = bytes;
  }

 private:
  Budget& budget_;
  std::size_t bytes_ = 0;
};

}  // namespace strata::server
