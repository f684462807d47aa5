#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/allocator/granules.h"
#include "engine/allocator/heap_spans.h"

namespace strata::allocator {

// Blocks of any size to 64 KiB in spans of one slice, by granules of 16 bytes. What is used stands in bit maps apart from the blocks
// (granules.h), so free neighbours join by themselves and nothing that a caller writes can damage it.
//
// Best fit: of the spans, filed by their longest hole, the one whose longest hole is the shortest that will do (bins as in Masmano and
// others, "TLSF", 2004), and in that span the shortest hole that will do. Not the best hole of all spans: that would need a tree of holes
// for some percent of density.
// Bump: behind the last block of the newest span; single blocks are not freed.
// Thread safety: none, the heap's lock guards it.
class GranuleSpans {
 public:
  constexpr GranuleSpans() = default;

  // Once, before anything else. `records`: zeroed memory for the first records, so that small heaps need no slice for them.
  void start(SliceMap& map, HeapSpans& spans, void* records, std::size_t record_bytes) noexcept;

  // `bytes` > 0, `alignment` a power of two, both at most 64 KiB. nullptr: no memory or over the limit.
  [[nodiscard]] void* take_best_fit(std::size_t bytes, std::size_t alignment) noexcept;
  [[nodiscard]] void* take_next(std::size_t bytes, std::size_t alignment) noexcept;

  // The bytes freed; 0: no block begins there. Only of blocks from take_best_fit().
  [[nodiscard]] std::size_t free(Span& span, const void* address) noexcept;
  // Of a block in use; 0: none begins there.
  [[nodiscard]] std::size_t block_bytes(const Span& span, const void* address) const noexcept;
  // Makes the block longer or shorter where it lies. False: what follows is in use. REQUIRES: a block begins there, bytes > 0.
  [[nodiscard]] bool resize(Span& span, const void* address, std::size_t bytes) noexcept;

  // Of best fit: from here on empty spans stay as long as there are no more than `spans` in all, and whoever needs a span gets
  // `growth_percent` of them more, which stay, too. A program's pool that breathes does so by this; else all but one go at once.
  void keep_spans(std::uint32_t spans, std::uint32_t growth_percent) noexcept;
  // Adds empty spans until there are so many. False: no memory or over the limit.
  [[nodiscard]] bool reserve(std::uint32_t spans) noexcept;
  // Empty spans go, but for those of an arena, at most `most`, until `least` spans are left.
  void release_empty(std::uint32_t least, std::uint32_t most = ~std::uint32_t{0}) noexcept;
  [[nodiscard]] std::uint32_t span_count() const noexcept { return span_count_; }
  [[nodiscard]] std::uint32_t kept_spans() const noexcept { return kept_spans_; }
  // All blocks and spans go, large ones too, but for the newest of an arena.
  void reset() noexcept;

 private:
  static constexpr unsigned kWords = (GranuleBins::kBins + 63) / 64;
  // How many spans of a bin are compared for the best.
  static constexpr unsigned kLooks = 8;

  [[nodiscard]] Granules* new_record() noexcept;
  void add_records(void* memory, std::size_t bytes) noexcept;
  [[nodiscard]] Span* add_span() noexcept;
  void grow_ahead() noexcept;
  void drop_span(Span& span) noexcept;
  void file(Span& span) noexcept;
  void unfile(Span& span) noexcept;
  void refile(Span& span, std::uint32_t longest) noexcept;
  [[nodiscard]] Span* best_span(std::uint32_t granules) const noexcept;
  void use(Span& span, std::uint32_t first, std::uint32_t granules) noexcept;

  SliceMap* map_ = nullptr;
  HeapSpans* spans_ = nullptr;
  std::array<SpanList, GranuleBins::kBins> bins_{};
  std::array<std::uint64_t, kWords> holds_something_{};
  Granules* unused_records_ = nullptr;
  Span* newest_ = nullptr;  // of an arena
  std::uint32_t empty_spans_ = 0;
  std::uint32_t span_count_ = 0;
  std::uint32_t kept_spans_ = 0;
  std::uint32_t growth_percent_ = 0;
  bool keeps_what_it_grew_to_ = false;
};

}  // namespace strata::allocator
