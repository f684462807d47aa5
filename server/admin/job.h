#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "server/admin/response.h"

namespace strata::server::admin {

// Work that is too long for one go: it is done in slices of at most half a millisecond or so, between which the control
// thread serves others. Destroying it before its end gives it up. Thread safety: none.
class Job {
 public:
  Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  // Does a little more; the answer once all is done. REQUIRES: has not answered yet
  virtual std::optional<Response> slice() = 0;
};

// What a handler leaves: its answer, or the job that will have one.
using Answer = std::variant<Response, std::unique_ptr<Job>>;

}  // namespace strata::server::admin
