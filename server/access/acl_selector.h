#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/access/key_use.h"
#include "server/commands/table.h"

namespace strata::server {

// One set of permissions of a user: commands, and the keys and channels that they may name. Made by rules, each applied to what those before it have left.
// A value: copies share nothing. Thread safety: that of a value.
class AclSelector {
 public:
  explicit AclSelector(const CommandTable& commands);

  // One rule: +get, -config|set, +@read, ~user:*, %R~log:*, &news, allkeys, resetchannels, ... Empty, or why it can not be, a reason of
  // protocol/errors.h; nothing has changed then.
  [[nodiscard]] std::string_view apply(std::string_view rule);

  // Whether the command may be run with these words, its name first, whatever its keys.
  [[nodiscard]] bool allows_command(const Command& command, std::span<const std::string_view> request) const;
  // Whether there is a pattern that fits the key and allows all of what is done to it.
  [[nodiscard]] bool allows_key(std::string_view key, KeyUse use) const;
  [[nodiscard]] bool allows_all_keys() const noexcept { return all_keys_; }
  // All commands, keys and channels.
  [[nodiscard]] bool allows_everything() const noexcept { return all_commands_ && all_keys_ && all_channels_; }

  // Rules that make it, as ACL GETUSER tells them; they are put together by `describe`.
  [[nodiscard]] std::string commands_text() const;
  [[nodiscard]] std::string keys_text() const;
  [[nodiscard]] std::string channels_text() const;
  [[nodiscard]] std::string describe() const;

 private:
  struct KeyPattern {
    std::string text;
    KeyUse use;
  };

  std::string_view add_key_pattern(std::string_view rule);
  std::string_view add_channel_pattern(std::string_view pattern);
  std::string_view apply_command(std::string_view name, bool allow);
  std::string_view allow_part(std::string_view name, std::size_t bar);
  std::string_view apply_category(std::string_view name, bool allow);
  void set_all_commands(bool allow);
  void set_command(const Command& command, bool allow);
  void set_bit(std::size_t id, bool allow);
  [[nodiscard]] bool bit(std::size_t id) const noexcept { return (allowed_[id / 64] >> (id % 64) & 1U) != 0; }
  void note_rule(std::string_view name, bool allow);

  const CommandTable* commands_;
  bool all_commands_ = false;    // without exception
  bool other_commands_ = false;  // those that no rule names
  bool all_keys_ = false;
  bool all_channels_ = false;
  std::vector<std::uint64_t> allowed_;                           // bit Command::id
  std::map<std::size_t, std::vector<std::string>> first_words_;  // of commands that are allowed with these alone; by id
  std::vector<std::string> rules_;                               // "+get", "-@admin": in their order, without those overruled
  std::vector<KeyPattern> keys_;
  std::vector<std::string> channels_;
};

// Whether a text may not stand in a rule or a name: it would end it where rules are written side by side.
[[nodiscard]] bool has_space_or_null(std::string_view text) noexcept;

}  // namespace strata::server
