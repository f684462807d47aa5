#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// What the command line asked for, as plain values.
namespace strata::loadtest {

enum class Command : std::uint8_t { run, load, trace, verify, presets };
enum class Protocol : std::uint8_t { resp2, resp3, memcached };

struct Target {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  std::string unix_socket;  // instead of host and port
  Protocol protocol = Protocol::resp2;
  std::string password;
  unsigned database = 0;
  int receive_buffer_bytes = 0;  // of the socket; 0: what the kernel gives

  [[nodiscard]] std::string address() const { return unix_socket.empty() ? host + ":" + std::to_string(port) : unix_socket; }
};

struct WorkloadOptions {
  std::uint64_t keys = 100'000;
  std::size_t key_bytes = 16;
  std::string key_prefix = "key:";
  std::string value_size = "64";
  std::string value_content = "random";
  std::string mix = "get=90,set=10";
  std::string distribution = "uniform";
  std::string ttl;             // empty: none
  double churn = 0;            // share of the requests with which one key goes out of use and a new one into use
  double one_hit_wonders = 0;  // share of the requests that go to a key never used again
  bool stored_first = false;   // new keys begin with a store, as far as the mix has stores for them
  std::string preset;          // what the values above were taken from, if any
  std::uint64_t seed = 1;
};

struct Options {
  Command command = Command::run;
  Target target;
  WorkloadOptions workload;

  unsigned threads = 1;
  unsigned connections = 10;  // a thread
  unsigned pipeline = 1;
  std::chrono::milliseconds duration{10'000};
  std::chrono::milliseconds warmup{0};
  std::uint64_t requests = 0;  // 0: the duration decides
  double rate = 0;             // requests a second in all; 0: closed loop
  std::uint64_t encode_ahead_bytes = 64ULL << 20;
  std::uint64_t warm_requests = 0;     // look-aside: requests whose hits and misses do not count
  std::uint64_t read_bytes_per_s = 0;  // a connection reads no faster; 0: as fast as it can
  std::string trace_file;
  bool poisson = true;      // arrivals of the open loop
  bool look_aside = false;  // run: a GET that missed is followed by a SET
  bool may_drop = false;    // run: a connection that the server closes is counted and opened anew
  bool may_evict = false;   // verify: a value that is gone was evicted, not lost

  std::string json_file;
  std::string csv_file;
  bool quiet = false;
  int server_pid = 0;
  std::vector<std::string> words;  // the command line itself
};

}  // namespace strata::loadtest
