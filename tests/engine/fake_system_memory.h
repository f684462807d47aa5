#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/os/system_memory.h"

namespace strata::os::test {

// What a machine may say; a test changes it.
class FakeSystemMemory final : public SystemMemory {
 public:
  [[nodiscard]] std::optional<std::uint64_t> total_bytes() const override { return total; }
  [[nodiscard]] std::optional<std::uint64_t> available_bytes() const override { return available; }
  [[nodiscard]] std::optional<CgroupMemory> cgroup() const override { return group; }
  [[nodiscard]] ResidentMemory resident() const override { return {.anonymous_bytes = held}; }
  [[nodiscard]] std::size_t page_bytes() const override { return 4096; }

  std::optional<std::uint64_t> total;
  std::optional<std::uint64_t> available;
  std::optional<CgroupMemory> group;
  std::uint64_t held = 0;
};

}  // namespace strata::os::test
