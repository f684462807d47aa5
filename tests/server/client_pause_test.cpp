#include "server/commands/client_pause.h"

#include <gtest/gtest.h>

#include <limits>

#include "engine/api/strata.hpp"
#include "server/commands/held_request.h"

namespace strata::server {
namespace {

using Of = ClientPause::Of;

class ClientPauseTest : public testing::Test {
 protected:
  ClientPauseTest() { gate_.next_pass(); }

  // Whether the gate lets through who may do everything.
  [[nodiscard]] bool is_open() const { return gate_.lets(gate_.pass()); }

  CommandGate gate_;
  ClientPause pause_{gate_};
};

TEST_F(ClientPauseTest, IsOfWritesOrOfEverything) {
  EXPECT_TRUE(is_open());
  EXPECT_EQ(pause_.remaining_ms(true, 1000), 0);
  pause_.begin(Of::writes, 1500, 1000);
  EXPECT_FALSE(is_open());
  EXPECT_EQ(pause_.remaining_ms(true, 1000), 500);
  EXPECT_EQ(pause_.remaining_ms(false, 1000), 0);
  EXPECT_EQ(pause_.remaining_ms(true, 1500), 0);
  pause_.begin(Of::everything, 2500, 2000);
  EXPECT_EQ(pause_.remaining_ms(false, 2100), 400);
  pause_.end();
  EXPECT_TRUE(is_open());
  EXPECT_EQ(pause_.remaining_ms(true, 2100), 0);
}

TEST_F(ClientPauseTest, GrowsOnlyWhileItIsOn) {
  pause_.begin(Of::everything, 1500, 1000);
  pause_.begin(Of::writes, 1100, 1000);
  EXPECT_EQ(pause_.remaining_ms(false, 1000), 500) << "neither shorter nor milder";
  pause_.begin(Of::writes, 1900, 1000);
  EXPECT_EQ(pause_.remaining_ms(false, 1000), 900);
  pause_.begin(Of::writes, 2100, 2000);
  EXPECT_EQ(pause_.remaining_ms(false, 2000), 0) << "the one before is over";
  EXPECT_EQ(pause_.remaining_ms(true, 2000), 100);
  pause_.begin(Of::everything, std::numeric_limits<std::int64_t>::max(), 3000);
  EXPECT_GT(pause_.remaining_ms(false, 3000), std::int64_t{1} << 60U);
}

TEST_F(ClientPauseTest, TheGateOpensWhenSomebodyFindsThatItIsOver) {
  pause_.begin(Of::writes, 1500, 1000);
  pause_.end_if_over(1499);
  EXPECT_FALSE(is_open());
  pause_.end_if_over(1500);
  EXPECT_TRUE(is_open());
  pause_.begin(Of::writes, 1500, 2000);
  EXPECT_TRUE(is_open()) << "it was over before it began";
}

TEST_F(ClientPauseTest, UsersThatChangeMeanwhileMakeAnotherPass) {
  const std::uint64_t before = gate_.pass();
  pause_.begin(Of::writes, 1500, 1000);
  EXPECT_EQ(gate_.pass(), before);
  EXPECT_FALSE(gate_.lets(before));
  gate_.next_pass();
  EXPECT_FALSE(is_open());
  pause_.end();
  EXPECT_FALSE(gate_.lets(before));
  EXPECT_TRUE(is_open());
  EXPECT_FALSE(gate_.lets(CommandGate::kNone));
}

TEST(HeldRequestTest, KeepsItsWordsAndIsCharged) {
  Cache cache({}, {});
  const std::unique_ptr<Session> session = cache.open_session();
  const std::uint64_t before = cache.budget().bytes(Purpose::client_buffers);
  ValueRef block = cache.allocate_value(*session, 100'000);
  ASSERT_TRUE(block);
  {
    std::string key(5000, 'k');
    const std::vector<std::string_view> words{"SET", key, block.view(), ""};
    const HeldRequest held(cache.budget(), words, {&block, 1});
    const char* const data = block.data();
    key.assign(5000, 'x');
    block = {};
    ASSERT_EQ(held.words().size(), 4U);
    EXPECT_EQ(held.words()[0], "SET");
    EXPECT_EQ(held.words()[1], std::string(5000, 'k'));
    EXPECT_EQ(held.words()[2].data(), data) << "not copied";
    EXPECT_EQ(held.blocks().size(), 1U);
    EXPECT_EQ(held.words()[3], "");
    const std::uint64_t charged = cache.budget().bytes(Purpose::client_buffers) - before;
    EXPECT_GE(charged, 5003U);
    EXPECT_LE(charged, 6000U);
  }
  EXPECT_EQ(cache.budget().bytes(Purpose::client_buffers), before);
}

}  // namespace
}  // namespace strata::server
