/* A heap of one's own: limited, measured, walked, and given back whole. */
#include <stdio.h>
#include <strata/strata.h>
#include <string.h>

typedef struct {
  size_t blocks;
  size_t bytes;
} totals;

/* Called for every stretch of memory of the process' allocator and of all heaps. It must not allocate. */
static bool count_heap_blocks(const strata_block* block, void* context) {
  totals* sum = context;
  if ((block->flags & STRATA_BLOCK_HEAP) != 0 && block->user_ptr != NULL) {
    ++sum->blocks;
    sum->bytes += block->size;
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
  printf("in use: %llu blocks of %llu bytes\n", (unsigned long long)usage.used_blocks, (unsigned long long)usage.used_bytes);

  totals sum = {0, 0};
  if (strata_walk_blocks(count_heap_blocks, &sum) != STRATA_OK) return 1;
  printf("found by the walk: %zu blocks of %zu bytes\n", sum.blocks, sum.bytes);

  /* The limit is the heap's own: the process goes on. */
  void* large = strata_heap_malloc(heap, 2 << 20);
  printf("2 MiB: %s\n", large == NULL ? strata_status_text(strata_last_error()->status) : "given");

  /* Blocks can be freed one by one, but need not be. */
  strata_heap_free(heap, notes);
  strata_heap_destroy(heap);
  return 0;
}
