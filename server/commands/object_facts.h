#pragma once

#include <cstddef>
#include <string_view>

#include "engine/api/strata.hpp"
#include "protocol/parse_integer.h"

// What is told of how values are stored, to clients by OBJECT and to operators by the admin API. Pure functions, safe from any thread.
namespace strata::server {

// Redis' name for how a string is stored, by what it is. Nothing tells by which command it was made.
[[nodiscard]] inline std::string_view encoding_name(std::string_view value) noexcept {
  // Shorter strings Redis stores beside their object.
  constexpr std::size_t kEmbeddedBytes = 44;
  return protocol::parse_integer(value) ? "int" : value.size() <= kEmbeddedBytes ? "embstr" : "raw";
}

// Whether a policy chooses by how often a key was asked for, and so counts it.
[[nodiscard]] constexpr bool counts_hits(Policy policy) noexcept {
  return policy == Policy::s3fifo || policy == Policy::clock || policy == Policy::sieve || policy == Policy::allkeys_lru ||
         policy == Policy::volatile_lru || policy == Policy::allkeys_lfu || policy == Policy::volatile_lfu;
}

}  // namespace strata::server
