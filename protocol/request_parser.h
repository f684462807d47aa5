#pragma once

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

namespace strata::protocol {

// What one request may ask of the server. Requests beyond it end the connection.
struct ParseLimits {
  std::size_t bulk_bytes = 512ULL << 20;       // one argument
  std::size_t arguments = 1024ULL * 1024;      // of one request
  std::size_t inline_bytes = 64ULL << 10;      // an inline command, or a header line; at least 32
  std::size_t large_bulk_bytes = 32ULL << 10;  // from this length on `bulk_begins` is reported
  // Before a client has authenticated: as Redis, at most 10 arguments of 16 KiB, so that strangers can not make us buffer.
  // Callers then execute each request before they ask for the next: it may be the AUTH that lifts the limit.
  bool authenticated = true;
};

enum class ParseStatus : std::uint8_t {
  request,      // one whole request; its arguments were appended
  need_more,    // the window ends inside a request
  bulk_begins,  // as need_more, and the window ends inside (or right before) the payload of a large argument: see pending_bulk
  error,        // not the protocol; see error(). The connection can not be used further.
};

struct ParseStep {
  ParseStatus status = ParseStatus::need_more;
  std::size_t consumed = 0;  // bytes of the window that the request took; 0 unless status is `request`
};

// A large argument whose payload is still arriving.
struct PendingBulk {
  std::size_t length = 0;    // bytes of the payload, without the closing CR LF
  std::size_t received = 0;  // of them, how many stand at the end of the window
};

// Reads requests of the Redis protocol (arrays of bulk strings, and inline commands with Redis' quoting rules) out of a window
// of bytes. Pure: no sockets, no clock; on the hot path no allocation. Source: redis.io/docs/reference/protocol-spec and,
// for limits and error texts, the behaviour of Redis 7.
//
// The window always starts with the first byte of the request being read. After `need_more` call again with a window that
// starts with the same bytes (it may have moved in memory) and holds more; what was read is not read again, so a request that
// trickles in costs linear time. Receive more only after `need_more`; an empty window answers it, too.
// Arguments are views into the window, or into the destination given for a large bulk, or (inline commands with quotes) into
// the parser: use them before the window changes and before the parser is asked for the request after the next `need_more`.
//
// Lenient where Redis is: the byte behind a header's CR and the two bytes behind a payload are skipped, whatever they are; a
// wrong length shows at the next header. Different in two places: whether a line is too long depends on the line and not on
// how it was cut into packets; and a NUL byte does not hide the rest of its line, it is an ordinary byte of an inline command
// and an error in a header, where Redis would wait for more.
// Thread safety: none, one parser per connection.
class RequestParser {
 public:
  explicit RequestParser(const ParseLimits& limits = {}) noexcept : limits_(limits) {}

  // Reads one request and appends its arguments to `args` (none for an empty request, which callers skip). Unless the status is
  // `request`, `args` is as before.
  ParseStep parse(std::string_view window, std::vector<std::string_view>& args);

  // REQUIRES: the last status was bulk_begins.
  [[nodiscard]] PendingBulk pending_bulk() const noexcept;

  // Sends the payload of the pending bulk to memory of the caller instead of the window. The caller copies the `received` bytes
  // from the end of the window to `destination`, cuts them off the window, receives the remaining `length - received` bytes
  // into `destination`, and goes on with a window to which only the bytes *behind* the payload (its CR LF first) are appended.
  // `destination` stays valid and unchanged until the request has been executed. REQUIRES: the last status was bulk_begins.
  void divert_bulk(const char* destination) noexcept;

  // Why the last parse failed, in Redis' words, without the leading "ERR ": "Protocol error: invalid bulk length".
  [[nodiscard]] std::string_view error() const noexcept { return error_; }

  void set_limits(const ParseLimits& limits) noexcept { limits_ = limits; }
  [[nodiscard]] const ParseLimits& limits() const noexcept { return limits_; }

  // Bytes of memory that the parser holds for a request in progress: charged to the client.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  enum class Phase : std::uint8_t {
    start,         // nothing of the request was read
    inline_line,   // in the line of an inline command
    array_header,  // in "*3"
    bulk_header,   // in "$5"
    payload,       // in an argument or the two bytes behind it
    complete,      // all was read and awaits its delivery
    failed,
  };

  // Where an argument of the unfinished request lies: an offset, since the window may move.
  struct ArgumentPlace {
    std::size_t offset = 0;
    std::size_t length = 0;
  };
  struct DivertedArgument {
    std::size_t index = 0;
    const char* bytes = nullptr;
  };

  bool parse_whole_array(std::string_view window, std::vector<std::string_view>& args, std::size_t& consumed);
  void keep_progress(std::string_view window, std::vector<std::string_view>& args, std::size_t args_before);
  ParseStep resume(std::string_view window, std::vector<std::string_view>& args);

  // Each reads one part of the unfinished request; `request` means here that this part is complete.
  ParseStatus read_array_header(std::string_view window);
  ParseStatus read_bulk_header(std::string_view window);
  ParseStatus read_payload(std::string_view window);
  ParseStatus find_line_end(std::string_view window, char mark, std::string_view too_long, std::size_t& line_end);
  ParseStatus find_header_end(std::string_view window, std::string_view too_long, std::size_t& line_end);

  ParseStep finish_inline(std::string_view window, std::vector<std::string_view>& args);
  ParseStep finish_array(std::string_view window, std::vector<std::string_view>& args);
  void begin_line(Phase phase, std::size_t position) noexcept;
  void forget_request() noexcept;
  ParseStatus fail(std::string_view text);

  ParseLimits limits_;
  Phase phase_ = Phase::start;
  bool waited_ = false;             // need_more was answered since lines were decoded: they are no longer in use
  std::size_t position_ = 0;        // offset of the line or payload being read
  std::size_t searched_ = 0;        // no line end lies before this offset
  std::size_t missing_ = 0;         // arguments still to be read, the current one included
  std::size_t bulk_length_ = 0;     // of the current payload
  std::size_t bulk_in_window_ = 0;  // the same, or 0 once it was diverted
  std::size_t bulk_received_ = 0;
  std::vector<ArgumentPlace> places_;
  std::vector<DivertedArgument> diverted_;
  std::forward_list<std::string> decoded_lines_;  // inline arguments with quotes; views point into them, so they never move
  std::size_t decoded_bytes_ = 0;
  std::string error_;
};

}  // namespace strata::protocol
