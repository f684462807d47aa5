#include "server/commands/redis_settings.h"

#include <array>
#include <string>

#include "config/schema.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

using config::Settings;

std::string max_memory(const ServerState& server, const Settings&) {
  return std::to_string(server.cache.tunables().max_memory_bytes);
}
std::string all_clients_bytes(const ServerState& server, const Settings&) {
  return std::to_string(server.limits.all_clients_bytes.load(std::memory_order_relaxed));
}
std::string idle_seconds(const ServerState&, const Settings& settings) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(settings.server.idle_timeout).count());
}
std::string keepalive_seconds(const ServerState&, const Settings& settings) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(settings.server.tcp_keepalive).count());
}
std::string latency_ms(const ServerState&, const Settings& settings) {
  return std::to_string(settings.command_log.latency_threshold.count());
}
std::string bulk_bytes(const ServerState&, const Settings& settings) { return std::to_string(settings.limits.bulk_length_bytes); }
std::string query_bytes(const ServerState&, const Settings& settings) {
  return std::to_string(settings.limits.query_buffer_bytes);
}
std::string password(const ServerState&, const Settings& settings) { return settings.security.password; }
std::string bind(const ServerState&, const Settings& settings) {
  std::string all;
  for (const std::string& address : settings.server.bind) all.append(all.empty() ? "" : " ").append(address);
  return all;
}
std::string nothing(const ServerState&, const Settings&) { return {}; }
std::string no(const ServerState&, const Settings&) { return "no"; }
std::string yes(const ServerState&, const Settings&) { return "yes"; }

// clang-format off
constexpr std::array kSettings = {
    RedisSetting{"aclfile", "security.acl_file", nullptr},
    RedisSetting{"acllog-max-len", "security.acl_log_entries", nullptr},
    RedisSetting{"appendonly", "", no},  // nothing is persistent yet
    RedisSetting{"bind", "server.bind", bind},
    RedisSetting{"client-query-buffer-limit", "limits.query_buffer", query_bytes},
    RedisSetting{"commandlog-execution-slower-than", "command_log.slower_than_us", nullptr},
    RedisSetting{"commandlog-large-reply-max-len", "command_log.entries", nullptr},
    RedisSetting{"commandlog-large-request-max-len", "command_log.entries", nullptr},
    RedisSetting{"commandlog-reply-larger-than", "command_log.reply_larger_than", nullptr},
    RedisSetting{"commandlog-request-larger-than", "command_log.request_larger_than", nullptr},
    RedisSetting{"commandlog-slow-execution-max-len", "command_log.entries", nullptr},
    RedisSetting{"databases", "server.databases", nullptr},
    RedisSetting{"latency-monitor-threshold", "command_log.latency_threshold", latency_ms, "ms"},
    RedisSetting{"maxclients", "limits.max_clients", nullptr},
    RedisSetting{"maxmemory", "memory.max_memory", max_memory},
    RedisSetting{"maxmemory-clients", "limits.all_clients", all_clients_bytes},
    RedisSetting{"maxmemory-policy", "memory.policy", nullptr},
    RedisSetting{"maxmemory-samples", "memory.eviction_samples", nullptr},
    RedisSetting{"notify-keyspace-events", "", nothing},
    RedisSetting{"port", "server.port", nullptr},
    RedisSetting{"protected-mode", "security.protected_mode", nullptr},
    RedisSetting{"proto-max-bulk-len", "limits.bulk_length", bulk_bytes},
    RedisSetting{"replica-read-only", "", yes},  // there are no replicas, and clients ask
    RedisSetting{"requirepass", "security.password", password},
    RedisSetting{"save", "", nothing},
    RedisSetting{"slave-read-only", "", yes},
    RedisSetting{"slowlog-log-slower-than", "command_log.slower_than_us", nullptr},
    RedisSetting{"slowlog-max-len", "command_log.entries", nullptr},
    RedisSetting{"tcp-backlog", "server.tcp_backlog", nullptr},
    RedisSetting{"tcp-keepalive", "server.tcp_keepalive", keepalive_seconds},
    RedisSetting{"timeout", "server.idle_timeout", idle_seconds},
    RedisSetting{"tls-auth-clients", "tls.client_certificates", nullptr},
    RedisSetting{"tls-ca-cert-file", "tls.ca_file", nullptr},
    RedisSetting{"tls-cert-file", "tls.certificate_file", nullptr},
    RedisSetting{"tls-ciphers", "tls.ciphers", nullptr},
    RedisSetting{"tls-ciphersuites", "tls.cipher_suites", nullptr},
    RedisSetting{"tls-key-file", "tls.key_file", nullptr},
    RedisSetting{"tls-port", "tls.port", nullptr},
    RedisSetting{"unixsocket", "server.unix_socket", nullptr},
};
// clang-format on

}  // namespace

std::span<const RedisSetting> redis_settings() noexcept { return kSettings; }

const RedisSetting* find_redis_setting(std::string_view name) noexcept {
  for (const RedisSetting& setting : kSettings) {
    if (equals_ignoring_case(name, setting.name)) return &setting;
  }
  return nullptr;
}

std::string own_value(const RedisSetting& setting, std::string_view given) {
  const bool is_number = !given.empty() && given.find_first_not_of("0123456789") == std::string_view::npos;
  return std::string(given).append(is_number ? setting.unit : std::string_view());
}

std::string redis_value(const RedisSetting& setting, const ServerState& server, const Settings& settings) {
  return setting.value != nullptr ? setting.value(server, settings) : config::get(settings, setting.path).value_or("");
}

}  // namespace strata::server
