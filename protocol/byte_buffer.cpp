#include "protocol/byte_buffer.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>
#include <utility>

namespace strata::protocol {
namespace {

constexpr std::size_t kSmallestCapacity = 64;
constexpr std::size_t kLargestCapacity = std::numeric_limits<std::size_t>::max() / 4;  // so that doubling can not overflow

}  // namespace

ByteBuffer::ByteBuffer(ByteBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

ByteBuffer& ByteBuffer::operator=(ByteBuffer&& other) noexcept {
  if (this != &other) {
    release();
    data_ = std::exchange(other.data_, nullptr);
    begin_ = std::exchange(other.begin_, 0);
    end_ = std::exchange(other.end_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
  }
  return *this;
}

ByteBuffer::~ByteBuffer() { std::free(data_); }

void ByteBuffer::release() noexcept {
  std::free(data_);
  data_ = nullptr;
  begin_ = end_ = capacity_ = 0;
}

void ByteBuffer::grow(std::size_t bytes, Growth growth) {
  const std::size_t used = size();
  if (bytes > kLargestCapacity || used > kLargestCapacity - bytes) throw std::bad_alloc();
  const std::size_t needed = used + bytes;

  // Moving down costs `used` bytes and wins `begin_` bytes of room: with no more cost than win, the sum of all moves stays linear
  // in what passes through. An exact request moves in any case, since it promised not to hold more than needed.
  if (needed <= capacity_ && (used <= begin_ || growth == Growth::exact)) {
    std::memmove(data_, data_ + begin_, used);
    begin_ = 0;
    end_ = used;
    return;
  }
  reallocate(growth == Growth::exact ? needed : std::max({needed, capacity_ * 2, kSmallestCapacity}));
}

void ByteBuffer::reallocate(std::size_t capacity) {
  if (begin_ == 0) {
    // Lets the allocator extend in place or remap pages.
    void* const memory = std::realloc(data_, capacity);
    if (memory == nullptr) throw std::bad_alloc();
    data_ = static_cast<char*>(memory);
  } else {
    auto* const memory = static_cast<char*>(std::malloc(capacity));
    if (memory == nullptr) throw std::bad_alloc();
    std::memcpy(memory, data_ + begin_, size());
    std::free(data_);
    data_ = memory;
    end_ -= begin_;
    begin_ = 0;
  }
  capacity_ = capacity;
}

}  // namespace strata::protocol
