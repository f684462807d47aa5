#include "server/admin/settings_change.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "config/schema.h"
#include "config/value.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

// A key whose value is another one, or would be. Secrets are masked.
struct Difference {
  const config::Key* key = nullptr;
  std::string from;
  std::string to;
};

// What the changes come to, each for itself: also of those that need a restart. What is wrong with them is said elsewhere.
std::vector<Difference> differences_of(const config::Settings& before, std::span<const config::Change> changes) {
  std::vector<Difference> differences;
  for (const auto& [path, value] : changes) {
    const config::Key* key = config::find_key(path);
    config::Settings after = before;
    if (key == nullptr || !key->set(after, value).empty() || key->get(after) == key->get(before)) continue;
    differences.push_back({key, key->shown(before), key->shown(after)});
  }
  return differences;
}

json::array as_json(const std::vector<Difference>& differences) {
  json::array list;
  for (const auto& [key, from, to] : differences) {
    list.push_back({{"key", key->path}, {"from", from}, {"to", to}, {"effect", key->changeable ? "run time" : "restart"}});
  }
  return list;
}

Response refused(const std::vector<config::Problem>& problems, json::array changes) {
  json::array list;
  for (const config::Problem& problem : problems) {
    const config::Problem without_key{.location = {}, .key = {}, .wrong = problem.wrong, .allowed = problem.allowed};
    list.push_back({{"key", problem.key}, {"message", without_key.text()}});
  }
  const std::string message =
      fmt::format("nothing was changed: {} of the changes {} wrong", problems.size(), problems.size() == 1 ? "is" : "are");
  return error_response(400, "invalid_config", message, {{"problems", std::move(list)}, {"changes", std::move(changes)}});
}

// The revisions that If-Match names; nothing where any will do. A weak tag, and what is none of ours, names none.
std::optional<std::vector<std::uint64_t>> expected_revisions(const AdminState& state, std::string_view tags) {
  if (tags.empty() || tags == "*") return std::nullopt;
  const std::string prefix = settings_tag(state, 0);
  const std::string_view before_number = std::string_view(prefix).substr(0, prefix.size() - 2);
  std::vector<std::uint64_t> revisions;
  while (!tags.empty()) {
    std::string_view tag = tags.substr(0, tags.find(','));
    tags.remove_prefix(std::min(tag.size() + 1, tags.size()));
    while (tag.starts_with(' ')) tag.remove_prefix(1);
    while (tag.ends_with(' ')) tag.remove_suffix(1);
    if (!tag.starts_with(before_number) || !tag.ends_with('"')) continue;
    tag.remove_prefix(before_number.size());
    tag.remove_suffix(1);
    if (const auto revision = config::parse_integer(tag); revision && *revision > 0)
      revisions.push_back(static_cast<std::uint64_t>(*revision));
  }
  return revisions;
}

}  // namespace

std::string settings_tag(const AdminState& state, std::uint64_t revision) {
  // Revisions of another process are none of this one's.
  return fmt::format("\"{}-{}\"", state.server.facts.run_id.substr(0, 12), revision);
}

Response change_settings(AdminState& state, const Request& request, std::span<const config::Change> changes,
                         std::vector<config::Problem> problems) {
  const bool dry_run = request.flag("dry_run");
  const std::string origin = fmt::format("{} {}", request.route().method, request.route().path);
  const SettingsStore::Terms terms{.revisions = expected_revisions(state, request.text("If-Match")),
                                   .dry_run = dry_run || !problems.empty()};
  SettingsStore::Attempt attempt = state.server.settings.attempt(changes, origin, terms);
  const std::string tag = settings_tag(state, attempt.revision);
  if (attempt.is_stale) {
    Response stale = error_response(
        412, "stale", fmt::format("the configuration is another one than If-Match names: {}; nothing was changed", tag));
    stale.headers.emplace_back("ETag", tag);
    return stale;
  }
  const std::vector<Difference> differences = differences_of(*attempt.before, changes);
  problems.insert(problems.end(), std::make_move_iterator(attempt.problems.begin()),
                  std::make_move_iterator(attempt.problems.end()));
  if (!problems.empty()) return refused(problems, as_json(differences));
  if (!dry_run) {
    for (const auto& [key, from, to] : differences) note_change(state, request, key->path, from, to);
  }
  Response response = json_response(200, {{"dry_run", dry_run}, {"changes", as_json(differences)}});
  response.headers.emplace_back("ETag", tag);
  return response;
}

}  // namespace strata::server::admin
