// Strata's cache for C++ programs: the functions of cache.h as a class, with strings for keys and values and callables for callbacks, and nothing
// else. C++17, header only.
//
// The names are lower case, as in memory.hpp. Inside the engine `strata::cache` is a namespace, so its sources cannot include this header; programs
// see only the class.
//
// Errors: std::bad_alloc where memory is out at the making of an object; everything else is a status, or an empty optional for what is not
// there. Exceptions of callables pass through to the caller; for others who wait for the same answer they are STRATA_SOURCE_FAILED. Thread safety: all
// functions, from any thread.
#ifndef STRATA_CACHE_HPP
#define STRATA_CACHE_HPP

// NOLINTBEGIN(readability-identifier-naming,google-explicit-constructor): as in the standard library
#include <strata/cache.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata {

class write_behind;

// A cache as it is to be: strata_cache_config, with what it points at.
struct cache_config {
  std::uint64_t cache_size = std::uint64_t{256} << 20U;
  std::uint32_t cache_levels = STRATA_CACHE_LEVEL_SHARED;
  strata_cache_policy replacement_policy = STRATA_CACHE_S3FIFO;
  std::optional<strata_cache_auto_invalidation> auto_invalidation =
      std::nullopt;  // hits_prefix: has to be there until the cache is made
  strata_cache_compression compression = STRATA_CACHE_COMPRESSION_NONE;
  std::optional<strata_cache_dynamic_sizing> dynamic_sizing = std::nullopt;
  std::uint32_t flags = 0;
  std::uint32_t databases = 1;
  std::chrono::milliseconds maintenance{100};  // below 49 days
  std::uint32_t expiry_jitter_percent = 0;

  // Valid as long as this is.
  [[nodiscard]] strata_cache_config in_c() const noexcept {
    strata_cache_config config = STRATA_CACHE_CONFIG_INIT;
    config.cache_size = cache_size;
    config.cache_levels = cache_levels;
    config.replacement_policy = replacement_policy;
    config.auto_invalidation = auto_invalidation ? &*auto_invalidation : nullptr;
    config.compression = compression;
    config.dynamic_sizing = dynamic_sizing ? &*dynamic_sizing : nullptr;
    config.flags = flags;
    config.databases = databases;
    config.maintenance_ms = static_cast<std::uint32_t>(maintenance.count());
    config.expiry_jitter_percent = expiry_jitter_percent;
    return config;
  }
};

class cache {
 public:
  using milliseconds = std::chrono::milliseconds;
  // How long a value stays at most; 0: as long as there is room.
  static constexpr milliseconds forever{0};

  // std::bad_alloc: memory or address space is out. std::invalid_argument: a value out of range or not supported; what() names it.
  explicit cache(const cache_config& config) : cache(config.in_c()) {}
  explicit cache(const strata_cache_config& config) {
    const strata_status status = strata_cache_create(&config, &cache_);
    if (status == STRATA_OUT_OF_MEMORY) throw std::bad_alloc();
    if (status != STRATA_OK) throw std::invalid_argument(strata_cache_last_error()->text);
  }
  explicit cache(std::uint64_t max_memory_bytes, strata_cache_policy policy = STRATA_CACHE_S3FIFO)
      : cache(config_with(max_memory_bytes, policy)) {}
  cache(cache&& other) noexcept : cache_(std::exchange(other.cache_, nullptr)), chooser_(std::move(other.chooser_)) {}
  cache& operator=(cache&& other) noexcept {
    if (this != &other) {
      strata_cache_destroy(std::exchange(cache_, std::exchange(other.cache_, nullptr)));
      chooser_ = std::move(other.chooser_);
    }
    return *this;
  }
  ~cache() { strata_cache_destroy(cache_); }
  cache(const cache&) = delete;
  cache& operator=(const cache&) = delete;

  [[nodiscard]] strata_cache* handle() const noexcept { return cache_; }

  [[nodiscard]] std::optional<std::string> get(std::string_view key) const {
    std::optional<std::string> value;
    if (!read(key, [&](std::string_view stored) { value.emplace(stored); })) return std::nullopt;
    return value;
  }
  // Calls `visit(std::string_view)` with the value where it lies. Returns whether it was there.
  template <typename Visit>
  bool read(std::string_view key, Visit&& visit) const {
    call<Visit> visitor{visit};
    const strata_status status = strata_cache_get(cache_, key_of(key), show<Visit>, &visitor);
    visitor.rethrow();
    return status == STRATA_OK;
  }
  strata_status put(std::string_view key, std::string_view value, milliseconds ttl = forever) noexcept {
    return strata_cache_put(cache_, key_of(key), bytes_of(value), ttl.count());
  }
  // Unless there is something: STRATA_ALREADY_THERE.
  strata_status add(std::string_view key, std::string_view value, milliseconds ttl = forever) noexcept {
    return strata_cache_add(cache_, key_of(key), bytes_of(value), ttl.count());
  }
  // Whether there was something.
  bool remove(std::string_view key) noexcept { return strata_cache_remove(cache_, key_of(key)) == STRATA_OK; }
  void clear() noexcept { (void)strata_cache_clear(cache_, 0); }
  // All keys that begin with it are gone at one moment.
  strata_status invalidate_prefix(std::string_view prefix) noexcept {
    return strata_cache_invalidate_prefix(cache_, 0, bytes_of(prefix));
  }
  // Removes what matches one after the other. `removed`: how many.
  strata_status invalidate_matching(std::string_view glob, std::uint64_t& removed) noexcept {
    return strata_cache_invalidate_matching(cache_, 0, bytes_of(glob), &removed);
  }

