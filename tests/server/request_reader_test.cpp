#include "server/net/request_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

namespace strata::server {
namespace {

using Requests = std::vector<std::vector<std::string>>;

std::string encode(const std::vector<std::string>& request) {
  std::string bytes = "*" + std::to_string(request.size()) + "\r\n";
  for (const std::string& arg : request) bytes += "$" + std::to_string(arg.size()) + "\r\n" + arg + "\r\n";
  return bytes;
}

cache::Tunables with_limit(std::uint64_t bytes) {
  cache::Tunables tunables;
  tunables.max_memory_bytes = bytes;
  tunables.policy = Policy::noeviction;
  return tunables;
}

// A reader fed as a socket would feed it: at most so many bytes a turn.
class RequestReaderTest : public testing::Test {
 protected:
  explicit RequestReaderTest(std::uint64_t limit = 1ULL << 30) : cache_({}, with_limit(limit)), session_(cache_.open_session()) {}

  // One turn; false when `input` is used up. Every request is noted in `seen`.
  bool turn(std::string_view& input, std::size_t most) {
    std::size_t moved = 0;
    for (const iovec& target : reader_.prepare()) {
      const std::size_t part = std::min({target.iov_len, input.size(), most - moved});
      std::memcpy(target.iov_base, input.data(), part);
      input.remove_prefix(part);
      moved += part;
    }
    if (moved == 0) return false;
    reader_.received(moved);
    drain();
    return true;
  }

  void drain() {
    RequestBatch batch;
    protocol::ParseStatus status = protocol::ParseStatus::request;
    while (status == protocol::ParseStatus::request) {
      batch.clear();
      status = reader_.parse(batch, 3);
      for (std::size_t i = 0; i < batch.requests.size(); ++i) {
        note(batch, i);
        if (rewind_every_ != 0 && ++executed_ % rewind_every_ == 0) {
          reader_.rewind(batch.requests[i]);
          reader_.end_turn(cache_, *session_);
          reader_.take_up();
          status = protocol::ParseStatus::request;  // what was parsed behind it is parsed again
          break;
        }
      }
    }
    EXPECT_NE(status, protocol::ParseStatus::error) << reader_.error();
    reader_.end_turn(cache_, *session_);
  }

  void note(const RequestBatch& batch, std::size_t i) {
    if (i == 0 && reader_.refused()) {
      seen_.push_back({"(refused)"});
    } else {
      auto& request = seen_.emplace_back();
      for (const std::string_view arg : batch.args_of(batch.requests[i])) request.emplace_back(arg);
      if (i == 0) adopted_ += reader_.blocks().size();
    }
    if (i == 0) reader_.release_blocks();
  }

  Cache cache_;
  std::unique_ptr<Session> session_;
  std::vector<char> shared_ = std::vector<char>(4096);
  RequestReader reader_{shared_};
  Requests seen_;
  std::size_t adopted_ = 0;
  unsigned rewind_every_ = 0;
  unsigned executed_ = 0;
};

Requests random_requests(std::mt19937& random, int count) {
  Requests requests;
  for (int i = 0; i < count; ++i) {
    auto& request = requests.emplace_back();
    for (std::size_t arg = 0; arg < 1 + random() % 4; ++arg) {
      const std::size_t size = random() % 8 == 0 ? (32U << 10U) + random() % 60'000 : random() % 200;
      std::string text(size, static_cast<char>('a' + random() % 26));
      if (size > 2) text[1] = '\r', text[2] = '\n';
      request.push_back(std::move(text));
    }
  }
  return requests;
}

TEST_F(RequestReaderTest, AnyCutGivesTheSameRequests) {
  std::mt19937 random(11);
  for (int round = 0; round < 30; ++round) {
    seen_.clear();
    rewind_every_ = static_cast<unsigned>(round % 4);  // suspended commands in between
    const Requests requests = random_requests(random, 20);
    std::string bytes;
    for (const auto& request : requests) bytes += encode(request);
    std::string_view input = bytes;
    while (turn(input, 1 + random() % 20'000)) {
    }
    ASSERT_TRUE(seen_ == requests) << "round " << round;
    EXPECT_EQ(reader_.kept_bytes(), 0U);
    EXPECT_EQ(cache_.budget().bytes(Purpose::large_values), 0U);
  }
  EXPECT_GT(adopted_, 0U) << "no large argument was received into a block of its own";
}

TEST_F(RequestReaderTest, AnIdleReaderHoldsNoBuffer) {
  std::string_view input = "*1\r\n$4\r\nPING\r\n";
  turn(input, 1000);
  EXPECT_EQ(seen_.size(), 1U);
  EXPECT_LE(reader_.memory_bytes(), 64U);
}

class FullCacheTest : public RequestReaderTest {
 protected:
  FullCacheTest() : RequestReaderTest(2ULL << 20) {}
};

TEST_F(FullCacheTest, ALargeArgumentThatDoesNotFitIsSkippedAndTheNextRequestIsRead) {
  const std::string bytes = encode({"SET", "key", std::string(8 << 20, 'x')}) + encode({"PING"});
  std::string_view input = bytes;
  while (turn(input, 100'000)) EXPECT_LT(reader_.memory_bytes(), 100'000U);
  ASSERT_EQ(seen_, (Requests{{"(refused)"}, {"PING"}}));
}

}  // namespace
}  // namespace strata::server
