#include "engine/api/strata.h"

// Digits of a macro's value.
#define STRATA_DIGITS_OF(value) #value
#define STRATA_DIGITS(value) STRATA_DIGITS_OF(value)

uint32_t strata_version(void) noexcept { return STRATA_VERSION; }

const char* strata_version_text(void) noexcept {
  return STRATA_DIGITS(STRATA_VERSION_MAJOR) "." STRATA_DIGITS(STRATA_VERSION_MINOR) "." STRATA_DIGITS(STRATA_VERSION_PATCH);
}
