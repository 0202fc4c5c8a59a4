/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: get, walk, stats, names, the trace hook; several queues of one VM (Z13). */
#include "test_zerocopy_rig.h"

static void facts_of_a_message(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_zerocopy_info i;

	vz_block(t, 'a')->destination = 2;
	vz_block(t, 'a')->flags = VDEV_ZEROCOPY_ANY_SIZE;
	vz_reserve(t, 'a');
	i = vz_info(t, 'a');
	assert_int_equal(i.id, id_of(t, 'a'));
	assert_int_equal(i.user_data, 'a');
	assert_int_equal(i.address, vz_block(t, 'a')->address);
	assert_int_equal(i.length_bytes, 2 * VZ_PAGE);
	assert_int_equal(i.deadline_ns, VDEV_NONE);
	assert_int_equal(i.timeout_ns, VZ_TIMEOUT);
	assert_int_equal(i.action_id, 0);
	assert_int_equal(i.destination, 2);
	assert_int_equal(i.state, VDEV_ZEROCOPY_RESERVED);
	assert_int_equal(i.flags, VDEV_ZEROCOPY_ANY_SIZE);
	assert_int_equal(i.seen, 0);
	vz_sent(t, 'a');
	assert_int_equal(vz_info(t, 'a').deadline_ns, t->now + VZ_TIMEOUT);
	vz_complete(t, 'a', RESPONSE);
	assert_int_equal(vz_info(t, 'a').seen, RESPONSE);
}

static void user_data_can_be_replaced(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	t->block['b'].id = id_of(t, 'a');
	vz_place(t, 'b', vz_block(t, 'a')->address, 2 * VZ_PAGE);
	t->block['b'].sent = 2 * VZ_PAGE;
	assert_int_equal(vdev_zerocopy_set_user_data(t->z, id_of(t, 'a'), 'b'), 0);
	assert_int_equal(vz_info(t, 'a').user_data, 'b');
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:bQ ACCESSIBLE:bQ+RECLAIMED");
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:bQ");
	assert_int_equal(vdev_zerocopy_set_user_data(t->z, id_of(t, 'a'), 'b'), -ENOENT);
	assert_int_equal(vdev_zerocopy_set_user_data(t->z, UINT64_MAX, 'b'), -ENOENT);
}

/* By queue and slot, each once. */
static void walk_meets_all(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_zerocopy_info info;
	uint64_t cursor = 0;
	char text[16] = "";

	assert_int_equal(vz_add_queue(t, 16, 0, 0), 0);
	t->block['b'].queue = 1;
	t->block['d'].queue = 1;
	lend(t, 'a');
	lend(t, 'b');
	quarantine(t, 'c');
	lend(t, 'd');
	lend(t, 'e');
	vz_complete(t, 'a', TASK);
	vz_reserve(t, 'f');
	for (uint32_t n = 0; vdev_zerocopy_walk(t->z, &cursor, &info, sizeof(info)) == 1; n++)
		text[n] = (char)info.user_data;
	assert_string_equal(text, "cefbd");
	assert_int_equal(vdev_zerocopy_walk(t->z, &cursor, &info, sizeof(info)), 0);
}

static void older_callers_have_smaller_structs(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_zerocopy_info info;
	struct vdev_zerocopy_stats stats;
	uint64_t cursor = 0;

	lend(t, 'a');
	memset(&info, 0x55, sizeof(info));
	assert_int_equal(vdev_zerocopy_get(t->z, id_of(t, 'a'), &info, 16), 0);
	assert_int_equal(info.user_data, 'a');
	assert_int_equal(info.address, UINT64_C(0x5555555555555555));
	memset(&info, 0x55, sizeof(info));
	assert_int_equal(vdev_zerocopy_walk(t->z, &cursor, &info, 8), 1);
	assert_int_equal(info.id, id_of(t, 'a'));
	assert_int_equal(info.user_data, UINT64_C(0x5555555555555555));
	memset(&stats, 0x55, sizeof(stats));
	assert_int_equal(vdev_zerocopy_stats(t->z, &stats, 8), 0);
	assert_int_equal(stats.blocks, 1);
	assert_int_equal(stats.bytes, UINT64_C(0x5555555555555555));
}

