#include "tests/protocol/request_feeder.h"

#include <algorithm>
#include <cstring>
#include <forward_list>
#include <memory>

namespace strata::protocol::testing {
namespace {

class Feeder {
 public:
  Feeder(const ParseLimits& limits, LargeBulks large_bulks) : parser_(limits), large_bulks_(large_bulks) {}

  // False once the stream has failed.
  bool receive(std::string_view piece) {
    if (destination_missing_ > 0) {
      const std::size_t taken = std::min(destination_missing_, piece.size());
      std::memcpy(destination_end_, piece.data(), taken);
      destination_end_ += taken;
      destination_missing_ -= taken;
      piece.remove_prefix(taken);
      if (destination_missing_ > 0) return true;
    }
    move_window(window_size_, piece);
    return parse_all();
  }

  [[nodiscard]] Meaning meaning() && { return std::move(meaning_); }

 private:
  // A new block with the last `kept` bytes of the old one and those of `piece`. The old one is freed: stale views show.
  void move_window(std::size_t kept, std::string_view piece) {
    const std::size_t size = kept + piece.size();
    auto block = std::make_unique<char[]>(size);
    if (kept > 0) std::memcpy(block.get(), window_.get() + (window_size_ - kept), kept);
    if (!piece.empty()) std::memcpy(block.get() + kept, piece.data(), piece.size());
    window_ = std::move(block);
    window_size_ = size;
  }

  bool parse_all() {
    std::size_t consumed = 0;
    std::vector<std::string_view> arguments;
    std::vector<std::size_t> request_ends;
    ParseStep step;
    while (true) {
      step = parser_.parse({window_.get() + consumed, window_size_ - consumed}, arguments);
      if (step.status != ParseStatus::request) break;
      consumed += step.consumed;
      request_ends.push_back(arguments.size());
    }
    deliver(arguments, request_ends);
    if (step.status == ParseStatus::error) {
      meaning_.error = parser_.error();
      return false;
    }
    move_window(window_size_ - consumed, {});
    if (step.status == ParseStatus::bulk_begins && large_bulks_ == LargeBulks::diverted) divert();
    return true;
  }

  void deliver(std::span<const std::string_view> arguments, std::span<const std::size_t> request_ends) {
    std::size_t begin = 0;
    for (const std::size_t end : request_ends) {
      if (begin != end)
        meaning_.requests.emplace_back(arguments.begin() + static_cast<std::ptrdiff_t>(begin),
                                       arguments.begin() + static_cast<std::ptrdiff_t>(end));
      begin = end;
    }
    // Only the unfinished request, which has no views yet, may refer to a destination, and it is told of one after this.
    if (!request_ends.empty()) destinations_.clear();
  }

  void divert() {
    const PendingBulk bulk = parser_.pending_bulk();
    destinations_.push_front(std::make_unique<char[]>(bulk.length));
    char* const destination = destinations_.front().get();
    std::memcpy(destination, window_.get() + (window_size_ - bulk.received), bulk.received);
    window_size_ -= bulk.received;
    move_window(window_size_, {});
    destination_end_ = destination + bulk.received;
    destination_missing_ = bulk.length - bulk.received;
    parser_.divert_bulk(destination);
  }

  RequestParser parser_;
  LargeBulks large_bulks_;
  Meaning meaning_;
  std::unique_ptr<char[]> window_ = std::make_unique<char[]>(0);
  std::size_t window_size_ = 0;
  std::forward_list<std::unique_ptr<char[]>> destinations_;
  char* destination_end_ = nullptr;
  std::size_t destination_missing_ = 0;
};

}  // namespace

std::ostream& operator<<(std::ostream& out, const Meaning& meaning) {
  for (const Request& request : meaning.requests) {
    out << '[';
    for (const std::string& argument : request) out << '"' << argument << "\" ";
    out << "] ";
  }
  return out << "error: " << meaning.error;
}

Meaning feed(std::string_view stream, std::span<const std::size_t> cuts, const ParseLimits& limits, LargeBulks large_bulks) {
  Feeder feeder(limits, large_bulks);
  std::size_t begin = 0;
  for (const std::size_t cut : cuts) {
    if (!feeder.receive(stream.substr(begin, cut - begin))) return std::move(feeder).meaning();
    begin = cut;
  }
  feeder.receive(stream.substr(begin));
  return std::move(feeder).meaning();
}

Meaning feed_whole(std::string_view stream, const ParseLimits& limits) { return feed(stream, {}, limits, LargeBulks::in_window); }

std::string encode(const Request& request) {
  std::string bytes = "*" + std::to_string(request.size()) + "\r\n";
  for (const std::string& argument : request) bytes += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
  return bytes;
}

}  // namespace strata::protocol::testing
