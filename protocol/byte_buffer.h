#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace strata::protocol {

// A growable array of bytes that, unlike std::string, leaves new room uninitialised: sockets read into it and the reply writer
// appends to it. Bytes are taken from the front by `consume` without moving the rest; `make_room` moves them down when that is
// cheaper than growing. Any member that makes room, and any that gives memory back, ends the validity of pointers into the
// buffer.
// Ownership: owns its memory. Thread safety: none. Errors: throws std::bad_alloc when memory is out.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(ByteBuffer&& other) noexcept;
  ByteBuffer& operator=(ByteBuffer&& other) noexcept;
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;
  ~ByteBuffer();

  [[nodiscard]] const char* data() const noexcept { return data_ + begin_; }
  [[nodiscard]] char* data() noexcept { return data_ + begin_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::string_view view() const noexcept { return {data(), size()}; }

  // Bytes of memory held, used or not: what the owner is charged for.
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  // Bytes that can be written behind the end without growing.
  [[nodiscard]] std::size_t room() const noexcept { return capacity_ - end_; }

  // Where the next byte goes, with at least `bytes` of room behind it. Growth is geometric.
  char* make_room(std::size_t bytes) {
    if (room() < bytes) [[unlikely]]
      grow(bytes, Growth::geometric);
    return data_ + end_;
  }
  // As make_room, but grows to exactly what is needed: for one large payload of known length.
  char* make_exact_room(std::size_t bytes) {
    if (room() < bytes) grow(bytes, Growth::exact);
    return data_ + end_;
  }
  // Declares `bytes` behind the end as written. REQUIRES: bytes <= room().
  void commit(std::size_t bytes) noexcept { end_ += bytes; }

  // REQUIRES: `bytes` does not lie in this buffer.
  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(make_room(bytes.size()), bytes.data(), bytes.size());
    commit(bytes.size());
  }
  // Drops bytes at the front. REQUIRES: bytes <= size().
  void consume(std::size_t bytes) noexcept {
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  // Drops bytes at the back. REQUIRES: bytes <= size().
  void drop_back(std::size_t bytes) noexcept { end_ -= bytes; }
  // Empties the buffer and keeps the memory.
  void clear() noexcept { begin_ = end_ = 0; }
  // Empties the buffer and gives the memory back.
  void release() noexcept;

 private:
  enum class Growth : bool { geometric, exact };

  void grow(std::size_t bytes, Growth growth);
  void reallocate(std::size_t capacity);

  char* data_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace strata::protocol
