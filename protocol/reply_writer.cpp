#include "protocol/reply_writer.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace strata::protocol {
namespace {

constexpr std::size_t kNumberBytes = 20;  // "-9223372036854775808", "18446744073709551615"
constexpr std::size_t kHeaderBytes = 1 + kNumberBytes + 2;
constexpr std::size_t kRealBytes = 32;  // 17 digits, sign, point and exponent take 24

char* put_crlf(char* to) noexcept {
  to[0] = '\r';
  to[1] = '\n';
  return to + 2;
}

char* put_bytes(char* to, std::string_view bytes) noexcept {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

// REQUIRES: kHeaderBytes of room.
char* put_header(char* to, char type, std::uint64_t number) noexcept {
  *to++ = type;
  if (number < 10) {
    *to++ = static_cast<char>('0' + number);
  } else if (number < 100) {
    *to++ = static_cast<char>('0' + number / 10);
    *to++ = static_cast<char>('0' + number % 10);
  } else {
    to = std::to_chars(to, to + kNumberBytes, number).ptr;
  }
  return put_crlf(to);
}

std::size_t distance(const char* from, const char* to) noexcept { return static_cast<std::size_t>(to - from); }

}  // namespace

void ReplyWriter::header(char type, std::uint64_t number) {
  char* const start = out_->make_room(kHeaderBytes);
  out_->commit(distance(start, put_header(start, type, number)));
}

void ReplyWriter::header(char resp2_type, char resp3_type, std::uint64_t number) {
  header(version_ == Version::resp3 ? resp3_type : resp2_type, number);
}

void ReplyWriter::simple(std::string_view text) {
  char* const start = out_->make_room(text.size() + 3);
  *start = '+';
  out_->commit(distance(start, put_crlf(put_bytes(start + 1, text))));
}

void ReplyWriter::error(std::string_view text) {
  while (text.ends_with('\r') || text.ends_with('\n')) text.remove_suffix(1);
  char* const start = out_->make_room(text.size() + 3);
  char* to = start;
  *to++ = '-';
  for (const char byte : text) *to++ = byte == '\r' || byte == '\n' ? ' ' : byte;
  out_->commit(distance(start, put_crlf(to)));
}

void ReplyWriter::integer(std::int64_t number) {
  if (number >= 0) {
    header(':', static_cast<std::uint64_t>(number));
    return;
  }
  char* const start = out_->make_room(kHeaderBytes);
  *start = ':';
  out_->commit(distance(start, put_crlf(std::to_chars(start + 1, start + 1 + kNumberBytes, number).ptr)));
}

void ReplyWriter::bulk(std::string_view bytes) {
  char* const start = out_->make_room(kHeaderBytes + bytes.size() + 2);
  out_->commit(distance(start, put_crlf(put_bytes(put_header(start, '$', bytes.size()), bytes))));
}

void ReplyWriter::bulk_header(std::size_t length) { header('$', length); }

void ReplyWriter::bulk_end() { out_->append("\r\n"); }

void ReplyWriter::null() { out_->append(version_ == Version::resp3 ? "_\r\n" : "$-1\r\n"); }

void ReplyWriter::null_array() { out_->append(version_ == Version::resp3 ? "_\r\n" : "*-1\r\n"); }

void ReplyWriter::array(std::size_t elements) { header('*', elements); }

void ReplyWriter::map(std::size_t pairs) {
  if (version_ == Version::resp3) {
    header('%', pairs);
  } else {
    header('*', std::uint64_t{pairs} * 2);
  }
}

void ReplyWriter::set(std::size_t elements) { header('*', '~', elements); }

void ReplyWriter::push(std::size_t elements) { header('*', '>', elements); }

void ReplyWriter::attribute(std::size_t pairs) { header('|', pairs); }

void ReplyWriter::real(double number) {
  char text[kRealBytes];
  std::string_view shown = "nan";  // without the sign that a NaN may carry
  if (!std::isnan(number)) {
    // The same text as printf's "%.17g", but never the decimal comma of a locale.
    const char* const end = std::to_chars(text, text + kRealBytes, number, std::chars_format::general, 17).ptr;
    shown = {text, distance(text, end)};
  }
  if (version_ == Version::resp2) {
    bulk(shown);
    return;
  }
  char* const start = out_->make_room(shown.size() + 3);
  *start = ',';
  out_->commit(distance(start, put_crlf(put_bytes(start + 1, shown))));
}

void ReplyWriter::boolean(bool truth) {
  if (version_ == Version::resp3) {
    out_->append(truth ? "#t\r\n" : "#f\r\n");
  } else {
    out_->append(truth ? ":1\r\n" : ":0\r\n");
  }
}

void ReplyWriter::big_number(std::string_view digits) {
  if (version_ == Version::resp2) {
    bulk(digits);
    return;
  }
  char* const start = out_->make_room(digits.size() + 3);
  *start = '(';
  out_->commit(distance(start, put_crlf(put_bytes(start + 1, digits))));
}

void ReplyWriter::verbatim_header(std::string_view format, std::size_t length) {
  if (version_ == Version::resp2) return bulk_header(length);
  header('=', format.size() + 1 + length);
  out_->append(format);
  out_->append(":");
}

void ReplyWriter::verbatim(std::string_view format, std::string_view text) {
  if (version_ == Version::resp2) {
    bulk(text);
    return;
  }
  const std::size_t length = format.size() + 1 + text.size();
  char* const start = out_->make_room(kHeaderBytes + length + 2);
  char* to = put_bytes(put_header(start, '=', length), format);
  *to++ = ':';
  out_->commit(distance(start, put_crlf(put_bytes(to, text))));
}

}  // namespace strata::protocol
