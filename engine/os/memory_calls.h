#pragma once

#include <cstddef>
#include <system_error>

namespace strata::os {

// The kernel's calls for address space and pages, one function a call, no policy. An interface, so that tests can make any of
// them fail, wait or refuse beyond a limit. Nothing here allocates: the allocator stands on it.
// Lengths and offsets are in bytes, multiples of the page size. Success is a value-initialised std::errc.
// Thread safety: all functions, from any thread.
class MemoryCalls {
 public:
  constexpr MemoryCalls() = default;
  MemoryCalls(const MemoryCalls&) = delete;
  MemoryCalls& operator=(const MemoryCalls&) = delete;

  // Address space without memory behind it: touching it is a fault. nullptr if there is none of that size.
  [[nodiscard]] virtual void* reserve(std::size_t bytes) noexcept = 0;
  // Gives address space and the memory behind it back.
  [[nodiscard]] virtual std::errc release(void* start, std::size_t bytes) noexcept = 0;
  // Makes reserved address space usable; pages come, zeroed, when they are touched first.
  [[nodiscard]] virtual std::errc commit(void* start, std::size_t bytes) noexcept = 0;
  // The pages' memory goes back at once; the range stays committed and reads as zero. Anonymous memory only.
  [[nodiscard]] virtual std::errc discard(void* start, std::size_t bytes) noexcept = 0;
  // Brings all pages in now.
  [[nodiscard]] virtual std::errc populate(void* start, std::size_t bytes) noexcept = 0;
  [[nodiscard]] virtual std::errc advise_huge_pages(void* start, std::size_t bytes) noexcept = 0;
  // Only pages of the usual size, whatever the system is set to: what was not touched does not become resident.
  [[nodiscard]] virtual std::errc refuse_huge_pages(void* start, std::size_t bytes) noexcept = 0;
  // Moves the pages of [from, from + bytes) to [to, to + bytes) without copying, and leaves zeroed, committed memory at `from`. What lay
  // at `to` is dropped. If it fails, nothing has moved.
  [[nodiscard]] virtual std::errc move(void* from, std::size_t bytes, void* to) noexcept = 0;

  // Shared memory with a name, in a file on tmpfs. `size` is the file's new length.
  [[nodiscard]] virtual std::errc open_file(const char* path, std::size_t size, int* descriptor) noexcept = 0;
  [[nodiscard]] virtual std::errc map_file(int descriptor, std::size_t offset, void* start, std::size_t bytes) noexcept = 0;
  // Gives the pages of a file back; they read as zero.
  [[nodiscard]] virtual std::errc punch_hole(int descriptor, std::size_t offset, std::size_t bytes) noexcept = 0;
  virtual void close_file(int descriptor) noexcept = 0;

  [[nodiscard]] virtual std::size_t page_bytes() const noexcept = 0;

 protected:
  // Trivial, not virtual: the allocator's calls must work until the last instruction of the process.
  ~MemoryCalls() = default;
};

// The calls of Linux.
[[nodiscard]] MemoryCalls& linux_memory_calls() noexcept;

}  // namespace strata::os
