/* Strata's memory pools as a C library: named memory for blocks of like size or like life, with an initial size, a maximum, and a size between
 * them that follows the use. C11 and C++17. Part of libstrata (pkg-config strata, or find_package(Strata) and Strata::strata). Guide:
 * docs/memory-pools.md. C++: pool.hpp.
 *
 * Units: bytes. Ownership: who makes a pool destroys it; who takes a block gives it back to its pool. Statuses, errors, corruption reports and
 * structures with `struct_bytes` are those of strata.h. Thread safety: every function, from any thread, unless it says otherwise; but a pool of lock mode
 * STRATA_POOL_UNLOCKED is for one thread at a time, and the functions over all pools are only for when no other thread uses such a pool. Around fork() no
 * other thread may be inside one of these functions: their locks are not taken then. */
#ifndef STRATA_POOL_H
#define STRATA_POOL_H

/* NOLINTBEGIN(readability-identifier-naming,modernize-use-using,modernize-deprecated-headers): names and language are those of C */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <strata/strata.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- A pool -------------------------------------------------------------------------------------------------------------------------- */

/* NULL as `pool` is STRATA_INVALID_ARGUMENT. A pool that was destroyed is STRATA_INVALID_POOL as long as no other one lies in its place, and so is what
 * never was one. Each pool is also a heap of strata_visit_heaps, by its name. */
typedef struct strata_pool strata_pool;

typedef enum strata_pool_kind {
  STRATA_POOL_SEGMENT = 0, /* blocks of any size, the best fit in segments of 64 KiB */
  STRATA_POOL_FIXED = 1,   /* blocks of one size: a bit of record each, none of it in the blocks */
  STRATA_POOL_ARENA = 2    /* one block behind the other: freed all at once, or back to a mark */
} strata_pool_kind;

typedef enum strata_pool_lock {
  STRATA_POOL_LOCKED = 0,  /* a mutex: any thread */
  STRATA_POOL_UNLOCKED = 1 /* one thread at a time; the program sees to it */
} strata_pool_lock;

typedef struct strata_pool_options {
  size_t struct_bytes;
  const char* name; /* unique unless it is ""; at most 63 bytes, copied; NULL is "" */
  strata_pool_kind kind;
  strata_pool_lock lock;
  size_t block_bytes;      /* of a fixed pool, 1 byte to 16 MiB; else 0 */
  size_t alignment;        /* of all blocks: a power of two; of a fixed pool at most 64 KiB */
  uint64_t initial_bytes;  /* taken at once and kept to the end */
  uint64_t max_bytes;      /* of memory that holds blocks, a chunk at least; 0: no limit */
  uint32_t growth_percent; /* a full pool grows by this share of what it holds, one chunk at least and 4 MiB at most; 0 to 1000 */
  uint32_t shrink_below_percent; /* a cleanup that finds less than this in use counts as low; 0: the pool never shrinks; to 99 */
  uint32_t shrink_after_rounds;  /* after so many low cleanups in a row the pool shrinks; at least 1 */
} strata_pool_options;
#define STRATA_POOL_OPTIONS_INIT \
  { sizeof(strata_pool_options), "", STRATA_POOL_SEGMENT, STRATA_POOL_LOCKED, 0, 16, 0, 0, 50, 25, 4 }

/* Makes a pool in `*pool`, which the caller destroys. NULL as `options`: STRATA_POOL_OPTIONS_INIT. Else STRATA_OUT_OF_MEMORY, STRATA_ALREADY_THERE for
 * a name that another pool has, STRATA_STRUCT_SIZE, or STRATA_INVALID_ARGUMENT for what is out of range; `*pool` is NULL then. */
