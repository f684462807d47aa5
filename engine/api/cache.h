/* Strata's cache as a C library: keys and values of any bytes in a bounded amount of memory, for all threads of a process. C11 and C++17. Link
 * with libstrata_cache (pkg-config strata-cache, or find_package(Strata) and Strata::cache); it brings the C++ standard library, libstrata
 * does not. Guide: docs/cache-library.md. C++: cache.hpp.
 *
 * Units: bytes; milliseconds, since 1970 where a moment is meant. Ownership: what is stored is copied in; what a callback is shown is valid
 * during the call. Thread safety: every function, from any thread, unless it says otherwise. Reads take no lock.
 *
 * Errors: a function that fails returns another status than STRATA_OK and has changed nothing, unless it says otherwise. Statuses and
 * structures with `struct_bytes` are those of strata.h. Callbacks must not throw. */
#ifndef STRATA_CACHE_H
#define STRATA_CACHE_H

/* NOLINTBEGIN(readability-identifier-naming,modernize-use-using,modernize-deprecated-headers): names and language are those of C */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <strata/strata.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct strata_bytes {
  const void* data; /* may be NULL where size is 0 */
  size_t size;
} strata_bytes;

/* --- A cache ------------------------------------------------------------------------------------------------------------------------- */

typedef struct strata_cache strata_cache;

/* Which item goes when room is needed. The volatile ones choose among those that expire. */
typedef enum strata_cache_policy {
  STRATA_CACHE_LRU = 0, /* of a few looked at, what was used longest ago; 1 to 2 B an item */
  STRATA_CACHE_RANDOM = 1,
  STRATA_CACHE_VOLATILE_LRU = 2,
  STRATA_CACHE_VOLATILE_RANDOM = 3,
  STRATA_CACHE_VOLATILE_TTL = 4, /* what expires soonest */
  STRATA_CACHE_NO_EVICTION = 5,  /* writes fail instead */
  STRATA_CACHE_S3FIFO = 6, /* new items stay only if they are asked for twice while they are new: the best choice for most */
  STRATA_CACHE_CLOCK = 7,  /* goes round; what was read since it passed stays */
  STRATA_CACHE_FIFO = 8,   /* goes round; nothing stays */
  STRATA_CACHE_SIEVE = 9,  /* from the oldest to the newest, round and round; what was read since it passed stays; 26 B an item */
  STRATA_CACHE_EXACT_LRU = 10, /* what was used longest ago; 26 B an item */
  STRATA_CACHE_EXACT_MRU = 11, /* what was used last; 26 B an item */
  STRATA_CACHE_LFU = 12,       /* of a few looked at, what was used least, where older uses count less; 1 to 2 B an item */
  STRATA_CACHE_VOLATILE_LFU = 13,
  STRATA_CACHE_CUSTOM = 14 /* of a few looked at, what strata_cache_set_chooser's function says; 1 to 2 B an item */
} strata_cache_policy;

/* What is invalidated when fewer reads are hits than before. */
typedef enum strata_cache_hits_action {
  STRATA_CACHE_HITS_NOTHING = 0,
  STRATA_CACHE_HITS_PREFIX = 1,   /* what begins with a prefix in a database */
  STRATA_CACHE_HITS_DATABASE = 2, /* a database */
  STRATA_CACHE_HITS_EVERYTHING = 3
} strata_cache_hits_action;

/* What the cache takes out by itself, beside what expires and what the limit asks for: by its maintenance thread or strata_cache_maintain. Each part is
 * off where its first member is 0. Guide: docs/invalidation.md. */
