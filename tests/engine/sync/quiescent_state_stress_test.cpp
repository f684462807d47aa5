#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "engine/sync/quiescent_state.h"

namespace strata::sync::qsbr {
namespace {

// Readers follow pointers that writers swing and retire. A freed object says so until it is used again, and its fields are no atomics: the
// sanitizers see a reader that comes too late, and without them the readers do.
class QuiescentStateStressTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kAlive = 0x600d600d600d600d;
  static constexpr std::uint64_t kDead = 0xdeaddeaddeaddead;
  static constexpr std::size_t kSlots = 8;

  struct Object : Retired {
    explicit Object(std::atomic<int>& count) : alive(count) { ++alive; }
    std::uint64_t state = kAlive;
    std::uint64_t copy = kAlive;
    std::atomic<int>& alive;
  };
  static void destroy(Retired& retired, void*) noexcept {
    auto* const object = static_cast<Object*>(&retired);
    object->state = kDead;
    object->copy = kDead;
    object->alive.fetch_sub(1);
    delete object;
  }

  void SetUp() override {
    for (auto& slot : slots) slot = new Object(alive);
  }
  void TearDown() override {
    for (auto& slot : slots) destroy(*slot.load(), nullptr);
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(bad_reads, 0);
  }
  void read_one(std::mt19937& random) {
    const Object* const object = slots[random() % kSlots].load(std::memory_order_acquire);
    for (int look = 0; look < 4; ++look) bad_reads += object->state != kAlive || object->copy != kAlive;
  }
  [[nodiscard]] QuotaState replace_one(Participant& self, std::mt19937& random) {
    Object* const old = slots[random() % kSlots].exchange(new Object(alive), std::memory_order_acq_rel);
    return self.retire(*old, sizeof(Object), destroy);
  }

  std::atomic<int> alive = 0;
  std::atomic<int> bad_reads = 0;
  std::array<std::atomic<Object*>, kSlots> slots{};
};

TEST_F(QuiescentStateStressTest, LoopsThatAnnounceAndGoOffline) {
  Domain domain{LockRank{.name = "domain", .order = 5}};
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      Participant self(domain);
      self.online();
      for (int turn = 0; turn < 5'000; ++turn) {
        for (int read = 0; read < 4; ++read) read_one(random);
        if (i % 2 == 0) (void)replace_one(self, random);
        self.quiescent(turn % 3 == 0 ? 4 : Participant::kAllObjects);
        if (turn % 64 != 0) continue;
        self.offline();
        std::this_thread::yield();
        self.online();
      }
    });
  }
  threads.clear();
  domain.synchronize();
  EXPECT_EQ(domain.counters().waiting_bytes(), 0U);
}

TEST_F(QuiescentStateStressTest, GuardsAndAQuota) {
  constexpr std::uint64_t kQuota = 16 * sizeof(Object);
  Domain domain(LockRank{.name = "domain", .order = 5}, kQuota);
  std::atomic<int> waited = 0;
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      Participant self(domain);
      for (int turn = 0; turn < 3'000; ++turn) {
        QuotaState quota = QuotaState::within;
        {
          const ReadGuard guard(self);
          read_one(random);
          quota = replace_one(self, random);
          read_one(random);
        }
        if (quota == QuotaState::within) continue;
        ++waited;
        self.synchronize();
      }
    });
  }
  threads.clear();
  domain.synchronize();
  EXPECT_EQ(domain.counters().waiting_bytes(), 0U);
}

TEST_F(QuiescentStateStressTest, ThreadsThatComeAndGoLoseNothing) {
  Domain domain{LockRank{.name = "domain", .order = 5}};
  std::atomic<bool> stop = false;
  std::jthread reader([&] {
    std::mt19937 random(99);
    Participant self(domain);
    self.online();
    while (!stop) {
      read_one(random);
      self.quiescent();
    }
  });
  std::uint64_t retired = 0;
  for (unsigned round = 0; round < 100; ++round) {
    std::vector<std::jthread> threads;
    threads.reserve(3);
    for (unsigned i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] {
        std::mt19937 random(round * 3 + i);
        Participant self(domain);
        const ReadGuard guard(self);
        for (int turn = 0; turn < 5; ++turn) {
          (void)replace_one(self, random);
          read_one(random);
        }
      });
    }
    retired += 15 * sizeof(Object);
  }
  stop = true;
  reader.join();
  EXPECT_EQ(domain.counters().retired_bytes, retired);
  domain.synchronize();
  EXPECT_EQ(domain.counters().reclaimed_bytes, retired);
}

}  // namespace
}  // namespace strata::sync::qsbr
