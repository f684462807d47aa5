#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/errors.h"
#include "server/commands/charged_bytes.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/held_value.h"
#include "server/commands/in_slices.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

namespace errors = protocol::errors;

// Steps of one slice: cells of the table, or steps of the way back. A few hundred microseconds.
constexpr std::size_t kSliceSteps = 128ULL << 10;
// Redis' table has so many bytes a cell, and it refuses what makes it larger than a value may be.
constexpr std::size_t kCellBytes = 4;

struct LcsOptions {
  bool length = false;   // LEN
  bool matches = false;  // IDX
  bool match_lengths = false;
  std::int64_t shortest_match = 0;
};

// The longest common subsequence by dynamic programming (R. Wagner and M. Fischer, 1974). Of the lengths two rows are held; of the table, for the
// way back, a bit a cell: whether it goes on with a shorter first string. That is 1/32 of what the lengths would take.
class Lcs {
 public:
  Lcs(Budget& budget, LcsOptions options, std::array<HeldValue, 2> values)
      : options_(options), values_(std::move(values)), first_(values_[0].view()), second_(values_[1].view()), charged_(budget) {
    // The shorter one along the rows.
    swapped_ = first_.size() < second_.size();
    outer_ = swapped_ ? second_ : first_;
    inner_ = swapped_ ? first_ : second_;
  }

  // So much is held until the answer.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return values_[0].small.capacity() + values_[1].small.capacity() + 2 * (inner_.size() + 1) * sizeof(std::uint32_t) +
           (wants_way() ? (outer_.size() * inner_.size() + 63) / 64 * sizeof(std::uint64_t) : 0) + inner_.size() +
           (options_.matches ? inner_.size() * sizeof(Match) : 0);
  }

  void begin() {
    charged_.set(bytes());
    row_.assign(inner_.size() + 1, 0);
    above_.assign(inner_.size() + 1, 0);
    if (wants_way()) first_shorter_.assign((outer_.size() * inner_.size() + 63) / 64, 0);
    at_first_ = first_.size();
    at_second_ = second_.size();
  }

  bool slice(Context& context) {
    if (!inner_.empty()) fill(std::max<std::size_t>(kSliceSteps / inner_.size(), 1));
    if (!inner_.empty() && rows_ < outer_.size()) return false;
    if (wants_way() && !way_back()) return false;
    answer(context.reply);
    return true;
  }

 private:
  // Bytes of the strings that are the same, one behind the other.
  struct Match {
    std::uint32_t first;
    std::uint32_t second;
    std::uint32_t size;
  };

  [[nodiscard]] bool wants_way() const noexcept { return options_.matches || !options_.length; }
  [[nodiscard]] std::uint32_t length() const noexcept { return row_.back(); }

  void fill(std::size_t rows) {
    for (; rows > 0 && rows_ < outer_.size(); --rows, ++rows_) {
      std::swap(row_, above_);
      const char c = outer_[rows_];
      for (std::size_t j = 0; j < inner_.size(); ++j) {
        const std::uint32_t without_outer = above_[j + 1];
        const std::uint32_t without_inner = row_[j];
        row_[j + 1] = c == inner_[j] ? above_[j] + 1 : std::max(without_outer, without_inner);
        if (!wants_way()) continue;
        // Where both are as long the second string gets shorter.
        const bool first_shorter = swapped_ ? without_inner > without_outer : without_outer > without_inner;
        const std::size_t cell = rows_ * inner_.size() + j;
        first_shorter_[cell / 64] |= std::uint64_t{first_shorter ? 1U : 0U} << (cell % 64);
      }
    }
  }

  // From the ends of the strings to a beginning. Returns whether it is there.
  bool way_back() {
    for (std::size_t steps = 0; at_first_ != 0 && at_second_ != 0; ++steps) {
      if (steps == kSliceSteps) return false;
      if (first_[at_first_ - 1] == second_[at_second_ - 1]) {
        --at_first_;
        --at_second_;
        take();
        continue;
      }
      in_match_ = false;
      const std::size_t outer = (swapped_ ? at_second_ : at_first_) - 1;
      const std::size_t inner = (swapped_ ? at_first_ : at_second_) - 1;
      const std::size_t cell = outer * inner_.size() + inner;
      --((first_shorter_[cell / 64] >> (cell % 64) & 1U) != 0 ? at_first_ : at_second_);
    }
    std::reverse(common_.begin(), common_.end());
    return true;
  }

  void take() {
    if (!options_.matches) {
      common_.push_back(first_[at_first_]);
      return;
    }
    if (!in_match_) matches_.push_back({.first = 0, .second = 0, .size = 0});
    in_match_ = true;
    Match& match = matches_.back();
    match = {
        .first = static_cast<std::uint32_t>(at_first_), .second = static_cast<std::uint32_t>(at_second_), .size = match.size + 1};
  }

  void answer(Reply& reply) const {
    if (!options_.matches) {
      options_.length ? reply.integer(length()) : reply.bulk(common_);
      return;
    }
    const auto shown = [this](const Match& match) { return match.size >= options_.shortest_match; };
    reply.map(2);
    reply.bulk("matches");
    reply.array(static_cast<std::size_t>(std::count_if(matches_.begin(), matches_.end(), shown)));
    for (const Match& match : matches_) {
      if (!shown(match)) continue;
      reply.array(options_.match_lengths ? 3 : 2);
      for (const std::uint32_t begin : {match.first, match.second}) {
        reply.array(2);
        reply.integer(begin);
        reply.integer(std::int64_t{begin} + match.size - 1);
      }
      if (options_.match_lengths) reply.integer(match.size);
    }
    reply.bulk("len");
    reply.integer(length());
  }

  LcsOptions options_;
  std::array<HeldValue, 2> values_;
  std::string_view first_;
  std::string_view second_;
  std::string_view outer_;
  std::string_view inner_;
  bool swapped_ = false;
  ChargedBytes charged_;
  std::size_t rows_ = 0;
  std::vector<std::uint32_t> row_;
  std::vector<std::uint32_t> above_;
  std::vector<std::uint64_t> first_shorter_;
  std::size_t at_first_ = 0;
  std::size_t at_second_ = 0;
  bool in_match_ = false;
  std::string common_;  // backwards, until the way is over
  std::vector<Match> matches_;
};

