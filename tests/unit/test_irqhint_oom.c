/* SPDX-License-Identifier: BSD-3-Clause */
/* The interrupt-hint engine when memory runs out: an error code, nothing changed, no leak. */
#include "test_irqhint_rig.h"

static struct hi whole; /* its map, configuration and image are used */
static uint8_t image[4096];
static size_t image_size;

static int add_scenario(struct vt_env *v, void *arg)
{
	struct vdev_irqhint *h = NULL;
	uint64_t dev = 9;
	int ret = vdev_irqhint_new(&h, &v->env, whole.map, &whole.config);

	(void)arg;
	assert_true(ret ? h == NULL : h != NULL);
	for (uint32_t i = 0; !ret && i < 3; i++) {
		struct vdev_irqhint_stats before, after;

		vdev_irqhint_stats(h, &before, sizeof(before));
		ret = vdev_irqhint_add(h, 2, 0, &dev);
		vdev_irqhint_stats(h, &after, sizeof(after));
		assert_int_equal(after.devices, before.devices + (ret ? 0 : 1));
		assert_int_equal(after.types, before.types + (ret ? 0 : 2));
		if (ret && !i)
			assert_int_equal(dev, 9);
	}
	vdev_irqhint_free(h);
	return ret;
}

static int load_scenario(struct vt_env *v, void *arg)
{
	struct vdev_irqhint *h = NULL;
	int ret = vdev_irqhint_load(&v->env, whole.map, &whole.config, 0, 0, image, image_size, &h);

	(void)arg;
	assert_true(ret ? h == NULL : h != NULL);
	vdev_irqhint_free(h);
	return ret;
}

static void new_and_add(void **state)
{
	(void)state;
	assert_in_range(vt_oom(add_scenario, NULL), 9, 12);
}

static void load(void **state)
{
	(void)state;
	assert_in_range(vt_oom(load_scenario, NULL), 6, 12);
}

/* H11: where threads run, nothing is allocated. */
static void hot_calls(void **state)
{
	uint32_t vcpu;

	(void)state;
	vt_env_fail_next(&whole.v, UINT64_MAX);
	hi_expect(&whole, 0, 5, "FIRST SAME_CPU 3");
	assert_int_equal(hi_program(&whole, 0, 3), 1);
	assert_int_equal(vdev_irqhint_choose(whole.h, whole.now, whole.dev, 0, 5, &vcpu, NULL), 1);
	assert_int_equal(vdev_irqhint_device_reset(whole.h, whole.dev), 0);
	assert_int_equal(vdev_irqhint_guest_reset(whole.h), 0);
	assert_int_equal(vdev_irqhint_migrated(whole.h), 0);
	assert_int_equal(whole.v.failed, 0);
	vt_env_fail_next(&whole.v, 0);
}

static int setup(void **state)
{
	uint64_t dev;

	(void)state;
	hi_init(&whole);
	hi_on(&whole, 3, 5);
	vdev_irqhint_add(whole.h, 2, 0, &dev);
	return vdev_irqhint_save(whole.h, 0, image, sizeof(image), &image_size);
}

static int teardown(void **state)
{
	(void)state;
	hi_end(&whole);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_and_add),
		cmocka_unit_test(load),
		cmocka_unit_test(hot_calls),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