typedef struct strata_cache_auto_invalidation {
  size_t struct_bytes;
  int64_t
      interval_ms; /* how often the share of idle items is looked at: not read or written for an interval, nor since eviction looked last */
  uint32_t idle_percent; /* 1 to 100: from that share on the idle items are removed */
  int64_t
      max_age_ms; /* after it an item is removed by the next sweep, up to a second late; a second at least. 5 B an item, as an interval costs */
  uint32_t pressure_percent; /* 1 to 100: items are evicted ahead where more of the limit is in use */
  uint32_t relief_percent;   /* below it: until so much is in use */
  int64_t pressure_ms;       /* a second at least: for how long */
  int64_t hits_window_ms;    /* how often the share of hits is compared with what was usual */
  uint32_t hits_percent;     /* 1 to 99: an event below that share of it */
  uint64_t hits_least_reads; /* 1 or more: windows of fewer do not count */
  strata_cache_hits_action hits_action;
  uint32_t hits_database;
  const char* hits_prefix;  /* copied */
  size_t hits_prefix_bytes; /* 1 to 1024 */
} strata_cache_auto_invalidation;
#define STRATA_CACHE_AUTO_INVALIDATION_INIT \
  { sizeof(strata_cache_auto_invalidation), 0, 50, 0, 0, 0, 10000, 0, 50, 1000, STRATA_CACHE_HITS_NOTHING, 0, NULL, 0 }

/* The limit gives way while the machine, or a control group that the process is in, is short of memory, at once; and comes back in steps. Looked at by
 * maintenance. Begin with STRATA_CACHE_DYNAMIC_SIZING_INIT. */
typedef struct strata_cache_dynamic_sizing {
  size_t struct_bytes;
  uint64_t min_size;       /* bytes: down to this; 1 MiB at least, cache_size at most. cache_size itself is the most there is */
  uint64_t reserve_bytes;  /* are left to others */
  uint32_t growth_percent; /* 101 to 1000: of what it is the limit comes back to in a step */
  int64_t look_ms;         /* 10 at least: how often memory is looked at */
  int64_t calm_ms;         /* how long the limit stays after it was lowered, and after each step */
} strata_cache_dynamic_sizing;
#define STRATA_CACHE_DYNAMIC_SIZING_INIT \
  { sizeof(strata_cache_dynamic_sizing), UINT64_C(16) << 20, UINT64_C(64) << 20, 125, 1000, 10000 }

/* Levels of the cache, a set. This version has the one that all threads of a process share. */
#define STRATA_CACHE_LEVEL_THREAD 1U /* of each thread: not supported yet */
#define STRATA_CACHE_LEVEL_SHARED 2U
#define STRATA_CACHE_LEVEL_DISK 4U /* not supported yet */

typedef enum strata_cache_compression {
  STRATA_CACHE_COMPRESSION_NONE = 0,
  STRATA_CACHE_COMPRESSION_LZ4 = 1, /* not supported yet, nor is the next */
  STRATA_CACHE_COMPRESSION_ZSTD = 2
} strata_cache_compression;

/* Reading an item, or changing its value and not its expiry, begins its lifetime anew; as often as a sixteenth of it is over. 7 B an item that expires. */
#define STRATA_CACHE_SLIDING_EXPIRY 1U

/* A cache as it is to be. What is out of range is STRATA_INVALID_ARGUMENT, what this version does not have STRATA_NOT_SUPPORTED;
 * strata_cache_last_error()->text names the member and what is allowed. */
typedef struct strata_cache_config {
  size_t struct_bytes;
  uint64_t cache_size;   /* bytes: items, index, and what waits to be freed or written; at least 2 MiB */
  uint32_t cache_levels; /* STRATA_CACHE_LEVEL_SHARED */
  strata_cache_policy replacement_policy;
  const strata_cache_auto_invalidation* auto_invalidation; /* copied; NULL: off */
  strata_cache_compression compression;
  const strata_cache_dynamic_sizing* dynamic_sizing; /* copied; NULL: off */
  uint32_t flags;                                    /* STRATA_CACHE_SLIDING_EXPIRY, or 0 */
  uint32_t databases;  /* 1 to 128; keys of one are not those of another */
  uint32_t
      maintenance_ms; /* a thread of the cache's own removes what has expired or was invalidated, and brings the memory down after the limit was lowered
                         or a database cleared, so often; 0: none, the program calls strata_cache_maintain */
  uint32_t
      expiry_jitter_percent; /* 0 to 90: an item lives up to so much less than asked for, never longer, each by chance, so that what was stored
                                     together does not expire together */
} strata_cache_config;
#define STRATA_CACHE_CONFIG_INIT                                                                            \
  {                                                                                                         \
    sizeof(strata_cache_config), UINT64_C(256) << 20, STRATA_CACHE_LEVEL_SHARED, STRATA_CACHE_S3FIFO, NULL, \
        STRATA_CACHE_COMPRESSION_NONE, NULL, 0, 1, 100, 0                                                   \
  }

