#include "server/commands/value_condition.h"

#include <algorithm>

#include "protocol/errors.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

constexpr std::size_t kDigestDigits = 16;

bool is_hexadecimal(char c) noexcept { return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'f'); }

}  // namespace

bool ValueCondition::allows(const ItemView* current) const {
  switch (kind) {
    case Kind::none: return true;
    case Kind::absent: return current == nullptr;
    case Kind::present: return current != nullptr;
    case Kind::equal: return current != nullptr && current->value == operand;
    case Kind::not_equal: return current == nullptr || current->value != operand;
    case Kind::same_digest: return current != nullptr && equals_ignoring_case(operand, digest_of(current->value));
    case Kind::other_digest: return current == nullptr || !equals_ignoring_case(operand, digest_of(current->value));
  }
  return false;
}

std::optional<ValueCondition::Kind> comparison(std::string_view word) noexcept {
  if (equals_ignoring_case(word, "ifeq")) return ValueCondition::Kind::equal;
  if (equals_ignoring_case(word, "ifne")) return ValueCondition::Kind::not_equal;
  if (equals_ignoring_case(word, "ifdeq")) return ValueCondition::Kind::same_digest;
  if (equals_ignoring_case(word, "ifdne")) return ValueCondition::Kind::other_digest;
  return std::nullopt;
}

bool check_operand(Context& context, const ValueCondition& condition) {
  const bool digest = condition.kind == ValueCondition::Kind::same_digest || condition.kind == ValueCondition::Kind::other_digest;
  if (!digest) return true;
  const std::string_view digits = condition.operand;
  if (digits.size() == kDigestDigits && std::all_of(digits.begin(), digits.end(), is_hexadecimal)) return true;
  context.reply.error(protocol::errors::kNotDigest);
  return false;
}

std::string digest_of(std::string_view value) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::uint64_t hash = hash_of(value, 0);
  std::string text(kDigestDigits, '0');
  for (std::size_t i = kDigestDigits; i-- > 0; hash >>= 4U) text[i] = kDigits[hash & 0xfU];
  return text;
}

}  // namespace strata::server
