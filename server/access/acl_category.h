#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "server/commands/command.h"

namespace strata::server {

// The categories that ACL rules name (+@read, -@dangerous), in the order of Redis. A set of them is one word, bit i for kAclCategories[i].
struct AclCategory {
  std::string_view with_at;  // "@read", as COMMAND INFO and rules have it

  [[nodiscard]] constexpr std::string_view name() const noexcept { return with_at.substr(1); }
};

inline constexpr std::array<AclCategory, 21> kAclCategories = {
    {{"@keyspace"}, {"@read"},   {"@write"},       {"@set"},       {"@sortedset"},  {"@list"},        {"@hash"},
     {"@string"},   {"@bitmap"}, {"@hyperloglog"}, {"@geo"},       {"@stream"},     {"@pubsub"},      {"@admin"},
     {"@fast"},     {"@slow"},   {"@blocking"},    {"@dangerous"}, {"@connection"}, {"@transaction"}, {"@scripting"}}};

// What a command belongs to follows from its row of the command table: the flags, the group, whether it is a container.
[[nodiscard]] std::uint32_t acl_categories_of(const CommandSpec& spec) noexcept;

// The category of that name, without "@" and in any case, as a set of one; 0: there is none.
[[nodiscard]] std::uint32_t find_acl_category(std::string_view name) noexcept;

}  // namespace strata::server
