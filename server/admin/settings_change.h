#pragma once

#include <span>

#include "config/change.h"
#include "server/admin/request.h"

namespace strata::server::admin {

// Brings changes of the configuration into effect for a request, all of them or none, notes them in the audit log, and answers with what changes. Of the
// request's parameters it heeds "dry_run" and "If-Match", where the route has them. `problems`: what the caller has found wrong already; then nothing is
// changed.
[[nodiscard]] Response change_settings(AdminState& state, const Request& request, std::span<const config::Change> changes,
                                       std::vector<config::Problem> problems = {});

// The strong entity tag of a revision of the configuration.
[[nodiscard]] std::string settings_tag(const AdminState& state, std::uint64_t revision);

// The schema of the answer, and an example of it.
inline constexpr std::string_view kSettingsChangeSchema = R"({"$ref": "#/components/schemas/SettingsChange"})";

}  // namespace strata::server::admin
