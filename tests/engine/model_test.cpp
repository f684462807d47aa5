#include <array>
#include <map>
#include <random>

#include "engine/cache/value_block.h"
#include "tests/engine/cache_fixture.h"

namespace strata::cache {
namespace {

// Random operations on the cache and on the simplest thing that could do the same, compared all the way.
class ModelTest : public CacheTest, public testing::WithParamInterface<int> {
 protected:
  struct Entry {
    std::string value;
    std::int64_t expire_at_ms;
  };
  using Name = std::pair<Namespace, std::string>;

  std::uint64_t roll(std::uint64_t sides) { return random_() % sides; }
  Name any_name() { return {static_cast<Namespace>(roll(3)), "key" + std::to_string(roll(400))}; }
  std::string any_value() {
    const std::uint64_t kind = roll(20);
    const std::size_t size = kind == 0 ? roll(60'000) : kind < 4 ? roll(3000) : roll(80);
    return std::string(size, static_cast<char>('a' + roll(26)));
  }
  std::int64_t any_expiry() { return roll(3) == 0 ? now() + static_cast<std::int64_t>(roll(3000)) - 50 : kNoExpiry; }
  Entry* live(const Name& name) {
    const auto found = model_.find(name);
    if (found == model_.end()) return nullptr;
    if (found->second.expire_at_ms > now()) return &found->second;
    model_.erase(found);
    return nullptr;
  }
  void compare(const Name& name, const ItemView* item) {
    const Entry* entry = live(name);
    ASSERT_EQ(item != nullptr, entry != nullptr) << name.second;
    if (entry == nullptr) return;
    ASSERT_EQ(item->value, entry->value);
    ASSERT_EQ(item->expire_at_ms, entry->expire_at_ms);
    ASSERT_EQ(static_cast<bool>(item->block), entry->value.size() >= kLargeValueBytes);
  }
  void put(const Name& name, const std::string& value, std::int64_t expire_at_ms) {
    model_[name] = {value, expire_at_ms};
    live(name);
  }
  // One decision, on both sides.
  void decide(const Name& name, Decision& decision) {
    compare(name, decision.current());
    const std::int64_t expiry = any_expiry();
    switch (roll(7)) {
      case 0:
        decision.remove();
        model_.erase(name);
        break;
      case 1:
        decision.set_expiry(expiry);
        if (Entry* entry = live(name)) entry->expire_at_ms = expiry;
        break;
      case 2: {
        tails_.push_back(std::make_unique<std::string>(any_value()));
        const std::string head(decision.current() != nullptr ? decision.current()->value : "");
        decision.put(decision.current() != nullptr ? decision.current()->value : "", *tails_.back(), expiry);
        put(name, head + *tails_.back(), expiry);
        break;
      }
      case 3: {
        tails_.push_back(std::make_unique<std::string>(any_value()));
        ValueRef block = cache->allocate_value(*session, tails_.back()->size());
        tails_.back()->copy(block.data(), block.size());
        decision.put(std::move(block), expiry);
        put(name, *tails_.back(), expiry);
        break;
      }
      case 4: break;
      default:
        tails_.push_back(std::make_unique<std::string>(any_value()));
        decision.put(*tails_.back(), expiry);
        put(name, *tails_.back(), expiry);
    }
  }
  void one_operation() {
    tails_.clear();
    switch (roll(8)) {
      case 0:
      case 1: {
        const Name name = any_name();
        bool seen = false;
        cache->read(*session, cache->key(name.first, name.second), [&](const ItemView& item) {
          seen = true;
          compare(name, &item);
        });
        ASSERT_EQ(seen, live(name) != nullptr);
        break;
      }
      case 2: {
        std::vector<Name> names(1 + roll(12));
        std::vector<Key> keys;
        for (Name& name : names) {
          name = any_name();
          keys.push_back(cache->key(name.first, name.second));
        }
        if (roll(2) == 0) {
          cache->read_many(*session, keys, [&](std::size_t i, const ItemView* item) { compare(names[i], item); });
        } else {
          ASSERT_EQ(cache->update_many(*session, keys, 0, [&](std::size_t i, Decision& decision) { decide(names[i], decision); }),
                    Status::ok);
        }
        break;
      }
      case 3: advance(static_cast<std::int64_t>(roll(50))); break;
      default: {
        const Name name = any_name();
        ASSERT_EQ(
            cache->update(*session, cache->key(name.first, name.second), [&](Decision& decision) { decide(name, decision); }),
            Status::ok);
      }
    }
  }
  void rare_operation() {
    switch (roll(3)) {
      case 0: {
        const auto ns = static_cast<Namespace>(roll(3));
        cache->clear(*session, ns, roll(2) == 0);
        std::erase_if(model_, [&](const auto& entry) { return entry.first.first == ns; });
        break;
      }
      case 1: cache->upkeep(*session, roll(2), 2, std::chrono::nanoseconds(0)); break;
      default: upkeep();
    }
  }
  void compare_all() {
    std::erase_if(model_, [&](const auto& entry) { return entry.second.expire_at_ms <= now(); });
    for (Namespace ns = 0; ns < 4; ++ns) {
      std::map<std::string, std::string> seen;
      const auto visit = [&](std::string_view key, const ItemView& item) { seen[std::string(key)] = item.value; };
      ASSERT_EQ(cache->scan(*session, ns, 0, 1'000'000, 1'000'000, visit), 0U);
      std::map<std::string, std::string> expected;
      for (const auto& [name, entry] : model_) {
        if (name.first == ns) expected[name.second] = entry.value;
      }
      ASSERT_EQ(seen, expected);
    }
    ASSERT_EQ(verify(*cache), "");
  }

  std::mt19937_64 random_{static_cast<std::uint64_t>(GetParam())};
  std::map<Name, Entry> model_;
  std::vector<std::unique_ptr<std::string>> tails_;  // values of the running operation
};

TEST_P(ModelTest, BehavesAsAMap) {
  for (int i = 0; i < 8000; ++i) {
    ASSERT_NO_FATAL_FAILURE(one_operation()) << "operation " << i;
    if (roll(400) == 0) rare_operation();
    if (i % 1000 == 999) {
      ASSERT_NO_FATAL_FAILURE(compare_all());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, testing::Range(1, 7));

}  // namespace
}  // namespace strata::cache
