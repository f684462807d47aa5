#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/byte_buffer.h"

namespace strata::protocol {

enum class Version : std::uint8_t { resp2 = 2, resp3 = 3 };

// Encodes replies of the Redis protocol at the end of a buffer. Callers speak in RESP3's terms; under RESP2 a type that it
// lacks becomes what Redis sends there (map: flat array, set: array, double and big number: bulk, boolean: 0 or 1, null:
// "$-1").
// Allocation-free but for the growth of the buffer. Source: the RESP3 specification (github.com/redis/redis-specifications).
// Thread safety: none.
class ReplyWriter {
 public:
  ReplyWriter(ByteBuffer& out, Version version) noexcept : out_(&out), version_(version) {}

  [[nodiscard]] Version version() const noexcept { return version_; }
  void set_version(Version version) noexcept { version_ = version; }

  void simple(std::string_view text);  // "+OK"; REQUIRES: no CR or LF inside
  // "-ERR ...". CR and LF at the end of the text are dropped and those inside become blanks: they would break the frame.
  void error(std::string_view text);
  void integer(std::int64_t number);
  void bulk(std::string_view bytes);
  // A bulk whose payload is sent from elsewhere: header here, then the payload, then bulk_end().
  void bulk_header(std::size_t length);
  void bulk_end();
  void null();
  void null_array();  // "*-1" in RESP2
  void array(std::size_t elements);
  void map(std::size_t pairs);
  void set(std::size_t elements);
  void push(std::size_t elements);
  void attribute(std::size_t pairs);  // REQUIRES: RESP3
  void real(double number);           // 17 significant digits, as Redis 7.0 ("0.10000000000000001", "3"); "inf", "-inf", "nan"
  void boolean(bool truth);
  void big_number(std::string_view digits);
  void verbatim(std::string_view format, std::string_view text);  // REQUIRES: format has 3 characters ("txt", "mkd")
  // A verbatim whose text comes in parts: this, then `length` bytes of text, then bulk_end().
  void verbatim_header(std::string_view format, std::size_t length);

 private:
  void header(char type, std::uint64_t number);
  void header(char resp2_type, char resp3_type, std::uint64_t number);

  ByteBuffer* out_;
  Version version_;
};

}  // namespace strata::protocol
