#include "server/commands/memory_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace strata::server {
namespace {

// The engine, unless the build has left the C library's in place.
std::string allocator_name() {
  const auto block = std::make_unique<char>();
  return strata_owns(block.get()) ? fmt::format("strata-{}", strata_version_text()) : "libc";
}

}  // namespace

MemoryFigures memory_figures(const ServerState& server) {
  const Budget& budget = server.cache.budget();
  const cache::CompactionStatistics segments = server.cache.compaction_statistics();
  MemoryFigures figures;
  figures.used = server.cache.resident_bytes();
  figures.peak = budget.peak_bytes();
  figures.limit = budget.limit_bytes();
  figures.rss = LinuxSystemMemory().resident().rss_bytes();
  figures.dataset = std::min(budget.bytes(Purpose::items) + budget.bytes(Purpose::large_values), figures.used);
  figures.overhead = figures.used - figures.dataset;
  figures.index = budget.bytes(Purpose::index);
  figures.clients = budget.bytes(Purpose::client_buffers);
  figures.client_values = server.cache.held_value_bytes();
  figures.process = budget.bytes(Purpose::process);
  figures.segments = segments.segments_bytes;
  figures.segments_free = segments.free_bytes;
  figures.allocator = allocator_name();
  strata_held_memory allocator{};
  allocator.struct_bytes = sizeof allocator;
  if (strata_memory_held(&allocator) == STRATA_OK) {
    figures.allocator_active = allocator.in_use_bytes;
    figures.allocator_resident = allocator.resident_at_most_bytes;
  }
  return figures;
}

}  // namespace strata::server
