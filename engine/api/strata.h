/* Strata's memory engine as a C library: a general-purpose allocator that stands beside malloc, heaps of one's own, statistics, and a walk
 * over every block. C11 and C++17. Link with libstrata (pkg-config strata, or find_package(Strata) and Strata::strata). The library exports
 * strata_* symbols only and does not replace malloc; libstrata_malloc does that.
 *
 * Units: sizes and limits are in bytes. Ownership: who takes a block frees it; texts belong to the library, live as long as the process, and
 * are never NULL. Thread safety: every function, from any thread, unless it says otherwise.
 *
 * Errors: nothing here throws, and nothing ends the program unless that is asked for (strata_set_corruption_callback). A function that fails
 * returns NULL or a status other than STRATA_OK and leaves what it was given as it was; strata_last_error() then says more. errno is not part
 * of the interface and may change.
 *
 * Structures that may grow begin with `struct_bytes`, to be set to sizeof of the structure by the caller: so programs and libraries of
 * different versions understand each other. */
#ifndef STRATA_STRATA_H
#define STRATA_STRATA_H

/* NOLINTBEGIN(readability-identifier-naming,modernize-use-using,modernize-deprecated-headers): names and language are those of C */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef STRATA_API
#if defined(__GNUC__)
#define STRATA_API __attribute__((visibility("default")))
#else
#define STRATA_API
#endif
#endif
#if defined(__GNUC__)
#define STRATA_ALLOCATES(...) __attribute__((malloc, warn_unused_result, alloc_size(__VA_ARGS__)))
#define STRATA_MUST_USE __attribute__((warn_unused_result))
#else
#define STRATA_ALLOCATES(...)
#define STRATA_MUST_USE
#endif

