// An allocator with a fault, to be preloaded: a benchmark that does not notice would print figures of a broken one.
// FAULTY_MALLOC chooses the fault; without it this is a bump allocator that never frees, and correct.

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

constexpr std::size_t kHeapBytes = std::size_t{2} << 30;
constexpr std::size_t kHeaderBytes = 16;       // holds the size, for realloc
constexpr std::size_t kFaultyCallEvery = 101;  // rare, as real faults are
alignas(64) char heap[kHeapBytes];
std::atomic<std::size_t> used = 64;
std::atomic<std::size_t> calls = 0;
std::atomic<char*> last = nullptr;

bool has_fault(std::string_view name) {
  static const char* const chosen = std::getenv("FAULTY_MALLOC");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return chosen != nullptr && name == chosen;
}

std::size_t& size_of(char* block) { return *reinterpret_cast<std::size_t*>(block - kHeaderBytes); }

// The same block twice is only a fault that a user can see if both fit.
char* take_again(std::size_t size) {
  char* block = last.load();
  return block != nullptr && size_of(block) >= size ? block : nullptr;
}

}  // namespace

extern "C" {

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  const std::size_t room = size + kHeaderBytes + alignment + 16;
  const std::size_t at = used.fetch_add((room + 15) / 16 * 16);
  if (at + room > kHeapBytes) return nullptr;
  const std::size_t begin = (at + kHeaderBytes + alignment - 1) / alignment * alignment;
  char* block = heap + begin;
  size_of(block) = size;
  return block;
}

void* malloc(std::size_t size) noexcept {
  const bool faulty = ++calls % kFaultyCallEvery == 0 && size >= 8;
  if (faulty && has_fault("null")) return nullptr;
  if (faulty && has_fault("twice")) {
    if (char* block = take_again(size)) return block;
  }
  auto* block = static_cast<char*>(aligned_alloc(16, size));
  if (block != nullptr && faulty && has_fault("misaligned")) return block + 1;
  last = block;
  return block;
}

void free(void*) noexcept {}

void* calloc(std::size_t count, std::size_t size) noexcept { return aligned_alloc(16, count * size); }

void* realloc(void* old, std::size_t size) noexcept {
  auto* block = static_cast<char*>(aligned_alloc(16, size));
  if (old == nullptr || block == nullptr) return block;
  const std::size_t old_size = size_of(static_cast<char*>(old));
  const std::size_t kept = old_size < size ? old_size : size;
  std::memcpy(block, old, has_fault("forgetful") ? kept / 2 : kept);
  return block;
}

}  // extern "C"
