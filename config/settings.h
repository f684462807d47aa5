#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Everything that can be configured, with its default beside it. A field `f` of the member `s` of Settings is the key `s.f`,
// without the unit at the end of its name. What a key accepts and what it does stands in schema.cpp.
// Plain values: copy them freely; no thread safety of their own.
namespace strata::config {

enum class EvictionPolicy : std::uint8_t {
  noeviction,
  s3fifo,
  sieve,
  clock,
  fifo,
  lru,
  mru,
  allkeys_lru,
  allkeys_lfu,
  allkeys_random,
  volatile_lru,
  volatile_lfu,
  volatile_random,
  volatile_ttl,
};
// What is invalidated when the share of hits falls.
enum class HitsAction : std::uint8_t { none, prefix, database, everything };
// Whether clients of TLS have to show a certificate.
enum class ClientCertificates : std::uint8_t { no, optional, required };
enum class TlsVersion : std::uint8_t { tls12, tls13 };
enum class LogLevel : std::uint8_t { trace, debug, info, warning, error, off };
enum class LogFormat : std::uint8_t { text, json };

// The names of the choices, in the order of the enumerators.
inline constexpr std::array<std::string_view, 14> kEvictionPolicyNames = {
    "noeviction",   "s3fifo",       "sieve",           "clock",       "fifo",
    "lru",          "mru",          "allkeys-lru",     "allkeys-lfu", "allkeys-random",
    "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"};
// Other names that are understood, and what they mean. It is shown by the name that clients of Redis know.
inline constexpr std::array<std::pair<std::string_view, EvictionPolicy>, 3> kEvictionPolicyAliases = {
    {{"lfu", EvictionPolicy::allkeys_lfu}, {"random", EvictionPolicy::allkeys_random}, {"ttl", EvictionPolicy::volatile_ttl}}};
inline constexpr std::array<std::string_view, 4> kHitsActionNames = {"none", "prefix", "database", "everything"};
inline constexpr std::array<std::string_view, 3> kClientCertificatesNames = {"no", "optional", "required"};
// As Redis has it.
inline constexpr std::array<std::pair<std::string_view, ClientCertificates>, 1> kClientCertificatesAliases = {
    {{"yes", ClientCertificates::required}}};
inline constexpr std::array<std::string_view, 2> kTlsVersionNames = {"1.2", "1.3"};
inline constexpr std::array<std::string_view, 6> kLogLevelNames = {"trace", "debug", "info", "warning", "error", "off"};
inline constexpr std::array<std::string_view, 2> kLogFormatNames = {"text", "json"};

// An amount of memory: so many bytes, or so many percent of what is available to the process.
struct MemoryAmount {
  enum class Unit : std::uint8_t { bytes, percent };
  Unit unit = Unit::bytes;
  std::uint64_t amount = 0;

