#include "server/commands/reply_pieces.h"

#include <gtest/gtest.h>

#include <string>

namespace strata::server {
namespace {

class ReplyPiecesTest : public testing::Test {
 protected:
  void write(std::size_t bytes) {
    const std::string line(1000, 'x');
    for (std::size_t written = 0; written < bytes; written += line.size()) pieces_.end().append(line);
    pieces_.charge();
  }
  [[nodiscard]] std::uint64_t charged() const { return budget_.bytes(Purpose::client_buffers); }

  Budget budget_;
  ReplyPieces pieces_{budget_};
  Reply reply_;
};

TEST_F(ReplyPiecesTest, WhatIsWrittenIsChargedAndCounted) {
  write(1000);
  EXPECT_EQ(pieces_.bytes(), 1000U);
  EXPECT_EQ(charged(), pieces_.memory_bytes());
  write(400'000);
  EXPECT_EQ(pieces_.bytes(), 401'000U);
  EXPECT_GE(pieces_.memory_bytes(), pieces_.bytes());
  EXPECT_EQ(charged(), pieces_.memory_bytes());
}

TEST_F(ReplyPiecesTest, APieceThatIsAnsweredIsGoneAndNoLongerCharged) {
  write(400'000);
  std::size_t left = pieces_.bytes();
  for (bool is_last = false; !is_last;) {
    const std::size_t before = reply_.size_since({}), memory_before = pieces_.memory_bytes();
    is_last = pieces_.answer_one(reply_);
    const std::size_t piece = reply_.size_since({}) - before;
    EXPECT_LE(piece, ReplyPieces::kPieceBytes);
    left -= piece;
    EXPECT_EQ(pieces_.bytes(), left);
    EXPECT_LT(pieces_.memory_bytes(), memory_before);
    EXPECT_EQ(charged(), pieces_.memory_bytes());
  }
  EXPECT_EQ(left, 0U);
  EXPECT_EQ(charged(), 0U);
  EXPECT_EQ(reply_.size_since({}), 400'000U);
}

TEST_F(ReplyPiecesTest, WhatIsNotAnsweredIsGivenBackWithIt) {
  {
    ReplyPieces others(budget_);
    others.end().append(std::string(5000, 'x'));
    others.charge();
    EXPECT_GE(charged(), 5000U);
  }
  EXPECT_EQ(charged(), 0U);
}

}  // namespace
}  // namespace strata::server
