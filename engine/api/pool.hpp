// Strata's memory pools for the C++ library: pools as objects, typed pools of one class, and a polymorphic memory resource, over the functions of pool.h
// and nothing else. C++17, header only.
//
// The names are lower case, as in memory.hpp. Inside the engine `strata::pools` is a namespace, so its sources cannot include this header; programs see only
// the classes.
//
// Errors: std::bad_alloc where there is no memory or a pool's maximum is reached, std::invalid_argument where a pool cannot be made as it is wanted;
// strata_last_error() says why. A program compiled without exceptions is ended instead. Thread safety: by the lock mode of the pool.
#ifndef STRATA_POOL_HPP
#define STRATA_POOL_HPP

// NOLINTBEGIN(readability-identifier-naming,google-explicit-constructor): as in the standard library
#include <strata/pool.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory_resource>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace strata {

namespace pool_detail {

// For what cannot be made: by the status that the library has told.
[[noreturn]] inline void raise(const char* what) {
#if defined(__cpp_exceptions)
  const strata_status status = strata_last_error()->status;
  if (status == STRATA_OUT_OF_MEMORY || status == STRATA_POOL_FULL) throw std::bad_alloc();
  throw std::invalid_argument(what);
#else
  (void)what;
  std::abort();
#endif
}

[[nodiscard]] inline void* allocate(strata_pool* from, std::size_t bytes, std::size_t alignment) {
  void* const block = strata_pool_aligned_alloc(from, alignment, bytes);
  if (block == nullptr) raise(strata_last_error()->text);
  return block;
}

}  // namespace pool_detail

// Owns a pool; its end gives everything back, blocks in use or not. Moving leaves an empty object, on which only assignment, destruction and get() are
// allowed. Whatever has blocks of it must not outlive it.
class pool {
 public:
  explicit pool(const strata_pool_options& options) {
    if (strata_pool_create(&options, &pool_) != STRATA_OK) pool_detail::raise(strata_last_error()->text);
  }
  pool(pool&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)) {}
  pool& operator=(pool&& other) noexcept {
    if (this != &other) strata_pool_destroy(std::exchange(pool_, std::exchange(other.pool_, nullptr)));
    return *this;
  }
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;
  ~pool() { strata_pool_destroy(pool_); }

  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment = 1) {
    return pool_detail::allocate(pool_, bytes, alignment);
  }
  void deallocate(void* block) noexcept { strata_pool_free(pool_, block); }
  // Frees all blocks at once, without destroying what lies in them.
  void reset() noexcept { (void)strata_pool_reset(pool_); }

  [[nodiscard]] bool owns(const void* block) const noexcept { return strata_pool_owns(pool_, block); }
  [[nodiscard]] strata_pool_info info() const noexcept {
    strata_pool_info info{};
    info.struct_bytes = sizeof info;
    (void)strata_pool_get_info(pool_, &info);
    return info;
  }
  void set_maximum(std::uint64_t bytes) noexcept { (void)strata_pool_set_maximum(pool_, bytes); }
  [[nodiscard]] strata_pool* get() const noexcept { return pool_; }

 private:
  strata_pool* pool_ = nullptr;
};

// The blocks that are taken from an arena while it lives are freed at its end. Such scopes nest.
class arena_scope {
 public:
  // std::invalid_argument: the pool is no arena.
  explicit arena_scope(pool& arena) : arena_(arena.get()) {
    if (strata_pool_set_mark(arena_, &mark_) != STRATA_OK) pool_detail::raise(strata_last_error()->text);
  }
  arena_scope(const arena_scope&) = delete;
  arena_scope& operator=(const arena_scope&) = delete;
  ~arena_scope() { (void)strata_pool_roll_back(arena_, &mark_); }

 private:
  strata_pool* arena_;
  strata_pool_mark mark_{};
};

// Objects of one type in a fixed pool.
template <typename T>
class object_pool {
 public:
  // The options' kind, block size and alignment follow from T.
  explicit object_pool(strata_pool_options options = STRATA_POOL_OPTIONS_INIT) : pool_(fitted(options)) {}

  template <typename... Arguments>
  [[nodiscard]] T* make(Arguments&&... arguments) {
    // Gives the block back if the constructor throws.
    struct block_guard {
      pool& of;
      void* block;
      ~block_guard() { of.deallocate(block); }
    } guard{pool_, pool_.allocate(sizeof(T))};
    T* const object = ::new (guard.block) T(std::forward<Arguments>(arguments)...);
    guard.block = nullptr;
    return object;
  }
  // nullptr is allowed.
  void destroy(T* object) noexcept {
    if (object == nullptr) return;
    object->~T();
    pool_.deallocate(object);
  }
  [[nodiscard]] pool& memory() noexcept { return pool_; }

 private:
  [[nodiscard]] static strata_pool_options fitted(strata_pool_options options) noexcept {
    options.kind = STRATA_POOL_FIXED;
    options.block_bytes = sizeof(T);
    options.alignment = alignof(T);
    return options;
  }

  pool pool_;
};

// For std::pmr containers. The pool outlives it.
class pool_resource final : public std::pmr::memory_resource {
 public:
  explicit pool_resource(const pool& from) noexcept : pool_(from.get()) {}
  explicit pool_resource(const pool&&) = delete;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return pool_detail::allocate(pool_, bytes, alignment); }
  void do_deallocate(void* block, std::size_t, std::size_t) override { strata_pool_free(pool_, block); }
  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
#if defined(__cpp_rtti)
    const auto* ours = dynamic_cast<const pool_resource*>(&other);
    return ours != nullptr && ours->pool_ == pool_;
#else
    return this == &other;
#endif
  }

  strata_pool* pool_;
};

}  // namespace strata
// NOLINTEND(readability-identifier-naming,google-explicit-constructor)
#endif
