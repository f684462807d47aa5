#pragma once

#include <span>
#include <string>
#include <string_view>

// Every error text that a client can receive, code first, in the wording of Redis 7.0: client libraries compare codes and some
// compare whole texts. Texts whose end depends on the request are built by functions; all else is a constant.
// User input quoted in a text ends at its first NUL byte, as it does in Redis, or after 128 bytes where Redis cuts it and after
// 1024 bytes where Redis would send back all of it. CR and LF are left alone here: ReplyWriter::error makes them harmless.
namespace strata::protocol::errors {

// Any command.
inline constexpr std::string_view kSyntax = "ERR syntax error";
inline constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kNotFloat = "ERR value is not a valid float";
inline constexpr std::string_view kOutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.";

// Connection and authentication: AUTH, HELLO, SELECT, CLIENT.
inline constexpr std::string_view kTooManyClients = "ERR max number of clients reached";
inline constexpr std::string_view kNotAuthenticated = "NOAUTH Authentication required.";
inline constexpr std::string_view kHelloNotAuthenticated =
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be "
    "used "
    "to authenticate the client and select the RESP protocol version at the same time";
inline constexpr std::string_view kWrongPassword = "WRONGPASS invalid username-password pair or user is disabled.";
inline constexpr std::string_view kNoPasswordConfigured =
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is "
    "correct?";
inline constexpr std::string_view kUnsupportedProtocol = "NOPROTO unsupported protocol version";
inline constexpr std::string_view kProtocolNotInteger = "ERR Protocol version is not an integer or out of range";
inline constexpr std::string_view kDatabaseOutOfRange = "ERR DB index is out of range";
// SWAPDB, for what is no 32-bit integer.
inline constexpr std::string_view kInvalidFirstDatabase = "ERR invalid first DB index";
inline constexpr std::string_view kInvalidSecondDatabase = "ERR invalid second DB index";
// SELECT with an integer that does not fit 32 bits.
inline constexpr std::string_view kDatabaseNotInt32 = "ERR value is out of range, value must between -2147483648 and 2147483647";
inline constexpr std::string_view kBadClientName = "ERR Client names cannot contain spaces, newlines or special characters.";
inline constexpr std::string_view kBadClientId = "ERR Invalid client ID";
inline constexpr std::string_view kNoCluster = "ERR This instance has cluster support disabled";
inline constexpr std::string_view kNoSuchClient = "ERR No such client";
inline constexpr std::string_view kClientIdTooSmall = "ERR client-id should be greater than 0";
inline constexpr std::string_view kMaxAgeTooSmall = "ERR maxage should be greater than 0";
inline constexpr std::string_view kBadPauseMode = "ERR CLIENT PAUSE mode must be WRITE or ALL";
inline constexpr std::string_view kBadMonitorRate = "ERR RATE must be a number of lines per second, 1 or more";
inline constexpr std::string_view kUnblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
inline constexpr std::string_view kTimeoutNotInteger = "ERR timeout is not an integer or out of range";
inline constexpr std::string_view kTimeoutNegative = "ERR timeout is negative";
inline constexpr std::string_view kTimeoutOutOfRange = "ERR timeout is out of range";
inline constexpr std::string_view kBadUnblockReason = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR";
inline constexpr std::string_view kBadLogCount = "ERR count should be greater than or equal to -1";
inline constexpr std::string_view kBadLogType = "ERR type should be one of the following: slow, large-request, large-reply";

// Keys and values.
inline constexpr std::string_view kOverflow = "ERR increment or decrement would overflow";
inline constexpr std::string_view kDecrementOverflow = "ERR decrement would overflow";
inline constexpr std::string_view kStringTooLong = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
inline constexpr std::string_view kOffsetOutOfRange = "ERR offset is out of range";
inline constexpr std::string_view kNotFinite = "ERR increment would produce NaN or Infinity";
inline constexpr std::string_view kNoSuchKey = "ERR no such key";
inline constexpr std::string_view kSameObject = "ERR source and destination objects are the same";
inline constexpr std::string_view kInvalidCursor = "ERR invalid cursor";
inline constexpr std::string_view kExpireNxWithOthers = "ERR NX and XX, GT or LT options at the same time are not compatible";
inline constexpr std::string_view kExpireGtWithLt = "ERR GT and LT options at the same time are not compatible";

// MSETEX, and comparisons with values and digests: of Redis 8.4, which has them first.
inline constexpr std::string_view kInvalidKeyCount = "ERR invalid numkeys value";
inline constexpr std::string_view kWrongPairs = "ERR wrong number of key-value pairs";
inline constexpr std::string_view kNotDigest = "ERR must be exactly 16 hexadecimal characters";
inline constexpr std::string_view kInvalidCondition = "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE";

// Bits of strings.
inline constexpr std::string_view kBitOffset = "ERR bit offset is not an integer or out of range";
inline constexpr std::string_view kNotBit = "ERR bit is not an integer or out of range";
inline constexpr std::string_view kNotZeroOrOne = "ERR The bit argument must be 1 or 0.";
inline constexpr std::string_view kBitopNot = "ERR BITOP NOT must be called with a single source key.";
inline constexpr std::string_view kBitfieldType =
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
inline constexpr std::string_view kOverflowType = "ERR Invalid OVERFLOW type specified";
inline constexpr std::string_view kBitfieldReadOnly = "ERR BITFIELD_RO only supports the GET subcommand";

// LCS.
inline constexpr std::string_view kLcsLengthAndIndexes = "ERR If you want both the length and indexes, please just use IDX.";
inline constexpr std::string_view kLcsTooLarge = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
inline constexpr std::string_view kLcsOutOfMemory = "ERR Insufficient memory, failed allocating transient memory for LCS";

// RESTORE.
inline constexpr std::string_view kBusyKey = "BUSYKEY Target key name already exists.";
inline constexpr std::string_view kInvalidTtl = "ERR Invalid TTL value, must be >= 0";
inline constexpr std::string_view kInvalidIdleTime = "ERR Invalid IDLETIME value, must be >= 0";
inline constexpr std::string_view kInvalidFrequency = "ERR Invalid FREQ value, must be >= 0 and <= 255";
inline constexpr std::string_view kDumpVersion = "ERR DUMP payload version or checksum are wrong";
inline constexpr std::string_view kDumpFormat = "ERR Bad data format";

// OBJECT.
inline constexpr std::string_view kNoFrequency =
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies "
    "at runtime LRU and LFU data will take some time to adjust.";
inline constexpr std::string_view kNoAllocatorFigures = "ERR the allocator of this build tells nothing about itself";
inline constexpr std::string_view kNoIdleTime = "ERR times of access are not kept, there is no idle time to tell";

// COMMAND, SHUTDOWN, DEBUG.
inline constexpr std::string_view kInvalidCommand = "ERR Invalid command specified";
inline constexpr std::string_view kCommandWithoutKeys = "ERR The command has no key arguments";
inline constexpr std::string_view kCommandArity = "ERR Invalid number of arguments specified for command";
inline constexpr std::string_view kNoShutdown = "ERR No shutdown in progress.";
inline constexpr std::string_view kShutdownFailed = "ERR Errors trying to SHUTDOWN. Check logs.";

// Who may do what: NOPERM, and what ACL answers.
inline constexpr std::string_view kNoKeyPermission =
    "NOPERM this user has no permissions to access one of the keys used as arguments";
inline constexpr std::string_view kAclUserName = "ERR Usernames can't contain spaces or null characters";
inline constexpr std::string_view kAclDefaultUser = "ERR The 'default' user cannot be removed";
inline constexpr std::string_view kAclNoFile =
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and "
    "then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis "
    "configuration.";
inline constexpr std::string_view kAclNotSaved =
    "ERR There was an error trying to save the ACLs. Please check the server logs for more information";
inline constexpr std::string_view kAclPasswordBits =
    "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096";
inline constexpr std::string_view kAclNoRandomness = "ERR the system has no randomness to make a password of";
inline constexpr std::string_view kAclTooMuch = "ERR ACL users and their rules exceed what the server keeps";
// What the protected mode tells who comes from another machine.
inline constexpr std::string_view kProtected =
    "DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In "
    "this mode connections are only accepted from the loopback interface. If you want to connect from external computers to "
    "Redis "
    "you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode "
    "no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is "
    "not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you "
    "can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', "
    "and then restarting the server. 3) If you started the server manually just for testing, restart it with the "
    "'--protected-mode no' option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of "
    "the above things in order for the server to start accepting connections from the outside.";
// "NOPERM this user has no permissions to run the 'config|get' command"
[[nodiscard]] std::string no_command_permission(std::string_view full_name);
// What ACL DRYRUN tells instead, as a text that is no error.
[[nodiscard]] std::string dry_run_command(std::string_view full_name);
[[nodiscard]] std::string dry_run_key(std::string_view key);
// "ERR Unknown category 'foo'"
[[nodiscard]] std::string acl_unknown_category(std::string_view name);
// "ERR User 'foo' not found"
[[nodiscard]] std::string acl_no_such_user(std::string_view name);
// "ERR Command 'foo' not found"
[[nodiscard]] std::string acl_no_such_command(std::string_view name);
// "ERR Unmatched parenthesis in acl selector starting at '(foo'."
[[nodiscard]] std::string acl_unmatched_parenthesis(std::string_view rule);
// "ERR Error in ACL SETUSER modifier 'foo': Syntax error"
[[nodiscard]] std::string acl_bad_rule(std::string_view rule, std::string_view reason);
// "ERR unknown subcommand or wrong number of arguments for 'foo'. Try ACL HELP."
[[nodiscard]] std::string subcommand_syntax(std::string_view command, std::string_view subcommand);

// Reasons for acl_bad_rule.
inline constexpr std::string_view kAclSyntax = "Syntax error";
inline constexpr std::string_view kAclUnknownName = "Unknown command or category name in ACL";
inline constexpr std::string_view kAclKeysAfterAll =
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to "
    "start with an empty list of patterns";
inline constexpr std::string_view kAclChannelsAfterAll =
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try "
    "'resetchannels' to start with an empty list of channels";
inline constexpr std::string_view kAclNoSuchPassword = "The password you are trying to remove from the user does not exist";
inline constexpr std::string_view kAclPasswordHash =
    "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters";
inline constexpr std::string_view kAclFirstArgument = "Allowing first-arg of a subcommand is not supported";

// The request stream itself is broken. The connection ends after one of these.
inline constexpr std::string_view kTooBigInline = "ERR Protocol error: too big inline request";
inline constexpr std::string_view kUnbalancedQuotes = "ERR Protocol error: unbalanced quotes in request";
inline constexpr std::string_view kTooBigArrayHeader = "ERR Protocol error: too big mbulk count string";
inline constexpr std::string_view kInvalidArrayLength = "ERR Protocol error: invalid multibulk length";
inline constexpr std::string_view kUnauthenticatedArrayLength = "ERR Protocol error: unauthenticated multibulk length";
inline constexpr std::string_view kTooBigBulkHeader = "ERR Protocol error: too big bulk count string";
inline constexpr std::string_view kInvalidBulkLength = "ERR Protocol error: invalid bulk length";
inline constexpr std::string_view kUnauthenticatedBulkLength = "ERR Protocol error: unauthenticated bulk length";
[[nodiscard]] std::string expected_bulk(char got);  // "ERR Protocol error: expected '$', got 'x'"

// "ERR wrong number of arguments for 'config|set' command". `full_name` in lower case, with its parent for a subcommand.
[[nodiscard]] std::string wrong_arity(std::string_view full_name);
// "ERR unknown command 'foo', with args beginning with: 'a' 'b' ". At most 128 bytes of the name are quoted, and arguments until
// their text has reached 128. REQUIRES: request is not empty; its first element is the command.
[[nodiscard]] std::string unknown_command(std::span<const std::string_view> request);
// "ERR unknown subcommand 'foo'. Try CONFIG HELP." `command` in any case.
[[nodiscard]] std::string unknown_subcommand(std::string_view command, std::string_view subcommand);
// "ERR invalid expire time in 'set' command"
[[nodiscard]] std::string invalid_expire_time(std::string_view full_name);
// "ERR BITOP DIFF must be called with at least two source keys."
[[nodiscard]] std::string bitop_sources(std::string_view operation);
// EXPIRE's "ERR Unsupported option foo"
[[nodiscard]] std::string unsupported_option(std::string_view option);
// "ERR Syntax error in HELLO option 'foo'"
[[nodiscard]] std::string hello_option(std::string_view option);
// CLIENT LIST's "ERR Unknown client type 'foo'"
[[nodiscard]] std::string unknown_client_type(std::string_view type);
// CLIENT KILL's "ERR No such user 'foo'"
[[nodiscard]] std::string no_such_user(std::string_view name);
// "ERR No samples available for event 'command'"
[[nodiscard]] std::string no_latency_samples(std::string_view event);
// "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"
[[nodiscard]] std::string unknown_config(std::string_view name);
// "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value"
[[nodiscard]] std::string config_set_failed(std::string_view name, std::string_view reason);

inline constexpr std::string_view kNoConfigFile = "ERR The server is running without a config file";
// "ERR Rewriting config file: cannot be written: Read-only file system"
[[nodiscard]] std::string config_rewrite_failed(std::string_view reason);

// Reasons for config_set_failed.
inline constexpr std::string_view kConfigDuplicate = "duplicate parameter";
inline constexpr std::string_view kConfigImmutable = "can't set immutable config";

}  // namespace strata::protocol::errors
