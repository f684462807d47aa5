#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cache/cache.h"
#include "tests/engine/cache/history.h"

namespace strata::history {

// What the threads of a run do to the cache. The shares are of 100 operations; what is left of them are reads of one key.
struct Scenario {
  const char* name = "";
  KeyId keys = 4;
  std::size_t operations = 10'000;  // of each thread
  unsigned sets = 20;
  unsigned removals = 10;
  unsigned updates = 10;    // that see the value they replace
  unsigned increments = 0;  // of the one key in four that only they and removals write
  unsigned reads_of_several = 0;
  unsigned updates_of_several = 0;
  unsigned upkeeps = 0;
  unsigned clears_per_mille = 0;
  unsigned invalidations_per_mille = 0;  // of prefixes
  std::size_t most_words = 12;           // of eight bytes in a value
  bool expires = false;
  bool grows = false;                  // the keys in use become more during the run, in a few shards, so that these grow often
  bool compacts = false;               // upkeep moves items, as often as it comes
  std::uint64_t max_memory_bytes = 0;  // 0: plenty, nothing is evicted

  friend std::ostream& operator<<(std::ostream& out, const Scenario& scenario) { return out << scenario.name; }
};

// One thread's share: operations at random, each recorded. Keys are in database 0.
class CoherenceWorker {
 public:
  CoherenceWorker(cache::Cache& cache, const Scenario& scenario, std::atomic<std::int64_t>& clock_ms, ThreadLog& log,
                  std::size_t thread, std::uint64_t seed);

  void run();

  // The most effects one operation has.
  [[nodiscard]] static std::size_t most_effects(const Scenario& scenario) noexcept;

 private:
  static constexpr std::size_t kSeveral = 4;

  void one_operation();
  void get();
  void get(KeyId id, const cache::Key& key);
  void get_ahead();
  void set();
  void set(KeyId id, const cache::Key& key);
  void update();
  void remove();
  void increment();
  void renew_expiry();
  void get_several();
  void update_several();
  void clear();
  void invalidate();
  void upkeep();

  [[nodiscard]] std::uint64_t any(std::uint64_t sides) { return random_() % sides; }
  [[nodiscard]] bool is_counter(KeyId key) const noexcept { return scenario_.increments > 0 && key % 4 == 0; }
  // A key that is no counter, or one that is.
  [[nodiscard]] KeyId any_key();
  [[nodiscard]] KeyId any_plain_key();
  [[nodiscard]] std::int64_t any_expiry();
  void choose_several();
  [[nodiscard]] cache::Key key_of(KeyId key);

  // A value's bytes: its number again and again, as often as the number says.
  [[nodiscard]] std::size_t words_of(Value value) const noexcept;
  [[nodiscard]] std::string_view bytes_of(Value value, std::size_t buffer = 0);
  [[nodiscard]] Value value_of(const cache::ItemView* item) const noexcept;
  [[nodiscard]] Value next_value() noexcept { return unique_value(thread_, ++writes_); }
  void invoke(Kind kind) noexcept { log_.invoke(kind, scenario_.expires ? session_->now_ms() : kNoClock); }

  cache::Cache& cache_;
  const Scenario& scenario_;
  std::atomic<std::int64_t>& clock_ms_;
  ThreadLog& log_;
  const std::size_t thread_;
  std::mt19937_64 random_;
  std::unique_ptr<cache::Session> session_;
  std::uint64_t writes_ = 0;
  std::vector<std::string> names_;
  std::vector<std::string> buffers_;  // of bytes to write
  std::vector<KeyId> chosen_;
  std::vector<cache::Key> keys_;
};

}  // namespace strata::history
