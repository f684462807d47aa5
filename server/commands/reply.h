#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/api/strata.hpp"
#include "protocol/reply_writer.h"

namespace strata::server {

// What commands answer into: the reply writer, plus values that are sent from where they lie. One per event loop, shared by the
// connections of that loop in turn: it is emptied (sent or handed to the connection's queue) before another one writes.
// Thread safety: none.
class Reply : private protocol::ReplyWriter {
 public:
  // A large value, or a part of one, to be sent after the first `offset` bytes of the buffer.
  struct Pin {
    std::size_t offset;
    ValueRef block;
    std::string_view bytes;  // of it
  };

  Reply() : ReplyWriter(bytes_, protocol::Version::resp2) {}
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  using ReplyWriter::array;
  using ReplyWriter::attribute;
  using ReplyWriter::big_number;
  using ReplyWriter::boolean;
  using ReplyWriter::bulk;
  using ReplyWriter::bulk_end;
  using ReplyWriter::integer;
  using ReplyWriter::map;
  using ReplyWriter::null;
  using ReplyWriter::null_array;
  using ReplyWriter::push;
  using ReplyWriter::real;
  using ReplyWriter::set;
  using ReplyWriter::set_version;
  using ReplyWriter::simple;
  using ReplyWriter::verbatim;
  using ReplyWriter::verbatim_header;
  using ReplyWriter::version;

  void ok() { simple("OK"); }
  // `text` starts with its code: "ERR syntax error". Texts come from protocol/errors.h.
  void error(std::string_view text);
  // The value of an item: copied if small, pinned by reference if large.
  void value(const ItemView& item);
  // A bulk string of a part of the value. REQUIRES: `part` points into it.
  void part_of_value(const ItemView& item, std::string_view part) { framed_value({}, item, part, {}); }
  // A bulk string of the value between two texts.
  void framed_value(std::string_view before, const ItemView& item, std::string_view after) {
    framed_value(before, item, item.value, after);
  }
  // Appends replies that were encoded elsewhere.
  void append_raw(std::string_view encoded) { bytes_.append(encoded); }

  // Counts what makes a request worth more than to be counted: the errors and the values sent by reference that it is answered with, and what remark() was
  // called for. Whoever sees the same number before and after it has seen none of these.
  [[nodiscard]] std::uint64_t remarks() const noexcept { return remarks_; }
  // For what lies in the request and not in its reply.
  void remark() noexcept { remarks_ += kRemark; }
  // Errors answered since, and the code of the last one ("WRONGTYPE").
  [[nodiscard]] bool has_failed_since(std::uint64_t remarks) const noexcept { return (remarks_ - remarks) % kRemark != 0; }
  [[nodiscard]] std::string_view last_error_code() const noexcept { return {last_error_code_, last_error_code_size_}; }

  // Beyond this many bytes values are no longer copied and `overflowed` turns true: the client is to be dropped.
  void set_limit_bytes(std::size_t bytes) noexcept { limit_bytes_ = bytes; }
  [[nodiscard]] bool overflowed() const noexcept { return overflowed_ || bytes_.size() > limit_bytes_; }

  [[nodiscard]] const protocol::ByteBuffer& bytes() const noexcept { return bytes_; }
  [[nodiscard]] const std::vector<Pin>& pins() const noexcept { return pins_; }
  [[nodiscard]] std::size_t pinned_bytes() const noexcept { return pinned_bytes_; }
  // Memory that the bytes lie in: no reply without a remark is larger.
  [[nodiscard]] std::size_t capacity() const noexcept { return bytes_.capacity(); }
  // Where the replies end now, and back there: what was answered since is not sent.
  struct Mark {
    std::size_t bytes = 0;
    std::size_t pins = 0;
    bool operator==(const Mark&) const = default;
  };
  [[nodiscard]] Mark mark() const noexcept { return {bytes_.size(), pins_.size()}; }
  // As many bytes were answered since.
  [[nodiscard]] std::size_t size_since(const Mark& mark) const noexcept;
  void cut(const Mark& mark);
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty() && pins_.empty(); }
  // Forgets everything; memory beyond `keep_bytes` is given back.
  void clear(std::size_t keep_bytes);

 private:
  // Errors are counted below, everything else in multiples of this.
  static constexpr std::uint64_t kRemark = std::uint64_t{1} << 32U;

  void framed_value(std::string_view before, const ItemView& item, std::string_view part, std::string_view after);

  protocol::ByteBuffer bytes_;
  std::vector<Pin> pins_;
  std::size_t pinned_bytes_ = 0;
  std::size_t limit_bytes_ = ~std::size_t{0};
  std::uint64_t remarks_ = 0;
  char last_error_code_[32] = {};
  std::size_t last_error_code_size_ = 0;
  bool overflowed_ = false;
};

}  // namespace strata::server
