#include "loadtest/wire/reply_scanner.h"

#include <algorithm>

#include "protocol/parse_integer.h"

namespace strata::loadtest {

namespace {

constexpr std::size_t kLongestLine = std::size_t{64} * 1024;
constexpr std::uint64_t kLongestValue = 1ULL << 30;
constexpr std::uint64_t kMostElements = 1ULL << 20;

// The word after `skip` blanks.
std::string_view word_of(std::string_view line, unsigned skip) {
  for (; skip > 0; --skip) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) return {};
    line.remove_prefix(blank + 1);
  }
  return line.substr(0, line.find(' '));
}

}  // namespace

bool ReplyScanner::next_slowly(std::string_view& data, Reply& reply) {
  if (broken_) {
    data = {};
    return false;
  }
  if (!in_reply_ && !data.empty()) {
    in_reply_ = true;
    outcome_ = Outcome::done;
    elements_left_ = 1;
    is_element_ = false;
    value_.clear();
    line_.clear();
  }
  while (!data.empty()) {
    if (in_value_) {
      if (!take_value(data)) return false;
      if (elements_left_ == 0) return finish(reply);
      continue;
    }
    if (!take_line(data)) return false;
    memcached_ ? read_memcached_line() : read_resp_line();
    if (broken_) {
      data = {};
      return finish(reply);
    }
    if (!in_value_ && elements_left_ == 0) return finish(reply);
    if (!in_value_ || elements_left_ > 0) line_.clear();
  }
  return false;
}

// True if a whole line, without its end, is in line_.
bool ReplyScanner::take_line(std::string_view& data) {
  const std::size_t end = data.find('\n');
  const std::size_t taken = end == std::string_view::npos ? data.size() : end + 1;
  line_.append(data.substr(0, taken));
  data.remove_prefix(taken);
  if (line_.size() > kLongestLine) {
    fail("a line of a reply is longer than 64 kB");
    return true;
  }
  if (end == std::string_view::npos) return false;
  line_.pop_back();
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  return true;
}

bool ReplyScanner::take_value(std::string_view& data) {
  const std::size_t taken = std::min<std::uint64_t>(value_left_, data.size());
  if (keep_values_ && value_left_ > 2) value_.append(data.substr(0, std::min<std::uint64_t>(taken, value_left_ - 2)));
  value_left_ -= taken;
  data.remove_prefix(taken);
  if (value_left_ > 0) return false;
  in_value_ = false;
  return true;
}

void ReplyScanner::begin_value(std::uint64_t bytes) {
  if (bytes > kLongestValue) return fail("a value longer than 1 GB is announced");
  in_value_ = true;
  value_left_ = bytes + 2;
}

void ReplyScanner::read_resp_line() {
  if (line_.empty()) return fail("an empty line instead of a reply");
  const std::string_view rest = std::string_view(line_).substr(1);
  const bool outermost = !is_element_;
  const auto set_outcome = [&](Outcome outcome) {
    if (outermost) outcome_ = outcome;
  };
  --elements_left_;
  switch (line_.front()) {
    case '+':
    case ':':
    case ',':
    case '#':
    case '(': return;
    case '-': return set_outcome(Outcome::error);
    case '_': return set_outcome(Outcome::miss);
    case '$':
    case '=':
    case '!': {
      const auto length = protocol::parse_integer(rest);
      if (!length || *length < -1) return fail("the length of a string is no number: " + line_);
      if (*length == -1) return set_outcome(Outcome::miss);
      set_outcome(line_.front() == '!' ? Outcome::error : Outcome::hit);
      return begin_value(static_cast<std::uint64_t>(*length));
    }
    case '*':
    case '~':
    case '>':
    case '%': {
      const auto count = protocol::parse_integer(rest);
      if (!count || *count < -1) return fail("the length of an array is no number: " + line_);
      if (*count == -1) return set_outcome(Outcome::miss);
      is_element_ = true;
      elements_left_ += static_cast<std::uint64_t>(*count) * (line_.front() == '%' ? 2 : 1);
      if (elements_left_ > kMostElements) fail("an array with too many elements: " + line_);
      return;
    }
    default: return fail("not the beginning of a reply: " + line_);
  }
}

void ReplyScanner::read_memcached_line() {
  const std::string_view line = line_;
  const std::string_view word = word_of(line, 0);
  if (word == "VALUE") {
    const auto length = protocol::parse_integer(word_of(line, 3));
    if (!length || *length < 0) return fail("the length of a value is no number: " + line_);
    outcome_ = Outcome::hit;
    return begin_value(static_cast<std::uint64_t>(*length));  // END is still to come
  }
  elements_left_ = 0;
  if (word == "END") {
    if (outcome_ != Outcome::hit) outcome_ = Outcome::miss;
  } else if (word == "NOT_FOUND" || word == "NOT_STORED" || word == "EXISTS") {
    outcome_ = Outcome::miss;
  } else if (word == "ERROR" || word == "CLIENT_ERROR" || word == "SERVER_ERROR") {
    outcome_ = Outcome::error;
  } else if (word == "STAT") {  // one of many lines; END is still to come
    elements_left_ = 1;
    outcome_ = Outcome::hit;
    if (keep_values_) value_.append(line).append("\n");
  } else if (line.empty()) {
    fail("an empty line instead of a reply");
  }
}

void ReplyScanner::fail(std::string_view what) {
  broken_ = true;
  in_value_ = false;
  outcome_ = Outcome::error;
  line_ = "not the protocol: " + std::string(what.substr(0, 200));
}

bool ReplyScanner::finish(Reply& reply) {
  in_reply_ = false;
  reply.outcome = outcome_;
  reply.text = outcome_ == Outcome::hit ? std::string_view(value_) : std::string_view(line_);
  if (outcome_ == Outcome::error && !memcached_ && !broken_ && line_.front() == '-') reply.text.remove_prefix(1);
  return true;
}

}  // namespace strata::loadtest
