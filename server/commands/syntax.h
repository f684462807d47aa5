#pragma once

#include <string_view>
#include <vector>

namespace strata::server {

// One argument of a command, as COMMAND DOCS describes it.
struct Argument {
  std::string_view name;   // "seconds"; of a choice or group: empty
  std::string_view token;  // "EX"; empty if the argument stands alone
  bool optional = false;
  bool multiple = false;    // may be repeated
  bool pure_token = false;  // the token is all there is: NX
  enum class Kind { value, one_of, block } kind = Kind::value;
  std::vector<Argument> parts;  // of one_of and block
};

// Reads the short notation of the command table: words in capitals are tokens, others are values; `[ ]` optional, `|` a choice,
// `x [x ...]` a repetition, `[x]...` one that may be left out. "key [NX|XX] [EX seconds|PX milliseconds]".
// REQUIRES: well-formed; the tests read every row. The texts point into `notation`.
std::vector<Argument> parse_syntax(std::string_view notation);

// The type that COMMAND DOCS gives an argument of this name: key, integer, pattern, unix-time, double or string.
std::string_view argument_type(std::string_view name) noexcept;

}  // namespace strata::server
