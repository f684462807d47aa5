#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "engine/cache/cache.h"
#include "engine/cache/protocol_points.h"
#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

std::atomic<bool> is_inside;
std::atomic<bool> closing;
std::atomic<bool> alone;
std::atomic<bool> met;

// A writer stays inside until somebody who closes the gate believes to be alone, or for a while.
void linger(ProtocolPoint point) noexcept {
  constexpr int kAWhile = 20'000;
  switch (point) {
    case ProtocolPoint::before_swing:
      if (closing) break;
      is_inside = true;
      for (int turn = 0; turn < kAWhile && !alone; ++turn) std::this_thread::yield();
      is_inside = false;
      break;
    case ProtocolPoint::before_gate_closed:
      while (!is_inside) std::this_thread::yield();
      closing = true;
      break;
    case ProtocolPoint::after_gate_closed:
      met = met || is_inside;
      alone = true;
      break;
    default: break;
  }
}

class WriteGateTest : public CacheTest {
 protected:
  ~WriteGateTest() override { set_protocol_fault(ProtocolFault::none); }

  // Whether who closed the gate met somebody inside.
  bool swap_beside_a_writer() {
    is_inside = closing = alone = met = false;
    set("key", "of 0");
    set_protocol_point_handler(&linger);
    {
      const std::jthread writer([this] { set("key", "changed"); });
      cache->swap(0, 1);
    }
    set_protocol_point_handler(nullptr);
    return met;
  }
};

TEST_F(WriteGateTest, WhoClosesItIsAlone) {
  EXPECT_FALSE(swap_beside_a_writer());
  EXPECT_EQ(get("key", 1), "changed");
}

TEST_F(WriteGateTest, WithoutWaitingItIsNot) {
  set_protocol_fault(ProtocolFault::gate_does_not_wait);
  EXPECT_TRUE(swap_beside_a_writer());
}

}  // namespace
}  // namespace strata::cache
