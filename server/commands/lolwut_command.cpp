// LOLWUT: Redis shows a piece of computer art of its version; here it is a cut through layers of rock, another one each time.
#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "protocol/errors.h"
#include "server/commands/context.h"
#include "server/commands/families.h"
#include "server/commands/words.h"
#include "server/version.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;

struct Canvas {
  int columns = 66;
  int rows = 12;
};

// Layers that dip and rise together, with a fault somewhere along which one side has slipped.
std::string draw(const Canvas& canvas, std::uint64_t seed) {
  static constexpr std::array<char, 7> kRocks = {'.', ':', '-', '=', '+', '~', '#'};
  std::minstd_rand random(static_cast<std::minstd_rand::result_type>(seed));
  const auto below = [&random](int most) { return static_cast<int>(random() % static_cast<unsigned>(std::max(most, 1))); };
  const int fault = below(canvas.columns);
  const int slip = 1 + below(3);
  std::vector<int> thickness;
  for (int depth = 0; depth < canvas.rows * 4; depth += thickness.back()) thickness.push_back(1 + below(4));
  std::vector<int> dip;
  int height = canvas.rows;
  for (int column = 0; column < canvas.columns; ++column) {
    if (below(4) == 0) height = std::clamp(height + below(3) - 1, canvas.rows - 3, canvas.rows + 3);
    dip.push_back(height + (column >= fault ? slip : 0));
  }
  std::string art;
  for (int row = 0; row < canvas.rows; ++row) {
    for (int column = 0; column < canvas.columns; ++column) {
      int depth = row + dip[static_cast<std::size_t>(column)];
      std::size_t layer = 0;
      while (layer + 1 < thickness.size() && depth >= thickness[layer]) depth -= thickness[layer++];
      art += column == fault ? '/' : kRocks[layer % kRocks.size()];
    }
    art += '\n';
  }
  return art;
}

// LOLWUT [VERSION version] [columns [rows]]. Nothing: an error has been answered.
std::optional<Canvas> parse(Context& context) {
  constexpr std::int64_t kMostColumns = 1000;
  constexpr std::int64_t kMostRows = 1000;
  std::size_t next = 1;
  const auto& args = context.args;
  std::vector<std::int64_t> numbers;
  const bool names_version = args.size() > 2 && equals_ignoring_case(args[1], "version");
  if (names_version) {
    if (!parse_integer(args[2])) {
      context.reply.error(errors::kNotInteger);
      return std::nullopt;
    }
    next = 3;  // there is one picture for all versions
  }
  Canvas canvas;
  // Pictures of other versions take more.
  for (; next < args.size() && numbers.size() < 2; ++next) {
    const auto number = parse_integer(args[next]);
    if (!number && !names_version) break;  // the picture of Redis 7.0 takes no arguments, and looks at none
    if (!number) {
      context.reply.error(errors::kNotInteger);
      return std::nullopt;
    }
    numbers.push_back(*number);
  }
  if (!numbers.empty()) canvas.columns = static_cast<int>(std::clamp<std::int64_t>(numbers[0], 1, kMostColumns));
  if (numbers.size() == 2) canvas.rows = static_cast<int>(std::clamp<std::int64_t>(numbers[1], 1, kMostRows));
  return canvas;
}

Outcome lolwut(Context& context) {
  const std::optional<Canvas> canvas = parse(context);
  if (!canvas) return Outcome::done;
  std::string text = draw(*canvas, os::random_u64().value_or(1));
  text.append("\nStrata ver. ").append(kVersion).append(", Redis ver. ").append(kRedisVersion).append("\n");
  context.reply.verbatim("txt", text);
  return Outcome::done;
}

// clang-format off
constexpr CommandSpec kCommands[] = {
    {"lolwut", -1, kReadonly | kFast, {}, "server", "5.0.0", "Shows layers of rock, and the version.", "O(N) where N is the number of characters",
     "[VERSION version] [columns [rows]]", lolwut},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> lolwut_commands() { return kCommands; }

}  // namespace strata::server
