#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "server/net/descriptor.h"
#include "server/net/transport.h"

namespace strata::server {

// What a loop waits with: for sockets to be ready, for a time, or for another thread, in one system call a turn. Sockets stay registered for what they
// usually wait for, so that a request costs no system call but the wait, its read and its write.
// Thread safety: `wake` from any thread; all else from the loop's own. REQUIRES: outlives what is registered.
class Poller {
 public:
  // Throws std::system_error where the system has no descriptor left.
  Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Why a turn came about, besides sockets, whose listeners have been told by then.
  struct Turn {
    bool was_woken = false;
    bool time_has_come = false;
  };
  // Waits until something is ready.
  Turn turn();
  // Has a turn end, this one or the next.
  void wake() noexcept;
  // Has a turn end at `time`; the last call counts.
  void wake_at(std::chrono::steady_clock::time_point time) noexcept;

  // A descriptor's place here. Ends its waits when it ends, before the descriptor is closed.
  class Registration {
   public:
    Registration(Poller& poller, int descriptor);
    ~Registration() { end(); }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

    // Who is told; kept alive until end(), and while it is told. Once, before waiting.
    void listen(std::shared_ptr<TransportListener> listener) { listener_ = std::move(listener); }
    // The listener is told once for each call.
    void wait_readable() { wait(EPOLLIN); }
    void wait_writable() { wait(EPOLLOUT); }
    void end() noexcept;

   private:
    friend class Poller;
    void wait(std::uint32_t event);
    void ready(std::uint32_t events);
    void adjust() noexcept;

    Poller& poller_;
    int descriptor_;
    std::uint32_t place_;
    std::uint32_t wanted_ = 0;
    std::uint32_t registered_ = 0;
    bool is_told_ = false;  // the listener is being told: what it wants then is looked at afterwards
    std::shared_ptr<TransportListener> listener_;
  };

 private:
  // Events name a place and how often it was given away: what is ready in the same turn may end before it is told.
  struct Place {
    Registration* registration = nullptr;
    std::uint32_t uses = 0;
  };
  static constexpr std::size_t kMostEvents = 256;
  // Places of the poller's own descriptors.
  static constexpr std::uint32_t kWake = ~0U;
  static constexpr std::uint32_t kTimer = ~0U - 1;

  void add_own(const Descriptor& descriptor, std::uint32_t place);

  Descriptor epoll_;
  Descriptor wake_;
  Descriptor timer_;
  std::chrono::steady_clock::time_point wakes_at_ = std::chrono::steady_clock::time_point::max();
  std::vector<Place> places_;
  std::vector<std::uint32_t> free_places_;
};

}  // namespace strata::server
