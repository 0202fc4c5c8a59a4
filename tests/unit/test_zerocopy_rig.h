/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the zero-copy engine share: one engine a test, whose blocks wait for the host's
 * own task unless a test restarts it with another configuration.
 *
 * Names of tests begin with the rule they prove (docs/engines/zerocopy.md lists Z1..Z13).
 */
#ifndef TEST_ZEROCOPY_RIG_H
#define TEST_ZEROCOPY_RIG_H

#include "vt_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vt_zerocopy.h"

#define TASK VDEV_ZEROCOPY_TASK
#define RESPONSE VDEV_ZEROCOPY_RESPONSE
#define WAKE VDEV_ZEROCOPY_WAKE
#define OVER VZ_OVER

static struct vt_zerocopy rig;

static inline int setup(void **state)
{
	*state = &rig;
	return vz_init(&rig, VDEV_ZEROCOPY_UNTIL_TASK);
}

static inline int teardown(void **state)
{
	return vz_end(*state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Another configuration than the rig's: the engine is made anew. */
static inline void restart(struct vt_zerocopy *t, struct vdev_zerocopy_config config)
{
	assert_int_equal(vz_end(t), 0);
	assert_int_equal(vz_init_with(t, &config), 0);
}

static inline void restart_until(struct vt_zerocopy *t, uint32_t until)
{
	restart(t, (struct vdev_zerocopy_config){.until = until});
}

/* A block that is lent, whether or not its deadline is the earliest now. */
static inline void lend(struct vt_zerocopy *t, char letter)
{
	assert_int_equal(vz_reserve(t, letter), VDEV_ZEROCOPY_LEND);
	assert_int_equal(vz_sent(t, letter) & ~WAKE, 0);
}

/* Its pages are replaced, the late consumer has not let go. */
static inline void quarantine(struct vt_zerocopy *t, char letter)
{
	lend(t, letter);
	assert_int_equal(vz_reclaim(t, letter, VDEV_ZEROCOPY_DEFAULT), 1);
	vz_drain(t);
	assert_int_equal(vz_info(t, letter).state, VDEV_ZEROCOPY_QUARANTINED);
}

static inline uint64_t id_of(struct vt_zerocopy *t, char letter)
{
	return t->block[(unsigned char)letter].id;
}

static inline void expect_state(struct vt_zerocopy *t, char letter, uint32_t state)
{
	assert_string_equal(vdev_zerocopy_state_name(vz_info(t, letter).state),
			    vdev_zerocopy_state_name(state));
}

/* Nothing is in flight or in quarantine, and nothing is to be done. */
static inline void expect_nothing(struct vt_zerocopy *t)
{
	struct vdev_zerocopy_stats s = vz_stats(t);

	assert_string_equal(vz_drain(t), "");
	assert_int_equal(s.blocks | s.bytes, 0);
	assert_int_equal(s.quarantined_blocks | s.quarantined_bytes, 0);
	assert_int_equal(s.operations, 0);
}

#endif
