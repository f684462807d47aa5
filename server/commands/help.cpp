#include "server/commands/help.h"

#include <string>

namespace strata::server {

namespace {

std::string upper_case(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  }
  return upper;
}

}  // namespace

Outcome subcommand_help(Context& context) {
  const Command& container = *context.command->container;
  context.reply.array(1 + 2 * container.subcommands.size());
  context.reply.simple(upper_case(container.spec->name) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const Command* sub : container.subcommands) {
    std::string line = upper_case(sub->spec->name);
    if (!sub->spec->syntax.empty()) line.append(" ").append(sub->spec->syntax);
    context.reply.simple(line);
    context.reply.simple("    " + std::string(sub->spec->summary));
  }
  return Outcome::done;
}

}  // namespace strata::server
