/* SPDX-License-Identifier: BSD-3-Clause */
/* The mock as a provider for CPU maps (H7, H9): the truth, lies, looks that fail, a provider that hangs. */
#include "vt_test.h"

#include <errno.h>
#include <string.h>

#include <vdev/irqhint.h>
#include <vdev/mock.h>

#define US UINT64_C(1024) /* the unit of since_ns */
#define MS UINT64_C(1000000)
#define VCPUS 4u
#define CPUS 8u
#define NOWHERE VDEV_CPUMAP_NOWHERE

struct rig {
	struct vt_env v;
	struct vdev_mock *m;
	struct vdev_cpumap *map; /* has a vCPU that the mock does not know */
};

static int setup(void **state)
{
	static const struct vdev_mock_config config = {
		.struct_size = sizeof(config), .max_records = 1, .max_vcpus = VCPUS};
	static const struct vdev_cpumap_config map = {
		.struct_size = sizeof(map), .vcpus = VCPUS + 1, .cpus = CPUS};
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	vt_env_init(&rig.v);
	*state = &rig;
	return vdev_mock_new(&rig.m, &rig.v.env, &config) ||
	       vdev_cpumap_new(&rig.map, &rig.v.env, &map);
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	vdev_cpumap_free(rig->map);
	vdev_mock_free(rig->m);
	return vt_env_check(&rig->v);
}

static void expect(struct rig *rig, uint32_t vcpu, uint32_t cpu, uint32_t what)
{
	struct vdev_cpumap_place p;

	assert_int_equal(vdev_cpumap_get(rig->map, 0, vcpu, &p, sizeof(p)), 0);
	assert_int_equal(p.cpu, cpu);
	assert_int_equal(p.state, what);
}

static uint64_t age(struct rig *rig, uint64_t now_ns)
{
	uint64_t ns = 0;

	assert_int_equal(vdev_cpumap_age(rig->map, now_ns, &ns), 0);
	return ns;
}

static void the_truth(void **state)
{
	struct rig *rig = *state;
	struct vdev_cpumap_place p;

	assert_int_equal(vdev_mock_refresh(rig->m, US, rig->map), 0);
	for (uint32_t v = 0; v < VCPUS; v++)
		expect(rig, v, NOWHERE, VDEV_CPUMAP_UNKNOWN);
	assert_int_equal(vdev_mock_place(rig->m, 0, 7, VDEV_CPUMAP_RUNNING), 0);
	assert_int_equal(vdev_mock_place(rig->m, 1, 0, VDEV_CPUMAP_SLEEPING), 0);
	assert_int_equal(vdev_mock_place(rig->m, 3, 7, VDEV_CPUMAP_UNKNOWN), 0);
	expect(rig, 0, NOWHERE, VDEV_CPUMAP_UNKNOWN); /* nobody has looked */
	assert_int_equal(vdev_mock_refresh(rig->m, 9 * US, rig->map), 3);
	expect(rig, 0, 7, VDEV_CPUMAP_RUNNING);
	expect(rig, 1, 0, VDEV_CPUMAP_SLEEPING);
	expect(rig, 2, NOWHERE, VDEV_CPUMAP_UNKNOWN);
	expect(rig, 3, 7, VDEV_CPUMAP_UNKNOWN);
	assert_int_equal(vdev_cpumap_get(rig->map, 10 * US, 0, &p, sizeof(p)), 0);
	assert_int_equal(p.since_ns, US);
	assert_int_equal(vdev_mock_place(rig->m, 3, NOWHERE, VDEV_CPUMAP_UNKNOWN), 0);
	assert_int_equal(vdev_mock_refresh(rig->m, 11 * US, rig->map), 2);
	expect(rig, 3, NOWHERE, VDEV_CPUMAP_UNKNOWN);
	assert_int_equal(age(rig, 13 * US), 2 * US);
}

