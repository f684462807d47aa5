#pragma once

#include <vector>

#include "loadtest/prototypes/placement/placement.h"

namespace strata::placement {

// Candidate (b): spans of equal blocks, `steps` sizes a doubling (whole multiples of 4 bytes). Under a limit a hand goes round the
// spans in the order they were opened and evicts what was not hit since it passed last; spans of which much is free are drained into
// others of their class.
class SizeClasses : public Placement {
 public:
  SizeClasses(ItemTable& table, const Limits& limits, std::uint32_t steps);
  ~SizeClasses() override;

  Place place(Owner owner, std::uint32_t bytes) override;
  void release(Place place) override;
  std::byte* address(Place place) override;
  std::uint64_t resident_bytes() const override { return resident_bytes_; }
  std::uint64_t metadata_bytes() const override { return spans_in_use_ * sizeof(Span); }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Span {
    std::byte* base = nullptr;
    std::uint32_t bytes = 0, block_bytes = 0;
    std::uint32_t capacity = 0, used = 0;
    std::uint32_t handed_out = 0;      // blocks from here on were never used
    std::uint32_t first_free = kNone;  // list through the blocks
    std::uint32_t size_class = 0, place_in_class = 0;
    bool partial = false;  // listed as such in its class
    std::uint32_t older = kNone, newer = kNone;
  };
  struct Class {
    std::uint32_t block_bytes = 0, span_bytes = 0;
    std::uint32_t current = kNone;  // where the next block comes from
    std::vector<std::uint32_t> spans;
    std::vector<std::uint32_t> partial;  // that have, or had, a free block
    std::uint64_t free_blocks = 0;
  };

  std::uint32_t class_of(std::uint32_t bytes) const;
  bool may_open(std::uint32_t bytes) const;
  std::uint32_t open_span(std::uint32_t size_class);
  void close_span(std::uint32_t span);
  bool choose_span(Class& size_class, std::uint32_t except = kNone);
  std::uint32_t emptiest(const Class& size_class);
  std::uint32_t take_block(std::uint32_t span);
  void free_block(std::uint32_t span, std::uint32_t block);
  bool drain_one(std::uint32_t size_class);
  bool drain_any();
  bool evict_span();
  std::uint32_t& word(const Span& span, std::uint32_t block) const {
    return *reinterpret_cast<std::uint32_t*>(span.base + std::uint64_t{block} * span.block_bytes);
  }
  Owner& owner_of(const Span& span, std::uint32_t block) const { return (&word(span, block))[1]; }
  static Place place_of(std::uint32_t span, std::uint32_t block) { return Place{span} << 32 | block; }
  static constexpr std::uint32_t kUsed = kNone - 1;  // first word of a block that holds an item

  std::uint32_t steps_;
  std::vector<Class> classes_;
  std::vector<Span> spans_;
  std::vector<std::uint32_t> unused_numbers_;
  std::uint32_t oldest_ = kNone, newest_ = kNone, hand_ = kNone;
  std::uint64_t spans_in_use_ = 0, resident_bytes_ = 0, free_bytes_ = 0;
  std::uint64_t looked_at_ = 0;
  std::size_t sampled_from_ = 0;
  double credit_bytes_ = 0;
};

}  // namespace strata::placement
