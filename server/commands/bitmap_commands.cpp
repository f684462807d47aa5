#include <algorithm>
#include <bit>
#include <memory>
#include <optional>

#include "protocol/errors.h"
#include "server/commands/bit_offset.h"
#include "server/commands/bits.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/grown_value.h"
#include "server/commands/held_value.h"
#include "server/commands/in_slices.h"
#include "server/commands/outcomes.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

// Counting so much takes a tenth of a millisecond or less, from memory.
constexpr std::size_t kSliceBytes = 256ULL << 10;

Outcome setbit(Context& context) {
  const auto offset = parse_bit_offset(context, context.args[2], 0);
  if (!offset) return Outcome::done;
  const auto wanted = parse_integer(context.args[3]);
  if (!wanted || (*wanted != 0 && *wanted != 1)) {
    context.reply.error(errors::kNotBit);
    return Outcome::done;
  }
  const bool bit = *wanted == 1;
  bool before = false;
  char byte = 0;
  GrownValue grown(*offset / 8, {&byte, 1});
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = decision.current();
    const std::string_view value = current != nullptr ? current->value : std::string_view();
    before = bits::load(value, *offset, 1) != 0;
    const bool is_there = *offset / 8 < value.size();
    if (is_there && before == bit) return;
    byte = is_there ? value[*offset / 8] : '\0';
    bits::store({&byte, 1}, *offset % 8, 1, bit ? 1 : 0);
    (void)grown.put(decision, current);
  });
  if (status != Status::ok) return refuse(context, status);
  context.reply.integer(before ? 1 : 0);
  return Outcome::done;
}

Outcome getbit(Context& context) {
  const auto offset = parse_bit_offset(context, context.args[2], 0);
  if (!offset) return Outcome::done;
  std::uint64_t bit = 0;
  context.server.cache.read(context.session, context.key(1),
                            [&](const ItemView& item) { bit = bits::load(item.value, *offset, 1); });
  context.reply.integer(static_cast<std::int64_t>(bit));
  return Outcome::done;
}

// Some bits of a value, the last one included.
struct BitRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

// What BITCOUNT and BITPOS were given as their range, and where in the arguments.
struct RangeArguments {
  std::int64_t start = 0;
  std::int64_t end = -1;
  bool in_bits = false;
  bool is_empty = false;  // whatever the value

  // Reads `start [end [BYTE|BIT]]` from argument `at` on. False: the error is answered.
  bool parse(Context& context, std::size_t at) {
    const auto& args = context.args;
    const auto first = parse_integer(args[at]);
    if (!first) return refuse_with(context, errors::kNotInteger);
    start = *first;
    // The unit is looked at before the end, as Redis does.
    const bool has_unit = args.size() > at + 2;
    const bool unit_first = has_unit && at == 3;
    if (unit_first && !parse_unit(context, args[at + 2])) return false;
    if (args.size() > at + 1) {
      const auto last = parse_integer(args[at + 1]);
      if (!last) return refuse_with(context, errors::kNotInteger);
      end = *last;
    }
    // BITCOUNT takes a range that goes backwards from the end for empty, and does not look at its unit; to BITPOS both may be the beginning.
    is_empty = at == 2 && start < 0 && end < 0 && start > end;
    if (is_empty) return true;
    return !has_unit || unit_first || parse_unit(context, args[at + 2]);
  }

  // The bits of a value of that size; nothing if there are none.
  [[nodiscard]] std::optional<BitRange> of(std::size_t bytes) const noexcept {
    const auto total = static_cast<std::int64_t>(bytes) * (in_bits ? 8 : 1);
    const auto from_end = [total](std::int64_t number) {
      return number < 0 ? std::max<std::int64_t>(total + number, 0) : number;
    };
    const std::int64_t first = from_end(start);
    const std::int64_t last = std::min(from_end(end), total - 1);
    if (first > last || is_empty) return std::nullopt;
    const std::uint64_t unit = in_bits ? 1 : 8;
    return BitRange{static_cast<std::uint64_t>(first) * unit, static_cast<std::uint64_t>(last) * unit + unit - 1};
  }

 private:
  static bool refuse_with(Context& context, std::string_view error) {
    context.reply.error(error);
    return false;
  }
  bool parse_unit(Context& context, std::string_view word) {
    in_bits = equals_ignoring_case(word, "bit");
    return in_bits || equals_ignoring_case(word, "byte") || refuse_with(context, errors::kSyntax);
  }
};

// Counts the set bits of a range, some bytes at a time.
class BitCount {
 public:
  BitCount(HeldValue value, BitRange range) : value_(std::move(value)), at_(range.first / 8), end_(range.last / 8 + 1) {
    // What of the first and the last byte lies outside is taken off again.
    const std::string_view bytes = value_.view();
    const auto before = static_cast<unsigned>(range.first % 8);
    const auto behind = static_cast<unsigned>(7 - range.last % 8);
    outside_ =
        std::popcount(bits::load(bytes, range.first - before, before)) + std::popcount(bits::load(bytes, range.last + 1, behind));
  }

