#include "server/access/acl_registry.h"

#include <fmt/format.h>

#include <utility>

#include "config/file_replacement.h"
#include "config/yaml_source.h"
#include "protocol/errors.h"
#include "server/password.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;

constexpr mode_t kOwnerAlone = 0600;
constexpr std::string_view kNothingChanged =
    "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";

std::size_t line_bytes(const AclUser& user) { return acl_line(user).size() + 1; }

std::size_t line_bytes(const AclUsers& users) {
  std::size_t bytes = 0;
  for (const auto& [name, user] : users) bytes += line_bytes(*user);
  return bytes;
}

}  // namespace

AclRegistry::AclRegistry(const CommandTable& commands, CommandGate& gate) : commands_(commands), gate_(gate) {
  AclUsers users;
  users.emplace(kDefaultUser, std::make_shared<AclUser>(AclUser::open(std::string(kDefaultUser), next_id_++, commands_)));
  bytes_ = line_bytes(users);
  publish(std::move(users));
}

// Clients ----------------------------------------------------------------------------------------------------------------

std::pair<std::shared_ptr<const AclUsers>, std::uint64_t> AclRegistry::snapshot() const {
  const std::scoped_lock lock(mutex_);
  return {users_, gate_.pass()};
}

void AclRegistry::act_as(Client& client, std::shared_ptr<const AclUser> user, bool authenticated, std::uint64_t pass) const {
  client.authenticated = authenticated;
  const bool may_run = authenticated || (user->name() == kDefaultUser && user->is_on() && !user->needs_password());
  client.access.known_at = pass;
  client.access.pass = may_run && user->may_do_everything() ? pass : CommandGate::kNone;
  if (client.access.user == nullptr || client.access.user->name() != user->name()) client.set_user_name(user->name());
  client.access.user = std::move(user);
}

void AclRegistry::begin(Client& client) const {
  const auto [users, pass] = snapshot();
  const auto& user = users->find(kDefaultUser)->second;
  act_as(client, user, user->is_on() && !user->needs_password(), pass);
}

bool AclRegistry::log_in(Client& client, std::string_view name, std::string_view password) const {
  const std::string hash = password_hash(password);
  const auto [users, pass] = snapshot();
  const auto found = users->find(name);
  if (found == users->end() || !found->second->accepts(hash)) return false;
  act_as(client, found->second, true, pass);
  return true;
}

bool AclRegistry::refresh(Client& client) const {
  if (client.access.user == nullptr) begin(client);
  const auto [users, pass] = snapshot();
  if (client.access.known_at == pass) return true;
  const auto found = users->find(client.access.user->name());
  // One of the same name that was made after it was deleted is somebody else.
  const bool is_there = found != users->end() && found->second->id() == client.access.user->id();
  act_as(client, is_there ? found->second : users->find(kDefaultUser)->second, is_there && client.authenticated, pass);
  return is_there;
}

// Users ------------------------------------------------------------------------------------------------------------------

std::shared_ptr<const AclUsers> AclRegistry::users() const { return snapshot().first; }

std::shared_ptr<const AclUser> AclRegistry::find(std::string_view name) const {
  const auto all = users();
  const auto found = all->find(name);
  return found == all->end() ? nullptr : found->second;
}

void AclRegistry::publish(AclUsers users) {
  auto next = std::make_shared<const AclUsers>(std::move(users));
  const AclUser& user = *next->find(kDefaultUser)->second;
  const std::scoped_lock lock(mutex_);
  users_.swap(next);
  default_needs_log_in_.store(!user.is_on() || user.needs_password(), std::memory_order_relaxed);
  gate_.next_pass();
}