static void newer_callers_have_larger_ones(void **state)
{
	struct vt_zerocopy *t = *state;
	struct {
		struct vdev_zerocopy_stats s;
		uint64_t more;
	} stats = {.more = 7};
	struct {
		struct vdev_zerocopy_info i;
		uint64_t more;
	} info = {.more = 7};

	lend(t, 'a');
	assert_int_equal(vdev_zerocopy_stats(t->z, &stats.s, sizeof(stats)), 0);
	assert_int_equal(stats.more, 0);
	assert_int_equal(vdev_zerocopy_get(t->z, id_of(t, 'a'), &info.i, sizeof(info)), 0);
	assert_int_equal(info.more, 0);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(vdev_zerocopy_kind_name(VDEV_ZEROCOPY_OFFLINE), "OFFLINE");
	assert_string_equal(vdev_zerocopy_kind_name(VDEV_ZEROCOPY_ACCESSIBLE), "ACCESSIBLE");
	assert_string_equal(vdev_zerocopy_kind_name(VDEV_ZEROCOPY_RELEASE), "RELEASE");
	assert_string_equal(vdev_zerocopy_kind_name(VDEV_ZEROCOPY_REFUSED), "REFUSED");
	assert_string_equal(vdev_zerocopy_kind_name(VDEV_CANCEL), "CANCEL");
	assert_string_equal(vdev_zerocopy_outcome_name(VDEV_ZEROCOPY_COMPLETED), "COMPLETED");
	assert_string_equal(vdev_zerocopy_outcome_name(VDEV_ZEROCOPY_RECLAIMED), "RECLAIMED");
	assert_string_equal(vdev_zerocopy_outcome_name(VDEV_ZEROCOPY_FAILED), "FAILED");
	assert_string_equal(vdev_zerocopy_outcome_name(VDEV_ZEROCOPY_LOST), "LOST");
	assert_string_equal(vdev_zerocopy_state_name(VDEV_ZEROCOPY_FREE), "FREE");
	assert_string_equal(vdev_zerocopy_state_name(VDEV_ZEROCOPY_QUARANTINED), "QUARANTINED");
	assert_string_equal(vdev_zerocopy_event_name(VDEV_ZEROCOPY_EV_EXPIRE), "EXPIRE");
	assert_string_equal(vdev_zerocopy_event_name(VDEV_ZEROCOPY_EV_TIMEOUT), "TIMEOUT");
	for (uint32_t i = 0; i < VDEV_ZEROCOPY_STATES; i++)
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(vdev_zerocopy_state_name(i),
						vdev_zerocopy_state_name(k));
	for (int i = 0; i < VDEV_ZEROCOPY_COPY_REASONS; i++) {
		assert_true(strlen(vdev_zerocopy_because(i)) >= 4);
		assert_string_equal(vdev_zerocopy_because(i | VDEV_ZEROCOPY_MEASURE),
				    vdev_zerocopy_because(i));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(vdev_zerocopy_because(i), vdev_zerocopy_because(k));
	}
	assert_string_equal(vdev_zerocopy_because(VDEV_ZEROCOPY_COPY_REASONS), "?");
	assert_string_equal(vdev_zerocopy_because(-EINVAL), "?");
}

static struct {
	char text[1024];
	uint64_t last_now;
} seen;

static const char *name_of(const struct vdev_trace *e)
{
	if (e->what == VDEV_TRACE_DONE)
		return "done";
	return e->what == VDEV_TRACE_EVENT ? vdev_zerocopy_event_name(e->kind)
					   : vdev_zerocopy_kind_name(e->kind);
}

static void trace(void *user, const struct vdev_trace *e)
{
	size_t used = strlen(seen.text);

	(void)user;
	assert_int_equal(e->part, VDEV_PART_ZEROCOPY);
	snprintf(seen.text + used, sizeof(seen.text) - used, "%s%s:%c", used ? " " : "", name_of(e),
		 e->dev ? (char)e->user_data : '-');
	seen.last_now = e->now_ns;
}

