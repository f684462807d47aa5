#pragma once

// Names for clang's thread-safety attributes: which lock guards what, checked at compile time (-Wthread-safety). Empty for other
// compilers.
#if defined(__clang__)
#define STRATA_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define STRATA_THREAD_ATTRIBUTE(x)
#endif

#define STRATA_CAPABILITY(name) STRATA_THREAD_ATTRIBUTE(capability(name))
#define STRATA_SCOPED_CAPABILITY STRATA_THREAD_ATTRIBUTE(scoped_lockable)
#define STRATA_GUARDED_BY(lock) STRATA_THREAD_ATTRIBUTE(guarded_by(lock))
#define STRATA_REQUIRES(...) STRATA_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define STRATA_EXCLUDES(...) STRATA_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define STRATA_ACQUIRE(...) STRATA_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define STRATA_TRY_ACQUIRE(...) STRATA_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define STRATA_RELEASE(...) STRATA_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define STRATA_RETURN_CAPABILITY(x) STRATA_THREAD_ATTRIBUTE(lock_returned(x))
#define STRATA_ASSERT_HELD(...) STRATA_THREAD_ATTRIBUTE(assert_capability(__VA_ARGS__))
// For functions whose locking the analysis can not follow (a set of locks chosen at run time); say why at each use.
#define STRATA_NO_THREAD_SAFETY_ANALYSIS STRATA_THREAD_ATTRIBUTE(no_thread_safety_analysis)
