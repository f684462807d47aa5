#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "protocol/crc64.h"
#include "protocol/dump_payload.h"
#include "protocol/errors.h"
#include "server/commands/charged_bytes.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/held_value.h"
#include "server/commands/in_slices.h"
#include "server/commands/outcomes.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

// The checksum of so much takes some hundred microseconds.
constexpr std::size_t kSliceBytes = 256ULL << 10;

// The checksum of much, some of it at a time.
class Checksum {
 public:
  // Returns whether all of it is summed.
  bool slice(std::string_view bytes) {
    const std::string_view next = bytes.substr(at_, kSliceBytes);
    crc_ = protocol::crc64(crc_, next);
    at_ += next.size();
    return at_ == bytes.size();
  }
  void add(std::string_view bytes) { crc_ = protocol::crc64(crc_, bytes); }
  [[nodiscard]] std::uint64_t value() const noexcept { return crc_; }

 private:
  std::uint64_t crc_ = 0;
  std::size_t at_ = 0;
};

class Dump {
 public:
  explicit Dump(HeldValue value) : value_(std::move(value)), header_(protocol::dump_header(value_.view())) {
    if (header_.holds_value) value_.small.clear();
    checksum_.add(header_.bytes);
  }

  bool slice(Context& context) {
    if (!checksum_.slice(value_.view())) return false;
    std::string footer{static_cast<char>(protocol::kDumpVersion), '\0'};
    checksum_.add(footer);
    footer += protocol::dump_footer(checksum_.value());
    context.reply.framed_value(header_.bytes, value_.item(), footer);
    return true;
  }

 private:
  HeldValue value_;
  protocol::DumpHeader header_;
  Checksum checksum_;
};

Outcome dump(Context& context) {
  HeldValue value;
  if (context.server.cache.read(context.session, context.key(1), [&](const ItemView& item) { value.take(item); }))
    return in_slices(context, std::make_shared<Dump>(std::move(value)));
  context.reply.null();
  return Outcome::done;
}

struct RestoreOptions {
  bool replaces = false;
  bool absolute = false;
  std::optional<std::int64_t> idle_seconds;
  std::optional<std::int64_t> frequency;
};

// Reads the number that follows an option. False: the error is answered.
bool parse_hint(Context& context, std::string_view text, std::int64_t most, std::string_view error,
                std::optional<std::int64_t>& hint) {
  const auto number = parse_integer(text);
  if (number && *number >= 0 && *number <= most) {
    hint = number;
    return true;
  }
  context.reply.error(number ? error : errors::kNotInteger);
  return false;
}

bool parse_options(Context& context, RestoreOptions& options) {
  for (std::size_t i = 4; i < context.args.size(); ++i) {
    const std::string_view word = context.args[i];
    const bool more = i + 1 < context.args.size();
    if (equals_ignoring_case(word, "replace")) {
      options.replaces = true;
    } else if (equals_ignoring_case(word, "absttl")) {
      options.absolute = true;
    } else if (equals_ignoring_case(word, "idletime") && more && !options.frequency) {
      constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();
      if (!parse_hint(context, context.args[++i], kAny, errors::kInvalidIdleTime, options.idle_seconds)) return false;
    } else if (equals_ignoring_case(word, "freq") && more && !options.idle_seconds) {
      constexpr std::int64_t kLargest = 255;
      if (!parse_hint(context, context.args[++i], kLargest, errors::kInvalidFrequency, options.frequency)) return false;
    } else {
      context.reply.error(errors::kSyntax);
      return false;
    }
  }
  return true;
}

// A payload whose checksum is looked at slice by slice, and what is to become of it.
class Restore {
 public:
  Restore(Context& context, const RestoreOptions& options, std::int64_t ttl_ms)
      : database_(context.client.database()),
        name_(context.args[1]),
        options_(options),
        ttl_ms_(ttl_ms),
        block_(context.value_block(3)),
        charged_(context.server.cache.budget()) {
    if (!block_) small_.assign(context.args[3]);
    charged_.set(name_.capacity() + small_.capacity());
  }

  bool slice(Context& context) {
    const auto parts = protocol::dump_parts(block_ ? block_.view() : std::string_view(small_));
    if (parts && !checksum_.slice(parts->summed)) return false;
    if (!parts || checksum_.value() != parts->crc) {
      context.reply.error(errors::kDumpVersion);
      return true;
    }
    const std::size_t most = context.server.limits.bulk_bytes.load(std::memory_order_relaxed);
    const auto string = protocol::dumped_string(parts->content, most);
    string ? store(context, *string) : context.reply.error(errors::kDumpFormat);
    return true;
  }

 private:
  [[nodiscard]] std::int64_t expiry(std::int64_t now_ms) const noexcept {
    std::int64_t at = ttl_ms_;
    if (ttl_ms_ == 0) return kNoExpiry;
    // Redis' sum wraps round, so that the key has expired.
    if (!options_.absolute && __builtin_add_overflow(at, now_ms, &at)) return now_ms;
    return std::min(at, kNoExpiry - 1);
  }

  void store(Context& context, const protocol::DumpedString& string) {
    Cache& cache = context.server.cache;
    const Key key = cache.key(database_, name_);
    const auto write = [&string](char* destination) { string.write_to(destination); };
    bool is_busy = false;
    const Status status = cache.update(context.session, key, [&](Decision& decision) {
      is_busy = !options_.replaces && decision.current() != nullptr;
      if (!is_busy) decision.put(string.size, write, expiry(context.now_ms()));
    });
    if (status != Status::ok) return void(refuse(context, status));
    if (is_busy) return context.reply.error(errors::kBusyKey);
    // A new item counts as not used at all, which is as little as an idle time can say.
    if (options_.frequency) cache.assume_hits(context.session, key, static_cast<unsigned>(*options_.frequency));
    context.reply.ok();
  }

  Namespace database_;
  std::string name_;
  RestoreOptions options_;
  std::int64_t ttl_ms_;
  ValueRef block_;  // that the payload was received into, if it is large
  std::string small_;
  ChargedBytes charged_;
  Checksum checksum_;
};

Outcome restore(Context& context) {
  RestoreOptions options;
  if (!parse_options(context, options)) return Outcome::done;
  // Before anything is said about the payload, and again when it is stored.
  if (!options.replaces && context.server.cache.peek(context.session, context.key(1), [](const ItemView&) {})) {
    context.reply.error(errors::kBusyKey);
    return Outcome::done;
  }
  const auto ttl_ms = parse_integer(context.args[2]);
  if (!ttl_ms || *ttl_ms < 0) {
    context.reply.error(ttl_ms ? errors::kInvalidTtl : errors::kNotInteger);
    return Outcome::done;
  }
  return in_slices(context, std::make_shared<Restore>(context, options, *ttl_ms));
}

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"dump", 2, kReadonly, {1, 1, 1, KeyAccess::read}, "generic", "2.6.0",
     "Returns a serialized representation of the value of a key, as RESTORE reads it.",
     "O(N) where N is the length of the value, in slices of 256 KiB", "key", dump},
    {"restore", -4, kWrite | kDenyOom | kDangerous, {1, 1, 1, KeyAccess::write}, "generic", "2.6.0",
     "Creates a key from the serialized representation of a string.",
     "O(N) where N is the length of the value; its checksum in slices of 256 KiB",
     "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]", restore},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> dump_commands() { return kCommands; }

}  // namespace strata::server
