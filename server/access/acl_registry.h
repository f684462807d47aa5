#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/access/acl_file.h"
#include "server/access/acl_log.h"
#include "server/access/acl_user.h"
#include "server/commands/client.h"
#include "server/commands/command_gate.h"

namespace strata::server {

// Everybody who may log in, and as whom each client acts. Users never change: a change puts others in their place, all at once, and makes another pass of the
// gate, by which a client's loop learns at its next command that it has to look again. Thread safety: all functions, from any thread; those that are given a
// client, from its loop alone.
class AclRegistry {
 public:
  // Of all clients can make grow: ACL SETUSER is refused beyond.
  static constexpr std::size_t kMostUsers = 10'000;
  static constexpr std::size_t kMostUserBytes = 64ULL << 10;  // of its line in ACL LIST
  static constexpr std::size_t kMostBytes = 16ULL << 20;      // of all lines

  AclRegistry(const CommandTable& commands, CommandGate& gate);
  AclRegistry(const AclRegistry&) = delete;
  AclRegistry& operator=(const AclRegistry&) = delete;

  // Clients ------------------------------------------------------------------------------------------------------------

  // Acts as the default user, and is logged in where that needs no password.
  void begin(Client& client) const;
  // False: no such user, it is switched off, or it has another password; the client stays who it is.
  [[nodiscard]] bool log_in(Client& client, std::string_view name, std::string_view password) const;
  [[nodiscard]] bool needs_log_in(const Client& client) const noexcept {
    return !client.authenticated && default_needs_log_in_.load(std::memory_order_relaxed);
  }
  // Brings what is known of it up to date. False: its user is no more; it acts as the default one now, and is not logged in.
  [[nodiscard]] bool refresh(Client& client) const;

  // Users --------------------------------------------------------------------------------------------------------------

  [[nodiscard]] std::shared_ptr<const AclUsers> users() const;
  [[nodiscard]] std::shared_ptr<const AclUser> find(std::string_view name) const;
  // Whether who gives no password may do nothing.
  [[nodiscard]] bool default_needs_log_in() const noexcept { return default_needs_log_in_.load(std::memory_order_relaxed); }

  // Applies the rules, each a word or a part of "(...)", to the user, who is made if there is none. Empty, or the error; nothing has changed then.
  [[nodiscard]] std::string set_user(std::string_view name, std::span<const std::string_view> rules);
  // The names of those there were. REQUIRES: "default" is not among them.
  std::vector<std::string> remove(std::span<const std::string_view> names);
  // The one password of the default user; empty: it needs none. Without effect where it was the last one given already.
  void set_default_password(std::string_view password);

  // Sets the file; once, before others know this.
  void set_file(std::string path) { path_ = std::move(path); }
  [[nodiscard]] bool has_file() const noexcept { return !path_.empty(); }
  // Puts the users of the file in place of all, or changes nothing. `gone`: the names of those who are no more. Blocks while it reads.
  struct Loaded {
    std::string wrong;  // without code
    std::vector<std::string> gone;
  };
  [[nodiscard]] Loaded load();
  // Empty, or what is wrong with the file. Blocks while it writes.
  [[nodiscard]] std::string save() const;

  [[nodiscard]] AclLog& log() noexcept { return log_; }

 private:
  void publish(AclUsers users);  // REQUIRES: changes_mutex_ is held
  void act_as(Client& client, std::shared_ptr<const AclUser> user, bool authenticated, std::uint64_t pass) const;
  [[nodiscard]] std::pair<std::shared_ptr<const AclUsers>, std::uint64_t> snapshot() const;

  const CommandTable& commands_;
  CommandGate& gate_;
  std::string path_;
  AclLog log_;

  std::mutex changes_mutex_;  // one change after the other
  std::uint64_t next_id_ = 1;
  std::size_t bytes_ = 0;  // of all lines
  std::string default_password_hash_;

  mutable std::mutex mutex_;  // of the pointer alone
  std::shared_ptr<const AclUsers> users_;
  std::atomic<bool> default_needs_log_in_{false};
};

}  // namespace strata::server
