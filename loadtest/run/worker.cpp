#include "loadtest/run/worker.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace strata::loadtest {

Worker::Worker(const Options& options)
    : options_(options), epoll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(std::make_unique<char[]>(kReceiveBytes)) {}

Worker::~Worker() {
  if (epoll_ >= 0) ::close(epoll_);
}

bool Worker::connect(std::string& problem) {
  if (epoll_ < 0) {
    problem = "no epoll: out of file descriptors; allow more with ulimit -n";
    return false;
  }
  for (unsigned i = 0; i < options_.connections; ++i) {
    Socket& socket = sockets_.emplace_back(Socket::open(options_.target, problem));
    if (!socket.valid()) return false;
    socket.make_non_blocking();
    waits_for_writable_.push_back(false);
    rests_from_reading_.push_back(false);
    watch(i, EPOLL_CTL_ADD);
  }
  return true;
}

bool Worker::run(const Window& window, std::string& problem) {
  // Arrivals are to be sent when they are due, not up to 50 us later.
  ::prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  clock_.start(window);
  std::uint64_t now = now_ns();
  begin(now);
  while (problem_.empty() && !(finished(now) && outstanding() == 0) && now <= window.end_ns + kDrainNs) now = turn(now);
  now = now_ns();
  if (outstanding() > 0) {
    const std::uint64_t unanswered = outstanding();
    give_up(now);
    recorder_.add_error(problem_.empty() ? "(no reply)" : "(connection lost before the reply)", unanswered);
    if (problem_.empty())
      problem_ = fmt::format("{}: {} requests got no reply within 5 s", options_.target.address(), unanswered);
  }
  clock_.finish(now);
  problem = problem_;
  return problem_.empty();
}

std::uint64_t Worker::turn(std::uint64_t now) {
  constexpr std::uint64_t kLongestWaitNs = 100'000'000;
  read_again(now);
  const std::uint64_t rest_ends_ns = rests_.empty() ? now + kLongestWaitNs : rests_.top().until_ns;
  const std::uint64_t again = std::min({due(now), now + kLongestWaitNs, rest_ends_ns});
  timespec wait{};
  if (again > now) wait.tv_nsec = static_cast<long>(again - now);
  std::array<epoll_event, 128> events;
  const int ready = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &wait, nullptr);
  now = now_ns();
  clock_.pass(now);
  for (int i = 0; i < ready && problem_.empty(); ++i) {
    const auto connection = static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64);
    const auto what = events[static_cast<std::size_t>(i)].events;
    if ((what & EPOLLOUT) != 0) {
      wait_for_writable(connection, false);
      writable(connection, now);
    }
    if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) now = receive(connection, now);
  }
  return now;
}

std::uint64_t Worker::receive(std::size_t connection, std::uint64_t now) {
  const ssize_t received = ::recv(sockets_[connection].fd(), buffer_.get(), most_to_read(), 0);
  if (received > 0) {
    now = now_ns();
    clock_.pass(now);
    if (options_.read_bytes_per_s > 0) rest_from_reading(connection, static_cast<std::size_t>(received), now);
    readable(connection, {buffer_.get(), static_cast<std::size_t>(received)}, now);
  } else if (options_.may_drop && (received == 0 || errno == ECONNRESET || errno == EPIPE)) {
    open_anew(connection, now);
  } else if (received == 0) {
    fail(fmt::format("{}: the server closed a connection", options_.target.address()));
  } else if (errno != EAGAIN && errno != EINTR) {
    fail(fmt::format("{}: a connection broke (error {})", options_.target.address(), errno));
  }
  return now;
}

std::size_t Worker::send(std::size_t connection, std::string_view bytes) {
  const ssize_t sent = ::send(sockets_[connection].fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(bytes.size())) return bytes.size();
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    if (options_.may_drop) return bytes.size();  // reading will find out, and open it anew
    fail(fmt::format("{}: the server closed a connection", options_.target.address()));
    return 0;
  }
  wait_for_writable(connection, true);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

void Worker::wait_for_writable(std::size_t connection, bool wanted) {
  if (waits_for_writable_[connection] == wanted) return;
  waits_for_writable_[connection] = wanted;
  watch(connection, EPOLL_CTL_MOD);
}

void Worker::watch(std::size_t connection, int epoll_operation) const {
  epoll_event event{};
  if (!rests_from_reading_[connection]) event.events |= EPOLLIN;
  if (waits_for_writable_[connection]) event.events |= EPOLLOUT;
  event.data.u64 = connection;
  ::epoll_ctl(epoll_, epoll_operation, sockets_[connection].fd(), &event);
}

std::size_t Worker::most_to_read() const noexcept {
  constexpr std::uint64_t kReadsPerSecond = 20;
  if (options_.read_bytes_per_s == 0) return kReceiveBytes;
  return std::clamp<std::size_t>(options_.read_bytes_per_s / kReadsPerSecond, 1, kReceiveBytes);
}

void Worker::rest_from_reading(std::size_t connection, std::size_t received, std::uint64_t now) {
  // What is due after the end is taken at once: the run is over.
  if (now >= clock_.window().end_ns) return;
  const double rest_ns = 1e9 * static_cast<double>(received) / static_cast<double>(options_.read_bytes_per_s);
  rests_.push({std::min(now + static_cast<std::uint64_t>(rest_ns), clock_.window().end_ns), connection});
  if (rests_from_reading_[connection]) return;
  rests_from_reading_[connection] = true;
  watch(connection, EPOLL_CTL_MOD);
}

void Worker::read_again(std::uint64_t now) {
  for (; !rests_.empty() && rests_.top().until_ns <= now; rests_.pop()) {
    const std::size_t connection = rests_.top().connection;
    if (!rests_from_reading_[connection]) continue;
    rests_from_reading_[connection] = false;
    watch(connection, EPOLL_CTL_MOD);
  }
}

void Worker::open_anew(std::size_t connection, std::uint64_t now) {
  std::string problem;
  sockets_[connection] = Socket::open(options_.target, problem);
  if (!sockets_[connection].valid()) return fail(std::move(problem));
  sockets_[connection].make_non_blocking();
  waits_for_writable_[connection] = false;
  rests_from_reading_[connection] = false;
  watch(connection, EPOLL_CTL_ADD);
  ++dropped_;
  dropped(connection, now);
}

void Worker::fail(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
}

}  // namespace strata::loadtest
