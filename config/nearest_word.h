#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// What a mistyped word was meant to be. Pure functions, safe from any thread.
namespace strata::config {

// The number of single characters to insert, delete or replace to make one text of the other (Levenshtein 1965).
std::size_t edit_distance(std::string_view a, std::string_view b);

// Differences that still count as a slip of the hand: nearer than this.
std::size_t slip_limit(std::string_view wanted);

// The nearest of `choices`, or empty when none is near enough to have been meant.
std::string_view nearest_word(std::string_view wanted, const std::vector<std::string_view>& choices);

}  // namespace strata::config
