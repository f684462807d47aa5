#include "server/admin/audit_log.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "config/printable_text.h"
#include "server/admin/admin_state.h"
#include "server/admin/request.h"

namespace strata::server::admin {

namespace {

// What is kept of each text.
constexpr std::size_t kTextBytes = 128;

// A logger of its own that writes where the default one does.
std::shared_ptr<spdlog::logger> audit_logger() {
  static const std::string name = "audit";
  auto logger = spdlog::get(name);
  if (!logger) {
    logger = spdlog::default_logger()->clone(name);
    spdlog::register_logger(logger);
  }
  return logger;
}

std::string line_of(const AuditEntry& entry) {
  std::string line = fmt::format("audit: {} by {} {} token: {}", entry.action, entry.peer.empty() ? "unknown" : entry.peer,
                                 entry.with_token ? "with" : "without", entry.what);
  if (!entry.from.empty() || !entry.to.empty())
    line += fmt::format(": {} -> {}", entry.from.empty() ? "nothing" : entry.from, entry.to.empty() ? "nothing" : entry.to);
  return line;
}

}  // namespace

void AuditLog::add(AuditEntry entry, std::size_t most) {
  entry.number = ++last_;
  newest_first_.push_front(std::move(entry));
  if (newest_first_.size() > most) newest_first_.resize(most);
}

std::vector<AuditEntry> AuditLog::last(std::size_t count, std::uint64_t before) const {
  // The numbers fall by one from the first on.
  const std::uint64_t newest = newest_first_.empty() ? 0 : newest_first_.front().number;
  const std::size_t skipped = before > newest ? 0 : std::min<std::uint64_t>(newest - before + 1, newest_first_.size());
  const auto first = newest_first_.begin() + static_cast<std::ptrdiff_t>(skipped);
  return {first, first + static_cast<std::ptrdiff_t>(std::min(count, newest_first_.size() - skipped))};
}

void note_change(AdminState& state, const Request& request, std::string_view what, std::string_view from, std::string_view to) {
  AuditEntry entry{.number = 0,
                   .at_ms = wall_clock_ms(),
                   .peer = request.peer,
                   .with_token = request.with_token,
                   .action = fmt::format("{} {}", request.route().method, request.route().path),
                   .what = config::printable(what, kTextBytes),
                   .from = config::printable(from, kTextBytes),
                   .to = config::printable(to, kTextBytes)};
  audit_logger()->info(line_of(entry));
  state.audit.add(std::move(entry), state.server.settings.current()->admin.audit_entries);
}

}  // namespace strata::server::admin
