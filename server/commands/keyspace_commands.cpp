#include <charconv>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/in_slices.h"
#include "server/commands/key_walk.h"
#include "server/commands/outcomes.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

// The answer of KEYS and of SCAN: collected in slices, and answered in pieces.
class KeyNames {
 public:
  // `wanted`: as many keys are looked at; of SCAN, which tells where it goes on.
  KeyNames(Context& context, KeyWalk::Filter filter, std::uint64_t cursor, std::optional<std::uint64_t> wanted)
      : walk_(context.server.cache, context.client.database(), std::move(filter), cursor), wanted_(wanted) {}

  bool slice(Context& context) {
    if (!is_collected_) {
      is_collected_ = walk_.slice(context.session, wanted_.value_or(std::numeric_limits<std::uint64_t>::max()));
      if (refuse_too_long(context, walk_.encoded(), "SCAN")) return true;
      if (!is_collected_) return false;
      begin_answer(context.reply);
    }
    return walk_.encoded().answer_one(context.reply);
  }

 private:
  void begin_answer(Reply& reply) const {
    if (wanted_) {
      char digits[24];
      const char* end = std::to_chars(digits, digits + sizeof digits, walk_.cursor()).ptr;
      reply.array(2);
      reply.bulk({digits, static_cast<std::size_t>(end - digits)});
    }
    reply.array(walk_.found());
  }

  KeyWalk walk_;
  std::optional<std::uint64_t> wanted_;
  bool is_collected_ = false;
};

Outcome keys(Context& context) {
  KeyWalk::Filter filter;
  filter.pattern.assign(context.args[1]);
  return in_slices(context, std::make_shared<KeyNames>(context, std::move(filter), 0, std::nullopt));
}

std::optional<std::uint64_t> parse_cursor(std::string_view text) {
  std::uint64_t cursor = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), cursor);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return cursor;
}

Outcome scan(Context& context) {
  const auto cursor = parse_cursor(context.args[1]);
  if (!cursor) {
    context.reply.error(errors::kInvalidCursor);
    return Outcome::done;
  }
  KeyWalk::Filter filter;
  std::uint64_t count = 10;
  for (std::size_t i = 2; i < context.args.size(); i += 2) {
    const std::string_view word = context.args[i];
    if (i + 1 == context.args.size()) {
      context.reply.error(errors::kSyntax);
      return Outcome::done;
    }
    const std::string_view argument = context.args[i + 1];
    if (equals_ignoring_case(word, "count")) {
      const auto number = parse_integer(argument);
      if (!number || *number < 1) {
        context.reply.error(number ? errors::kSyntax : errors::kNotInteger);
        return Outcome::done;
      }
      count = static_cast<std::uint64_t>(*number);
    } else if (equals_ignoring_case(word, "match")) {
      filter.pattern.assign(argument);
    } else if (equals_ignoring_case(word, "type")) {
      filter.any_type = equals_ignoring_case(argument, "string");
    } else {
      context.reply.error(errors::kSyntax);
      return Outcome::done;
    }
  }
  return in_slices(context, std::make_shared<KeyNames>(context, std::move(filter), *cursor, count));
}

// Looks for some keys from a random place on, once round at most, and chooses one of them. The more it chooses among the less it matters how far
// from the one before it a key lies.
class RandomKey {
 public:
  explicit RandomKey(Context& context) : database_(context.client.database()), start_(random() % kPositions), cursor_(start_) {}

  bool slice(Context& context) {
    constexpr std::size_t kSliceBuckets = 1024;
    cursor_ = context.server.cache.scan(context.session, database_, cursor_, kChoices - seen_, kSliceBuckets,
                                        [this](std::string_view key, const ItemView&) {
                                          if (random() % ++seen_ == 0) chosen_.assign(key);
                                        });
    const bool at_end = cursor_ == 0;
    // Behind the end it goes on at the beginning; where it began it is round.
    const bool is_round = is_second_ && (at_end || cursor_ >= start_);
    is_second_ = is_second_ || at_end;
    if (seen_ < kChoices && !is_round && !(at_end && start_ == 0)) return false;
    seen_ == 0 ? context.reply.null() : context.reply.bulk(chosen_);
    return true;
  }

 private:
  static constexpr std::uint64_t kPositions = std::uint64_t{1} << 53U;  // of the cache's cursor
  static constexpr std::size_t kChoices = 16;

  // SplitMix64 (G. Steele, D. Lea and C. Flood, OOPSLA 2014), seeded once a thread.
  static std::uint64_t random() {
    thread_local std::uint64_t state = os::random_u64().value_or(CycleClock::ticks());
    std::uint64_t number = state += 0x9e3779b97f4a7c15U;
    number = (number ^ (number >> 30U)) * 0xbf58476d1ce4e5b9U;
    number = (number ^ (number >> 27U)) * 0x94d049bb133111ebU;
    return number ^ (number >> 31U);
  }

