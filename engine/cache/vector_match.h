#pragma once

// STRATA_VECTOR_MATCH is defined where atomic words that lie side by side may be compared as one vector: each of them is loaded in one on x86.
// The thread sanitizer takes a vector for no atomic load.
#if defined(__SANITIZE_THREAD__)
#define STRATA_SCALAR_MATCH
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STRATA_SCALAR_MATCH
#endif
#endif
#if defined(__SSE2__) && !defined(STRATA_SCALAR_MATCH)
#define STRATA_VECTOR_MATCH
#include <emmintrin.h>
#endif
