#include "server/commands/syntax.h"

#include <algorithm>
#include <array>

namespace strata::server {

namespace {

bool is_token(std::string_view word) noexcept {
  return std::none_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

// Recursive descent over the notation; `at` is the next character.
class SyntaxReader {
 public:
  explicit SyntaxReader(std::string_view notation) : text_(notation) {}

  // sequence := { argument }, until ']' or the end; alternatives separated by '|' become one choice.
  std::vector<Argument> sequence() {
    std::vector<std::vector<Argument>> alternatives(1);
    for (skip_blanks(); at_ < text_.size() && text_[at_] != ']'; skip_blanks()) {
      if (text_[at_] == '|') {
        ++at_;
        alternatives.emplace_back();
      } else {
        next(alternatives.back());
      }
    }
    if (alternatives.size() == 1) return std::move(alternatives.front());
    Argument choice;
    choice.kind = Argument::Kind::one_of;
    for (auto& alternative : alternatives) choice.parts.push_back(as_one(std::move(alternative)));
    std::vector<Argument> one;
    one.push_back(std::move(choice));
    return one;
  }

 private:
  static Argument as_one(std::vector<Argument> sequence) {
    if (sequence.size() == 1) return std::move(sequence.front());
    Argument block;
    block.kind = Argument::Kind::block;
    block.parts = std::move(sequence);
    return block;
  }

  void next(std::vector<Argument>& into) {
    if (text_[at_] == '[') {
      ++at_;
      const std::size_t end = text_.find(']', at_);
      const bool nested = text_.substr(at_, end - at_).find('[') != std::string_view::npos;
      if (!nested && end >= 3 && text_.substr(end - 3, 3) == "...") {  // "x [x ...]": what stands before is repeated
        const std::size_t repeated = words(text_.substr(at_, end - 3 - at_));
        at_ = end + 1;
        std::vector<Argument> last(std::make_move_iterator(into.end() - static_cast<std::ptrdiff_t>(repeated)),
                                   std::make_move_iterator(into.end()));
        into.resize(into.size() - repeated);
        into.push_back(as_one(std::move(last)));
        into.back().multiple = true;
        return;
      }
      Argument optional = as_one(sequence());
      optional.optional = true;
      ++at_;  // ']'
      if (text_.substr(at_, 3) == "...") {
        optional.multiple = true;
        at_ += 3;
      }
      into.push_back(std::move(optional));
      return;
    }
    const std::string_view word = take_word();
    Argument argument;
    if (is_token(word)) {
      argument.token = word;
      skip_blanks();
      if (at_ < text_.size() && text_[at_] != ']' && text_[at_] != '|' && text_[at_] != '[') {
        argument.name = take_word();
      } else {
        argument.pure_token = true;
        argument.name = word;
      }
    } else {
      argument.name = word;
    }
    into.push_back(std::move(argument));
  }

  static std::size_t words(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != ' ' && (i == 0 || text[i - 1] == ' ')) ++count;
    }
    return count;
  }

  std::string_view take_word() {
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(" []|", at_), text_.size());
    return text_.substr(begin, at_ - begin);
  }

  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Argument> parse_syntax(std::string_view notation) { return SyntaxReader(notation).sequence(); }

std::string_view argument_type(std::string_view name) noexcept {
  static constexpr std::array kIntegers = {"seconds",  "milliseconds", "increment",     "decrement", "count",          "cursor",
                                           "index",    "protover",     "client-id",     "offset",    "start",          "end",
                                           "bit",      "numkeys",      "min-match-len", "ttl",       "destination-db", "db",
                                           "frequency"};
  static constexpr std::array kKeys = {"key", "key1", "key2", "newkey", "source", "destination", "destkey"};
  if (std::find(kKeys.begin(), kKeys.end(), name) != kKeys.end()) return "key";
  if (name == "pattern") return "pattern";
  if (name.starts_with("unix-time")) return "unix-time";
  return std::find(kIntegers.begin(), kIntegers.end(), name) != kIntegers.end() ? "integer" : "string";
}

}  // namespace strata::server