  Namespace database_;
  std::uint64_t start_;
  std::uint64_t cursor_;
  bool is_second_ = false;
  std::size_t seen_ = 0;
  std::string chosen_;
};

Outcome randomkey(Context& context) { return in_slices(context, std::make_shared<RandomKey>(context)); }

Outcome dbsize(Context& context) {
  context.reply.integer(static_cast<std::int64_t>(context.server.cache.size(context.client.database()).items));
  return Outcome::done;
}

// The data is gone at one moment; the memory comes back in slices. SYNC answers when all of it is back.
Outcome wait_until_freed(Context& context) {
  Cache& cache = context.server.cache;
  (void)cache.upkeep(context.session, 0, 1, std::chrono::microseconds(500));
  if (!cache.is_clearing()) {
    context.reply.ok();
    return Outcome::done;
  }
  context.suspension.resume_soon(wait_until_freed);
  return Outcome::suspended;
}

template <typename Clear>
Outcome flush(Context& context, Clear&& clear) {
  const bool sync = context.args.size() == 2 && equals_ignoring_case(context.args[1], "sync");
  const bool async = context.args.size() == 2 && equals_ignoring_case(context.args[1], "async");
  if (context.args.size() > 2 || (context.args.size() == 2 && !sync && !async)) {
    context.reply.error(errors::kSyntax);
    return Outcome::done;
  }
  clear();
  if (sync) return wait_until_freed(context);
  context.reply.ok();
  return Outcome::done;
}

Outcome flushdb(Context& context) {
  return flush(context, [&] { context.server.cache.clear(context.session, context.client.database(), false); });
}

Outcome flushall(Context& context) {
  return flush(context, [&] { context.server.cache.clear_all(context.session, false); });
}

// The number of a database, if the text is one that fits 32 bits.
std::optional<std::int64_t> parse_database(std::string_view text) {
  const auto index = parse_integer(text);
  if (!index || *index < std::numeric_limits<std::int32_t>::min() || *index > std::numeric_limits<std::int32_t>::max())
    return std::nullopt;
  return index;
}

Outcome swapdb(Context& context) {
  const auto one = parse_database(context.args[1]);
  const auto other = parse_database(context.args[2]);
  const auto exists = [&context](std::int64_t index) {
    return index >= 0 && static_cast<std::uint64_t>(index) < context.server.cache.options().namespaces;
  };
  if (!one || !other) {
    context.reply.error(one ? errors::kInvalidSecondDatabase : errors::kInvalidFirstDatabase);
  } else if (!exists(*one) || !exists(*other)) {
    context.reply.error(errors::kDatabaseOutOfRange);
  } else {
    context.server.cache.swap(static_cast<Namespace>(*one), static_cast<Namespace>(*other));
    context.reply.ok();
  }
  return Outcome::done;
}

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"dbsize", 1, kReadonly | kFast | kAboutKeyspace, {}, "server", "1.0.0", "Returns the number of keys in the database.", "O(1)", "", dbsize},
    {"flushall", -1, kWrite | kDangerous | kAboutKeyspace, {}, "server", "1.0.0", "Removes all keys from all databases.",
     "O(N) where N is the total number of keys in all databases", "[ASYNC|SYNC]", flushall},
    {"flushdb", -1, kWrite | kDangerous | kAboutKeyspace, {}, "server", "1.0.0", "Removes all keys from the current database.",
     "O(N) where N is the number of keys in the selected database", "[ASYNC|SYNC]", flushdb},
    {"keys", 2, kReadonly | kDangerous, {}, "generic", "1.0.0", "Returns all key names that match a pattern.",
     "O(N) with N being the number of keys in the database", "pattern", keys},
    {"randomkey", 1, kReadonly, {}, "generic", "1.0.0", "Returns a random key name of the database.",
     "O(1); in slices where few keys of the database lie among many of others", "", randomkey},
    {"scan", -2, kReadonly, {}, "generic", "2.8.0", "Iterates over the key names in the database.",
     "O(1) for every call. O(N) for a complete iteration.", "cursor [MATCH pattern] [COUNT count] [TYPE type]", scan},
    {"swapdb", 3, kWrite | kFast | kDangerous | kAboutKeyspace, {}, "server", "4.0.0", "Swaps two databases: their clients see each other's keys at once.",
     "O(1)", "index1 index2", swapdb},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> keyspace_commands() { return kCommands; }

}  // namespace strata::server
