#pragma once

#include <array>
#include <cstdint>

#include "engine/allocator/span.h"
#include "engine/sync/atomic.h"
#include "engine/sync/mutex.h"

namespace strata::allocator {

// Spans that ended threads left behind with blocks still in use, by size class. Heaps claim them before they take fresh slices; a
// thread that frees the last block of one takes it out.
// Thread safety: all functions, from any thread.
class AbandonedSpans {
 public:
  constexpr AbandonedSpans() = default;

  // REQUIRES: possession is `abandoned`. Returns false if every block of the span is free by now: then it is not filed, and the caller
  // possesses it.
  [[nodiscard]] bool add(Span& span) noexcept;
  // A span of the class, possessed by the caller from here on (`owned`), or nullptr.
  [[nodiscard]] Span* claim(SizeClass size_class) noexcept;
  // Takes out a span all of whose blocks have been freed. False if somebody else has it.
  [[nodiscard]] bool take_if_empty(Span& span) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept;
  [[nodiscard]] std::uint64_t claims() const noexcept { return claims_.load(std::memory_order_relaxed); }
  [[nodiscard]] sync::Mutex& mutex() noexcept { return mutex_; }

 private:
  [[nodiscard]] static bool possess_if_empty(Span& span) noexcept;

  sync::Mutex mutex_{sync::LockRank{.name = "abandoned spans", .order = 800}};
  std::array<SpanList, kSizeClasses> lists_ STRATA_GUARDED_BY(mutex_){};
  // Readable without the lock: most of the time there is nothing.
  std::array<sync::Atomic<std::uint32_t>, kSizeClasses> counts_{};
  sync::Atomic<std::uint64_t> claims_ = 0;
};

}  // namespace strata::allocator
