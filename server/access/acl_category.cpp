#include "server/access/acl_category.h"

#include <utility>

#include "server/commands/words.h"

namespace strata::server {
namespace {

constexpr std::uint32_t bit(std::string_view with_at) {
  for (std::size_t i = 0; i < kAclCategories.size(); ++i) {
    if (kAclCategories[i].with_at == with_at) return 1U << i;
  }
  return 0;
}

// By group of the command table, for what is no container.
constexpr std::pair<std::string_view, std::uint32_t> kOfGroup[] = {{"generic", bit("@keyspace")},
                                                                   {"string", bit("@string")},
                                                                   {"bitmap", bit("@bitmap")},
                                                                   {"connection", bit("@connection")},
                                                                   {"set", bit("@set")},
                                                                   {"sorted-set", bit("@sortedset")},
                                                                   {"list", bit("@list")},
                                                                   {"hash", bit("@hash")},
                                                                   {"hyperloglog", bit("@hyperloglog")},
                                                                   {"geo", bit("@geo")},
                                                                   {"stream", bit("@stream")},
                                                                   {"pubsub", bit("@pubsub")},
                                                                   {"transactions", bit("@transaction")},
                                                                   {"scripting", bit("@scripting")}};

}  // namespace

std::uint32_t acl_categories_of(const CommandSpec& spec) noexcept {
  const auto has = [&spec](std::uint32_t flag) { return (spec.flags & flag) != 0; };
  std::uint32_t categories = has(kFast) ? bit("@fast") : bit("@slow");
  if (has(kReadonly)) categories |= bit("@read");
  if (has(kWrite)) categories |= bit("@write");
  if (has(kAdmin)) categories |= bit("@admin") | bit("@dangerous");
  if (has(kDangerous)) categories |= bit("@dangerous");
  if (has(kAboutKeyspace)) categories |= bit("@keyspace");
  // A container that does nothing itself belongs to no group.
  if (has(kAboutConnections)) return categories | bit("@connection");
  if (spec.handler == nullptr) return categories;
  for (const auto& [group, category] : kOfGroup) {
    if (spec.group == group) categories |= category;
  }
  return categories;
}

std::uint32_t find_acl_category(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kAclCategories.size(); ++i) {
    if (equals_ignoring_case(name, kAclCategories[i].name())) return 1U << i;
  }
  return 0;
}

}  // namespace strata::server
