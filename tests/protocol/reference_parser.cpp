#include "tests/protocol/reference_parser.h"

#include <cctype>
#include <optional>
#include <stdexcept>
#include <string>

namespace strata::protocol::testing {
namespace {

struct Incomplete {};
struct Broken {
  std::string text;
};

class Reference {
 public:
  Reference(std::string_view stream, const ParseLimits& limits) : rest_(stream), limits_(limits) {}

  Meaning read() {
    Meaning meaning;
    try {
      while (!rest_.empty()) {
        Request request = rest_[0] == '*' ? read_array() : read_inline();
        if (!request.empty()) meaning.requests.push_back(std::move(request));
      }
    } catch (const Incomplete&) {
    } catch (const Broken& broken) {
      meaning.error = "Protocol error: " + broken.text;
    }
    return meaning;
  }

 private:
  std::string read_line(char mark, const char* too_long) {
    std::string line;
    for (const char byte : rest_) {
      if (byte == mark) return line;
      line.push_back(byte);
      if (line.size() > limits_.inline_bytes) throw Broken{too_long};
    }
    throw Incomplete{};
  }

  std::string take(std::size_t bytes) {
    if (rest_.size() < bytes) throw Incomplete{};
    std::string taken(rest_.substr(0, bytes));
    rest_.remove_prefix(bytes);
    return taken;
  }

  static std::optional<long long> number(const std::string& text) {
    try {
      const long long value = std::stoll(text);
      if (std::to_string(value) == text) return value;  // only the one canonical form
    } catch (const std::logic_error&) {
    }
    return std::nullopt;
  }

  std::string read_header(const char* too_long) {
    const std::string line = read_line('\r', too_long);
    take(line.size() + 2);
    return line;
  }

  Request read_array() {
    const auto count = number(read_header("too big mbulk count string").substr(1));
    if (!count || *count > static_cast<long long>(limits_.arguments)) throw Broken{"invalid multibulk length"};
    if (*count > 10 && !limits_.authenticated) throw Broken{"unauthenticated multibulk length"};
    Request request;
    for (long long i = 0; i < *count; ++i) request.push_back(read_bulk());
    return request;
  }

  std::string read_bulk() {
    const char first = rest_.empty() ? '$' : rest_[0];
    const std::string header = read_header("too big bulk count string");
    if (first != '$') throw Broken{std::string("expected '$', got '") + first + "'"};
    const auto length = number(header.substr(1));
    if (!length || *length < 0 || *length > static_cast<long long>(limits_.bulk_bytes)) throw Broken{"invalid bulk length"};
    if (*length > 16384 && !limits_.authenticated) throw Broken{"unauthenticated bulk length"};
    return take(static_cast<std::size_t>(*length) + 2).substr(0, static_cast<std::size_t>(*length));
  }

  Request read_inline() {
    std::string line = read_line('\n', "too big inline request");
    take(line.size() + 1);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    // A blank at the end spares the ends of words a second condition.
    line.push_back(' ');
    Request request;
    std::size_t at = 0;
    while (true) {
      while (at < line.size() && std::isspace(static_cast<unsigned char>(line[at]))) ++at;
      if (at == line.size()) return request;
      request.push_back(read_word(line, at));
    }
  }

  static std::string read_word(const std::string& line, std::size_t& at) {
    std::string word;
    char quote = 0;
    for (;; ++at) {
      if (at + 1 >= line.size() && quote != 0) throw Broken{"unbalanced quotes in request"};
      const char byte = line[at];
      if (quote == 0) {
        if (byte == ' ' || byte == '\t' || byte == '\r') return word;
        if (byte == '"' || byte == '\'') {
          quote = byte;
        } else {
          word.push_back(byte);
        }
      } else if (byte == quote) {
        ++at;
        if (!std::isspace(static_cast<unsigned char>(line[at]))) throw Broken{"unbalanced quotes in request"};
        return word;
      } else if (byte == '\\' && at + 2 < line.size() && (quote == '"' || line[at + 1] == '\'')) {
        word += unescape(line, at);
      } else {
        word.push_back(byte);
      }
    }
  }

  // `at` goes from the backslash to the last byte of the escape.
  static char unescape(const std::string& line, std::size_t& at) {
    const std::string digits = line.substr(at + 2, 2);
    if (line[at + 1] == 'x' && at + 4 < line.size() && std::isxdigit(static_cast<unsigned char>(digits[0])) &&
        std::isxdigit(static_cast<unsigned char>(digits[1]))) {
      at += 3;
      return static_cast<char>(std::stoi(digits, nullptr, 16));
    }
    ++at;
    constexpr std::string_view kLetters = "nrtba";
    constexpr std::string_view kBytes = "\n\r\t\b\a";
    const std::size_t known = kLetters.find(line[at]);
    return known == std::string_view::npos ? line[at] : kBytes[known];
  }

  std::string_view rest_;
  ParseLimits limits_;
};

}  // namespace

Meaning reference_meaning(std::string_view stream, const ParseLimits& limits) { return Reference(stream, limits).read(); }

}  // namespace strata::protocol::testing
