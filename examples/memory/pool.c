/* Pools: objects of one size, pieces of any size, and an arena with marks; found by name, cleaned up, and told of. */
#include <stdio.h>
#include <strata/pool.h>

typedef struct session {
  unsigned number;
  char user[28];
} session;

/* Called for every pool, the oldest first. */
static bool tell(strata_pool* pool, void* context) {
  (void)context;
  strata_pool_info info;
  info.struct_bytes = sizeof info;
  if (strata_pool_get_info(pool, &info) != STRATA_OK) return false;
  printf("%s: %llu blocks in use, %s\n", info.name, (unsigned long long)info.block_count,
         (info.flags & STRATA_POOL_LIMITED) != 0 ? "limited" : "not limited");
  return true;
}

int main(void) {
  strata_pool* sessions = NULL;
  strata_pool* requests = NULL;
  strata_pool_options options = STRATA_POOL_OPTIONS_INIT;
  options.name = "sessions";
  options.kind = STRATA_POOL_FIXED;
  options.block_bytes = sizeof(session);
  options.max_bytes = 1 << 20;
  options.shrink_after_rounds = 2;
  if (strata_pool_create(&options, &sessions) != STRATA_OK) return 1;

  options = (strata_pool_options)STRATA_POOL_OPTIONS_INIT;
  options.name = "requests";
  options.kind = STRATA_POOL_ARENA;
  options.lock = STRATA_POOL_UNLOCKED; /* this thread's own */
  if (strata_pool_create(&options, &requests) != STRATA_OK) return 1;

  /* As many as the maximum allows. */
  session* last = NULL;
  unsigned opened = 0;
  for (session* next = NULL; (next = strata_pool_malloc(sessions, sizeof *next)) != NULL; last = next) next->number = opened++;
  printf("opened more than 30000 sessions: %s; then: %s\n", opened > 30000 ? "yes" : "no",
         strata_status_text(strata_last_error()->status));
  printf("the last one is a block of the pool: %s\n", strata_pool_owns(sessions, last) ? "yes" : "no");

  /* What one request needs is free again at its end, at once. */
  strata_pool_mark mark;
  if (strata_pool_malloc(requests, 100) == NULL || strata_pool_set_mark(requests, &mark) != STRATA_OK) return 1;
  for (int count = 0; count < 1000; ++count) {
    if (strata_pool_malloc(requests, 500) == NULL) return 1;
  }
  if (strata_pool_roll_back(requests, &mark) != STRATA_OK) return 1;
  if (strata_visit_pools(tell, NULL) != STRATA_OK) return 1;

  /* A timer would call this: memory that was not needed for two rounds goes back. */
  if (strata_pool_find("sessions") != sessions || strata_pool_reset(sessions) != STRATA_OK) return 1;
  const uint64_t first = strata_pools_cleanup(0);
  const uint64_t second = strata_pools_cleanup(0);
  printf("given back by the first cleanup: %llu KiB, by the second: %llu KiB\n", (unsigned long long)first / 1024,
         (unsigned long long)second / 1024);

  strata_pool_destroy(requests);
  strata_pool_destroy(sessions);
  return 0;
}
