#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/cache/index_layout.h"

namespace strata::cache {

// Chunks that a thread could give back and keeps, to use them again for items of the same size: with no lock, no neighbour's line touched, and
// while they are still in its cache. After the magazines of J. Bonwick and J. Adams ("Magazines and vmem", 2001); one for all sizes, for
// most sizes of a cache's items are rare. What is written over again and again goes round through it; all else passes it by.
// At kMostChunks or kMostBytes it takes no more; after kMostRefused that it did not take, what it has is not what is used, and it is to be emptied.
// Thread safety: none; its thread's.
class ChunkMagazine {
 public:
  static constexpr std::size_t kMostChunks = 64;
  static constexpr std::uint64_t kMostBytes = 16U << 10U;
  static constexpr std::uint32_t kMostGranules = 512;  // of a chunk; 2 KiB
  static constexpr std::uint32_t kMostRefused = 4 * kMostChunks;

  ChunkMagazine() noexcept {
    for (std::size_t index = 0; index < kMostChunks; ++index) cells_[index].next = static_cast<std::uint8_t>(index);
  }

  [[nodiscard]] bool empty() const noexcept { return bytes_ == 0; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] bool has_room(std::uint32_t granules) const noexcept {
    return granules <= kMostGranules && free_ != 0 && bytes_ + granules * kGranuleBytes <= kMostBytes;
  }
  // REQUIRES: has_room(granules), granules > 0
  void add(std::uint64_t offset, std::uint32_t granules) noexcept {
    const std::uint8_t number = free_;
    Cell& cell = cells_[number - 1U];
    free_ = cell.next;
    cell = {.offset = offset, .granules = static_cast<std::uint16_t>(granules), .next = newest_[granules]};
    newest_[granules] = number;
    bytes_ += granules * kGranuleBytes;
    has_refused_last_ = false;
  }
  void note_refused() noexcept {
    ++refused_;
    has_refused_last_ = true;
  }
  // What comes next will hardly be kept either.
  [[nodiscard]] bool has_refused_last() const noexcept { return has_refused_last_; }
  [[nodiscard]] bool is_to_be_emptied() const noexcept { return refused_ >= kMostRefused && !empty(); }

  // The chunk of just so many granules that was added last; 0: there is none.
  [[nodiscard]] std::uint64_t take(std::uint64_t granules) noexcept {
    if (granules > kMostGranules) return 0;
    const std::uint8_t number = newest_[granules];
    return number == 0 ? 0 : take_cell(number);
  }
  // Any; 0: there is none.
  [[nodiscard]] std::uint64_t take_any() noexcept {
    refused_ = 0;
    if (empty()) return 0;
    while (newest_[some_] == 0) some_ = some_ == kMostGranules ? 0 : some_ + 1U;
    return take_cell(newest_[some_]);
  }

 private:
  // A cell's number is its index and one; 0: none.
  struct Cell {
    std::uint64_t offset = 0;
    std::uint16_t granules = 0;
    std::uint8_t next = 0;  // of the same size, or free
  };
  static_assert(kMostChunks < 256);

  [[nodiscard]] std::uint64_t take_cell(std::uint8_t number) noexcept {
    Cell& cell = cells_[number - 1U];
    newest_[cell.granules] = cell.next;
    bytes_ -= cell.granules * kGranuleBytes;
    cell.next = free_;
    free_ = number;
    return cell.offset;
  }

  std::uint64_t bytes_ = 0;
  std::uint32_t refused_ = 0;
  std::uint32_t some_ = 0;  // take_any() looks on from here
  std::uint8_t free_ = kMostChunks;
  bool has_refused_last_ = false;
  std::array<std::uint8_t, kMostGranules + 1> newest_{};  // by granules
  std::array<Cell, kMostChunks> cells_;
};

}  // namespace strata::cache
