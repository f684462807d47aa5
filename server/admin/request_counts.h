#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <tuple>

namespace strata::server::admin {

// Answered requests by route and status. The routes are those of the route table, so that a client can not grow it;
// everything else counts as kNoRoute. Thread safety: none.
class RequestCounts {
 public:
  static constexpr std::string_view kNoRoute = "none";

  struct Key {
    std::string_view method;
    std::string_view path;
    unsigned status = 0;
    bool operator<(const Key& other) const noexcept {
      return std::tie(path, method, status) < std::tie(other.path, other.method, other.status);
    }
  };

  // REQUIRES: the texts live as long as the program
  void add(std::string_view method, std::string_view path, unsigned status) { ++counts_[{method, path, status}]; }
  [[nodiscard]] const std::map<Key, std::uint64_t>& all() const noexcept { return counts_; }

 private:
  std::map<Key, std::uint64_t> counts_;
};

}  // namespace strata::server::admin
