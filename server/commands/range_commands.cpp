#include <algorithm>
#include <string>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/grown_value.h"
#include "server/commands/outcomes.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

Outcome append(Context& context) {
  std::size_t length = 0;
  bool too_long = false;
  const std::string_view tail = context.args[2];
  const std::size_t limit = context.server.limits.bulk_bytes.load(std::memory_order_relaxed);
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = decision.current();
    length = tail.size() + (current != nullptr ? current->value.size() : 0);
    too_long = length > limit;
    if (too_long) return;
    if (current == nullptr) {
      decision.put(tail, kNoExpiry);
    } else if (!tail.empty()) {
      decision.put(current->value, tail, current->expire_at_ms);
    }
  });
  if (status != Status::ok) return refuse(context, status);
  if (too_long) {
    context.reply.error(errors::kStringTooLong);
  } else {
    context.reply.integer(static_cast<std::int64_t>(length));
  }
  return Outcome::done;
}

Outcome strlen(Context& context) {
  std::size_t length = 0;
  context.server.cache.read(context.session, context.key(1), [&](const ItemView& item) { length = item.value.size(); });
  context.reply.integer(static_cast<std::int64_t>(length));
  return Outcome::done;
}

// The bytes from `start` to `end`, the latter included; negative numbers count from the end.
std::string_view part_of(std::string_view value, std::int64_t start, std::int64_t end) noexcept {
  const auto size = static_cast<std::int64_t>(value.size());
  if (start < 0 && end < 0 && start > end) return {};
  if (start < 0) start = std::max<std::int64_t>(size + start, 0);
  if (end < 0) end = std::max<std::int64_t>(size + end, 0);
  end = std::min(end, size - 1);
  if (start > end) return {};
  return value.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start + 1));
}

Outcome getrange(Context& context) {
  const auto start = parse_integer(context.args[2]);
  const auto end = parse_integer(context.args[3]);
  if (!start || !end) {
    context.reply.error(errors::kNotInteger);
    return Outcome::done;
  }
  const auto answer = [&](const ItemView& item) { context.reply.part_of_value(item, part_of(item.value, *start, *end)); };
  if (!context.server.cache.read(context.session, context.key(1), answer)) context.reply.bulk({});
  return Outcome::done;
}

Outcome setrange(Context& context) {
  const auto offset = parse_integer(context.args[2]);
  if (!offset || *offset < 0) {
    context.reply.error(offset ? errors::kOffsetOutOfRange : errors::kNotInteger);
    return Outcome::done;
  }
  const std::string_view piece = context.args[3];
  const auto at = static_cast<std::size_t>(*offset);
  const std::size_t limit = context.server.limits.bulk_bytes.load(std::memory_order_relaxed);
  const bool too_long = !piece.empty() && (at > limit || piece.size() > limit - at);
  std::size_t length = 0;
  GrownValue grown(at, piece);
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = decision.current();
    length = current != nullptr ? current->value.size() : 0;
    if (piece.empty() || too_long) return;
    length = grown.put(decision, current);
  });
  if (status != Status::ok) return refuse(context, status);
  if (too_long) {
    context.reply.error(errors::kStringTooLong);
  } else {
    context.reply.integer(static_cast<std::int64_t>(length));
  }
  return Outcome::done;
}

constexpr KeySpec kReads{1, 1, 1, KeyAccess::read};

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"append", 3, kWrite | kDenyOom | kFast, {1, 1, 1, KeyAccess::append}, "string", "2.0.0",
     "Appends a string to the value of a key. Creates the key if it doesn't exist.", "O(1)", "key value", append},
    {"getrange", 4, kReadonly, kReads, "string", "2.4.0", "Returns a part of the string value of a key.",
     "O(N) where N is the length of what is returned; large parts are not copied", "key start end", getrange},
    {"setrange", 4, kWrite | kDenyOom, {1, 1, 1, KeyAccess::update}, "string", "2.2.0",
     "Overwrites a part of the string value of a key from an offset on. Creates the key if it doesn't exist.",
     "O(N) where N is the length of the value; O(M) with the length of the argument where it begins at the end", "key offset value",
     setrange},
    {"strlen", 2, kReadonly | kFast, {1, 1, 1, KeyAccess::read_only_meta}, "string", "2.2.0", "Returns the length of a string value.",
     "O(1)", "key", strlen},
    {"substr", 4, kReadonly, kReads, "string", "1.0.0", "Returns a part of the string value of a key; an older name of GETRANGE.",
     "O(N) where N is the length of what is returned; large parts are not copied", "key start end", getrange},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> range_commands() { return kCommands; }

}  // namespace strata::server
