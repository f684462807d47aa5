#pragma once

#include <cstddef>
#include <cstdint>

// Where tests can act between two steps of the cache's protocol: STRATA_PROTOCOL_POINT(name) stands at each of its steps. In builds with
// STRATA_PROTOCOL_POINTS it calls the handler, which may delay the thread or let others go first; in all others it is nothing, and only the
// compiler sees that there is such a point. All of a program is built with it or nothing: the points stand in headers too.
namespace strata::cache {

enum class ProtocolPoint : std::uint8_t {
  lock_home,                 // before a writer takes the lock of a home
  writer_after_look,         // it has looked the key up, and decided nothing
  before_swing,              // it holds the lock, and the new item is complete
  after_swing,               // the slot names the new item, the lock is held
  before_unlock,             // everything is done but giving the lock back
  before_joint_lock,         // of an operation on several keys
  after_joint_lock,          // all homes are locked and marked, nothing is changed yet
  before_gate_closed,        // by who has to be alone
  after_gate_closed,         // nobody changes anything, nor has the one who closed it yet
  before_retire,             // the old item is in no slot any more, and not retired
  before_reclaim,            // retired memory is about to be given back
  reader_after_slot_load,    // a reader has the slot, and has read nothing of its item
  reader_after_key_compare,  // it is the key's item, its value is not read
  reader_before_validation,  // it has found nothing, or several, and has not looked whether anything has changed
  growth_block_copied,       // a block lies in the new table, and still in the old one
  growth_before_cursor,      // it lies in the new table alone, and the cursor says in the old one
  item_sent_aside,           // an item lies in its alternate pair too, and has not made room yet
  walk_after_block,          // a walk has looked at all buckets of a block, and not at what overflowed them
};
inline constexpr std::size_t kProtocolPoints = 18;

// Steps that a test can have left out or put in the wrong order, to see that it is noticed: STRATA_PROTOCOL_FAULT(name) is true when it is. In
// builds without points always false.
enum class ProtocolFault : std::uint8_t {
  none,
  joint_not_marked,         // readers pass homes of which several are changed together
  publish_before_complete,  // the slot is swung before the value is written
  reclaim_early,            // memory is given back while readers may still be there
  write_without_comparing,  // with what its decision saw
  miss_not_validated,       // a reader that finds nothing does not look whether the home has changed meanwhile
  cursor_moved_early,       // readers are sent to the new table before the items are there
  gate_does_not_wait,       // who closes it begins while others are inside
  databases_not_validated,  // a reader does not look whether the databases have changed meanwhile
  moved_freed_at_once,      // the place that an item was moved from is given to others while readers may still be there
  item_of_old_epoch,        // an item that was made before its prefix was invalidated is published as one from before
  prefix_forgotten_early,   // what was invalidated is shown again before all of it has been taken out
  walk_not_validated,       // a walk over the index does not look whether an item was sent aside meanwhile
  no_memory_to_retire,      // not the protocol's: what could become of it where memory is out
};

#ifdef STRATA_PROTOCOL_POINTS

// Called by every thread that passes a point, with whatever it holds there: no calls into the cache. Null: none.
using ProtocolPointHandler = void (*)(ProtocolPoint point) noexcept;
// Returns the one that was there. Thread safety: from any thread; who is in the old handler finishes it.
ProtocolPointHandler set_protocol_point_handler(ProtocolPointHandler handler) noexcept;
void pass(ProtocolPoint point) noexcept;
// One at a time; set while nobody uses a cache.
void set_protocol_fault(ProtocolFault fault) noexcept;
[[nodiscard]] bool has_fault(ProtocolFault fault) noexcept;

#define STRATA_PROTOCOL_POINT(name) ::strata::cache::pass(::strata::cache::ProtocolPoint::name)
#define STRATA_PROTOCOL_FAULT(name) ::strata::cache::has_fault(::strata::cache::ProtocolFault::name)

#else

#define STRATA_PROTOCOL_POINT(name) static_cast<void>(::strata::cache::ProtocolPoint::name)
#define STRATA_PROTOCOL_FAULT(name) false

#endif

}  // namespace strata::cache
