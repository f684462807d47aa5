#include "protocol/errors.h"

#include <cstddef>

namespace strata::protocol::errors {
namespace {

constexpr std::size_t kQuotedBytes = 128;
constexpr std::size_t kQuotedFullyBytes = 1024;

std::string_view quotable(std::string_view text, std::size_t limit_bytes) {
  return text.substr(0, limit_bytes).substr(0, text.substr(0, limit_bytes).find('\0'));
}

std::string join(std::string_view before, std::string_view quoted, std::string_view after) {
  std::string text;
  text.reserve(before.size() + quoted.size() + after.size());
  text.append(before).append(quoted).append(after);
  return text;
}

std::string upper_case(std::string_view text) {
  std::string upper(text);
  for (char& letter : upper) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  }
  return upper;
}

}  // namespace

std::string expected_bulk(char got) { return join("ERR Protocol error: expected '$', got '", {&got, 1}, "'"); }

std::string wrong_arity(std::string_view full_name) {
  return join("ERR wrong number of arguments for '", full_name, "' command");
}

std::string unknown_command(std::span<const std::string_view> request) {
  std::string quoted;
  for (const std::string_view argument : request.subspan(1)) {
    if (quoted.size() >= kQuotedBytes) break;
    const std::string_view shown = quotable(argument, kQuotedBytes - quoted.size());
    quoted.append("'").append(shown).append("' ");
  }
  return join("ERR unknown command '", quotable(request.front(), kQuotedBytes), "', with args beginning with: ").append(quoted);
}

std::string unknown_subcommand(std::string_view command, std::string_view subcommand) {
  return join("ERR unknown subcommand '", quotable(subcommand, kQuotedBytes), "'. Try ")
      .append(upper_case(command))
      .append(" HELP.");
}

std::string invalid_expire_time(std::string_view full_name) {
  return join("ERR invalid expire time in '", full_name, "' command");
}

std::string bitop_sources(std::string_view operation) {
  return join("ERR BITOP ", upper_case(operation), " must be called with at least two source keys.");
}

std::string unsupported_option(std::string_view option) {
  return join("ERR Unsupported option ", quotable(option, kQuotedFullyBytes), "");
}

std::string hello_option(std::string_view option) {
  return join("ERR Syntax error in HELLO option '", quotable(option, kQuotedFullyBytes), "'");
}

std::string unknown_client_type(std::string_view type) {
  return join("ERR Unknown client type '", quotable(type, kQuotedFullyBytes), "'");
}

std::string no_such_user(std::string_view name) { return join("ERR No such user '", quotable(name, kQuotedFullyBytes), "'"); }

std::string no_command_permission(std::string_view full_name) {
  return join("NOPERM this user has no permissions to run the '", full_name, "' command");
}

std::string dry_run_command(std::string_view full_name) {
  return join("This user has no permissions to run the '", full_name, "' command");
}

std::string dry_run_key(std::string_view key) {
  return join("This user has no permissions to access the '", quotable(key, kQuotedFullyBytes), "' key");
}

std::string acl_unknown_category(std::string_view name) {
  return join("ERR Unknown category '", quotable(name, kQuotedBytes), "'");
}

std::string acl_no_such_user(std::string_view name) {
  return join("ERR User '", quotable(name, kQuotedFullyBytes), "' not found");
}

std::string acl_no_such_command(std::string_view name) {
  return join("ERR Command '", quotable(name, kQuotedFullyBytes), "' not found");
}

std::string acl_unmatched_parenthesis(std::string_view rule) {
  return join("ERR Unmatched parenthesis in acl selector starting at '", quotable(rule, kQuotedFullyBytes), "'.");
}

std::string acl_bad_rule(std::string_view rule, std::string_view reason) {
  return join("ERR Error in ACL SETUSER modifier '", quotable(rule, kQuotedFullyBytes), "': ").append(reason);
}

std::string subcommand_syntax(std::string_view command, std::string_view subcommand) {
  return join("ERR unknown subcommand or wrong number of arguments for '", quotable(subcommand, kQuotedBytes), "'. Try ")
      .append(upper_case(command))
      .append(" HELP.");
}

std::string no_latency_samples(std::string_view event) {
  return join("ERR No samples available for event '", quotable(event, kQuotedFullyBytes), "'");
}

std::string config_rewrite_failed(std::string_view reason) { return std::string("ERR Rewriting config file: ").append(reason); }

std::string unknown_config(std::string_view name) {
  return join("ERR Unknown option or number of arguments for CONFIG SET - '", quotable(name, kQuotedFullyBytes), "'");
}

std::string config_set_failed(std::string_view name, std::string_view reason) {
  return join("ERR CONFIG SET failed (possibly related to argument '", quotable(name, kQuotedFullyBytes), "') - ").append(reason);
}

}  // namespace strata::protocol::errors
