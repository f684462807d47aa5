#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace strata::protocol {

// Splits the line of an inline command, without its line end, into arguments by Redis' rules: blanks separate; "..." knows \xHH
// \n \r \t \b \a and takes any other escaped byte literally; '...' knows only \'. A quote may open inside a word, and what
// closes it must be followed by a blank or the end of the line.
// Appends views to `args`: into `line`, or into `decoded` for arguments that contained quotes. `decoded` is overwritten, and
// must neither change nor move while the views are used; it stays empty for a line without quotes.
// False, with `args` as before, when quotes are unbalanced.
[[nodiscard]] bool split_inline_command(std::string_view line, std::vector<std::string_view>& args, std::string& decoded);

}  // namespace strata::protocol
