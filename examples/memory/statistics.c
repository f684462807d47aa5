/* What the allocator holds, before and after a program gives memory back; and what a failure looks like. */
#include <stdio.h>
#include <strata/strata.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)

static strata_held_memory held(void) {
  strata_held_memory now;
  now.struct_bytes = sizeof now;
  if (strata_memory_held(&now) != STRATA_OK) fprintf(stderr, "%s\n", strata_last_error()->text);
  return now;
}

static void tell_error(const strata_error* error) {
  printf("%s failed: %s (%s)\n", error->function, strata_status_text(error->status), error->text);
}

int main(void) {
  printf("library of this header's version: %s\n", strata_version() == STRATA_VERSION ? "yes" : "no");

  char* block = strata_malloc(32 * MIB);
  if (block == NULL) return 1;
  memset(block, 1, 32 * MIB);
  printf("in use with a block of 32 MiB: %llu MiB\n", (unsigned long long)(held().in_use_bytes / MIB));

  /* Free memory stays resident for a while, in case it is needed again; a purge gives it back now. */
  strata_free(block);
  printf("free and resident after its end: %llu MiB\n", (unsigned long long)(held().dirty_free_bytes / MIB));
  strata_purge();
  printf("after a purge: %llu MiB\n", (unsigned long long)(held().dirty_free_bytes / MIB));

  /* A limit makes requests fail that would go beyond it. */
  strata_set_error_callback(tell_error);
  strata_set_memory_limit(8 * MIB);
  block = strata_malloc(16 * MIB);
  printf("16 MiB with a limit of 8 MiB: %s\n", block == NULL ? "refused" : "given");
  strata_free(block);
  return 0;
}
