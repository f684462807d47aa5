#include "protocol/inline_command.h"

#include <cstddef>

namespace strata::protocol {
namespace {

bool is_blank(char byte) noexcept { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

// Fewer bytes than is_blank: a vertical tab or form feed separates nothing inside a word.
bool ends_word(char byte) noexcept { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

int hex_digit(char byte) noexcept {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

char escaped(char letter) noexcept {
  switch (letter) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return letter;
  }
}

class WordReader {
 public:
  WordReader(std::string_view line, std::string& decoded) noexcept : line_(line), decoded_(&decoded) {}

  // Skips blanks; false at the end of the line.
  bool find_word() noexcept {
    while (at_ < line_.size() && is_blank(line_[at_])) ++at_;
    return at_ < line_.size();
  }

  // Reads the word found. False when its quotes are unbalanced.
  bool read_word(std::string_view& word) {
    const std::size_t start = at_;
    while (at_ < line_.size() && !ends_word(line_[at_]) && line_[at_] != '"' && line_[at_] != '\'') ++at_;
    if (at_ == line_.size() || ends_word(line_[at_])) {
      word = line_.substr(start, at_ - start);
      return true;
    }

    // Decoding never lengthens a word: one block of the size of the line holds all of them without moving.
    if (decoded_->capacity() < line_.size()) decoded_->reserve(line_.size());
    const std::size_t decoded_start = decoded_->size();
    decoded_->append(line_.substr(start, at_ - start));
    const bool closed = line_[at_] == '"' ? read_double_quoted() : read_single_quoted();
    word = std::string_view(*decoded_).substr(decoded_start);
    return closed && (at_ == line_.size() || is_blank(line_[at_]));
  }

 private:
  // Both start at the opening quote and stop behind the closing one; false when there is none.
  bool read_double_quoted() {
    for (++at_; at_ < line_.size(); ++at_) {
      const std::size_t left = line_.size() - at_;
      if (line_[at_] == '"') {
        ++at_;
        return true;
      }
      if (line_[at_] != '\\' || left < 2) {
        decoded_->push_back(line_[at_]);
      } else if (left >= 4 && line_[at_ + 1] == 'x' && hex_digit(line_[at_ + 2]) >= 0 && hex_digit(line_[at_ + 3]) >= 0) {
        decoded_->push_back(static_cast<char>(hex_digit(line_[at_ + 2]) * 16 + hex_digit(line_[at_ + 3])));
        at_ += 3;
      } else {
        decoded_->push_back(escaped(line_[++at_]));
      }
    }
    return false;
  }

  bool read_single_quoted() {
    for (++at_; at_ < line_.size(); ++at_) {
      if (line_[at_] == '\'') {
        ++at_;
        return true;
      }
      if (line_[at_] == '\\' && at_ + 1 < line_.size() && line_[at_ + 1] == '\'') ++at_;
      decoded_->push_back(line_[at_]);
    }
    return false;
  }

  std::string_view line_;
  std::string* decoded_;
  std::size_t at_ = 0;
};

}  // namespace

bool split_inline_command(std::string_view line, std::vector<std::string_view>& args, std::string& decoded) {
  const std::size_t args_before = args.size();
  decoded.clear();
  WordReader reader(line, decoded);
  while (reader.find_word()) {
    std::string_view word;
    if (!reader.read_word(word)) {
      args.resize(args_before);
      return false;
    }
    args.push_back(word);
  }
  return true;
}

}  // namespace strata::protocol
