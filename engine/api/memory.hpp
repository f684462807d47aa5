// Strata's memory engine for the C++ library: std-style allocators, polymorphic memory resources and owning pointers over the functions of
// strata.h, and nothing else. C++17, header only.
//
// The names are lower case, unlike the engine's own classes: these take the places of std::allocator, std::pmr::memory_resource and
// std::unique_ptr in a program, and read as they do. Inside the engine `strata::allocator` is a namespace, so its sources, and what
// includes them, cannot include this header; programs see only one of the two.
//
// Errors: what the standard library's counterparts throw (std::bad_alloc); strata_last_error() says why. A program compiled without
// exceptions is ended instead. Thread safety: blocks may be taken and given back by any thread.
#ifndef STRATA_MEMORY_HPP
#define STRATA_MEMORY_HPP

// NOLINTBEGIN(readability-identifier-naming,google-explicit-constructor): as in the standard library
#include <strata/strata.h>

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <memory>
#include <memory_resource>
#include <new>
#include <type_traits>
#include <utility>

namespace strata {

namespace detail {

// What every block of the library is aligned to that can hold something of that alignment.
inline constexpr std::size_t usual_alignment = 16;

template <typename Error>
[[noreturn]] inline void raise() {
#if defined(__cpp_exceptions)
  throw Error();
#else
  std::abort();
#endif
}

[[nodiscard]] inline void* allocate(std::size_t bytes, std::size_t alignment) {
  const bool is_usual = alignment <= usual_alignment && alignment <= bytes;
  void* block = is_usual ? strata_malloc(bytes) : strata_aligned_alloc(alignment, bytes);
  if (block == nullptr) raise<std::bad_alloc>();
  return block;
}

}  // namespace detail

// For containers: std::vector<int, strata::allocator<int>>.
template <typename T>
class allocator {
 public:
  using value_type = T;
  using is_always_equal = std::true_type;

  allocator() noexcept = default;
  template <typename U>
  allocator(const allocator<U>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) detail::raise<std::bad_array_new_length>();
    return static_cast<T*>(detail::allocate(count * sizeof(T), alignof(T)));
  }
  void deallocate(T* block, std::size_t) noexcept { strata_free(block); }
};

template <typename T, typename U>
[[nodiscard]] bool operator==(const allocator<T>&, const allocator<U>&) noexcept {
  return true;
}
template <typename T, typename U>
[[nodiscard]] bool operator!=(const allocator<T>&, const allocator<U>&) noexcept {
  return false;
}

// For std::pmr containers.
class memory_resource final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return detail::allocate(bytes, alignment); }
  void do_deallocate(void* block, std::size_t, std::size_t) override { strata_free(block); }
  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
#if defined(__cpp_rtti)
    return dynamic_cast<const memory_resource*>(&other) != nullptr;
#else
    return this == &other;
#endif
  }
};

// Destroys an object that make_unique made and gives its memory back. It has no state, so a unique_ptr with it is as large as a pointer.
template <typename T>
struct deleter {
  deleter() noexcept = default;
  template <typename U, typename = std::enable_if_t<std::is_convertible_v<U*, T*>>>
  deleter(const deleter<U>&) noexcept {
    static_assert(std::is_same_v<std::remove_cv_t<U>, std::remove_cv_t<T>> || std::has_virtual_destructor_v<T>,
                  "an object is destroyed through a pointer to its base: the base needs a virtual destructor");
  }
  void operator()(T* object) const noexcept {
    void* block = const_cast<std::remove_cv_t<T>*>(object);
#if defined(__cpp_rtti)
    // A base need not lie where the object, and so the block, begins.
    if constexpr (std::is_polymorphic_v<T>) block = dynamic_cast<void*>(const_cast<std::remove_cv_t<T>*>(object));
#endif
    object->~T();
    strata_free(block);
  }
};

template <typename T>
using unique_ptr = std::unique_ptr<T, deleter<T>>;

template <typename T, typename... Arguments>
[[nodiscard]] unique_ptr<T> make_unique(Arguments&&... arguments) {
  static_assert(!std::is_array_v<T>, "for one object; std::vector with strata::allocator for many");
  // Gives the block back if the constructor throws.
  struct block_guard {
    void* block;
    ~block_guard() { strata_free(block); }
  } guard{detail::allocate(sizeof(T), alignof(T))};
  unique_ptr<T> object(::new (guard.block) T(std::forward<Arguments>(arguments)...));
  guard.block = nullptr;
  return object;
}

}  // namespace strata
// NOLINTEND(readability-identifier-naming,google-explicit-constructor)
#endif
