/* Strata's memory engine as a C library: a general-purpose allocator that stands beside malloc, heaps of one's own, statistics, and a walk
 * over every block. C11 and C++17. Link with libstrata (pkg-config strata, or find_package(Strata) and Strata::strata). The library exports
 * strata_* symbols only and does not replace malloc; libstrata_malloc does that.
 *
 * Units: sizes and limits are in bytes. Ownership: who takes a block frees it; texts belong to the library, live as long as the process, and
 * are never NULL. Thread safety: every function, from any thread, unless it says otherwise.
 *
 * Errors: nothing here throws or ends the program. A function that fails returns NULL or a status other than STRATA_OK and leaves what it
 * was given as it was; strata_last_error() then says more. errno is not part of the interface and may change.
 *
 * Structures that may grow begin with `struct_bytes`, to be set to sizeof of the structure by the caller: so programs and libraries of
 * different versions understand each other. */
#ifndef STRATA_STRATA_H
#define STRATA_STRATA_H

/* NOLINTBEGIN(readability-identifier-naming,modernize-use-using,modernize-deprecated-headers): names and language are those of C */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define STRATA_API __attribute__((visibility("default")))
#define STRATA_ALLOCATES(...) __attribute__((malloc, warn_unused_result, alloc_size(__VA_ARGS__)))
#define STRATA_MUST_USE __attribute__((warn_unused_result))
#else
#define STRATA_API
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
  STRATA_WRONG_HEAP = 8         /* a block, but not of this heap */
} strata_status;

/* "out of memory" and the like; "unknown status" for numbers that are none. */
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
STRATA_API void strata_clear_error(void) STRATA_NOEXCEPT;

/* Called at every failure by the thread that failed, before the function returns and with no lock held; `error` is valid during the call.
 * May call this library: failures inside the callback are recorded but not called back again. Must not throw. One for the process, as
 * misuse and lack of memory are the process' matter: a callback that needs a context has it in variables of its own. */
typedef void (*strata_error_callback)(const strata_error* error);
/* NULL: none, as at the start. Returns the one that was there. */
STRATA_API strata_error_callback strata_set_error_callback(strata_error_callback callback) STRATA_NOEXCEPT;

/* Misuse of memory that was noticed when a block was freed. */
typedef enum strata_corruption_kind {
  STRATA_CORRUPTION_INVALID_FREE = 1, /* not the start of a block in use */
  STRATA_CORRUPTION_FOREIGN_FREE = 2, /* not from this library at all */
  STRATA_CORRUPTION_DOUBLE_FREE = 3,
  STRATA_CORRUPTION_OTHER = 4 /* of a kind that this header does not name; `text` does */
} strata_corruption_kind;

typedef struct strata_corruption {
  strata_corruption_kind kind;
  const char* text;
  const void* address; /* what the program gave */
  const void* block;   /* the start of the block it lies in; NULL: none */
  size_t block_bytes;  /* of that block; 0: none */
  uint64_t thread;     /* the kernel's number of the calling thread */
} strata_corruption;

/* Called by the thread that misused the memory; must neither throw nor call this library, for locks may be held. When it returns, the call
 * that misused the memory does nothing. How much is noticed: docs/memory-library.md. */
typedef void (*strata_corruption_callback)(const strata_corruption* report);
/* NULL: a line to standard error for each of the first 16 reports, as at the start. Returns the one that was there. */
STRATA_API strata_corruption_callback strata_set_corruption_callback(strata_corruption_callback callback) STRATA_NOEXCEPT;

/* --- Memory -------------------------------------------------------------------------------------------------------------------------- */

/* Blocks are aligned to 16 bytes, those of 8 bytes or less to 8. A request for 0 bytes gets a block of the smallest size. Any thread may free
 * a block. The functions that return a block return NULL when they fail. */
