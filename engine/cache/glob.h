#pragma once

#include <cstdint>
#include <string_view>

namespace strata::cache {

enum class LetterCase : std::uint8_t { exact, ignored };

// Whether the whole text matches a glob pattern of the Redis kind, as in KEYS and SCAN MATCH: `*` any run of bytes, `?` any
// byte, `[a-z]` one byte of a set, `[^a]` one byte outside of it, `\` takes the next byte literally.
// The corners are those of Redis 7.0: a set left open ends with the pattern ("[ab" is "[ab]", "[^" is any byte); in "[a-]" the
// bracket is the end of the range; bytes of ranges compare as signed; an empty text matches only the empty pattern, not "*".
// Work: at most pattern length times text length, whatever the pattern; no allocation. Letter case means ASCII letters.
// Thread safety: pure function.
[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view text,
                              LetterCase letter_case = LetterCase::exact) noexcept;

}  // namespace strata::cache
