#pragma once

#include <cstddef>
#include <cstdint>

#include "server/commands/client.h"

namespace strata::server {

// A walk through all clients that were connected when it began, in order of their id, some of them a slice: there may be ten thousand.
// Thread safety: none.
class ClientWalk {
 public:
  static constexpr std::size_t kClientsAtOnce = 128;

  explicit ClientWalk(const ClientRegistry& clients) noexcept : clients_(clients), last_(clients.last_id()) {}

  // Visits the next ones. Returns whether there are no more.
  template <typename F>
  bool slice(F&& visit) {
    const auto some = clients_.page(after_, kClientsAtOnce);
    for (const auto& client : some) {
      if (client->identity().id > last_) return true;
      after_ = client->identity().id;
      visit(*client);
    }
    return some.size() < kClientsAtOnce;
  }

 private:
  const ClientRegistry& clients_;
  std::uint64_t last_;
  std::uint64_t after_ = 0;
};

}  // namespace strata::server
