/* Look-aside: the program asks the cache, and the source where the cache has nothing; whoever changes the source removes the key. */
#include <stdio.h>
#include <strata/cache.h>
#include <string.h>

/* Stands for a database of one row. */
static char source[32] = "Anna";
static int questions = 0;

static const strata_cache_key name_of_user_7 = {{"user:7:name", 11}, 0};

static void print_name(strata_cache* cache) {
  char name[32];
  size_t size = 0;
  if (strata_cache_copy(cache, name_of_user_7, name, sizeof name, &size) != STRATA_OK) {
    ++questions;
    size = strlen(source);
    memcpy(name, source, size);
    /* add, not put: another thread may have stored something newer meanwhile. */
    (void)strata_cache_add(cache, name_of_user_7, (strata_bytes){name, size}, 60000);
  }
  printf("%.*s, after %d questions to the source\n", (int)size, name, questions);
}

int main(void) {
  strata_cache_config config = STRATA_CACHE_CONFIG_INIT;
  config.cache_size = 16 << 20;
  strata_cache* cache = NULL;
  const strata_status status = strata_cache_create(&config, &cache);
  if (status != STRATA_OK) {
    fprintf(stderr, "no cache: %s\n", strata_status_text(status));
    return 1;
  }
  print_name(cache);
  print_name(cache);
  strcpy(source, "Berta");
  (void)strata_cache_remove(cache, name_of_user_7);
  print_name(cache);
  strata_cache_destroy(cache);
  return 0;
}
