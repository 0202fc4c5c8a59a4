/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The zero-copy engine when memory runs out: an error code, nothing changed, no leak. What a guest or
 * time brings about has no error to return: it is done as soon as there is memory again.
 */
#include "test_zerocopy_rig.h"

#define MOST (1u << 20)

static const struct vdev_zerocopy_config config = {.struct_size = sizeof(config),
						   .max_queues = 4,
						   .max_destinations = 2,
						   .max_slots = 1024,
						   .quarantine_bytes = UINT64_C(1) << 30,
						   .destination_quarantine_bytes = UINT64_C(1)
										   << 30};
static const struct vdev_zerocopy_memory memory = {.struct_size = sizeof(memory),
						   .address = VZ_RAM,
						   .size_bytes = VZ_RAM_SIZE,
						   .granule_bytes = VZ_PAGE};
static const struct vdev_zerocopy_queue_config slots = {
	.struct_size = sizeof(slots), .flags = VDEV_ZEROCOPY_ADAPTIVE, .slots = 256};

static int new_scenario(struct vt_env *v, void *arg)
{
	struct vdev_zerocopy *z = NULL;
	int ret = vdev_zerocopy_new(&z, &v->env, &config);

	(void)arg;
	assert_true(ret ? z == NULL : z != NULL);
	vdev_zerocopy_free(z);
	return ret;
}

static int queue_scenario(struct vt_env *v, void *arg)
{
	struct vdev_zerocopy_queue *q = NULL;
	struct vdev_zerocopy *z = NULL;
	int ret = vdev_zerocopy_new(&z, &v->env, &config);

	(void)arg;
	if (ret)
		return ret;
	ret = vdev_zerocopy_add_memory(z, &memory);
	assert_int_equal(ret, 0); /* needs none */
	ret = vdev_zerocopy_add_queue(z, &slots, &q);
	assert_true(ret ? q == NULL : q != NULL);
	if (ret)
		assert_int_equal(vdev_zerocopy_queue_at(z, 0, &q), -ENOENT);
	vdev_zerocopy_free(z);
	return ret;
}

static void new_and_queue(void **state)
{
	(void)state;
	assert_in_range(vt_oom(new_scenario, NULL), 3, 20);
	assert_in_range(vt_oom(queue_scenario, NULL), 6, 30);
}

/* The hot path never allocates. */
static void z13_hot_path_needs_no_memory(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t requests = t->v.requests;

	for (uint32_t i = 0; i < 3 * VZ_SLOTS; i++) {
		assert_int_equal(vz_reserve(t, 'a'), 0);
		if (i % 3 == 0) {
			assert_int_equal(vz_abort(t, 'a'), 0);
			continue;
		}
		assert_int_equal(vz_sent(t, 'a') & ~WAKE, 0);
		assert_int_equal(vdev_zerocopy_expire(t->q[0], t->now), 0);
		assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	}
	lend(t, 'b');
	assert_int_equal(vdev_zerocopy_expire(t->q[0], t->now + VZ_TIMEOUT), 1);
	assert_int_equal(t->v.requests, requests);
}

/* The claim is kept until memory is there. */
static void z2_time_out_without_memory(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t ns;

	lend(t, 'a');
	lend(t, 'b');
	vt_env_fail_next(&t->v, UINT64_MAX);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "");
	assert_true(t->v.failed > 0);
	expect_state(t, 'a', VDEV_ZEROCOPY_CLAIMED);
	assert_int_equal(vdev_zerocopy_deadline(t->z, &ns), 1); /* to try again */
	assert_in_range(ns, t->now, t->now + VZ_SEC / 100);
	vz_expect(t, vz_pass(t, VZ_SEC / 100), "");
	vt_env_fail_next(&t->v, 0);
	vz_expect(t, vz_pass(t, VZ_SEC / 100),
		  "OFFLINE:a OFFLINE:b ACCESSIBLE:a+RECLAIMED ACCESSIBLE:b+RECLAIMED");
}

static void z7_completion_while_there_is_no_memory(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vt_env_fail_next(&t->v, UINT64_MAX);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "");
	assert_int_equal(vz_complete(t, 'a', TASK) & OVER, 0);
	vt_env_fail_next(&t->v, 0);
	vz_expect(t, vz_pass(t, VZ_SEC), "ACCESSIBLE:a+COMPLETED");
	expect_nothing(t);
}

