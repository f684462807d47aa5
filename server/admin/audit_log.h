#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace strata::server::admin {

struct AdminState;
class Request;

// One thing that was changed through the admin API. The texts are printable, and short.
struct AuditEntry {
  std::uint64_t number = 0;  // from 1, one more each time
  std::int64_t at_ms = 0;    // wall clock
  std::string peer;
  bool with_token = false;  // false: admin.token was empty
  std::string action;       // "PATCH /v1/config": method and pattern of the route
  std::string what;         // "memory.policy"
  std::string from;         // empty where that says nothing; so may the next be. Never a secret
  std::string to;
};

// The last changes; the ring behind GET /v1/audit. Thread safety: none.
class AuditLog {
 public:
  // Numbers the entry and keeps it, with at most `most` of them; the oldest go.
  void add(AuditEntry entry, std::size_t most);
  // The newest first, at most `count`, of those with a number below `before`.
  [[nodiscard]] std::vector<AuditEntry> last(std::size_t count,
                                             std::uint64_t before = std::numeric_limits<std::uint64_t>::max()) const;

 private:
  std::deque<AuditEntry> newest_first_;
  std::uint64_t last_ = 0;
};

// Notes what a request has changed, or is about to: in the log of the process, under the logger "audit", and in the ring.
void note_change(AdminState& state, const Request& request, std::string_view what, std::string_view from, std::string_view to);

}  // namespace strata::server::admin