  // Read-through. `load(key)` returns std::optional<std::string>; it is called once for a key however many threads want it. Empty: the source has
  // none, or failed for the thread whose call it was.
  template <typename Load>
  [[nodiscard]] std::optional<std::string> get_or_load(std::string_view key, Load&& load, milliseconds ttl = forever) {
    std::optional<std::string> value;
    const auto keep = [&](std::string_view stored) { value.emplace(stored); };
    call<decltype(keep)> visitor{keep};
    loader<Load> source{load, ttl};
    (void)strata_cache_get_through(cache_, key_of(key), fill<Load>, &source, show<decltype(keep)>, &visitor);
    source.rethrow();
    visitor.rethrow();
    return value;
  }

  // Write-through. `write(key, value)` returns whether the source has taken it.
  template <typename Write>
  strata_status put_through(std::string_view key, std::string_view value, Write&& write, milliseconds ttl = forever) {
    call<Write> writer{write};
    const strata_status status =
        strata_cache_put_through(cache_, key_of(key), bytes_of(value), ttl.count(), write_value<Write>, &writer);
    writer.rethrow();
    return status;
  }
  // `erase(key)` returns whether the source has removed it.
  template <typename Erase>
  strata_status remove_through(std::string_view key, Erase&& erase) {
    call<Erase> eraser{erase};
    const strata_status status = strata_cache_remove_through(cache_, key_of(key), erase_value<Erase>, &eraser);
    eraser.rethrow();
    return status;
  }

  // Nothing that is stored is lost by another policy. STRATA_CACHE_CUSTOM: after set_chooser, else STRATA_NO_CHOOSER.
  strata_status set_policy(strata_cache_policy policy) noexcept { return strata_cache_set_policy(cache_, policy); }
  strata_status set_samples(std::uint32_t samples) noexcept { return strata_cache_set_samples(cache_, samples); }

  // The candidates for one victim, as strata_cache_chooser gets them.
  class candidates {
   public:
    candidates(const strata_cache_candidate* first, std::size_t count) noexcept : first_(first), count_(count) {}
    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    [[nodiscard]] const strata_cache_candidate& operator[](std::size_t number) const noexcept { return first_[number]; }
    [[nodiscard]] std::string_view key(std::size_t number) const noexcept { return text_of(first_[number].key); }

   private:
    const strata_cache_candidate* first_;
    std::size_t count_;
  };
  // Says which of them goes; empty: none of them. See strata_cache_chooser for what it may not do. What it throws counts as none.
  using chooser = std::function<std::optional<std::size_t>(const candidates&)>;
  // For STRATA_CACHE_CUSTOM. Not from several threads at once.
  strata_status set_chooser(chooser choose) {
    auto kept = std::make_unique<chooser>(std::move(choose));
    const strata_status status = strata_cache_set_chooser(cache_, choose_victim, kept.get());
    if (status == STRATA_OK) chooser_ = std::move(kept);  // the one before is called no more
    return status;
  }

  [[nodiscard]] strata_cache_statistics statistics() const noexcept {
    strata_cache_statistics told = STRATA_CACHE_STATISTICS_INIT;
    (void)strata_cache_get_statistics(cache_, &told);
    return told;
  }

  // Calls from construction to destruction cost less: see strata_cache_begin.
  class guard {
   public:
    explicit guard(cache& of) noexcept : cache_(strata_cache_begin(of.cache_) == STRATA_OK ? of.cache_ : nullptr) {}
    ~guard() {
      if (cache_ != nullptr) strata_cache_end(cache_);
    }
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;

   private:
    strata_cache* cache_;
  };

 private:
  friend class write_behind;

  // A callable behind a C callback, and what it threw.
  template <typename Callable>
  struct call {
    std::remove_reference_t<Callable>& callable;
    std::exception_ptr thrown = nullptr;

    template <typename Run>
    bool guarded(Run&& run) noexcept {
      try {
        return run();
      } catch (...) {
        thrown = std::current_exception();
        return false;
      }
    }
    void rethrow() const {
      if (thrown != nullptr) std::rethrow_exception(thrown);
    }
  };
  template <typename Load>
  struct loader : call<Load> {
    loader(Load& load, milliseconds how_long) : call<Load>{load}, ttl(how_long) {}
    milliseconds ttl;
  };

