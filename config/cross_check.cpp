#include "config/cross_check.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace strata::config {
namespace {

bool overlap(std::string_view a, std::string_view b) {
  const bool same_family = (a.find(':') == std::string_view::npos) == (b.find(':') == std::string_view::npos);
  const auto is_wildcard = [](std::string_view address) { return address == "0.0.0.0" || address == "::"; };
  return a == b || (same_family && (is_wildcard(a) || is_wildcard(b)));
}

std::vector<Problem> check_ports(const Settings& settings) {
  const Server& server = settings.server;
  const Admin& admin = settings.admin;
  std::vector<Problem> problems;
  const auto expect_apart = [&](std::uint32_t port, std::string_view key) {
    if (admin.port == 0 || admin.port != port) return;
    const auto taken = std::find_if(server.bind.begin(), server.bind.end(),
                                    [&](const std::string& address) { return overlap(address, admin.bind); });
    if (taken == server.bind.end()) return;
    problems.push_back({"", "admin.port", "port " + std::to_string(port) + " of " + *taken + " is taken by " + std::string(key),
                        "another port, an admin.bind that server.bind does not cover, or 0 to turn the interface off"});
  };
  expect_apart(server.port, "server.port");
  expect_apart(settings.tls.port, "tls.port");
  if (settings.tls.port != 0 && settings.tls.port == server.port)
    problems.push_back({"", "tls.port", "port " + std::to_string(server.port) + " is taken by server.port",
                        "another port, or server.port 0 to be reached by TLS only"});
  return problems;
}

std::vector<Problem> check_tls(const Settings& settings) {
  const Tls& tls = settings.tls;
  std::vector<Problem> problems;
  const auto expect_file = [&](const std::string& path, std::string_view key, std::string_view why) {
    if (path.empty()) problems.push_back({"", std::string(key), "is empty, and " + std::string(why), "the path of a PEM file"});
  };
  const bool is_on = tls.port != 0 || (tls.admin && settings.admin.port != 0);
  if (!is_on) return {};
  expect_file(tls.certificate_file, "tls.certificate_file", "TLS is on");
  expect_file(tls.key_file, "tls.key_file", "TLS is on");
  if (tls.client_certificates != ClientCertificates::no)
    expect_file(tls.ca_file, "tls.ca_file", "tls.client_certificates asks for certificates");
  return problems;
}

std::vector<Problem> check_auto_invalidation(const Settings& settings) {
  using namespace std::chrono_literals;
  const AutoInvalidation& ours = settings.auto_invalidation;
  std::vector<Problem> problems;
  if (ours.max_age > 0s && ours.max_age < 1s)
    problems.push_back({"", "auto_invalidation.max_age", "an age is told in whole seconds", "0s, or a duration from 1s on"});
  if (ours.pressure_percent > 0 && ours.relief_percent >= ours.pressure_percent)
    problems.push_back({"", "auto_invalidation.relief_percent",
                        std::to_string(ours.relief_percent) + " is not below auto_invalidation.pressure_percent, " +
                            std::to_string(ours.pressure_percent),
                        "a percentage below it"});
  const bool of_one = ours.hits_action == HitsAction::prefix || ours.hits_action == HitsAction::database;
  if (of_one && ours.hits_database >= settings.server.databases)
    problems.push_back({"", "auto_invalidation.hits_database",
                        "there is no database " + std::to_string(ours.hits_database) + ": server.databases is " +
                            std::to_string(settings.server.databases),
                        "an integer below server.databases"});
  if (ours.hits_action == HitsAction::prefix && ours.hits_prefix.empty())
    problems.push_back({"", "auto_invalidation.hits_prefix", "is empty, and auto_invalidation.hits_action is prefix",
                        "a text of 1 to 1024 bytes, or another hits_action"});
  return problems;
}

std::vector<Problem> check_dynamic_sizing(const Settings& settings) {
  const MemoryAmount& least = settings.dynamic_sizing.min_memory;
  const MemoryAmount& most = settings.memory.max_memory;
  if (least.unit != MemoryAmount::Unit::bytes || most.unit != MemoryAmount::Unit::bytes || least.amount <= most.amount) return {};
  return {{"", "dynamic_sizing.min_memory", "is more than memory.max_memory",
           "a size up to memory.max_memory, or a percentage of it"}};
}

}  // namespace

std::vector<Problem> cross_check(const Settings& settings) {
  std::vector<Problem> problems = check_ports(settings);
  for (Problem& problem : check_tls(settings)) problems.push_back(std::move(problem));
  for (Problem& problem : check_auto_invalidation(settings)) problems.push_back(std::move(problem));
  for (Problem& problem : check_dynamic_sizing(settings)) problems.push_back(std::move(problem));
  return problems;
}

}  // namespace strata::config
