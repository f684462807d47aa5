#include "engine/cache/protocol_points.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace strata::cache {
namespace {

std::vector<ProtocolPoint> passed;

void note(ProtocolPoint point) noexcept { passed.push_back(point); }

TEST(ProtocolPointsTest, EachCallsTheHandlerWithItsName) {
  passed.clear();
  STRATA_PROTOCOL_POINT(lock_home);
  EXPECT_TRUE(passed.empty());
  EXPECT_EQ(set_protocol_point_handler(&note), nullptr);
  STRATA_PROTOCOL_POINT(lock_home);
  STRATA_PROTOCOL_POINT(writer_after_look);
  STRATA_PROTOCOL_POINT(before_swing);
  STRATA_PROTOCOL_POINT(after_swing);
  STRATA_PROTOCOL_POINT(before_unlock);
  STRATA_PROTOCOL_POINT(before_joint_lock);
  STRATA_PROTOCOL_POINT(after_joint_lock);
  STRATA_PROTOCOL_POINT(before_gate_closed);
  STRATA_PROTOCOL_POINT(after_gate_closed);
  STRATA_PROTOCOL_POINT(before_retire);
  STRATA_PROTOCOL_POINT(before_reclaim);
  STRATA_PROTOCOL_POINT(reader_after_slot_load);
  STRATA_PROTOCOL_POINT(reader_after_key_compare);
  STRATA_PROTOCOL_POINT(reader_before_validation);
  STRATA_PROTOCOL_POINT(growth_block_copied);
  STRATA_PROTOCOL_POINT(growth_before_cursor);
  STRATA_PROTOCOL_POINT(item_sent_aside);
  STRATA_PROTOCOL_POINT(walk_after_block);
  EXPECT_EQ(set_protocol_point_handler(nullptr), &note);
  STRATA_PROTOCOL_POINT(growth_before_cursor);
  ASSERT_EQ(passed.size(), kProtocolPoints);
  for (std::size_t i = 0; i < kProtocolPoints; ++i) EXPECT_EQ(static_cast<std::size_t>(passed[i]), i);
}

}  // namespace
}  // namespace strata::cache
