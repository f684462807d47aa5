#include "config/schema.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "config/nearest_word.h"

namespace strata::config {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t operator""_kb(unsigned long long count) { return count << 10; }
constexpr std::uint64_t operator""_mb(unsigned long long count) { return count << 20; }
constexpr std::uint64_t operator""_gb(unsigned long long count) { return count << 30; }
constexpr std::uint64_t operator""_tb(unsigned long long count) { return count << 40; }

enum class RunTime : bool { fixed, changeable };
constexpr auto kFixed = RunTime::fixed;
constexpr auto kChangeable = RunTime::changeable;

constexpr std::size_t kPathBytes = 4095;
constexpr std::size_t kSocketPathBytes = 107;  // what fits into sockaddr_un with its closing zero
constexpr std::size_t kSecretBytes = 512;
constexpr std::size_t kCipherBytes = 4096;
constexpr std::size_t kAddresses = 16;
constexpr std::size_t kKeyPrefixBytes = 1024;  // that the cache takes

// Binds a rule to the field that two steps lead to.
template <auto Section, auto Field, typename Rule>
Key row(std::string_view path, Rule rule, RunTime run_time, std::string_view effect) {
  return {
      .path = path,
      .kind = rule.kind,
      .changeable = run_time == RunTime::changeable,
      .effect = effect,
      .allowed = rule.allowed(),
      .bounds = rule.bounds(),
      .set = [rule](Settings& settings, std::string_view text) { return rule.parse(text, (settings.*Section).*Field); },
      .get = [rule](const Settings& settings) { return rule.format((settings.*Section).*Field); },
  };
}

constexpr ChoiceRule<EvictionPolicy> kPolicyRule{
    .names = kEvictionPolicyNames,
    .aliases = kEvictionPolicyAliases,
    .refused = {"custom", "it asks a function of the program that uses the cache library, and the server has none"}};

// clang-format off
std::vector<Key> build_table() {
  using S = Settings;
  return {
    row<&S::server, &Server::bind>("server.bind", AddressListRule{kAddresses}, kFixed,
        "Addresses that clients connect to; the wildcards 0.0.0.0 and :: mean every interface."),
    row<&S::server, &Server::port>("server.port", integer(0, 65535), kFixed,
        "TCP port that clients connect to; 0 opens no TCP port."),
    row<&S::server, &Server::unix_socket>("server.unix_socket", TextRule{Kind::path, 0, kSocketPathBytes}, kFixed,
        "Unix socket that clients connect to; empty opens none, a relative path starts at server.data_dir."),
    row<&S::server, &Server::unix_socket_mode>("server.unix_socket_mode", octal(0, 0777), kFixed,
        "Permissions of the unix socket."),
    row<&S::server, &Server::threads>("server.threads", integer(0, 1024), kFixed,
        "Threads that serve clients; 0 means one per processor core."),
    row<&S::server, &Server::databases>("server.databases", integer(1, 128), kFixed,
        "Number of databases that SELECT can choose from."),
    row<&S::server, &Server::data_dir>("server.data_dir", TextRule{Kind::path, 1, kPathBytes}, kFixed,
        "Directory that relative paths of this configuration start at."),
    row<&S::server, &Server::tcp_backlog>("server.tcp_backlog", integer(1, 65535), kFixed,
        "New connections that may wait to be accepted; the kernel may lower it."),
    row<&S::server, &Server::tcp_keepalive>("server.tcp_keepalive", duration(0s, 24h), kChangeable,
        "Silence after which the kernel probes whether a client is still there; 0 turns the probes off."),
    row<&S::server, &Server::idle_timeout>("server.idle_timeout", duration(0s, 365 * 24h), kChangeable,
        "Silence after which a client is disconnected; 0 means never."),
    row<&S::server, &Server::shutdown_timeout>("server.shutdown_timeout", duration(0s, 1h), kChangeable,
        "Longest time that a stopping server waits for replies to reach their clients."),

    row<&S::memory, &Memory::max_memory>("memory.max_memory", MemoryRule{1_mb, 8_tb}, kChangeable,
        "Memory that the cache may use; a percentage is of the memory available to the process, its cgroup limit included."),
    row<&S::memory, &Memory::force>("memory.force", FlagRule{}, kChangeable,
        "Allows memory.max_memory to be more than 80 % of what the machine or the control group has."),
    row<&S::memory, &Memory::policy>("memory.policy", kPolicyRule, kChangeable,
        "Which keys make room when the memory is full; volatile means keys with an expiry, noeviction refuses writes instead."),
    row<&S::memory, &Memory::eviction_samples>("memory.eviction_samples", integer(1, 64), kChangeable,
        "Keys that are compared to find the best one to evict; more is more exact and slower."),

    row<&S::dynamic_sizing, &DynamicSizing::enabled>("dynamic_sizing.enabled", FlagRule{}, kChangeable,
        "Lowers the memory limit while the machine or the control group is short of memory."),
    row<&S::dynamic_sizing, &DynamicSizing::min_memory>("dynamic_sizing.min_memory", MemoryRule{1_mb, 8_tb, "memory.max_memory"}, kChangeable,
        "Memory down to which the limit gives way."),
    row<&S::dynamic_sizing, &DynamicSizing::reserve>("dynamic_sizing.reserve", MemoryRule{1_mb, 8_tb, "memory.max_memory"}, kChangeable,
        "Memory of the machine or the control group that is left to others."),
    row<&S::dynamic_sizing, &DynamicSizing::growth_percent>("dynamic_sizing.growth_percent", integer(101, 1000), kChangeable,
        "Percentage of what it is that the limit grows back to in one step, when memory is there again."),
    row<&S::dynamic_sizing, &DynamicSizing::interval>("dynamic_sizing.interval", duration(10ms, 1h), kChangeable,
        "How often it is looked at how much memory there is."),
    row<&S::dynamic_sizing, &DynamicSizing::calm>("dynamic_sizing.calm", duration(0s, 24h), kChangeable,
        "How long the limit stays after it was lowered, and after each step that it grows."),

    row<&S::expiry, &Expiry::jitter_percent>("expiry.jitter_percent", integer(0, 90), kChangeable,
        "Percentage of its lifetime by which a key may expire earlier than asked for, each by chance, so that keys stored together do not expire together."),
    row<&S::expiry, &Expiry::sliding>("expiry.sliding", FlagRule{}, kChangeable,
        "Whether reading a key, or changing its value, begins its lifetime anew; of keys written while it is on. Costs 7 bytes a key that expires."),

    row<&S::auto_invalidation, &AutoInvalidation::interval>("auto_invalidation.interval", duration(0s, 365 * 24h), kChangeable,
        "How often the share of idle keys is looked at: those not read or written for an interval, nor since the eviction looked last; 0 never."),
    row<&S::auto_invalidation, &AutoInvalidation::idle_percent>("auto_invalidation.idle_percent", integer(1, 100), kChangeable,
        "Percentage of idle keys from which on all of them are removed."),
    row<&S::auto_invalidation, &AutoInvalidation::max_age>("auto_invalidation.max_age", duration(0s, 10 * 365 * 24h), kChangeable,
        "Age at which keys are removed by the sweep, a second or more after they were written; 0 means any. Costs 5 bytes a key, as an interval does."),
    row<&S::auto_invalidation, &AutoInvalidation::pressure_percent>("auto_invalidation.pressure_percent", integer(0, 100), kChangeable,
        "Percentage of memory.max_memory above which keys are evicted ahead; 0 turns it off."),
    row<&S::auto_invalidation, &AutoInvalidation::relief_percent>("auto_invalidation.relief_percent", integer(0, 99), kChangeable,
        "Percentage of memory.max_memory down to which they are; below pressure_percent."),
    row<&S::auto_invalidation, &AutoInvalidation::pressure_time>("auto_invalidation.pressure_time", duration(1s, 24h), kChangeable,
        "How long memory has to stay above pressure_percent for that."),
    row<&S::auto_invalidation, &AutoInvalidation::hits_window>("auto_invalidation.hits_window", duration(0s, 24h), kChangeable,
        "How often the share of reads that are hits is compared with what was usual before; 0 never."),
    row<&S::auto_invalidation, &AutoInvalidation::hits_percent>("auto_invalidation.hits_percent", integer(1, 99), kChangeable,
        "Percentage of the usual share of hits below which it is an event."),
    row<&S::auto_invalidation, &AutoInvalidation::hits_least_reads>("auto_invalidation.hits_least_reads", integer(1, 4'000'000'000), kChangeable,
        "Reads that a window has to have to be compared."),
    row<&S::auto_invalidation, &AutoInvalidation::hits_action>("auto_invalidation.hits_action", ChoiceRule<HitsAction>{kHitsActionNames}, kChangeable,
        "What is invalidated at such an event: nothing, the keys of hits_prefix in hits_database, that database, or all databases."),
    row<&S::auto_invalidation, &AutoInvalidation::hits_database>("auto_invalidation.hits_database", integer(0, 127), kChangeable,
        "The database of hits_action; below server.databases."),
    row<&S::auto_invalidation, &AutoInvalidation::hits_prefix>("auto_invalidation.hits_prefix", TextRule{Kind::text, 0, kKeyPrefixBytes}, kChangeable,
        "The beginning of the keys that hits_action prefix invalidates; not empty with it."),

    row<&S::limits, &Limits::max_clients>("limits.max_clients", integer(1, 1'000'000), kChangeable,
        "Clients that may be connected at the same time."),
    row<&S::limits, &Limits::query_buffer_bytes>("limits.query_buffer", size(1_mb, 16_gb), kChangeable,
        "Unprocessed input that one client may have sent before it is disconnected."),
    row<&S::limits, &Limits::output_buffer_bytes>("limits.output_buffer", size(64_kb, 16_gb), kChangeable,
        "Replies that may wait for one client before it is disconnected."),
    row<&S::limits, &Limits::all_clients>("limits.all_clients", MemoryRule{1_mb, 8_tb, "memory.max_memory"}, kChangeable,
        "Memory that all clients together may hold in buffers and in values that are no key's; above it the one that holds most is disconnected."),
    row<&S::limits, &Limits::bulk_length_bytes>("limits.bulk_length", size(1_mb, 512_mb), kChangeable,
        "Length of one argument of a command, and so of a value."),
    row<&S::limits, &Limits::arguments>("limits.arguments", integer(16, 16'777'216), kChangeable,
        "Arguments that one command may have."),
    row<&S::limits, &Limits::monitor_lines>("limits.monitor_lines", integer(0, 4'000'000'000), kChangeable,
        "Commands a second that each client with MONITOR is shown; the others are counted. 0 shows all."),

    row<&S::command_log, &CommandLog::slower_than_us>("command_log.slower_than_us", signed_integer(-1, 86'400'000'000), kChangeable,
        "Microseconds from which on a command is noted for SLOWLOG; 0 notes all, -1 none."),
    row<&S::command_log, &CommandLog::request_larger_than>("command_log.request_larger_than", signed_integer(-1, 1LL << 40), kChangeable,
        "Bytes of a request from which on it is noted for COMMANDLOG; 0 notes all, -1 none."),
    row<&S::command_log, &CommandLog::reply_larger_than>("command_log.reply_larger_than", signed_integer(-1, 1LL << 40), kChangeable,
        "Bytes of a reply from which on its command is noted for COMMANDLOG; 0 notes all, -1 none."),
    row<&S::command_log, &CommandLog::entries>("command_log.entries", integer(0, 10'000), kChangeable,
        "Commands that are remembered of each of these kinds; of each at most 32 words of 128 bytes."),
    row<&S::command_log, &CommandLog::latency_threshold>("command_log.latency_threshold", duration(0s, 24h), kChangeable,
        "How long a command, or the wait of an event loop, takes from which on LATENCY notes when; 0 notes nothing."),

    row<&S::security, &Security::password>("security.password", TextRule{Kind::secret, 0, kSecretBytes}, kChangeable,
        "Password of the user \"default\", which clients give with AUTH; empty asks for none. A security.acl_file that is loaded says itself what the user has."),
    row<&S::security, &Security::protected_mode>("security.protected_mode", FlagRule{}, kChangeable,
        "Refuses to listen beyond this machine while the user \"default\" needs no password, and clients from beyond it once it needs none any more."),
    row<&S::security, &Security::acl_file>("security.acl_file", TextRule{Kind::path, 0, kPathBytes}, kFixed,
        "File of users and what they may do, as ACL SAVE writes it; empty means none, a relative path starts at server.data_dir."),
    row<&S::security, &Security::acl_log_entries>("security.acl_log_entries", integer(0, 10'000), kChangeable,
        "Refusals that ACL LOG remembers."),

    row<&S::tls, &Tls::port>("tls.port", integer(0, 65535), kFixed,
        "TCP port that clients connect to by TLS, on the addresses of server.bind; 0 opens none."),
    row<&S::tls, &Tls::certificate_file>("tls.certificate_file", TextRule{Kind::path, 0, kPathBytes}, kChangeable,
        "PEM file of the server's certificate and of those that vouch for it; a relative path starts at server.data_dir. Read again by SIGHUP."),
    row<&S::tls, &Tls::key_file>("tls.key_file", TextRule{Kind::path, 0, kPathBytes}, kChangeable,
        "PEM file of the certificate's private key, not encrypted."),
    row<&S::tls, &Tls::ca_file>("tls.ca_file", TextRule{Kind::path, 0, kPathBytes}, kChangeable,
        "PEM file of those whose certificates of clients are believed."),
    row<&S::tls, &Tls::client_certificates>("tls.client_certificates", ChoiceRule<ClientCertificates>{kClientCertificatesNames, kClientCertificatesAliases}, kChangeable,
        "Whether clients have to show a certificate that tls.ca_file vouches for; optional believes one that is shown, and asks for none."),
    row<&S::tls, &Tls::min_version>("tls.min_version", ChoiceRule<TlsVersion>{kTlsVersionNames}, kChangeable,
        "The oldest version of TLS that is spoken."),
    row<&S::tls, &Tls::ciphers>("tls.ciphers", TextRule{Kind::text, 0, kCipherBytes}, kChangeable,
        "Ciphers of TLS 1.2, as OpenSSL names them, separated by colons; empty means those that OpenSSL chooses."),
    row<&S::tls, &Tls::cipher_suites>("tls.cipher_suites", TextRule{Kind::text, 0, kCipherBytes}, kChangeable,
        "Cipher suites of TLS 1.3, likewise."),
    row<&S::tls, &Tls::admin>("tls.admin", FlagRule{}, kFixed,
        "Whether the HTTP interface speaks HTTPS, with the same certificates."),

    row<&S::admin, &Admin::bind>("admin.bind", AddressRule{}, kFixed,
        "Address of the HTTP interface for administration and metrics."),
    row<&S::admin, &Admin::port>("admin.port", integer(0, 65535), kFixed,
        "Port of the HTTP interface; 0 turns it off."),
    row<&S::admin, &Admin::token>("admin.token", TextRule{Kind::secret, 0, kSecretBytes}, kChangeable,
        "Bearer token that HTTP requests have to carry; empty asks for none."),
    row<&S::admin, &Admin::body_limit_bytes>("admin.body_limit", size(1_kb, 64_mb), kChangeable,
        "Length of the body of one HTTP request; of a value that is stored, limits.bulk_length bounds it, if its length is said ahead."),
    row<&S::admin, &Admin::request_timeout>("admin.request_timeout", duration(100ms, 1h), kChangeable,
        "Longest time that the body of one HTTP request may take to come."),
    row<&S::admin, &Admin::header_limit_bytes>("admin.header_limit", size(1_kb, 64_kb), kChangeable,
        "Length of the header of one HTTP request, and so of a key in its path."),
    row<&S::admin, &Admin::header_timeout>("admin.header_timeout", duration(100ms, 1h), kChangeable,
        "Longest time that the header of one HTTP request may take from its first byte on."),
    row<&S::admin, &Admin::idle_timeout>("admin.idle_timeout", duration(100ms, 24h), kChangeable,
        "How long an HTTP connection may be open without a request."),
    row<&S::admin, &Admin::response_timeout>("admin.response_timeout", duration(100ms, 1h), kChangeable,
        "Longest time that a client may take for 256 kb of an answer, or for what is left of it."),
    row<&S::admin, &Admin::max_connections>("admin.max_connections", integer(1, 1000), kChangeable,
        "HTTP connections that may be open at the same time; those beyond it are refused."),
    row<&S::admin, &Admin::audit_entries>("admin.audit_entries", integer(0, 10'000), kChangeable,
        "Changes through the HTTP interface that are remembered; less than 1 kb each."),

    row<&S::log, &Log::level>("log.level", ChoiceRule<LogLevel>{kLogLevelNames}, kChangeable,
        "Messages below this level are not written."),
    row<&S::log, &Log::format>("log.format", ChoiceRule<LogFormat>{kLogFormatNames}, kFixed,
        "How a message is written: a line of text or a JSON object."),
    row<&S::log, &Log::file>("log.file", TextRule{Kind::path, 0, kPathBytes}, kFixed,
        "File that messages are appended to; empty means standard error, a relative path starts at server.data_dir."),
  };
}
// clang-format on

std::string variable_of(std::string_view path) {
  std::string name = "STRATA_";
  for (const char c : path) name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

const Key* find_if(const std::function<bool(const Key&)>& wanted) {
  const auto key = std::find_if(all_keys().begin(), all_keys().end(), wanted);
  return key == all_keys().end() ? nullptr : &*key;
}

// The key with the smallest distance, or nullptr when none is near enough to have been meant.
const Key* nearest_key(std::string_view wanted, const std::function<std::size_t(const Key&)>& distance) {
  const Key* nearest = nullptr;
  std::size_t smallest = slip_limit(wanted);
  if (smallest == 0) return nearest;
  for (const Key& key : all_keys()) {
    const std::size_t candidate = distance(key);
    if (candidate >= smallest) continue;
    smallest = candidate;
    nearest = &key;
  }
  return nearest;
}

}  // namespace

std::string Key::variable() const { return variable_of(path); }

std::string Key::shown(const Settings& settings) const {
  std::string text = get(settings);
  return kind == Kind::secret && !text.empty() ? std::string(kSecretMask) : text;
}

const std::vector<Key>& all_keys() {
  static const std::vector<Key> table = build_table();
  return table;
}

const Key* find_key(std::string_view path) {
  return find_if([path](const Key& key) { return key.path == path; });
}

const Key* find_variable(std::string_view name) {
  return find_if([name](const Key& key) { return key.variable() == name; });
}

bool is_section(std::string_view name) {
  return find_if([name](const Key& key) { return key.section() == name; }) != nullptr;
}

std::optional<std::string> get(const Settings& settings, std::string_view path) {
  const Key* key = find_key(path);
  return key == nullptr ? std::nullopt : std::optional(key->shown(settings));
}

std::string unknown_key(std::string_view path) {
  // A name without its section is a slip too: compare it with the names alone.
  const bool whole = path.find('.') != std::string_view::npos;
  const Key* nearest = nearest_key(path, [&](const Key& key) { return edit_distance(path, whole ? key.path : key.name()); });
  return nearest == nullptr ? "unknown key" : "unknown key, did you mean " + std::string(nearest->path) + "?";
}

std::string unknown_variable(std::string_view name) {
  const Key* nearest = nearest_key(name, [&](const Key& key) { return edit_distance(name, key.variable()); });
  return nearest == nullptr ? "unknown variable" : "unknown variable, did you mean " + nearest->variable() + "?";
}

}  // namespace strata::config
