/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Put before each source of test_irqhint_loads by -include: every atomic load of the thread is counted. So the code is
 * the library's own, untouched, and none can be forgotten.
 */
#ifndef COUNT_LOADS_H
#define COUNT_LOADS_H

#include <stdatomic.h>

extern _Thread_local unsigned long long counted_loads;

#undef atomic_load_explicit
#ifdef __clang__
#define atomic_load_explicit(from, order) (counted_loads++, __c11_atomic_load(from, order))
#else
#define atomic_load_explicit(from, order) (counted_loads++, __atomic_load_n(from, order))
#endif

#endif
