#include <algorithm>
#include <array>

#include "loadtest/allocator/block.h"
#include "loadtest/allocator/mapped_array.h"
#include "loadtest/allocator/resident_memory.h"
#include "loadtest/allocator/thread_group.h"
#include "loadtest/allocator/workload.h"
#include "loadtest/random.h"

// A cache whose values change in size over the months: in each generation nine blocks of ten, chosen at random, give way to
// blocks of another size until as many bytes are in use as before. The tenth pins its neighbourhood, and an allocator that
// cannot put the holes to another use keeps ever more memory for the same data.
namespace strata::loadtest::allocator {
namespace {

constexpr std::uint64_t kLiveBytes = 128 << 20;
constexpr std::uint64_t kTurnoverPercent = 90;

struct SizeRange {
  std::uint32_t smallest;
  std::uint32_t largest;
};
// The heap is filled with the first range; the five generations bring the others.
constexpr std::array<SizeRange, 6> kRanges = {{{48, 144}, {80, 240}, {144, 432}, {272, 816}, {528, 1584}, {208, 624}}};

std::uint64_t live_bytes(const Settings& settings) { return scaled(kLiveBytes, settings, 64 << 10); }

// The first range has the smallest blocks: as many as its mean allows, and one of a hundred more for chance.
std::uint64_t most_blocks(std::uint64_t live_bytes) {
  const std::uint64_t expected = live_bytes * 2 / (kRanges[0].smallest + kRanges[0].largest);
  return expected + expected / 100 + 1;
}

class Heap {
 public:
  explicit Heap(std::uint64_t live_bytes) : live_bytes_(live_bytes), blocks_(most_blocks(live_bytes)) {}

  void fill() {
    while (has_room_for(kRanges[0]) && count_ < blocks_.all().size()) blocks_[count_++] = take(kRanges[0]);
  }

  void shuffle() {
    for (std::size_t index = count_; index > 1; --index) std::swap(blocks_[index - 1], blocks_[random_.below(index)]);
  }

  // Replaces all blocks but the first of the (shuffled) array. Returns the number of frees and allocations, halved.
  std::uint64_t turn_over(const SizeRange& range) {
    const std::size_t kept = count_ - count_ * kTurnoverPercent / 100;
    std::size_t filled = kept;
    std::uint64_t calls = 0;
    for (std::size_t next = kept; next < count_; ++next) {
      requested_bytes_ -= blocks_[next].size_bytes;
      give_back(blocks_[next]);
      ++calls;
      for (; has_room_for(range) && filled <= next; ++calls) blocks_[filled++] = take(range);
    }
    count_ = filled;
    // Larger blocks before smaller ones leave room that needs more blocks than were freed.
    for (; has_room_for(range) && count_ < blocks_.all().size(); ++calls) blocks_[count_++] = take(range);
    return calls / 2;
  }

  void clear() {
    for (Block& block : blocks_.all()) give_back(block);
  }

  [[nodiscard]] std::uint64_t requested_bytes() const { return requested_bytes_; }

 private:
  [[nodiscard]] bool has_room_for(const SizeRange& range) const { return requested_bytes_ + range.largest <= live_bytes_; }

  Block take(const SizeRange& range) {
    const auto size_bytes = static_cast<std::uint32_t>(range.smallest + random_.below(range.largest - range.smallest + 1));
    requested_bytes_ += size_bytes;
    return take_block(size_bytes, serial_++);
  }

  std::uint64_t live_bytes_;
  MappedArray<Block> blocks_;
  std::size_t count_ = 0;
  std::uint64_t requested_bytes_ = 0;
  std::uint32_t serial_ = 0;
  Random random_{1};
};

Fields parameters(const Settings& settings) {
  std::string ranges;
  for (const SizeRange& range : kRanges) {
    ranges += (ranges.empty() ? "" : " ") + std::to_string(range.smallest) + "-" + std::to_string(range.largest);
  }
  return {{"live_bytes", live_bytes(settings)},
          {"generations", std::uint64_t{kRanges.size() - 1}},
          {"turnover_percent", kTurnoverPercent},
          {"size_ranges_bytes", ranges}};
}

Result run(const Settings& settings) {
  Heap heap(live_bytes(settings));
  MemoryUse memory;
  memory.resident_at_start_bytes = resident_bytes();
  heap.fill();
  Result result;
  for (std::size_t generation = 0; generation < kRanges.size(); ++generation) {
    if (generation > 0) {
      heap.shuffle();
      result.elapsed += run_together(1, [&](unsigned) { result.operations += heap.turn_over(kRanges[generation]); });
    }
    memory.requested_bytes_live = heap.requested_bytes();
    memory.resident_bytes = resident_bytes();
    const std::uint64_t of_blocks = memory.resident_bytes - std::min(memory.resident_bytes, memory.resident_at_start_bytes);
    result.rows.push_back(
        {{"generation", std::uint64_t{generation}},
         {"requested_bytes_live", memory.requested_bytes_live},
         {"resident_bytes", memory.resident_bytes},
         {"resident_to_requested", static_cast<double>(of_blocks) / static_cast<double>(memory.requested_bytes_live)}});
  }
  result.memory = memory;
  heap.clear();
  return result;
}

}  // namespace

Workload size_drift() {
  return {.name = "size-drift",
          .summary = "five generations replace nine blocks of ten by blocks of other sizes, bytes in use constant",
          .operation = "free+malloc pair",
          .memory_moment = "after the last generation",
          .rows_name = "generations",
          .threads = {.normal = 1, .least = 1, .most = 1},
          .parameters = parameters,
          .run = run};
}

}  // namespace strata::loadtest::allocator
