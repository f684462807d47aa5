#include <array>
#include <boost/json/value.hpp>

#include "server/admin/memory_figures.h"
#include "server/admin/router.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

Answer get_memory(AdminState& state, Request&) {
  const Cache& cache = state.server.cache;
  json::object figures = memory_figures(cache);
  const std::uint64_t charged = cache.resident_bytes();
  const std::uint64_t resident = LinuxSystemMemory().resident().rss_bytes();
  figures["max_memory_bytes"] = cache.tunables().max_memory_bytes;
  figures["process_resident_bytes"] = resident;
  figures["fragmentation_ratio"] = charged == 0 ? 0.0 : static_cast<double>(resident) / static_cast<double>(charged);
  figures["retired_bytes"] = cache.retired_bytes();
  figures["client_values_bytes"] = cache.held_value_bytes();
  figures["allocator"] = allocator_figures();
  return json_response(200, std::move(figures));
}

// It may take longer than the control thread can be held, so another one does it.
Answer purge(AdminState& state, Request& request) {
  const json::object before = allocator_figures();
  note_change(state, request, "free memory of the allocator", {}, "given back");
  if (!state.is_purging.exchange(true)) {
    state.purge = std::jthread([&is_purging = state.is_purging] {
      strata_purge();
      is_purging = false;
    });
  }
  return json_response(202, {{"free_resident_bytes", before.at("free_resident_bytes")}});
}

constexpr std::array kReplies = {
    RouteReply{.description = "The figures, in bytes.", .schema = R"({"$ref": "#/components/schemas/Memory"})"}};
constexpr std::array kPurgeReplies = {RouteReply{
    .status = 202,
    .description = "It is being given back: so much was free and resident.",
    .schema =
        R"({"type": "object", "required": ["free_resident_bytes"], "properties": {"free_resident_bytes": {"type": "integer"}}})",
    .example = R"({"free_resident_bytes": 1310720})"}};

constexpr std::array kRoutes = {
    Route{"GET",
          "/v1/memory",
          Access::token,
          Body::none,
          "What memory is held for, by the books of the engine, its allocator and the kernel.",
          get_memory,
          {},
          kReplies},
    Route{"POST",
          "/v1/memory/purge",
          Access::token,
          Body::none,
          "Gives memory that the allocator holds free back to the system now, instead of within seconds.",
          purge,
          {},
          kPurgeReplies},
};

}  // namespace

std::span<const Route> memory_routes() { return kRoutes; }

}  // namespace strata::server::admin
