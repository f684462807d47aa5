#include "server/access/acl_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "server/commands/words.h"

namespace strata::server {
namespace {

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view kSpaces = " \t\r";
  std::vector<std::string_view> words;
  for (std::size_t from = line.find_first_not_of(kSpaces); from != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(kSpaces, from), line.size());
    words.push_back(line.substr(from, end - from));
    from = line.find_first_not_of(kSpaces, end);
  }
  return words;
}

// Reads one line after the other; the texts are those of Redis.
class Reader {
 public:
  Reader(std::string_view path, const CommandTable& commands, const std::function<std::uint64_t(std::string_view)>& id_of)
      : path_(path), commands_(commands), id_of_(id_of) {}

  void read_line(std::string_view line) {
    ++line_;
    const std::vector<std::string_view> words = words_of(line);
    if (words.empty()) return;
    if (words.size() < 2 || words[0] != "user")
      return complain(fmt::format("{}:{} should start with user keyword followed by the username. ", path_, line_));
    if (has_space_or_null(words[1]))
      return complain(fmt::format("'{}:{}: username '{}' contains invalid characters. ", path_, line_, words[1]));
    if (result_.users.contains(words[1]))
      return complain(fmt::format("WARNING: Duplicate user '{}' found on line {}. ", words[1], line_));
    read_user(words);
  }

  ParsedAclFile take() { return std::move(result_); }

 private:
  void read_user(std::span<const std::string_view> words) {
    auto user = std::make_shared<AclUser>(std::string(words[1]), id_of_(words[1]), commands_);
    const MergedRules merged = merge_selectors(words.subspan(2));
    if (!merged.unmatched.empty())
      return complain(fmt::format("{}:{}: Unmatched parenthesis in selector definition. ", path_, line_));
    for (const std::string& rule : merged.rules) {
      if (const std::string_view wrong = user->apply(rule); !wrong.empty())
        return complain(fmt::format("{}:{}: Error in applying operation '{}': {}. ", path_, line_, rule, wrong));
    }
    result_.users.emplace(words[1], std::move(user));
  }

  // What goes wrong in many lines is told of the first ones.
  void complain(std::string text) {
    constexpr std::size_t kMostBytes = 4096;
    if (result_.wrong.size() < kMostBytes) result_.wrong += text;
  }

  std::string_view path_;
  const CommandTable& commands_;
  const std::function<std::uint64_t(std::string_view)>& id_of_;
  std::size_t line_ = 0;
  ParsedAclFile result_;
};

}  // namespace

ParsedAclFile parse_acl_file(std::string_view path, std::string_view text, const CommandTable& commands,
                             const std::function<std::uint64_t(std::string_view)>& id_of) {
  Reader reader(path, commands, id_of);
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    reader.read_line(text.substr(from, end - from));
    from = end + 1;
  }
  return reader.take();
}

std::string acl_line(const AclUser& user) { return fmt::format("user {} {}", user.name(), user.describe()); }

}  // namespace strata::server
