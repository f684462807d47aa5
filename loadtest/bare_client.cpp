// The floor under any load generator: one epoll thread that sends encoded bytes and counts the bytes that come back. It does not
// look at a reply, so it needs a server whose replies all have the same size. What the generator costs above it is its own.
// usage: strata-bare-client PORT CONNECTIONS PIPELINE SECONDS REPLY_BYTES      prints its processor time a request, in us
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "loadtest/run/run_clock.h"
#include "loadtest/run/socket.h"
#include "loadtest/run/tape.h"

using namespace strata::loadtest;

namespace {

struct Connection {
  Socket socket;
  std::uint64_t missing = 0;  // bytes of replies
};

bool send_batch(Connection& connection, Tape& tape, std::uint64_t reply_bytes) {
  const Batch batch = tape.next();
  connection.missing = batch.count * reply_bytes;
  return ::send(connection.socket.fd(), batch.bytes.data(), batch.bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(batch.bytes.size());
}

int serve(int epoll, std::vector<Connection>& connections, Tape& tape, double seconds, std::uint64_t reply_bytes) {
  std::vector<char> buffer(256 << 10);
  std::array<epoll_event, 128> events;
  const std::uint64_t begin = now_ns();
  const std::uint64_t end = begin + static_cast<std::uint64_t>(seconds * 1e9);
  const std::uint64_t cpu = thread_cpu_ns();
  std::uint64_t bytes = 0;
  for (Connection& connection : connections) {
    if (!send_batch(connection, tape, reply_bytes)) return 1;
  }
  while (now_ns() < end) {
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 1000);
    for (int i = 0; i < ready; ++i) {
      Connection& connection = connections[events[static_cast<std::size_t>(i)].data.u64];
      const ssize_t received = ::recv(connection.socket.fd(), buffer.data(), buffer.size(), 0);
      if (received <= 0) return 1;
      bytes += static_cast<std::uint64_t>(received);
      connection.missing -= static_cast<std::uint64_t>(received);
      if (connection.missing == 0 && !send_batch(connection, tape, reply_bytes)) return 1;
    }
  }
  const auto requests = static_cast<double>(bytes) / static_cast<double>(reply_bytes);
  fmt::print("{{\"cpu_us_per_request\":{:.4f},\"requests_per_s\":{:.0f}}}\n",
             static_cast<double>(thread_cpu_ns() - cpu) / 1e3 / requests, requests * 1e9 / static_cast<double>(now_ns() - begin));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    fmt::print(stderr, "usage: strata-bare-client PORT CONNECTIONS PIPELINE SECONDS REPLY_BYTES\n");
    return 2;
  }
  Options options;
  options.target.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  options.workload.mix = "get=1";
  std::string problem;
  const auto workload = Workload::make(options.workload, 0, problem);
  if (!workload) return 2;
  OperationSource source(*workload, 0, 1);
  RequestEncoder encoder(options.target.protocol, *workload);
  Tape tape = Tape::record(source, encoder, static_cast<std::uint32_t>(std::atoi(argv[3])), options.encode_ahead_bytes,
                           ~std::uint64_t{0});
  const int epoll = ::epoll_create1(0);
  std::vector<Connection> connections;
  for (int i = 0; i < std::atoi(argv[2]); ++i) {
    connections.push_back({Socket::open(options.target, problem)});
    if (!connections.back().socket.valid()) {
      fmt::print(stderr, "strata-bare-client: {}\n", problem);
      return 1;
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = connections.size() - 1;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, connections.back().socket.fd(), &event);
  }
  return serve(epoll, connections, tape, std::atof(argv[4]), static_cast<std::uint64_t>(std::atoi(argv[5])));
}