  bool slice(Context& context) {
    const std::size_t bytes = std::min(kSliceBytes, end_ - at_);
    count_ += bits::count(value_.view().substr(at_, bytes));
    at_ += bytes;
    if (at_ < end_) return false;
    context.reply.integer(static_cast<std::int64_t>(count_) - outside_);
    return true;
  }

 private:
  HeldValue value_;
  std::size_t at_;
  std::size_t end_;
  std::int64_t outside_ = 0;
  std::uint64_t count_ = 0;
};

HeldValue held(Context& context) {
  HeldValue value;
  context.server.cache.read(context.session, context.key(1), [&](const ItemView& item) { value.take(item); });
  return value;
}

Outcome bitcount(Context& context) {
  HeldValue value = held(context);
  RangeArguments range;
  // Of a key that is not there nothing is counted, whatever the range is.
  if (!value.found) {
    context.reply.integer(0);
    return Outcome::done;
  }
  if (context.args.size() == 3 || context.args.size() > 5) {
    context.reply.error(errors::kSyntax);
    return Outcome::done;
  }
  if (context.args.size() > 3 && !range.parse(context, 2)) return Outcome::done;
  const auto bits = range.of(value.view().size());
  if (!bits) {
    context.reply.integer(0);
    return Outcome::done;
  }
  return in_slices(context, std::make_shared<BitCount>(std::move(value), *bits));
}

// Looks for the first bit of a kind.
class BitSearch {
 public:
  BitSearch(HeldValue value, BitRange range, bool bit, std::int64_t nowhere)
      : value_(std::move(value)), range_(range), bit_(bit), nowhere_(nowhere) {}

  bool slice(Context& context) {
    constexpr std::uint64_t kSliceBits = 8 * kSliceBytes;
    const std::uint64_t last = std::min(range_.last, (range_.first / 8 * 8) + kSliceBits - 1);
    const auto found = bits::find(value_.view(), range_.first, last, bit_);
    range_.first = last + 1;
    if (!found && last < range_.last) return false;
    context.reply.integer(found ? static_cast<std::int64_t>(*found) : nowhere_);
    return true;
  }

 private:
  HeldValue value_;
  BitRange range_;
  bool bit_;
  std::int64_t nowhere_;
};

Outcome bitpos(Context& context) {
  const auto wanted = parse_integer(context.args[2]);
  if (!wanted || (*wanted != 0 && *wanted != 1)) {
    context.reply.error(wanted ? errors::kNotZeroOrOne : errors::kNotInteger);
    return Outcome::done;
  }
  const bool bit = *wanted == 1;
  HeldValue value = held(context);
  if (!value.found) {
    context.reply.integer(bit ? -1 : 0);
    return Outcome::done;
  }
  if (context.args.size() > 6) {
    context.reply.error(errors::kSyntax);
    return Outcome::done;
  }
  RangeArguments range;
  if (context.args.size() > 3 && !range.parse(context, 3)) return Outcome::done;
  const auto bits = range.of(value.view().size());
  if (!bits) {
    context.reply.integer(-1);
    return Outcome::done;
  }
  // Without an end the value goes on with zeros.
  const bool endless = !bit && context.args.size() < 5;
  const std::int64_t nowhere = endless ? static_cast<std::int64_t>(value.view().size()) * 8 : -1;
  return in_slices(context, std::make_shared<BitSearch>(std::move(value), *bits, bit, nowhere));
}

constexpr KeySpec kReads{1, 1, 1, KeyAccess::read};

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"bitcount", -2, kReadonly, kReads, "bitmap", "2.6.0", "Counts the bits of a string that are set.",
     "O(N) where N is the length of the range, in slices of 256 KiB", "key [start end [BYTE|BIT]]", bitcount},
    {"bitpos", -3, kReadonly, kReads, "bitmap", "2.8.7", "Finds the first bit of a string that is set or clear.",
     "O(N) where N is the length of the range, in slices of 256 KiB", "key bit [start [end [BYTE|BIT]]]", bitpos},
    {"getbit", 3, kReadonly | kFast, kReads, "bitmap", "2.2.0", "Returns a bit of a string by its offset.", "O(1)", "key offset",
     getbit},
    {"setbit", 4, kWrite | kDenyOom, {1, 1, 1, KeyAccess::read_write}, "bitmap", "2.2.0",
     "Sets or clears a bit of a string by its offset. Creates the key if it doesn't exist.",
     "O(N) where N is the length of the value; O(1) where the bit is that already", "key offset value", setbit},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> bitmap_commands() { return kCommands; }

}  // namespace strata::server
