#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

// Random bytes from the kernel, good enough for seeds and identifiers that nobody may guess. Thread safety: all functions.
namespace strata::os {

// Fills `destination`. False if the kernel gave none; the bytes are then unspecified.
[[nodiscard]] bool fill_random(std::span<std::byte> destination) noexcept;

// A random number, for instance as hash seed; nothing if the kernel gave none.
[[nodiscard]] std::optional<std::uint64_t> random_u64() noexcept;

}  // namespace strata::os
