#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>

namespace strata::test {

// All blocks a test holds, by address: none may overlap another, and each keeps what was written to it. Any thread may use it.
class BlockLedger {
 public:
  struct Entry {
    std::size_t bytes = 0;
    unsigned char mark = 0;
  };

  // False: it overlaps another one. Fills the block with its mark.
  [[nodiscard]] bool add(void* block, std::size_t bytes, unsigned char mark) {
    std::memset(block, mark, bytes);
    const auto begin = reinterpret_cast<std::uintptr_t>(block);
    const std::lock_guard lock(mutex_);
    const auto next = blocks_.lower_bound(begin);
    if (next != blocks_.end() && begin + bytes > next->first) return false;
    if (next != blocks_.begin() && std::prev(next)->first + std::prev(next)->second.bytes > begin) return false;
    blocks_[begin] = {.bytes = bytes, .mark = mark};
    return true;
  }
  // False: it was not there, or its contents have changed.
  [[nodiscard]] bool remove(const void* block) {
    Entry entry;
    {
      const std::lock_guard lock(mutex_);
      const auto at = blocks_.find(reinterpret_cast<std::uintptr_t>(block));
      if (at == blocks_.end()) return false;
      entry = at->second;
      blocks_.erase(at);
    }
    const auto* bytes = static_cast<const unsigned char*>(block);
    return entry.bytes == 0 || (bytes[0] == entry.mark && std::memcmp(bytes, bytes + 1, entry.bytes - 1) == 0);
  }
  [[nodiscard]] const std::map<std::uintptr_t, Entry>& blocks() const { return blocks_; }

 private:
  std::mutex mutex_;
  std::map<std::uintptr_t, Entry> blocks_;
};

}  // namespace strata::test
