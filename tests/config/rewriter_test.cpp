#include "config/rewriter.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "config/schema.h"
#include "config/yaml_source.h"
#include "tests/config/temporary_file.h"

namespace strata::config {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Sources file_alone(const TemporaryFile& file) { return {.yaml_path = file.path(), .environment = {}, .overrides = {}}; }

Settings changed(const Sources& sources, const std::vector<std::pair<std::string, std::string>>& changes) {
  Settings settings = load(sources).settings;
  for (const auto& [path, value] : changes) EXPECT_EQ(find_key(path)->set(settings, value), "") << path;
  return settings;
}

TEST(YamlEditor, ReplacesTheValueAndNothingElse) {
  const std::string text =
      "# of the whole\n"
      "server:\n"
      "  port: 6379 # of the port\n"
      "  data_dir: \"/a # \\\" b\"   # of the directory\n"
      "  bind: [ \"127.0.0.1\", '::1' ]  # of the addresses\n"
      "\n"
      "log:\n"
      "    level: 'it''s'\t# of the level\n"
      "    file:\n"
      "    format: text\n";
  const auto with = [&](std::string_view section, std::string_view name, std::string_view value, const std::string& before,
                        const std::string& after) {
    std::string expected = text;
    expected.replace(expected.find(before), before.size(), after);
    EXPECT_EQ(with_yaml_value(text, section, name, value), expected) << section << '.' << name;
  };
  with("server", "port", "7", "port: 6379 #", "port: 7 #");
  with("server", "data_dir", "\"c\"", "\"/a # \\\" b\"", "\"c\"");
  with("server", "bind", "[]", "[ \"127.0.0.1\", '::1' ]", "[]");
  with("log", "level", "off", "'it''s'", "off");
  with("log", "file", "x", "file:\n", "file: x\n");
  with("log", "format", "json", "format: text", "format: json");
}

TEST(YamlEditor, AddsWhatIsNotThere) {
  EXPECT_EQ(with_yaml_value("", "a", "b", "1"), "a:\n  b: 1\n");
  EXPECT_EQ(with_yaml_value("a:\n    c: 2", "a", "b", "1"), "a:\n    b: 1\n    c: 2\n");
  EXPECT_EQ(with_yaml_value("a: # nothing yet\nz:\n  y: 1\n", "a", "b", "1"), "a: # nothing yet\n  b: 1\nz:\n  y: 1\n");
  EXPECT_EQ(with_yaml_value("# alone\n", "a", "b", "1"), "# alone\n\na:\n  b: 1\n");
}

TEST(Rewriter, WritesWhatDiffersAndKeepsTheRest) {
  const TemporaryFile file(
      "# Ours.\n"
      "memory:\n"
      "  max_memory: 64mb  # for now\n"
      "log:\n"
      "  level: warning\n");
  chmod(file.path().c_str(), 0640);
  const Settings in_force =
      changed(file_alone(file), {{"memory.max_memory", "1gb"}, {"security.password", "a\"b"}, {"server.idle_timeout", "5s"}});
  const Rewritten result = rewrite_file(file_alone(file), in_force);
  EXPECT_TRUE(result.problems.empty()) << result.problems.front().text();
  EXPECT_EQ(result.paths.size(), 3U);
  EXPECT_EQ(text_of(file.path()),
            "# Ours.\n"
            "memory:\n"
            "  max_memory: 1gb  # for now\n"
            "log:\n"
            "  level: warning\n"
            "\nserver:\n"
            "  idle_timeout: 5s\n"
            "\nsecurity:\n"
            "  password: \"a\\\"b\"\n");
  EXPECT_EQ(load(file_alone(file)).settings, in_force);
  struct stat status {};
  ASSERT_EQ(stat(file.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
  EXPECT_TRUE(rewrite_file(file_alone(file), in_force).paths.empty());
}

TEST(Rewriter, LeavesAloneWhatItCanNotChange) {
  for (const std::string text : {"memory: {max_memory: 64mb}\n", "memory:\n  max_memory: >-\n    64mb\n",
                                 "memory:\n  max_memory: &a 64mb\ndynamic_sizing:\n  min_memory: *a\n"}) {
    const TemporaryFile file(text);
    ASSERT_TRUE(load(file_alone(file)).ok()) << text;
    const Rewritten result = rewrite_file(file_alone(file), changed(file_alone(file), {{"memory.max_memory", "1gb"}}));
    ASSERT_EQ(result.problems.size(), 1U) << text;
    EXPECT_NE(result.problems[0].text().find("one line a key"), std::string::npos) << result.problems[0].text();
    EXPECT_EQ(text_of(file.path()), text);
  }
}

TEST(Rewriter, SaysWhatWinsOverTheFile) {
  const TemporaryFile file("log:\n  level: warning\n");
  Sources sources = file_alone(file);
  sources.overrides = {{"--set", "memory.max_memory", "64mb"}};
  const Settings in_force = changed(sources, {{"memory.max_memory", "1gb"}, {"log.level", "info"}});
  const Rewritten result = rewrite_file(sources, in_force);
  EXPECT_EQ(result.paths.size(), 2U);
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_EQ(result.problems[0].key, "memory.max_memory");
  EXPECT_NE(result.problems[0].text().find("--set"), std::string::npos) << result.problems[0].text();
  EXPECT_NE(text_of(file.path()).find("level: info"), std::string::npos);
  EXPECT_NE(text_of(file.path()).find("max_memory: 1gb"), std::string::npos);
}

TEST(Rewriter, FollowsLinksAndTellsOfWhatTheSystemRefuses) {
  const TemporaryFile file("log:\n  level: warning\n");
  const std::string link = file.path() + ".link";
  std::filesystem::create_symlink(file.path(), link);
  const Sources sources{.yaml_path = link, .environment = {}, .overrides = {}};
  EXPECT_TRUE(rewrite_file(sources, changed(sources, {{"log.level", "info"}})).problems.empty());
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(text_of(file.path()), "log:\n  level: info\n");
  std::filesystem::remove(link);
  EXPECT_EQ(rewrite_file(sources, Settings{}).problems.size(), 1U);
}

}  // namespace
}  // namespace strata::config
