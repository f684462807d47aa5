#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <vector>

#include "tests/engine/cache/linearizability.h"

// The checker against histories made at random: long ones that a store simulated one operation at a time has answered, and short ones of which
// a search through all orders says what they are.
namespace strata::history {
namespace {

struct Entry {
  Value value = kAbsent;
  std::int64_t expire_at = kNever;
  std::uint64_t written_from = 0;
};
using Store = std::map<KeyId, Entry>;  // what is absent is not in it

// --- all orders ---------------------------------------------------------------------------------------------------------------

// Tries every order, and lets every key vanish at every moment it may: the definition, with none of the checker's shortcuts.
class AllOrders {
 public:
  explicit AllOrders(const History& history) : history_(history) {
    for (const ThreadLog& log : history.threads) {
      for (const Operation& operation : log.operations()) left_.push_back({&operation, log.effects_of(operation)});
    }
    for (const auto& [operation, effects] : left_) {
      latest_.emplace_back(operation->invoked, operation->now);
      for (const Effect& effect : effects) {
        if (!effect.writes) continue;
        std::uint64_t& from = written_from_.try_emplace({effect.key, effect.written}, operation->invoked).first->second;
        from = std::min(from, operation->invoked);
      }
    }
    std::erase_if(left_, [](const auto& one) { return one.second.empty(); });
  }

  [[nodiscard]] bool is_linearizable() { return goes_on({}); }

 private:
  using One = std::pair<const Operation*, std::span<const Effect>>;

  bool goes_on(const Store& store) {
    if (left_.empty()) return true;
    std::uint64_t horizon = std::numeric_limits<std::uint64_t>::max();
    for (const One& one : left_) horizon = std::min(horizon, one.first->responded);
    std::vector<Store> stores{store};
    for (const auto& [key, entry] : store) {
      if (!may_vanish(entry, horizon)) continue;
      for (std::size_t i = stores.size(); i-- > 0;) {
        stores.push_back(stores[i]);
        stores.back().erase(key);
      }
    }
    for (std::size_t i = 0; i < left_.size(); ++i) {
      if (left_[i].first->invoked > horizon) continue;
      const One one = left_[i];
      left_.erase(left_.begin() + static_cast<std::ptrdiff_t>(i));
      for (const Store& before : stores) {
        Store after = before;
        if (apply(one, after) && goes_on(after)) return true;
      }
      left_.insert(left_.begin() + static_cast<std::ptrdiff_t>(i), one);
    }
    return false;
  }

  [[nodiscard]] bool may_vanish(const Entry& entry, std::uint64_t horizon) const {
    for (const auto& [invoked, now] : latest_) {
      if (invoked <= horizon && now >= entry.expire_at) return true;
    }
    return std::ranges::any_of(history_.evictions,
                               [&](const Span& span) { return span.from <= horizon && span.to > entry.written_from; });
  }

  [[nodiscard]] bool apply(const One& one, Store& store) const {
    for (const Effect& effect : one.second) {
      const auto found = store.find(effect.key);
      if (found != store.end() && found->second.expire_at <= one.first->now) store.erase(found);
      const Value value = store.contains(effect.key) ? store.at(effect.key).value : kAbsent;
      if (effect.sight == Sight::value && value != effect.seen) return false;
      if (effect.sight == Sight::presence && value == kAbsent) return false;
      if (!effect.writes) continue;
      if (effect.written == kAbsent) {
        store.erase(effect.key);
      } else {
        store[effect.key] = {effect.written, effect.expire_at, written_from_.at({effect.key, effect.written})};
      }
    }
    return true;
  }

  const History& history_;
  std::vector<One> left_;
  std::vector<std::pair<std::uint64_t, std::int64_t>> latest_;
  std::map<std::pair<KeyId, Value>, std::uint64_t> written_from_;
};

// --- histories at random ------------------------------------------------------------------------------------------------------

struct Shape {
  std::size_t threads = 3;
  std::size_t operations = 6;
  KeyId keys = 2;
  std::uint64_t spread = 20;  // of intervals around the moment an operation happens, in stamps; these are ten apart
  bool expires = false;
  bool evicts = false;
  bool joins = true;   // keys, by operations on several
  bool unique = true;  // values
};

// Operations on a simulated store, one at each tenth stamp, each answered as the store is then, with an interval around that moment.
class Simulation {
 public:
  Simulation(const Shape& shape, std::uint64_t seed) : shape_(shape), random_(seed), ends_(shape.threads, 1) {}