/* Makes a cache, which the caller destroys, in `*cache`. NULL as `config`: STRATA_CACHE_CONFIG_INIT. Address space is taken for all that the
 * machine's memory could hold; memory as it is used, and about 1 MiB at once. Else STRATA_OUT_OF_MEMORY, STRATA_STRUCT_SIZE,
 * STRATA_INVALID_ARGUMENT, STRATA_NOT_SUPPORTED, or STRATA_NO_CHOOSER for STRATA_CACHE_CUSTOM, which can be chosen later. */
STRATA_API strata_status strata_cache_create(const strata_cache_config* config, strata_cache** cache) STRATA_NOEXCEPT;
/* What was wrong with the calling thread's last call that makes or configures a cache, or that failed for the size of a structure; as strata_last_error
 * is for libstrata. Valid until the next such call of the thread. */
STRATA_API const strata_error* strata_cache_last_error(void) STRATA_NOEXCEPT;
/* NULL is allowed. REQUIRES: no other thread uses the cache; its write-behind queues are closed. */
STRATA_API void strata_cache_destroy(strata_cache* cache) STRATA_NOEXCEPT;
/* Takes effect with the next writes and maintenance. */
STRATA_API strata_status strata_cache_set_limit(strata_cache* cache, uint64_t max_memory_bytes) STRATA_NOEXCEPT;
/* From now on; NULL: off. Errors as of strata_cache_create. */
STRATA_API strata_status
strata_cache_set_auto_invalidation(strata_cache* cache, const strata_cache_auto_invalidation* auto_invalidation) STRATA_NOEXCEPT;

/* Nothing that is stored is lost by another policy. STRATA_INVALID_ARGUMENT: it is none; STRATA_NO_CHOOSER: it is STRATA_CACHE_CUSTOM, and
 * strata_cache_set_chooser has to come first. Nothing has changed then. */
STRATA_API strata_status strata_cache_set_policy(strata_cache* cache, strata_cache_policy policy) STRATA_NOEXCEPT;
/* How many items the policies that look at a few compare, 1 to 64: 5, unless this is called. More is closer to the true order, and dearer. */
STRATA_API strata_status strata_cache_set_samples(strata_cache* cache, uint32_t samples) STRATA_NOEXCEPT;

/* --- A policy of the program's own --------------------------------------------------------------------------------------------------- */

#define STRATA_CACHE_NONE SIZE_MAX

/* An item that may go. */
typedef struct strata_cache_candidate {
  strata_bytes key;
  size_t value_bytes;
  size_t item_bytes;     /* all that comes back when it goes */
  int64_t expires_at_ms; /* INT64_MAX: it does not */
  uint32_t database;
  uint32_t
      uses; /* about how many count: a power of two, at most 16384, halved for each round without a use. A round: as many new keys come as there
                    are items */
  uint32_t idle_quarters; /* of a round since the last use, 15 at most */
  uint32_t hits;          /* since it was written, 3 at most */
  uint64_t reserved[2];   /* 0 */
} strata_cache_candidate;

