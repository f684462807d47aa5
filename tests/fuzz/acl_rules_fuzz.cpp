#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "server/access/acl_file.h"
#include "server/access/acl_user.h"
#include "server/commands/table.h"

// What ACL SETUSER and a file of users are given. A rule that is refused has changed nothing; what a user is told to be makes the same user again; and
// whatever the rules are, a request is judged.
namespace {

using namespace strata::server;

const CommandTable& commands() {
  static const CommandTable table;
  return table;
}

[[noreturn]] void fail(const char* what, std::string_view input) {
  std::cerr << what << ": " << input << "\n";
  std::abort();
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    if (end != 0) words.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return words;
}

void check_requests(const AclUser& user) {
  const std::vector<std::vector<std::string_view>> requests{
      {"get", "key"}, {"set", "key", "value"}, {"mset", "a", "1", "b", "2"}, {"ping"}, {"config", "get", "port"}};
  for (const auto& request : requests) {
    const Command* const command = commands().find(request[0]);
    if (command == nullptr) fail("no such command", request[0]);
    const AclVerdict verdict = user.check(*command, request);
    if (verdict.word >= request.size()) fail("a word that is not there", user.describe());
    if (user.may_do_everything() && !verdict.is_allowed()) fail("refused to who may do everything", user.describe());
  }
}

void check_round_trip(const AclUser& user) {
  const std::string line = acl_line(user);
  const ParsedAclFile again = parse_acl_file("again", line, commands(), [](std::string_view) { return 1U; });
  if (!again.wrong.empty()) fail(again.wrong.c_str(), line);
  if (again.users.size() != 1 || acl_line(*again.users.begin()->second) != line) fail("another user", line);
}

void check_rules(std::string_view input) {
  AclUser user("somebody", 1, commands());
  for (const std::string& rule : merge_selectors(words_of(input)).rules) {
    const std::string before = user.describe();
    if (!user.apply(rule).empty() && user.describe() != before) fail("a refused rule has changed something", rule);
  }
  check_requests(user);
  check_round_trip(user);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(input.find('\n'), input.size());
  check_rules(input.substr(0, line));
  const ParsedAclFile file = parse_acl_file("users.acl", input, commands(), [](std::string_view) { return 1U; });
  for (const auto& [name, user] : file.users) {
    check_requests(*user);
    check_round_trip(*user);
  }
  return 0;
}
