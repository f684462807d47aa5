#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace strata::placement {

// One reserved range of addresses, handed out in segments of equal size. What is not handed out holds no memory.
class Arena {
 public:
  // Aborts if the kernel does not give the addresses: a prototype has nothing better to do.
  Arena(std::uint64_t reserved_bytes, std::uint32_t segment_bytes);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  std::byte* base() const { return base_; }
  std::uint32_t segment_bytes() const { return segment_bytes_; }
  std::uint32_t segments_in_use() const { return in_use_; }
  std::uint64_t bytes_in_use() const { return std::uint64_t{in_use_} * segment_bytes_; }

  // Number of a segment: the lowest that is free.
  std::uint32_t take();
  void give_back(std::uint32_t segment);

 private:
  std::byte* base_;
  std::uint64_t reserved_bytes_;
  std::uint32_t segment_bytes_;
  std::uint32_t never_used_ = 0;
  std::uint32_t in_use_ = 0;
  std::vector<std::uint32_t> free_;
};

}  // namespace strata::placement
