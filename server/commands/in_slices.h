#pragma once

#include <memory>
#include <utility>

#include "server/commands/context.h"

namespace strata::server {

// Calls `work->slice(context)` once a turn of the loop until it returns true, with the reply written: for what takes long and needs
// nothing of the request any more. Other clients have their turns between.
template <typename Work>
Outcome in_slices(Context& context, std::shared_ptr<Work> work) {
  if (work->slice(context)) return Outcome::done;
  context.suspension.resume_soon([work = std::move(work)](Context& later) { return in_slices(later, work); });
  return Outcome::suspended;
}

}  // namespace strata::server
