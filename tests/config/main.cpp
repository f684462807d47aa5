// Runs the tests; with --print-reference it writes config/reference.yaml to standard output instead.
#include <gtest/gtest.h>

#include <iostream>
#include <string_view>

#include "config/printer.h"

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--print-reference") {
    std::cout << strata::config::print_reference();
    return 0;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
