#pragma once

#include <gtest/gtest.h>

// For tests that ask for several OpenMP threads: ThreadSanitizer does not see libgomp's barriers and reports races that
// are none.
#ifdef __SANITIZE_THREAD__
#define SLUICE_NEEDS_OPENMP_THREADS() GTEST_SKIP() << "ThreadSanitizer does not understand libgomp's barriers"
#else
#define SLUICE_NEEDS_OPENMP_THREADS() static_cast<void>(0)
#endif
