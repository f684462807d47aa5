#pragma once

#include <atomic>
#include <cstdint>

#include "engine/sync/asymmetric_fence.h"
#include "engine/sync/mutex.h"

namespace strata::cache {

// Which every change of the index passes, so that somebody can be alone with it for a moment: what applies to all keys (another meaning of a
// database, a listener, the cut of a snapshot) happens while it is closed. Passing costs two plain stores to the thread's own line and a
// load; closing waits for the changes under way, each a fraction of a microsecond, and holds up those that come. Reads do not pass it.
class WriteGate {
 public:
  // A thread's place in it. Only its thread passes; others look.
  class Writer {
   public:
    explicit Writer(WriteGate& gate) noexcept;
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

   private:
    friend class WriteGate;
    friend class Passage;
    WriteGate& gate_;
    std::atomic<bool> inside_ = false;
    Writer* next_ = nullptr;  // this and previous_: the gate's
    Writer* previous_ = nullptr;
  };

  // From construction to destruction the gate is closed and nobody is inside. Locks: before all others of the cache.
  class Closed {
   public:
    explicit Closed(WriteGate& gate) noexcept STRATA_NO_THREAD_SAFETY_ANALYSIS;
    ~Closed() STRATA_NO_THREAD_SAFETY_ANALYSIS;
    Closed(const Closed&) = delete;
    Closed& operator=(const Closed&) = delete;

   private:
    WriteGate& gate_;
  };

  [[nodiscard]] std::uint64_t closings() const noexcept { return closings_.load(std::memory_order_relaxed); }

 private:
  friend class Passage;
  void wait_until_open() const noexcept;

  std::atomic<bool> closed_ = false;
  std::atomic<std::uint64_t> closings_ = 0;
  sync::Mutex mutex_{sync::LockRank{.name = "write gate", .order = 90}};
  Writer* first_ STRATA_GUARDED_BY(mutex_) = nullptr;
};

// A change is being published, from construction to destruction. REQUIRES: the thread is not inside already, and holds no home.
class Passage {
 public:
  explicit Passage(WriteGate::Writer& writer) noexcept : writer_(writer) {
    for (;;) {
      writer_.inside_.store(true, std::memory_order_relaxed);
      sync::light_fence();
      if (!writer_.gate_.closed_.load(std::memory_order_acquire)) [[likely]]
        return;
      writer_.inside_.store(false, std::memory_order_release);
      writer_.gate_.wait_until_open();
    }
  }
  ~Passage() { writer_.inside_.store(false, std::memory_order_release); }
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;

 private:
  WriteGate::Writer& writer_;
};

}  // namespace strata::cache
