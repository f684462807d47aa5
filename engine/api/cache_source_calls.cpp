// The calls of cache.h for caches in front of a source of the data.
#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "engine/api/cache_object.h"
#include "engine/api/versioned_struct.h"
#include "engine/cache/write_behind.h"

using strata::api::bytes_of;
using strata::api::expiry_of;
using strata::api::guarded;
using strata::api::is_valid;
using strata::api::item_of;
using strata::api::key_of;
using strata::api::text_of;
using strata::cache::BackedCache;
using strata::cache::ItemView;
using strata::cache::Loaded;
using strata::cache::Session;
using strata::cache::WriteBehind;

struct strata_cache_load {
  Loaded& loaded;
  const Session& session;
  bool is_refused = false;  // what was filled in can not be
};

struct strata_write_behind {
  strata_write_behind(strata_cache& in_front, const WriteBehind::Writer& writer, const WriteBehind::Options& options)
      : cache(in_front), queue(in_front.backed, in_front.cache, writer, options) {}
  strata_cache& cache;
  WriteBehind queue;
};

namespace {

strata_status status_of(BackedCache::Outcome outcome) noexcept {
  switch (outcome) {
    case BackedCache::Outcome::ok: return STRATA_OK;
    case BackedCache::Outcome::not_found: return STRATA_NOT_FOUND;
    case BackedCache::Outcome::failed: return STRATA_SOURCE_FAILED;
    case BackedCache::Outcome::recursive: return STRATA_RECURSIVE;
    case BackedCache::Outcome::out_of_memory: return STRATA_OUT_OF_MEMORY;
    case BackedCache::Outcome::too_large: break;
  }
  return STRATA_SIZE_OVERFLOW;
}

strata_status status_of(WriteBehind::Outcome outcome) noexcept {
  switch (outcome) {
    case WriteBehind::Outcome::ok: return STRATA_OK;
    case WriteBehind::Outcome::full: return STRATA_QUEUE_FULL;
    case WriteBehind::Outcome::out_of_memory: return STRATA_OUT_OF_MEMORY;
    case WriteBehind::Outcome::too_large: break;
  }
  return STRATA_SIZE_OVERFLOW;
}

WriteBehind::Writer writer_of(strata_write_behind_writer write, void* context) {
  return [write, context](std::span<const WriteBehind::Change> changes) {
    std::vector<strata_write_behind_change> batch;
    batch.reserve(changes.size());
    for (const WriteBehind::Change& change : changes) {
      batch.push_back({{bytes_of(change.key), change.ns}, change.is_removal, bytes_of(change.value), change.expire_at_ms});
    }
    return write(context, batch.data(), batch.size());
  };
}

}  // namespace

void strata_cache_load_found(strata_cache_load* load, strata_bytes value, int64_t ttl_ms) noexcept {
  if (load == nullptr) return;
  load->is_refused = !is_valid(value) || ttl_ms < 0 || guarded([&] {
                                                         load->loaded.value.assign(text_of(value));
                                                         return STRATA_OK;
                                                       }) != STRATA_OK;
  load->loaded.expire_at_ms = ttl_ms < 0 ? 0 : expiry_of(load->session, ttl_ms);
  load->loaded.status = Loaded::Status::found;
}

strata_status strata_cache_get_through(strata_cache* cache, strata_cache_key key, strata_cache_loader load, void* load_context,
                                       strata_cache_visitor visit, void* visit_context) noexcept {
  if (!is_valid(cache, key) || load == nullptr || visit == nullptr) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    Session& session = cache->session();
    const auto ask = [&](Loaded& loaded) {
      strata_cache_load filled{loaded, session};
      loaded.status = Loaded::Status::not_found;
      if (!load(load_context, key, &filled) || filled.is_refused) loaded.status = Loaded::Status::failed;
    };
    return status_of(cache->backed.read(session, key_of(*cache, key), ask, [&](const ItemView& item) {
      const strata_cache_item shown = item_of(item);
      visit(visit_context, &shown);
    }));
  });
}

strata_status strata_cache_put_through(strata_cache* cache, strata_cache_key key, strata_bytes value, int64_t ttl_ms,
                                       strata_cache_writer write, void* context) noexcept {
  if (!is_valid(cache, key) || !is_valid(value) || ttl_ms < 0 || write == nullptr) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    Session& session = cache->session();
    return status_of(cache->backed.write(session, key_of(*cache, key), text_of(value), expiry_of(session, ttl_ms),
                                         [&](bool& done) { done = write(context, key, &value); }));
  });
}

