/* A heap of one's own: limited, measured, walked, and given back whole. */
#include <stdio.h>
#include <strata/strata.h>
#include <string.h>

typedef struct {
  const strata_heap* heap;
  size_t blocks;
  size_t bytes;
} totals;

/* Called for every stretch of memory of the process' allocator and of all heaps. It must not allocate. */
static bool count_heap_blocks(const strata_block* block, void* context) {
  totals* sum = context;
  if (block->user_ptr != NULL && strata_heap_owns(sum->heap, block->user_ptr)) {
    ++sum->blocks;
    sum->bytes += block->size;
  }
  return true;
}

/* Called for every heap; this one may allocate. */
static bool tell_heap(const strata_heap_statistics* heap, void* context) {
  (void)context;
  if (!heap->is_of_thread) {
    printf("heap \"%s\": limit %llu KiB, %s\n", heap->name, (unsigned long long)heap->limit_bytes / 1024,
           heap->used_bytes <= heap->held_bytes ? "no more used than held" : "miscounted");
  }
  return true;
}

int main(void) {
  strata_heap_options options = STRATA_HEAP_OPTIONS_INIT;
  options.name = "sessions";
  options.limit_bytes = 1 << 20;
  strata_heap* heap = strata_heap_create(&options);
  if (heap == NULL) {
    fprintf(stderr, "%s\n", strata_last_error()->text);
    return 1;
  }

  char* name = strata_heap_malloc(heap, 64);
  char* notes = strata_heap_malloc(heap, 1024);
  if (name == NULL || notes == NULL) return 1;
  strcpy(name, "anna");
  printf("%s is in the heap \"%s\": %s\n", name, strata_heap_name(heap), strata_heap_owns(heap, name) ? "yes" : "no");

  strata_usage usage;
  usage.struct_bytes = sizeof usage;
  if (strata_heap_usage(heap, &usage) != STRATA_OK) return 1;
  /* A block may be larger than it was asked for, and all of it counts. */
  const size_t usable = strata_usable_size(name) + strata_usable_size(notes);
  printf("in use: %llu blocks, %s\n", (unsigned long long)usage.used_blocks,
         usage.used_bytes == usable && usable >= 64 + 1024 ? "with all their bytes" : "miscounted");

  totals sum = {heap, 0, 0};
  if (strata_walk_blocks(count_heap_blocks, &sum) != STRATA_OK) return 1;
  printf("found by the walk: %zu blocks, %s\n", sum.blocks, sum.bytes == usable ? "with all their bytes" : "miscounted");
  if (strata_visit_heaps(tell_heap, NULL) != STRATA_OK) return 1;

  /* The limit is the heap's own: the process goes on. */
  void* large = strata_heap_malloc(heap, 2 << 20);
  printf("2 MiB: %s\n", large == NULL ? strata_status_text(strata_last_error()->status) : "given");

  /* Blocks can be freed one by one, but need not be. */
  strata_heap_free(heap, notes);
  strata_heap_destroy(heap);
  return 0;
}
