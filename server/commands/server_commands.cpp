#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/info.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

Outcome time(Context& context) {
  const std::int64_t now_us =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const auto number = [&context](std::int64_t value) {
    char digits[24];
    const char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    context.reply.bulk({digits, static_cast<std::size_t>(end - digits)});
  };
  context.reply.array(2);
  number(now_us / 1'000'000);
  number(now_us % 1'000'000);
  return Outcome::done;
}

Outcome info(Context& context) {
  context.reply.verbatim("txt", render_info(context.server, context.args.subspan(1)));
  return Outcome::done;
}

// DEBUG SLEEP holds this client alone: the loop goes on serving all others. As in Redis it reads a number as far as there is one, and does not
// sleep for what is none, or negative.
Outcome debug_sleep(Context& context) {
  constexpr double kLongestSeconds = 3600;
  const double seconds = std::strtod(std::string(context.args[2]).c_str(), nullptr);
  if (seconds > kLongestSeconds) {
    context.reply.error("ERR DEBUG SLEEP is limited to 3600 seconds");
    return Outcome::done;
  }
  const std::int64_t milliseconds = seconds > 0 ? std::llround(seconds * 1000) : 0;
  context.suspension.resume_after(std::chrono::milliseconds(milliseconds), [](Context& later) {
    later.reply.ok();
    return Outcome::done;
  });
  return Outcome::suspended;
}

// Nothing is persistent yet, so SAVE can not be kept, and NOW and FORCE change nothing.
Outcome shutdown(Context& context) {
  bool save = false;
  bool no_save = false;
  bool abort = false;
  bool other = false;
  for (const std::string_view word : context.args.subspan(1)) {
    if (equals_ignoring_case(word, "save")) {
      save = true;
    } else if (equals_ignoring_case(word, "nosave")) {
      no_save = true;
    } else if (equals_ignoring_case(word, "abort")) {
      abort = true;
    } else if (equals_ignoring_case(word, "now") || equals_ignoring_case(word, "force")) {
      other = true;
    } else {
      context.reply.error(errors::kSyntax);
      return Outcome::done;
    }
  }
  if ((save && no_save) || (abort && (save || no_save || other))) {
    context.reply.error(errors::kSyntax);
  } else if (abort) {
    context.reply.error(errors::kNoShutdown);
  } else if (save) {
    context.reply.error(errors::kShutdownFailed);
  } else {
    context.client.close_after_reply = true;
    context.server.request_shutdown();
  }
  return Outcome::done;
}

// clang-format off
constexpr CommandSpec kDebugSubcommands[] = {
    {"help", 2, kAdmin | kNoScript | kLoading | kStale, {}, "server", "1.0.0",
     "Returns helpful text about the different subcommands.", "O(1)", "", subcommand_help},
    {"sleep", 3, kAdmin | kNoScript | kLoading | kStale, {}, "server", "1.0.0",
     "Waits before it answers; other clients are served meanwhile.", "O(1)", "seconds", debug_sleep},
};
// clang-format on

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"debug", -2, kAdmin | kNoScript | kLoading | kStale | kWordsTogether, {}, "server", "1.0.0", "A container for debugging commands.",
     "Depends on subcommand.", "", nullptr, kDebugSubcommands},
    {"info", -1, kLoading | kStale | kDangerous, {}, "server", "1.0.0", "Returns information and statistics about the server.",
     "O(1)", "[section [section ...]]", info},
    {"shutdown", -1, kAdmin | kNoScript | kLoading | kStale | kAllowBusy, {}, "server", "1.0.0", "Shuts the server down.", "O(1)",
     "[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]", shutdown},
    {"time", 1, kLoading | kStale | kFast, {}, "server", "2.6.0", "Returns the server time.", "O(1)", "", time},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> server_commands() { return kCommands; }

}  // namespace strata::server
