#include "engine/cache/dynamic_sizing.h"

#include <algorithm>

namespace strata::cache {
namespace {

constexpr std::uint64_t kLeastLimit = std::uint64_t{1} << 20U;

}  // namespace

const char* DynamicSizing::problem(std::uint64_t max_bytes) const noexcept {
  if (!is_on) return nullptr;
  if (min_bytes < kLeastLimit || min_bytes > max_bytes) return "min_size: it has to be from 1 MiB to the largest size";
  if (growth_percent < 101 || growth_percent > 1000) return "growth_percent: it has to be 101 to 1000";
  if (look_ms < 10) return "look_ms: it has to be 10 or more";
  if (calm_ms < 0) return "calm_ms: it has to be 0 or more";
  return nullptr;
}

std::uint64_t DynamicSizer::set(const DynamicSizing& settings, std::uint64_t max_bytes) {
  const sync::MutexLock lock(mutex_);
  const bool has_given_way = settings.is_on && settings_.is_on && limit_bytes_ < max_bytes_.load(std::memory_order_relaxed);
  limit_bytes_ = has_given_way ? std::min(limit_bytes_, max_bytes) : max_bytes;
  max_bytes_.store(max_bytes, std::memory_order_relaxed);
  if (settings != settings_) next_ms_ = 0;
  settings_ = settings;
  is_on_.store(settings.is_on, std::memory_order_relaxed);
  return limit_bytes_;
}

DynamicSizing DynamicSizer::settings() const {
  const sync::MutexLock lock(mutex_);
  return settings_;
}

// A clock that was set back does not stop it.
bool DynamicSizer::is_due(std::int64_t now_ms) noexcept {
  if (now_ms < next_ms_ && now_ms >= next_ms_ - settings_.look_ms) return false;
  next_ms_ = now_ms + settings_.look_ms;
  changed_ms_ = std::min(changed_ms_, now_ms);
  return true;
}

std::uint64_t DynamicSizer::grown(std::uint64_t room_bytes) const noexcept {
  const std::uint64_t step = std::max<std::uint64_t>(limit_bytes_ * (settings_.growth_percent - 100) / 100, 1);
  return std::min({limit_bytes_ + step, room_bytes, max_bytes_.load(std::memory_order_relaxed)});
}

std::optional<DynamicSizer::Change> DynamicSizer::look(std::int64_t now_ms) {
  if (!is_on_.load(std::memory_order_relaxed) || !mutex_.try_lock()) return std::nullopt;
  const std::optional<Change> change = settings_.is_on && is_due(now_ms) ? judge(now_ms) : std::nullopt;
  mutex_.unlock();
  return change;
}

std::optional<DynamicSizer::Change> DynamicSizer::judge(std::int64_t now_ms) {
  const std::optional<std::uint64_t> available = system_.effective_available_bytes();
  if (!available) return std::nullopt;
  const std::uint64_t room = *available - std::min(*available, settings_.reserve_bytes);
  std::uint64_t limit = limit_bytes_;
  if (room < limit_bytes_) {
    limit = std::max(room, std::min(settings_.min_bytes, limit_bytes_));
  } else if (now_ms - changed_ms_ >= settings_.calm_ms) {
    limit = grown(room);
  }
  if (limit == limit_bytes_) return std::nullopt;
  const bool is_lower = limit < limit_bytes_;
  limit_bytes_ = limit;
  changed_ms_ = now_ms;
  return Change{.limit_bytes = limit, .available_bytes = *available, .is_lower = is_lower};
}

}  // namespace strata::cache
