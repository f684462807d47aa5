#include "engine/cache/young_queue.h"

#include <algorithm>
#include <new>

namespace strata::cache {

YoungQueue::~YoungQueue() {
  const sync::MutexLock lock(mutex_);
  while (oldest_ != nullptr) drop_oldest_chunk();
}

bool YoungQueue::add_chunk() noexcept {
  auto* const chunk = new (std::nothrow) Chunk;
  if (chunk == nullptr) return false;
  budget_.charge(Purpose::policy, sizeof(Chunk));
  (newest_ == nullptr ? oldest_ : newest_->newer) = chunk;
  newest_ = chunk;
  end_ = 0;
  return true;
}

void YoungQueue::drop_oldest_chunk() noexcept {
  Chunk* const chunk = oldest_;
  oldest_ = chunk->newer;
  if (oldest_ == nullptr) newest_ = nullptr;
  begin_ = 0;
  delete chunk;
  budget_.charge(Purpose::policy, -static_cast<std::int64_t>(sizeof(Chunk)));
}

std::size_t YoungQueue::add(std::span<const YoungKey> keys, std::uint64_t bytes) noexcept {
  const sync::MutexLock lock(mutex_);
  std::size_t added = 0;
  for (const YoungKey key : keys) {
    if ((newest_ == nullptr || end_ == kKeysPerChunk) && !add_chunk()) break;
    newest_->keys[end_++] = key;
    ++added;
  }
  if (added != 0) bytes_.fetch_add(bytes * added / keys.size(), std::memory_order_relaxed);
  keys_.fetch_add(added, std::memory_order_relaxed);
  return added;
}

std::size_t YoungQueue::take(std::span<YoungKey> keys) noexcept {
  const sync::MutexLock lock(mutex_);
  std::size_t taken = 0;
  while (taken < keys.size() && oldest_ != nullptr) {
    const std::size_t end = oldest_ == newest_ ? end_ : kKeysPerChunk;
    if (begin_ < end) {
      keys[taken++] = oldest_->keys[begin_++];
    }
    if (begin_ == end) drop_oldest_chunk();
  }
  if (taken == 0) return 0;
  const std::uint64_t all = keys_.load(std::memory_order_relaxed);
  const std::uint64_t bytes = bytes_.load(std::memory_order_relaxed);
  bytes_.fetch_sub(bytes / all * taken + bytes % all * taken / all, std::memory_order_relaxed);
  keys_.fetch_sub(taken, std::memory_order_relaxed);
  return taken;
}

}  // namespace strata::cache
