#include "server/commands/command_reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <vector>

namespace strata::server {
namespace {

struct Group {
  std::string_view name;  // as in the table
  std::string_view title;
};

constexpr std::array<Group, 6> kGroups = {{{"string", "Strings"},
                                           {"bitmap", "Bits of strings"},
                                           {"generic", "Keys"},
                                           {"connection", "Connections"},
                                           {"server", "The server"},
                                           {"cluster", "Cluster"}}};

constexpr std::string_view kHead =
    R"(# Commands

Every command that the server knows, from the table that also checks arity, answers `COMMAND` and keeps the statistics (`strata_server_tests
--print-commands` writes this page, and a test compares it). Replies, errors and types are those of Redis in RESP2 and RESP3; where they differ on purpose
the summary says so. "Since" is the version of Redis that has the command in this form; commands and options that Redis does not have, and
what values cost, are told of in [string-commands.md](string-commands.md).

No command holds a thread: those whose time grows with the number of keys go on in slices of at most a millisecond, between which other clients are
served, and who waits (`WAIT`, `CLIENT PAUSE`, `DEBUG SLEEP`) waits alone.
)";

// "config|get" as it is typed.
std::string typed_name(const Command& command) {
  std::string name = command.full_name;
  for (char& c : name) c = c == '|' ? ' ' : c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  return name;
}

// Bars would end the cell, within code too.
std::string in_cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c;
  }
  return cell;
}

std::string row(const Command& command) {
  const CommandSpec& spec = *command.spec;
  const std::string use = typed_name(command) + (spec.syntax.empty() ? "" : " ") + std::string(spec.syntax);
  return fmt::format("| `{}` | {} | {} | {} |\n", in_cell(use), in_cell(spec.summary), in_cell(spec.complexity), spec.since);
}

}  // namespace

std::string command_reference(const CommandTable& table) {
  std::string page(kHead);
  for (const Group& group : kGroups) {
    std::vector<const Command*> rows;
    for (const Command& command : table.all()) {
      if (command.spec->handler != nullptr && command.spec->group == group.name) rows.push_back(&command);
    }
    std::sort(rows.begin(), rows.end(), [](const Command* a, const Command* b) { return a->full_name < b->full_name; });
    fmt::format_to(std::back_inserter(page), "\n## {}\n\n| Command | What it does | Time | Since |\n| --- | --- | --- | --- |\n",
                   group.title);
    for (const Command* command : rows) page += row(*command);
  }
  return page;
}

}  // namespace strata::server
