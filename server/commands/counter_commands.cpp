#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/outcomes.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

// Adds `delta` to the number at the key, 0 if there is none; the expiry stays.
Outcome add(Context& context, std::int64_t delta) {
  enum class Result { changed, not_integer, overflow } result = Result::changed;
  std::int64_t number = 0;
  char digits[24];
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = decision.current();
    number = 0;
    result = Result::changed;
    if (current != nullptr) {
      const auto parsed = parse_integer(current->value);
      if (!parsed) {
        result = Result::not_integer;
        return;
      }
      number = *parsed;
    }
    if (__builtin_add_overflow(number, delta, &number)) {
      result = Result::overflow;
      return;
    }
    const char* end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    decision.put({digits, static_cast<std::size_t>(end - digits)}, current != nullptr ? current->expire_at_ms : kNoExpiry);
  });
  if (status != Status::ok) return refuse(context, status);
  switch (result) {
    case Result::changed: context.reply.integer(number); break;
    case Result::not_integer: context.reply.error(errors::kNotInteger); break;
    case Result::overflow: context.reply.error(errors::kOverflow); break;
  }
  return Outcome::done;
}

Outcome incr(Context& context) { return add(context, 1); }
Outcome decr(Context& context) { return add(context, -1); }

Outcome incrby(Context& context) {
  if (const auto delta = parse_integer(context.args[2])) return add(context, *delta);
  context.reply.error(errors::kNotInteger);
  return Outcome::done;
}

Outcome decrby(Context& context) {
  const auto delta = parse_integer(context.args[2]);
  if (!delta) {
    context.reply.error(errors::kNotInteger);
    return Outcome::done;
  }
  if (*delta == std::numeric_limits<std::int64_t>::min()) {
    context.reply.error(errors::kDecrementOverflow);
    return Outcome::done;
  }
  return add(context, -*delta);
}

// INCRBYFLOAT counts in the processor's widest format, as Redis does, and so as the C library reads and writes it: hexadecimal numbers and
// infinities included.
constexpr std::size_t kMostFloatDigits = 5'120;

std::optional<long double> parse_float(std::string_view text) {
  char digits[kMostFloatDigits];
  if (text.empty() || text.size() >= sizeof digits || std::isspace(static_cast<unsigned char>(text[0])) != 0) return std::nullopt;
  text.copy(digits, text.size());
  digits[text.size()] = '\0';
  char* end = nullptr;
  errno = 0;
  const long double number = std::strtold(digits, &end);
  const bool out_of_range = errno == ERANGE && (std::isinf(number) || std::fpclassify(number) == FP_ZERO);
  if (end != digits + text.size() || out_of_range || std::isnan(number)) return std::nullopt;
  return number;
}

// Seventeen digits behind the point, without zeros at the end. The length of what is in `digits`; 0: it does not fit.
std::size_t format_float(long double number, char (&digits)[kMostFloatDigits]) {
  const int written = std::snprintf(digits, sizeof digits, "%.17Lf", number);
  if (written <= 0 || static_cast<std::size_t>(written) >= sizeof digits) return 0;
  auto size = static_cast<std::size_t>(written);
  while (digits[size - 1] == '0') --size;
  if (digits[size - 1] == '.') --size;
  if (std::string_view(digits, size) != "-0") return size;
  digits[0] = '0';
  return 1;
}

Outcome incrbyfloat(Context& context) {
  const auto delta = parse_float(context.args[2]);
  enum class Result { changed, not_float, infinite } result = Result::changed;
  char digits[kMostFloatDigits];
  std::size_t size = 0;
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = decision.current();
    const auto number = current != nullptr ? parse_float(current->value) : 0.0L;
    result = Result::not_float;
    if (!number || !delta) return;
    const long double sum = *number + *delta;
    result = std::isfinite(sum) ? Result::changed : Result::infinite;
    if (result == Result::infinite) return;
    size = format_float(sum, digits);
    decision.put({digits, size}, current != nullptr ? current->expire_at_ms : kNoExpiry);
  });
  if (status != Status::ok) return refuse(context, status);
  switch (result) {
    case Result::changed: context.reply.bulk({digits, size}); break;
    case Result::not_float: context.reply.error(errors::kNotFloat); break;
    case Result::infinite: context.reply.error(errors::kNotFinite); break;
  }
  return Outcome::done;
}

constexpr KeySpec kUpdates{1, 1, 1, KeyAccess::read_write};

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"decr", 2, kWrite | kDenyOom | kFast, kUpdates, "string", "1.0.0",
     "Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.", "O(1)", "key", decr},
    {"decrby", 3, kWrite | kDenyOom | kFast, kUpdates, "string", "1.0.0",
     "Decrements a number from the integer value of a key. Uses 0 as initial value if the key doesn't exist.", "O(1)",
     "key decrement", decrby},
    {"incr", 2, kWrite | kDenyOom | kFast, kUpdates, "string", "1.0.0",
     "Increments the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.", "O(1)", "key", incr},
    {"incrby", 3, kWrite | kDenyOom | kFast, kUpdates, "string", "1.0.0",
     "Increments the integer value of a key by a number. Uses 0 as initial value if the key doesn't exist.", "O(1)",
     "key increment", incrby},
    {"incrbyfloat", 3, kWrite | kDenyOom | kFast, kUpdates, "string", "2.6.0",
     "Increments the floating point value of a key by a number. Uses 0 as initial value if the key doesn't exist.", "O(1)",
     "key increment", incrbyfloat},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> counter_commands() { return kCommands; }

}  // namespace strata::server
