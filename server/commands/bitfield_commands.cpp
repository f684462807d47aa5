#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "protocol/errors.h"
#include "server/commands/bit_offset.h"
#include "server/commands/bits.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/outcomes.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

// i1 to i64, u1 to u63.
struct FieldType {
  bool is_signed = false;
  unsigned bits = 0;

  [[nodiscard]] std::int64_t largest() const noexcept {
    const unsigned magnitude = is_signed ? bits - 1 : bits;
    return magnitude == 63 ? std::numeric_limits<std::int64_t>::max() : (std::int64_t{1} << magnitude) - 1;
  }
  [[nodiscard]] std::int64_t smallest() const noexcept { return is_signed ? -largest() - 1 : 0; }
  // The number that as many of the lowest bits are.
  [[nodiscard]] std::int64_t wrapped(std::uint64_t number) const noexcept {
    const unsigned above = 64 - bits;
    return is_signed ? static_cast<std::int64_t>(number << above) >> above : static_cast<std::int64_t>(number << above >> above);
  }
};

enum class Overflow : std::uint8_t { wrap, saturate, fail };

struct FieldOperation {
  enum class Kind : std::uint8_t { get, set, add } kind = Kind::get;
  FieldType type;
  std::uint64_t offset = 0;
  std::int64_t operand = 0;
  Overflow overflow = Overflow::wrap;
};

// A number that may be too large or too small for its type is fitted to it. Nothing: it does not fit, and overflow is to fail. `direction` of what
// does not fit 64 bits: above 0 where it is too large.
std::optional<std::int64_t> fitted(const FieldType& type, Overflow overflow, std::uint64_t number, int direction) noexcept {
  const auto value = static_cast<std::int64_t>(number);
  const bool too_large = direction > 0 || (direction == 0 && value > type.largest());
  const bool too_small = direction < 0 || (direction == 0 && value < type.smallest());
  if (!too_large && !too_small) return value;
  if (overflow == Overflow::fail) return std::nullopt;
  if (overflow == Overflow::wrap) return type.wrapped(number);
  return too_large ? type.largest() : type.smallest();
}

// What it answers; nothing where it failed. `bytes` are changed, if it changes something.
std::optional<std::int64_t> carry_out(const FieldOperation& operation, std::string_view bytes,
                                      std::span<char> writable) noexcept {
  const FieldType& type = operation.type;
  const std::int64_t before = type.wrapped(bits::load(bytes, operation.offset, type.bits));
  if (operation.kind == FieldOperation::Kind::get) return before;
  const bool adds = operation.kind == FieldOperation::Kind::add;
  std::int64_t sum = operation.operand;
  int direction = 0;
  if (adds && __builtin_add_overflow(before, operation.operand, &sum)) direction = operation.operand > 0 ? 1 : -1;
  // A negative number that an unsigned field is set to is a large one, as in Redis.
  if (!adds && !type.is_signed && operation.operand < 0) direction = 1;
  const auto after = fitted(type, operation.overflow, static_cast<std::uint64_t>(sum), direction);
  if (!after) return std::nullopt;
  bits::store(writable, operation.offset, type.bits, static_cast<std::uint64_t>(*after));
  return adds ? *after : before;
}

// The arguments of BITFIELD, read one behind the other.
class FieldOperations {
 public:
  // False: the error is answered.
  bool parse(Context& context) {
    for (std::size_t i = 2; i < context.args.size();) {
      if (!next(context, i)) return false;
    }
    return true;
  }
  [[nodiscard]] const std::vector<FieldOperation>& all() const noexcept { return operations_; }
  [[nodiscard]] bool only_read() const noexcept { return written_bytes_ == 0; }
  // Of the shortest value that holds all fields that are written.
  [[nodiscard]] std::size_t written_bytes() const noexcept { return written_bytes_; }

 private:
  static bool refuse_with(Context& context, std::string_view error) {
    context.reply.error(error);
    return false;
  }

