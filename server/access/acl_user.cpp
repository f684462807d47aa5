#include "server/access/acl_user.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "protocol/errors.h"
#include "server/commands/request_keys.h"
#include "server/commands/words.h"
#include "server/password.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;

constexpr std::string_view kNothing;
constexpr std::string_view kSpaces = " \t\n\v\f\r";

// The keys of one kind; nothing: all of them may be used so.
std::optional<std::size_t> refused_key(const AclSelector& selector, const Command& command, const KeySpec& kind,
                                       std::span<const std::string_view> request) {
  const auto range = range_of_keys(kind, request);
  // The command refuses a count that can not be.
  if (!range) return std::nullopt;
  const KeyUse use = key_use(command, kind.access, request);
  for (std::size_t i = range->first; i <= range->last; i += range->step) {
    if (!selector.allows_key(request[i], use)) return i;
  }
  return std::nullopt;
}

AclVerdict check_selector(const AclSelector& selector, const Command& command, std::span<const std::string_view> request) {
  if (!selector.allows_command(command, request)) return {.against = AclVerdict::Against::command, .word = 0};
  const CommandSpec& spec = *command.spec;
  if (selector.allows_all_keys() || spec.keys.first == 0) return {};
  const std::span<const KeySpec> kinds = spec.key_kinds.empty() ? std::span(&spec.keys, 1) : spec.key_kinds;
  for (const KeySpec& kind : kinds) {
    if (const auto word = refused_key(selector, command, kind, request))
      return {.against = AclVerdict::Against::key, .word = *word};
  }
  return {};
}

}  // namespace

AclUser::AclUser(std::string name, std::uint64_t id, const CommandTable& commands)
    : name_(std::move(name)), id_(id), commands_(&commands), selectors_(1, AclSelector(commands)) {}

AclUser AclUser::open(std::string name, std::uint64_t id, const CommandTable& commands) {
  AclUser user(std::move(name), id, commands);
  for (const std::string_view rule : {"+@all", "~*", "&*", "on", "nopass"}) (void)user.apply(rule);
  return user;
}

std::string_view AclUser::apply(std::string_view rule) {
  const auto is = [rule](std::string_view word) { return equals_ignoring_case(rule, word); };
  if (rule.empty()) return kNothing;
  if (is("on") || is("off")) {
    is_on_ = is("on");
  } else if (is("nopass") || is("resetpass")) {
    no_password_ = is("nopass");
    password_hashes_.clear();
  } else if (is("skip-sanitize-payload") || is("sanitize-payload")) {
    payload_rule_ = is("sanitize-payload") ? "sanitize-payload" : "skip-sanitize-payload";
  } else if (rule[0] == '>' || rule[0] == '#') {
    return add_password(rule);
  } else if (rule[0] == '<' || rule[0] == '!') {
    return remove_password(rule);
  } else if (rule[0] == '(' && rule.back() == ')') {
    return add_selector(rule.substr(1, rule.size() - 2));
  } else if (is("clearselectors")) {
    selectors_.resize(1, AclSelector(*commands_));
  } else if (is("reset")) {
    reset();
  } else {
    return selectors_[0].apply(rule);
  }
  return kNothing;
}

// As in Redis it has said then what becomes of payloads, which one who is new has not.
void AclUser::reset() {
  *this = AclUser(std::move(name_), id_, *commands_);
  payload_rule_ = "sanitize-payload";
}

std::string_view AclUser::add_selector(std::string_view rules) {
  AclSelector selector(*commands_);
  for (std::size_t from = rules.find_first_not_of(kSpaces); from != std::string_view::npos;) {
    const std::size_t end = std::min(rules.find_first_of(kSpaces, from), rules.size());
    const std::string_view rule = rules.substr(from, end - from);
    // It would end the selector where rules are written side by side.
    if (rule.ends_with(')')) return errors::kAclSyntax;
    if (const std::string_view wrong = selector.apply(rule); !wrong.empty()) return wrong;
    from = rules.find_first_not_of(kSpaces, end);
  }
  selectors_.push_back(std::move(selector));
  return kNothing;
}

std::string_view AclUser::add_password(std::string_view rule) {
  const std::string_view given = rule.substr(1);
  if (rule[0] == '#' && !is_password_hash(given)) return errors::kAclPasswordHash;
  std::string hash = rule[0] == '#' ? std::string(given) : password_hash(given);
  if (std::find(password_hashes_.begin(), password_hashes_.end(), hash) == password_hashes_.end())
    password_hashes_.push_back(std::move(hash));
  no_password_ = false;
  return kNothing;
}

std::string_view AclUser::remove_password(std::string_view rule) {
  const std::string_view given = rule.substr(1);
  if (rule[0] == '!' && !is_password_hash(given)) return errors::kAclPasswordHash;
  const std::string hash = rule[0] == '!' ? std::string(given) : password_hash(given);
  return std::erase(password_hashes_, hash) > 0 ? kNothing : errors::kAclNoSuchPassword;
}

// All are compared, so that the time does not tell which one is right.
bool AclUser::accepts(std::string_view hash) const noexcept {
  if (!is_on_) return false;
  bool is_right = no_password_;
  for (const std::string& known : password_hashes_) is_right = equal_in_constant_time(known, hash) || is_right;
  return is_right;
}

// Of several refusals the one is told that came furthest.
AclVerdict AclUser::check(const Command& command, std::span<const std::string_view> request) const {
  AclVerdict worst{.against = AclVerdict::Against::command, .word = 0};
  for (const AclSelector& selector : selectors_) {
    const AclVerdict verdict = check_selector(selector, command, request);
    if (verdict.is_allowed()) return verdict;
    if (verdict.against > worst.against || (verdict.against == worst.against && verdict.word > worst.word)) worst = verdict;
  }
  return worst;
}

std::vector<std::string_view> AclUser::flags() const {
  std::vector<std::string_view> flags{is_on_ ? "on" : "off"};
  if (no_password_) flags.emplace_back("nopass");
  if (!payload_rule_.empty()) flags.push_back(payload_rule_);
  return flags;
}

std::string AclUser::describe() const {
  std::string text;
  for (const std::string_view flag : flags()) text.append(flag).append(" ");
  for (const std::string& hash : password_hashes_) text.append("#").append(hash).append(" ");
  text += selectors_[0].describe();
  for (std::size_t i = 1; i < selectors_.size(); ++i) text.append(" (").append(selectors_[i].describe()).append(")");
  return text;
}

MergedRules merge_selectors(std::span<const std::string_view> words) {
  MergedRules merged;
  std::string open;
  for (const std::string_view word : words) {
    if (word.starts_with('(') && !word.ends_with(')')) {
      open = word;
      merged.unmatched = word;
    } else if (merged.unmatched.empty()) {
      merged.rules.emplace_back(word);
    } else {
      open.append(" ").append(word);
      if (!word.ends_with(')')) continue;
      merged.rules.push_back(std::move(open));
      merged.unmatched.clear();
    }
  }
  return merged;
}

}  // namespace strata::server
