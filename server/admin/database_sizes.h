#pragma once

#include <cstddef>
#include <vector>

#include "engine/api/strata.hpp"

namespace strata::server::admin {

// The sizes of all databases, counted in slices: each takes the lock of every shard once per database. Thread safety: none.
class DatabaseSizes {
 public:
  explicit DatabaseSizes(const Cache& cache) : cache_(cache) { sizes_.reserve(cache.options().namespaces); }

  // Counts some more; returns whether all are counted.
  bool slice() {
    constexpr std::size_t kPerSlice = 16;
    for (std::size_t n = 0; n < kPerSlice && sizes_.size() < cache_.options().namespaces; ++n) {
      sizes_.push_back(cache_.size(static_cast<Namespace>(sizes_.size())));
    }
    return sizes_.size() == cache_.options().namespaces;
  }

  // By database.
  [[nodiscard]] const std::vector<cache::NamespaceSize>& all() const noexcept { return sizes_; }

 private:
  const Cache& cache_;
  std::vector<cache::NamespaceSize> sizes_;
};

}  // namespace strata::server::admin
