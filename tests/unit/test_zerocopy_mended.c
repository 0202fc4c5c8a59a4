/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: operations of an image that do not fit their messages, one value at a time. */
#include "test_zerocopy_mend.h"

static void an_action_of_nobody(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	size_t op;

	lend(t, 's');
	offlining(t, 'a', 0);
	save(t, &i);
	assert_int_equal(i.ops, 1);
	op = i.op[0];
	assert_int_equal(with(t, &i, op + OP_QUEUE, 4, 1), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_SLOT, 4, VZ_SLOTS), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_SLOT, 4, 5), -EBADMSG); /* FREE */
	assert_int_equal(with(t, &i, op + OP_SLOT, 4, get(&i, op + OP_SLOT, 4) - 1), -EBADMSG);
	assert_int_equal(with(t, &i, op, 8, get(&i, op, 8) + VZ_SLOTS + SPARE_OPS), 0);
	assert_int_equal(with(t, &i, op, 8, get(&i, op, 8) + VZ_SLOTS + SPARE_OPS + 1), -EBADMSG);
}

static void two_actions_of_one_message(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	telling(t, 'a');
	telling(t, 'b');
	save(t, &i);
	assert_int_equal(i.ops, 2);
	assert_int_equal(with(t, &i, i.op[1] + OP_SLOT, 4, get(&i, i.op[0] + OP_SLOT, 4)),
			 -EBADMSG);
	assert_int_equal(with(t, &i, i.op[1], 8, get(&i, i.op[0], 8)), -EBADMSG); /* its id */
}

/* The phases that fit a message whose pages are being replaced. */
static void phases_while_offlining(void **state)
{
	static const struct {
		uint8_t phase, outcome;
		int32_t status;
		int ret;
	} cases[] = {
		{OP_OFFLINE, 0, 0, 0},
		{OP_WAIT, 0, 0, -EBADMSG}, /* it was given out */
		{OP_REFUSED, 0, -5, 0},
		{OP_REFUSED, 0, 0, -EBADMSG}, /* why? */
		{OP_REFUSED, 0, 5, -EBADMSG},
		{OP_REFUSED, 0, -4095, 0},
		{OP_REFUSED, 0, -4096, -EBADMSG},
		{OP_TELL, VDEV_ZEROCOPY_COMPLETED, 0, 0},
		{OP_TELL, VDEV_ZEROCOPY_LOST, 0, 0},
		{OP_TELL, VDEV_ZEROCOPY_RECLAIMED, 0, -EBADMSG},
		{OP_TELL, VDEV_ZEROCOPY_FAILED, 0, -EBADMSG},
		{OP_QUARANTINE, 0, 0, -EBADMSG},
		{OP_RELEASE, 0, 0, -EBADMSG},
		{OP_OVER, 0, 0, -EBADMSG},
	};
	static struct image good, i;
	struct vt_zerocopy *t = *state;

	offlining(t, 'a', 0);
	save(t, &good);
	for (uint32_t n = 0; n < VT_COUNT(cases); n++) {
		i = good;
		put(&i, i.op[0] + OP_PHASE, 1, cases[n].phase);
		put(&i, i.op[0] + OP_OUTCOME, 1, cases[n].outcome);
		put(&i, i.op[0] + OP_STATUS, 4, (uint32_t)cases[n].status);
		assert_int_equal(loads(t, &i), cases[n].ret);
	}
	/* Waiting, it may be anything that was not given out. */
	put(&good, good.op[0] + OP_FLAGS, 4, OP_ASKED);
	assert_int_equal(with(t, &good, good.op[0] + OP_PHASE, 1, OP_WAIT), 0);
}

/* The same for one that is in quarantine. */
static void phases_in_quarantine(void **state)
{
	static const struct {
		uint8_t phase, outcome;
		int ret;
	} cases[] = {
		{OP_TELL, VDEV_ZEROCOPY_RECLAIMED, 0},
		{OP_TELL, VDEV_ZEROCOPY_FAILED, -EBADMSG}, /* it is no RECEIVE block */
		{OP_TELL, VDEV_ZEROCOPY_COMPLETED, -EBADMSG},
		{OP_TELL, VDEV_ZEROCOPY_LOST, -EBADMSG},
		{OP_TELL, 0, -EBADMSG},
		{OP_QUARANTINE, 0, 0},
		{OP_WAIT, 0, -EBADMSG},
		{OP_OFFLINE, 0, -EBADMSG},
		{OP_REFUSED, 0, -EBADMSG},
		{OP_RELEASE, 0, -EBADMSG}, /* not complete yet */
		{OP_OVER, 0, -EBADMSG},
		{200, 0, -EBADMSG},
	};
	static struct image good, i;
	struct vt_zerocopy *t = *state;

	telling(t, 'a');
	save(t, &good);
	put(&good, good.op[0] + OP_FLAGS, 4, OP_ASKED | OP_REPLACED);
	put(&good, good.op[0] + OP_STATUS, 4, (uint32_t)-5);
	for (uint32_t n = 0; n < VT_COUNT(cases); n++) {
		i = good;
		put(&i, i.op[0] + OP_PHASE, 1, cases[n].phase);
		put(&i, i.op[0] + OP_OUTCOME, 1, cases[n].outcome);
		assert_int_equal(loads(t, &i), cases[n].ret);
	}
}

