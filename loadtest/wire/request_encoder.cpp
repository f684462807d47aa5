#include "loadtest/wire/request_encoder.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace strata::loadtest {

namespace {

void append_bulk(std::string_view bytes, std::string& to) {
  fmt::format_to(std::back_inserter(to), "${}\r\n", bytes.size());
  to.append(bytes).append("\r\n");
}

void append_number(std::int64_t number, std::string& to) {
  std::array<char, 24> digits{};
  append_bulk({digits.data(), static_cast<std::size_t>(fmt::format_to(digits.data(), "{}", number) - digits.data())}, to);
}

// memcached counts in seconds, and takes more than 30 days for a moment of the calendar.
std::int64_t memcached_ttl_seconds(std::int64_t ttl_ms) {
  constexpr std::int64_t kLongest = 30LL * 24 * 3600;
  return std::min((ttl_ms + 999) / 1000, kLongest);
}

}  // namespace

std::string resp_request(std::initializer_list<std::string_view> words) {
  std::string request = fmt::format("*{}\r\n", words.size());
  for (const std::string_view word : words) append_bulk(word, request);
  return request;
}

void RequestEncoder::append(const Operation& operation, std::string& to) {
  value_.clear();
  if (stores_value(operation.kind)) workload_.value_content->append(operation.key, operation.value_bytes, value_);
  append(operation, value_, to);
}

void RequestEncoder::append(const Operation& operation, std::string_view value, std::string& to) {
  if (protocol_ == Protocol::memcached) {
    append_memcached(operation, value, to);
  } else {
    append_resp(operation, value, to);
  }
}

void RequestEncoder::append_key(std::uint64_t key, std::string& to) const {
  const std::size_t at = to.size();
  to.resize(at + workload_.keys.bytes());
  workload_.keys.write(key, to.data() + at);
}

void RequestEncoder::append_bulk_key(std::uint64_t key, std::string& to) const {
  fmt::format_to(std::back_inserter(to), "${}\r\n", workload_.keys.bytes());
  append_key(key, to);
  to.append("\r\n");
}

void RequestEncoder::append_resp(const Operation& operation, std::string_view value, std::string& to) {
  const bool expires = operation.ttl_ms > 0;
  switch (operation.kind) {
    case OperationKind::get: to.append("*2\r\n$3\r\nGET\r\n"); break;
    case OperationKind::del: to.append("*2\r\n$3\r\nDEL\r\n"); break;
    case OperationKind::incr: to.append("*2\r\n$4\r\nINCR\r\n"); break;
    case OperationKind::touch: to.append("*3\r\n$7\r\nPEXPIRE\r\n"); break;
    case OperationKind::set: to.append(expires ? "*5\r\n$3\r\nSET\r\n" : "*3\r\n$3\r\nSET\r\n"); break;
    case OperationKind::add: to.append(expires ? "*6\r\n$3\r\nSET\r\n" : "*4\r\n$3\r\nSET\r\n"); break;
  }
  append_bulk_key(operation.key, to);
  if (operation.kind == OperationKind::touch) append_number(operation.ttl_ms, to);
  if (!stores_value(operation.kind)) return;
  append_bulk(value, to);
  if (operation.kind == OperationKind::add) to.append("$2\r\nNX\r\n");
  if (!expires) return;
  to.append("$2\r\nPX\r\n");
  append_number(operation.ttl_ms, to);
}

void RequestEncoder::append_memcached(const Operation& operation, std::string_view value, std::string& to) {
  static constexpr std::array<std::string_view, kOperationKinds> kVerbs = {"get ", "set ", "add ", "delete ", "incr ", "touch "};
  to.append(kVerbs[static_cast<std::size_t>(operation.kind)]);
  append_key(operation.key, to);
  auto out = std::back_inserter(to);
  if (stores_value(operation.kind)) {
    fmt::format_to(out, " 0 {} {}\r\n", memcached_ttl_seconds(operation.ttl_ms), value.size());
    to.append(value);
  } else if (operation.kind == OperationKind::touch) {
    fmt::format_to(out, " {}", memcached_ttl_seconds(operation.ttl_ms));
  } else if (operation.kind == OperationKind::incr) {
    to.append(" 1");
  }
  to.append("\r\n");
}

}  // namespace strata::loadtest
