/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue with each allocation failing in turn; none is made after _new() and _load(). */
#include "test_pvqueue_rig.h"

static void use(struct rig *g, struct vt_env *v)
{
	uint64_t before = v->requests;
	struct event e;

	assert_int_equal(vdev_pvqueue_start(g->q, &g->rings), 0);
	for (uint64_t i = 0; i < 3 * SIZE; i++) {
		answer(g, take_send(g, i).handle, VDEV_GUEST_DONE_SENT);
		assert_int_equal(event(g, &e), 1);
	}
	take_send(g, 1);
	assert_int_equal(v->requests, before);
}

static int scenario(struct vt_env *v, void *arg)
{
	struct vdev_pvqueue *loaded = NULL;
	struct rig *g = arg;
	uint8_t image[1024];
	size_t size;
	int r;

	memset(g->ram, 0, sizeof(g->ram));
	g->produced = g->consumed = 0;
	g->q = NULL;
	r = vdev_pvqueue_new(&g->q, &v->env, &g->config);
	if (r) {
		assert_null(g->q);
		return r;
	}
	use(g, v);
	assert_int_equal(vdev_pvqueue_save(g->q, image, sizeof(image), &size), 0);
	r = vdev_pvqueue_load(&v->env, &g->config, image, size, &loaded);
	assert_true((loaded != NULL) == (r == 0));
	vdev_pvqueue_free(loaded);
	vdev_pvqueue_free(g->q);
	g->q = NULL;
	return r;
}

static void each_allocation_fails(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g);
	vdev_pvqueue_free(g.q);
	/* The object, its messages, their places by cookie; twice. */
	assert_int_equal(vt_oom(scenario, &g), 6);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_fails),
	};

	return cmocka_run_group_tests_name("pvqueue_oom", tests, NULL, NULL);
}
