#include "server/net/poller.h"

#include <cerrno>
#include <utility>

namespace strata::server {

namespace {

// Then timers and other threads have their turn.
constexpr int kMostRounds = 8;

int make_epoll() {
  const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0)
    throw boost::system::system_error({errno, boost::system::system_category()}, "epoll_create1 for the connections");
  return descriptor;
}

}  // namespace

Poller::Poller(boost::asio::io_context& io) : epoll_(io, make_epoll()) {}

void Poller::start() { wait(); }

void Poller::wait() {
  epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (error == boost::asio::error::operation_aborted) return;
    // What has come meanwhile is served at once: to wait through the io_context again costs three times this call.
    for (int round = 0; turn() && round < kMostRounds; ++round) {
    }
    wait();
  });
}

bool Poller::turn() {
  std::array<epoll_event, kMostEvents> events;
  const int count = ::epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const auto place = static_cast<std::uint32_t>(event.data.u64);
    const auto uses = static_cast<std::uint32_t>(event.data.u64 >> 32U);
    if (places_[place].registration != nullptr && places_[place].uses == uses) places_[place].registration->ready(event.events);
  }
  return count > 0;
}

Poller::Registration::Registration(Poller& poller, int descriptor) : poller_(poller), descriptor_(descriptor) {
  if (poller_.free_places_.empty()) {
    poller_.free_places_.push_back(static_cast<std::uint32_t>(poller_.places_.size()));
    poller_.places_.emplace_back();
  }
  place_ = poller_.free_places_.back();
  poller_.free_places_.pop_back();
  poller_.places_[place_].registration = this;
}

void Poller::Registration::end() noexcept {
  if (descriptor_ < 0) return;
  if (registered_ != 0) (void)::epoll_ctl(poller_.epoll_.native_handle(), EPOLL_CTL_DEL, descriptor_, nullptr);
  poller_.places_[place_].registration = nullptr;
  ++poller_.places_[place_].uses;
  // There is room: it had its place here before.
  poller_.free_places_.push_back(place_);
  descriptor_ = -1;
  wanted_ = 0;
  registered_ = 0;
  listener_.reset();
}

void Poller::Registration::wait(std::uint32_t event, std::shared_ptr<TransportListener> listener) {
  if (descriptor_ < 0) return;
  if (listener_ != listener) listener_ = std::move(listener);
  wanted_ |= event;
  if (!is_told_) adjust();
}

// What is registered and not wanted any more is taken back only when it happens: most wait for the same again.
void Poller::Registration::adjust() noexcept {
  if (wanted_ == registered_) return;
  epoll_event event{};
  event.events = wanted_;
  event.data.u64 = std::uint64_t{poller_.places_[place_].uses} << 32U | place_;
  int operation = registered_ == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (wanted_ == 0) operation = EPOLL_CTL_DEL;
  if (::epoll_ctl(poller_.epoll_.native_handle(), operation, descriptor_, &event) == 0) registered_ = wanted_;
}

void Poller::Registration::ready(std::uint32_t events) {
  // Its end, if it is told to end.
  const std::shared_ptr<TransportListener> listener = listener_;
  const bool is_gone = (events & (EPOLLERR | EPOLLHUP)) != 0;
  const std::uint32_t told = wanted_ & (is_gone ? EPOLLIN | EPOLLOUT : events);
  const std::uint64_t use = poller_.places_[place_].uses;
  Poller& poller = poller_;
  const std::uint32_t place = place_;
  const auto is_alive = [&] { return poller.places_[place].registration == this && poller.places_[place].uses == use; };
  is_told_ = true;
  wanted_ &= ~told;
  if ((told & EPOLLIN) != 0) listener->on_readable();
  if ((told & EPOLLOUT) != 0 && is_alive()) listener->on_writable();
  if (!is_alive()) return;
  is_told_ = false;
  adjust();
}

}  // namespace strata::server
