#include "server/access/acl_selector.h"

#include <algorithm>

#include "engine/api/strata.hpp"
#include "protocol/errors.h"
#include "server/access/acl_category.h"
#include "server/commands/words.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;

constexpr std::string_view kNothing;

void append_pattern(std::string& text, std::string_view sign, std::string_view pattern) {
  if (!text.empty()) text += ' ';
  text.append(sign).append(pattern);
}

std::string_view sign_of(KeyUse use) noexcept { return use.reads && use.writes ? "~" : use.reads ? "%R~" : "%W~"; }

}  // namespace

bool has_space_or_null(std::string_view text) noexcept {
  return text.find_first_of(std::string_view(" \t\n\v\f\r\0", 7)) != std::string_view::npos;
}

AclSelector::AclSelector(const CommandTable& commands) : commands_(&commands), allowed_((commands.all().size() + 63) / 64) {}

std::string_view AclSelector::apply(std::string_view rule) {
  const auto is = [rule](std::string_view word) { return equals_ignoring_case(rule, word); };
  if (is("allkeys") || is("~*") || is("resetkeys")) {
    all_keys_ = !is("resetkeys");
    keys_.clear();
  } else if (is("allchannels") || is("&*") || is("resetchannels")) {
    all_channels_ = !is("resetchannels");
    channels_.clear();
  } else if (is("allcommands") || is("+@all")) {
    set_all_commands(true);
  } else if (is("nocommands") || is("-@all")) {
    set_all_commands(false);
  } else if (rule.starts_with('~') || rule.starts_with('%')) {
    return add_key_pattern(rule);
  } else if (rule.starts_with('&')) {
    return add_channel_pattern(rule.substr(1));
  } else if (rule.starts_with("+@") || rule.starts_with("-@")) {
    return apply_category(rule.substr(2), rule[0] == '+');
  } else if (rule.starts_with('+') || rule.starts_with('-')) {
    return apply_command(rule.substr(1), rule[0] == '+');
  } else {
    return errors::kAclSyntax;
  }
  return kNothing;
}

// ~pattern for all use, %R~, %W~ or %RW~ for some; without a pattern it is the empty one.
std::string_view AclSelector::add_key_pattern(std::string_view rule) {
  if (all_keys_) return errors::kAclKeysAfterAll;
  KeyUse use{.reads = true, .writes = true};
  if (rule[0] == '%') {
    use = {};
    const std::size_t end = std::min(rule.find('~'), rule.size());
    for (const char letter : rule.substr(1, end - 1)) {
      bool& side = to_lower(letter) == 'r' ? use.reads : use.writes;
      if ((to_lower(letter) != 'r' && to_lower(letter) != 'w') || side) return errors::kAclSyntax;
      side = true;
    }
    if (use == KeyUse{}) return errors::kAclSyntax;
    rule.remove_prefix(end);
  }
  const std::string_view pattern = rule.substr(std::min<std::size_t>(rule.size(), 1));
  if (has_space_or_null(pattern)) return errors::kAclSyntax;
  const auto known = std::find_if(keys_.begin(), keys_.end(), [&](const KeyPattern& key) { return key.text == pattern; });
  if (known == keys_.end()) {
    keys_.push_back({std::string(pattern), use});
  } else {
    known->use = {.reads = known->use.reads || use.reads, .writes = known->use.writes || use.writes};
  }
  return kNothing;
}

std::string_view AclSelector::add_channel_pattern(std::string_view pattern) {
  if (all_channels_) return errors::kAclChannelsAfterAll;
  if (has_space_or_null(pattern)) return errors::kAclSyntax;
  if (std::find(channels_.begin(), channels_.end(), pattern) == channels_.end()) channels_.emplace_back(pattern);
  return kNothing;
}

std::string_view AclSelector::apply_command(std::string_view name, bool allow) {
  const std::size_t bar = name.rfind('|');
  if (allow && bar != std::string_view::npos) return allow_part(name, bar);
  const Command* const command = commands_->find_full(name);
  if (command == nullptr) return errors::kAclUnknownName;
  set_command(*command, allow);
  note_rule(command->full_name, allow);
  return kNothing;
}