static void lies(void **state)
{
	struct rig *rig = *state;
	uint32_t cpu = 0, what = 0;

	vdev_mock_place(rig->m, 0, 1, VDEV_CPUMAP_RUNNING);
	assert_int_equal(vdev_mock_lie(rig->m, 0, 2, VDEV_CPUMAP_SLEEPING), 0);
	assert_int_equal(vdev_mock_refresh(rig->m, US, rig->map), 1);
	expect(rig, 0, 2, VDEV_CPUMAP_SLEEPING);
	assert_int_equal(vdev_mock_where(rig->m, 0, &cpu, &what), 0);
	assert_true(cpu == 1 && what == VDEV_CPUMAP_RUNNING);
	/* It is moved, and the lie stays. */
	vdev_mock_place(rig->m, 0, 3, VDEV_CPUMAP_RUNNING);
	vdev_mock_refresh(rig->m, 2 * US, rig->map);
	expect(rig, 0, 2, VDEV_CPUMAP_SLEEPING);
	assert_int_equal(vdev_mock_lie(rig->m, 0, NOWHERE, VDEV_CPUMAP_UNKNOWN), 0);
	assert_int_equal(vdev_mock_refresh(rig->m, 3 * US, rig->map), 0);
	expect(rig, 0, NOWHERE, VDEV_CPUMAP_UNKNOWN);
	assert_int_equal(vdev_mock_look(rig->m, 0, 0), 0);
	assert_int_equal(vdev_mock_refresh(rig->m, 4 * US, rig->map), 1);
	expect(rig, 0, 3, VDEV_CPUMAP_RUNNING);
}

static void looks_that_fail(void **state)
{
	struct rig *rig = *state;

	vdev_mock_place(rig->m, 0, 1, VDEV_CPUMAP_RUNNING);
	vdev_mock_place(rig->m, 1, 1, VDEV_CPUMAP_RUNNING);
	assert_int_equal(vdev_mock_refresh(rig->m, US, rig->map), 2);
	assert_int_equal(vdev_mock_look(rig->m, 0, -ESRCH), 0);
	assert_int_equal(vdev_mock_refresh(rig->m, 2 * US, rig->map), 1);
	expect(rig, 0, NOWHERE, VDEV_CPUMAP_UNKNOWN);
	expect(rig, 1, 1, VDEV_CPUMAP_RUNNING);
	assert_int_equal(age(rig, 2 * US), 0);
	/* A failure ends by a lie, and the other way round. */
	vdev_mock_lie(rig->m, 0, 5, VDEV_CPUMAP_UNKNOWN);
	assert_int_equal(vdev_mock_refresh(rig->m, 3 * US, rig->map), 2);
	expect(rig, 0, 5, VDEV_CPUMAP_UNKNOWN);
	vdev_mock_look(rig->m, 0, -EIO);
	assert_int_equal(vdev_mock_refresh(rig->m, 4 * US, rig->map), 1);
	expect(rig, 0, NOWHERE, VDEV_CPUMAP_UNKNOWN);
}

/* What the mock may say, but this map does not have. */
static void no_such_cpu(void **state)
{
	struct rig *rig = *state;

	vdev_mock_place(rig->m, 0, 1, VDEV_CPUMAP_RUNNING);
	vdev_mock_refresh(rig->m, US, rig->map);
	assert_int_equal(vdev_mock_lie(rig->m, 0, CPUS, VDEV_CPUMAP_RUNNING), 0);
	assert_int_equal(vdev_mock_refresh(rig->m, 2 * US, rig->map), 0);
	expect(rig, 0, NOWHERE, VDEV_CPUMAP_UNKNOWN);
}

