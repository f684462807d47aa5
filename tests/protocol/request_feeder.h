#pragma once

#include <cstddef>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/request_parser.h"

namespace strata::protocol::testing {

using Request = std::vector<std::string>;

// All that a stream of bytes means: its requests, then the error that ended it, if any.
struct Meaning {
  std::vector<Request> requests;
  std::string error;

  bool operator==(const Meaning&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Meaning& meaning);

enum class LargeBulks { in_window, diverted };

// Feeds `stream` to a new parser as a server would, cut at the offsets `cuts` (ascending, at most the size of the stream).
// Every window is a heap block of exactly its size, so that the address sanitizer sees an over-read of one byte, and lies
// elsewhere than the window before. A pipeline is parsed as far as it goes before any argument is looked at.
Meaning feed(std::string_view stream, std::span<const std::size_t> cuts, const ParseLimits& limits, LargeBulks large_bulks);

Meaning feed_whole(std::string_view stream, const ParseLimits& limits = {});

// "*1\r\n$4\r\nPING\r\n"
std::string encode(const Request& request);

}  // namespace strata::protocol::testing
