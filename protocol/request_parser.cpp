#include "protocol/request_parser.h"

#include <algorithm>
#include <cassert>
#include <cstdint>

#include "protocol/errors.h"
#include "protocol/inline_command.h"
#include "protocol/parse_integer.h"

namespace strata::protocol {
namespace {

constexpr std::int64_t kUnauthenticatedArguments = 10;
constexpr std::int64_t kUnauthenticatedBulkBytes = 16384;
constexpr std::size_t kLineEndBytes = 2;
constexpr std::size_t kKeptPlaces = 64;  // memory for so many arguments stays with the parser between requests

// Reads "<digits>CR<any byte>" in the common form: 1 to 9 digits, no leading zero. Returns where to go on; null when the text has
// another form or `end` comes first.
inline const char* read_length(const char* at, const char* end, std::size_t& length) noexcept {
  if (end - at < 3) return nullptr;
  std::size_t value = static_cast<std::size_t>(*at) - std::size_t{'0'};
  if (value > 9) return nullptr;
  const char* const second = at + 1;
  at = second;
  if (*at != '\r') {
    if (value == 0) return nullptr;
    for (; at != end; ++at) {
      const std::size_t digit = static_cast<std::size_t>(*at) - std::size_t{'0'};
      if (digit > 9) break;
      value = value * 10 + digit;
    }
    if (end - at < 2 || *at != '\r' || at - second > 8) return nullptr;
  }
  length = value;
  return at + 2;
}

}  // namespace

ParseStep RequestParser::parse(std::string_view window, std::vector<std::string_view>& args) {
  if (phase_ == Phase::start && !window.empty() && window.front() == '*') [[likely]] {
    std::size_t consumed = 0;
    if (parse_whole_array(window, args, consumed)) [[likely]]
      return {ParseStatus::request, consumed};
  }
  if (window.empty() && phase_ == Phase::start && decoded_lines_.empty()) return {ParseStatus::need_more, 0};
  return resume(window, args);
}

// The fast path: a request that lies in the window from end to end and has nothing unusual. False when it has not; what was
// read until then is kept for resume().
bool RequestParser::parse_whole_array(std::string_view window, std::vector<std::string_view>& args, std::size_t& consumed) {
  if (!limits_.authenticated) return false;
  const char* const begin = window.data();
  const char* const end = begin + window.size();
  std::size_t missing = 0;
  const char* at = read_length(begin + 1, end, missing);
  if (at == nullptr || missing == 0 || missing > limits_.arguments) return false;

  const std::size_t args_before = args.size();
  for (; missing > 0; --missing) {
    if (at == end || *at != '$') break;
    std::size_t length = 0;
    const char* const payload = read_length(at + 1, end, length);
    if (payload == nullptr || length > limits_.bulk_bytes) break;
    if (static_cast<std::size_t>(end - payload) < length + kLineEndBytes) break;
    args.emplace_back(payload, length);
    at = payload + length + kLineEndBytes;
  }
  consumed = static_cast<std::size_t>(at - begin);
  if (missing == 0) [[likely]]
    return true;

  missing_ = missing;
  begin_line(Phase::bulk_header, consumed);
  keep_progress(window, args, args_before);
  return false;
}

void RequestParser::keep_progress(std::string_view window, std::vector<std::string_view>& args, std::size_t args_before) {
  for (std::size_t i = args_before; i < args.size(); ++i) {
    places_.push_back({static_cast<std::size_t>(args[i].data() - window.data()), args[i].size()});
  }
  args.resize(args_before);
}

ParseStep RequestParser::resume(std::string_view window, std::vector<std::string_view>& args) {
  assert(window.size() >= position_ && "the window must start with the bytes of the request seen before");
  if (waited_) {
    waited_ = false;
    decoded_lines_.clear();
    decoded_bytes_ = 0;
  }
  ParseStatus status = ParseStatus::request;
  while (status == ParseStatus::request) {
    switch (phase_) {
      case Phase::start:
        if (window.empty()) {
          status = ParseStatus::need_more;
        } else {
          begin_line(window.front() == '*' ? Phase::array_header : Phase::inline_line, 0);
        }
        break;
      case Phase::inline_line: return finish_inline(window, args);
      case Phase::array_header: status = read_array_header(window); break;
      case Phase::bulk_header: status = read_bulk_header(window); break;
      case Phase::payload: status = read_payload(window); break;
      case Phase::complete: return finish_array(window, args);
      case Phase::failed: status = ParseStatus::error; break;
    }
  }
  waited_ = true;
  return {status, 0};
}

ParseStatus RequestParser::read_array_header(std::string_view window) {
  std::size_t line_end = 0;
  const ParseStatus line = find_header_end(window, errors::kTooBigArrayHeader, line_end);
  if (line != ParseStatus::request) return line;

  const auto count = parse_integer(window.substr(1, line_end - 1));
  if (!count || (*count > 0 && static_cast<std::uint64_t>(*count) > limits_.arguments)) return fail(errors::kInvalidArrayLength);
  if (!limits_.authenticated && *count > kUnauthenticatedArguments) return fail(errors::kUnauthenticatedArrayLength);

  missing_ = *count > 0 ? static_cast<std::size_t>(*count) : 0;
  begin_line(missing_ == 0 ? Phase::complete : Phase::bulk_header, line_end + kLineEndBytes);
  return ParseStatus::request;
}

ParseStatus RequestParser::read_bulk_header(std::string_view window) {
  std::size_t line_end = 0;
  const ParseStatus line = find_header_end(window, errors::kTooBigBulkHeader, line_end);
  if (line != ParseStatus::request) return line;
  if (window[position_] != '$') return fail(errors::expected_bulk(window[position_]));

  const auto length = parse_integer(window.substr(position_ + 1, line_end - position_ - 1));
  if (!length || *length < 0 || static_cast<std::uint64_t>(*length) > limits_.bulk_bytes) {
    return fail(errors::kInvalidBulkLength);
  }
  if (!limits_.authenticated && *length > kUnauthenticatedBulkBytes) return fail(errors::kUnauthenticatedBulkLength);

  bulk_length_ = bulk_in_window_ = static_cast<std::size_t>(*length);
  phase_ = Phase::payload;
  position_ = line_end + kLineEndBytes;
  return ParseStatus::request;
}

ParseStatus RequestParser::read_payload(std::string_view window) {
  const std::size_t available = window.size() - position_;
  if (available < bulk_in_window_ && bulk_in_window_ >= limits_.large_bulk_bytes) {
    bulk_received_ = available;
    // divert_bulk() must not fail: its entry gets its memory here.
    if (diverted_.size() == diverted_.capacity()) diverted_.reserve(diverted_.size() * 2 + 1);
    return ParseStatus::bulk_begins;
  }
  if (available < bulk_in_window_ + kLineEndBytes) return ParseStatus::need_more;

  places_.push_back({position_, bulk_length_});
  --missing_;
  begin_line(missing_ == 0 ? Phase::complete : Phase::bulk_header, position_ + bulk_in_window_ + kLineEndBytes);
  return ParseStatus::request;
}

// Looks for the byte that ends the line at position_, but not again where it looked before.
ParseStatus RequestParser::find_line_end(std::string_view window, char mark, std::string_view too_long, std::size_t& line_end) {
  line_end = window.find(mark, searched_);
  const std::size_t line_bytes = std::min(line_end, window.size()) - position_;
  if (line_bytes > limits_.inline_bytes) return fail(too_long);
  if (line_end == std::string_view::npos) {
    searched_ = window.size();
    return ParseStatus::need_more;
  }
  return ParseStatus::request;
}

ParseStatus RequestParser::find_header_end(std::string_view window, std::string_view too_long, std::size_t& line_end) {
  const ParseStatus line = find_line_end(window, '\r', too_long, line_end);
  if (line != ParseStatus::request) return line;
  if (window.size() - line_end >= kLineEndBytes) return ParseStatus::request;
  searched_ = line_end;
  return ParseStatus::need_more;
}

ParseStep RequestParser::finish_inline(std::string_view window, std::vector<std::string_view>& args) {
  std::size_t line_end = 0;
  const ParseStatus status = find_line_end(window, '\n', errors::kTooBigInline, line_end);
  if (status != ParseStatus::request) {
    waited_ = true;
    return {status, 0};
  }
  std::string_view line = window.substr(0, line_end);
  if (line.ends_with('\r')) line.remove_suffix(1);

  std::string unused;
  const bool has_quotes = line.find('"') != std::string_view::npos || line.find('\'') != std::string_view::npos;
  std::string& decoded = has_quotes ? decoded_lines_.emplace_front() : unused;
  const bool balanced = split_inline_command(line, args, decoded);
  if (has_quotes) decoded_bytes_ += sizeof(void*) + sizeof(std::string) + decoded.capacity();
  if (!balanced) return {fail(errors::kUnbalancedQuotes), 0};

  forget_request();
  return {ParseStatus::request, line_end + 1};
}

ParseStep RequestParser::finish_array(std::string_view window, std::vector<std::string_view>& args) {
  const std::size_t args_before = args.size();
  args.resize(args_before + places_.size());
  auto diverted = diverted_.cbegin();
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const char* bytes = window.data() + places_[i].offset;
    if (diverted != diverted_.cend() && diverted->index == i) {
      bytes = diverted->bytes;
      ++diverted;
    }
    args[args_before + i] = {bytes, places_[i].length};
  }
  const std::size_t consumed = position_;
  forget_request();
  return {ParseStatus::request, consumed};
}

