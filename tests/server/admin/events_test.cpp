#include <gtest/gtest.h>

#include <boost/json/value.hpp>

#include "tests/server/admin/admin_fixture.h"

namespace strata::server::admin {
namespace {

class Events : public AdminFixture {};

TEST_F(Events, AreShownAsTheyOccurred) {
  EXPECT_TRUE(call_json(200, "GET", "/v1/events").at("events").as_array().empty());
  cache_.events().add(
      {.at_ms = 1'700'000'000'000, .kind = cache::EventKind::memory_pressure, .measured = 0.75, .threshold = 0.5, .items = 7});
  cache_.events().add({.kind = cache::EventKind::hit_ratio_drop});
  const boost::json::value events = call_json(200, "GET", "/v1/events").at("events");
  ASSERT_EQ(events.as_array().size(), 2U);
  EXPECT_EQ(events.as_array()[0], (boost::json::value{{"number", 1},
                                                      {"at_ms", 1'700'000'000'000},
                                                      {"kind", "memory_pressure"},
                                                      {"measured", 0.75},
                                                      {"threshold", 0.5},
                                                      {"removed", 7}}));
  EXPECT_EQ(events.as_array()[1].at("kind"), "hit_ratio_drop");
}

}  // namespace
}  // namespace strata::server::admin
