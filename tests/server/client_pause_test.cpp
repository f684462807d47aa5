#include "server/commands/client_pause.h"

#include <gtest/gtest.h>

#include <limits>

#include "engine/api/strata.hpp"
#include "server/commands/held_request.h"

namespace strata::server {
namespace {

using Of = ClientPause::Of;

TEST(ClientPauseTest, IsOfWritesOrOfEverything) {
  ClientPause pause;
  EXPECT_FALSE(pause.is_on());
  EXPECT_EQ(pause.remaining_ms(true, 1000), 0);
  pause.begin(Of::writes, 1500, 1000);
  EXPECT_TRUE(pause.is_on());
  EXPECT_EQ(pause.remaining_ms(true, 1000), 500);
  EXPECT_EQ(pause.remaining_ms(false, 1000), 0);
  EXPECT_EQ(pause.remaining_ms(true, 1500), 0);
  pause.begin(Of::everything, 2500, 2000);
  EXPECT_EQ(pause.remaining_ms(false, 2100), 400);
  pause.end();
  EXPECT_FALSE(pause.is_on());
  EXPECT_EQ(pause.remaining_ms(true, 2100), 0);
}

TEST(ClientPauseTest, GrowsOnlyWhileItIsOn) {
  ClientPause pause;
  pause.begin(Of::everything, 1500, 1000);
  pause.begin(Of::writes, 1100, 1000);
  EXPECT_EQ(pause.remaining_ms(false, 1000), 500) << "neither shorter nor milder";
  pause.begin(Of::writes, 1900, 1000);
  EXPECT_EQ(pause.remaining_ms(false, 1000), 900);
  pause.begin(Of::writes, 2100, 2000);
  EXPECT_EQ(pause.remaining_ms(false, 2000), 0) << "the one before is over";
  EXPECT_EQ(pause.remaining_ms(true, 2000), 100);
  pause.begin(Of::everything, std::numeric_limits<std::int64_t>::max(), 3000);
  EXPECT_GT(pause.remaining_ms(false, 3000), std::int64_t{1} << 60U);
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