/* H7: who hangs leaves what was there, and it grows old. */
static void hangs(void **state)
{
	struct rig *rig = *state;

	for (uint32_t v = 0; v < VCPUS; v++)
		vdev_mock_place(rig->m, v, 1, VDEV_CPUMAP_RUNNING);
	assert_int_equal(vdev_mock_refresh(rig->m, 0, rig->map), 4);
	for (uint32_t v = 0; v < VCPUS; v++)
		vdev_mock_place(rig->m, v, 2, VDEV_CPUMAP_RUNNING);
	assert_int_equal(vdev_mock_hang(rig->m, 0), 0);
	assert_int_equal(vdev_mock_refresh(rig->m, 5 * US, rig->map), 0);
	expect(rig, 0, 1, VDEV_CPUMAP_RUNNING);
	assert_int_equal(vdev_mock_hang(rig->m, 2), 0);
	assert_int_equal(vdev_mock_refresh(rig->m, 6 * US, rig->map), 2);
	expect(rig, 1, 2, VDEV_CPUMAP_RUNNING);
	expect(rig, 2, 1, VDEV_CPUMAP_RUNNING);
	assert_int_equal(age(rig, 6 * US), 6 * US);
	assert_int_equal(vdev_mock_hang(rig->m, VCPUS), 0);
	assert_int_equal(vdev_mock_refresh(rig->m, 7 * US, rig->map), 4);
	expect(rig, 3, 2, VDEV_CPUMAP_RUNNING);
	assert_int_equal(age(rig, 7 * US), 7 * US);
	assert_int_equal(vdev_mock_hang(rig->m, UINT32_MAX), 0);
	assert_int_equal(vdev_mock_refresh(rig->m, 8 * US, rig->map), 4);
	assert_int_equal(age(rig, 8 * US), 0);
}

/* Nobody but the mock's own vCPUs is touched, also by one that has none. */
static void others(void **state)
{
	const struct vdev_mock_config none = {.struct_size =
						      offsetof(struct vdev_mock_config, max_vcpus),
					      .max_records = 1,
					      .max_vcpus = 77}; /* beyond an older caller's end */
	struct rig *rig = *state;
	struct vdev_mock *m;

	vdev_cpumap_set(rig->map, 0, VCPUS, 6, VDEV_CPUMAP_RUNNING);
	vdev_mock_refresh(rig->m, US, rig->map);
	assert_int_equal(vdev_mock_new(&m, &rig->v.env, &none), 0);
	assert_int_equal(vdev_mock_place(m, 0, 0, VDEV_CPUMAP_RUNNING), -EINVAL);
	assert_int_equal(vdev_mock_refresh(m, 2 * US, rig->map), 0);
	assert_int_equal(age(rig, 2 * US), 0);
	vdev_mock_free(m);
	expect(rig, VCPUS, 6, VDEV_CPUMAP_RUNNING);
}

/* The engine goes by what it is told, until it is told nothing any more. */
static void a_hint_by_a_lie(void **state)
{
	const struct vdev_irqhint_config config = {
		.struct_size = sizeof(config), .max_devices = 1, .max_types = 1, .max_age_ns = MS};
	struct rig *rig = *state;
	struct vdev_irqhint_hint hint;
	struct vdev_irqhint *hints;
	uint64_t dev, set;

	assert_int_equal(vdev_irqhint_new(&hints, &rig->v.env, rig->map, &config), 0);
	assert_int_equal(vdev_irqhint_add(hints, 1, 0, &dev), 0);
	vdev_mock_place(rig->m, 2, 1, VDEV_CPUMAP_RUNNING);
	vdev_mock_lie(rig->m, 2, 3, VDEV_CPUMAP_RUNNING);
	vdev_mock_refresh(rig->m, MS, rig->map);
	vdev_mock_hang(rig->m, 0);
	vdev_mock_refresh(rig->m, 3 * MS, rig->map);
	assert_int_equal(
		vdev_irqhint_event(hints, 3 * MS, dev, 0, 3, 0, &hint, sizeof(hint), &set, 1), 0);
	assert_int_equal(hint.reason, VDEV_IRQHINT_TOO_OLD);
	vdev_mock_hang(rig->m, UINT32_MAX);
	vdev_mock_refresh(rig->m, 3 * MS, rig->map);
	assert_int_equal(
		vdev_irqhint_event(hints, 3 * MS, dev, 0, 3, 0, &hint, sizeof(hint), &set, 1), 1);
	assert_int_equal(set, 1u << 2);
	vdev_irqhint_free(hints);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(the_truth), TEST(lies),   TEST(looks_that_fail), TEST(no_such_cpu),
		TEST(hangs),     TEST(others), TEST(a_hint_by_a_lie),
	};

	return cmocka_run_group_tests_name("mock_places", tests, NULL, NULL);
}
