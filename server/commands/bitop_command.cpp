#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/errors.h"
#include "server/commands/bits.h"
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

// Sources that together are no larger are combined under the locks of their keys, within some ten microseconds.
constexpr std::size_t kSmallBytes = 64ULL << 10;
// Of all sources together, in one slice; but so many of each at least.
constexpr std::size_t kSliceBytes = 512ULL << 10;
constexpr std::size_t kLeastSliceBytes = 4096;
// So often the sources may have changed while they were combined; then others wait until they are.
constexpr int kMostAttempts = 4;

std::optional<bits::Operation> operation_named(std::string_view word) noexcept {
  using bits::Operation;
  if (equals_ignoring_case(word, "and")) return Operation::conjunction;
  if (equals_ignoring_case(word, "or")) return Operation::disjunction;
  if (equals_ignoring_case(word, "xor")) return Operation::exclusive;
  if (equals_ignoring_case(word, "not")) return Operation::negation;
  if (equals_ignoring_case(word, "diff")) return Operation::first_only;
  if (equals_ignoring_case(word, "diff1")) return Operation::others_only;
  if (equals_ignoring_case(word, "andor")) return Operation::first_and_other;
  if (equals_ignoring_case(word, "one")) return Operation::exactly_one;
  return std::nullopt;
}

// Combines values that lie anywhere and may be large into another, all at one moment: the sources are held as they were at one, combined slice by
// slice, and the result is stored only if they are still the same. Where they are not, once more, at last under their locks.
class BitOp {
 public:
  BitOp(Context& context, bits::Operation operation)
      : operation_(operation), database_(context.client.database()), charged_(context.server.cache.budget()) {
    for (const std::string_view name : context.args.subspan(3)) names_.emplace_back(name);
    names_.emplace_back(context.args[2]);
    for (const std::string& name : names_) names_bytes_ += sizeof(std::string) + name.capacity();
    charged_.set(names_bytes_);
  }

  bool slice(Context& context) {
    if (!is_combining_) {
      // Small ones, and those that would not stay as they were, at once.
      const std::size_t most = attempts_++ < kMostAttempts ? kSmallBytes : ~std::size_t{0};
      if (combine_locked(context, most)) return true;
      if (!begin(context)) return true;
    }
    const std::size_t bytes = std::min(std::max(kSliceBytes / sources_.size(), kLeastSliceBytes), result_.size() - combined_);
    bits::combine(operation_, views_, combined_, {result_.data() + combined_, bytes});
    combined_ += bytes;
    return combined_ == result_.size() && store(context);
  }

 private:
  [[nodiscard]] std::vector<Key> keys(Context& context) const {
    std::vector<Key> keys;
    keys.reserve(names_.size());
    for (const std::string& name : names_) keys.push_back(context.server.cache.key(database_, name));
    return keys;
  }

  static bool answer(Context& context, Status status, std::size_t length) {
    if (status == Status::ok) {
      context.reply.integer(static_cast<std::int64_t>(length));
    } else {
      (void)refuse(context, status);
    }
    return true;
  }

  // Each source is looked up once, however often the command looked at it.
  static void count_lookups(Context& context, std::span<const Key> keys, std::span<const HeldValue> sources) {
    for (std::size_t i = 0; i < sources.size(); ++i)
      context.server.cache.count_lookup(context.session, keys[i], sources[i].found);
  }

  // Everything under the locks of the keys. False: the sources are more bytes than `most`, nothing is done.
  bool combine_locked(Context& context, std::size_t most) {
    std::size_t total = 0;
    std::size_t length = 0;
    std::vector<HeldValue> sources;
    std::vector<std::string_view> views;
    const auto write = [&](char* destination) { bits::combine(operation_, views, 0, {destination, length}); };
    const std::vector<Key> keys = this->keys(context);
    const Status status = context.server.cache.update_many(context.session, keys, 0, [&](std::size_t i, Decision& decision) {
      if (i == 0) {
        total = length = 0;
        sources.assign(keys.size() - 1, {});
      }
      if (i + 1 < keys.size()) {
        if (const ItemView* current = decision.current()) {
          total += current->value.size();
          length = std::max(length, current->value.size());
          if (total <= most) sources[i].take(*current);
        }
      } else if (total <= most) {
        views.clear();
        for (const HeldValue& source : sources) views.push_back(source.view());
        length == 0 ? decision.remove() : decision.put(length, write, kNoExpiry);
      }
    });
    if (total > most && status == Status::ok) return false;
    if (status == Status::ok) count_lookups(context, keys, sources);
    return answer(context, status, length);
  }

