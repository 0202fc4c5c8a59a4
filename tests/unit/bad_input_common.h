/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tables of bad input of both libraries share. */
#ifndef BAD_INPUT_COMMON_H
#define BAD_INPUT_COMMON_H

#include "vt_test.h"

#include <errno.h>
#include <string.h>

/*
 * Each call that the version map names has exactly one row, and there is no row more: a call that
 * is added without a row fails the test. `rows_of` says how many rows a call has.
 */
void bad_expect_map(const char *map_path, uint32_t (*rows_of)(const char *call), uint32_t rows);

#define EINVAL_OF(call) assert_int_equal((call), -EINVAL)
/*
 * A struct with struct_size first, in a buffer with room behind it: too small, and newer with a tail
 * that is not zero, are refused; newer with a zero tail is what `good` says.
 */
#define EACH_SIZE(type, value, call, good) EACH_SIZE_FROM(sizeof(type), type, value, call, good)
/* The same of a struct that has grown: from `least` on it is one of an older caller, and good. */
#define EACH_SIZE_FROM(least, type, value, call, good)                    \
	do {                                                              \
		struct {                                                  \
			type s;                                           \
			uint8_t tail[64];                                 \
		} big_ = {.s = value};                                    \
		type *in = &big_.s;                                       \
                                                                          \
		for (uint32_t size_ = 0; size_ < sizeof(type); size_++) { \
			big_.s.struct_size = size_;                       \
			if (size_ < (least))                              \
				assert_int_equal((call), -EINVAL);        \
			else                                              \
				assert_true((call) >= 0);                 \
		}                                                         \
		for (uint32_t at_ = 0; at_ < 64; at_++) {                 \
			big_.s.struct_size = sizeof(big_);                \
			big_.tail[at_] = 1;                               \
			assert_int_equal((call), -E2BIG);                 \
			big_.tail[at_] = 0;                               \
		}                                                         \
		if (good)                                                 \
			assert_true((call) >= 0);                         \
	} while (0)

#endif
