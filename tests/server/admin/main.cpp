// Runs the tests; with --write-admin-api FILE it writes the generated part of docs/admin-api.md anew instead.
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

#include "server/admin/openapi.h"

namespace {

int write_admin_api(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::size_t mark = text.find(strata::server::admin::kAdminApiMark);
  if (mark == std::string::npos) {
    std::cerr << path << " has no line " << strata::server::admin::kAdminApiMark;
    return 1;
  }
  text.resize(mark + strata::server::admin::kAdminApiMark.size());
  std::ofstream(path, std::ios::binary) << text << "\n" << strata::server::admin::admin_api_reference();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--write-admin-api") return write_admin_api(argv[2]);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