/* Says which of `count` candidates goes, at least 1 and at most as many as are sampled; STRATA_CACHE_NONE, or any other number: none of them. Then others
 * are shown, two more times for one victim at most, and after that what expires first of the last ones goes, or the first of them.
 * Called in the middle of a write or of maintenance by whatever thread needs memory, several at a time, with no lock held. Must not call this library, nor
 * wait, and is to be quick: each victim waits for it. What it is shown is valid during the call. */
typedef size_t (*strata_cache_chooser)(void* context, const strata_cache_candidate* candidates, size_t count);
/* Has `choose` called under STRATA_CACHE_CUSTOM from now on: set it, then the policy. When this returns the one before is called no more; so not to be
 * called by one. NULL: none; STRATA_NO_CHOOSER, and nothing has changed, as long as the policy is STRATA_CACHE_CUSTOM. */
STRATA_API strata_status strata_cache_set_chooser(strata_cache* cache, strata_cache_chooser choose,
                                                  void* context) STRATA_NOEXCEPT;

/* --- Keys and values ----------------------------------------------------------------------------------------------------------------- */

typedef struct strata_cache_key {
  strata_bytes bytes; /* at most 512 MiB */
  uint32_t database;  /* below the cache's databases, else STRATA_INVALID_ARGUMENT */
} strata_cache_key;

#define STRATA_CACHE_FOREVER INT64_MAX

typedef struct strata_cache_item {
  strata_bytes value;
  int64_t expires_at_ms; /* STRATA_CACHE_FOREVER: it does not */
} strata_cache_item;

/* Shown an item where it lies, which stays as it is during the call. Calls of this library about other keys are allowed in it. */
typedef void (*strata_cache_visitor)(void* context, const strata_cache_item* item);

/* Shows the item of a key. STRATA_NOT_FOUND: there is none, or it has expired, and nothing is called. */
STRATA_API strata_status strata_cache_get(strata_cache* cache, strata_cache_key key, strata_cache_visitor visit,
                                          void* context) STRATA_NOEXCEPT;
/* Copies the value of a key to `buffer`, at most `room` bytes of it, and says in `*size` how long all of it is. */
STRATA_API strata_status strata_cache_copy(strata_cache* cache, strata_cache_key key, void* buffer, size_t room,
                                           size_t* size) STRATA_NOEXCEPT;
/* Shows the items of several keys as they were at one moment: `visit` gets the number of the key, and NULL where there is nothing. */
typedef void (*strata_cache_many_visitor)(void* context, size_t number, const strata_cache_item* item);
STRATA_API strata_status strata_cache_get_many(strata_cache* cache, const strata_cache_key* keys, size_t count,
                                               strata_cache_many_visitor visit, void* context) STRATA_NOEXCEPT;

/* Stores a value of at most 512 MiB. `ttl_ms`: how long it stays at most; 0: as long as there is room. STRATA_OUT_OF_MEMORY: it does not fit
 * below the limit, whatever goes; STRATA_SIZE_OVERFLOW: key or value is too long. */
STRATA_API strata_status strata_cache_put(strata_cache* cache, strata_cache_key key, strata_bytes value,
                                          int64_t ttl_ms) STRATA_NOEXCEPT;
/* The same unless there is something: STRATA_ALREADY_THERE. */
STRATA_API strata_status strata_cache_add(strata_cache* cache, strata_cache_key key, strata_bytes value,
                                          int64_t ttl_ms) STRATA_NOEXCEPT;
/* Several at one moment: nobody sees some without the others. */
STRATA_API strata_status strata_cache_put_many(strata_cache* cache, const strata_cache_key* keys, const strata_bytes* values,
                                               size_t count, int64_t ttl_ms) STRATA_NOEXCEPT;
/* STRATA_NOT_FOUND: there was nothing. */
STRATA_API strata_status strata_cache_remove(strata_cache* cache, strata_cache_key key) STRATA_NOEXCEPT;

