#include "config/schema.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <set>

namespace strata::config {
namespace {

// A count of the kind's smallest unit, as a user would write it.
std::string in_smallest_unit(Kind kind, std::int64_t count) {
  const std::string number = std::to_string(count);
  if (kind == Kind::duration) return number + "ms";
  if (kind != Kind::octal) return number;
  char digits[32];
  std::snprintf(digits, sizeof digits, "%s%lo", count < 0 ? "-" : "", static_cast<unsigned long>(std::abs(count)));
  return digits;
}

TEST(Schema, EveryRowIsComplete) {
  std::set<std::string_view> paths;
  std::set<std::string> variables;
  for (const Key& key : all_keys()) {
    EXPECT_TRUE(paths.insert(key.path).second) << key.path;
    EXPECT_TRUE(variables.insert(key.variable()).second) << key.variable();
    EXPECT_EQ(key.path, std::string(key.section()) + '.' + std::string(key.name()));
    EXPECT_TRUE(is_section(key.section()));
    EXPECT_TRUE(key.effect.ends_with('.')) << key.path;
    EXPECT_FALSE(key.allowed.empty()) << key.path;
    EXPECT_EQ(find_key(key.path), &key);
  }
  EXPECT_EQ(find_key("server.unix_socket")->variable(), "STRATA_SERVER_UNIX_SOCKET");
}

// A row bound to the field of another row would show up here: it sees the other's change.
TEST(Schema, NoTwoRowsShareAField) {
  for (const Key& key : all_keys()) {
    Settings settings;
    const std::string before = key.get(settings);
    for (const char* text :
         {"2mb", "3kb", "1h", "17", "77", "177", "no", "yes", "text", "json", "debug", "noeviction", "::1", "database", "1.3"}) {
      if (key.set(settings, text).empty() && key.get(settings) != before) break;
    }
    for (const Key& other : all_keys()) {
      EXPECT_EQ(other.get(settings) != other.get(Settings{}), &other == &key) << key.path << " changed " << other.path;
    }
  }
}

TEST(Schema, EveryDefaultIsAllowedAndCanonical) {
  for (const Key& key : all_keys()) {
    Settings settings;
    EXPECT_EQ(key.set(settings, key.get(settings)), "") << key.path;
    EXPECT_EQ(settings, Settings{}) << key.path;
  }
}

TEST(Schema, BoundsAreAllowedAndWhatLiesBeyondIsNot) {
  int bounded = 0;
  for (const Key& key : all_keys()) {
    if (!key.bounds) continue;
    ++bounded;
    Settings settings;
    EXPECT_EQ(key.set(settings, in_smallest_unit(key.kind, key.bounds->minimum)), "") << key.path;
    const Settings smallest = settings;
    EXPECT_NE(key.set(settings, in_smallest_unit(key.kind, key.bounds->minimum - 1)), "") << key.path;
    EXPECT_EQ(settings, smallest) << key.path << ": a refused value must change nothing";
    EXPECT_EQ(key.set(settings, in_smallest_unit(key.kind, key.bounds->maximum)), "") << key.path;
    const Settings largest = settings;
    EXPECT_NE(key.set(settings, in_smallest_unit(key.kind, key.bounds->maximum + 1)), "") << key.path;
    EXPECT_EQ(settings, largest) << key.path;
    EXPECT_NE(smallest, largest) << key.path;
  }
  EXPECT_EQ(bounded, 49);
}

TEST(Schema, TheBoundsAreThoseOfTheDocumentation) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"server.port", "an integer from 0 to 65535"},
      {"server.unix_socket_mode", "an octal number from 0 to 777"},
      {"server.tcp_keepalive", "a duration from 0s to 1d (ms, s, m, h, d)"},
      {"server.idle_timeout", "a duration from 0s to 365d (ms, s, m, h, d)"},
      {"memory.max_memory", "a size from 1mb to 8tb (b, kb, mb, gb, tb), or 1% to 100% of the available memory"},
      {"memory.policy",
       "noeviction, s3fifo, sieve, clock, fifo, lru, mru, allkeys-lru, allkeys-lfu, allkeys-random, volatile-lru, volatile-lfu, "
       "volatile-random, volatile-ttl, lfu for allkeys-lfu, random for allkeys-random, ttl for volatile-ttl"},
      {"limits.output_buffer", "a size from 64kb to 16gb (b, kb, mb, gb, tb)"},
      {"limits.arguments", "an integer from 16 to 16777216"},
      {"security.password", "a text of 0 to 512 bytes"},
      {"security.protected_mode", "yes or no (or true, false, on, off)"},
      {"server.data_dir", "a path of 1 to 4095 bytes"},
      {"admin.bind", "an IPv4 or IPv6 address in digits, such as 127.0.0.1, 0.0.0.0 or ::1"},
      {"admin.request_timeout", "a duration from 100ms to 1h (ms, s, m, h, d)"},
  };
  for (const auto& [path, allowed] : cases) EXPECT_EQ(find_key(path)->allowed, allowed) << path;
}