/* And of one that is complete: what is left is to tell, and to release. */
static void phases_of_a_complete_one(void **state)
{
	static const struct {
		uint8_t phase;
		int ret;
	} cases[] = {
		{OP_TELL, 0},
		{OP_RELEASE, 0},
		{OP_QUARANTINE, -EBADMSG}, /* for what? nobody would push it */
	};
	static struct image good, i;
	struct vt_zerocopy *t = *state;

	telling(t, 'a');
	save(t, &good);
	put(&good, good.message[0], 8, get(&good, good.message[0], 8) | W_TASK);
	put(&good, good.op[0] + OP_FLAGS, 4, OP_ASKED | OP_REPLACED | OP_COMPLETE);
	for (uint32_t n = 0; n < VT_COUNT(cases); n++)
		assert_int_equal(with(t, &good, good.op[0] + OP_PHASE, 1, cases[n].phase),
				 cases[n].ret);
	i = good;
	put(&i, i.op[0] + OP_FLAGS, 4, OP_ASKED | OP_REPLACED);
	assert_int_equal(loads(t, &i), -EBADMSG); /* then somebody would push it */
}

static void runs(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	uint64_t first, end;
	size_t op;

	vz_place(t, 'a', VZ_RAM + 16 * VZ_PAGE, 4 * VZ_PAGE);
	offlining(t, 'a', VDEV_ZEROCOPY_RESET);
	save(t, &i);
	op = i.op[0];
	first = get(&i, op + OP_BEGIN, 8);
	end = get(&i, op + OP_END, 8);
	assert_int_equal(end - first, 4 * VZ_PAGE);
	assert_int_equal(with(t, &i, op + OP_BEGIN, 8, first + VZ_PAGE), 0);
	assert_int_equal(with(t, &i, op + OP_BEGIN, 8, first + 1), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_BEGIN, 8, first - VZ_PAGE), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_BEGIN, 8, end), -EBADMSG); /* nothing */
	assert_int_equal(with(t, &i, op + OP_BEGIN, 8, end + VZ_PAGE), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_END, 8, end - VZ_PAGE), 0);
	assert_int_equal(with(t, &i, op + OP_END, 8, end - 1), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_END, 8, end + VZ_PAGE), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_IS_ZERO, 1, 0), -EBADMSG); /* RESET was said */
	assert_int_equal(with(t, &i, op + OP_IS_ZERO, 1, 2), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_EPOCH, 8, get(&i, HEADER, 8)), 0);
	assert_int_equal(with(t, &i, op + OP_EPOCH, 8, get(&i, HEADER, 8) + 1), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_FLAGS, 4, OP_ASKED | OP_AGAIN), -EBADMSG); /* ZERO */
	assert_int_equal(with(t, &i, op + OP_FLAGS, 4, OP_ZERO | OP_AGAIN | OP_PAUSED), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_FLAGS, 4, OP_ZERO | OP_PAUSED), 0);
	assert_int_equal(with(t, &i, op + OP_FLAGS, 4, OP_ZERO | OP_OUT), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_FLAGS, 4, OP_ZERO | OP_READY), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_FLAGS, 4, OP_ZERO | UINT32_C(1) << 31), -EBADMSG);
}

/* Of a granule that two blocks share only one OFFLINE is at hand. */
static void the_same_granule_twice(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM, 2 * VZ_PAGE);
	vz_place(t, 'b', VZ_RAM + VZ_PAGE, 2 * VZ_PAGE);
	offlining(t, 'a', 0);
	lend(t, 'b');
	vz_reclaim(t, 'b', 0); /* waits for the first */
	save(t, &i);
	assert_int_equal(i.ops, 2);
	assert_int_equal(get(&i, i.op[1] + OP_PHASE, 1), OP_WAIT);
	put(&i, i.op[1] + OP_BEGIN, 8, VZ_RAM + 2 * VZ_PAGE);
	put(&i, i.op[1] + OP_END, 8, VZ_RAM + 3 * VZ_PAGE);
	put(&i, i.op[1] + OP_PHASE, 1, OP_OFFLINE);
	assert_int_equal(loads(t, &i), 0); /* of its other granule it could be */
	assert_int_equal(with(t, &i, i.op[1] + OP_BEGIN, 8, VZ_RAM + VZ_PAGE), -EBADMSG);
}

