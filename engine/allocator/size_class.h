#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

// Size classes: which block sizes exist and which one serves a request.
//
// Blocks of 8 to 256 bytes come in steps of 8, larger ones to 64 KiB in eight steps a doubling: 96 classes, at most 12.5 % of
// a block above 256 bytes is rounding. What malloc returns has to be aligned to 16 bytes, so it uses every other class to
// 256 bytes; heaps that ask for 8 bytes of alignment use them all (mean rounding over the value sizes of 53 published
// production caches: 6.3 % and 4.5 %). Larger requests get slices of their own (slice_map.h).
namespace strata::allocator {

using SizeClass = std::uint32_t;

inline constexpr std::size_t kFineStepBytes = 8;
inline constexpr std::size_t kFineLimitBytes = 256;
inline constexpr std::size_t kFineClasses = kFineLimitBytes / kFineStepBytes;
inline constexpr unsigned kStepsPerDoublingLog2 = 3;
inline constexpr std::size_t kLargestClassBytes = std::size_t{64} << 10;
inline constexpr std::size_t kSizeClasses =
    kFineClasses + (std::size_t{std::bit_width(kLargestClassBytes / kFineLimitBytes) - 1} << kStepsPerDoublingLog2);
static_assert(kSizeClasses == 96);

// What malloc aligns to: enough for every type of the language.
inline constexpr std::size_t kMallocAlignment = 16;

// Block size of a class.
constexpr std::size_t class_bytes(SizeClass size_class) noexcept {
  if (size_class < kFineClasses) return (size_class + 1) * kFineStepBytes;
  const std::size_t step = size_class - kFineClasses;
  const std::size_t doubling = step >> kStepsPerDoublingLog2;
  const std::size_t eighths = (std::size_t{1} << kStepsPerDoublingLog2) + (step & ((1U << kStepsPerDoublingLog2) - 1)) + 1;
  return (kFineLimitBytes >> kStepsPerDoublingLog2 << doubling) * eighths;
}

// The smallest class whose blocks hold `bytes`. REQUIRES: 1 <= bytes <= kLargestClassBytes.
constexpr SizeClass class_of(std::size_t bytes) noexcept {
  if (bytes <= kFineLimitBytes) return static_cast<SizeClass>((bytes - 1) / kFineStepBytes);
  const auto doubling = static_cast<unsigned>(std::bit_width(bytes - 1)) - 1;  // 2^doubling <= bytes - 1
  const std::size_t eighths = (bytes - 1) >> (doubling - kStepsPerDoublingLog2);
  constexpr unsigned kFirstDoubling = std::bit_width(kFineLimitBytes) - 1;
  return static_cast<SizeClass>(kFineClasses + ((doubling - kFirstDoubling) << kStepsPerDoublingLog2) + eighths -
                                (std::size_t{1} << kStepsPerDoublingLog2));
}

// The class that malloc takes: as class_of, but aligned to 16 bytes unless the request is for 8 or less.
constexpr SizeClass malloc_class_of(std::size_t bytes) noexcept {
  return class_of(bytes <= kFineStepBytes ? kFineStepBytes : (bytes + kMallocAlignment - 1) & ~(kMallocAlignment - 1));
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
