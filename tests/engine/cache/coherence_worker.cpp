#include "tests/engine/cache/coherence_worker.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <utility>

namespace strata::history {

using cache::Decision;
using cache::ItemView;
using cache::Status;

CoherenceWorker::CoherenceWorker(cache::Cache& cache, const Scenario& scenario, std::atomic<std::int64_t>& clock_ms,
                                 ThreadLog& log, std::size_t thread, std::uint64_t seed)
    : cache_(cache),
      scenario_(scenario),
      clock_ms_(clock_ms),
      log_(log),
      thread_(thread),
      random_(seed * 64 + thread),
      session_(cache.open_session()),
      buffers_(kSeveral) {
  names_.reserve(scenario.keys);
  constexpr std::size_t kGrowingShards = 8;
  for (std::uint64_t number = 0; names_.size() < scenario.keys; ++number) {
    std::string name = "key:" + std::to_string(number);
    if (!scenario.grows || cache::shard_of(cache.key(0, name).hash) < kGrowingShards) names_.push_back(std::move(name));
  }
}

std::size_t CoherenceWorker::most_effects(const Scenario& scenario) noexcept {
  return scenario.clears_per_mille + scenario.invalidations_per_mille > 0 ? std::max<std::size_t>(scenario.keys, kSeveral)
                                                                          : kSeveral;
}

void CoherenceWorker::run() {
  while (log_.has_room(most_effects(scenario_))) {
    session_->set_now_ms(clock_ms_.fetch_add(any(8) == 0 ? 1 : 0));
    one_operation();
  }
}

void CoherenceWorker::one_operation() {
  if (any(1000) < scenario_.clears_per_mille) return clear();
  if (scenario_.invalidations_per_mille > 0 && any(1000) < scenario_.invalidations_per_mille) return invalidate();
  std::uint64_t kind = any(100);
  const auto is = [&kind](unsigned share) {
    if (kind < share) return true;
    kind -= share;
    return false;
  };
  if (is(scenario_.sets)) return set();
  if (is(scenario_.removals)) return remove();
  if (is(scenario_.updates)) return scenario_.expires && any(3) == 0 ? renew_expiry() : update();
  if (is(scenario_.increments)) return increment();
  if (is(scenario_.reads_of_several)) return get_several();
  if (is(scenario_.updates_of_several)) return update_several();
  if (is(scenario_.upkeeps)) return upkeep();
  if (any(4) == 0) return get_ahead();
  get();
}

// --- one key ------------------------------------------------------------------------------------------------------------------

void CoherenceWorker::get() {
  const KeyId id = any_key();
  get(id, key_of(id));
}

// A few of them, looked for together beforehand, as a server does with a pipeline; one may be written in between.
void CoherenceWorker::get_ahead() {
  const cache::Slice slice(*session_);
  choose_several();
  cache_.prefetch(keys_);
  for (std::size_t i = 0; i < chosen_.size() && log_.has_room(most_effects(scenario_)); ++i) {
    if (any(8) == 0 && !is_counter(chosen_[i])) {
      set(chosen_[i], keys_[i]);
    } else {
      get(chosen_[i], keys_[i]);
    }
  }
}

void CoherenceWorker::get(KeyId id, const cache::Key& key) {
  Value seen = kAbsent;
  const auto visit = [&](const ItemView& item) { seen = value_of(&item); };
  const bool touches = any(4) != 0;
  invoke(Kind::get);
  const bool is_there = touches ? cache_.read(*session_, key, visit) : cache_.peek(*session_, key, visit);
  log_.respond();
  if (is_there != (seen != kAbsent)) seen = kDamaged;
  log_.note(Effect::read(id, seen));
}

void CoherenceWorker::set() {
  const KeyId id = any_plain_key();
  set(id, key_of(id));
}

void CoherenceWorker::set(KeyId id, const cache::Key& key) {
  const Value value = next_value();
  const std::string_view bytes = bytes_of(value);
  const std::int64_t expire_at = any_expiry();
  const bool decides = any(2) == 0;
  invoke(Kind::set);
  const Status status = decides ? cache_.update(*session_, key, [&](Decision& decision) { decision.put(bytes, expire_at); })
                                : cache_.put(*session_, key, bytes, expire_at);
  log_.respond();
  if (status == Status::ok) log_.note(Effect::write(id, value, expire_at));
}

void CoherenceWorker::update() {
  const KeyId id = any_plain_key();
  const cache::Key key = key_of(id);
  const Value value = next_value();
  const std::string_view bytes = bytes_of(value);
  const std::int64_t expire_at = any_expiry();
  const bool if_there = any(3) == 0;
  Value seen = kAbsent;
  invoke(Kind::update);
  const Status status = cache_.update(*session_, key, [&](Decision& decision) {
    seen = value_of(decision.current());
    if (!if_there || seen != kAbsent) decision.put(bytes, expire_at);
  });
  log_.respond();
  const bool writes = status == Status::ok && (!if_there || seen != kAbsent);
  log_.note(writes ? Effect::exchange(id, seen, value, expire_at) : Effect::read(id, seen));
}

// Sees what it removes, whether there is anything, or nothing.
void CoherenceWorker::remove() {
  const KeyId id = any_key();
  const cache::Key key = key_of(id);
  const std::uint64_t kind = any(3);
  Value seen = kAbsent;
  bool was_there = false;
  invoke(Kind::remove);
  const Status status =
      kind == 1 ? cache_.remove(*session_, key, was_there) : cache_.update(*session_, key, [&](Decision& decision) {
        if (kind == 0) seen = value_of(decision.current());
        decision.remove();
      });
  log_.respond();
  if (status != Status::ok) return;
  if (kind == 0) log_.note(Effect::exchange(id, seen, kAbsent));
  if (kind == 1) log_.note(Effect::remove(id, was_there));
  if (kind == 2) log_.note(Effect::erase(id));
}

void CoherenceWorker::increment() {
  const KeyId id = any_key() / 4 * 4;
  const cache::Key key = key_of(id);
  Value seen = kAbsent;
  invoke(Kind::increment);
  const Status status = cache_.update(*session_, key, [&](Decision& decision) {
    seen = value_of(decision.current());
    if (seen != kDamaged) decision.put(bytes_of(seen + 1), cache::kNoExpiry);
  });
  log_.respond();
  log_.note(status == Status::ok && seen != kDamaged ? Effect::exchange(id, seen, seen + 1) : Effect::read(id, seen));
}

void CoherenceWorker::renew_expiry() {
  const KeyId id = any_plain_key();
  const cache::Key key = key_of(id);
  const std::int64_t expire_at = any_expiry();
  Value seen = kAbsent;
  invoke(Kind::update);
  const Status status = cache_.update(*session_, key, [&](Decision& decision) {
    seen = value_of(decision.current());
    decision.set_expiry(expire_at);
  });
  log_.respond();
  const bool writes = status == Status::ok && seen != kAbsent;
  log_.note(writes ? Effect::exchange(id, seen, seen, expire_at) : Effect::read(id, seen));
}

// --- several ------------------------------------------------------------------------------------------------------------------

void CoherenceWorker::get_several() {
  choose_several();
  std::array<Value, kSeveral> seen{};
  invoke(Kind::get_many);
  cache_.read_many(*session_, keys_, [&](std::size_t i, const ItemView* item) { seen[i] = value_of(item); });
  log_.respond();
  for (std::size_t i = 0; i < chosen_.size(); ++i) log_.note(Effect::read(chosen_[i], seen[i]));
}

// Some keys are overwritten blindly, some seen and replaced, some seen and removed, some left alone.
void CoherenceWorker::update_several() {
  choose_several();
  std::array<Effect, kSeveral> effects;
  std::array<std::string_view, kSeveral> bytes;
  const bool is_blind = any(2) == 0;
  for (std::size_t i = 0; i < chosen_.size(); ++i) {
    const Value value = is_counter(chosen_[i]) || any(5) == 0 ? kAbsent : next_value();
    effects[i] = Effect::write(chosen_[i], value, value == kAbsent ? kNever : any_expiry());
    if (!is_blind) effects[i].sight = Sight::value;
    if (!is_blind && any(4) == 0) effects[i].writes = false;
    if (value != kAbsent) bytes[i] = bytes_of(value, i);
  }
  invoke(is_blind ? Kind::set_many : Kind::update_many);
  const Status status = cache_.update_many(*session_, keys_, 0, [&](std::size_t i, Decision& decision) {
    if (!is_blind) effects[i].seen = value_of(decision.current());
    if (!effects[i].writes) return;
    if (effects[i].written == kAbsent) {
      decision.remove();
    } else {
      decision.put(bytes[i], effects[i].expire_at);
    }
  });
  log_.respond();
  if (status != Status::ok) return;
  for (std::size_t i = 0; i < chosen_.size(); ++i) log_.note(effects[i]);
}

void CoherenceWorker::clear() {
  const bool wait = any(2) == 0;
  invoke(Kind::flush);
  cache_.clear(*session_, 0, wait);
  log_.respond();
  for (KeyId key = 0; key < scenario_.keys; ++key) log_.note(Effect::erase(key));
}

// The name of a key or what it begins with, so that prefixes are the same, part of one another, or neither.
void CoherenceWorker::invalidate() {
  constexpr std::size_t kCommonBytes = 4;
  const std::string& name = names_[any(names_.size())];
  const std::string prefix = name.substr(0, kCommonBytes + any(name.size() - kCommonBytes + 1));
  const bool wait = any(8) == 0;
  invoke(Kind::invalidate);
  const Status status = cache_.invalidate_prefix(*session_, 0, prefix, wait);
  log_.respond();
  if (status != Status::ok) return;
  for (KeyId key = 0; key < scenario_.keys; ++key) {
    if (names_[key].starts_with(prefix)) log_.note(Effect::erase(key));
  }
}

void CoherenceWorker::upkeep() {
  const std::size_t stride = 4;
  invoke(Kind::upkeep);
  static_cast<void>(cache_.upkeep(*session_, any(stride), stride, std::chrono::microseconds(20)));
  if (scenario_.compacts) static_cast<void>(cache_.compact_now(*session_, std::chrono::microseconds(50)));
  log_.respond();
}

// --- keys and values ----------------------------------------------------------------------------------------------------------

KeyId CoherenceWorker::any_key() {
  const std::size_t done = log_.operations().size();
  const std::size_t keys = scenario_.grows ? 1 + scenario_.keys * done / (scenario_.operations + 1) : scenario_.keys;
  return static_cast<KeyId>(any(keys));
}

KeyId CoherenceWorker::any_plain_key() {
  const KeyId key = any_key();
  return is_counter(key) ? key + 1 : key;
}

std::int64_t CoherenceWorker::any_expiry() {
  return scenario_.expires && any(2) == 0 ? session_->now_ms() + 1 + static_cast<std::int64_t>(any(20)) : kNever;
}

void CoherenceWorker::choose_several() {
  chosen_.clear();
  keys_.clear();
  const std::size_t count = 2 + any(kSeveral - 1);
  for (std::size_t i = 0; i < count; ++i) {
    chosen_.push_back(any_key());
    keys_.push_back(key_of(chosen_.back()));
  }
}

cache::Key CoherenceWorker::key_of(KeyId key) { return cache_.key(0, names_[key]); }

std::size_t CoherenceWorker::words_of(Value value) const noexcept {
  return 1 + value * 0x9E3779B97F4A7C15 % scenario_.most_words;
}

std::string_view CoherenceWorker::bytes_of(Value value, std::size_t buffer) {
  std::string& bytes = buffers_[buffer];
  bytes.resize(words_of(value) * sizeof value);
  for (std::size_t at = 0; at < bytes.size(); at += sizeof value) std::memcpy(bytes.data() + at, &value, sizeof value);
  return bytes;
}

Value CoherenceWorker::value_of(const ItemView* item) const noexcept {
  if (item == nullptr) return kAbsent;
  const std::string_view bytes = item->value;
  Value value = kAbsent;
  if (bytes.size() < sizeof value) return kDamaged;
  std::memcpy(&value, bytes.data(), sizeof value);
  if (value == kAbsent || bytes.size() != words_of(value) * sizeof value) return kDamaged;
  // Each word is the one before it.
  const std::size_t rest = bytes.size() - sizeof value;
  return std::memcmp(bytes.data(), bytes.data() + sizeof value, rest) == 0 ? value : kDamaged;
}

}  // namespace strata::history
