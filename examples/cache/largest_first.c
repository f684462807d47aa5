/* A policy of the program's own: of the items that the cache shows the largest goes, unless it begins with "keep:". */
#include <stdio.h>
#include <strata/cache.h>
#include <string.h>

static size_t largest(void* context, const strata_cache_candidate* candidates, size_t count) {
  (void)context;
  size_t chosen = STRATA_CACHE_NONE;
  for (size_t i = 0; i < count; ++i) {
    const strata_bytes key = candidates[i].key;
    if (key.size >= 5 && memcmp(key.data, "keep:", 5) == 0) continue;
    if (chosen == STRATA_CACHE_NONE || candidates[i].item_bytes > candidates[chosen].item_bytes) chosen = i;
  }
  return chosen;
}

static strata_cache_key key_of(const char* text) {
  const strata_cache_key key = {{text, strlen(text)}, 0};
  return key;
}

/* How many of `count` keys are there. */
static int count_keys(strata_cache* cache, const char* kind, int count) {
  int there = 0;
  for (int i = 0; i < count; ++i) {
    char name[32];
    char byte = 0;
    size_t size = 0;
    (void)snprintf(name, sizeof name, "%s:%d", kind, i);
    there += strata_cache_copy(cache, key_of(name), &byte, sizeof byte, &size) == STRATA_OK;
  }
  return there;
}

int main(void) {
  static const char value[8000];
  strata_cache_config config = STRATA_CACHE_CONFIG_INIT;
  config.cache_size = 8 << 20;
  strata_cache* cache = NULL;
  strata_status status = strata_cache_create(&config, &cache);
  /* Too early. */
  if (status == STRATA_OK) printf("%s\n", strata_status_text(strata_cache_set_policy(cache, STRATA_CACHE_CUSTOM)));
  if (status == STRATA_OK) status = strata_cache_set_chooser(cache, largest, NULL);
  /* Enough for one of the large ones to be among them. */
  if (status == STRATA_OK) status = strata_cache_set_samples(cache, 64);
  if (status == STRATA_OK) status = strata_cache_set_policy(cache, STRATA_CACHE_CUSTOM);
  if (status != STRATA_OK) {
    fprintf(stderr, "no cache: %s\n", strata_status_text(status));
    return 1;
  }
  /* 100 large ones that are to stay, 1000 large ones that may go, and 2000 small ones. */
  for (int i = 0; i < 100 + 1000 + 2000; ++i) {
    char name[32];
    const char* const kind = i < 100 ? "keep" : i < 1100 ? "page" : "name";
    (void)snprintf(name, sizeof name, "%s:%d", kind, i < 100 ? i : i < 1100 ? i - 100 : i - 1100);
    const strata_bytes stored = {value, i < 1100 ? sizeof value : 200};
    (void)strata_cache_put(cache, key_of(name), stored, 0);
  }
  printf("pages to keep: %d, names: %d, some pages are gone: %s\n", count_keys(cache, "keep", 100),
         count_keys(cache, "name", 2000), count_keys(cache, "page", 1000) < 1000 ? "yes" : "no");
  strata_cache_destroy(cache);
  return 0;
}
