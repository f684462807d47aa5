#include "loadtest/prototypes/placement/placement.h"

#include "loadtest/prototypes/placement/mixed_segments.h"
#include "loadtest/prototypes/placement/size_classes.h"

namespace strata::placement {

std::unique_ptr<Placement> make_placement(const std::string& name, ItemTable& table, const Limits& limits) {
  if (name == "log") return std::make_unique<MixedSegments>(table, limits, false);
  if (name == "mixed") return std::make_unique<MixedSegments>(table, limits, true);
  if (name == "classes16") return std::make_unique<SizeClasses>(table, limits, 16);
  if (name == "classes32") return std::make_unique<SizeClasses>(table, limits, 32);
  return nullptr;
}

}  // namespace strata::placement
