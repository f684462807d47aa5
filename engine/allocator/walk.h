#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/allocator/shared_heap.h"
#include "engine/allocator/span.h"

// The map of the allocator's memory by address: from the first slice to the last that was ever used, without a gap.
//
// Of spans that belong to the calling thread, to nobody, to ended threads or to shared heaps every block is told exactly. Spans of other
// running threads are read while these go on: what is free in them may be told as used or the other way round, and is flagged
// `approximate`. What lists of free blocks say there is believed only where it can be.
//
// The allocator's locks are held during a walk: the visitor must not use this allocator, and threads that need slices wait. The calling
// thread first delivers what it has freed of other threads' blocks. Allocates nothing; needs 2 KiB of stack.
// Thread safety: all functions, from any thread.
namespace strata::allocator {

// Of a BlockDescription.
enum BlockFlags : std::uint32_t {
  kBlockLarge = 1U << 0,        // slices of its own
  kBlockFreeRange = 1U << 1,    // slices that belong to no span
  kBlockUnmade = 1U << 2,       // the part of a span whose blocks were never made; one stretch, `size` is that of all of it
  kBlockTail = 1U << 3,         // the end of a span, too short for a block, or behind the last page of a large one
  kBlockRecords = 1U << 4,      // the allocator's own; neither free nor the program's
  kBlockSharedHeap = 1U << 5,   // of a shared heap
  kBlockRecycled = 1U << 6,     // in a span recycled for several sizes
  kBlockApproximate = 1U << 7,  // of another running thread: whether it is free may have changed
};

// A stretch of memory: a block, in use or free, or what is not cut into blocks.
struct BlockDescription {
  std::size_t size;       // in bytes: to the next stretch. A block's as it was rounded
  std::size_t alignment;  // the largest power of two of which start_address is a multiple
  bool is_free;
  void* start_address;
  void* user_ptr;       // what the program was given; nullptr: it is free, or records
  std::uint32_t flags;  // BlockFlags
  const void* next;     // start of the stretch behind it; nullptr: none
  const void* prev;     // of the one before it; nullptr: none
};

// False ends the walk. `block` is valid during the call.
using BlockVisitor = bool (*)(const BlockDescription& block, void* argument);
void walk_blocks(BlockVisitor visitor, void* argument) noexcept;

// A span, or a free range of slices.
struct SpanDescription {
  void* start;
  std::size_t bytes;
  SpanUse use;            // free, blocks, large or allocator
  Possession possession;  // of spans of blocks
  std::uint32_t flags;    // BlockFlags that hold for all of it
  // Of spans of blocks. Recycled ones and those of best fit and arenas have blocks of many sizes: block_bytes and capacity are 0.
  std::uint32_t block_bytes;
  std::uint32_t capacity;
  std::uint32_t carved;
  std::uint32_t used;         // blocks handed out, as the walk counts them
  std::uint64_t used_bytes;   // of them; a large block's as it may be used
  const Heap* owner;          // the thread's heap; nullptr: none
  const SharedHeap* heap;     // the shared heap; nullptr: none
  std::uint64_t large_bytes;  // of a large block: as requested
};

using SpanVisitor = bool (*)(const SpanDescription& span, void* argument);
void walk_spans(SpanVisitor visitor, void* argument) noexcept;

}  // namespace strata::allocator
