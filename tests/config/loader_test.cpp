#include "config/loader.h"

#include <gtest/gtest.h>

#include "config/schema.h"
#include "tests/config/temporary_file.h"

namespace strata::config {
namespace {

struct Loaded {
  LoadResult result;
  std::vector<std::string> problems;  // as text, the path of the file replaced by F
  std::string origin(std::string_view key) const {
    const auto found = result.origins.find(key);
    return found == result.origins.end() ? "default" : found->second;
  }
};

std::string replaced(std::string text, const std::string& what) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) text.replace(at, what.size(), "F");
  return text;
}

Loaded load_yaml(std::string_view yaml, Sources sources = {}) {
  const TemporaryFile file(yaml);
  sources.yaml_path = file.path();
  Loaded loaded{load(sources), {}};
  for (auto& [key, origin] : loaded.result.origins) origin = replaced(origin, file.path());
  for (const Problem& problem : loaded.result.problems) loaded.problems.push_back(replaced(problem.text(), file.path()));
  return loaded;
}

std::vector<std::string> problems_of(const Sources& sources) {
  std::vector<std::string> texts;
  for (const Problem& problem : load(sources).problems) texts.push_back(problem.text());
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Loader, NoSourcesGiveTheDefaults) {
  const LoadResult result = load({});
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.settings, Settings{});
  EXPECT_TRUE(result.origins.empty());
}

TEST(Loader, LaterSourcesWin) {
  const std::string_view yaml = "server: {port: 1001, threads: 1, databases: 1}\n";
  const Sources sources = {{},
                           {{"PATH", "/bin"}, {"STRATA_SERVER_THREADS", "2"}, {"STRATA_SERVER_DATABASES", "2"}},
                           {{"--set", "server.databases", "3"}}};
  const Loaded loaded = load_yaml(yaml, sources);
  EXPECT_EQ(loaded.problems, Texts{});
  const Server& server = loaded.result.settings.server;
  EXPECT_EQ(server.tcp_backlog, 511U);
  EXPECT_EQ(server.port, 1001U);
  EXPECT_EQ(server.threads, 2U);
  EXPECT_EQ(server.databases, 3U);
  EXPECT_EQ(loaded.origin("server.tcp_backlog"), "default");
  EXPECT_EQ(loaded.origin("server.port"), "F:1:10");
  EXPECT_EQ(loaded.origin("server.threads"), "environment STRATA_SERVER_THREADS");
  EXPECT_EQ(loaded.origin("server.databases"), "command line --set");
}

TEST(Loader, EveryKeyCanComeFromEverySource) {
  for (const Key& key : all_keys()) {
    const std::string value = key.get(Settings{});
    const std::string path(key.path);
    const LoadResult environment = load({{}, {{key.variable(), value}}, {}});
    EXPECT_TRUE(environment.ok()) << path;
    EXPECT_TRUE(environment.origins.contains(path)) << path;
    const LoadResult command_line = load({{}, {}, {{"--set", path, value}}});
    EXPECT_TRUE(command_line.ok()) << path;
    EXPECT_TRUE(command_line.origins.contains(path)) << path;
  }
}

TEST(Loader, FilesThatSayNothingAreFine) {
  for (const char* yaml :
       {"", "# only a comment\n", "---\n", "{}", "~", "server:\n", "server: {}\nlog: ~\n", "\xEF\xBB\xBFserver:\n"}) {
    const Loaded loaded = load_yaml(yaml);
    EXPECT_EQ(loaded.problems, Texts{}) << yaml;
    EXPECT_EQ(loaded.result.settings, Settings{}) << yaml;
  }
}

TEST(Loader, YamlNotations) {
  const Loaded loaded = load_yaml(
      "server:\n  bind:\n    - 127.0.0.1\n    - '::1'\n  port: '7000'\n  tcp_keepalive: &time 30s\n  idle_timeout: *time\n"
      "admin: {bind: ::1}\nlog:\n  level: off\n  file: >-\n    a\n    b\nsecurity: {password: 12345, protected_mode: false}\n");
  EXPECT_EQ(loaded.problems, Texts{});
  const Settings& settings = loaded.result.settings;
  EXPECT_EQ(settings.server.bind, (std::vector<std::string>{"127.0.0.1", "::1"}));
  EXPECT_EQ(settings.server.port, 7000U);
  EXPECT_EQ(settings.server.idle_timeout, std::chrono::seconds(30));
  EXPECT_EQ(settings.log.level, LogLevel::off);
  EXPECT_EQ(settings.log.file, "a b");
  EXPECT_EQ(settings.security.password, "12345");
  EXPECT_FALSE(settings.security.protected_mode);
}

