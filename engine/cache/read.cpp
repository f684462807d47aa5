#include "engine/cache/cache.h"
#include "engine/cache/item.h"
#include "engine/cache/shard.h"
#include "engine/cache/shard_set_lock.h"

namespace strata::cache {

namespace {

// The live item under a key, or null. One that has expired is taken out on the way and handed to `expired`.
Item* find_live(Shard& shard, const Key& key, std::int64_t now_ms, Item*& expired) STRATA_REQUIRES(shard.mutex) {
  Table* table = shard.table(key.ns);
  if (table == nullptr) return nullptr;
  Item** link = table->find(key.bytes, key.hash);
  if (*link == nullptr || !(*link)->has_expired(now_ms)) return *link;
  Item* item = shard.remove(*table, link);
  table->settle();
  item->next = expired;
  expired = item;
  return nullptr;
}

std::size_t count(const Item* list) noexcept {
  std::size_t items = 0;
  for (; list != nullptr; list = list->next) ++items;
  return items;
}

}  // namespace

bool Cache::read(Session& session, const Key& key, Visitor<void(const ItemView&)> visit) {
  Item* expired = nullptr;
  bool found = false;
  {
    Shard& shard = shard_for(key);
    const sync::MutexLock lock(shard.mutex);
    if (Item* item = find_live(shard, key, session.now_ms_, expired)) {
      found = true;
      visit(item->view(session.now_ms_));
      item->touch(session.now_ms_);
    }
  }
  if (expired != nullptr) [[unlikely]] {
    SessionCounters::add(session.counters_.expired);
    Item::destroy(expired);
  }
  count_lookup(session, found);
  return found;
}

bool Cache::peek(Session& session, const Key& key, Visitor<void(const ItemView&)> visit) {
  Item* expired = nullptr;
  bool found = false;
  {
    Shard& shard = shard_for(key);
    const sync::MutexLock lock(shard.mutex);
    if (const Item* item = find_live(shard, key, session.now_ms_, expired)) {
      found = true;
      visit(item->view(session.now_ms_));
    }
  }
  if (expired != nullptr) [[unlikely]] {
    SessionCounters::add(session.counters_.expired);
    Item::destroy(expired);
  }
  return found;
}

void Cache::read_many(Session& session, std::span<const Key> keys, Visitor<void(std::size_t, const ItemView*)> visit) {
  Item* expired = nullptr;
  std::uint64_t hits = 0;
  {
    const ShardSetLock locks(shards_.get(), keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Shard& shard = shard_for(keys[i]);
      shard.mutex.assert_held();
      Item* item = find_live(shard, keys[i], session.now_ms_, expired);
      if (item == nullptr) {
        visit(i, nullptr);
        continue;
      }
      const ItemView view = item->view(session.now_ms_);
      visit(i, &view);
      item->touch(session.now_ms_);
      ++hits;
    }
  }
  SessionCounters::add(session.counters_.hits, hits);
  SessionCounters::add(session.counters_.misses, keys.size() - hits);
  SessionCounters::add(session.counters_.expired, count(expired));
  destroy_all(expired);
}

}  // namespace strata::cache
