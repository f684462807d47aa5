#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "loadtest/wire/reply_scanner.h"
#include "loadtest/wire/request_encoder.h"

namespace strata::loadtest {
namespace {

struct Seen {
  Outcome outcome;
  std::string text;
  bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << static_cast<int>(seen.outcome) << " '" << seen.text << "'";
}

// Feeds the stream in two pieces, each in a heap block of its exact size so that a byte read too far is caught.
std::vector<Seen> scan(Protocol protocol, const std::string& stream, std::size_t cut, bool keep_values) {
  ReplyScanner scanner(protocol, keep_values);
  std::vector<Seen> seen;
  for (const std::string& piece : {stream.substr(0, cut), stream.substr(cut)}) {
    const std::unique_ptr<char[]> exact(new char[piece.size()]);
    piece.copy(exact.get(), piece.size());
    std::string_view data(exact.get(), piece.size());
    Reply reply;
    while (!data.empty() && scanner.next(data, reply)) seen.push_back({reply.outcome, std::string(reply.text)});
  }
  return seen;
}

void expect_everywhere(Protocol protocol, const std::string& stream, const std::vector<Seen>& expected) {
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    EXPECT_EQ(scan(protocol, stream, cut, true), expected) << "cut at " << cut;
    const std::vector<Seen> skipping = scan(protocol, stream, cut, false);
    ASSERT_EQ(skipping.size(), expected.size()) << "cut at " << cut;
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(skipping[i].outcome, expected[i].outcome) << "cut at " << cut;
  }
}

TEST(ReplyScanner, RespCutAnywhere) {
  expect_everywhere(Protocol::resp3,
                    "+OK\r\n$5\r\nhello\r\n$-1\r\n_\r\n:12\r\n-ERR "
                    "no\r\n$0\r\n\r\n*2\r\n$1\r\na\r\n*1\r\n:1\r\n*0\r\n*-1\r\n%1\r\n+a\r\n$2\r\n\r\n\r\n$2\r\n*1\r\n",
                    {{Outcome::done, "+OK"},
                     {Outcome::hit, "hello"},
                     {Outcome::miss, "$-1"},
                     {Outcome::miss, "_"},
                     {Outcome::done, ":12"},
                     {Outcome::error, "ERR no"},
                     {Outcome::hit, ""},
                     {Outcome::done, ":1"},
                     {Outcome::done, "*0"},
                     {Outcome::miss, "*-1"},
                     {Outcome::done, "$2"},
                     {Outcome::hit, "*1"}});
}

TEST(ReplyScanner, MemcachedCutAnywhere) {
  expect_everywhere(
      Protocol::memcached,
      "STORED\r\nVALUE k 0 5\r\nEND\r\n\r\nEND\r\nEND\r\nNOT_FOUND\r\nDELETED\r\nSERVER_ERROR out of memory\r\n7\r\n",
      {{Outcome::done, "STORED"},
       {Outcome::hit, "END\r\n"},
       {Outcome::miss, "END"},
       {Outcome::miss, "NOT_FOUND"},
       {Outcome::done, "DELETED"},
       {Outcome::error, "SERVER_ERROR out of memory"},
       {Outcome::done, "7"}});
}

TEST(ReplyScanner, MemcachedStatistics) {
  EXPECT_EQ(scan(Protocol::memcached, "STAT pid 1\r\nSTAT curr_items 5\r\nEND\r\n", 3, true),
            (std::vector<Seen>{{Outcome::hit, "STAT pid 1\nSTAT curr_items 5\n"}}));
}

TEST(ReplyScanner, WhatIsNotTheProtocolBreaksIt) {
  for (const char* stream : {"HTTP/1.1 400\r\n", "$x\r\n", "$-2\r\n", "*x\r\n", "\r\n", "$99999999999\r\n", "*9999999\r\n"}) {
    ReplyScanner scanner(Protocol::resp2);
    std::string_view data = stream;
    Reply reply;
    ASSERT_TRUE(scanner.next(data, reply)) << stream;
    EXPECT_EQ(reply.outcome, Outcome::error) << stream;
    EXPECT_NE(reply.text.find("not the protocol"), std::string_view::npos) << stream;
    EXPECT_TRUE(scanner.broken()) << stream;
    data = "+OK\r\n";
    EXPECT_FALSE(scanner.next(data, reply)) << stream;
  }
}

TEST(ReplyScanner, AnEndlessLineIsRefused) {
  ReplyScanner scanner(Protocol::resp2);
  const std::string piece(4096, 'x');
  Reply reply;
  bool refused = false;
  for (int i = 0; i < 100 && !refused; ++i) {
    std::string_view data = i == 0 ? std::string_view("+") : std::string_view(piece);
    refused = scanner.next(data, reply);
  }
  EXPECT_TRUE(refused);
  EXPECT_TRUE(scanner.broken());
}

class Encoding : public testing::Test {
 protected:
  std::string encode(Protocol protocol, const Operation& operation) {
    WorkloadOptions options;
    options.key_bytes = 6;
    options.key_prefix = "k:";
    options.keys = 10;
    std::string problem;
    const auto workload = Workload::make(options, 0, problem);
    EXPECT_TRUE(workload) << problem;
    RequestEncoder encoder(protocol, *workload);
    std::string bytes;
    if (stores_value(operation.kind)) {
      encoder.append(operation, "v\r\n", bytes);
    } else {
      encoder.append(operation, bytes);
    }
    return bytes;
  }
};

TEST_F(Encoding, Resp) {
  const auto resp = [this](const Operation& operation) { return encode(Protocol::resp2, operation); };
  EXPECT_EQ(resp({OperationKind::get, 1}), "*2\r\n$3\r\nGET\r\n$6\r\nk:0001\r\n");
  EXPECT_EQ(resp({OperationKind::del, 1}), "*2\r\n$3\r\nDEL\r\n$6\r\nk:0001\r\n");
  EXPECT_EQ(resp({OperationKind::incr, 1}), "*2\r\n$4\r\nINCR\r\n$6\r\nk:0001\r\n");
  EXPECT_EQ(resp({OperationKind::touch, 1, 0, 1500}), "*3\r\n$7\r\nPEXPIRE\r\n$6\r\nk:0001\r\n$4\r\n1500\r\n");
  EXPECT_EQ(resp({OperationKind::set, 1, 3}), "*3\r\n$3\r\nSET\r\n$6\r\nk:0001\r\n$3\r\nv\r\n\r\n");
  EXPECT_EQ(resp({OperationKind::set, 1, 3, 1500}),
            "*5\r\n$3\r\nSET\r\n$6\r\nk:0001\r\n$3\r\nv\r\n\r\n$2\r\nPX\r\n$4\r\n1500\r\n");
  EXPECT_EQ(resp({OperationKind::add, 1, 3}), "*4\r\n$3\r\nSET\r\n$6\r\nk:0001\r\n$3\r\nv\r\n\r\n$2\r\nNX\r\n");
  EXPECT_EQ(resp({OperationKind::add, 1, 3, 9}),
            "*6\r\n$3\r\nSET\r\n$6\r\nk:0001\r\n$3\r\nv\r\n\r\n$2\r\nNX\r\n$2\r\nPX\r\n$1\r\n9\r\n");
}

TEST_F(Encoding, Memcached) {
  const auto text = [this](const Operation& operation) { return encode(Protocol::memcached, operation); };
  EXPECT_EQ(text({OperationKind::get, 1}), "get k:0001\r\n");
  EXPECT_EQ(text({OperationKind::del, 1}), "delete k:0001\r\n");
  EXPECT_EQ(text({OperationKind::incr, 1}), "incr k:0001 1\r\n");
  EXPECT_EQ(text({OperationKind::touch, 1, 0, 1500}), "touch k:0001 2\r\n");
  EXPECT_EQ(text({OperationKind::set, 1, 3}), "set k:0001 0 0 3\r\nv\r\n\r\n");
  EXPECT_EQ(text({OperationKind::add, 1, 3, 60'000}), "add k:0001 0 60 3\r\nv\r\n\r\n");
}

}  // namespace
}  // namespace strata::loadtest