  [[nodiscard]] History run() {
    History history;
    history.threads.resize(shape_.threads);
    if (shape_.evicts) history.evictions.push_back({any(10 * shape_.operations), 10 * shape_.operations});
    for (std::size_t i = 1; i <= shape_.operations; ++i) {
      const std::uint64_t moment = 10 * i;
      std::size_t thread = any(shape_.threads);
      while (ends_[thread] >= moment) thread = (thread + 1) % shape_.threads;
      if (shape_.evicts && moment > history.evictions[0].from && any(4) == 0) store_.erase(static_cast<KeyId>(any(shape_.keys)));
      Operation operation{.invoked = std::max(ends_[thread], moment - std::min(moment, any(shape_.spread))), .responded = moment};
      // At least one thread must be free at the next moment.
      const auto busy = static_cast<std::size_t>(std::ranges::count_if(ends_, [&](auto end) { return end >= moment + 10; }));
      operation.responded += busy + 1 < shape_.threads ? any(shape_.spread) : any(9);
      ends_[thread] = operation.responded + 1;
      if (shape_.expires) operation.now = static_cast<std::int64_t>(i + any(3));
      effects_.clear();
      operation.kind = Kind::update_many;
      const std::size_t count = shape_.joins && any(3) == 0 ? 2 : 1;
      for (std::size_t k = 0; k < count; ++k) one_effect(static_cast<KeyId>(any(shape_.keys)), operation.now);
      history.threads[thread].append(operation, effects_);
    }
    return history;
  }

 private:
  std::uint64_t any(std::uint64_t sides) { return random_() % sides; }

  void one_effect(KeyId key, std::int64_t now) {
    if (const auto found = store_.find(key); found != store_.end() && found->second.expire_at <= now) store_.erase(found);
    const Value seen = store_.contains(key) ? store_[key].value : kAbsent;
    const Value written = shape_.unique ? ++last_value_ : 1 + any(2);
    const std::int64_t expire_at = shape_.expires && any(2) == 0 ? now + 1 + static_cast<std::int64_t>(any(4)) : kNever;
    switch (any(6)) {
      case 0:
      case 1: effects_.push_back(Effect::read(key, seen)); return;
      case 2: effects_.push_back(Effect::remove(key, seen != kAbsent)); break;
      case 3: effects_.push_back(Effect::exchange(key, seen, written, expire_at)); break;
      default: effects_.push_back(Effect::write(key, written, expire_at)); break;
    }
    store_.erase(key);
    if (effects_.back().written != kAbsent) store_[key] = {written, expire_at, 0};
  }

