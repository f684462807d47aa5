#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/access/acl_selector.h"
#include "server/commands/table.h"

namespace strata::server {

// Whether a request may be run; if not, what stands against it, and the word that does.
struct AclVerdict {
  enum class Against : std::uint8_t { nothing, command, key };
  Against against = Against::nothing;
  std::size_t word = 0;  // of the request

  [[nodiscard]] bool is_allowed() const noexcept { return against == Against::nothing; }
};

// A user: how one logs in as it, and what it may do then. Made by rules; once others see it, it never changes: who changes a user publishes another.
// Thread safety: any thread may read one that does not change any more.
class AclUser {
 public:
  // Switched off, without passwords and permissions, as ACL SETUSER begins. `id` tells it from others that have had its name.
  AclUser(std::string name, std::uint64_t id, const CommandTable& commands);
  // On, without a password, allowed everything: what the user "default" is until rules say otherwise.
  [[nodiscard]] static AclUser open(std::string name, std::uint64_t id, const CommandTable& commands);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] bool is_on() const noexcept { return is_on_; }
  [[nodiscard]] bool needs_password() const noexcept { return !no_password_; }
  [[nodiscard]] const std::vector<std::string>& password_hashes() const noexcept { return password_hashes_; }
  // The first is what rules outside of parentheses make.
  [[nodiscard]] const std::vector<AclSelector>& selectors() const noexcept { return selectors_; }

  // One rule. Empty, or why it can not be, a reason of protocol/errors.h; nothing has changed then.
  [[nodiscard]] std::string_view apply(std::string_view rule);

  // Whether one may log in with a password of this hash.
  [[nodiscard]] bool accepts(std::string_view hash) const noexcept;
  // `request`: the words of the command, its name first; as many as its arity asks for.
  [[nodiscard]] AclVerdict check(const Command& command, std::span<const std::string_view> request) const;
  [[nodiscard]] bool may_do_everything() const noexcept { return selectors_[0].allows_everything(); }

  // "on", "nopass", ...
  [[nodiscard]] std::vector<std::string_view> flags() const;
  // The rules that make it, as in ACL LIST and the file.
  [[nodiscard]] std::string describe() const;

 private:
  std::string_view add_selector(std::string_view rules);
  std::string_view add_password(std::string_view rule);
  std::string_view remove_password(std::string_view rule);
  void reset();

  std::string name_;
  std::uint64_t id_;
  const CommandTable* commands_;
  bool is_on_ = false;
  bool no_password_ = false;
  std::string_view payload_rule_;  // one of two, or none yet: kept and told; RESTORE checks in any case
  std::vector<std::string> password_hashes_;
  std::vector<AclSelector> selectors_;
};

// Puts together what spaces have torn apart: "(+get", "~a)" is one rule. An empty `unmatched` means that all was closed.
struct MergedRules {
  std::vector<std::string> rules;
  std::string unmatched;  // the word that opens what is not closed
};
[[nodiscard]] MergedRules merge_selectors(std::span<const std::string_view> words);

}  // namespace strata::server
