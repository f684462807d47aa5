#include "protocol/byte_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <new>
#include <random>
#include <string>
#include <utility>

namespace strata::protocol {
namespace {

TEST(ByteBuffer, StartsEmptyAndWithoutMemory) {
  const ByteBuffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.size(), 0U);
  EXPECT_EQ(buffer.capacity(), 0U);
  EXPECT_EQ(buffer.room(), 0U);
  EXPECT_EQ(buffer.view(), "");
}

TEST(ByteBuffer, AppendingNothingTakesNoMemory) {
  ByteBuffer buffer;
  buffer.append("");
  EXPECT_EQ(buffer.capacity(), 0U);
}

TEST(ByteBuffer, KeepsBytesWhileItGrows) {
  ByteBuffer buffer;
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    const std::string piece = std::to_string(i);
    buffer.append(piece);
    expected += piece;
  }
  EXPECT_EQ(buffer.view(), expected);
  EXPECT_LE(buffer.capacity(), expected.size() * 2);
}

TEST(ByteBuffer, GrowsRarely) {
  ByteBuffer buffer;
  int growths = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const std::size_t before = buffer.capacity();
    buffer.append("x");
    if (buffer.capacity() != before) ++growths;
  }
  EXPECT_LE(growths, 20);
}

TEST(ByteBuffer, MakeRoomGivesWritableBytesBehindTheEnd) {
  ByteBuffer buffer;
  buffer.append("ab");
  char* const back = buffer.make_room(1000);
  EXPECT_GE(buffer.room(), 1000U);
  back[0] = 'c';
  back[999] = 'z';
  buffer.commit(1);
  EXPECT_EQ(buffer.view(), "abc");
}

TEST(ByteBuffer, ExactRoomHoldsNoMoreThanAsked) {
  ByteBuffer buffer;
  buffer.append("head");
  buffer.make_exact_room(1'000'000);
  EXPECT_EQ(buffer.capacity(), 1'000'004U);
  EXPECT_EQ(buffer.view(), "head");
}

TEST(ByteBuffer, ExactRoomReusesTheFront) {
  ByteBuffer buffer;
  buffer.append(std::string(100, 'a'));
  const std::size_t capacity = buffer.capacity();
  buffer.consume(40);
  buffer.make_exact_room(capacity - 60);
  EXPECT_EQ(buffer.capacity(), capacity);
  EXPECT_EQ(buffer.view(), std::string(60, 'a'));
}

TEST(ByteBuffer, ConsumeTakesFromTheFrontWithoutMoving) {
  ByteBuffer buffer;
  buffer.append("hello world");
  const char* const front = buffer.data();
  buffer.consume(6);
  EXPECT_EQ(buffer.view(), "world");
  EXPECT_EQ(buffer.data(), front + 6);
}

TEST(ByteBuffer, ConsumingAllRewinds) {
  ByteBuffer buffer;
  buffer.append("hello");
  const char* const front = buffer.data();
  buffer.consume(5);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.data(), front);
  EXPECT_EQ(buffer.room(), buffer.capacity());
}

TEST(ByteBuffer, DropBackTakesFromTheEnd) {
  ByteBuffer buffer;
  buffer.append("hello");
  buffer.drop_back(2);
  EXPECT_EQ(buffer.view(), "hel");
  buffer.append("p");
  EXPECT_EQ(buffer.view(), "help");
}

TEST(ByteBuffer, ClearKeepsMemoryAndReleaseGivesItBack) {
  ByteBuffer buffer;
  buffer.append(std::string(1000, 'a'));
  const std::size_t capacity = buffer.capacity();
  buffer.clear();
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), capacity);
  buffer.release();
  EXPECT_EQ(buffer.capacity(), 0U);
  buffer.append("again");
  EXPECT_EQ(buffer.view(), "again");
}

TEST(ByteBuffer, PassingManyBytesThroughNeedsMemoryForWhatIsInsideOnly) {
  ByteBuffer buffer;
  buffer.append(std::string(1000, 'x'));
  for (int i = 0; i < 100'000; ++i) {
    buffer.append("0123456789");
    buffer.consume(10);
  }
  EXPECT_EQ(buffer.size(), 1000U);
  EXPECT_LE(buffer.capacity(), 4096U);
}

TEST(ByteBuffer, MovesHandOverTheBytes) {
  ByteBuffer first;
  first.append("payload");
  ByteBuffer second(std::move(first));
  EXPECT_EQ(second.view(), "payload");
  ByteBuffer third;
  third.append("old");
  third = std::move(second);
  EXPECT_EQ(third.view(), "payload");
  second = ByteBuffer();
  second.append("new");
  EXPECT_EQ(second.view(), "new");
}

TEST(ByteBuffer, ImpossibleSizesThrowAndLeaveTheBytes) {
  ByteBuffer buffer;
  buffer.append("kept");
  EXPECT_THROW(buffer.make_room(std::numeric_limits<std::size_t>::max()), std::bad_alloc);
  EXPECT_THROW(buffer.make_exact_room(std::numeric_limits<std::size_t>::max() - 2), std::bad_alloc);
  EXPECT_EQ(buffer.view(), "kept");
}

TEST(ByteBuffer, AgreesWithAStringUnderRandomOperations) {
  std::mt19937_64 random(20260101);
  ByteBuffer buffer;
  std::string expected;
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t amount = random() % 300;
    switch (random() % 6) {
      case 0:
      case 1: {
        const std::string piece(amount, static_cast<char>('a' + i % 26));
        buffer.append(piece);
        expected += piece;
        break;
      }
      case 2:
      case 3: {
        const std::size_t taken = std::min(amount, expected.size());
        buffer.consume(taken);
        expected.erase(0, taken);
        break;
      }
      case 4: {
        const std::size_t dropped = std::min(amount / 10, expected.size());
        buffer.drop_back(dropped);
        expected.resize(expected.size() - dropped);
        break;
      }
      default:
        buffer.make_exact_room(amount);
        EXPECT_GE(buffer.room(), amount);
        break;
    }
    ASSERT_EQ(buffer.view(), expected) << "operation " << i;
  }
}

}  // namespace
}  // namespace strata::protocol