strata_status strata_cache_remove_through(strata_cache* cache, strata_cache_key key, strata_cache_writer write,
                                          void* context) noexcept {
  if (!is_valid(cache, key) || write == nullptr) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    return status_of(
        cache->backed.erase(cache->session(), key_of(*cache, key), [&](bool& done) { done = write(context, key, nullptr); }));
  });
}

strata_status strata_write_behind_open(strata_cache* cache, const strata_write_behind_options* options,
                                       strata_write_behind_writer write, void* context, strata_write_behind** queue) noexcept {
  if (cache == nullptr || write == nullptr || queue == nullptr) return STRATA_INVALID_ARGUMENT;
  strata_write_behind_options ours = STRATA_WRITE_BEHIND_OPTIONS_INIT;
  if (options != nullptr) {
    const strata_status status =
        strata::api::take_in(*options, ours, sizeof(strata_write_behind_options), "strata_write_behind_open");
    if (status != STRATA_OK) return status;
  }
  if (ours.most_keys == 0 || ours.most_bytes == 0 || ours.batch_keys == 0) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    const WriteBehind::Options bounds{.most_keys = ours.most_keys,
                                      .most_bytes = ours.most_bytes,
                                      .batch_keys = ours.batch_keys,
                                      .first_retry = std::chrono::milliseconds(ours.first_retry_ms),
                                      .last_retry = std::chrono::milliseconds(std::max(ours.last_retry_ms, ours.first_retry_ms)),
                                      .when_full = ours.refuses ? WriteBehind::WhenFull::refuse : WriteBehind::WhenFull::wait};
    *queue = new strata_write_behind(*cache, writer_of(write, context), bounds);
    return STRATA_OK;
  });
}

void strata_write_behind_close(strata_write_behind* queue) noexcept { delete queue; }

strata_status strata_write_behind_put(strata_write_behind* queue, strata_cache_key key, strata_bytes value,
                                      int64_t ttl_ms) noexcept {
  if (queue == nullptr || !is_valid(&queue->cache, key) || !is_valid(value) || ttl_ms < 0) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    Session& session = queue->cache.session();
    return status_of(queue->queue.put(session, key_of(queue->cache, key), text_of(value), expiry_of(session, ttl_ms)));
  });
}

strata_status strata_write_behind_remove(strata_write_behind* queue, strata_cache_key key) noexcept {
  if (queue == nullptr || !is_valid(&queue->cache, key)) return STRATA_INVALID_ARGUMENT;
  return guarded([&] { return status_of(queue->queue.remove(queue->cache.session(), key_of(queue->cache, key))); });
}

strata_status strata_write_behind_get(strata_write_behind* queue, strata_cache_key key, strata_cache_visitor visit,
                                      void* context) noexcept {
  if (queue == nullptr || !is_valid(&queue->cache, key) || visit == nullptr) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    const bool found = queue->queue.read(queue->cache.session(), key_of(queue->cache, key), [&](const ItemView& item) {
      const strata_cache_item shown = item_of(item);
      visit(context, &shown);
    });
    return found ? STRATA_OK : STRATA_NOT_FOUND;
  });
}

strata_status strata_write_behind_flush(strata_write_behind* queue, uint32_t milliseconds) noexcept {
  if (queue == nullptr) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    return queue->queue.flush(queue->cache.session(), std::chrono::milliseconds(milliseconds)) ? STRATA_OK : STRATA_TIMED_OUT;
  });
}

strata_status strata_write_behind_get_statistics(const strata_write_behind* queue,
                                                 strata_write_behind_statistics* statistics) noexcept {
  if (queue == nullptr) return STRATA_INVALID_ARGUMENT;
  return guarded([&] {
    const WriteBehind::Counters counted = queue->queue.counters();
    const strata_write_behind_statistics ours{sizeof(strata_write_behind_statistics),
                                              counted.queued,
                                              counted.bytes,
                                              counted.written,
                                              counted.coalesced,
                                              counted.failures,
                                              counted.waits,
                                              counted.refused};
    return strata::api::give_out(statistics, ours, sizeof(strata_write_behind_statistics), "strata_write_behind_get_statistics");
  });
}