TEST(Schema, SaysWhatIsWrong) {
  const std::string many_addresses =
      "1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,1.1.1.9,"
      "1.1.2.1,1.1.2.2,1.1.2.3,1.1.2.4,1.1.2.5,1.1.2.6,1.1.2.7,1.1.2.8";
  const struct {
    std::string_view path;
    std::string text;
    std::string_view wrong;
  } cases[] = {
      {"server.port", "abc", R"("abc" is not an integer)"},
      {"server.port", "6379x", R"("6379x" is not an integer)"},
      {"server.port", "", R"("" is not an integer)"},
      {"server.port", "65536", R"("65536" is out of range)"},
      {"server.port", "-1", R"("-1" is out of range)"},
      {"server.port", "99999999999999999999999", R"("99999999999999999999999" is out of range)"},
      {"server.port", "1\n2", R"("1\x0a2" is not an integer)"},
      {"server.unix_socket_mode", "789", R"("789" is not an octal number)"},
      {"server.unix_socket_mode", "1000", R"("1000" is out of range)"},
      {"server.tcp_keepalive", "5 min", R"("5 min" is not a duration)"},
      {"server.tcp_keepalive", "25h", R"("25h" is out of range)"},
      {"server.bind", "", "is empty"},
      {"server.bind", "127.0.0.1, localhost", R"("localhost" is not an address)"},
      {"server.bind", "::1 0:0::1", R"("::1" stands there twice)"},
      {"server.bind", many_addresses, "holds too many addresses"},
      {"server.data_dir", "", "is empty"},
      {"server.unix_socket", std::string(108, 'x'), "is too long"},
      {"log.file", "a\nb", "holds a control character or bytes that are not UTF-8"},
      {"limits.bulk_length", "1.5mb", R"("1.5mb" is not a size)"},
      {"limits.bulk_length", "513mb", R"("513mb" is out of range)"},
      {"memory.policy", "oldest", R"("oldest" is not one of the choices)"},
      {"memory.policy", "custom",
       R"("custom" is not possible here: it asks a function of the program that uses the cache library, and the server has none)"},
      {"memory.max_memory", "0", R"("0" would mean no limit, and a cache needs one)"},
      {"memory.max_memory", "0mb", R"("0mb" would mean no limit, and a cache needs one)"},
      {"memory.max_memory", "none", R"("none" would mean no limit, and a cache needs one)"},
      {"memory.max_memory", "lots", R"("lots" is neither a size nor a percentage)"},
      {"memory.max_memory", "0%", R"("0%" is out of range)"},
      {"memory.max_memory", "101%", R"("101%" is out of range)"},
      {"memory.max_memory", "1023kb", R"("1023kb" is out of range)"},
      {"security.protected_mode", "maybe", R"("maybe" is neither yes nor no)"},
      {"security.password", "hush\n", "holds a control character or bytes that are not UTF-8"},
      {"security.password", std::string(513, 'p'), "is too long"},
      {"admin.token", "********", "is the mask that is printed in place of a secret, not the secret"},
      {"admin.bind", "everywhere", R"("everywhere" is not an address)"},
  };
  for (const auto& c : cases) {
    Settings settings;
    EXPECT_EQ(find_key(c.path)->set(settings, c.text), c.wrong) << c.path;
    EXPECT_EQ(settings, Settings{}) << c.path;
  }
}

TEST(Schema, TakesEveryNotation) {
  const struct {
    std::string_view path, text, canonical;
  } cases[] = {
      {"server.bind", " 0.0.0.0,  ::", "0.0.0.0, ::"},
      {"server.unix_socket_mode", "0770", "770"},
      {"server.idle_timeout", "3600", "1h"},
      {"memory.max_memory", "1%", "1%"},
      {"memory.max_memory", "100%", "100%"},
      {"memory.max_memory", "2048MB", "2gb"},
      {"memory.policy", "volatile-ttl", "volatile-ttl"},
      {"memory.policy", "volatile-lfu", "volatile-lfu"},
      {"memory.policy", "lfu", "allkeys-lfu"},
      {"memory.policy", "random", "allkeys-random"},
      {"memory.policy", "ttl", "volatile-ttl"},
      {"security.protected_mode", "Off", "no"},
      {"log.level", "off", "off"},
      {"log.file", "/var/log/caf\xC3\xA9 \"1\".log", "/var/log/caf\xC3\xA9 \"1\".log"},
  };
  for (const auto& c : cases) {
    Settings settings;
    EXPECT_EQ(find_key(c.path)->set(settings, c.text), "") << c.path;
    EXPECT_EQ(get(settings, c.path), c.canonical);
  }
}

TEST(Schema, GetMasksSecretsThatAreSet) {
  Settings settings;
  EXPECT_EQ(get(settings, "security.password"), "");
  settings.security.password = "hush";
  EXPECT_EQ(get(settings, "security.password"), "********");
  EXPECT_EQ(find_key("security.password")->get(settings), "hush");
  EXPECT_EQ(get(settings, "security.pasword"), std::nullopt);
}

TEST(Schema, SuggestsTheNearestKey) {
  const std::pair<std::string, std::string_view> cases[] = {
      {"server.prot", "unknown key, did you mean server.port?"},
      {"serve.port", "unknown key, did you mean server.port?"},
      {"memory.maxmemory", "unknown key, did you mean memory.max_memory?"},
      {"port", "unknown key, did you mean server.port?"},
      {"maxmemory", "unknown key, did you mean memory.max_memory?"},
      {"limits.max-clients", "unknown key, did you mean limits.max_clients?"},
      {"cluster.enabled", "unknown key"},
      {"", "unknown key"},
      {std::string(100000, 'x'), "unknown key"},
  };
  for (const auto& [path, text] : cases) EXPECT_EQ(unknown_key(path), text);
  EXPECT_EQ(unknown_variable("STRATA_SERVER_PROT"), "unknown variable, did you mean STRATA_SERVER_PORT?");
  EXPECT_EQ(unknown_variable("STRATA_SOMETHING_ELSE"), "unknown variable");
}

}  // namespace
}  // namespace strata::config
