#include "server/net/poller.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace strata::server {

namespace {

Descriptor made(int descriptor, const char* by) {
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), std::string(by) + " for an event loop");
  return Descriptor(descriptor);
}

}  // namespace

Poller::Poller()
    : epoll_(made(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(made(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      timer_(made(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create")) {
  add_own(wake_, kWake);
  add_own(timer_, kTimer);
}

// Edges are enough: each write and each expiry is one, and nothing has to be read to be told of the next.
void Poller::add_own(const Descriptor& descriptor, std::uint32_t place) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = place;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor.get(), &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl for an event loop");
}

void Poller::wake() noexcept {
  const std::uint64_t one = 1;
  // It fails only when the count is full, which takes longer than any machine runs.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void Poller::wake_at(std::chrono::steady_clock::time_point time) noexcept {
  if (time == wakes_at_) return;
  wakes_at_ = time;
  // A time of zero would switch the timer off; what is past comes at once.
  const std::int64_t ns = std::max<std::int64_t>(std::chrono::nanoseconds(time.time_since_epoch()).count(), 1);
  constexpr std::int64_t kSecond = 1'000'000'000;
  itimerspec spec{};
  spec.it_value = {.tv_sec = ns / kSecond, .tv_nsec = ns % kSecond};
  (void)::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);  // fails for wrong arguments only
}

Poller::Turn Poller::turn() {
  std::array<epoll_event, kMostEvents> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
  Turn turn;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const auto place = static_cast<std::uint32_t>(event.data.u64);
    const auto uses = static_cast<std::uint32_t>(event.data.u64 >> 32U);
    if (place == kWake) {
      turn.was_woken = true;
    } else if (place == kTimer) {
      turn.time_has_come = true;
      wakes_at_ = std::chrono::steady_clock::time_point::max();  // it fires once
    } else if (places_[place].registration != nullptr && places_[place].uses == uses) {
      places_[place].registration->ready(event.events);
    }
  }
  return turn;
}

Poller::Registration::Registration(Poller& poller, int descriptor) : poller_(poller), descriptor_(descriptor) {
  if (poller_.free_places_.empty()) {
    poller_.places_.emplace_back();
    poller_.free_places_.reserve(poller_.places_.capacity());  // end() must not fail
    poller_.free_places_.push_back(static_cast<std::uint32_t>(poller_.places_.size() - 1));
  }
  place_ = poller_.free_places_.back();
  poller_.free_places_.pop_back();
  poller_.places_[place_].registration = this;
}

void Poller::Registration::end() noexcept {
  if (descriptor_ < 0) return;
  if (registered_ != 0) (void)::epoll_ctl(poller_.epoll_.get(), EPOLL_CTL_DEL, descriptor_, nullptr);
  poller_.places_[place_].registration = nullptr;
  ++poller_.places_[place_].uses;
  // There is room for all places.
  poller_.free_places_.push_back(place_);
  descriptor_ = -1;
  wanted_ = 0;
  registered_ = 0;
  listener_.reset();
}

void Poller::Registration::wait(std::uint32_t event) {
  if (descriptor_ < 0) return;
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
  if (::epoll_ctl(poller_.epoll_.get(), operation, descriptor_, &event) == 0) registered_ = wanted_;
}

void Poller::Registration::ready(std::uint32_t events) {
  // Held here, as it may end what it is told of: the registration, and itself with it. Moved, as counting the holders would be two atomics a request.
  std::shared_ptr<TransportListener> listener = std::move(listener_);
  const bool is_gone = (events & (EPOLLERR | EPOLLHUP)) != 0;
  const std::uint32_t told = wanted_ & (is_gone ? EPOLLIN | EPOLLOUT : events);
  const std::uint32_t uses = poller_.places_[place_].uses;
  Poller& poller = poller_;
  const std::uint32_t place = place_;
  const auto is_alive = [&] { return poller.places_[place].registration == this && poller.places_[place].uses == uses; };
  is_told_ = true;
  wanted_ &= ~told;
  if ((told & EPOLLIN) != 0) listener->on_readable();
  if ((told & EPOLLOUT) != 0 && is_alive()) listener->on_writable();
  if (!is_alive()) return;
  listener_ = std::move(listener);
  is_told_ = false;
  adjust();
}

}  // namespace strata::server
