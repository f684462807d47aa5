// Items that make room for others of their home, beside those who walk over the index.
#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "engine/cache/protocol_points.h"
#include "tests/engine/cache/index_fixture.h"

namespace strata::test {
namespace {

using cache::ProtocolFault;
using cache::ProtocolPoint;
using sync::qsbr::Participant;

std::atomic<bool> sent;
std::atomic<bool> walked;

// Who sends an item aside for the first time waits, with the item in both places, until a walk has looked at all buckets.
void meet(ProtocolPoint point) noexcept {
  switch (point) {
    case ProtocolPoint::item_sent_aside:
      if (sent.exchange(true)) break;
      while (!walked) std::this_thread::yield();
      break;
    case ProtocolPoint::walk_after_block: walked = sent.load(); break;
    default: break;
  }
}

class SentAsideTest : public testing::Test {
 protected:
  ~SentAsideTest() override {
    cache::set_protocol_point_handler(nullptr);
    cache::set_protocol_fault(ProtocolFault::none);
  }

  // Fills one block until an item makes room for another, and walks over it just then. The most that a number was seen in one walk.
  std::size_t most_seen_beside_a_walk() {
    NumberIndex numbers;
    sent = walked = false;
    cache::set_protocol_point_handler(&meet);
    {
      const std::jthread writer([&numbers] {
        Participant participant(numbers.domain);
        participant.online();
        for (std::uint64_t number = 0; !sent; ++number) {
          LockedHome home(numbers.index, NumberIndex::hash_of(number));
          if (!home.insert(NumberIndex::hash_of(number), NumberIndex::item(number))) break;
        }
        participant.offline();
      });
      while (!sent) std::this_thread::yield();
      walk(numbers);
    }
    std::size_t most = 0;
    for (const auto& [number, times] : seen_) most = std::max(most, times);
    return most;
  }

 private:
  void walk(NumberIndex& numbers) {
    Participant participant(numbers.domain);
    participant.online();
    std::vector<Slot> slots;
    (void)numbers.index.collect(0, cache::kBlockBuckets, slots);
    for (const Slot slot : slots) ++seen_[NumberIndex::number_of(slot)];
    participant.offline();
  }

  std::map<std::uint64_t, std::size_t> seen_;
};

TEST_F(SentAsideTest, AWalkSeesItOnce) { EXPECT_EQ(most_seen_beside_a_walk(), 1U); }

TEST_F(SentAsideTest, AWalkThatDoesNotLookAgainSeesItTwice) {
  cache::set_protocol_fault(ProtocolFault::walk_not_validated);
  EXPECT_EQ(most_seen_beside_a_walk(), 2U);
}

}  // namespace
}  // namespace strata::test
