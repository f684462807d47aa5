#include "engine/cache/cache_core.h"

#include <algorithm>
#include <memory>
#include <new>

#include "engine/os/memory_calls.h"
#include "engine/os/system_memory.h"

namespace strata::cache {
namespace {

std::uint64_t hash_of_item(const void* core, Slot slot) noexcept {
  const auto& self = *static_cast<const Core*>(core);
  const StoredItem item = self.store.at(slot);
  return self.hash_of(item.key(), item.ns());
}

}  // namespace

Core::Core(const Options& options, std::uint64_t limit_bytes)
    : hash_seed(options.hash_seed), memory(placement, &budget), store(memory, budget), databases(options.namespaces, budget) {
  os::MemoryCalls& calls = os::linux_memory_calls();
  constexpr std::uint64_t kUnknownMachine = std::uint64_t{16} << 30U;
  const std::uint64_t machine_bytes = os::LinuxSystemMemory().total_bytes().value_or(kUnknownMachine);
  // As many as there can be: the smallest item, and its slot.
  constexpr std::uint64_t kLeastBytes = 32;
  // One byte in kGhostShare at most.
  if (ghosts.reserve(calls, std::min(limit_bytes, machine_bytes) / kGhostShare) != std::errc{}) throw std::bad_alloc();
  const SegmentGeometry geometry = SegmentGeometry::of(std::min(limit_bytes, machine_bytes), machine_bytes);
  if (memory.start(calls, geometry) != std::errc{} || uses.reserve(calls, geometry.bytes()) != std::errc{} ||
      index_memory.reserve(
          calls, budget, std::max(limit_bytes < machine_bytes * 4 ? limit_bytes : 0, machine_bytes) / kLeastBytes) != std::errc{})
    throw std::bad_alloc();
  judged_at_round = std::make_unique<std::atomic<std::uint32_t>[]>(memory.domains());
  shards = static_cast<IndexShard*>(::operator new(kShardCount * sizeof(IndexShard), std::align_val_t(alignof(IndexShard))));
  for (std::size_t shard = 0; shard < kShardCount; ++shard) {
    std::construct_at(shards + shard, shard);
    if (!shards[shard].open(index_memory, {hash_of_item, this})) throw std::bad_alloc();
  }
}

void Core::set_shortage(std::uint64_t bytes) noexcept {
  const std::uint64_t limit = budget.limit_bytes();
  const bool is_limited = limit != ~std::uint64_t{0};
  bytes = is_limited ? std::min(bytes, limit / kMostShortage) : 0;
  std::uint64_t always = is_limited ? limit / kAlwaysHeldBack : 0;
  // Where nothing is evicted, what is written in the place of something else needs a place beside it.
  if (is_limited && policy.load(std::memory_order_relaxed) == Policy::noeviction)
    always = std::max(always, memory.segment_bytes());
  shortage.store(bytes, std::memory_order_relaxed);
  held_back.store(always + bytes, std::memory_order_relaxed);
}

void Core::fade_shortage(unsigned shift) noexcept {
  const std::uint64_t bytes = shortage.load(std::memory_order_relaxed);
  if (bytes != 0) set_shortage(bytes - std::max<std::uint64_t>(bytes >> shift, 1));
}

bool Core::enters_main(std::uint64_t hash) const noexcept {
  if (policy.load(std::memory_order_relaxed) != Policy::s3fifo) return true;
  const GhostTable::Found ghost = ghosts.find(hash);
  return ghost.found && ghost.cause == Gone::evicted_young;
}

Core::~Core() {
  std::destroy_n(shards, kShardCount);
  ::operator delete(shards, std::align_val_t(alignof(IndexShard)));
}

void ShownItem::show(const ItemStore& store, StoredItem item) noexcept {
  view_.lifetime_ms = item.lifetime_ms();
  switch (item.encoding()) {
    case Encoding::integer: view_.value = decode_integer(item.stored_value(), digits_); break;
    case Encoding::block:
      view_.block = store.pin(item);
      view_.value = view_.block.view();
      break;
    default: view_.value = item.stored_value();
  }
}

}  // namespace strata::cache