  // Holds the sources, and makes room for the result. False: the error is answered.
  bool begin(Context& context) {
    const std::vector<Key> keys = this->keys(context);
    const std::size_t count = keys.size() - 1;
    sources_.assign(count, {});
    context.server.cache.peek_many(context.session, std::span(keys).first(count), [&](std::size_t i, const ItemView* item) {
      if (item != nullptr) sources_[i].take(*item);
    });
    views_.clear();
    std::size_t copied = 0;
    std::size_t length = 0;
    for (const HeldValue& source : sources_) {
      views_.push_back(source.view());
      copied += source.small.capacity();
      length = std::max(length, source.view().size());
    }
    charged_.set(names_bytes_ + copied);
    // Of fewer bytes than a large value the block is copied into the item.
    result_ = context.server.cache.allocate_value(context.session, std::max<std::size_t>(length, 1));
    if (!result_) return !answer(context, Status::out_of_memory, 0);
    combined_ = 0;
    is_combining_ = true;
    return true;
  }

  // Returns whether the command is over.
  bool store(Context& context) {
    const std::vector<Key> keys = this->keys(context);
    bool same = true;
    const Status status = context.server.cache.update_many(context.session, keys, 0, [&](std::size_t i, Decision& decision) {
      if (i == 0) same = true;
      if (i + 1 < keys.size()) {
        same = same && sources_[i].is_still(decision.current());
      } else if (same) {
        decision.put(result_, kNoExpiry);
      }
    });
    if (same && status == Status::ok) count_lookups(context, keys, sources_);
    if (same || status != Status::ok) return answer(context, status, result_.size());
    is_combining_ = false;
    result_ = ValueRef();
    return false;
  }

  bits::Operation operation_;
  Namespace database_;
  std::vector<std::string> names_;  // of the sources, and of the destination
  std::size_t names_bytes_ = 0;
  ChargedBytes charged_;
  int attempts_ = 0;
  bool is_combining_ = false;
  std::vector<HeldValue> sources_;
  std::vector<std::string_view> views_;  // of them
  ValueRef result_;
  std::size_t combined_ = 0;  // bytes of the result
};

Outcome bitop(Context& context) {
  const auto operation = operation_named(context.args[1]);
  const std::size_t sources = context.args.size() - 3;
  if (!operation) {
    context.reply.error(errors::kSyntax);
  } else if (*operation == bits::Operation::negation && sources != 1) {
    context.reply.error(errors::kBitopNot);
  } else if (*operation >= bits::Operation::first_only && *operation <= bits::Operation::first_and_other && sources < 2) {
    context.reply.error(errors::bitop_sources(context.args[1]));
  } else {
    return in_slices(context, std::make_shared<BitOp>(context, *operation));
  }
  return Outcome::done;
}

// clang-format off
constexpr KeySpec kKinds[] = {{2, 2, 1, KeyAccess::write}, {3, -1, 1, KeyAccess::read}};
constexpr CommandSpec kCommands[] = {
    {"bitop", -4, kWrite | kDenyOom, {2, -1, 1, KeyAccess::write}, "bitmap", "2.6.0",
     "Performs bitwise operations on strings and stores the result.",
     "O(N) where N is the length of all sources together, in slices of 512 KiB",
     "operation destkey key [key ...]", bitop, {}, kKinds},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> bitop_commands() { return kCommands; }

}  // namespace strata::server
