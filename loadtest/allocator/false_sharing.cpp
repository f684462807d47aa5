#include <array>

#include "loadtest/allocator/block.h"
#include "loadtest/allocator/mapped_array.h"
#include "loadtest/allocator/thread_group.h"
#include "loadtest/allocator/workload.h"

// Do blocks of different threads lie in one cache line? (After Berger and others 2000, cache-thrash and cache-scratch.)
// Each thread takes small blocks, writes to them many times and frees them, again and again. Active: the allocator itself
// splits a line among threads. Passive: the first blocks come from one thread, dealt out in turn; the others free them, and
// an allocator that gives such memory back to whoever freed it keeps the lines shared ever after.
// A thread holds several blocks at once and writes to them in turn: with one, two threads share a line or not by the luck
// of where it begins.
namespace strata::loadtest::allocator {
namespace {

constexpr std::uint64_t kGroupsPerThread = 125;
constexpr std::size_t kGroup = 8;
constexpr std::uint64_t kWritesPerBlock = 500'000;
constexpr std::uint32_t kSize = 8;

std::uint64_t writes_per_block(const Settings& settings) { return scaled(kWritesPerBlock, settings, 100); }

using Group = std::array<char*, kGroup>;

char* take() {
  auto* start = static_cast<char*>(std::malloc(kSize));
  require_usable(start, kSize);
  return start;
}

Group take_group() {
  Group group;
  for (char*& start : group) start = take();
  return group;
}

void write_and_free(const Group& group, std::uint64_t writes) {
  // Every increment must reach the cache: that is what is measured.
  std::array<volatile std::uint64_t*, kGroup> counters;
  for (std::size_t index = 0; index < kGroup; ++index) {
    counters[index] = reinterpret_cast<volatile std::uint64_t*>(group[index]);
    *counters[index] = 0;
  }
  for (std::uint64_t write = 0; write < writes; ++write) {
    for (volatile std::uint64_t* counter : counters) *counter = *counter + 1;
  }
  for (std::size_t index = 0; index < kGroup; ++index) {
    const std::uint64_t found = *counters[index];
    if (found != writes) fail("block of %u bytes at %p is in use twice", kSize, static_cast<void*>(group[index]));
    std::free(group[index]);
  }
}

Fields parameters(const Settings& settings) {
  return {{"groups_per_thread", kGroupsPerThread},
          {"blocks_per_group", std::uint64_t{kGroup}},
          {"writes_per_block", writes_per_block(settings)},
          {"size_bytes", std::uint64_t{kSize}}};
}

Result run(const Settings& settings, bool passive) {
  const std::uint64_t writes = writes_per_block(settings);
  MappedArray<Group> dealt(settings.threads);
  if (passive) {
    for (std::size_t index = 0; index < kGroup; ++index) {
      for (Group& group : dealt.all()) group[index] = take();
    }
  }
  const auto elapsed = run_together(settings.threads, [&](unsigned thread) {
    if (passive) write_and_free(dealt[thread], writes);
    for (std::uint64_t group = passive ? 1 : 0; group < kGroupsPerThread; ++group) write_and_free(take_group(), writes);
  });
  return {.operations = kGroupsPerThread * kGroup * writes * settings.threads, .elapsed = elapsed};
}

Workload probe(std::string_view name, std::string_view summary, Result (*run_probe)(const Settings&)) {
  return {.name = name,
          .summary = summary,
          .operation = "write",
          .memory_moment = "",
          .rows_name = "",
          .threads = {.normal = 0, .least = 2, .most = kMostThreads},
          .parameters = parameters,
          .run = run_probe};
}

}  // namespace

Workload false_sharing_active() {
  return probe("false-sharing-active", "threads write to small blocks of their own: do they share cache lines?",
               [](const Settings& settings) { return run(settings, false); });
}

Workload false_sharing_passive() {
  return probe("false-sharing-passive", "the same, but the first blocks come from one thread, dealt out in turn",
               [](const Settings& settings) { return run(settings, true); });
}

}  // namespace strata::loadtest::allocator
