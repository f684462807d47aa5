#include "loadtest/prototypes/placement/arena.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

namespace strata::placement {

Arena::Arena(std::uint64_t reserved_bytes, std::uint32_t segment_bytes)
    : base_(nullptr), reserved_bytes_(reserved_bytes), segment_bytes_(segment_bytes) {
  void* memory = ::mmap(nullptr, reserved_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("mmap");
    std::abort();
  }
  base_ = static_cast<std::byte*>(memory);
}

Arena::~Arena() { ::munmap(base_, reserved_bytes_); }

std::uint32_t Arena::take() {
  ++in_use_;
  if (!free_.empty()) {
    const std::uint32_t segment = free_.back();
    free_.pop_back();
    return segment;
  }
  if (std::uint64_t{never_used_ + 1} * segment_bytes_ > reserved_bytes_) {
    std::fprintf(stderr, "the arena is full\n");
    std::abort();
  }
  return never_used_++;
}

void Arena::give_back(std::uint32_t segment) {
  --in_use_;
  ::madvise(base_ + std::uint64_t{segment} * segment_bytes_, segment_bytes_, MADV_DONTNEED);
  free_.push_back(segment);
}

}  // namespace strata::placement
