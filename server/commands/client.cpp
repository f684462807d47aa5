#include "server/commands/client.h"

namespace strata::server {

void ClientRegistry::add(std::shared_ptr<Client> client) {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t id = client->identity().id;
  clients_.emplace(id, std::move(client));
  size_.store(clients_.size(), std::memory_order_relaxed);
}

void ClientRegistry::remove(std::uint64_t id) {
  const std::scoped_lock lock(mutex_);
  clients_.erase(id);
  size_.store(clients_.size(), std::memory_order_relaxed);
}

std::vector<std::shared_ptr<const Client>> ClientRegistry::snapshot() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<const Client>> all;
  all.reserve(clients_.size());
  for (const auto& [id, client] : clients_) all.push_back(client);
  return all;
}

}  // namespace strata::server
