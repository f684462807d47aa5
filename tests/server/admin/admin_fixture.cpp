#include "tests/server/admin/admin_fixture.h"

#include <boost/json/parse.hpp>
#include <utility>

#include "server/admin/router.h"

namespace strata::server::admin {

config::Settings AdminFixture::default_settings() {
  config::Settings settings;
  settings.admin.token = kToken;
  settings.admin.port = 0;
  settings.admin.body_limit_bytes = 64ULL << 10;
  settings.security.password = "very-secret-word";
  return settings;
}

AdminFixture::AdminFixture(config::Settings settings)
    : cache_({.namespaces = 16, .hash_seed = 7}, {}),
      store_(std::move(settings), {{"server.port", "strata.yaml:2:3"}}, {}),
      statistics_(commands_.all().size()),
      server_{cache_,       store_,       commands_, clients_, statistics_, limits_, acl_, gate_,
              closer_look_, command_log_, latency_,  pause_,   monitors_,   facts_,  [] {}},
      loop_(statistics_.add_loop()),
      state_(server_),
      session_(cache_.open_session()) {
  facts_.started_at_ms = wall_clock_ms() - 5000;
}

Response AdminFixture::call(std::string_view method, std::string_view target, std::string body) {
  const std::string authorization = "Bearer " + std::string(kToken);
  const RequestHead head{.method = method,
                         .target = target,
                         .authorization = authorization,
                         .accept = accept_,
                         .if_match = if_match_,
                         .peer = "192.0.2.7:50614"};
  Admission admission = admit(head, store_.current()->admin);
  if (admission.refusal) return *admission.refusal;
  admission.request.bytes = std::move(body);
  const auto exchange = make_exchange(state_, std::move(admission.request));
  for (slices_ = 1;; ++slices_) {
    if (auto response = exchange->slice()) return *response;
  }
}

boost::json::value AdminFixture::call_json(unsigned status, std::string_view method, std::string_view target, std::string body) {
  const Response response = call(method, target, std::move(body));
  EXPECT_EQ(response.status, status) << response.body;
  EXPECT_EQ(response.content_type, status < 400 || target == "/readyz" ? "application/json" : "application/problem+json");
  return boost::json::parse(response.body);
}

void AdminFixture::set(std::string_view key, std::string_view value, Namespace database, std::int64_t expire_at_ms) {
  const Status status =
      cache_.update(*session_, cache_.key(database, key), [&](Decision& decision) { decision.put(value, expire_at_ms); });
  ASSERT_EQ(status, Status::ok);
}

bool AdminFixture::has(std::string_view key, Namespace database) {
  return cache_.peek(*session_, cache_.key(database, key), [](const ItemView&) {});
}

}  // namespace strata::server::admin
