#pragma once

#include <cstdint>

namespace strata::server::admin {

// Large values that sessions of the admin API hold: that are being received, or sent. A slow client keeps one in memory although no key may show it any
// more. Thread safety: none.
class HeldValues {
 public:
  // Of what all clients together may hold (limits.all_clients); the rest is theirs, who would be disconnected for it.
  static constexpr std::uint64_t kShareOfClients = 4;

  // Notes that one more value is held. False: it would be more than a share of `most_bytes`. One value alone may always be held.
  [[nodiscard]] bool take(std::uint64_t bytes, std::uint64_t most_bytes) noexcept {
    if (bytes_ != 0 && bytes_ + bytes > most_bytes / kShareOfClients) return false;
    bytes_ += bytes;
    return true;
  }
  void give_back(std::uint64_t bytes) noexcept { bytes_ -= bytes; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  std::uint64_t bytes_ = 0;
};

}  // namespace strata::server::admin