bool parse_options(Context& context, LcsOptions& options) {
  for (std::size_t i = 3; i < context.args.size(); ++i) {
    const std::string_view word = context.args[i];
    if (equals_ignoring_case(word, "idx")) {
      options.matches = true;
    } else if (equals_ignoring_case(word, "len")) {
      options.length = true;
    } else if (equals_ignoring_case(word, "withmatchlen")) {
      options.match_lengths = true;
    } else if (equals_ignoring_case(word, "minmatchlen") && i + 1 < context.args.size()) {
      const auto number = parse_integer(context.args[++i]);
      if (!number) {
        context.reply.error(errors::kNotInteger);
        return false;
      }
      options.shortest_match = std::max<std::int64_t>(*number, 0);
    } else {
      context.reply.error(errors::kSyntax);
      return false;
    }
  }
  if (!options.matches || !options.length) return true;
  context.reply.error(errors::kLcsLengthAndIndexes);
  return false;
}

Outcome lcs(Context& context) {
  std::array<HeldValue, 2> values;
  LcsOptions options;
  if (!parse_options(context, options)) return Outcome::done;
  const std::array keys{context.key(1), context.key(2)};
  context.server.cache.read_many(context.session, keys, [&](std::size_t i, const ItemView* item) {
    if (item != nullptr) values[i].take(*item);
  });
  const std::size_t limit = context.server.limits.bulk_bytes.load(std::memory_order_relaxed);
  if ((values[0].view().size() + 1) * (values[1].view().size() + 1) > limit / kCellBytes) {
    context.reply.error(errors::kLcsTooLarge);
    return Outcome::done;
  }
  Cache& cache = context.server.cache;
  auto work = std::make_shared<Lcs>(cache.budget(), options, std::move(values));
  if (cache.make_room(context.session, work->bytes()) != Status::ok) {
    context.reply.error(errors::kLcsOutOfMemory);
    return Outcome::done;
  }
  work->begin();
  return in_slices(context, std::move(work));
}

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"lcs", -3, kReadonly, {1, 2, 1, KeyAccess::read}, "string", "7.0.0", "Finds the longest common subsequence of two strings.",
     "O(N*M) where N and M are the lengths of the strings, in slices; N*M is at most 1/4 of limits.bulk_length",
     "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]", lcs},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> lcs_commands() { return kCommands; }

}  // namespace strata::server