  // The amount in bytes, when `available_bytes` are available.
  [[nodiscard]] constexpr std::uint64_t bytes_of(std::uint64_t available_bytes) const noexcept {
    // Hundredths first: the product of all bytes and a percentage may not fit.
    return unit == Unit::bytes ? amount : available_bytes / 100 * amount + available_bytes % 100 * amount / 100;
  }
  bool operator==(const MemoryAmount&) const = default;
};

struct Server {
  std::vector<std::string> bind = {"127.0.0.1"};
  std::uint32_t port = 6379;  // 0: no TCP
  std::string unix_socket;    // empty: none; a relative path starts at data_dir
  std::uint32_t unix_socket_mode = 0700;
  std::uint32_t threads = 0;  // 0: one per core
  std::uint32_t databases = 16;
  std::string data_dir = ".";
  std::uint32_t tcp_backlog = 511;
  std::chrono::milliseconds tcp_keepalive = std::chrono::minutes(5);  // 0: off
  std::chrono::milliseconds idle_timeout{0};                          // 0: never
  std::chrono::milliseconds shutdown_timeout = std::chrono::seconds(10);
  bool operator==(const Server&) const = default;
};

struct Memory {
  MemoryAmount max_memory = {MemoryAmount::Unit::percent, 80};
  bool force = false;
  EvictionPolicy policy = EvictionPolicy::s3fifo;
  std::uint32_t eviction_samples = 5;
  bool operator==(const Memory&) const = default;
};

// Whether the limit gives way when the machine or the control group is short of memory.
struct DynamicSizing {
  bool enabled = false;
  MemoryAmount min_memory = {MemoryAmount::Unit::percent, 25};  // of max_memory; so is the next
  MemoryAmount reserve = {MemoryAmount::Unit::percent, 5};
  std::uint32_t growth_percent = 125;
  std::chrono::milliseconds interval = std::chrono::seconds(1);
  std::chrono::milliseconds calm = std::chrono::seconds(10);
  bool operator==(const DynamicSizing&) const = default;
};

// What becomes of the lifetimes that clients ask for.
struct Expiry {
  std::uint32_t jitter_percent = 0;
  bool sliding = false;
  bool operator==(const Expiry&) const = default;
};

// What the cache takes out by itself.
struct AutoInvalidation {
  std::chrono::milliseconds interval{0};  // 0: off; so are those below
  std::uint32_t idle_percent = 50;
  std::chrono::milliseconds max_age{0};
  std::uint32_t pressure_percent = 0;
  std::uint32_t relief_percent = 0;
  std::chrono::milliseconds pressure_time = std::chrono::seconds(10);
  std::chrono::milliseconds hits_window{0};
  std::uint32_t hits_percent = 50;
  std::uint32_t hits_least_reads = 1000;
  HitsAction hits_action = HitsAction::none;
  std::uint32_t hits_database = 0;
  std::string hits_prefix;
  bool operator==(const AutoInvalidation&) const = default;
};

struct Limits {
  std::uint32_t max_clients = 10000;
  std::uint64_t query_buffer_bytes = 1ULL << 30;
  std::uint64_t output_buffer_bytes = 256ULL << 20;
  MemoryAmount all_clients = {MemoryAmount::Unit::percent, 20};  // of max_memory
  std::uint64_t bulk_length_bytes = 512ULL << 20;
  std::uint32_t arguments = 1U << 20;
  std::uint32_t monitor_lines = 20'000;
  bool operator==(const Limits&) const = default;
};

// Which commands are noted, and how many: SLOWLOG, COMMANDLOG. Below 0: none.
struct CommandLog {
  std::int64_t slower_than_us = 10'000;
  std::int64_t request_larger_than = 1 << 20;
  std::int64_t reply_larger_than = 1 << 20;
  std::uint32_t entries = 128;
  std::chrono::milliseconds latency_threshold{0};  // of LATENCY; 0: nothing is noted
  bool operator==(const CommandLog&) const = default;
};

struct Security {
  std::string password;  // empty: none
  bool protected_mode = true;
  std::string acl_file;  // empty: none; a relative path starts at data_dir
  std::uint32_t acl_log_entries = 128;
  bool operator==(const Security&) const = default;
};

// Paths are of PEM files; relative ones start at data_dir.
struct Tls {
  std::uint32_t port = 0;        // 0: none
  std::string certificate_file;  // with those of its issuers, if they are not known to clients
  std::string key_file;
  std::string ca_file;  // who issues certificates of clients
  ClientCertificates client_certificates = ClientCertificates::no;
  TlsVersion min_version = TlsVersion::tls12;
  std::string ciphers;        // up to 1.2, as OpenSSL names them; empty: its choice
  std::string cipher_suites;  // of 1.3; likewise
  bool admin = false;         // the admin API speaks it, too
  bool operator==(const Tls&) const = default;
};

struct Admin {
  std::string bind = "127.0.0.1";
  std::uint32_t port = 8379;  // 0: off
  std::string token;          // empty: none
  std::uint64_t body_limit_bytes = 1ULL << 20;
  std::chrono::milliseconds request_timeout = std::chrono::seconds(10);
  std::uint64_t header_limit_bytes = 8ULL << 10;
  std::chrono::milliseconds header_timeout = std::chrono::seconds(10);
  std::chrono::milliseconds idle_timeout = std::chrono::minutes(1);
  std::chrono::milliseconds response_timeout = std::chrono::seconds(10);
  std::uint32_t max_connections = 64;
  std::uint32_t audit_entries = 1000;
  bool operator==(const Admin&) const = default;
};

struct Log {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  std::string file;  // empty: standard error; a relative path starts at data_dir
  bool operator==(const Log&) const = default;
};

struct Settings {
  Server server;
  Memory memory;
  DynamicSizing dynamic_sizing;
  Expiry expiry;
  AutoInvalidation auto_invalidation;
  Limits limits;
  CommandLog command_log;
  Security security;
  Tls tls;
  Admin admin;
  Log log;
  bool operator==(const Settings&) const = default;
};

}  // namespace strata::config
