#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

#include "engine/os/memory_calls.h"

namespace strata::os {

// A range of address space with one kind of memory behind it. Reserved whole at the start, so that everything in it is found by
// an offset from its base and one comparison tells whether a pointer belongs to it; committed and given back by parts.
// Offsets and lengths are in bytes and multiples of the page size; a range must lie inside the region (REQUIRES, checked by assert).
// Success is a value-initialised std::errc; after a failure nothing has changed.
// Thread safety: ranges that do not overlap may be worked on by several threads at once; reserving and releasing may not.
class Region {
 public:
  enum class Kind : std::uint8_t { none, anonymous, file };

  constexpr Region() = default;
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  // Does not release: the allocator's region outlives every object. Owners that end before the process call release().

  // Anonymous memory. `alignment`: of the base, a power of two. REQUIRES: nothing reserved yet.
  [[nodiscard]] std::errc reserve_anonymous(MemoryCalls& calls, std::size_t bytes, std::size_t alignment) noexcept;
  // Memory of the file `path`, created if it is not there, of `bytes` length; meant for tmpfs, where it outlives the process.
  [[nodiscard]] std::errc open_file(MemoryCalls& calls, const char* path, std::size_t bytes, std::size_t alignment) noexcept;
  // All address space back to the kernel. A file stays where it is.
  void release() noexcept;

  [[nodiscard]] std::errc commit(std::size_t offset, std::size_t bytes) noexcept;
  // Commits nothing: pages of a committed range are brought in now instead of at their first use.
  [[nodiscard]] std::errc populate(std::size_t offset, std::size_t bytes) noexcept;
  // Gives pages back to the system at once. The range stays committed and reads as zero.
  [[nodiscard]] std::errc purge(std::size_t offset, std::size_t bytes) noexcept;
  [[nodiscard]] std::errc use_huge_pages(std::size_t offset, std::size_t bytes) noexcept;
  // Of anonymous memory, committed or not.
  [[nodiscard]] std::errc refuse_huge_pages(std::size_t offset, std::size_t bytes) noexcept;
  // Moves pages without copying; the source stays committed and reads as zero. Anonymous regions only: else not_supported.
  // REQUIRES: both ranges committed, not overlapping.
  [[nodiscard]] std::errc move_pages(std::size_t from, std::size_t bytes, std::size_t to) noexcept;

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] std::byte* base() const noexcept { return base_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] bool contains(const void* address) const noexcept {
    return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(base_) < bytes_;
  }

 private:
  [[nodiscard]] std::errc reserve(MemoryCalls& calls, std::size_t bytes, std::size_t alignment) noexcept;
  [[nodiscard]] std::byte* at(std::size_t offset, std::size_t bytes) const noexcept;

  MemoryCalls* calls_ = nullptr;
  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  int descriptor_ = -1;
  Kind kind_ = Kind::none;
};

}  // namespace strata::os
