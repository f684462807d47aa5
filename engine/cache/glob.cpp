#include "engine/cache/glob.h"

#include <cstddef>
#include <utility>

namespace strata::cache {
namespace {

// Signed on purpose: Redis compares the bytes of a range as `char` of x86-64.
using SignedByte = signed char;

// What one element of the pattern (anything but `*`) says about one byte of the text.
struct Verdict {
  bool matches;
  std::size_t next;  // offset of the element behind
};

class ElementMatcher {
 public:
  ElementMatcher(std::string_view pattern, LetterCase letter_case) noexcept
      : pattern_(pattern), ignore_case_(letter_case == LetterCase::ignored) {}

  // REQUIRES: at < size of the pattern.
  [[nodiscard]] Verdict match(std::size_t at, char byte) const noexcept {
    switch (pattern_[at]) {
      case '?': return {true, at + 1};
      case '[': return match_set(at + 1, byte);
      case '\\':
        if (at + 1 < pattern_.size()) ++at;
        break;
      default: break;
    }
    return {fold(pattern_[at]) == fold(byte), at + 1};
  }

 private:
  [[nodiscard]] SignedByte fold(char byte) const noexcept {
    if (ignore_case_ && byte >= 'A' && byte <= 'Z') return static_cast<SignedByte>(byte - 'A' + 'a');
    return static_cast<SignedByte>(byte);
  }

  [[nodiscard]] bool in_range(char first, char last, char byte) const noexcept {
    // Ordered before folding, as Redis does: "[a-Z]" without case is the empty range z..a, not a..z.
    if (static_cast<SignedByte>(first) > static_cast<SignedByte>(last)) std::swap(first, last);
    return fold(first) <= fold(byte) && fold(byte) <= fold(last);
  }

  // `at` stands behind the opening bracket.
  [[nodiscard]] Verdict match_set(std::size_t at, char byte) const noexcept {
    const std::size_t size = pattern_.size();
    const bool negated = at < size && pattern_[at] == '^';
    if (negated) ++at;

    bool found = false;
    while (at < size && pattern_[at] != ']') {
      const std::size_t left = size - at;
      if (pattern_[at] == '\\' && left >= 2) {
        found |= pattern_[at + 1] == byte;  // an escaped byte of a set keeps its case
        at += 2;
      } else if (left >= 3 && pattern_[at + 1] == '-') {
        found |= in_range(pattern_[at], pattern_[at + 2], byte);
        at += 3;
      } else {
        found |= fold(pattern_[at]) == fold(byte);
        at += 1;
      }
    }
    return {found != negated, at < size ? at + 1 : size};
  }

  std::string_view pattern_;
  bool ignore_case_;
};

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text, LetterCase letter_case) noexcept {
  if (text.empty()) return pattern.empty();

  const ElementMatcher element(pattern, letter_case);
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t at = 0;
  std::size_t behind_star = kNone;  // where the pattern goes on behind the last star seen
  std::size_t star_text = 0;        // where the text goes on if that star takes one byte more
  std::size_t position = 0;
  while (position < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      behind_star = ++at;
      star_text = position;
      continue;
    }
    if (at < pattern.size()) {
      const Verdict verdict = element.match(at, text[position]);
      if (verdict.matches) {
        at = verdict.next;
        ++position;
        continue;
      }
    }
    // Only the last star needs another try: what stands before it matched already, and an earlier star that took more
    // would leave the last one less text to choose from.
    if (behind_star == kNone) return false;
    at = behind_star;
    position = ++star_text;
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

}  // namespace strata::cache
