#pragma once

#include <sys/epoll.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "server/net/transport.h"

namespace strata::server {

// Tells the sockets of a loop that they are ready: an epoll of its own, which the loop's io_context waits for as for one descriptor. Sockets stay
// registered for what they usually wait for, so that a request costs no system call but its read and its write; asio registers anew for
// each wait, which is one more.
// Thread safety: none; the loop's own. REQUIRES: outlives what is registered.
class Poller {
 public:
  // Throws boost::system::system_error where the system has no descriptor left.
  explicit Poller(boost::asio::io_context& io);
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Begins to wait; before it returns nobody is told anything. Once.
  void start();
  // A descriptor's place here. Ends its waits when it ends, before the descriptor is closed.
  class Registration {
   public:
    Registration(Poller& poller, int descriptor);
    ~Registration() { end(); }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

    // The listener is told once for each call; kept alive until end().
    void wait_readable(std::shared_ptr<TransportListener> listener) { wait(EPOLLIN, std::move(listener)); }
    void wait_writable(std::shared_ptr<TransportListener> listener) { wait(EPOLLOUT, std::move(listener)); }
    void end() noexcept;

   private:
    friend class Poller;
    void wait(std::uint32_t event, std::shared_ptr<TransportListener> listener);
    void ready(std::uint32_t events);
    void adjust() noexcept;

    Poller& poller_;
    int descriptor_;
    std::uint32_t place_;
    std::uint32_t wanted_ = 0;
    std::uint32_t registered_ = 0;
    bool is_told_ = false;  // listeners are being told: what they want then is looked at afterwards
    std::shared_ptr<TransportListener> listener_;
  };

 private:
  // Events name a place and how often it was given away: what is ready in the same turn may end before it is told.
  struct Place {
    Registration* registration = nullptr;
    std::uint32_t uses = 0;
  };
  static constexpr std::size_t kMostEvents = 256;

  void wait();
  // False: nothing was ready.
  bool turn();

  boost::asio::posix::stream_descriptor epoll_;
  std::vector<Place> places_;
  std::vector<std::uint32_t> free_places_;
};

}  // namespace strata::server
