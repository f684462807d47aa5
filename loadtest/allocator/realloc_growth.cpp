#include <algorithm>
#include <array>

#include "loadtest/allocator/block.h"
#include "loadtest/allocator/resident_memory.h"
#include "loadtest/allocator/thread_group.h"
#include "loadtest/allocator/workload.h"
#include "loadtest/random.h"

// Buffers that grow by half again and again, as strings and network buffers do; several in turn, so that the memory behind
// one is usually taken. Rewards growth in place and moving pages instead of bytes. What was written must survive.
namespace strata::loadtest::allocator {
namespace {

constexpr std::uint64_t kRounds = 20;
constexpr std::uint64_t kFromBytes = 16;
constexpr std::uint64_t kToBytes = 64 << 20;
constexpr std::size_t kBuffers = 4;
constexpr int kChecksPerStep = 4;

std::uint64_t rounds(const Settings& settings) { return scaled(kRounds, settings); }

struct Buffer {
  char* start = nullptr;
  std::uint64_t size_bytes = 0;
};

char content_at(std::uint64_t offset) { return static_cast<char>(mix(offset)); }

void require_content(const Buffer& buffer, std::uint64_t offset) {
  if (buffer.start[offset] == content_at(offset)) [[likely]]
    return;
  fail("realloc to %llu bytes lost what was written at offset %llu", static_cast<unsigned long long>(buffer.size_bytes),
       static_cast<unsigned long long>(offset));
}

// A page has its first byte written; what is no whole page yet, the first byte of every 16.
std::uint64_t stride_at(std::uint64_t offset) { return offset < kPageBytes ? 16 : kPageBytes; }

void grow(Buffer& buffer, std::uint64_t size_bytes, Random& random) {
  const std::uint64_t kept_bytes = buffer.size_bytes;
  auto* start = static_cast<char*>(std::realloc(buffer.start, size_bytes));
  require_usable(start, size_bytes);
  buffer = {start, size_bytes};
  for (int check = 0; check < kChecksPerStep && kept_bytes > 0; ++check) {
    const std::uint64_t offset = random.below(kept_bytes);
    require_content(buffer, offset - offset % stride_at(offset));
  }
  std::uint64_t offset = 0;
  if (kept_bytes > 0) offset = (kept_bytes - 1) - (kept_bytes - 1) % stride_at(kept_bytes - 1);
  for (; offset < size_bytes; offset += stride_at(offset)) start[offset] = content_at(offset);
}

std::uint64_t next_size(std::uint64_t size_bytes) { return std::min(kToBytes, size_bytes + size_bytes / 2); }

std::uint64_t steps() {
  std::uint64_t count = 1;
  for (std::uint64_t size_bytes = kFromBytes; size_bytes < kToBytes; size_bytes = next_size(size_bytes)) ++count;
  return count;
}

Fields parameters(const Settings& settings) {
  return {{"rounds", rounds(settings)}, {"buffers", std::uint64_t{kBuffers}}, {"from_bytes", kFromBytes}, {"to_bytes", kToBytes},
          {"growth_factor", 1.5},       {"steps_per_buffer", steps()},        {"touched", "every page"}};
}

Result run(const Settings& settings) {
  const std::uint64_t count = rounds(settings);
  MemoryUse memory;
  memory.resident_at_start_bytes = resident_bytes();
  std::chrono::nanoseconds elapsed{0};
  for (std::uint64_t round = 0; round < count; ++round) {
    std::array<Buffer, kBuffers> buffers;
    elapsed += run_together(1, [&](unsigned) {
      Random random(round);
      for (std::uint64_t size_bytes = kFromBytes; buffers.back().size_bytes < kToBytes; size_bytes = next_size(size_bytes)) {
        for (Buffer& buffer : buffers) grow(buffer, size_bytes, random);
      }
    });
    if (round + 1 == count) {
      memory.requested_bytes_live = kBuffers * kToBytes;
      memory.resident_bytes = resident_bytes();
    }
    elapsed += run_together(1, [&](unsigned) {
      for (const Buffer& buffer : buffers) std::free(buffer.start);
    });
  }
  return {.operations = count * kBuffers * steps(), .elapsed = elapsed, .memory = memory};
}

}  // namespace

Workload realloc_growth() {
  return {.name = "realloc-growth",
          .summary = "buffers that grow by half from 16 B to 64 MiB, several in turn",
          .operation = "realloc",
          .memory_moment = "in the last round, all buffers full-grown",
          .rows_name = "",
          .threads = {.normal = 1, .least = 1, .most = 1},
          .parameters = parameters,
          .run = run};
}

}  // namespace strata::loadtest::allocator
