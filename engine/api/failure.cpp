#include "engine/api/failure.h"

#include <atomic>

namespace strata::api {
namespace {

constexpr strata_error kNoError{.status = STRATA_OK, .function = "", .text = "no error", .bytes = 0, .address = nullptr};

constinit std::atomic<strata_error_callback> error_callback = nullptr;
// In the static block of thread-local storage: in the other kind the first use in a thread allocates.
constinit thread_local strata_error last_error __attribute__((tls_model("initial-exec"))) = kNoError;
constinit thread_local bool in_callback __attribute__((tls_model("initial-exec"))) = false;

}  // namespace

void fail(const Failure& failure) noexcept {
  const strata_error error{.status = failure.status,
                           .function = failure.function,
                           .text = failure.text,
                           .bytes = failure.bytes,
                           .address = failure.address};
  last_error = error;
  const strata_error_callback callback = error_callback.load(std::memory_order_acquire);
  if (callback == nullptr || in_callback) return;
  in_callback = true;
  callback(&error);
  in_callback = false;
  // What failed inside the callback is not what the caller asks about.
  last_error = error;
}

}  // namespace strata::api

const char* strata_status_text(strata_status status) noexcept {
  switch (status) {
    case STRATA_OK: return "ok";
    case STRATA_OUT_OF_MEMORY: return "out of memory";
    case STRATA_SIZE_OVERFLOW: return "size overflow";
    case STRATA_INVALID_ARGUMENT: return "invalid argument";
    case STRATA_INVALID_ALIGNMENT: return "invalid alignment";
    case STRATA_STRUCT_SIZE: return "structure of a size that this version does not know";
    case STRATA_INVALID_POINTER: return "pointer that is no block of this library";
    case STRATA_SIZE_MISMATCH: return "size that the block cannot have";
    case STRATA_WRONG_HEAP: return "block of another heap";
    case STRATA_INVALID_HEAP: return "no heap, or one that was destroyed";
    case STRATA_NOT_FOUND: return "not found";
    case STRATA_ALREADY_THERE: return "already there";
    case STRATA_SOURCE_FAILED: return "the source behind the cache failed";
    case STRATA_RECURSIVE: return "a callback that asks for its own key";
    case STRATA_QUEUE_FULL: return "queue full";
    case STRATA_TIMED_OUT: return "timed out";
    case STRATA_NO_CHOOSER: return "no function to choose which item goes: strata_cache_set_chooser comes before the policy";
    case STRATA_POOL_FULL: return "the pool's maximum is reached";
    case STRATA_INVALID_POOL: return "no pool, or one that was destroyed";
    case STRATA_NOT_SUPPORTED: return "not supported by this version";
  }
  return "unknown status";
}

const strata_error* strata_last_error(void) noexcept { return &strata::api::last_error; }

void strata_clear_error(void) noexcept { strata::api::last_error = strata::api::kNoError; }

strata_error_callback strata_set_error_callback(strata_error_callback callback) noexcept {
  return strata::api::error_callback.exchange(callback, std::memory_order_acq_rel);
}
