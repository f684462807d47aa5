#include "engine/os/memory_calls.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace strata::os {
namespace {

std::errc result_of(int returned) noexcept { return returned == 0 ? std::errc{} : static_cast<std::errc>(errno); }

class LinuxMemoryCalls final : public MemoryCalls {
 public:
  constexpr LinuxMemoryCalls() = default;

  void* reserve(std::size_t bytes) noexcept override {
    void* start = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return start == MAP_FAILED ? nullptr : start;
  }

  std::errc release(void* start, std::size_t bytes) noexcept override { return result_of(::munmap(start, bytes)); }

  std::errc commit(void* start, std::size_t bytes) noexcept override {
    return result_of(::mprotect(start, bytes, PROT_READ | PROT_WRITE));
  }

  std::errc discard(void* start, std::size_t bytes) noexcept override {
    return result_of(::madvise(start, bytes, MADV_DONTNEED));
  }

  std::errc populate(void* start, std::size_t bytes) noexcept override {
    if (::madvise(start, bytes, MADV_POPULATE_WRITE) == 0) return {};
    if (errno != EINVAL) return static_cast<std::errc>(errno);
    // A kernel before 5.14: touch each page. An atomic that changes nothing, for others may write there already.
    const std::size_t step = page_bytes();
    for (std::size_t at = 0; at < bytes; at += step) __atomic_fetch_or(static_cast<char*>(start) + at, 0, __ATOMIC_RELAXED);
    return {};
  }

  std::errc advise_huge_pages(void* start, std::size_t bytes) noexcept override {
    return result_of(::madvise(start, bytes, MADV_HUGEPAGE));
  }

  std::errc refuse_huge_pages(void* start, std::size_t bytes) noexcept override {
    return result_of(::madvise(start, bytes, MADV_NOHUGEPAGE));
  }

  std::errc move(void* from, std::size_t bytes, void* to) noexcept override {
    if (::mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED) return static_cast<std::errc>(errno);
    // The kernel unmaps the source; our address space must have no holes that somebody else could be given.
    void* refilled = ::mmap(from, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (refilled != MAP_FAILED) return {};
    const std::errc reason = static_cast<std::errc>(errno);
    // Back again: the source's address range is free, so this needs no more mappings than there were.
    if (::mremap(to, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, from) == MAP_FAILED) return {};
    return reason;
  }

  std::errc open_file(const char* path, std::size_t size, int* descriptor) noexcept override {
    *descriptor = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*descriptor < 0) return static_cast<std::errc>(errno);
    if (::ftruncate(*descriptor, static_cast<off_t>(size)) == 0) return {};
    const auto reason = static_cast<std::errc>(errno);
    ::close(*descriptor);
    *descriptor = -1;
    return reason;
  }

  std::errc map_file(int descriptor, std::size_t offset, void* start, std::size_t bytes) noexcept override {
    void* mapped = ::mmap(start, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, static_cast<off_t>(offset));
    return mapped == MAP_FAILED ? static_cast<std::errc>(errno) : std::errc{};
  }

  std::errc punch_hole(int descriptor, std::size_t offset, std::size_t bytes) noexcept override {
    return result_of(::fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                                 static_cast<off_t>(bytes)));
  }

  void close_file(int descriptor) noexcept override { ::close(descriptor); }

  std::size_t page_bytes() const noexcept override { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }
};

constinit LinuxMemoryCalls calls;

}  // namespace

MemoryCalls& linux_memory_calls() noexcept { return calls; }

}  // namespace strata::os