  const Shape shape_;
  std::mt19937_64 random_;
  std::vector<std::uint64_t> ends_;
  std::vector<Effect> effects_;
  Store store_;
  Value last_value_ = 0;
};

// The history with another answer to one operation; false where there is none to change.
bool alter(History& history, std::mt19937_64& random) {
  std::size_t sights = 0;
  History altered{.threads = std::vector<ThreadLog>(history.threads.size()), .evictions = history.evictions};
  std::vector<Value> written{kAbsent};
  for (const ThreadLog& log : history.threads) {
    for (const Operation& operation : log.operations()) {
      for (const Effect& effect : log.effects_of(operation)) {
        sights += effect.sight != Sight::none;
        if (effect.writes) written.push_back(effect.written);
      }
    }
  }
  if (sights == 0) return false;
  std::size_t chosen = random() % sights;
  for (std::size_t thread = 0; thread < history.threads.size(); ++thread) {
    const ThreadLog& log = history.threads[thread];
    for (const Operation& operation : log.operations()) {
      const std::span<const Effect> effects = log.effects_of(operation);
      std::vector<Effect> changed(effects.begin(), effects.end());
      for (Effect& effect : changed) {
        if (effect.sight == Sight::none || chosen-- != 0) continue;
        const bool was_presence = effect.sight == Sight::presence;
        effect.sight = Sight::value;
        effect.seen = was_presence ? kAbsent : written[random() % written.size()];
      }
      altered.threads[thread].append(operation, changed);
    }
  }
  history = std::move(altered);
  return true;
}

std::string all_of(const History& history) {
  std::string text;
  for (const ThreadLog& log : history.threads) {
    for (const Operation& operation : log.operations()) {
      text += "thread " + std::to_string(&log - history.threads.data()) + " [" + std::to_string(operation.invoked) + ", " +
              std::to_string(operation.responded) + "] at " + std::to_string(operation.now) + " " +
              text_of(operation.kind, log.effects_of(operation)) + "\n";
    }
  }
  for (const Span& span : history.evictions)
    text += "evictions from " + std::to_string(span.from) + " to " + std::to_string(span.to) + "\n";
  return text;
}

TEST(LinearizabilityRandomTest, AgreesWithASearchThroughAllOrders) {
  std::array<int, 2> verdicts{};
  std::mt19937_64 random(7);
  for (std::uint64_t seed = 1; seed <= 24'000; ++seed) {
    const Shape shape{.threads = 2 + seed % 3,
                      .operations = 3 + seed % 5,
                      .keys = static_cast<KeyId>(1 + seed / 4 % 3),
                      .spread = 5 + seed % 7 * 8,
                      .expires = seed % 4 == 1,
                      .evicts = seed % 4 == 2,
                      .joins = seed / 8 % 2 == 0,
                      .unique = seed / 16 % 2 == 0};
    History history = Simulation(shape, seed).run();
    for (std::uint64_t changes = seed % 3; changes > 0; --changes) static_cast<void>(alter(history, random));
    const bool expected = AllOrders(history).is_linearizable();
    const Judgement judgement = judge(history);
    ASSERT_EQ(judgement.verdict, expected ? Verdict::linearizable : Verdict::not_linearizable)
        << "seed " << seed << "\n"
        << all_of(history) << judgement.explanation;
    ++verdicts[expected ? 1 : 0];
  }
  EXPECT_GT(verdicts[0], 4000);
  EXPECT_GT(verdicts[1], 4000);
}

TEST(LinearizabilityRandomTest, AcceptsLongHistoriesThatAStoreHasAnswered) {
  for (std::uint64_t seed = 1; seed <= 48; ++seed) {
    const Shape shape{.threads = 2 + seed % 5,
                      .operations = 2000,
                      .keys = static_cast<KeyId>(1 + seed % 4 * 3),
                      .spread = 10 + seed % 3 * 60,
                      .expires = seed % 4 == 1,
                      .evicts = seed % 4 == 2,
                      .joins = seed % 3 != 0,
                      .unique = true};
    const Judgement judgement = judge(Simulation(shape, seed).run());
    ASSERT_EQ(judgement.verdict, Verdict::linearizable) << "seed " << seed << "\n" << judgement.explanation;
  }
}

// A read somewhere in the long history is given a value that had been replaced before, by stamps alone.
TEST(LinearizabilityRandomTest, RejectsLongHistoriesWithOneStaleRead) {
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    const Shape shape{.threads = 4, .operations = 2000, .keys = 3, .spread = 40, .joins = seed % 2 == 0};
    History history = Simulation(shape, seed).run();
    const std::uint64_t end = 10 * shape.operations + 100;
    const auto add = [&](std::size_t thread, std::uint64_t stamp, const Effect& effect) {
      const std::array effects{effect};
      history.threads[thread].append({.invoked = stamp, .responded = stamp + 5}, effects);
    };
    add(0, end, Effect::write(1, 1'000'001));
    add(seed % 4, end + 10, Effect::write(1, 1'000'002));
    add(1 + seed % 2, end + 20, Effect::read(1, 1'000'001));
    add(3, end + 30, Effect::read(1, 1'000'002));
    const Judgement judgement = judge(history);
    ASSERT_EQ(judgement.verdict, Verdict::not_linearizable);
    EXPECT_NE(judgement.explanation.find("Stale: it saw 1000001 at k1"), std::string::npos) << judgement.explanation;
  }
}

}  // namespace
}  // namespace strata::history
