#include "server/net/output_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "tests/server/scripted_transport.h"

namespace strata::server {
namespace {

constexpr std::size_t kPlenty = 1 << 30;

class OutputQueueTest : public testing::Test {
 protected:
  ValueRef block_of(std::size_t size, char fill) {
    ValueRef block = cache_.allocate_value(*session_, size);
    std::memset(block.data(), fill, size);
    return block;
  }

  // Writes a small bulk or a large one by reference, and notes what the client must see.
  void answer(std::size_t size, char fill) {
    if (size < cache::kLargeValueBytes) {
      const std::string text(size, fill);
      reply_.bulk(text);
      expected_ += "$" + std::to_string(size) + "\r\n" + text + "\r\n";
      return;
    }
    ItemView item;
    item.block = block_of(size, fill);
    item.value = item.block.view();
    reply_.value(item);
    expected_ += "$" + std::to_string(size) + "\r\n" + std::string(size, fill) + "\r\n";
  }

  Cache cache_{{}, {}};
  std::unique_ptr<Session> session_ = cache_.open_session();
  Reply reply_;
  ScriptedTransport transport_;
  OutputQueue queue_;
  std::string expected_;
};

TEST_F(OutputQueueTest, SendsAtOnceWhatTheSocketTakes) {
  answer(10, 'a');
  transport_.takes = {kPlenty};
  EXPECT_EQ(queue_.send(transport_, reply_), IoStatus::ok);
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.buffered_bytes(), 0U);
  EXPECT_EQ(transport_.sent, expected_);
}

TEST_F(OutputQueueTest, KeepsTheOrderBehindWhatIsQueued) {
  answer(10, 'a');
  transport_.takes = {4};
  EXPECT_EQ(queue_.send(transport_, reply_), IoStatus::would_block);
  reply_.clear(0);
  answer(20, 'b');
  EXPECT_EQ(queue_.send(transport_, reply_), IoStatus::would_block);
  EXPECT_GT(queue_.buffered_bytes(), 0U);
  transport_.takes = {kPlenty};
  EXPECT_EQ(queue_.flush(transport_), IoStatus::ok);
  EXPECT_EQ(transport_.sent, expected_);
  EXPECT_EQ(queue_.buffered_bytes(), 0U);
}

TEST_F(OutputQueueTest, LargeValuesAreHeldByReferenceAndLetGo) {
  answer(100'000, 'x');
  transport_.takes = {50'000};
  EXPECT_EQ(queue_.send(transport_, reply_), IoStatus::would_block);
  reply_.clear(0);
  EXPECT_EQ(queue_.pinned_bytes(), 100'000U);
  EXPECT_LT(queue_.buffered_bytes(), 1000U);
  EXPECT_GT(cache_.budget().bytes(Purpose::large_values), 100'000U);
  transport_.takes = {kPlenty, kPlenty};
  EXPECT_EQ(queue_.flush(transport_), IoStatus::ok);
  EXPECT_EQ(transport_.sent, expected_);
  EXPECT_EQ(queue_.pinned_bytes(), 0U);
  EXPECT_EQ(cache_.budget().bytes(Purpose::large_values), 0U);
}

TEST_F(OutputQueueTest, AClosedPeerIsReported) {
  answer(10, 'a');
  transport_.closed = true;
  EXPECT_EQ(queue_.send(transport_, reply_), IoStatus::closed);
}

TEST_F(OutputQueueTest, AnyCutGivesTheSameBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    for (std::size_t i = 0; i < 1 + random() % 6; ++i) {
      answer(random() % 4 == 0 ? cache::kLargeValueBytes + random() % 50'000 : random() % 3000,
             static_cast<char>('a' + random() % 26));
    }
    for (int i = 0; i < 4; ++i) transport_.takes.push_back(random() % 30'000);
    queue_.send(transport_, reply_);
    reply_.clear(0);
  }
  transport_.takes.assign(10'000, kPlenty);
  EXPECT_EQ(queue_.flush(transport_), IoStatus::ok);
  EXPECT_TRUE(transport_.sent == expected_);
  EXPECT_EQ(queue_.pinned_bytes() + queue_.buffered_bytes(), 0U);
  EXPECT_EQ(cache_.budget().bytes(Purpose::large_values), 0U);
}

}  // namespace
}  // namespace strata::server
