#include "server/listen_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstring>

namespace strata::server {

std::string address_and_port(const std::string& address, std::uint16_t port) {
  return address.find(':') != std::string::npos ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

std::string why_not_listening(const std::error_code& error, std::string_view where, std::string_view address_key,
                              std::string_view endpoint_key) {
  if (error == std::errc::address_in_use) {
    return fmt::format("cannot listen on {}: another process does already. Stop it, or choose another {}", where, endpoint_key);
  }
  if (error == std::errc::permission_denied) {
    return fmt::format("cannot listen on {}: no permission. Choose a {} this user may use", where, endpoint_key);
  }
  if (error == std::errc::address_family_not_supported || error == std::errc::address_not_available) {
    return fmt::format("cannot listen on {}: this machine has no such address. Change {}", where, address_key);
  }
  return fmt::format("cannot listen on {}: {}. Change {} or {}", where, error.message(), address_key, endpoint_key);
}

bool is_loopback(const std::string& address) {
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, address.c_str(), &v6) == 1 && std::memcmp(&v6, &in6addr_loopback, sizeof v6) == 0;
}

std::string check_exposure(const config::Settings& settings, bool asks_for_password) {
  if (!settings.security.protected_mode) return {};
  // Who has to show a certificate is known by it.
  const bool is_open = settings.server.port != 0 ||
                       (settings.tls.port != 0 && settings.tls.client_certificates != config::ClientCertificates::required);
  if (!asks_for_password && is_open) {
    for (const std::string& address : settings.server.bind) {
      if (is_loopback(address)) continue;
      return fmt::format(
          "refusing to listen on {} without a password: anybody who reaches it could read and change the data. Set "
          "security.password, or one of the user \"default\" in security.acl_file, or bind to 127.0.0.1 only, or turn "
          "security.protected_mode off",
          address);
    }
  }
  if (settings.admin.port != 0 && settings.admin.token.empty() && !is_loopback(settings.admin.bind)) {
    return fmt::format(
        "refusing to serve the admin API on {} without a token: anybody who reaches it could change the server. Set admin.token, "
        "or set admin.bind to 127.0.0.1, or turn security.protected_mode off",
        settings.admin.bind);
  }
  return {};
}

}  // namespace strata::server
