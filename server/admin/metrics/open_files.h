#pragma once

#include <dirent.h>

#include <cstddef>
#include <memory>

namespace strata::server::admin {

// Counts the file descriptors this process has open, from /proc/self/fd. Old kernels make one look at each of them,
// which takes long with many clients: hence in slices. Thread safety: none.
class OpenFiles {
 public:
  // Counts some more; returns whether all are counted.
  bool slice();
  // 0 where there is no /proc.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

 private:
  struct Close {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
  };

  bool begin();

  std::unique_ptr<DIR, Close> directory_;
  std::size_t count_ = 0;
};

}  // namespace strata::server::admin
