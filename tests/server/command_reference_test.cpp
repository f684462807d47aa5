#include "server/commands/command_reference.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace strata::server {
namespace {

TEST(CommandReference, IsTheOneInTheDocumentation) {
  std::ifstream file(std::string(STRATA_SOURCE_DIR) + "/docs/commands.md");
  const std::string written{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_EQ(written, command_reference(CommandTable()))
      << "the command table has changed: strata_server_tests --print-commands > docs/commands.md";
}

TEST(CommandReference, HasEveryCommand) {
  const CommandTable table;
  const std::string text = command_reference(table);
  for (const Command& command : table.all()) {
    if (command.spec->handler == nullptr) continue;
    std::string name = command.full_name;
    for (char& c : name) c = c == '|' ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_NE(text.find("`" + name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace strata::server