#ifdef __cplusplus
#define STRATA_NOEXCEPT noexcept
extern "C" {
#else
#define STRATA_NOEXCEPT
#endif

/* --- Version ------------------------------------------------------------------------------------------------------------------------- */

/* Of this header. While MAJOR is 0, a new MINOR may change the interface; the library's SONAME changes with it. */
#define STRATA_VERSION_MAJOR 0
#define STRATA_VERSION_MINOR 1
#define STRATA_VERSION_PATCH 0
#define STRATA_VERSION (STRATA_VERSION_MAJOR * 1000000 + STRATA_VERSION_MINOR * 1000 + STRATA_VERSION_PATCH)

/* Of the library that the program runs with, as STRATA_VERSION. */
STRATA_API uint32_t strata_version(void) STRATA_NOEXCEPT;
/* As "0.1.0". */
STRATA_API const char* strata_version_text(void) STRATA_NOEXCEPT;

/* --- Errors -------------------------------------------------------------------------------------------------------------------------- */

typedef enum strata_status {
  STRATA_OK = 0,
  STRATA_OUT_OF_MEMORY = 1,     /* the system gives no more, or a limit set by the program is reached */
  STRATA_SIZE_OVERFLOW = 2,     /* more bytes than an object can have, or a product of sizes that is */
  STRATA_INVALID_ARGUMENT = 3,  /* NULL where something is needed, or a value that does not exist */
  STRATA_INVALID_ALIGNMENT = 4, /* not a power of two */
  STRATA_STRUCT_SIZE = 5,       /* struct_bytes is too small, or asks for what this version of the library does not know */
  STRATA_INVALID_POINTER = 6,   /* not a block that this library gave out */
  STRATA_SIZE_MISMATCH = 7,     /* the block is smaller than the size it is said to have */
  STRATA_WRONG_HEAP = 8,        /* a block, but not of this heap */
  STRATA_INVALID_HEAP = 9,      /* not a heap, or one that was destroyed */
  /* Of caches (cache.h). */
  STRATA_NOT_FOUND = 10,     /* nothing under that key */
  STRATA_ALREADY_THERE = 11, /* something under that key */
  STRATA_SOURCE_FAILED = 12, /* what the cache stands in front of could not be read or written */
  STRATA_RECURSIVE = 13,     /* a callback asks for what it is about itself */
  STRATA_QUEUE_FULL = 14,
  STRATA_TIMED_OUT = 15,
  /* Of pools (pool.h). */
  STRATA_POOL_FULL = 16,    /* the pool's maximum is reached */
  STRATA_INVALID_POOL = 17, /* not a pool, or one that was destroyed */
  /* Of caches, again. */
  STRATA_NO_CHOOSER = 18,    /* the policy asks a function which item goes, and there is none */
  STRATA_NOT_SUPPORTED = 19 /* asks for what this version does not have */
} strata_status;

/* The status in a few words: "out of memory" and the like; "unknown status" for numbers that are none. */
STRATA_API const char* strata_status_text(strata_status status) STRATA_NOEXCEPT;

typedef struct strata_error {
  strata_status status;
  const char* function; /* that failed: "strata_malloc"; "" if none has */
  const char* text;     /* what was wrong, in words */
  size_t bytes;         /* the size or alignment it was about; 0: none */
  const void* address;  /* the pointer it was about; NULL: none */
} strata_error;

/* The last failure of the calling thread; STRATA_OK if there was none. As errno, it is not touched by calls that succeed. Never NULL; valid
 * until the thread ends, and changed by its next failure. Allocates nothing. */
STRATA_API const strata_error* strata_last_error(void) STRATA_NOEXCEPT;
/* Forgets the last failure of the calling thread: STRATA_OK until the next one. */
STRATA_API void strata_clear_error(void) STRATA_NOEXCEPT;

/* Called at every failure by the thread that failed, before the function returns and with no lock held; `error` is valid during the call.
 * May call this library: failures inside the callback are recorded but not called back again. Must not throw. One for the process, as
 * misuse and lack of memory are the process' matter: a callback that needs a context has it in variables of its own. */
typedef void (*strata_error_callback)(const strata_error* error);
/* Sets the callback of all threads. NULL: none, as at the start. Returns the one that was there. A thread that failed a moment before may
 * still be in it. */
STRATA_API strata_error_callback strata_set_error_callback(strata_error_callback callback) STRATA_NOEXCEPT;

/* Misuse of memory that was noticed, most of it when a block was freed. The last three are found by builds with checks. */
typedef enum strata_corruption_kind {
  STRATA_CORRUPTION_INVALID_FREE = 1, /* not the start of a block in use */
  STRATA_CORRUPTION_FOREIGN_FREE = 2, /* not from this library at all */
  STRATA_CORRUPTION_DOUBLE_FREE = 3,
  STRATA_CORRUPTION_OTHER = 4,          /* of a kind that this header does not name; `text` does */
  STRATA_CORRUPTION_CORRUPTED_LIST = 5, /* the link in a free block was overwritten */
  STRATA_CORRUPTION_OVERFLOW = 6,       /* bytes behind what was asked for were overwritten */
  STRATA_CORRUPTION_USE_AFTER_FREE = 7  /* a free block was written to */
} strata_corruption_kind;

typedef struct strata_corruption {
  strata_corruption_kind kind;
  const char* text;
  const void* address;    /* what the program gave */
  const void* block;      /* the start of the block it lies in; NULL: none */
  size_t block_bytes;     /* of that block; 0: none */
  uint64_t thread;        /* the kernel's number of the calling thread */
  size_t requested_bytes; /* what was asked for when the block was taken, where that is known; else 0 */
  size_t damaged_offset;  /* of overflow and use after free: the first damaged byte, from the start of the block */
} strata_corruption;

/* Called by the thread that misused the memory; must neither throw nor call this library, for locks may be held. When it returns, the call
 * that misused the memory does nothing. How much is noticed: docs/memory-library.md. */
typedef void (*strata_corruption_callback)(const strata_corruption* report);
/* Sets the callback of all threads. NULL: a line to standard error for each of the first 16 reports, as at the start, and with
 * STRATA_MEMORY_ABORT=1 in the environment (in hardened builds without STRATA_MEMORY_ABORT=0) the end of the program. Returns the one that
 * was there. */
STRATA_API strata_corruption_callback strata_set_corruption_callback(strata_corruption_callback callback) STRATA_NOEXCEPT;

/* --- Memory -------------------------------------------------------------------------------------------------------------------------- */

/* Blocks are aligned to 16 bytes, those of 8 bytes or less to 8. A request for 0 bytes gets a block of the smallest size. Any thread may free
 * a block. The functions that return a block return NULL when they fail: with STRATA_OUT_OF_MEMORY, STRATA_SIZE_OVERFLOW, and what is said
 * at each. */

/* A block of `bytes`, of any contents. */
STRATA_API void* strata_malloc(size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(1);
/* A block of `count` times `bytes`, zeroed. */
STRATA_API void* strata_calloc(size_t count, size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(1, 2);
/* A block at a multiple of `alignment`, any power of two (else STRATA_INVALID_ALIGNMENT). `bytes` need not be a multiple of it. */
STRATA_API void* strata_aligned_alloc(size_t alignment, size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(2);
/* As realloc, but never frees: 0 bytes make the smallest block. NULL as `block`: as strata_malloc. If it fails the block is as it was. The
 * alignment of strata_aligned_alloc is not kept when the block moves. A block of a heap stays in its heap. What is not a block is
 * STRATA_INVALID_POINTER and a corruption report, where it is noticed. */
STRATA_API void* strata_realloc(void* block, size_t bytes) STRATA_NOEXCEPT STRATA_MUST_USE;
/* Frees a block, of a heap too. NULL is allowed. What is not a block is a corruption report, where it is noticed. */
STRATA_API void strata_free(void* block) STRATA_NOEXCEPT;
/* As strata_free, for callers that know the size the block was asked for. One that the block cannot have is STRATA_SIZE_MISMATCH, what lies
 * in no block STRATA_INVALID_POINTER, and nothing is freed. */
STRATA_API void strata_free_sized(void* block, size_t bytes) STRATA_NOEXCEPT;
/* How many bytes of the block may be used, at least as many as were asked for (as many in builds with the checked heap); 0 for NULL and for
 * what is not ours. */
STRATA_API size_t strata_usable_size(const void* block) STRATA_NOEXCEPT;
/* Whether memory is of this library: true for every address in the first 64 KiB of a block in use, false for memory of others; what lies
 * behind that, and freed blocks, may be either. Takes no lock. */
STRATA_API bool strata_owns(const void* block) STRATA_NOEXCEPT;

/* To be called by a thread about to wait for long: hands over what it has freed of other threads' blocks. Never necessary. */
STRATA_API void strata_thread_idle(void) STRATA_NOEXCEPT;
/* Gives all free memory that is resident back to the system now. It happens by itself within seconds where memory is not needed again. */
STRATA_API void strata_purge(void) STRATA_NOEXCEPT;
/* Most bytes of memory the process takes from the system for blocks, in use or waiting to be given back; 0: no limit, as at the start.
 * Counts in whole 64 KiB, so less than that refuses all. Requests beyond it fail with STRATA_OUT_OF_MEMORY; what is above it stays. */
STRATA_API void strata_set_memory_limit(uint64_t bytes) STRATA_NOEXCEPT;
/* The limit in bytes, as it was set; 0: none. */
STRATA_API uint64_t strata_memory_limit(void) STRATA_NOEXCEPT;

/* --- Heaps --------------------------------------------------------------------------------------------------------------------------- */

/* Memory apart from the process' own: with a limit, measured, and given back whole. Any thread may use a heap; destroying and resetting it are
 * for when no other thread does. strata_free, strata_realloc and strata_usable_size take its blocks, too.
 *
 * NULL as `heap` is STRATA_INVALID_ARGUMENT. A heap that was destroyed is STRATA_INVALID_HEAP as long as no other one lies in its place, and
 * so is what never was one. Blocks of a destroyed heap that are freed are corruption reports as long as their memory has no other use. */
typedef struct strata_heap strata_heap;

typedef enum strata_heap_strategy {
  STRATA_HEAP_SIZE_CLASS = 0, /* as the process' allocator: fast, up to an eighth of a block is rounding */
  STRATA_HEAP_BEST_FIT = 1,   /* the smallest free place that is large enough: dense, slower */
  STRATA_HEAP_ARENA = 2       /* one block behind the other: single blocks are not given back, all of them by a reset */
} strata_heap_strategy;

typedef struct strata_heap_options {
  size_t struct_bytes;
  const char* name; /* for statistics; the first 63 bytes are copied, NULL is "" */
  strata_heap_strategy strategy;
  uint64_t limit_bytes; /* most bytes of memory for blocks, in whole 64 KiB; 0: no limit. The heap's records come on top */
} strata_heap_options;
#define STRATA_HEAP_OPTIONS_INIT \
  { sizeof(strata_heap_options), "", STRATA_HEAP_SIZE_CLASS, 0 }

/* Makes a heap, which the caller destroys. NULL as `options`: STRATA_HEAP_OPTIONS_INIT. It takes 64 KiB of address space at once.
 * NULL: STRATA_OUT_OF_MEMORY, STRATA_STRUCT_SIZE, or STRATA_INVALID_ARGUMENT for a strategy that does not exist. */
STRATA_API strata_heap* strata_heap_create(const strata_heap_options* options) STRATA_NOEXCEPT STRATA_MUST_USE;
/* Gives all its memory back, blocks in use or not, in a time by the number of its spans, not of its blocks. NULL is allowed.
 * REQUIRES: no other thread uses the heap or a block of it. */
STRATA_API void strata_heap_destroy(strata_heap* heap) STRATA_NOEXCEPT;

/* The following four are as the functions of the same names without a heap, errors too, with memory of the heap: beyond its limit they fail
 * with STRATA_OUT_OF_MEMORY. */

/* A block of `bytes`, of any contents. */
STRATA_API void* strata_heap_malloc(strata_heap* heap, size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(2);
/* A block of `count` times `bytes`, zeroed. */
STRATA_API void* strata_heap_calloc(strata_heap* heap, size_t count, size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(2, 3);
/* A block at a multiple of `alignment`, any power of two. */
STRATA_API void* strata_heap_aligned_alloc(strata_heap* heap, size_t alignment, size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(3);
/* Makes a block of this heap `bytes` long, moving it if it has to. NULL as `block`: as strata_heap_malloc. A block that is not of this heap is
 * STRATA_WRONG_HEAP, memory of others STRATA_INVALID_POINTER, and nothing happens; an address in this heap at which no block begins is
 * STRATA_INVALID_POINTER and a corruption report. */
STRATA_API void* strata_heap_realloc(strata_heap* heap, void* block, size_t bytes) STRATA_NOEXCEPT STRATA_MUST_USE;
/* Frees a block of this heap. NULL as `block` is allowed. Other blocks and memory of others as above; an address in this heap at which no block
 * begins is a corruption report. In an arena only blocks of more than 64 KiB are freed, the others stay in use until a reset. */
STRATA_API void strata_heap_free(strata_heap* heap, void* block) STRATA_NOEXCEPT;
/* Frees all blocks at once; the heap stays, with its name and limit. REQUIRES: no other thread uses the heap or a block of it. */
STRATA_API strata_status strata_heap_reset(strata_heap* heap) STRATA_NOEXCEPT;

/* Whether memory is of this heap: true for every address in the first 64 KiB of a block in use of it, false for all others', and for what is
 * no heap; what lies behind that, and freed blocks of it, may be either. Takes no lock. */
STRATA_API bool strata_heap_owns(const strata_heap* heap, const void* block) STRATA_NOEXCEPT;
/* Valid as long as the heap; "" for what is no heap. */
STRATA_API const char* strata_heap_name(const strata_heap* heap) STRATA_NOEXCEPT;

typedef struct strata_usage {
  size_t struct_bytes;
  uint64_t used_bytes;   /* of blocks in use, as they were rounded */
  uint64_t held_bytes;   /* of memory that holds blocks */
  uint64_t limit_bytes;  /* of it, as it was set; 0: none */
  uint64_t record_bytes; /* the heap's own records, beside that */
  uint64_t used_blocks;
  uint64_t refused; /* requests that got no memory since the heap was created */
} strata_usage;

/* Fills `out` with what the heap holds now; exact. NULL as `out` is STRATA_INVALID_ARGUMENT, struct_bytes not set STRATA_STRUCT_SIZE. */
STRATA_API strata_status strata_heap_usage(const strata_heap* heap, strata_usage* out) STRATA_NOEXCEPT;

/* --- Walk ---------------------------------------------------------------------------------------------------------------------------- */

/* A stretch of the allocator's memory: a block, in use or free, or memory that is not cut into blocks. */
typedef enum strata_block_flags {
  STRATA_BLOCK_LARGE = 1,        /* slices of its own */
  STRATA_BLOCK_FREE_RANGE = 2,   /* slices that nothing uses */
  STRATA_BLOCK_UNMADE = 4,       /* where blocks were never made; one stretch */
  STRATA_BLOCK_TAIL = 8,         /* the end of a span, too short for a block */
  STRATA_BLOCK_RECORDS = 16,     /* the allocator's own: neither free nor the program's */
  STRATA_BLOCK_HEAP = 32,        /* of a heap of strata_heap_create */
  STRATA_BLOCK_RECYCLED = 64,    /* in a span of several sizes */
  STRATA_BLOCK_APPROXIMATE = 128 /* of another running thread: whether it is free may have changed */
} strata_block_flags;

typedef struct strata_block {
  size_t size;      /* in bytes, to the next stretch */
  size_t alignment; /* the largest power of two of which start_address is a multiple */
  bool is_free;
  const void* start_address;
  void* user_ptr;   /* what the program was given; NULL if it is free, or the allocator's */
  uint32_t flags;   /* strata_block_flags */
  const void* next; /* start of the stretch behind it; NULL: none */
  const void* prev; /* of the one before it; NULL: none */
} strata_block;

/* False ends the walk. Of this library it may call strata_owns and strata_heap_owns alone: the locks are held. Must not throw. The structure is valid during
 * the call, and may be longer in later versions. */
typedef bool (*strata_block_visitor)(const strata_block* block, void* context);
/* Visits all memory the library ever used, by ascending address and without a gap: the process' and all heaps'. `context` is passed on. Takes
 * no memory; threads that need slices wait meanwhile. NULL as `visitor` is STRATA_INVALID_ARGUMENT. */
STRATA_API strata_status strata_walk_blocks(strata_block_visitor visitor, void* context) STRATA_NOEXCEPT;

/* --- Statistics ---------------------------------------------------------------------------------------------------------------------- */

/* What the library holds of the system, now: counters alone, for programs that ask often. Memory is taken from the system and counted by slices of
 * 64 KiB. Large blocks' last pages, and blocks that were never touched, may not be resident. */
typedef struct strata_held_memory {
  size_t struct_bytes;
  uint64_t reserved_bytes;      /* address space */
  uint64_t committed_bytes;     /* of it made usable; pages come when they are touched first */
  uint64_t in_use_bytes;        /* slices that hold blocks, or are kept for new ones, or hold records */
  uint64_t dirty_free_bytes;    /* free slices whose pages are still resident, soon given back */
  uint64_t purged_in_use_bytes; /* pages between blocks that were given back: of in_use_bytes, but not resident */
  uint64_t purged_bytes;        /* given back to the system since the start */
  uint64_t purge_calls;
  uint64_t purge_failures;
  uint64_t map_bytes;              /* records beside the slices */
  uint64_t limit_bytes;            /* strata_set_memory_limit; 0: none */
  uint64_t refused;                /* requests for slices that the limit refused */
  uint64_t resident_at_most_bytes; /* no more than that is resident for the library */
} strata_held_memory;

/* Fills `out`. NULL as `out` is STRATA_INVALID_ARGUMENT, struct_bytes not set STRATA_STRUCT_SIZE. Takes no memory. */
STRATA_API strata_status strata_memory_held(strata_held_memory* out) STRATA_NOEXCEPT;

/* Of the process' allocator and all heaps, now. Memory is taken from the system and counted by slices of 64 KiB. What is said of slices, large
 * blocks and heaps is exact; blocks that other threads keep at hand for new requests count as used. Costs a look at every slice ever used,
 * while threads that need slices wait. */
typedef struct strata_statistics {
  size_t struct_bytes;
  uint64_t in_use_bytes;   /* slices that hold blocks, or are kept for new ones, or hold records */
  uint64_t metadata_bytes; /* the allocator's own records */
  uint64_t used_bytes;     /* of blocks in use, as they were rounded */
  uint64_t used_blocks;
  double fragmentation;  /* the share of the slices for blocks that holds no block in use: 0 to 1 */
  uint64_t large_blocks; /* of more than 64 KiB */
  uint64_t large_bytes;  /* of their slices */
  uint64_t large_requested_bytes;
  uint64_t recycled_spans; /* cut up for several sizes */
  uint64_t recycled_used_bytes;
  uint64_t granule_spans; /* of heaps by best fit, and of arenas */
  uint64_t granule_used_bytes;
  /* Since the start, of all heaps, destroyed ones too: by the batches in which they take blocks from spans and give them back. */
  uint64_t blocks_taken;
  uint64_t bytes_taken;
  uint64_t blocks_returned;
  uint64_t bytes_returned;
  uint64_t refills;      /* the batches taken */
  uint64_t threads;      /* that have a heap now: have taken memory, and run */
  uint64_t thread_heaps; /* ever made; those of ended threads wait for new ones */
  uint64_t shared_heaps; /* of strata_heap_create */
} strata_statistics;

/* Fills `out`. NULL as `out` is STRATA_INVALID_ARGUMENT, struct_bytes not set STRATA_STRUCT_SIZE. Takes no memory. */
STRATA_API strata_status strata_memory_statistics(strata_statistics* out) STRATA_NOEXCEPT;

#define STRATA_OCCUPANCY_BINS 8

/* Spans are runs of slices cut into blocks of one size. */
typedef struct strata_class_statistics {
  uint64_t block_bytes;
  uint64_t spans;
  uint64_t capacity;    /* blocks */
  uint64_t carved;      /* of them made so far */
  uint64_t used;        /* of them in use */
  double fragmentation; /* the share of the capacity that is not in use: 0 to 1 */
  /* Spans by the share of their blocks that is not free: [0, 1/8), ... [7/8, 1]. */
  uint32_t occupancy[STRATA_OCCUPANCY_BINS];
  uint64_t recoverable_spans; /* which could go if the blocks in use were moved together */
} strata_class_statistics;

/* False ends the visit. The structure is valid during the call, and may be longer in later versions. May call this library; must not throw. */
typedef bool (*strata_class_visitor)(const strata_class_statistics* size_class, void* context);
/* Visits the size classes that have spans, the smallest first, as they were when the visit began. NULL as `visitor` is
 * STRATA_INVALID_ARGUMENT. Takes no memory but 12 KiB of stack. */
STRATA_API strata_status strata_visit_size_classes(strata_class_visitor visitor, void* context) STRATA_NOEXCEPT;

typedef struct strata_heap_statistics {
  uint64_t id;       /* unique among heaps of threads, and among those of strata_heap_create */
  bool is_of_thread; /* else of strata_heap_create */
  bool is_in_use;    /* heaps of threads that have ended wait for the next thread */
  strata_heap_strategy strategy;
  const char* name;     /* "" of threads */
  uint64_t spans;       /* large ones are of no thread's heap */
  uint64_t held_bytes;  /* of their slices */
  uint64_t used_bytes;  /* of blocks in use in them */
  uint64_t limit_bytes; /* 0: none */
} strata_heap_statistics;

/* As strata_class_visitor. */
typedef bool (*strata_heap_visitor)(const strata_heap_statistics* heap, void* context);
/* Visits the heaps, those of threads first, as they were when the visit began. NULL as `visitor` is STRATA_INVALID_ARGUMENT. Takes memory for
 * the time of the visit; STRATA_OUT_OF_MEMORY: there is none, nothing was visited. */
STRATA_API strata_status strata_visit_heaps(strata_heap_visitor visitor, void* context) STRATA_NOEXCEPT;

#ifdef __cplusplus
}
#endif
/* NOLINTEND(readability-identifier-naming,modernize-use-using,modernize-deprecated-headers) */
#endif
