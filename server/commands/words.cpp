#include "server/commands/words.h"

namespace strata::server {

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = to_lower(c);
  return lower;
}

}  // namespace strata::server