// A subcommand; or, of a command that has none, the word it is to begin with.
std::string_view AclSelector::allow_part(std::string_view name, std::size_t bar) {
  const Command* const command = commands_->find_full(name.substr(0, bar));
  const std::string_view part = name.substr(bar + 1);
  if (command == nullptr) return errors::kAclUnknownName;
  if (command->container != nullptr) return errors::kAclFirstArgument;
  if (part.empty() || has_space_or_null(part)) return errors::kAclSyntax;
  if (!command->subcommands.empty()) {
    const Command* const sub = CommandTable::find_subcommand(*command, part);
    if (sub == nullptr) return errors::kAclUnknownName;
    set_command(*sub, true);
  } else {
    std::vector<std::string>& words = first_words_[command->id];
    const std::string word = lower_case(part);
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  }
  note_rule(lower_case(name), true);
  return kNothing;
}

std::string_view AclSelector::apply_category(std::string_view name, bool allow) {
  const std::uint32_t category = find_acl_category(name);
  if (category == 0) return errors::kAclUnknownName;
  for (const Command& command : commands_->all()) {
    if ((acl_categories_of(*command.spec) & category) != 0) set_command(command, allow);
  }
  note_rule("@" + lower_case(name), allow);
  return kNothing;
}

void AclSelector::set_all_commands(bool allow) {
  all_commands_ = other_commands_ = allow;
  std::fill(allowed_.begin(), allowed_.end(), allow ? ~std::uint64_t{0} : 0);
  rules_.clear();
  first_words_.clear();
}

// A container with all its subcommands.
void AclSelector::set_command(const Command& command, bool allow) {
  set_bit(command.id, allow);
  first_words_.erase(command.id);
  for (const Command* const sub : command.subcommands) set_bit(sub->id, allow);
}

void AclSelector::set_bit(std::size_t id, bool allow) {
  const std::uint64_t mask = std::uint64_t{1} << (id % 64);
  if (allow) {
    allowed_[id / 64] |= mask;
  } else {
    allowed_[id / 64] &= ~mask;
    all_commands_ = false;
  }
}

// The rule takes the place of those that it overrules: of the same command, and of its parts.
void AclSelector::note_rule(std::string_view name, bool allow) {
  std::erase_if(rules_, [name](std::string_view rule) {
    rule.remove_prefix(1);
    return rule.starts_with(name) && (rule.size() == name.size() || rule[name.size()] == '|');
  });
  rules_.push_back((allow ? "+" : "-") + std::string(name));
}

bool AclSelector::allows_command(const Command& command, std::span<const std::string_view> request) const {
  if (all_commands_ || command.has(kNoAuth) || bit(command.id)) return true;
  const auto words = first_words_.find(command.id);
  if (words == first_words_.end() || request.size() < 2) return false;
  return std::any_of(words->second.begin(), words->second.end(),
                     [&](const std::string& word) { return equals_ignoring_case(request[1], word); });
}

bool AclSelector::allows_key(std::string_view key, KeyUse use) const {
  if (all_keys_) return true;
  return std::any_of(keys_.begin(), keys_.end(), [&](const KeyPattern& pattern) {
    return pattern.use.includes(use) && cache::glob_match(pattern.text, key);
  });
}

std::string AclSelector::commands_text() const {
  std::string text = other_commands_ ? "+@all" : "-@all";
  for (const std::string& rule : rules_) text.append(" ").append(rule);
  return text;
}

std::string AclSelector::keys_text() const {
  if (all_keys_) return "~*";
  std::string text;
  for (const KeyPattern& pattern : keys_) append_pattern(text, sign_of(pattern.use), pattern.text);
  return text;
}

std::string AclSelector::channels_text() const {
  if (all_channels_) return "&*";
  std::string text;
  for (const std::string& channel : channels_) append_pattern(text, "&", channel);
  return text;
}

std::string AclSelector::describe() const {
  std::string text = keys_text();
  if (!text.empty()) text += ' ';
  // Of channels it says first that there are no others: rules begin with what a new user may, and that was once all of them.
  if (!all_channels_) text += "resetchannels ";
  if (const std::string channels = channels_text(); !channels.empty()) text.append(channels).append(" ");
  return text.append(commands_text());
}

}  // namespace strata::server
