#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

// Size classes: which block sizes exist and which one serves a request.
//
// Blocks of 8 to 256 bytes come in steps of 8, to 1 KiB in sixteen steps a doubling, to 64 KiB in eight: 112 classes. What malloc returns
// has to be aligned to 16 bytes, so it uses every other class to 256 bytes; heaps that ask for 8 bytes of alignment use them all. At most
// 12.5 % of a block above 1 KiB is rounding; means over the sizes of production caches: docs/memory-allocator.md. Larger requests get slices
// of their own (slice_map.h).
namespace strata::allocator {

using SizeClass = std::uint32_t;

inline constexpr std::size_t kLargestClassBytes = std::size_t{64} << 10;

namespace detail {

// Classes whose distance doubles where their size does: `1 << steps_log2` of them for each doubling from `from` bytes to `to`.
struct GeometricClasses {
  std::size_t from;
  std::size_t to;
  unsigned steps_log2;

  [[nodiscard]] constexpr std::size_t count() const noexcept {
    return static_cast<std::size_t>(std::countr_zero(to / from)) << steps_log2;  // both are powers of two
  }
  [[nodiscard]] constexpr std::size_t bytes(std::size_t index) const noexcept {
    const std::size_t steps = std::size_t{1} << steps_log2;
    return (from >> steps_log2 << (index >> steps_log2)) * (steps + (index & (steps - 1)) + 1);
  }
  // REQUIRES: from < bytes <= to.
  [[nodiscard]] constexpr std::size_t index_of(std::size_t bytes) const noexcept {
    const auto doubling = static_cast<unsigned>(std::bit_width(bytes - 1)) - 1;  // 2^doubling <= bytes - 1
    const auto first_doubling = static_cast<unsigned>(std::bit_width(from)) - 1;
    const std::size_t step = ((bytes - 1) >> (doubling - steps_log2)) - (std::size_t{1} << steps_log2);
    return (std::size_t{doubling - first_doubling} << steps_log2) + step;
  }
};

inline constexpr std::size_t kFineStepBytes = 8;
inline constexpr std::size_t kFineLimitBytes = 256;
inline constexpr std::size_t kFineClasses = kFineLimitBytes / kFineStepBytes;
inline constexpr GeometricClasses kMiddle{.from = kFineLimitBytes, .to = 1024, .steps_log2 = 4};
inline constexpr GeometricClasses kCoarse{.from = kMiddle.to, .to = kLargestClassBytes, .steps_log2 = 3};

}  // namespace detail

inline constexpr std::size_t kSizeClasses = detail::kFineClasses + detail::kMiddle.count() + detail::kCoarse.count();
static_assert(kSizeClasses == 112);

inline constexpr std::size_t kSmallestClassBytes = detail::kFineStepBytes;

// What malloc aligns to: enough for every type of the language.
inline constexpr std::size_t kMallocAlignment = 16;

// Block size of a class.
constexpr std::size_t class_bytes(SizeClass size_class) noexcept {
  using namespace detail;
  if (size_class < kFineClasses) return (size_class + 1) * kFineStepBytes;
  const std::size_t index = size_class - kFineClasses;
  return index < kMiddle.count() ? kMiddle.bytes(index) : kCoarse.bytes(index - kMiddle.count());
}

// The smallest class whose blocks hold `bytes`. REQUIRES: 1 <= bytes <= kLargestClassBytes.
constexpr SizeClass class_of(std::size_t bytes) noexcept {
  using namespace detail;
  if (bytes <= kFineLimitBytes) return static_cast<SizeClass>((bytes - 1) / kFineStepBytes);
  return static_cast<SizeClass>(kFineClasses +
                                (bytes <= kMiddle.to ? kMiddle.index_of(bytes) : kMiddle.count() + kCoarse.index_of(bytes)));
}

// The class that malloc takes: as class_of, but aligned to 16 bytes unless the request is for 8 or less.
constexpr SizeClass malloc_class_of(std::size_t bytes) noexcept {
  return class_of(bytes <= kSmallestClassBytes ? kSmallestClassBytes : (bytes + kMallocAlignment - 1) & ~(kMallocAlignment - 1));
}

// The smallest class whose blocks hold `bytes` and are all aligned to `alignment` (a power of two); kSizeClasses: none. Spans begin at
// multiples of 64 KiB, so blocks of a multiple of the alignment are.
constexpr SizeClass aligned_class_of(std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t least = bytes > alignment ? bytes : alignment;
  if (least > kLargestClassBytes) return static_cast<SizeClass>(kSizeClasses);
  SizeClass size_class = class_of(least);
  while (size_class < kSizeClasses && class_bytes(size_class) % alignment != 0) ++size_class;
  return size_class;
}

// Requests to this size find their class in a table, by words of 8 bytes.
inline constexpr std::size_t kTableLimitBytes = 4096;
using ClassTable = std::array<std::uint8_t, kTableLimitBytes / 8 + 1>;

namespace detail {
constexpr ClassTable make_malloc_table() noexcept {
  ClassTable table{};
  for (std::size_t word = 0; word < table.size(); ++word) {
    table[word] = static_cast<std::uint8_t>(malloc_class_of(word == 0 ? 1 : word * 8));
  }
  return table;
}
}  // namespace detail

// Class by (bytes + 7) / 8; a request for 0 bytes gets the smallest block.
inline constexpr ClassTable kMallocTable = detail::make_malloc_table();

}  // namespace strata::allocator
