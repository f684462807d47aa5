#include "engine/os/region.h"

#include <cassert>

namespace strata::os {

std::errc Region::reserve(MemoryCalls& calls, std::size_t bytes, std::size_t alignment) noexcept {
  assert(kind_ == Kind::none);
  assert((alignment & (alignment - 1)) == 0);
  const std::size_t spare = alignment > calls.page_bytes() ? alignment : 0;
  if (bytes == 0 || bytes + spare < bytes) return std::errc::invalid_argument;
  auto* start = static_cast<std::byte*>(calls.reserve(bytes + spare));
  if (start == nullptr) return std::errc::not_enough_memory;
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  const std::size_t before = spare == 0 ? 0 : (alignment - address % alignment) % alignment;
  // The ends that alignment did not need. Failing to give them back costs address space only.
  if (before != 0) (void)calls.release(start, before);
  if (spare - before != 0) (void)calls.release(start + before + bytes, spare - before);
  calls_ = &calls;
  base_ = start + before;
  bytes_ = bytes;
  return {};
}

std::errc Region::reserve_anonymous(MemoryCalls& calls, std::size_t bytes, std::size_t alignment) noexcept {
  if (const std::errc failure = reserve(calls, bytes, alignment); failure != std::errc{}) return failure;
  kind_ = Kind::anonymous;
  return {};
}

std::errc Region::open_file(MemoryCalls& calls, const char* path, std::size_t bytes, std::size_t alignment) noexcept {
  int descriptor = -1;
  if (const std::errc failure = calls.open_file(path, bytes, &descriptor); failure != std::errc{}) return failure;
  if (const std::errc failure = reserve(calls, bytes, alignment); failure != std::errc{}) {
    calls.close_file(descriptor);
    return failure;
  }
  descriptor_ = descriptor;
  kind_ = Kind::file;
  return {};
}

void Region::release() noexcept {
  if (kind_ == Kind::none) return;
  (void)calls_->release(base_, bytes_);
  if (descriptor_ >= 0) calls_->close_file(descriptor_);
  calls_ = nullptr;
  base_ = nullptr;
  bytes_ = 0;
  descriptor_ = -1;
  kind_ = Kind::none;
}

std::byte* Region::at(std::size_t offset, [[maybe_unused]] std::size_t bytes) const noexcept {
  assert(offset <= bytes_ && bytes <= bytes_ - offset);
  return base_ + offset;
}

std::errc Region::commit(std::size_t offset, std::size_t bytes) noexcept {
  return kind_ == Kind::file ? calls_->map_file(descriptor_, offset, at(offset, bytes), bytes)
                             : calls_->commit(at(offset, bytes), bytes);
}

std::errc Region::populate(std::size_t offset, std::size_t bytes) noexcept { return calls_->populate(at(offset, bytes), bytes); }

std::errc Region::purge(std::size_t offset, std::size_t bytes) noexcept {
  return kind_ == Kind::file ? calls_->punch_hole(descriptor_, offset, bytes) : calls_->discard(at(offset, bytes), bytes);
}

std::errc Region::use_huge_pages(std::size_t offset, std::size_t bytes) noexcept {
  return calls_->advise_huge_pages(at(offset, bytes), bytes);
}

std::errc Region::refuse_huge_pages(std::size_t offset, std::size_t bytes) noexcept {
  return calls_->refuse_huge_pages(at(offset, bytes), bytes);
}

std::errc Region::move_pages(std::size_t from, std::size_t bytes, std::size_t to) noexcept {
  if (kind_ != Kind::anonymous) return std::errc::not_supported;
  return calls_->move(at(from, bytes), bytes, at(to, bytes));
}

}  // namespace strata::os