static void z3_guests_request_without_memory(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vt_env_fail_next(&t->v, UINT64_MAX);
	assert_int_equal(vz_reclaim(t, 'a', 0), 0);
	assert_int_equal(vz_reclaim(t, 'a', 0), -EALREADY);
	assert_int_equal(vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE),
			 -ENOMEM);
	assert_int_equal(vdev_zerocopy_reset_begin(t->z, t->now, 0, VDEV_ZEROCOPY_WHOLE), -ENOMEM);
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), -EBUSY);
	vt_env_fail_next(&t->v, 0);
	lend(t, 'b'); /* no reset has begun */
	vz_expect(t, vz_pass(t, VZ_SEC / 100), "OFFLINE:aQ ACCESSIBLE:aQ+RECLAIMED");
}

static void z3_reset_without_memory(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vt_env_fail_next(&t->v, UINT64_MAX);
	assert_int_equal(vdev_zerocopy_reset_begin(t->z, t->now, 0, 0), 0);
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), -EAGAIN);
	vt_env_fail_next(&t->v, 0);
	vz_expect(t, vz_pass(t, VZ_SEC / 100), "OFFLINE:aR ACCESSIBLE:aR+RECLAIMED");
	vz_expect(t, vdev_zerocopy_reset_end(t->z, t->now), "");
}

/* The map of granules has no room: the reclaim waits for it. */
static void z10_map_that_cannot_grow(void **state)
{
	struct vt_zerocopy *t = *state;

	quarantine(t, 'q'); /* operations have their memory */
	vz_place(t, 'a', VZ_RAM, VZ_RAM_SIZE);
	lend(t, 'a');
	vt_env_fail_next(&t->v, UINT64_MAX);
	vz_expect(t, vz_reclaim(t, 'a', 0), "");
	assert_true(t->v.failed > 0);
	assert_int_equal(vz_due(t), VZ_SEC / 100);
	vz_expect(t, vz_pass(t, VZ_SEC / 100), "");
	vt_env_fail_next(&t->v, 0);
	vz_expect(t, vz_pass(t, VZ_SEC / 100), "OFFLINE:aQ ACCESSIBLE:aQ+RECLAIMED");
}