TEST(Loader, ProblemsOfFiles) {
  const struct {
    std::string_view yaml;
    Texts problems;
  } cases[] = {
      {"server:\n  port: 70000\n", {R"(F:2:3: server.port: "70000" is out of range; allowed: an integer from 0 to 65535)"}},
      {"server:\n  prot: 1\n", {"F:2:3: server.prot: unknown key, did you mean server.port?"}},
      {"servr:\n  port: 1\n", {"F:2:3: servr.port: unknown key, did you mean server.port?"}},
      {"port: 1\n", {"F:1:1: port: unknown key, did you mean server.port?"}},
      {"nonsense: {}\n", {"F:1:1: nonsense: unknown key"}},
      {"server:\n  port:\n", {"F:2:3: server.port: has no value; allowed: an integer from 0 to 65535"}},
      {"server:\n  port: [1]\n", {"F:2:3: server.port: is a list; allowed: an integer from 0 to 65535"}},
      {"server:\n  port: {a: 1}\n", {"F:2:3: server.port: is a map; allowed: an integer from 0 to 65535"}},
      {"server: 1\n", {"F:1:1: server: is not a map; allowed: the keys of this section"}},
      {"server: [1]\n", {"F:1:1: server: is not a map; allowed: the keys of this section"}},
      {"server:\n  bind: [[::1]]\n",
       {"F:2:3: server.bind: is a list of lists or maps; allowed: a list of 1 to 16 addresses, each an IPv4 or IPv6 address in "
        "digits, such as 127.0.0.1, 0.0.0.0 or ::1"}},
      {"server:\n  bind: []\n",
       {"F:2:3: server.bind: is empty; allowed: a list of 1 to 16 addresses, each an IPv4 or IPv6 address in digits, such as "
        "127.0.0.1, 0.0.0.0 or ::1"}},
      {"server:\n  port: 1\n  port: 2\n", {"F:3:3: server.port: given twice, first at F:2:3; allowed: once"}},
      {"log:\n  level: info\nserver:\n  port: 1\nlog:\n  format: text\n",
       {"F:5:1: log: given twice, first at F:1:1; allowed: once"}},
      {"- a\n", {"F:1:1: is not a map; allowed: a map of sections"}},
      {"text\n", {"F:1:1: is not a map; allowed: a map of sections"}},
      {"[a]: 1\n", {"F:1:1: a key is not plain text"}},
      {"server:\n  {a: 1}: 1\n", {"F:2:3: a key is not plain text"}},
      {"a: 1\n---\nb: 1\n", {"F:2:1: a second document, or text that belongs to none, begins here; allowed: one document"}},
      {",\n", {"F:1:1: a second document, or text that belongs to none, begins here; allowed: one document"}},
      {"{}\n}", {"F:2:1: is not YAML: illegal flow end"}},
      {"server: [1\nlog: 2\n", {"F:2:4: is not YAML: end of sequence flow not found"}},
      {"server:\n  port: *none\n", {"F:2:9: is not YAML: the referenced anchor is not defined"}},
      {"server:\n  port: 1\n  x\x04y: 2\n", {"F:3:4: holds a control character or bytes that are not UTF-8"}},
      {"\xFF\xFEs", {"F:1:1: holds a control character or bytes that are not UTF-8"}},
      {"security:\n  password: \"a\\nb\"\n",
       {"F:2:3: security.password: holds a control character or bytes that are not UTF-8; allowed: a text of 0 to 512 bytes"}},
  };
  for (const auto& c : cases) {
    const Loaded loaded = load_yaml(c.yaml);
    EXPECT_EQ(loaded.problems, c.problems) << c.yaml;
  }
}

TEST(Loader, FilesThatCannotBeRead) {
  const std::string directory = testing::TempDir();
  EXPECT_EQ(problems_of({"no/such\n.yaml", {}, {}}), Texts{R"(no/such\x0a.yaml: cannot be read: No such file or directory)"});
  EXPECT_EQ(problems_of({directory, {}, {}}), Texts{directory + ": cannot be read: Is a directory"});
  EXPECT_EQ(load_yaml(std::string((1U << 20) + 1, '#')).problems, Texts{"F: is larger than 1 MiB"});
  EXPECT_EQ(load_yaml(std::string(1U << 20, '#')).problems, Texts{});
}

