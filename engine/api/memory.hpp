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
#include <cstdint>
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

// `from` nullptr: the process' allocator.
[[nodiscard]] inline void* allocate(strata_heap* from, std::size_t bytes, std::size_t alignment) {
  void* block = nullptr;
  if (from != nullptr) {
    block = strata_heap_aligned_alloc(from, alignment, bytes);
  } else if (alignment <= usual_alignment && alignment <= bytes) {
    block = strata_malloc(bytes);
  } else {
    block = strata_aligned_alloc(alignment, bytes);
  }
  if (block == nullptr) raise<std::bad_alloc>();
  return block;
}

inline void deallocate(strata_heap* to, void* block) noexcept {
  if (to == nullptr) {
    strata_free(block);
  } else {
    strata_heap_free(to, block);
  }
}

}  // namespace detail

// A heap of one's own: limited, measured, and given back whole by its end, blocks in use or not. Moving leaves an empty object, on which only
// assignment, destruction and get() are allowed. Whatever allocates from it must not outlive it.
class heap {
 public:
  explicit heap(const strata_heap_options& options) : heap_(strata_heap_create(&options)) {
    if (heap_ == nullptr) detail::raise<std::bad_alloc>();
  }
  // `limit_bytes` 0: none.
  explicit heap(const char* name = "", strata_heap_strategy strategy = STRATA_HEAP_SIZE_CLASS, std::uint64_t limit_bytes = 0)
      : heap(strata_heap_options{sizeof(strata_heap_options), name, strategy, limit_bytes}) {}
  heap(heap&& other) noexcept : heap_(std::exchange(other.heap_, nullptr)) {}
  heap& operator=(heap&& other) noexcept {
    if (this != &other) strata_heap_destroy(std::exchange(heap_, std::exchange(other.heap_, nullptr)));
    return *this;
  }
  ~heap() { strata_heap_destroy(heap_); }

  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return detail::allocate(heap_, bytes, alignment);
  }
  void deallocate(void* block) noexcept { strata_heap_free(heap_, block); }
  // Frees all blocks at once, without destroying what lies in them.
  void reset() noexcept { (void)strata_heap_reset(heap_); }

  [[nodiscard]] bool owns(const void* block) const noexcept { return strata_heap_owns(heap_, block); }
  [[nodiscard]] strata_usage usage() const noexcept {
    strata_usage usage{};
    usage.struct_bytes = sizeof usage;
    (void)strata_heap_usage(heap_, &usage);
    return usage;
  }
  [[nodiscard]] const char* name() const noexcept { return strata_heap_name(heap_); }
  [[nodiscard]] strata_heap* get() const noexcept { return heap_; }

 private:
  strata_heap* heap_;
};

// For containers: std::vector<int, strata::allocator<int>>. Of the process, or of a heap that outlives the container. Goes along when a
// container is moved or swapped; a container that is assigned to by copy keeps its own.
template <typename T>
class allocator {
 public:
  using value_type = T;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  using is_always_equal = std::false_type;

  allocator() noexcept = default;
  allocator(const heap& from) noexcept : heap_(from.get()) {}
  allocator(const heap&&) = delete;  // would end before it is used
  template <typename U>
  allocator(const allocator<U>& other) noexcept : heap_(other.get_heap()) {}

  [[nodiscard]] T* allocate(std::size_t count) {
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) detail::raise<std::bad_array_new_length>();
    return static_cast<T*>(detail::allocate(heap_, count * sizeof(T), alignof(T)));
  }
  void deallocate(T* block, std::size_t) noexcept { detail::deallocate(heap_, block); }

  // nullptr: the process.
  [[nodiscard]] strata_heap* get_heap() const noexcept { return heap_; }

 private:
  strata_heap* heap_ = nullptr;
};

template <typename T, typename U>
[[nodiscard]] bool operator==(const allocator<T>& left, const allocator<U>& right) noexcept {
  return left.get_heap() == right.get_heap();
}
template <typename T, typename U>
[[nodiscard]] bool operator!=(const allocator<T>& left, const allocator<U>& right) noexcept {
  return !(left == right);
}

// For std::pmr containers. Of the process, or of a heap that outlives it.
class memory_resource final : public std::pmr::memory_resource {
 public:
  memory_resource() noexcept = default;
  explicit memory_resource(const heap& from) noexcept : heap_(from.get()) {}
  explicit memory_resource(const heap&&) = delete;

  [[nodiscard]] strata_heap* get_heap() const noexcept { return heap_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return detail::allocate(heap_, bytes, alignment); }
  void do_deallocate(void* block, std::size_t, std::size_t) override { detail::deallocate(heap_, block); }
  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
#if defined(__cpp_rtti)
    const auto* ours = dynamic_cast<const memory_resource*>(&other);
    return ours != nullptr && ours->heap_ == heap_;
#else
    return this == &other;
#endif
  }

  strata_heap* heap_ = nullptr;
};

// Destroys an object that make_unique made and gives its memory back, to whichever heap it is from. It has no state, so a unique_ptr with it
// is as large as a pointer.
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

namespace detail {

template <typename T, typename... Arguments>
[[nodiscard]] unique_ptr<T> make_unique_from(strata_heap* from, Arguments&&... arguments) {
  static_assert(!std::is_array_v<T>, "for one object; std::vector with strata::allocator for many");
  // Gives the block back if the constructor throws.
  struct block_guard {
    void* block;
    ~block_guard() { strata_free(block); }
  } guard{allocate(from, sizeof(T), alignof(T))};
  unique_ptr<T> object(::new (guard.block) T(std::forward<Arguments>(arguments)...));
  guard.block = nullptr;
  return object;
}

}  // namespace detail

template <typename T, typename... Arguments>
[[nodiscard]] unique_ptr<T> make_unique(Arguments&&... arguments) {
  return detail::make_unique_from<T>(nullptr, std::forward<Arguments>(arguments)...);
}
// In a heap that outlives the object.
template <typename T, typename... Arguments>
[[nodiscard]] unique_ptr<T> make_unique_in(const heap& from, Arguments&&... arguments) {
  return detail::make_unique_from<T>(from.get(), std::forward<Arguments>(arguments)...);
}

}  // namespace strata
// NOLINTEND(readability-identifier-naming,google-explicit-constructor)
#endif
