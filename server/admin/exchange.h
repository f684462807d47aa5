#pragma once

#include <boost/json/stream_parser.hpp>
#include <memory>
#include <optional>
#include <string>

#include "server/admin/json_structure.h"
#include "server/admin/request.h"

namespace strata::server::admin {

// One admitted request on its way to its answer: the body is parsed in slices, then the handler is called, then the job
// it left is run.
class Exchange final : public Job {
 public:
  Exchange(AdminState& state, Request request);

  std::optional<Response> slice() override;

 private:
  std::optional<Response> parse_more();
  std::optional<Response> call();

  AdminState& state_;
  Request request_;
  std::size_t parsed_bytes_ = 0;
  JsonStructure structure_;                           // of what is parsed
  std::optional<boost::json::stream_parser> parser_;  // while the body is being parsed
  std::unique_ptr<Job> job_;                          // of the handler
};

}  // namespace strata::server::admin
