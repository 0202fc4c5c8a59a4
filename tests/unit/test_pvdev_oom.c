/* SPDX-License-Identifier: BSD-3-Clause */
/* The paravirtual function with each allocation failing in turn; none is made after _new() and _load(). */
#include "test_pvdev_rig.h"

/* The engine has an environment of its own, so that only the function's allocations fail. */
struct scene {
	struct rig rig;
	uint8_t image[4096];
	size_t size;
};

static void use(struct scene *s, struct vt_env *v)
{
	uint64_t before = v->requests;
	struct rig *g = &s->rig;

	rig_ready(g);
	assert_int_equal(cmd(g, VDEV_GUEST_CMD_DECLARE, DISK, VDEV_GUEST_LEVEL_UNSAFE, 0), 0);
	assert_true(rig_perform(g, VDEV_REMOVAL_WARN, g->disk, 1) >= 0);
	assert_true(rig_perform(g, VDEV_REMOVAL_UNWARN, g->disk, 0) >= 0);
	assert_true(rig_perform(g, VDEV_REMOVAL_WARN, g->disk, 1) >= 0);
	assert_int_equal(vdev_pvdev_save(g->pvdev, g->now, s->image, sizeof(s->image), &s->size),
			 0);
	assert_int_equal(v->requests, before);
}

static int scenario(struct vt_env *v, void *arg)
{
	struct scene *s = arg;
	struct rig *g = &s->rig;
	struct vdev_pvdev *loaded = NULL;
	int r;

	g->pvdev = NULL;
	r = vdev_pvdev_new(&g->pvdev, &v->env, &g->config);
	if (r) {
		assert_null(g->pvdev);
		return r;
	}
	g->now += SECOND;
	use(s, v);
	r = vdev_pvdev_load(&v->env, &g->config, g->now, s->image, s->size, &loaded);
	assert_true((loaded != NULL) == (r == 0));
	vdev_pvdev_free(loaded);
	vdev_pvdev_reset(g->pvdev, g->now);
	vdev_pvdev_free(g->pvdev);
	g->pvdev = NULL;
	return r;
}

static void each_allocation_fails(void **state)
{
	struct scene s = {.size = 0};
	struct rig *g = &s.rig;

	(void)state;
	rig_begin(g, NULL);
	vdev_pvdev_free(g->pvdev);
	g->pvdev = NULL;
	/* The object, its queue, its requests; twice. */
	assert_int_equal(vt_oom(scenario, &s), 6);
	rig_end(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_fails),
	};

	return cmocka_run_group_tests_name("pvdev_oom", tests, NULL, NULL);
}
