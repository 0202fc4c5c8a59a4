/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the removal engine share: one engine a test, with the COARSE sets so that the
 * texts stay short, or the FULL ones where the steps themselves are the point.
 *
 * Names of tests begin with the rule they prove (docs/engines/removal.md lists R1..R17).
 */
#ifndef TEST_REMOVAL_RIG_H
#define TEST_REMOVAL_RIG_H

#include "vt_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vt_removal.h"

static struct vt_removal rig;

static inline int setup_coarse(void **state)
{
	*state = &rig;
	return vt_removal_init(&rig, VDEV_REMOVAL_COARSE);
}

static inline int setup_full(void **state)
{
	*state = &rig;
	return vt_removal_init(&rig, 0);
}

static inline int teardown(void **state)
{
	return vt_removal_end(*state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_coarse, teardown)
#define TEST_FULL(name) cmocka_unit_test_setup_teardown(name, setup_full, teardown)

/* What follows an acknowledgement or HIDE for the only unit `a`, without the flags of the last word. */
#define GONE_A "HIDE:aL TEARDOWN:a RELEASE:a REMOVED:aFG"
#define ACKED_A "HIDE:aL ACKED:a TEARDOWN:a RELEASE:a REMOVED:aFG"

/* Another configuration than the rig's: the engine is made anew. */
static inline void reconfigure(struct vt_removal *t, struct vdev_removal_config config)
{
	assert_int_equal(vt_removal_end(t), 0);
	config.struct_size = sizeof(config);
	config.max_units = config.max_units ? config.max_units : 100;
	assert_int_equal(vt_removal_init_with(t, &config), 0);
}

#endif
