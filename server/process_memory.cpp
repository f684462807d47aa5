#include "server/process_memory.h"

#include <algorithm>

namespace strata::server {
namespace {

// Of what is charged too much, one part in so many goes with each look.
constexpr std::int64_t kFall = 16;

}  // namespace

ProcessMemory::~ProcessMemory() { cache_.budget().charge(Purpose::process, -charged_bytes_); }

void ProcessMemory::update() {
  const os::ResidentMemory resident = system_.resident();
  const auto held = static_cast<std::int64_t>(resident.anonymous_bytes + resident.shared_bytes + resident.page_table_bytes);
  const std::int64_t others = static_cast<std::int64_t>(cache_.resident_bytes()) - charged_bytes_;
  const std::int64_t seen = std::max<std::int64_t>(held - others - static_cast<std::int64_t>(kUnchargedBytes), 0);
  const std::int64_t step = seen >= charged_bytes_ ? seen - charged_bytes_ : -((charged_bytes_ - seen + kFall - 1) / kFall);
  charged_bytes_ += step;
  cache_.budget().charge(Purpose::process, step);
}

}  // namespace strata::server
