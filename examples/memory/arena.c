/* An arena: memory for one piece of work, taken block behind block and freed all at once. */
#include <stdio.h>
#include <strata/strata.h>
#include <string.h>

typedef struct word {
  struct word* next;
  char text[];
} word;

/* The words of a line, in reverse. Nobody has to free them one by one. */
static word* split(strata_heap* arena, const char* line) {
  word* first = NULL;
  while (*line != '\0') {
    const size_t length = strcspn(line, " ");
    word* found = strata_heap_malloc(arena, sizeof *found + length + 1);
    if (found == NULL) return NULL;
    memcpy(found->text, line, length);
    found->text[length] = '\0';
    found->next = first;
    first = found;
    line += length;
    line += strspn(line, " ");
  }
  return first;
}

int main(void) {
  static const char* const lines[] = {"to be or not to be", "that is the question"};
  strata_heap_options options = STRATA_HEAP_OPTIONS_INIT;
  options.name = "lines";
  options.strategy = STRATA_HEAP_ARENA;
  strata_heap* arena = strata_heap_create(&options);
  if (arena == NULL) return 1;

  strata_usage usage;
  usage.struct_bytes = sizeof usage;
  for (size_t line = 0; line < sizeof lines / sizeof *lines; ++line) {
    for (const word* each = split(arena, lines[line]); each != NULL; each = each->next) printf("%s ", each->text);
    if (strata_heap_usage(arena, &usage) != STRATA_OK) return 1;
    printf("(%llu blocks)\n", (unsigned long long)usage.used_blocks);
    /* The memory is used again for the next line. */
    if (strata_heap_reset(arena) != STRATA_OK) return 1;
  }
  strata_heap_destroy(arena);
  return 0;
}
