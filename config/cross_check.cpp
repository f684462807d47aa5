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
  if (admin.port == 0 || admin.port != server.port) return {};
  const auto taken = std::find_if(server.bind.begin(), server.bind.end(),
                                  [&](const std::string& address) { return overlap(address, admin.bind); });
  if (taken == server.bind.end()) return {};
  return {{"", "admin.port", "port " + std::to_string(admin.port) + " of " + *taken + " is taken by server.port",
           "another port, an admin.bind that server.bind does not cover, or 0 to turn the interface off"}};
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
  for (Problem& problem : check_auto_invalidation(settings)) problems.push_back(std::move(problem));
  for (Problem& problem : check_dynamic_sizing(settings)) problems.push_back(std::move(problem));
  return problems;
}

}  // namespace strata::config
