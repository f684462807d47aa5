#include "engine/cache/protocol_points.h"

#ifdef STRATA_PROTOCOL_POINTS

#include <atomic>

namespace strata::cache {

namespace {

constinit std::atomic<ProtocolPointHandler> handler_at_points{nullptr};
constinit std::atomic<ProtocolFault> present_fault{ProtocolFault::none};

}  // namespace

ProtocolPointHandler set_protocol_point_handler(ProtocolPointHandler handler) noexcept {
  return handler_at_points.exchange(handler, std::memory_order_acq_rel);
}

void set_protocol_fault(ProtocolFault fault) noexcept { present_fault.store(fault, std::memory_order_relaxed); }

bool has_fault(ProtocolFault fault) noexcept { return present_fault.load(std::memory_order_relaxed) == fault; }

void pass(ProtocolPoint point) noexcept {
  if (const ProtocolPointHandler handler = handler_at_points.load(std::memory_order_acquire)) handler(point);
}

}  // namespace strata::cache

#endif