/* What is to become of a key. `value` must stay valid until strata_cache_update returns. */
typedef enum strata_cache_action { STRATA_CACHE_KEEP = 0, STRATA_CACHE_PUT = 1, STRATA_CACHE_REMOVE = 2 } strata_cache_action;
typedef struct strata_cache_change {
  strata_cache_action action;
  strata_bytes value; /* of a put */
  int64_t ttl_ms;     /* of a put; 0: none */
} strata_cache_change;
/* Sees the item there is (NULL: none) and says what becomes of it. Called again where another thread has changed the key before the answer took
 * effect: the last answer counts. Must not call this library. */
typedef void (*strata_cache_decider)(void* context, const strata_cache_item* current, strata_cache_change* change);
/* Reads, decides and writes as one operation. */
STRATA_API strata_status strata_cache_update(strata_cache* cache, strata_cache_key key, strata_cache_decider decide,
                                             void* context) STRATA_NOEXCEPT;

/* Several at one moment. `*removed`, unless NULL: how many there were. */
STRATA_API strata_status strata_cache_remove_many(strata_cache* cache, const strata_cache_key* keys, size_t count,
                                                  size_t* removed) STRATA_NOEXCEPT;

/* Removes everything in a database at one moment; its memory comes back with maintenance. */
STRATA_API strata_status strata_cache_clear(strata_cache* cache, uint32_t database) STRATA_NOEXCEPT;
/* Removes everything in a database whose key begins with the prefix at one moment, whatever there is; its memory comes back with maintenance, and until
 * then the statistics count it. An empty prefix clears. STRATA_SIZE_OVERFLOW: it is longer than 1024 bytes. Where 64 prefixes wait for
 * maintenance the call does their work first. */
STRATA_API strata_status strata_cache_invalidate_prefix(strata_cache* cache, uint32_t database,
                                                        strata_bytes prefix) STRATA_NOEXCEPT;
/* Removes what matches a glob pattern of at most 1024 bytes (`*`, `?`, `[a-z]`, `[^a]`, `\`), one key after the other on a walk through the database:
 * what is there all the time is found. `*removed`, unless NULL: how many. STRATA_OUT_OF_MEMORY: some that matched are left. */
STRATA_API strata_status strata_cache_invalidate_matching(strata_cache* cache, uint32_t database, strata_bytes glob,
                                                          uint64_t* removed) STRATA_NOEXCEPT;

/* --- Threads ------------------------------------------------------------------------------------------------------------------------- */

/* Each thread that uses a cache has a place among its readers, made at its first call and given back at its end; each call says by itself that it
 * has begun and ended. A thread that makes many in a row saves that, about 20 ns a call, by saying so once: begin, the calls, end. In between
 * nothing that any thread takes out of the cache can be freed: at most a millisecond, and no waiting. Not nested. */
STRATA_API strata_status strata_cache_begin(strata_cache* cache) STRATA_NOEXCEPT;
STRATA_API void strata_cache_end(strata_cache* cache) STRATA_NOEXCEPT;

/* --- Housekeeping -------------------------------------------------------------------------------------------------------------------- */

/* For caches without a maintenance thread: works for `microseconds` at most. `*more`, unless NULL: there is more to do at once. */
STRATA_API strata_status strata_cache_maintain(strata_cache* cache, uint64_t microseconds, bool* more) STRATA_NOEXCEPT;

/* What the cache did, or noticed, by itself. Shares are from 0 to 1. */
typedef enum strata_cache_event_kind {
  STRATA_CACHE_EVENT_IDLE_ITEMS = 0,      /* measured: their share of all items */
  STRATA_CACHE_EVENT_OLD_ITEMS = 1,       /* measured: the age in seconds */
  STRATA_CACHE_EVENT_MEMORY_PRESSURE = 2, /* measured: the share of the limit in use */
  STRATA_CACHE_EVENT_HIT_RATIO_DROP = 3,  /* measured: the share of hits */
  STRATA_CACHE_EVENT_LIMIT_LOWERED = 4,   /* measured: the new limit, threshold: the memory there is, as shares of cache_size */
  STRATA_CACHE_EVENT_LIMIT_RAISED = 5     /* the same */
} strata_cache_event_kind;
typedef struct strata_cache_event {
  uint64_t number; /* from 1, one more each time */
  int64_t at_ms;
  strata_cache_event_kind kind;
  double measured;
  double threshold;
  uint64_t removed; /* items */
} strata_cache_event;
/* Copies the events of a number above `after`, the oldest first, at most `room` of them; `*count` is how many there are. The last 256 are kept. */
STRATA_API strata_status strata_cache_get_events(const strata_cache* cache, uint64_t after, strata_cache_event* events,
                                                 size_t room, size_t* count) STRATA_NOEXCEPT;

