#include <spdlog/spdlog.h>

#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "server/admin/json_structure.h"
#include "server/admin/percent_coding.h"
#include "server/admin/router.h"

// A request of the admin API without a socket: "METHOD target", the headers Accept and If-Match on a line each, then the body. It is admitted, its path and
// query are read, its body is parsed and its handler called, with a cache behind it. Whatever comes of it has to be an answer, and a problem has to be JSON.
namespace {

using namespace strata;
using namespace strata::server;
using namespace strata::server::admin;

// What the handlers work on. Nothing brings changed settings into effect.
struct Server {
  Server() { spdlog::set_level(spdlog::level::off); }

  Cache cache{{.namespaces = 4, .hash_seed = 7}, {.max_memory_bytes = 32ULL << 20}};
  SettingsStore store{config::Settings(), {}, {}};
  CommandTable commands;
  ClientRegistry clients;
  Statistics statistics{commands.all().size()};
  RuntimeLimits limits;
  CommandGate gate;
  AclRegistry acl{commands, gate};
  CloserLook closer_look;
  CommandLog command_log{closer_look};
  LatencyMonitor latency{closer_look};
  ClientPause pause{gate};
  MonitorFeed monitors{closer_look};
  ProcessFacts facts;
  ServerState state{cache,       store,       commands, clients, statistics, limits, acl,  gate,
                    closer_look, command_log, latency,  pause,   monitors,   facts,  [] {}};
  AdminState admin{state};
};

std::string_view take_until(std::string_view& rest, char end) {
  const std::string_view part = rest.substr(0, rest.find(end));
  rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  return part;
}

[[noreturn]] void fail(const char* what, std::string_view input) {
  std::cerr << what << ": " << input << "\n";
  std::abort();
}

void check(const Response& response, std::string_view input) {
  if (response.status < 200 || response.status > 599) fail("no status", input);
  if (response.status < 400) return;
  boost::system::error_code error;
  const auto problem = boost::json::parse(response.body, error);
  if (error || !problem.is_object()) fail("a problem is no JSON", input);
}

void check_coding(std::string_view input) {
  if (percent_decode(percent_encode(input), Plus::itself) != input) fail("bytes do not come back", input);
  // Counted in parts it has to come to the same.
  JsonStructure whole;
  JsonStructure parts;
  whole.look_at(input);
  parts.look_at(input.substr(0, input.size() / 2));
  parts.look_at(input.substr(input.size() / 2));
  if (whole.members() != parts.members() || whole.values() != parts.values()) fail("the structure differs", input);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Server server;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_coding(input);
  std::string_view rest = input;
  std::string_view line = take_until(rest, '\n');
  RequestHead head;
  head.method = take_until(line, ' ');
  head.target = line;
  head.accept = take_until(rest, '\n');
  head.if_match = take_until(rest, '\n');
  Admission admission = admit(head, config::Admin());
  if (admission.refusal) {
    check(*admission.refusal, input);
    return 0;
  }
  if (admission.route == nullptr) fail("neither a route nor a refusal", input);
  // Its effect is the process', and nothing of the request.
  if (admission.route->path == "/v1/memory/purge") return 0;
  admission.request.bytes.assign(rest);
  const auto exchange = make_exchange(server.admin, std::move(admission.request));
  while (true) {
    const auto response = exchange->slice();
    if (!response) continue;
    check(*response, input);
    return 0;
  }
}