STRATA_API strata_status strata_pool_create(const strata_pool_options* options, strata_pool** pool) STRATA_NOEXCEPT;
/* Gives all its memory back, blocks in use or not. NULL is allowed. REQUIRES: no other thread uses the pool or a block of it. */
STRATA_API void strata_pool_destroy(strata_pool* pool) STRATA_NOEXCEPT;
/* The pool of that name; NULL, and STRATA_NOT_FOUND: there is none. */
STRATA_API strata_pool* strata_pool_find(const char* name) STRATA_NOEXCEPT STRATA_MUST_USE;

/* --- Blocks -------------------------------------------------------------------------------------------------------------------------- */

/* A block of `bytes`, of any contents. 0 bytes make the smallest block. NULL: STRATA_POOL_FULL at the pool's maximum, STRATA_OUT_OF_MEMORY where
 * the system or the process' limit gives no more, STRATA_SIZE_OVERFLOW for more than a block of a fixed pool or than an object can have. */
STRATA_API void* strata_pool_malloc(strata_pool* pool, size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(2);
/* The same at a multiple of `alignment`, if that is more than the pool's. NULL also: STRATA_INVALID_ALIGNMENT for what is no power of two, or more than the
 * blocks of a fixed pool have. */
STRATA_API void* strata_pool_aligned_alloc(strata_pool* pool, size_t alignment, size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(3);
/* Frees a block; in an arena does nothing. NULL as `block` is allowed. What is no block of this pool is a corruption report: memory of others, an address at
 * which no block begins, and, but in arenas, a block freed twice, always. strata_free is for blocks of segment pools alone. */
STRATA_API void strata_pool_free(strata_pool* pool, void* block) STRATA_NOEXCEPT;
/* Frees all blocks at once. REQUIRES: no other thread uses the pool or a block of it. */
STRATA_API strata_status strata_pool_reset(strata_pool* pool) STRATA_NOEXCEPT;
/* Whether it is a block in use of this pool; in an arena, whether it lies in what is in use. */
STRATA_API bool strata_pool_owns(const strata_pool* pool, const void* block) STRATA_NOEXCEPT;

/* A place in an arena to come back to. Copy it as you like; what is in it is the library's. */
typedef struct strata_pool_mark {
  uint64_t words[3];
} strata_pool_mark;

/* Where the arena is now, in `*mark`. STRATA_INVALID_ARGUMENT for pools of other kinds. */
STRATA_API strata_status strata_pool_set_mark(const strata_pool* pool, strata_pool_mark* mark) STRATA_NOEXCEPT;
/* Frees what was taken since the mark; marks set since then are void. STRATA_INVALID_ARGUMENT, and nothing is freed: not an arena, or a mark that lies in
 * nothing that is in use. REQUIRES: no other thread uses what is freed. */
STRATA_API strata_status strata_pool_roll_back(strata_pool* pool, const strata_pool_mark* mark) STRATA_NOEXCEPT;

/* --- What a pool is ------------------------------------------------------------------------------------------------------------------ */

typedef enum strata_pool_flags {
  STRATA_POOL_LIMITED = 1,   /* has a maximum */
  STRATA_POOL_SHRINKS = 2,   /* gives memory back when little of it is in use */
  STRATA_POOL_AT_MAXIMUM = 4 /* holds as much as it may */
} strata_pool_flags;

typedef struct strata_pool_info {
  size_t struct_bytes;
  uint64_t total_size;       /* of memory that holds blocks */
  uint64_t used_size;        /* of blocks in use, as they were rounded */
  uint64_t block_count;      /* blocks in use */
  uint32_t flags;            /* strata_pool_flags */
  const void* start_address; /* the lowest of its memory, which need not be in one piece; NULL: it holds none */
  const void* first_block;   /* in use with the lowest address, in an arena the first taken; NULL: none */
  strata_pool_lock lock_mode;
  strata_pool_kind kind;
  const char* name;     /* valid as long as the pool */
  uint64_t block_size;  /* of a fixed pool, as rounded; else 0 */
  uint64_t free_blocks; /* of a fixed pool, in the memory it holds; else 0 */
  uint64_t chunk_count; /* pieces of memory */
  uint64_t initial_size;
  uint64_t max_size;    /* 0: none */
  uint64_t record_size; /* the pool's own records, beside total_size */
  /* Since the pool was made. */
  uint64_t blocks_taken;
  uint64_t refused;      /* requests that got nothing */
  uint64_t refused_full; /* of them for the pool's maximum */
  uint64_t growths;      /* of fixed pools and arenas */
  uint64_t shrinks;
  uint64_t contentions; /* times a thread waited for the pool, modulo 65,536 */
} strata_pool_info;

/* Fills `out`; exact. Costs a look at each chunk. NULL as `out` is STRATA_INVALID_ARGUMENT, struct_bytes not set STRATA_STRUCT_SIZE. */
STRATA_API strata_status strata_pool_get_info(const strata_pool* pool, strata_pool_info* out) STRATA_NOEXCEPT;
/* What the pool holds above a lower maximum stays until it is given back. 0: no limit. */
STRATA_API strata_status strata_pool_set_maximum(strata_pool* pool, uint64_t max_bytes) STRATA_NOEXCEPT;

/* --- All pools ----------------------------------------------------------------------------------------------------------------------- */

/* False ends the visit. May use the pool, but no function that is not given one, and neither strata_pool_create nor strata_pool_destroy. Must not throw. */
typedef bool (*strata_pool_visitor)(strata_pool* pool, void* context);
/* Visits the pools, the oldest first. NULL as `visitor` is STRATA_INVALID_ARGUMENT. */
STRATA_API strata_status strata_visit_pools(strata_pool_visitor visitor, void* context) STRATA_NOEXCEPT;

/* Of the pools whose blocks are large and aligned enough and that have room, arenas left out; of equals the oldest. */
typedef enum strata_pool_selection {
  STRATA_POOL_FIRST_FIT = 0,  /* the oldest whose blocks are less than twice as large as asked for; else the oldest */
  STRATA_POOL_BEST_FIT = 1,   /* the least waste */
  STRATA_POOL_LEAST_USED = 2, /* the smallest share in use */
  STRATA_POOL_ROUND_ROBIN = 3 /* by turns */
} strata_pool_selection;

/* The pool for such a block. NULL, and STRATA_NOT_FOUND: none has room for it; or STRATA_INVALID_ARGUMENT, STRATA_INVALID_ALIGNMENT. */
STRATA_API strata_pool* strata_pool_select(size_t bytes, size_t alignment,
                                           strata_pool_selection strategy) STRATA_NOEXCEPT STRATA_MUST_USE;

typedef struct strata_pool_totals {
  size_t struct_bytes;
  uint64_t pools;
  uint64_t total_size;
  uint64_t used_size;
  uint64_t record_size;
  uint64_t block_count;
  uint64_t refused;
  uint64_t moved_size; /* of maxima, by strata_pools_rebalance */
} strata_pool_totals;

/* Of all pools, in `out`. Errors as of strata_pool_get_info. */
STRATA_API strata_status strata_pools_totals(strata_pool_totals* out) STRATA_NOEXCEPT;
/* To be called now and then: a round in which pools that were low for long enough give memory back, `most_chunks` of it in all (0: 64), so that no call takes
 * long. Returns the bytes given back. */
STRATA_API uint64_t strata_pools_cleanup(uint32_t most_chunks) STRATA_NOEXCEPT;
/* To be called now and then, less often: moves up to 16 MiB of maximum from the pool whose maximum refused the fewest requests, for each byte of it, to the one
 * where it refused the most, if that was so in three rounds in a row. A pool keeps what it holds and its initial size; the sum of the maxima stays; pools without
 * a maximum take no part. Returns the bytes moved. */
STRATA_API uint64_t strata_pools_rebalance(void) STRATA_NOEXCEPT;

#ifdef __cplusplus
}
#endif
/* NOLINTEND(readability-identifier-naming,modernize-use-using,modernize-deprecated-headers) */
#endif
