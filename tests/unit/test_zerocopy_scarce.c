/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: loading when memory is scarce, and what is put off until there is some again.
 * Suite oom; test_zerocopy_oom has the rest.
 */
#include "test_zerocopy_rig.h"

#include <stdlib.h>

#define MS (VZ_SEC / 1000)

struct saved {
	struct vdev_zerocopy_config config;
	uint32_t flags;
	uint8_t image[16384];
	size_t size;
};

static int load_scenario(struct vt_env *v, void *arg)
{
	const struct saved *s = arg;
	struct vdev_zerocopy *z = NULL;
	int ret = vdev_zerocopy_load(&v->env, &s->config, s->flags, 5 * VZ_SEC, s->image, s->size,
				     &z);

	assert_true(ret ? z == NULL : z != NULL);
	vdev_zerocopy_free(z);
	return ret;
}

/* One of each state, on two queues. */
static void save(struct vt_zerocopy *t, struct saved *s)
{
	assert_int_equal(vz_add_queue(t, 32, VDEV_ZEROCOPY_ADAPTIVE, 0), 0);
	t->block['s'].queue = 1;
	vz_reserve(t, 'r');
	assert_int_equal(vz_lend(t, 's') & VDEV_ZEROCOPY_ANSWER & ~WAKE, 0);
	quarantine(t, 'q');
	lend(t, 'o');
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 'o', VZ_LATER);
	vz_reclaim(t, 'o', 0);
	vz_drain(t);
	s->config = t->config;
	assert_int_equal(vdev_zerocopy_save(t->z, t->now, s->image, sizeof(s->image), &s->size), 0);
}

static void load_where_the_memory_is(void **state)
{
	static struct saved s;

	save(*state, &s);
	s.flags = 0;
	assert_in_range(vt_oom(load_scenario, &s), 10, 40);
}

static void load_where_it_was_copied_to(void **state)
{
	static struct saved s;

	save(*state, &s);
	s.flags = VDEV_ZEROCOPY_COPIED_MEMORY;
	assert_in_range(vt_oom(load_scenario, &s), 10, 40);
}

/* More messages than fit into what operations have at first: each that is lost needs one. */
static void many_that_are_lost(void **state)
{
	static struct saved s;
	struct vt_zerocopy *t = *state;

	for (uint32_t i = 0; i < VZ_SLOTS; i++)
		lend(t, (char)(i + 33));
	s.config = t->config;
	s.flags = VDEV_ZEROCOPY_COPIED_MEMORY;
	assert_int_equal(vdev_zerocopy_save(t->z, t->now, s.image, sizeof(s.image), &s.size), 0);
	assert_in_range(vt_oom(load_scenario, &s), 8, 40);
}

/* One is held for want of memory, another one is due before that is tried again. */
static void held_one_and_an_earlier_deadline(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_block(t, 'b')->timeout_ns = VZ_TIMEOUT + MS;
	vz_block(t, 'c')->timeout_ns = VZ_TIMEOUT + 500 * MS;
	lend(t, 'a');
	lend(t, 'b');
	lend(t, 'c');
	vt_env_fail_next(&t->v, UINT64_MAX);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "");
	expect_state(t, 'a', VDEV_ZEROCOPY_CLAIMED);
	assert_int_equal(vz_due(t), MS); /* b */
	vz_expect(t, vz_pass(t, MS), "");
	assert_int_equal(vz_due(t), 10 * MS); /* once more */
	vt_env_fail_next(&t->v, 0);
	vz_expect(t, vz_pass(t, 10 * MS),
		  "OFFLINE:a OFFLINE:b ACCESSIBLE:a+RECLAIMED ACCESSIBLE:b+RECLAIMED");
}

/* A reset does not end while one is held, and one is not saved that nobody could take up. */
static void held_one_is_in_hand(void **state)
{
	struct vt_zerocopy *t = *state;
	uint8_t image[4096];
	size_t size;

	lend(t, 'a');
	vt_env_fail_next(&t->v, UINT64_MAX);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "");
	assert_int_equal(vdev_zerocopy_save(t->z, t->now, image, sizeof(image), &size), -ENOMEM);
	assert_int_equal(vdev_zerocopy_reset_begin(t->z, t->now, 0, 0), 0);
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), -EAGAIN);
	vt_env_fail_next(&t->v, 0);
	vz_expect(t, vz_pass(t, 10 * MS), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
	vz_expect(t, vdev_zerocopy_reset_end(t->z, t->now), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(load_where_the_memory_is), TEST(load_where_it_was_copied_to),
		TEST(many_that_are_lost),       TEST(held_one_and_an_earlier_deadline),
		TEST(held_one_is_in_hand),
	};

	return cmocka_run_group_tests_name("zerocopy_scarce", tests, NULL, NULL);
}