static void save_while_a_claim_waits_for_memory(void **state)
{
	struct vt_zerocopy *t = *state;
	uint8_t image[8192];
	size_t size = 7;

	lend(t, 'a');
	vdev_zerocopy_expire(t->q[0], t->now + VZ_TIMEOUT);
	vt_env_fail_next(&t->v, UINT64_MAX);
	assert_int_equal(vdev_zerocopy_save(t->z, t->now, image, sizeof(image), &size), -ENOMEM);
	assert_int_equal(size, 7);
	vt_env_fail_next(&t->v, 0);
	assert_int_equal(vdev_zerocopy_save(t->z, t->now, image, sizeof(image), &size), 0);
	vz_expect(t, vz_pass(t, 0), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
}

struct picture {
	uint8_t *image;
	size_t size;
};

static int load_scenario(struct vt_env *v, void *arg)
{
	const struct picture *p = arg;
	struct vdev_zerocopy *z = NULL;
	int ret = vdev_zerocopy_load(&v->env, &config, 0, 0, p->image, p->size, &z);

	assert_true(ret ? z == NULL : z != NULL);
	vdev_zerocopy_free(z);
	return ret;
}

static uint64_t send(struct vdev_zerocopy_queue *q, uint64_t page, uint64_t pages)
{
	const struct vdev_zerocopy_block b = {.struct_size = sizeof(b),
					      .flags = VDEV_ZEROCOPY_ANY_SIZE,
					      .address = VZ_RAM + page * VZ_PAGE,
					      .length_bytes = pages * VZ_PAGE};
	uint64_t id = 0;

	if (vdev_zerocopy_reserve(q, &b, &id) != VDEV_ZEROCOPY_LEND)
		return 0;
	assert_true(vdev_zerocopy_sent(q, 0, id, b.length_bytes) >= 0);
	return id;
}

/* Some of everything: messages of each state, granules that were replaced, an OFFLINE that is out. */
static void busy(struct vdev_zerocopy *z, struct vdev_zerocopy_queue *q)
{
	struct vdev_action a;

	for (uint64_t i = 0; i < 200; i++)
		send(q, i * 7, 1 + i % 5);
	vdev_zerocopy_step(z, 100 * VZ_SEC);
	for (uint32_t i = 0; i < 100 && vdev_zerocopy_next(z, &a, sizeof(a)) == 1; i++)
		vdev_zerocopy_done(z, 0, a.id, i % 10 ? 0 : -EAGAIN);
	vdev_zerocopy_next(z, &a, sizeof(a));
	for (uint64_t i = 0; i < 20; i++)
		send(q, i * 9, 2);
}

static void load_without_memory(void **state)
{
	struct vdev_zerocopy_queue *q;
	struct vdev_zerocopy *z;
	struct picture p;

	(void)state;
	assert_int_equal(vdev_zerocopy_new(&z, NULL, &config), 0);
	assert_int_equal(vdev_zerocopy_add_memory(z, &memory), 0);
	assert_int_equal(vdev_zerocopy_add_queue(z, &slots, &q), 0);
	busy(z, q);
	p.image = malloc(MOST);
	assert_non_null(p.image);
	assert_int_equal(vdev_zerocopy_save(z, 100 * VZ_SEC, p.image, MOST, &p.size), 0);
	vdev_zerocopy_free(z);
	assert_in_range(vt_oom(load_scenario, &p), 8, 100);
	free(p.image);
}

static void work(struct vdev_zerocopy *z, uint64_t now)
{
	struct vdev_action a;

	assert_true(vdev_zerocopy_step(z, now) >= 0);
	while (vdev_zerocopy_next(z, &a, sizeof(a)) == 1)
		assert_true(vdev_zerocopy_done(z, now, a.id, 0) >= 0);
}

/* A caller that goes on after each error, as a VMM does: each message ends nevertheless. */
static int whole_scenario(struct vt_env *v, void *arg)
{
	struct vdev_zerocopy *z = NULL, *loaded = NULL;
	struct vdev_zerocopy_queue *q = NULL;
	struct vdev_zerocopy_stats s;
	uint8_t *image = arg;
	uint64_t ids[150];
	size_t size;
	int ret = vdev_zerocopy_new(&z, &v->env, &config);

	if (ret)
		return ret;
	assert_int_equal(vdev_zerocopy_add_memory(z, &memory), 0);
	ret = vdev_zerocopy_add_queue(z, &slots, &q);
	for (uint64_t i = 0; q && i < VT_COUNT(ids); i++)
		ids[i] = send(q, i * 11, 1 + i % 7);
	for (uint64_t i = 0; q && i < VT_COUNT(ids); i += 2)
		assert_true(vdev_zerocopy_reclaim(z, 0, ids[i], 0) >= 0);
	work(z, VZ_SEC);
	if (!vdev_zerocopy_save(z, VZ_SEC, image, MOST, &size) &&
	    !vdev_zerocopy_load(&v->env, &config, 0, 0, image, size, &loaded)) {
		vdev_zerocopy_free(z);
		z = loaded;
		vdev_zerocopy_queue_at(z, 0, &q);
	}
	work(z, 100 * VZ_SEC);
	v->fail_at = 0; /* memory is there again */
	work(z, 101 * VZ_SEC);
	for (uint64_t i = 0; q && i < VT_COUNT(ids); i++)
		vdev_zerocopy_complete(q, ids[i], ids[i], TASK, NULL);
	work(z, 102 * VZ_SEC);
	assert_int_equal(vdev_zerocopy_stats(z, &s, sizeof(s)), 0);
	assert_int_equal(s.blocks | s.quarantined_blocks | s.operations, 0);
	vdev_zerocopy_free(z);
	return ret;
}

static void whole_life(void **state)
{
	uint8_t *image = malloc(MOST);

	(void)state;
	assert_non_null(image);
	assert_in_range(vt_oom(whole_scenario, image), 15, 200);
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_and_queue),
		TEST(z13_hot_path_needs_no_memory),
		TEST(z2_time_out_without_memory),
		TEST(z7_completion_while_there_is_no_memory),
		TEST(z3_guests_request_without_memory),
		TEST(z3_reset_without_memory),
		TEST(z10_map_that_cannot_grow),
		TEST(save_while_a_claim_waits_for_memory),
		cmocka_unit_test(load_without_memory),
		cmocka_unit_test(whole_life),
	};

	return cmocka_run_group_tests_name("zerocopy_oom", tests, NULL, NULL);
}