typedef struct strata_cache_statistics {
  size_t struct_bytes;
  uint64_t items;
  uint64_t used_bytes; /* of all that the limit counts */
  uint64_t limit_bytes;
  uint64_t retired_bytes; /* of it, taken out and waiting until no reader can look at it */
  uint64_t hits;
  uint64_t misses;
  uint64_t expired;
  uint64_t evicted;
  uint64_t refused; /* writes, for want of room */
  uint64_t loads;   /* by strata_cache_get_through */
  uint64_t shared_loads;
  uint64_t sampled;          /* items looked at to find some to evict, by the policies that look at a few */
  uint64_t chosen;           /* of the evicted, by strata_cache_set_chooser's function */
  uint64_t choice_refusals;  /* times that it wanted none of what it was shown */
  uint64_t invalidated;      /* items taken out for their prefix, their age or their idleness */
  uint64_t pending_prefixes; /* that were invalidated and whose items have not all come back */
  uint64_t waiting;          /* threads, now, for what another thread asks the source or writes to it */
} strata_cache_statistics;
#define STRATA_CACHE_STATISTICS_INIT \
  { sizeof(strata_cache_statistics), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
/* Each number is right, all of them not of the same moment. */
STRATA_API strata_status strata_cache_get_statistics(const strata_cache* cache,
                                                     strata_cache_statistics* statistics) STRATA_NOEXCEPT;

/* --- In front of a source of the data ------------------------------------------------------------------------------------------------ */

/* Look-aside needs no more than get, add and remove: read; where nothing is there ask the source and add what it has (add, so that nothing
 * newer is overwritten); whoever changes the source removes the key afterwards.
 *
 * The other ways below call back into the program, with no lock held, which may take its time: the thread is not among the readers meanwhile, so
 * what it was shown before is not valid any more. Callbacks may use the cache, but for the key they are about (STRATA_RECURSIVE).
 * They return whether it could be done: false is STRATA_SOURCE_FAILED for the caller, and for all who wait for the same answer. */

/* What a loader fills in; its value is copied. */
typedef struct strata_cache_load strata_cache_load;
STRATA_API void strata_cache_load_found(strata_cache_load* load, strata_bytes value, int64_t ttl_ms) STRATA_NOEXCEPT;
/* Fills in what the source has of the key; nothing: it has none. */
typedef bool (*strata_cache_loader)(void* context, strata_cache_key key, strata_cache_load* load);
/* Read-through: as get, but what is not there is asked from the source and stored, once for a key however many threads want it; the others wait
 * and are shown the same. What was removed or written while it was loaded is not stored. STRATA_NOT_FOUND: the source has none; that is not
 * remembered. What does not fit is shown and not stored. */
STRATA_API strata_status strata_cache_get_through(strata_cache* cache, strata_cache_key key, strata_cache_loader load,
                                                  void* load_context, strata_cache_visitor visit,
                                                  void* visit_context) STRATA_NOEXCEPT;

/* Writes a key to the source; `value` NULL: removes it there. */
typedef bool (*strata_cache_writer)(void* context, strata_cache_key key, const strata_bytes* value);
/* Write-through: the source first, then the cache, one thread at a time for a key. If the source does not take it the cache has neither the old
 * value nor the new. STRATA_OUT_OF_MEMORY: the source has it, the cache has nothing of the key. */
STRATA_API strata_status strata_cache_put_through(strata_cache* cache, strata_cache_key key, strata_bytes value, int64_t ttl_ms,
                                                  strata_cache_writer write, void* context) STRATA_NOEXCEPT;
STRATA_API strata_status strata_cache_remove_through(strata_cache* cache, strata_cache_key key, strata_cache_writer write,
                                                     void* context) STRATA_NOEXCEPT;

/* Write-behind: the cache at once, the source soon, by a thread of the queue, in batches. */
typedef struct strata_write_behind strata_write_behind;
typedef struct strata_write_behind_change {
  strata_cache_key key;
  bool is_removal;
  strata_bytes value;
  int64_t expires_at_ms;
} strata_write_behind_change;
/* Gives the source a batch, oldest first; of a key that was written several times the last. False: it gets them again after a while. */
typedef bool (*strata_write_behind_writer)(void* context, const strata_write_behind_change* changes, size_t count);

typedef struct strata_write_behind_options {
  size_t struct_bytes;
  uint64_t most_keys;
  uint64_t most_bytes; /* charged to the cache's limit */
  uint64_t batch_keys;
  uint32_t first_retry_ms; /* doubled with each failure */
  uint32_t last_retry_ms;
  bool refuses; /* at the bounds: STRATA_QUEUE_FULL instead of waiting */
} strata_write_behind_options;
#define STRATA_WRITE_BEHIND_OPTIONS_INIT \
  { sizeof(strata_write_behind_options), 65536, UINT64_C(64) << 20, 128, 10, 5000, false }

/* NULL as `options`: STRATA_WRITE_BEHIND_OPTIONS_INIT. The queue is the caller's, who closes it before the cache is destroyed. */
STRATA_API strata_status strata_write_behind_open(strata_cache* cache, const strata_write_behind_options* options,
                                                  strata_write_behind_writer write, void* context,
                                                  strata_write_behind** queue) STRATA_NOEXCEPT;
/* Gives the source what waits, once more each; what it does not take is lost. NULL is allowed. */
STRATA_API void strata_write_behind_close(strata_write_behind* queue) STRATA_NOEXCEPT;
STRATA_API strata_status strata_write_behind_put(strata_write_behind* queue, strata_cache_key key, strata_bytes value,
                                                 int64_t ttl_ms) STRATA_NOEXCEPT;
STRATA_API strata_status strata_write_behind_remove(strata_write_behind* queue, strata_cache_key key) STRATA_NOEXCEPT;
/* As strata_cache_get; what was evicted and waits in the queue is found there. */
STRATA_API strata_status strata_write_behind_get(strata_write_behind* queue, strata_cache_key key, strata_cache_visitor visit,
                                                 void* context) STRATA_NOEXCEPT;
/* Waits until the source has all that waits now: STRATA_OK; else STRATA_TIMED_OUT. */
STRATA_API strata_status strata_write_behind_flush(strata_write_behind* queue, uint32_t milliseconds) STRATA_NOEXCEPT;

typedef struct strata_write_behind_statistics {
  size_t struct_bytes;
  uint64_t queued;
  uint64_t bytes;
  uint64_t written;
  uint64_t coalesced;
  uint64_t failures;
  uint64_t waits;
  uint64_t refused;
} strata_write_behind_statistics;
#define STRATA_WRITE_BEHIND_STATISTICS_INIT \
  { sizeof(strata_write_behind_statistics), 0, 0, 0, 0, 0, 0, 0 }
STRATA_API strata_status strata_write_behind_get_statistics(const strata_write_behind* queue,
                                                            strata_write_behind_statistics* statistics) STRATA_NOEXCEPT;

#ifdef __cplusplus
}
#endif
/* NOLINTEND(readability-identifier-naming,modernize-use-using,modernize-deprecated-headers) */

#endif
