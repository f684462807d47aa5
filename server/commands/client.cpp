#include "server/commands/client.h"

#include <utility>

namespace strata::server {

void Client::set_disconnect(std::function<void(Reason)> disconnect) {
  const std::scoped_lock lock(loop_mutex_);
  disconnect_ = std::move(disconnect);
}

bool Client::disconnect(Reason reason) {
  const std::scoped_lock lock(loop_mutex_);
  const std::function<void(Reason)> disconnect = std::exchange(disconnect_, nullptr);
  if (disconnect) disconnect(reason);
  return static_cast<bool>(disconnect);
}

void Client::set_wake(std::function<void()> wake) {
  const std::scoped_lock lock(loop_mutex_);
  wake_ = std::move(wake);
}

void Client::wake() {
  const std::scoped_lock lock(loop_mutex_);
  if (wake_) wake_();
}

bool Client::unblock(bool with_error) {
  Wait expected = Wait::waits;
  if (!wait_.compare_exchange_strong(expected, with_error ? Wait::ended_with_error : Wait::ended, std::memory_order_acq_rel))
    return false;
  wake();
  return true;
}

std::uint64_t Client::held_bytes() const noexcept {
  const auto of = [](const std::atomic<std::uint64_t>& bytes) { return bytes.load(std::memory_order_relaxed); };
  return of(activity.query_buffer_bytes) + of(activity.output_bytes) + of(activity.received_bytes);
}

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

std::shared_ptr<Client> ClientRegistry::find(std::uint64_t id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = clients_.find(id);
  return found == clients_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Client>> ClientRegistry::page(std::uint64_t after, std::size_t count) const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<Client>> some;
  for (auto client = clients_.upper_bound(after); client != clients_.end() && some.size() < count; ++client)
    some.push_back(client->second);
  return some;
}

void ClientRegistry::disconnect_largest() {
  std::shared_ptr<Client> largest;
  {
    const std::scoped_lock lock(mutex_);
    if (clients_.contains(disconnected_)) return;
    std::uint64_t most = 0;
    for (const auto& [id, client] : clients_) {
      const std::uint64_t held = client->held_bytes();
      if (held <= most || client->is_spared()) continue;
      most = held;
      largest = client;
    }
    if (largest == nullptr) return;
    disconnected_ = largest->identity().id;
  }
  largest->disconnect(Client::Reason::holds_most);
}

}  // namespace strata::server
