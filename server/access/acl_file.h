#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/access/acl_user.h"

namespace strata::server {

// By name, in the order in which ACL LIST tells them.
using AclUsers = std::map<std::string, std::shared_ptr<const AclUser>, std::less<>>;

// Who somebody is that gives no name.
inline constexpr std::string_view kDefaultUser = "default";

// A file of users, in the format of Redis: lines of "user <name> <rule> ...", words apart by spaces, nothing quoted; empty lines are passed over.
struct ParsedAclFile {
  AclUsers users;     // without "default" if the file has none
  std::string wrong;  // every mistake with `path` and its line; empty if there is none
};
// `id_of`: of the user of a name.
[[nodiscard]] ParsedAclFile parse_acl_file(std::string_view path, std::string_view text, const CommandTable& commands,
                                           const std::function<std::uint64_t(std::string_view)>& id_of);
// "user <name> <rule> ...", as ACL LIST tells it.
[[nodiscard]] std::string acl_line(const AclUser& user);

}  // namespace strata::server
