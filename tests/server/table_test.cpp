#include "server/commands/table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "server/commands/words.h"

namespace strata::server {
namespace {

TEST(CommandTableTest, FindsWithoutRegardToCase) {
  const CommandTable table;
  ASSERT_NE(table.find("GeT"), nullptr);
  EXPECT_EQ(table.find("GeT")->full_name, "get");
  EXPECT_EQ(table.find("gett"), nullptr);
  EXPECT_EQ(table.find(""), nullptr);
  ASSERT_NE(table.find_full("CONFIG|Get"), nullptr);
  EXPECT_EQ(table.find_full("CONFIG|Get")->full_name, "config|get");
  EXPECT_EQ(table.find_full("config|nothing"), nullptr);
  EXPECT_EQ(table.find_full("get|get"), nullptr);
}

TEST(CommandTableTest, EveryCommandIsFoundUnderItsName) {
  const CommandTable table;
  for (const Command& command : table.all()) EXPECT_EQ(table.find_full(command.full_name), &command) << command.full_name;
}

// Whatever else a byte of a name is turned into: no command, or another one, whose name it is.
TEST(CommandTableTest, NothingElseIsTakenForAName) {
  const CommandTable table;
  for (const Command* command : table.commands()) {
    for (std::size_t at = 0; at < command->full_name.size(); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string name = command->full_name;
        name[at] = static_cast<char>(byte);
        const Command* const found = table.find(name);
        EXPECT_EQ(found != nullptr ? found->full_name : lower_case(name), lower_case(name));
        const bool is_same = to_lower(name[at]) == command->full_name[at];
        EXPECT_TRUE(!is_same || found == command) << name;
      }
    }
  }
}

TEST(CommandTableTest, RowsAreComplete) {
  const CommandTable table;
  std::set<std::string> names;
  std::size_t id = 0;
  for (const Command& command : table.all()) {
    const CommandSpec& spec = *command.spec;
    EXPECT_TRUE(names.insert(command.full_name).second) << command.full_name << " stands twice";
    EXPECT_EQ(command.id, id++);
    EXPECT_NE(spec.arity, 0) << command.full_name;
    EXPECT_FALSE(spec.summary.empty()) << command.full_name;
    EXPECT_FALSE(spec.since.empty()) << command.full_name;
    EXPECT_FALSE(spec.complexity.empty()) << command.full_name;
    EXPECT_TRUE(spec.group == "string" || spec.group == "bitmap" || spec.group == "generic" || spec.group == "connection" ||
                spec.group == "server" || spec.group == "cluster")
        << command.full_name;
    EXPECT_TRUE(spec.handler != nullptr || !spec.subcommands.empty()) << command.full_name << " does nothing";
    EXPECT_EQ(spec.keys.first == 0, spec.keys.access == KeyAccess::none) << command.full_name;
    EXPECT_FALSE(command.has(kWrite) && command.has(kReadonly)) << command.full_name;
    // What may grow memory has to be refused at the limit. These keep the value.
    const bool keeps = spec.name == "getex" || spec.name == "move";
    EXPECT_TRUE(spec.keys.access != KeyAccess::read_write || keeps || command.has(kDenyOom)) << command.full_name;
    // The first kind of keys begins where the keys do.
    EXPECT_TRUE(spec.key_kinds.empty() || spec.key_kinds[0].first == spec.keys.first) << command.full_name;
  }
}

}  // namespace
}  // namespace strata::server
