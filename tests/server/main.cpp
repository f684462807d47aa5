// Runs the tests; with --print-commands it writes docs/commands.md to standard output instead.
#include <gtest/gtest.h>

#include <iostream>
#include <string_view>

#include "server/commands/command_reference.h"

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--print-commands") {
    std::cout << strata::server::command_reference(strata::server::CommandTable());
    return 0;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
