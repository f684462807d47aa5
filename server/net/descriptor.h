#pragma once

#include <unistd.h>

#include <utility>

namespace strata::server {

// Owns a file descriptor of the system. Thread safety: none.
class Descriptor {
 public:
  Descriptor() noexcept = default;
  explicit Descriptor(int descriptor) noexcept : descriptor_(descriptor) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this == &other) return *this;
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
    return *this;
  }

  [[nodiscard]] int get() const noexcept { return descriptor_; }
  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  void close() noexcept {
    if (is_open()) (void)::close(std::exchange(descriptor_, -1));  // nothing can be done about a failing close
  }

 private:
  int descriptor_ = -1;
};

}  // namespace strata::server
