/* pool.h as a program in C sees it: compiled as C11 with all warnings, linked with the library and run by the tests. */
#include "engine/api/pool.h"

#include <string.h>

static bool count(strata_pool* pool, void* context) {
  unsigned* pools = context;
  *pools += pool != NULL;
  return true;
}

int main(void) {
  strata_pool_options options = STRATA_POOL_OPTIONS_INIT;
  options.name = "numbers";
  options.kind = STRATA_POOL_FIXED;
  options.block_bytes = sizeof(double);
  options.alignment = 8;
  options.max_bytes = 1 << 20;
  strata_pool* pool = NULL;
  if (strata_pool_create(&options, &pool) != STRATA_OK) return 1;
  double* number = strata_pool_malloc(pool, sizeof *number);
  if (number == NULL || !strata_pool_owns(pool, number)) return 2;
  strata_pool_info info;
  memset(&info, 0, sizeof info);
  info.struct_bytes = sizeof info;
  if (strata_pool_get_info(pool, &info) != STRATA_OK || info.block_count != 1 || info.used_size != sizeof *number) return 3;
  if (info.first_block != number || info.lock_mode != STRATA_POOL_LOCKED || (info.flags & STRATA_POOL_LIMITED) == 0) return 4;
  if (strcmp(info.name, "numbers") != 0 || strata_pool_find("numbers") != pool) return 5;
  strata_pool_free(pool, number);

  options = (strata_pool_options)STRATA_POOL_OPTIONS_INIT;
  options.kind = (strata_pool_kind)77;
  strata_pool* none = pool;
  if (strata_pool_create(&options, &none) != STRATA_INVALID_ARGUMENT || none != NULL) return 6;
  options.kind = STRATA_POOL_ARENA;
  options.lock = STRATA_POOL_UNLOCKED;
  strata_pool* arena = NULL;
  if (strata_pool_create(&options, &arena) != STRATA_OK) return 7;
  strata_pool_mark mark;
  if (strata_pool_set_mark(arena, &mark) != STRATA_OK || strata_pool_malloc(arena, 100) == NULL) return 8;
  if (strata_pool_roll_back(arena, &mark) != STRATA_OK) return 9;

  unsigned pools = 0;
  if (strata_visit_pools(count, &pools) != STRATA_OK || pools != 2) return 10;
  if (strata_pool_select(8, 8, STRATA_POOL_BEST_FIT) != pool) return 11;
  if (strata_pool_select(8, 8, (strata_pool_selection)77) != NULL) return 12;
  strata_pool_destroy(arena);
  strata_pool_destroy(pool);
  if (strata_pool_malloc(pool, 1) != NULL || strata_last_error()->status != STRATA_INVALID_POOL) return 13;
  return 0;
}
