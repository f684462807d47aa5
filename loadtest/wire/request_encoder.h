#pragma once

#include <string>
#include <string_view>

#include "loadtest/options.h"
#include "loadtest/workload/workload.h"

namespace strata::loadtest {

// Writes operations as requests of a protocol. Thread safety: one thread at a time; several encoders may share a workload.
class RequestEncoder {
 public:
  // The workload outlives this.
  RequestEncoder(Protocol protocol, const Workload& workload) : protocol_(protocol), workload_(workload) {}

  // Appends the request; a stored value comes from the workload's content.
  void append(const Operation& operation, std::string& to);
  // The same with a value of the caller's own. REQUIRES: stores_value(operation.kind).
  void append(const Operation& operation, std::string_view value, std::string& to);

 private:
  void append_resp(const Operation& operation, std::string_view value, std::string& to);
  void append_memcached(const Operation& operation, std::string_view value, std::string& to);
  void append_key(std::uint64_t key, std::string& to) const;
  void append_bulk_key(std::uint64_t key, std::string& to) const;

  Protocol protocol_;
  const Workload& workload_;
  std::string value_;
};

// "*2\r\n$4\r\nAUTH\r\n..." for the few requests outside a workload.
std::string resp_request(std::initializer_list<std::string_view> words);

}  // namespace strata::loadtest
