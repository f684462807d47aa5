#include "tests/engine/cache/history.h"

#include <string_view>

namespace strata::history {

namespace {

// Of a flush of everything nobody wants to read all keys.
constexpr std::size_t kEffectsShown = 8;

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::get: return "get";
    case Kind::set: return "set";
    case Kind::remove: return "remove";
    case Kind::update: return "update";
    case Kind::increment: return "increment";
    case Kind::get_many: return "get_many";
    case Kind::set_many: return "set_many";
    case Kind::update_many: return "update_many";
    case Kind::flush: return "flush";
    case Kind::invalidate: return "invalidate";
    case Kind::upkeep: return "upkeep";
  }
  return "?";
}

std::string text_of_one(const Effect& effect) {
  std::string text = "k" + std::to_string(effect.key);
  if (effect.sight == Sight::value) text += " was " + text_of(effect.seen);
  if (effect.sight == Sight::presence) text += " was there";
  if (!effect.writes) return text;
  if (effect.sight != Sight::none) text += ",";
  text += effect.written == kAbsent ? " removed" : " := " + text_of(effect.written);
  if (effect.expire_at != kNever) text += " until " + std::to_string(effect.expire_at);
  return text;
}

}  // namespace

ThreadLog::ThreadLog(std::size_t operations, std::size_t effects, Answered answered)
    : operations_(operations), effects_(effects), answered_(answered) {}

void ThreadLog::append(Operation operation, std::span<const Effect> effects) {
  operation.first_effect = static_cast<std::uint32_t>(effect_count_);
  operation.effect_count = static_cast<std::uint32_t>(effects.size());
  operations_.resize(operation_count_);
  operations_.push_back(operation);
  effects_.resize(effect_count_);
  effects_.insert(effects_.end(), effects.begin(), effects.end());
  ++operation_count_;
  effect_count_ += effects.size();
}

std::string text_of(Value value) {
  if (value == kAbsent) return "absent";
  if (value == kDamaged) return "damaged";
  const Value thread = value >> 40U;
  if (thread == 0) return std::to_string(value);
  return std::to_string(thread - 1) + "." + std::to_string(value & ((Value{1} << 40U) - 1));
}

std::string text_of(Kind kind, std::span<const Effect> effects) {
  std::string text(name_of(kind));
  text += "(";
  for (std::size_t i = 0; i < effects.size() && i < kEffectsShown; ++i) {
    if (i > 0) text += "; ";
    text += text_of_one(effects[i]);
  }
  if (effects.size() > kEffectsShown) text += "; and " + std::to_string(effects.size() - kEffectsShown) + " more keys";
  return text + ")";
}

}  // namespace strata::history
