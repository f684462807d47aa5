#include "server/commands/client.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace strata::server {
namespace {

class ClientRegistryTest : public testing::Test {
 protected:
  std::shared_ptr<Client> add(std::uint64_t id, std::uint64_t held_bytes) {
    auto client = std::make_shared<Client>(
        Client::Identity{.id = id, .fd = -1, .peer_address = {}, .local_address = {}, .connected_at_ms = 0});
    client->activity.query_buffer_bytes.store(held_bytes);
    client->set_disconnect([this, id](Client::Reason reason) {
      EXPECT_EQ(reason, Client::Reason::holds_most);
      disconnected.push_back(id);
    });
    registry.add(client);
    return client;
  }
  ClientRegistry registry;
  std::vector<std::uint64_t> disconnected;
};

TEST_F(ClientRegistryTest, DisconnectsTheOneThatHoldsMost) {
  add(1, 100);
  add(2, 300);
  add(3, 200);
  registry.disconnect_largest();
  EXPECT_EQ(disconnected, std::vector<std::uint64_t>{2});
  // As long as that has not left nobody else has to.
  registry.disconnect_largest();
  EXPECT_EQ(disconnected.size(), 1U);
  registry.remove(2);
  registry.disconnect_largest();
  EXPECT_EQ(disconnected, (std::vector<std::uint64_t>{2, 3}));
}

TEST_F(ClientRegistryTest, SparesWhoAskedForIt) {
  add(1, 100);
  const auto spared = add(2, 300);
  spared->set_spared(true);
  registry.disconnect_largest();
  EXPECT_EQ(disconnected, std::vector<std::uint64_t>{1});
  registry.remove(1);
  registry.disconnect_largest();
  EXPECT_EQ(disconnected.size(), 1U);
  spared->set_spared(false);
  registry.disconnect_largest();
  EXPECT_EQ(disconnected, (std::vector<std::uint64_t>{1, 2}));
}

}  // namespace
}  // namespace strata::server
