#pragma once

#include <condition_variable>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/api/cache.h"
#include "engine/cache/backed_cache.h"
#include "engine/cache/cache.h"
#include "engine/os/clock.h"

// What a strata_cache is, and how calls from C become calls of the engine. For engine/api only.
struct strata_cache {
 public:
  // REQUIRES: all three were checked.
  strata_cache(const strata_cache_config& config, const strata::cache::AutoInvalidation& auto_invalidation,
               const strata::cache::DynamicSizing& dynamic_sizing);
  ~strata_cache();
  strata_cache(const strata_cache&) = delete;
  strata_cache& operator=(const strata_cache&) = delete;

  // The calling thread's session, made where it has none; with the time of now, unless it is in a slice.
  [[nodiscard]] strata::cache::Session& session();
  // A thread that had one has ended.
  void close(const strata::cache::Session* session) noexcept;

  // Who chooses victims for the program; `choose` null: nobody. False: it can not be done now.
  bool set_chooser(strata_cache_chooser choose, void* context);

  strata::cache::Cache cache;
  strata::cache::BackedCache backed{cache};

 private:
  void maintain(std::chrono::milliseconds every);

  // The engine asks, a function of C answers.
  class Chooser final : public strata::cache::VictimChooser {
   public:
    Chooser(strata_cache_chooser function, void* context) noexcept : function_(function), context_(context) {}
    [[nodiscard]] std::size_t choose(std::span<const strata::cache::VictimCandidate> candidates) noexcept override;

   private:
    strata_cache_chooser function_;
    void* context_;
  };

  const std::uint64_t id_;
  std::mutex chooser_mutex_;
  std::unique_ptr<Chooser> chooser_;  // outlives what the engine asks of it
  std::mutex sessions_mutex_;
  std::vector<std::unique_ptr<strata::cache::Session>> sessions_;
  std::mutex maintenance_mutex_;
  std::condition_variable maintenance_ends_;
  bool is_ending_ = false;
  std::thread maintenance_;
};

namespace strata::api {

// Nothing: it is none.
[[nodiscard]] std::optional<cache::Policy> policy_of(strata_cache_policy policy) noexcept;

// Runs `call`, which returns a status; what it throws is one too.
template <typename Call>
[[nodiscard]] strata_status guarded(Call&& call) noexcept {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return STRATA_OUT_OF_MEMORY;
  } catch (const std::system_error&) {
    return STRATA_OUT_OF_MEMORY;  // no thread, no lock
  }
}

[[nodiscard]] inline std::string_view text_of(const strata_bytes& bytes) noexcept {
  return {static_cast<const char*>(bytes.data), bytes.size};
}
[[nodiscard]] inline strata_bytes bytes_of(std::string_view text) noexcept { return {text.data(), text.size()}; }
[[nodiscard]] inline strata_cache_item item_of(const cache::ItemView& item) noexcept {
  return {bytes_of(item.value), item.expire_at_ms};
}
[[nodiscard]] inline bool is_valid(const strata_bytes& bytes) noexcept { return bytes.data != nullptr || bytes.size == 0; }
[[nodiscard]] inline bool is_valid(const strata_cache* cache, const strata_cache_key& key) noexcept {
  return cache != nullptr && is_valid(key.bytes) && key.database < cache->cache.options().namespaces;
}
[[nodiscard]] inline cache::Key key_of(const strata_cache& cache, const strata_cache_key& key) noexcept {
  return cache.cache.key(static_cast<cache::Namespace>(key.database), text_of(key.bytes));
}
// REQUIRES: ttl_ms >= 0
[[nodiscard]] inline std::int64_t expiry_of(const cache::Session& session, std::int64_t ttl_ms) noexcept {
  std::int64_t expiry = 0;
  if (ttl_ms == 0 || __builtin_add_overflow(session.now_ms(), ttl_ms, &expiry)) return cache::kNoExpiry;
  return expiry;
}
[[nodiscard]] inline strata_status status_of(cache::Status status) noexcept {
  switch (status) {
    case cache::Status::ok: return STRATA_OK;
    case cache::Status::out_of_memory: return STRATA_OUT_OF_MEMORY;
    case cache::Status::too_large: break;
  }
  return STRATA_SIZE_OVERFLOW;
}

}  // namespace strata::api