TEST(Loader, ProblemsOfTheEnvironment) {
  const Sources sources = {{},
                           {{"STRATA_SERVER_PORT", ""},
                            {"STRATA_SERVER_PROT", "1"},
                            {"STRATA_UNHEARD_OF", "1"},
                            {"STRATA_CONFIG", "x"},
                            {"STRATA_DATA", "x"},
                            {"STRATUM", "x"},
                            {"STRATA_LOG_LEVEL", "loud"}},
                           {}};
  const Texts expected = {
      R"(environment STRATA_SERVER_PORT: server.port: "" is not an integer; allowed: an integer from 0 to 65535)",
      "environment STRATA_SERVER_PROT: unknown variable, did you mean STRATA_SERVER_PORT?",
      "environment STRATA_UNHEARD_OF: unknown variable",
      R"(environment STRATA_LOG_LEVEL: log.level: "loud" is not one of the choices; allowed: trace, debug, info, warning, error, off)"};
  EXPECT_EQ(problems_of(sources), expected);
}

TEST(Loader, ProblemsOfTheCommandLine) {
  const Sources sources = {{},
                           {},
                           {{"--port", "server.port", "x"},
                            {"--set", "server.prot", "1"},
                            {"--set", "server.port", "1"},
                            {"--max-memory", "memory.max_memory", "none"}}};
  const Texts expected = {
      R"(command line --port: server.port: "x" is not an integer; allowed: an integer from 0 to 65535)",
      "command line --set: server.prot: unknown key, did you mean server.port?",
      "command line --set: server.port: given twice, first at command line --port; allowed: once",
      R"(command line --max-memory: memory.max_memory: "none" would mean no limit, and a cache needs one; allowed: a size from 1mb )"
      "to 8tb (b, kb, mb, gb, tb), or 1% to 100% of the available memory"};
  EXPECT_EQ(problems_of(sources), expected);
}

TEST(Loader, ReportsTheProblemsOfAllSourcesTogether) {
  const Sources sources = {{}, {{"STRATA_SERVER_THREADS", "b"}}, {{"--set", "server.databases", "c"}}};
  const Loaded loaded = load_yaml("server: {port: a, tcp_backlog: d}\n", sources);
  const Texts expected = {
      R"(F:1:10: server.port: "a" is not an integer; allowed: an integer from 0 to 65535)",
      R"(F:1:19: server.tcp_backlog: "d" is not an integer; allowed: an integer from 1 to 65535)",
      R"(environment STRATA_SERVER_THREADS: server.threads: "b" is not an integer; allowed: an integer from 0 to 1024)",
      R"(command line --set: server.databases: "c" is not an integer; allowed: an integer from 1 to 128)"};
  EXPECT_EQ(loaded.problems, expected);
}

TEST(Loader, StopsAfterTheFirstHundredProblems) {
  std::string yaml;
  for (int i = 0; i < 100; ++i) yaml += "a" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(load_yaml(yaml).problems.size(), 100U);
  const Loaded loaded = load_yaml(yaml + "b: 1\nc: 1\n");
  ASSERT_EQ(loaded.problems.size(), 101U);
  EXPECT_EQ(loaded.problems.back(), "there are more problems, these are the first 100");
}

// A value that a later source replaces is checked all the same: it would come alive when that source goes.
TEST(Loader, HiddenValuesAreChecked) {
  EXPECT_EQ(load_yaml("server: {port: a}\n", {{}, {}, {{"--port", "server.port", "1"}}}).problems.size(), 1U);
}

TEST(Loader, ThePortsMayNotCollide) {
  const auto ports = [](const char* server_bind, const char* admin_bind, const char* port) {
    return Sources{
        {},
        {},
        {{"--bind", "server.bind", server_bind}, {"--set", "admin.bind", admin_bind}, {"--admin-port", "admin.port", port}}};
  };
  EXPECT_EQ(
      problems_of(ports("::1, 127.0.0.1", "127.0.0.1", "6379")),
      Texts{"command line --admin-port: admin.port: port 6379 of 127.0.0.1 is taken by server.port; allowed: another port, an "
            "admin.bind that server.bind does not cover, or 0 to turn the interface off"});
  EXPECT_EQ(problems_of(ports("0.0.0.0", "127.0.0.1", "6379")).size(), 1U);
  EXPECT_EQ(problems_of(ports("::1", "::", "6379")).size(), 1U);
  EXPECT_EQ(problems_of(ports("127.0.0.2", "127.0.0.1", "6379")), Texts{});
  EXPECT_EQ(problems_of(ports("127.0.0.1", "127.0.0.1", "0")), Texts{});
  const LoadResult by_default = load({{}, {}, {{"--port", "server.port", "8379"}}});
  ASSERT_EQ(by_default.problems.size(), 1U);
  EXPECT_EQ(by_default.problems[0].location, "default");
  EXPECT_TRUE(load({{}, {}, {{"--port", "server.port", "0"}, {"--admin-port", "admin.port", "0"}}}).ok());
}

}  // namespace
}  // namespace strata::config