std::string AclRegistry::set_user(std::string_view name, std::span<const std::string_view> rules) {
  if (name.empty() || has_space_or_null(name)) return std::string(errors::kAclUserName);
  const MergedRules merged = merge_selectors(rules);
  if (!merged.unmatched.empty()) return errors::acl_unmatched_parenthesis(merged.unmatched);
  const std::scoped_lock changing(changes_mutex_);
  const auto all = users();
  const auto known = all->find(name);
  const bool is_new = known == all->end();
  auto changed = std::make_shared<AclUser>(is_new ? AclUser(std::string(name), next_id_, commands_) : *known->second);
  for (const std::string& rule : merged.rules) {
    if (const std::string_view wrong = changed->apply(rule); !wrong.empty()) return errors::acl_bad_rule(rule, wrong);
  }
  const std::size_t line = line_bytes(*changed);
  const std::size_t bytes = bytes_ + line - (is_new ? 0 : line_bytes(*known->second));
  if (line > kMostUserBytes || bytes > kMostBytes || all->size() + (is_new ? 1 : 0) > kMostUsers)
    return std::string(errors::kAclTooMuch);
  bytes_ = bytes;
  if (is_new) ++next_id_;
  AclUsers next = *all;
  next.insert_or_assign(std::string(name), std::move(changed));
  publish(std::move(next));
  return {};
}

std::vector<std::string> AclRegistry::remove(std::span<const std::string_view> names) {
  const std::scoped_lock changing(changes_mutex_);
  AclUsers next = *users();
  std::vector<std::string> removed;
  for (const std::string_view name : names) {
    const auto found = next.find(name);
    if (found == next.end()) continue;
    bytes_ -= line_bytes(*found->second);
    removed.push_back(found->first);
    next.erase(found);
  }
  if (!removed.empty()) publish(std::move(next));
  return removed;
}

void AclRegistry::set_default_password(std::string_view password) {
  const std::string hash = password.empty() ? std::string() : password_hash(password);
  const std::scoped_lock changing(changes_mutex_);
  if (hash == default_password_hash_) return;
  AclUsers next = *users();
  std::shared_ptr<const AclUser>& user = next.find(kDefaultUser)->second;
  auto changed = std::make_shared<AclUser>(*user);
  (void)changed->apply("resetpass");
  (void)changed->apply(hash.empty() ? "nopass" : "#" + hash);
  bytes_ = bytes_ + line_bytes(*changed) - line_bytes(*user);
  user = std::move(changed);
  default_password_hash_ = hash;
  publish(std::move(next));
}

AclRegistry::Loaded AclRegistry::load() {
  const config::FileText file = config::read_file(path_, kMostBytes);
  if (!file.wrong.empty()) return {fmt::format("Error loading ACLs, opening file '{}': {}", path_, file.wrong), {}};
  const std::scoped_lock changing(changes_mutex_);
  const auto before = users();
  std::uint64_t next_id = next_id_;
  const auto id_of = [&](std::string_view name) {
    const auto known = before->find(name);
    return known == before->end() ? next_id++ : known->second->id();
  };
  ParsedAclFile parsed = parse_acl_file(path_, file.text, commands_, id_of);
  if (parsed.wrong.empty() && parsed.users.size() > kMostUsers)
    parsed.wrong = fmt::format("{}: more than {} users. ", path_, kMostUsers);
  if (!parsed.wrong.empty()) return {parsed.wrong.append(kNothingChanged), {}};
  if (!parsed.users.contains(kDefaultUser))
    parsed.users.emplace(kDefaultUser,
                         std::make_shared<AclUser>(AclUser::open(std::string(kDefaultUser), id_of(kDefaultUser), commands_)));
  Loaded loaded;
  for (const auto& [name, user] : *before) {
    if (!parsed.users.contains(name)) loaded.gone.push_back(name);
  }
  next_id_ = next_id;
  bytes_ = line_bytes(parsed.users);
  publish(std::move(parsed.users));
  return loaded;
}

std::string AclRegistry::save() const {
  std::string text;
  for (const auto& [name, user] : *users()) text.append(acl_line(*user)).append("\n");
  config::FileReplacement replacement(path_);
  std::string wrong = replacement.write(text, kOwnerAlone);
  if (wrong.empty()) wrong = replacement.put_in_place();
  return wrong;
}

}  // namespace strata::server