static void whole_vm(struct vt_zerocopy *t, struct image *i)
{
	lend(t, 'a');
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 0, VZ_LATER);
	assert_int_equal(vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE), 1);
	vz_drain(t);
	save(t, i);
	assert_int_equal(i->ops, 2);
	assert_int_equal(get(i, i->op[0] + OP_SLOT, 4), NOBODY);
}

static void whole_vm_phases(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	size_t op;

	whole_vm(t, &i);
	op = i.op[0];
	assert_int_equal(with(t, &i, op + OP_PHASE, 1, OP_OFFLINE), 0);
	assert_int_equal(with(t, &i, op + OP_IS_ZERO, 1, 1), -EBADMSG); /* nobody asked for that */
	assert_int_equal(with(t, &i, op + OP_PHASE, 1, OP_REFUSED), -EBADMSG); /* why? */
	assert_int_equal(with(t, &i, op + OP_PHASE, 1, OP_TELL), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_PHASE, 1, OP_RELEASE), -EBADMSG);
	put(&i, op + OP_FLAGS, 4, 0);
	assert_int_equal(with(t, &i, op + OP_PHASE, 1, OP_WAIT), 0);
	put(&i, op + OP_FLAGS, 4, OP_ZERO);
	assert_int_equal(with(t, &i, op + OP_IS_ZERO, 1, 1), 0);
	put(&i, op + OP_STATUS, 4, (uint32_t)-EIO);
	assert_int_equal(with(t, &i, op + OP_PHASE, 1, OP_REFUSED), 0);
}

/* The only OFFLINE beside one of the whole VM is none. */
static void whole_vm_alone(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	whole_vm(t, &i);
	assert_int_equal(get(&i, i.op[1] + OP_PHASE, 1), OP_WAIT);
	put(&i, i.op[1] + OP_END, 8, get(&i, i.op[1] + OP_BEGIN, 8) + VZ_PAGE);
	assert_int_equal(loads(t, &i), 0);
	assert_int_equal(with(t, &i, i.op[1] + OP_PHASE, 1, OP_OFFLINE), -EBADMSG);
	/* A second one of the whole VM. */
	assert_int_equal(with(t, &i, i.op[1] + OP_SLOT, 4, NOBODY), -EBADMSG);
}

/* It may wait for those of blocks, on the other hand. */
static void whole_vm_behind_others(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	offlining(t, 'a', 0);
	offlining(t, 'b', 0);
	vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE);
	save(t, &i);
	assert_int_equal(i.ops, 3);
	assert_int_equal(get(&i, i.op[2] + OP_PHASE, 1), OP_WAIT);
	assert_int_equal(loads(t, &i), 0);
	put(&i, i.op[2] + OP_FLAGS, 4, 0);
	assert_int_equal(with(t, &i, i.op[2] + OP_PHASE, 1, OP_OFFLINE), -EBADMSG);
}

/* Given out when its time saturated to the end of all time: a deadline it has nevertheless. */
static void action_at_the_end_of_time(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	t->now = VDEV_NONE - 1000;
	offlining(t, 'a', 0);
	assert_int_equal(t->last.deadline_ns, VDEV_NONE);
	save(t, &i);
	assert_int_equal(get(&i, i.op[0] + OP_UNTIL, 8), VDEV_NONE);
	t->now = 5 * VZ_SEC;
	swap_engine(t, &i);
	assert_int_equal(vdev_zerocopy_set_user_data(t->z, t->block['a'].id, 'a'), 0);
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, 0), "OFFLINE:aAQ");
	assert_int_equal(t->last.deadline_ns, t->now + t->z->config.offline_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_action_of_nobody),
		TEST(two_actions_of_one_message),
		TEST(phases_while_offlining),
		TEST(phases_in_quarantine),
		TEST(phases_of_a_complete_one),
		TEST(runs),
		TEST(the_same_granule_twice),
		TEST(whole_vm_phases),
		TEST(whole_vm_alone),
		TEST(whole_vm_behind_others),
		TEST(action_at_the_end_of_time),
	};

	return cmocka_run_group_tests_name("zerocopy_mended", tests, NULL, NULL);
}