static void timeline(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_env env = {.struct_size = sizeof(env), .trace = trace};

	vdev_zerocopy_free(t->z);
	assert_int_equal(vdev_zerocopy_new(&t->z, &env, &t->config), 0);
	assert_int_equal(vz_add_memory(t, VZ_RAM, VZ_RAM_SIZE, VZ_PAGE, 0), 0);
	t->queue_count = 0;
	assert_int_equal(vz_add_queue(t, 16, 0, 0), 0);
	memset(&seen, 0, sizeof(seen));
	lend(t, 'a');
	lend(t, 'b');
	vz_reclaim(t, 'b', 0);
	vz_drain(t);
	vz_pass(t, VZ_TIMEOUT);
	vz_drain(t);
	vz_late(t, 'a', TASK);
	vz_drain(t);
#if defined(VDEV_TRACE) && !VDEV_TRACE
	vt_skip("built without trace");
#endif
	assert_string_equal(seen.text, "RECLAIM:b OFFLINE:b done:b ACCESSIBLE:b done:b "
				       "EXPIRE:a OFFLINE:a done:a ACCESSIBLE:a done:a "
				       "LATE:a RELEASE:a done:a");
	assert_int_equal(seen.last_now, t->now);
}

static void z13_queues_have_their_own_ids(void **state)
{
	struct vt_zerocopy *t = *state;

	assert_int_equal(vz_add_queue(t, 16, 0, 0), 0);
	t->block['b'].queue = 1;
	lend(t, 'a');
	lend(t, 'b');
	assert_true(id_of(t, 'a') != id_of(t, 'b'));
	assert_int_equal(vdev_zerocopy_complete(t->q[1], id_of(t, 'a'), id_of(t, 'a'), TASK, NULL),
			 -ENOENT);
	assert_int_equal(vdev_zerocopy_complete(t->q[0], id_of(t, 'b'), id_of(t, 'b'), TASK, NULL),
			 -ENOENT);
	vz_reserve(t, 'c');
	assert_int_equal(vdev_zerocopy_sent(t->q[1], t->now, id_of(t, 'c'), 1), -ENOENT);
	assert_int_equal(vdev_zerocopy_abort(t->q[1], id_of(t, 'c')), -ENOENT);
	assert_int_equal(vz_info(t, 'b').user_data, 'b');
	assert_int_equal(vz_complete(t, 'b', TASK), OVER);
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
}

static void z13_most_queues(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_zerocopy_queue *q;

	restart(t, (struct vdev_zerocopy_config){.max_queues = VDEV_ZEROCOPY_MAX_QUEUES});
	while (t->queue_count < VDEV_ZEROCOPY_MAX_QUEUES)
		assert_int_equal(vz_add_queue(t, 16, 0, 0), 0);
	assert_int_equal(vdev_zerocopy_queue_at(t->z, 254, &q), 0);
	assert_ptr_equal(q, t->q[254]);
	assert_int_equal(vdev_zerocopy_queue_at(t->z, 255, &q), -ENOENT);
	assert_int_equal(vdev_zerocopy_queue_at(t->z, UINT32_MAX, &q), -ENOENT);
	for (uint32_t i = 0; i < VZ_LETTERS; i++) {
		t->block[i].queue = i * 2;
		if (i)
			lend(t, (char)i);
	}
	assert_int_equal(vz_pass(t, VZ_TIMEOUT), VZ_LETTERS - 1);
	vz_drain(t);
	assert_int_equal(vz_stats(t).reclaimed, VZ_LETTERS - 1);
}

static void z13_quotas_are_of_all_queues(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){.max_blocks = 3, .destination_blocks = 3});
	assert_int_equal(vz_add_queue(t, 16, 0, 0), 0);
	t->block['b'].queue = 1;
	t->block['d'].queue = 1;
	lend(t, 'a');
	lend(t, 'b');
	lend(t, 'c');
	assert_int_equal(vz_lend(t, 'd'), VDEV_ZEROCOPY_COPY_QUOTA);
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	lend(t, 'd');
	assert_int_equal(vz_lend(t, 'e'), VDEV_ZEROCOPY_COPY_QUOTA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(facts_of_a_message),
		TEST(user_data_can_be_replaced),
		TEST(walk_meets_all),
		TEST(older_callers_have_smaller_structs),
		TEST(newer_callers_have_larger_ones),
		TEST(names),
		TEST(timeline),
		TEST(z13_queues_have_their_own_ids),
		TEST(z13_most_queues),
		TEST(z13_quotas_are_of_all_queues),
	};

	return cmocka_run_group_tests_name("zerocopy_read", tests, NULL, NULL);
}
