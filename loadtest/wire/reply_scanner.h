#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "loadtest/options.h"

namespace strata::loadtest {

// What a reply says about its request.
enum class Outcome : std::uint8_t { done, hit, miss, error };

struct Reply {
  Outcome outcome = Outcome::done;
  std::string_view text;  // the value of a hit if values are kept, the error's text, the line of a status
};

// Finds where one reply ends and the next begins, over pieces of a stream that may be cut anywhere. Values are skipped by
// their length, not looked at, unless they are to be kept. Thread safety: one thread at a time.
//
// RESP: a string is a hit, a null a miss, everything else done; of an array only its end matters. memcached text: VALUE ... END
// is a hit, END and NOT_FOUND are misses.
class ReplyScanner {
 public:
  explicit ReplyScanner(Protocol protocol, bool keep_values = false)
      : memcached_(protocol == Protocol::memcached), keep_values_(keep_values) {}

  // Takes bytes off the front of `data` up to the end of one reply. False if the data ended first; all of it is taken then.
  // `reply.text` is valid until the next call and while the bytes of `data` are.
  // A stream that is not the protocol gives an error reply and broken() from then on.
  bool next(std::string_view& data, Reply& reply) {
    if (take_hits(data, 1) == 1) {
      reply = {Outcome::hit, {}};
      return true;
    }
    return next_slowly(data, reply);
  }

  // Takes the replies at the front of `data` that are whole hits of RESP, by far the most frequent ones, and at most `most`;
  // returns how many. None if values are to be kept.
  std::uint32_t take_hits(std::string_view& data, std::uint32_t most) noexcept {
    std::uint32_t taken = 0;
    if (memcached_ || in_reply_ || keep_values_) return taken;
    while (taken < most && data.size() > 4 && data.front() == '$' && take_short_bulk(data)) ++taken;
    return taken;
  }

  [[nodiscard]] bool broken() const noexcept { return broken_; }
  // Bytes of a reply have come and its end has not.
  [[nodiscard]] bool in_reply() const noexcept { return in_reply_; }

 private:
  bool take_short_bulk(std::string_view& data) noexcept {
    std::size_t length = 0;
    const char* at = data.data() + 1;
    const char* const end = data.data() + data.size();
    for (; at != end && *at >= '0' && *at <= '9'; ++at) length = length * 10 + static_cast<std::size_t>(*at - '0');
    const std::size_t header = static_cast<std::size_t>(at - data.data()) + 2;
    if (at == end || *at != '\r' || header > 12 || data.size() < header + length + 2) return false;
    data.remove_prefix(header + length + 2);
    return true;
  }

  bool next_slowly(std::string_view& data, Reply& reply);
  bool take_line(std::string_view& data);
  bool take_value(std::string_view& data);
  void read_resp_line();
  void read_memcached_line();
  void begin_value(std::uint64_t bytes);
  void fail(std::string_view what);
  bool finish(Reply& reply);

  bool memcached_;
  bool keep_values_;
  bool in_reply_ = false;
  bool broken_ = false;
  bool in_value_ = false;
  bool is_element_ = false;  // of an array: says nothing about the request
  Outcome outcome_ = Outcome::done;
  std::uint64_t elements_left_ = 0;  // of arrays, the reply itself included
  std::uint64_t value_left_ = 0;     // bytes, CR LF included
  std::string line_;
  std::string value_;
};

}  // namespace strata::loadtest