PendingBulk RequestParser::pending_bulk() const noexcept { return {bulk_length_, bulk_received_}; }

void RequestParser::divert_bulk(const char* destination) noexcept {
  assert(phase_ == Phase::payload && diverted_.size() < diverted_.capacity());
  diverted_.push_back({places_.size(), destination});
  bulk_in_window_ = 0;
}

std::size_t RequestParser::memory_bytes() const noexcept {
  return places_.capacity() * sizeof(ArgumentPlace) + diverted_.capacity() * sizeof(DivertedArgument) + decoded_bytes_;
}

void RequestParser::begin_line(Phase phase, std::size_t position) noexcept {
  phase_ = phase;
  position_ = searched_ = position;
}

void RequestParser::forget_request() noexcept {
  begin_line(Phase::start, 0);
  places_.clear();
  diverted_.clear();
  if (places_.capacity() > kKeptPlaces) std::vector<ArgumentPlace>().swap(places_);
  if (diverted_.capacity() > kKeptPlaces) std::vector<DivertedArgument>().swap(diverted_);
}

ParseStatus RequestParser::fail(std::string_view text) {
  constexpr std::string_view kCode = "ERR ";
  error_ = text.substr(kCode.size());
  forget_request();
  phase_ = Phase::failed;
  return ParseStatus::error;
}

}  // namespace strata::protocol
