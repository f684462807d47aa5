#include "protocol/errors.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

// Every expected text was received from redis-server 7.0.15.
namespace strata::protocol::errors {
namespace {

using Request = std::vector<std::string_view>;

TEST(Errors, OfAnyCommand) {
  EXPECT_EQ(kSyntax, "ERR syntax error");
  EXPECT_EQ(kNotInteger, "ERR value is not an integer or out of range");
  EXPECT_EQ(kNotFloat, "ERR value is not a valid float");
  EXPECT_EQ(kOutOfMemory, "OOM command not allowed when used memory > 'maxmemory'.");
}

TEST(Errors, OfConnections) {
  EXPECT_EQ(kTooManyClients, "ERR max number of clients reached");
  EXPECT_EQ(kNotAuthenticated, "NOAUTH Authentication required.");
  EXPECT_EQ(
      kHelloNotAuthenticated,
      "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can "
      "be used to authenticate the client and select the RESP protocol version at the same time");
  EXPECT_EQ(kWrongPassword, "WRONGPASS invalid username-password pair or user is disabled.");
  EXPECT_EQ(kNoPasswordConfigured,
            "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration "
            "is correct?");
  EXPECT_EQ(kUnsupportedProtocol, "NOPROTO unsupported protocol version");
  EXPECT_EQ(kProtocolNotInteger, "ERR Protocol version is not an integer or out of range");
  EXPECT_EQ(kDatabaseOutOfRange, "ERR DB index is out of range");
  EXPECT_EQ(kDatabaseNotInt32, "ERR value is out of range, value must between -2147483648 and 2147483647");
  EXPECT_EQ(kBadClientName, "ERR Client names cannot contain spaces, newlines or special characters.");
  EXPECT_EQ(kBadClientId, "ERR Invalid client ID");
}

TEST(Errors, OfKeysAndValues) {
  EXPECT_EQ(kOverflow, "ERR increment or decrement would overflow");
  EXPECT_EQ(kDecrementOverflow, "ERR decrement would overflow");
  EXPECT_EQ(kStringTooLong, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  EXPECT_EQ(kInvalidCursor, "ERR invalid cursor");
  EXPECT_EQ(kExpireNxWithOthers, "ERR NX and XX, GT or LT options at the same time are not compatible");
  EXPECT_EQ(kExpireGtWithLt, "ERR GT and LT options at the same time are not compatible");
  EXPECT_EQ(invalid_expire_time("set"), "ERR invalid expire time in 'set' command");
  EXPECT_EQ(unsupported_option("foo"), "ERR Unsupported option foo");
}

TEST(Errors, OfCommandShutdownDebug) {
  EXPECT_EQ(kInvalidCommand, "ERR Invalid command specified");
  EXPECT_EQ(kCommandWithoutKeys, "ERR The command has no key arguments");
  EXPECT_EQ(kCommandArity, "ERR Invalid number of arguments specified for command");
  EXPECT_EQ(kNoShutdown, "ERR No shutdown in progress.");
  EXPECT_EQ(kShutdownFailed, "ERR Errors trying to SHUTDOWN. Check logs.");
}

TEST(Errors, OfTheRequestStream) {
  EXPECT_EQ(kTooBigInline, "ERR Protocol error: too big inline request");
  EXPECT_EQ(kUnbalancedQuotes, "ERR Protocol error: unbalanced quotes in request");
  EXPECT_EQ(kTooBigArrayHeader, "ERR Protocol error: too big mbulk count string");
  EXPECT_EQ(kInvalidArrayLength, "ERR Protocol error: invalid multibulk length");
  EXPECT_EQ(kUnauthenticatedArrayLength, "ERR Protocol error: unauthenticated multibulk length");
  EXPECT_EQ(kTooBigBulkHeader, "ERR Protocol error: too big bulk count string");
  EXPECT_EQ(kInvalidBulkLength, "ERR Protocol error: invalid bulk length");
  EXPECT_EQ(kUnauthenticatedBulkLength, "ERR Protocol error: unauthenticated bulk length");
  EXPECT_EQ(expected_bulk('p'), "ERR Protocol error: expected '$', got 'p'");
  EXPECT_EQ(expected_bulk('\''), "ERR Protocol error: expected '$', got '''");
  EXPECT_EQ(expected_bulk('\xff'), "ERR Protocol error: expected '$', got '\xff'");
}

TEST(Errors, WrongArity) {
  EXPECT_EQ(wrong_arity("get"), "ERR wrong number of arguments for 'get' command");
  EXPECT_EQ(wrong_arity("config|set"), "ERR wrong number of arguments for 'config|set' command");
}

TEST(Errors, UnknownCommand) {
  EXPECT_EQ(unknown_command(Request{"foo"}), "ERR unknown command 'foo', with args beginning with: ");
  EXPECT_EQ(unknown_command(Request{"foo", "bar", "baz"}), "ERR unknown command 'foo', with args beginning with: 'bar' 'baz' ");
  EXPECT_EQ(unknown_command(Request{"", " "}), "ERR unknown command '', with args beginning with: ' ' ");
}

TEST(Errors, UnknownCommandQuotesAtMost128BytesOfTheName) {
  EXPECT_EQ(unknown_command(Request{std::string(200, 'x')}),
            "ERR unknown command '" + std::string(128, 'x') + "', with args beginning with: ");
}

TEST(Errors, UnknownCommandQuotesArgumentsUntilTheirTextHas128Bytes) {
  const std::string before = "ERR unknown command 'foo', with args beginning with: ";
  const std::string hundred_a(100, 'a');
  const std::string hundred_b(100, 'b');
  EXPECT_EQ(unknown_command(Request{"foo", hundred_a, hundred_b, "c"}),
            before + "'" + hundred_a + "' '" + std::string(25, 'b') + "' ");
  // 124 bytes and three of quoting leave room for one more argument of one byte, 125 leave none.
  EXPECT_EQ(unknown_command(Request{"foo", std::string(124, 'a'), "bcd"}), before + "'" + std::string(124, 'a') + "' 'b' ");
  EXPECT_EQ(unknown_command(Request{"foo", std::string(125, 'a'), "b"}), before + "'" + std::string(125, 'a') + "' ");
  EXPECT_EQ(unknown_command(Request{"foo", std::string(200, 'a'), "b"}), before + "'" + std::string(128, 'a') + "' ");
  EXPECT_EQ(unknown_command(Request(61, "")).size(),
            std::string("ERR unknown command '', with args beginning with: ").size() + 129);
}

TEST(Errors, UserInputEndsAtItsFirstNul) {
  const std::string_view name("fo\0o", 4);
  const std::string_view argument("a\0b", 3);
  EXPECT_EQ(unknown_command(Request{name, argument, "c"}), "ERR unknown command 'fo', with args beginning with: 'a' 'c' ");
  EXPECT_EQ(unknown_subcommand("client", name), "ERR unknown subcommand 'fo'. Try CLIENT HELP.");
  EXPECT_EQ(unsupported_option(name), "ERR Unsupported option fo");
}

TEST(Errors, UserInputIsCut) {
  EXPECT_EQ(unknown_subcommand("config", std::string(200, 'x')),
            "ERR unknown subcommand '" + std::string(128, 'x') + "'. Try CONFIG HELP.");
  EXPECT_EQ(hello_option(std::string(1 << 20, 'x')), "ERR Syntax error in HELLO option '" + std::string(1024, 'x') + "'");
}

TEST(Errors, UnknownSubcommands) {
  EXPECT_EQ(unknown_subcommand("config", "foo"), "ERR unknown subcommand 'foo'. Try CONFIG HELP.");
  EXPECT_EQ(unknown_subcommand("CliEnt", "SetInfo"), "ERR unknown subcommand 'SetInfo'. Try CLIENT HELP.");
}

TEST(Errors, OfHelloAndClient) {
  EXPECT_EQ(hello_option("auth"), "ERR Syntax error in HELLO option 'auth'");
  EXPECT_EQ(unknown_client_type("foo"), "ERR Unknown client type 'foo'");
}

TEST(Errors, OfConfigSet) {
  EXPECT_EQ(unknown_config("foo"), "ERR Unknown option or number of arguments for CONFIG SET - 'foo'");
  EXPECT_EQ(config_set_failed("maxmemory", "argument must be a memory value"),
            "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value");
  EXPECT_EQ(kConfigDuplicate, "duplicate parameter");
  EXPECT_EQ(kConfigImmutable, "can't set immutable config");
}

}  // namespace
}  // namespace strata::protocol::errors
