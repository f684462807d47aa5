#pragma once

#include <cmath>
#include <cstdint>

// Random numbers that are the same on every machine for the same seed. Not for secrets.
namespace strata::loadtest {

__extension__ using Wide = unsigned __int128;

// SplitMix64 (Steele, Lea, Flood 2014): one step from any number to an unrelated one; also a hash of small integers.
constexpr std::uint64_t mix(std::uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

// xoshiro256++ 1.0 (Blackman, Vigna 2019). Thread safety: one thread at a time.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept {
    for (std::uint64_t& word : state_) word = seed = mix(seed);
  }

  std::uint64_t next() noexcept {
    const std::uint64_t result = rotated(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotated(state_[3], 45);
    return result;
  }

  // Below `bound`, each equally likely but for 2^-64 (Lemire 2019, without the rejection). REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound) noexcept {
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }

  // In [0, 1).
  double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // Mean 0, deviation 1 (Box and Muller 1958; the second number of a pair is not kept).
  double normal() noexcept {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - unit()));
    return radius * std::cos(6.283185307179586 * unit());
  }

  // Mean 1: the time between two arrivals of a Poisson process of rate 1.
  double exponential() noexcept { return -std::log(1.0 - unit()); }

 private:
  static constexpr std::uint64_t rotated(std::uint64_t value, int bits) noexcept {
    return (value << bits) | (value >> (64 - bits));
  }

  std::uint64_t state_[4] = {};
};

}  // namespace strata::loadtest