STRATA_API void* strata_malloc(size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(1);
/* The block is zeroed. */
STRATA_API void* strata_calloc(size_t count, size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(1, 2);
/* `alignment`: any power of two. `bytes` need not be a multiple of it. */
STRATA_API void* strata_aligned_alloc(size_t alignment, size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(2);
/* As realloc, but never frees: 0 bytes make the smallest block. NULL as `block`: as strata_malloc. If it fails the block is as it was. The
 * alignment of strata_aligned_alloc is not kept when the block moves. */
STRATA_API void* strata_realloc(void* block, size_t bytes) STRATA_NOEXCEPT STRATA_MUST_USE;
/* NULL is allowed. What is not a block is a corruption report, where it is noticed. */
STRATA_API void strata_free(void* block) STRATA_NOEXCEPT;
/* As strata_free, for callers that know the size the block was asked for. One that the block cannot have is STRATA_SIZE_MISMATCH, what lies
 * in no block STRATA_INVALID_POINTER, and nothing is freed. */
STRATA_API void strata_free_sized(void* block, size_t bytes) STRATA_NOEXCEPT;
/* How many bytes of the block may be used, at least as many as were asked for; 0 for NULL and for what is not ours. */
STRATA_API size_t strata_usable_size(const void* block) STRATA_NOEXCEPT;
/* Whether this library gave the block out: true for the address of every block in use, false for memory of others. Freed blocks, and
 * addresses inside blocks, may be either. */
STRATA_API bool strata_owns(const void* block) STRATA_NOEXCEPT;

/* To be called by a thread about to wait for long: hands over what it has freed of other threads' blocks. Never necessary. */
STRATA_API void strata_thread_idle(void) STRATA_NOEXCEPT;
/* Gives all free memory that is resident back to the system now. It happens by itself within seconds where memory is not needed again. */
STRATA_API void strata_purge(void) STRATA_NOEXCEPT;
/* Most memory the process takes from the system for blocks, in use or waiting to be given back; 0: no limit, as at the start. Rounded down
 * to 64 KiB. Requests beyond it fail; what is above it already stays. */
STRATA_API void strata_set_memory_limit(uint64_t bytes) STRATA_NOEXCEPT;

/* --- Heaps --------------------------------------------------------------------------------------------------------------------------- */

/* Memory apart from the process' own: with a limit, measured, and given back whole. Any thread may use a heap; destroying and resetting it are
 * for when no other thread does. A block goes back by strata_heap_free, or by strata_free. */
typedef struct strata_heap strata_heap;

typedef enum strata_heap_strategy {
  STRATA_HEAP_SIZE_CLASS = 0, /* as the process' allocator: fast, up to an eighth of a block is rounding */
  STRATA_HEAP_BEST_FIT = 1,   /* the smallest free place that is large enough: dense, slower */
  STRATA_HEAP_ARENA = 2       /* one block behind the other: single blocks are not given back, all of them by a reset */
} strata_heap_strategy;

typedef struct strata_heap_options {
  size_t struct_bytes;
  const char* name; /* for statistics and walks; copied, NULL is "" */
  strata_heap_strategy strategy;
  uint64_t limit_bytes; /* most memory the heap takes from the system, in slices of 64 KiB; 0: no limit */
} strata_heap_options;
#define STRATA_HEAP_OPTIONS_INIT \
  { sizeof(strata_heap_options), "", STRATA_HEAP_SIZE_CLASS, 0 }

/* NULL as `options`: STRATA_HEAP_OPTIONS_INIT. NULL: failed. */
STRATA_API strata_heap* strata_heap_create(const strata_heap_options* options) STRATA_NOEXCEPT STRATA_MUST_USE;
/* Gives all its memory back, blocks in use or not. NULL is allowed. */
STRATA_API void strata_heap_destroy(strata_heap* heap) STRATA_NOEXCEPT;

/* As the functions of the same names without a heap. NULL as `heap` is STRATA_INVALID_ARGUMENT. */
STRATA_API void* strata_heap_malloc(strata_heap* heap, size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(2);
STRATA_API void* strata_heap_calloc(strata_heap* heap, size_t count, size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(2, 3);
STRATA_API void* strata_heap_aligned_alloc(strata_heap* heap, size_t alignment, size_t bytes) STRATA_NOEXCEPT STRATA_ALLOCATES(3);
/* A block that is not of this heap is STRATA_WRONG_HEAP, memory of others STRATA_INVALID_POINTER, and nothing happens. */
STRATA_API void* strata_heap_realloc(strata_heap* heap, void* block, size_t bytes) STRATA_NOEXCEPT STRATA_MUST_USE;
/* NULL as `block` is allowed. Other blocks as above. In an arena it does nothing. */
STRATA_API void strata_heap_free(strata_heap* heap, void* block) STRATA_NOEXCEPT;
/* Frees all blocks at once. The heap stays as it was created. */
STRATA_API strata_status strata_heap_reset(strata_heap* heap) STRATA_NOEXCEPT;

/* Whether the block is of this heap: true for every block in use of it, false for all others'. */
STRATA_API bool strata_heap_owns(const strata_heap* heap, const void* block) STRATA_NOEXCEPT;
/* Valid as long as the heap; "" for NULL. */
STRATA_API const char* strata_heap_name(const strata_heap* heap) STRATA_NOEXCEPT;

typedef struct strata_usage {
  size_t struct_bytes;
  uint64_t used_bytes;  /* of blocks in use, as they were rounded */
  uint64_t held_bytes;  /* taken from the system */
  uint64_t limit_bytes; /* 0: none */
} strata_usage;
#define STRATA_USAGE_INIT \
  { sizeof(strata_usage), 0, 0, 0 }

STRATA_API strata_status strata_heap_usage(const strata_heap* heap, strata_usage* out) STRATA_NOEXCEPT;

/* --- Walk ---------------------------------------------------------------------------------------------------------------------------- */

/* A stretch of the allocator's memory: a block, in use or free, or memory that is not cut into blocks. */
typedef struct strata_block {
  size_t size;      /* in bytes, as rounded */
  size_t alignment; /* of start_address */
  bool is_free;
  const void* start_address;
  void* user_ptr; /* what the program was given; NULL if it is free */
  uint32_t flags;
  const void* next; /* start of the stretch after it, by address; NULL: none */
  const void* prev; /* of the one before it */
} strata_block;

/* False ends the walk. Must not call this library: locks may be held. `block` is valid during the call. */
typedef bool (*strata_block_visitor)(const strata_block* block, void* context);
/* Visits every stretch by ascending address, the process' and all heaps'. What other threads do meanwhile may be seen or not. */
STRATA_API strata_status strata_walk_blocks(strata_block_visitor visitor, void* context) STRATA_NOEXCEPT;

/* --- Statistics ---------------------------------------------------------------------------------------------------------------------- */

/* Of the process' allocator, now. Memory is taken from the system and counted by slices of 64 KiB. */
typedef struct strata_statistics {
  size_t struct_bytes;
  uint64_t reserved_bytes;   /* address space */
  uint64_t committed_bytes;  /* of it made usable; pages come when they are touched first */
  uint64_t in_use_bytes;     /* slices that hold blocks, or that threads keep for new ones */
  uint64_t dirty_free_bytes; /* free slices whose pages are still resident, soon given back */
  uint64_t purged_bytes;     /* given back to the system since the start */
  uint64_t purge_calls;
  uint64_t purge_failures;
  uint64_t metadata_bytes; /* the allocator's own records of slices ever used, beside them */
} strata_statistics;
#define STRATA_STATISTICS_INIT \
  { sizeof(strata_statistics), 0, 0, 0, 0, 0, 0, 0, 0 }

STRATA_API strata_status strata_memory_statistics(strata_statistics* out) STRATA_NOEXCEPT;

#ifdef __cplusplus
}
#endif
/* NOLINTEND(readability-identifier-naming,modernize-use-using,modernize-deprecated-headers) */
#endif
