#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/request_parser.h"
#include "tests/protocol/reference_parser.h"
#include "tests/protocol/request_feeder.h"

// A stream must mean the same however it arrives: whole, cut at any places, with large arguments diverted or not; and the same
// as to the reference parser. The end of the input gives limits and cuts, all before it is the stream.
namespace {

using namespace strata::protocol;

// The last byte, or 0 where there is none.
std::size_t take_last(std::string_view& input) {
  if (input.empty()) return 0;
  const auto last = static_cast<unsigned char>(input.back());
  input.remove_suffix(1);
  return last;
}

void expect_same(const testing::Meaning& expected, const testing::Meaning& got, const char* how) {
  if (expected == got) return;
  std::cerr << how << " gives\n" << got << "\nbut the reference\n" << expected << '\n';
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  ParseLimits limits;
  limits.authenticated = take_last(input) % 2 == 0;
  // Small limits, so that short inputs reach them.
  limits.bulk_bytes = 300;
  limits.arguments = 20;
  limits.inline_bytes = 64;
  limits.large_bulk_bytes = 1 + take_last(input) % 32;
  std::vector<std::size_t> cuts(take_last(input) % 13);
  for (std::size_t& cut : cuts) cut = take_last(input);
  const std::string stream(input);
  for (std::size_t& cut : cuts) cut = std::min(cut, stream.size());
  std::sort(cuts.begin(), cuts.end());

  const testing::Meaning expected = testing::reference_meaning(stream, limits);
  expect_same(expected, testing::feed_whole(stream, limits), "the whole stream");
  expect_same(expected, testing::feed(stream, cuts, limits, testing::LargeBulks::in_window), "the stream in pieces");
  expect_same(expected, testing::feed(stream, cuts, limits, testing::LargeBulks::diverted), "the stream with diverted bulks");
  return 0;
}
