/* SPDX-License-Identifier: BSD-3-Clause */
/* The migration planner when memory runs out: an error code, nothing changed, no leak. */
#include "test_migration_rig.h"

static struct mg t;
static uint8_t image[16384];
static size_t image_size;

static int rules_scenario(struct vt_env *v, void *arg)
{
	static const char text[] = "psid ignore\nboard exact REFUSE\n";
	const struct vdev_migration_rule rule = {.field = 1, .kind = VDEV_MIGRATION_IGNORE};
	struct vdev_migration_rules *r = NULL;
	int ret = vdev_migration_rules_new(&r, &v->env, arg ? VDEV_MIGRATION_EMPTY : 0);
	int before = ret ? 0 : vdev_migration_rules_count(r);

	if (!ret) {
		ret = vdev_migration_rules_parse(r, text, strlen(text), NULL, 0);
		if (ret < 0)
			assert_int_equal(vdev_migration_rules_count(r), before);
		ret = ret < 0 ? ret : 0;
	}
	for (uint32_t i = 0; !ret && i < 200; i++)
		ret = vdev_migration_rules_add(r, &rule, sizeof(rule));
	vdev_migration_rules_free(r);
	return ret;
}

static int add(struct vdev_migration *m, uint64_t *ret_host)
{
	struct vdev_migration_stats before, after;
	int ret;

	vdev_migration_stats(m, &before, sizeof(before));
	ret = vdev_migration_add_host(m, &t.host, ret_host);
	vdev_migration_stats(m, &after, sizeof(after));
	assert_int_equal(after.hosts, before.hosts + (ret ? 0 : 1));
	assert_int_equal(after.functions, before.functions + (ret ? 0 : t.host.device_count));
	return ret;
}

/* A comparison that cannot be remembered is made all the same, so not each failure is an error. */
static int planner_scenario(struct vt_env *v, void *arg)
{
	struct vdev_migration_config c = {
		.struct_size = sizeof(c), .max_hosts = 4, .max_types = 300, .max_functions = 20};
	struct vdev_migration_rank ranks[4];
	struct vdev_migration *m = NULL;
	uint64_t host[4];
	int ret;

	c.rules = arg;
	ret = vdev_migration_new(&m, &v->env, &c);
	for (uint32_t i = 0; !ret && i < 4; i++) {
		t.there[0].node = i & 1;
		ret = add(m, &host[i]);
	}
	if (!ret)
		ret = vdev_migration_rank(m, &t.vm, ranks, sizeof(ranks[0]), 4);
	if (ret >= 0)
		ret = vdev_migration_assign(m, &t.vm, host[0], NULL, 0, t.places,
					    sizeof(t.places[0]));
	vdev_migration_free(m);
	return ret < 0 ? ret : v->failed ? -ENOMEM : 0;
}

static int plan_scenario(struct vt_env *v, void *arg)
{
	struct vdev_migration_plan *plan = NULL;
	int ret = vdev_migration_plan_new(&plan, &v->env, NULL, &t.vm, &t.host);

	(void)arg;
	assert_true(ret ? plan == NULL : plan != NULL);
	if (!ret)
		ret = vdev_migration_plan_verify(plan, NULL, NULL, &t.host, 0, NULL, 0, 0, NULL);
	vdev_migration_plan_free(plan);
	return ret < 0 ? ret : v->failed ? -ENOMEM : 0;
}

static int load_scenario(struct vt_env *v, void *arg)
{
	struct vdev_migration_plan *plan = NULL;
	int ret = vdev_migration_plan_load(&v->env, image, image_size, &plan);

	(void)arg;
	assert_true(ret ? plan == NULL : plan != NULL);
	vdev_migration_plan_free(plan);
	return ret;
}

static void rules(void **state)
{
	(void)state;
	assert_in_range(vt_oom(rules_scenario, NULL), 3, 6);
	assert_in_range(vt_oom(rules_scenario, &t), 3, 6);
}

static void planner(void **state)
{
	struct vdev_migration_rules *own = mg_rules("class exact REFUSE");

	(void)state;
	assert_in_range(vt_oom(planner_scenario, NULL), 20, 80);
	assert_in_range(vt_oom(planner_scenario, own), 20, 80);
	vdev_migration_rules_free(own);
}

static void plan(void **state)
{
	(void)state;
	assert_in_range(vt_oom(plan_scenario, NULL), 20, 60);
}

static void load(void **state)
{
	(void)state;
	assert_int_equal(vt_oom(load_scenario, NULL), 3);
}

static int setup(void **state)
{
	struct vdev_migration_plan *p;
	int ret;

	(void)state;
	mg_init(&t);
	mg_function(&t, 8)->iommu_group = 1;
	mg_function(&t, 16)->iommu_group = 2;
	t.there[0].use = VDEV_MIGRATION_USED;
	t.host.node_count = 1;
	t.host.distances = (const uint8_t *)"\x0a";
	mg_want(&t, 0, UNKNOWN);
	mg_want(&t, VDEV_MIGRATION_SOFTWARE, UNKNOWN);
	assert_int_equal(vdev_migration_plan_new(&p, NULL, NULL, &t.vm, &t.host), 0);
	ret = vdev_migration_plan_save(p, image, sizeof(image), &image_size);
	vdev_migration_plan_free(p);
	return ret;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),
		cmocka_unit_test(planner),
		cmocka_unit_test(plan),
		cmocka_unit_test(load),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