  [[nodiscard]] static cache_config config_with(std::uint64_t max_memory_bytes, strata_cache_policy policy) noexcept {
    cache_config config;
    config.cache_size = max_memory_bytes;
    config.replacement_policy = policy;
    return config;
  }
  [[nodiscard]] static strata_bytes bytes_of(std::string_view text) noexcept { return {text.data(), text.size()}; }
  [[nodiscard]] static std::string_view text_of(const strata_bytes& bytes) noexcept {
    return {static_cast<const char*>(bytes.data), bytes.size};
  }
  [[nodiscard]] static strata_cache_key key_of(std::string_view key) noexcept { return {bytes_of(key), 0}; }

  template <typename Visit>
  static void show(void* context, const strata_cache_item* item) {
    auto& visitor = *static_cast<call<Visit>*>(context);
    visitor.guarded([&] {
      visitor.callable(text_of(item->value));
      return true;
    });
  }
  template <typename Load>
  static bool fill(void* context, strata_cache_key key, strata_cache_load* load) {
    auto& source = *static_cast<loader<Load>*>(context);
    return source.guarded([&] {
      const std::optional<std::string> value = source.callable(text_of(key.bytes));
      if (value) strata_cache_load_found(load, bytes_of(*value), source.ttl.count());
      return true;
    });
  }
  template <typename Write>
  static bool write_value(void* context, strata_cache_key key, const strata_bytes* value) {
    auto& writer = *static_cast<call<Write>*>(context);
    return writer.guarded([&] { return static_cast<bool>(writer.callable(text_of(key.bytes), text_of(*value))); });
  }
  template <typename Erase>
  static bool erase_value(void* context, strata_cache_key key, const strata_bytes*) {
    auto& eraser = *static_cast<call<Erase>*>(context);
    return eraser.guarded([&] { return static_cast<bool>(eraser.callable(text_of(key.bytes))); });
  }

  static std::size_t choose_victim(void* context, const strata_cache_candidate* first, std::size_t count) {
    try {
      return (*static_cast<chooser*>(context))(candidates(first, count)).value_or(STRATA_CACHE_NONE);
    } catch (...) {
      return STRATA_CACHE_NONE;
    }
  }

  strata_cache* cache_ = nullptr;
  std::unique_ptr<chooser> chooser_;
};

// Write-behind in front of a source. Ends before its cache does, and gives the source what waits.
class write_behind {
 public:
  struct change {
    std::string_view key;
    std::optional<std::string_view> value;  // empty: a removal
  };
  // Gives the source a batch; false, or an exception: it gets them again after a while. Called by the queue's thread.
  using writer = std::function<bool(const std::vector<change>&)>;

  write_behind(cache& of, writer write, const strata_write_behind_options& options = STRATA_WRITE_BEHIND_OPTIONS_INIT)
      : write_(std::make_unique<writer>(std::move(write))) {
    const strata_status status = strata_write_behind_open(of.cache_, &options, write_batch, write_.get(), &queue_);
    if (status == STRATA_OUT_OF_MEMORY) throw std::bad_alloc();
    if (status != STRATA_OK) throw std::invalid_argument(strata_status_text(status));
  }
  ~write_behind() { strata_write_behind_close(queue_); }
  write_behind(const write_behind&) = delete;
  write_behind& operator=(const write_behind&) = delete;

  strata_status put(std::string_view key, std::string_view value, cache::milliseconds ttl = cache::forever) noexcept {
    return strata_write_behind_put(queue_, cache::key_of(key), cache::bytes_of(value), ttl.count());
  }
  strata_status remove(std::string_view key) noexcept { return strata_write_behind_remove(queue_, cache::key_of(key)); }
  // Also what was evicted and has not reached the source.
  [[nodiscard]] std::optional<std::string> get(std::string_view key) const {
    std::optional<std::string> value;
    const auto keep = [&](std::string_view stored) { value.emplace(stored); };
    cache::call<decltype(keep)> visitor{keep};
    (void)strata_write_behind_get(queue_, cache::key_of(key), cache::show<decltype(keep)>, &visitor);
    visitor.rethrow();
    return value;
  }
  // Whether the source has all that waits now within that time.
  bool flush(cache::milliseconds most) noexcept {
    return strata_write_behind_flush(queue_, static_cast<std::uint32_t>(most.count())) == STRATA_OK;
  }
  [[nodiscard]] strata_write_behind_statistics statistics() const noexcept {
    strata_write_behind_statistics told = STRATA_WRITE_BEHIND_STATISTICS_INIT;
    (void)strata_write_behind_get_statistics(queue_, &told);
    return told;
  }

 private:
  static bool write_batch(void* context, const strata_write_behind_change* changes, std::size_t count) {
    try {
      std::vector<change> batch;
      batch.reserve(count);
      for (std::size_t i = 0; i < count; ++i) {
        const std::string_view key = cache::text_of(changes[i].key.bytes);
        if (changes[i].is_removal) {
          batch.push_back({key, std::nullopt});
        } else {
          batch.push_back({key, cache::text_of(changes[i].value)});
        }
      }
      return (*static_cast<writer*>(context))(batch);
    } catch (...) {
      return false;
    }
  }

  std::unique_ptr<writer> write_;
  strata_write_behind* queue_ = nullptr;
};

}  // namespace strata
// NOLINTEND(readability-identifier-naming,google-explicit-constructor)

#endif