  bool next(Context& context, std::size_t& i) {
    const auto& args = context.args;
    const std::size_t left = args.size() - i - 1;
    if (equals_ignoring_case(args[i], "overflow") && left >= 1) {
      if (!parse_overflow(args[i + 1])) return refuse_with(context, errors::kOverflowType);
      i += 2;
      return true;
    }
    FieldOperation operation;
    operation.overflow = overflow_;
    if (equals_ignoring_case(args[i], "set")) operation.kind = FieldOperation::Kind::set;
    if (equals_ignoring_case(args[i], "incrby")) operation.kind = FieldOperation::Kind::add;
    const bool writes = operation.kind != FieldOperation::Kind::get;
    if ((!writes && !equals_ignoring_case(args[i], "get")) || left < (writes ? 3U : 2U))
      return refuse_with(context, errors::kSyntax);
    if (!parse_type(args[i + 1], operation.type)) return refuse_with(context, errors::kBitfieldType);
    const auto offset = parse_bit_offset(context, args[i + 2], operation.type.bits);
    if (!offset) return false;
    operation.offset = *offset;
    if (writes) {
      const auto operand = parse_integer(args[i + 3]);
      if (!operand) return refuse_with(context, errors::kNotInteger);
      operation.operand = *operand;
      written_bytes_ = std::max<std::size_t>(written_bytes_, (operation.offset + operation.type.bits - 1) / 8 + 1);
    }
    operations_.push_back(operation);
    i += writes ? 4 : 3;
    return true;
  }

  bool parse_overflow(std::string_view word) noexcept {
    if (equals_ignoring_case(word, "wrap")) return overflow_ = Overflow::wrap, true;
    if (equals_ignoring_case(word, "sat")) return overflow_ = Overflow::saturate, true;
    if (equals_ignoring_case(word, "fail")) return overflow_ = Overflow::fail, true;
    return false;
  }

  static bool parse_type(std::string_view word, FieldType& type) noexcept {
    if (!word.starts_with('i') && !word.starts_with('u')) return false;
    type.is_signed = word.starts_with('i');
    const auto bits = parse_integer(word.substr(1));
    if (!bits || *bits < 1 || *bits > (type.is_signed ? 64 : 63)) return false;
    type.bits = static_cast<unsigned>(*bits);
    return true;
  }

  std::vector<FieldOperation> operations_;
  Overflow overflow_ = Overflow::wrap;
  std::size_t written_bytes_ = 0;
};

using Answers = std::vector<std::optional<std::int64_t>>;

Outcome answer(Context& context, const Answers& answers) {
  context.reply.array(answers.size());
  for (const auto& number : answers) number ? context.reply.integer(*number) : context.reply.null();
  return Outcome::done;
}

Outcome read_fields(Context& context, const FieldOperations& operations) {
  Answers answers;
  const auto look = [&](const ItemView& item) {
    for (const FieldOperation& operation : operations.all()) answers.push_back(carry_out(operation, item.value, {}));
  };
  if (!context.server.cache.read(context.session, context.key(1), look)) answers.assign(operations.all().size(), 0);
  return answer(context, answers);
}

Outcome write_fields(Context& context, const FieldOperations& operations) {
  Answers answers;
  std::string_view before;
  std::size_t size = 0;
  const auto write = [&](char* destination) {
    const std::size_t kept = std::min(before.size(), size);
    before.copy(destination, kept);
    std::fill(destination + kept, destination + size, '\0');
    answers.clear();
    for (const FieldOperation& operation : operations.all())
      answers.push_back(carry_out(operation, {destination, size}, {destination, size}));
  };
  const Status status = context.server.cache.update(context.session, context.key(1), [&](Decision& decision) {
    const ItemView* current = decision.current();
    before = current != nullptr ? current->value : std::string_view();
    size = std::max(before.size(), operations.written_bytes());
    decision.put(size, write, current != nullptr ? current->expire_at_ms : kNoExpiry);
  });
  return status == Status::ok ? answer(context, answers) : refuse(context, status);
}

Outcome bitfield(Context& context) {
  FieldOperations operations;
  if (!operations.parse(context)) return Outcome::done;
  return operations.only_read() ? read_fields(context, operations) : write_fields(context, operations);
}

Outcome bitfield_ro(Context& context) {
  FieldOperations operations;
  if (!operations.parse(context)) return Outcome::done;
  if (operations.only_read()) return read_fields(context, operations);
  context.reply.error(errors::kBitfieldReadOnly);
  return Outcome::done;
}

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"bitfield", -2, kWrite | kDenyOom, {1, 1, 1, KeyAccess::may_read_write}, "bitmap", "3.2.0",
     "Reads, sets and increments integers of any width within a string.",
     "O(1) for each operation that reads; O(N) where N is the length of the value if any writes",
     "key [GET encoding offset|OVERFLOW overflow|SET encoding offset value|INCRBY encoding offset increment]...",
     bitfield},
    {"bitfield_ro", -2, kReadonly | kFast, {1, 1, 1, KeyAccess::read}, "bitmap", "6.0.0",
     "Reads integers of any width within a string.", "O(1) for each operation", "key [GET encoding offset]...", bitfield_ro},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> bitfield_commands() { return kCommands; }

}  // namespace strata::server
