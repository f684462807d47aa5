/* The header as a program in C sees it: compiled as C11 with all warnings, linked with the library and run by the tests. */
#include "engine/api/strata.h"

#include <stdio.h>

int main(void) {
  int* numbers = strata_calloc(100, sizeof *numbers);
  if (numbers == NULL || numbers[99] != 0) return 1;
  numbers = strata_realloc(numbers, 200 * sizeof *numbers);
  if (numbers == NULL || !strata_owns(numbers) || strata_usable_size(numbers) < 200 * sizeof *numbers) return 2;
  strata_free_sized(numbers, 200 * sizeof *numbers);
  if (strata_aligned_alloc(3, 1) != NULL || strata_last_error()->status != STRATA_INVALID_ALIGNMENT) return 3;
  if (strata_version() != STRATA_VERSION) return 4;
  strata_heap_options options = STRATA_HEAP_OPTIONS_INIT;
  strata_heap* heap = strata_heap_create(&options);
  if (heap == NULL || !strata_heap_owns(heap, strata_heap_malloc(heap, 10))) return 5;
  strata_heap_destroy(heap);
  options.strategy = (strata_heap_strategy)77;
  if (strata_heap_create(&options) != NULL || strata_last_error()->status != STRATA_INVALID_ARGUMENT) return 6;
  printf("%s: %s\n", strata_version_text(), strata_status_text(strata_last_error()->status));
  return 0;
}
