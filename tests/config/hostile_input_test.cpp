// Whatever stands in a file, a variable or a request: an answer comes back, and a refused value changes nothing.
#include <gtest/gtest.h>

#include <random>

#include "config/change.h"
#include "config/loader.h"
#include "config/printer.h"
#include "config/schema.h"
#include "tests/config/temporary_file.h"

namespace strata::config {
namespace {

using Random = std::mt19937;

std::string random_bytes(Random& random, std::size_t maximum_length) {
  std::string bytes(random() % (maximum_length + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

LoadResult load_text(const std::string& yaml) {
  const TemporaryFile file(yaml);
  return load({file.path(), {}, {}});
}

// Settings that were taken can be printed and loaded again.
void expect_sound(const LoadResult& result) {
  for (const Problem& problem : result.problems) EXPECT_FALSE(problem.wrong.empty());
  if (!result.ok()) return;
  EXPECT_TRUE(load_text(print_config(result.settings, result.origins)).ok());
}

TEST(HostileInput, RandomBytesAsFile) {
  Random random(1);
  for (int i = 0; i < 500; ++i) expect_sound(load_text(random_bytes(random, 300)));
}

TEST(HostileInput, RandomPiecesOfYamlAsFile) {
  constexpr std::string_view kPieces[] = {"server", "port",  "log",   ":",  ": ",     "\n", "\n  ", "- ", "[",           "]",
                                          "{",      "}",     "&a ",   "*a", "!!str ", "|",  ">",    "'",  "\"",          "\\",
                                          "#",      "---\n", "...\n", "? ", "<<",     "~",  "1",    ",",  "%YAML 1.2\n", "\t"};
  Random random(2);
  for (int i = 0; i < 1500; ++i) {
    std::string yaml;
    for (std::size_t pieces = random() % 25; pieces > 0; --pieces) yaml += kPieces[random() % std::size(kPieces)];
    SCOPED_TRACE(yaml);
    expect_sound(load_text(yaml));
  }
}

TEST(HostileInput, AReferenceFileWithDamage) {
  const std::string reference = print_reference();
  Random random(3);
  for (int i = 0; i < 100; ++i) {
    std::string yaml = reference;
    for (int damage = 0; damage < 3; ++damage) yaml[random() % yaml.size()] = static_cast<char>(' ' + random() % 95);
    expect_sound(load_text(yaml));
  }
}

TEST(HostileInput, DeepAndWideFilesEndInAProblem) {
  constexpr std::size_t kLength = 1U << 20;
  for (const std::string_view unit : {"[", "{a: ", "- ", "? ", "*a ", "!a ", "'"}) {
    std::string yaml;
    while (yaml.size() + unit.size() <= kLength) yaml += unit;
    EXPECT_FALSE(load_text(yaml).ok()) << unit;
  }
}

TEST(HostileInput, RandomBytesForEveryKey) {
  Random random(4);
  for (const Key& key : all_keys()) {
    for (int i = 0; i < 200; ++i) {
      const std::string value = random_bytes(random, i % 3 == 0 ? 600 : 6);
      Settings settings;
      if (key.set(settings, value).empty()) {
        Settings again;
        EXPECT_EQ(key.set(again, key.get(settings)), "") << key.path;
        EXPECT_EQ(again, settings) << key.path;
      } else {
        EXPECT_EQ(settings, Settings{}) << key.path;
      }
    }
  }
}

TEST(HostileInput, RandomNames) {
  Random random(5);
  for (int i = 0; i < 200; ++i) {
    const std::string name = random_bytes(random, 80);
    const std::vector<Change> changes = {{name, "1"}};
    EXPECT_FALSE(apply_changes(Settings{}, changes).ok());
    EXPECT_FALSE(load({{}, {{"STRATA_" + name, "1"}}, {{"--set", name, "1"}}}).ok());
  }
}

}  // namespace
}  // namespace strata::config
