/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: what has changed since the plan, just before commit (M9). */
#include "test_migration_rig.h"

/* A VM of two devices on the functions at 8 and 16, and the host that they come from. */
struct both {
	struct mg t;
	struct vdev_migration_plan *plan;
	struct vdev_migration_host source;
	uint32_t stop;
};

static void begin(struct both *x)
{
	memset(x, 0, sizeof(*x));
	mg_init(&x->t);
	mg_function(&x->t, 8);
	mg_set(mg_function(&x->t, 16), "driver_version", "6.9"); /* later than ours: fits */
	mg_want(&x->t, VDEV_MIGRATION_SOFTWARE, UNKNOWN);
	mg_want(&x->t, 0, UNKNOWN);
	x->source = (struct vdev_migration_host){.struct_size = sizeof(x->source),
						 .device_size = SIZE,
						 .device_count = 2,
						 .devices = x->t.here};
	x->t.here[0].use = VDEV_MIGRATION_USED; /* by the VM */
	x->t.here[1].use = VDEV_MIGRATION_USED;
	assert_int_equal(vdev_migration_plan_new(&x->plan, &x->t.v.env, NULL, &x->t.vm, &x->t.host),
			 0);
}

static void end(struct both *x)
{
	vdev_migration_plan_free(x->plan);
	mg_end(&x->t);
}

/* "1>WORSE(firmware)QUIESCE_REBUILD! ": device, side, what, field, verdict now, whether it hinders. */
static const char *changes_by(struct both *x, const struct vdev_migration_rules *rules,
			      const struct vdev_migration_host *source, uint32_t flags)
{
	struct vdev_migration_change c[16];
	size_t used = 0;
	int count = vdev_migration_plan_verify(x->plan, rules, source, &x->t.host, flags, c,
					       sizeof(c[0]), 16, &x->stop);

	assert_in_range(count, 0, 16);
	x->t.text[0] = '\0';
	for (int i = 0; i < count; i++) {
		struct vdev_migration_field f = {.name = ""};

		if (c[i].field != UNKNOWN)
			vdev_migration_field(c[i].field, &f, sizeof(f));
		used += (size_t)snprintf(
			x->t.text + used, sizeof(x->t.text) - used, "%u%c%s(%s)%s%s ", c[i].device,
			"?<>"[c[i].side], vdev_migration_change_name(c[i].what), f.name,
			vdev_migration_verdict_name(c[i].verdict), c[i].stop ? "!" : "");
		assert_true(!c[i].stop || x->stop);
	}
	return x->t.text;
}

static const char *changes(struct both *x, const struct vdev_migration_host *source, uint32_t flags)
{
	return changes_by(x, NULL, source, flags);
}

#define expect(x, wanted, stops)                                            \
	do {                                                                \
		assert_string_equal(changes(x, &(x)->source, 0), (wanted)); \
		assert_int_equal((x)->stop, (stops));                       \
	} while (0)

static void nothing_has_changed(void **state)
{
	struct both x;

	(void)state;
	begin(&x);
	expect(&x, "", 0);
	assert_int_equal(vdev_migration_plan_verify(x.plan, NULL, NULL, NULL, 0, NULL, 0, 0, NULL),
			 0);
	mg_set(&x.t.there[0], "serial", "other"); /* no rule looks at it */
	expect(&x, "", 0);
	end(&x);
}

static void gone(void **state)
{
	struct both x;

	(void)state;
	begin(&x);
	x.t.there[0].address = 1000; /* is another function now */
	expect(&x, "0>GONE()EMULATE! ", 1);
	x.t.there[0].address = 8;
	x.t.here[1].address = 1000;
	expect(&x, "1<GONE()REFUSE! ", 1);
	x.source.device_count = 0;
	x.t.host.device_count = 0;
	expect(&x, "0<GONE()EMULATE! 0>GONE()EMULATE! 1<GONE()REFUSE! 1>GONE()REFUSE! ", 1);
	end(&x);
}

static void taken(void **state)
{
	struct both x;

	(void)state;
	begin(&x);
	x.t.there[1].use = VDEV_MIGRATION_USED;
	expect(&x, "1>NOT_FREE()LIVE! ", 1);
	/* By ourselves: that is what CLAIM does. */
	assert_string_equal(changes(&x, NULL, VDEV_MIGRATION_CLAIMED), "");
	assert_int_equal(x.stop, 0);
	/* But not if one that we have not claimed is used in its group. */
	mg_function(&x.t, 24)->use = VDEV_MIGRATION_USED;
	x.t.there[2].iommu_group = 4;
	x.t.there[1].iommu_group = 4;
	assert_string_equal(changes(&x, NULL, VDEV_MIGRATION_CLAIMED), "1>NOT_FREE()LIVE! ");
	x.t.there[1].iommu_group = UNKNOWN;
	mg_set(&x.t.there[1], "sriov_vfs", "2"); /* has VFs now */
	assert_string_equal(changes(&x, NULL, VDEV_MIGRATION_CLAIMED), "1>NOT_FREE()LIVE! ");
	assert_int_equal(x.stop, 1);
	end(&x);
}

/* What only who has the device open can ask for. */
static const char *const answers[] = {"stop_copy", "p2p", "pre_copy", "dma_logging"};

static void answers_nobody(struct vdev_migration_device *d, uint32_t use)
{
	d->use = use;
	for (uint32_t i = 0; i < VT_COUNT(answers); i++)
		mg_set(d, answers[i], NULL);
}

/* By rules that look at all four, so that each one that is lost would be told. */
static const char *changes_by_all_four(struct both *x, uint32_t flags)
{
	struct vdev_migration_rules *rules = mg_rules("stop_copy need value=1 QUIESCE_REBUILD\n"
						      "p2p need value=1 QUIESCE_REBUILD\n"
						      "pre_copy need value=1 QUIESCE_REBUILD\n"
						      "dma_logging need value=1 QUIESCE_REBUILD\n");
	const char *text = changes_by(x, rules, &x->source, flags);

	vdev_migration_rules_free(rules);
	return text;
}

/* M9: just before commit the functions of both ends are open, and answer nobody else for what they can. */
static void m9_an_open_function_answers_nobody(void **state)
{
	struct both x;

	(void)state;
	begin(&x);
	answers_nobody(&x.t.there[0], VDEV_MIGRATION_USED);
	answers_nobody(&x.t.here[0], VDEV_MIGRATION_USED);
	assert_string_equal(changes(&x, &x.source, VDEV_MIGRATION_CLAIMED), "");
	assert_int_equal(x.stop, 0);
	/* Not claimed: somebody else has it. */
	expect(&x,
	       "0>NOT_FREE()LIVE! 0>WORSE(stop_copy)QUIESCE_REBUILD! "
	       "0>WORSE(p2p)QUIESCE_REBUILD! 0>WORSE(pre_copy)QUIESCE_REBUILD! ",
	       1);
	/* Nobody has it open, and it does not answer: it cannot. */
	answers_nobody(&x.t.there[0], VDEV_MIGRATION_FREE);
	assert_string_equal(changes(&x, &x.source, VDEV_MIGRATION_CLAIMED),
			    "0>WORSE(stop_copy)QUIESCE_REBUILD! 0>WORSE(p2p)QUIESCE_REBUILD! "
			    "0>WORSE(pre_copy)QUIESCE_REBUILD! ");
	/* What it does answer counts, and all else of it, too. */
	x.t.there[0].use = VDEV_MIGRATION_USED;
	mg_set(&x.t.there[0], "pre_copy", "0");
	mg_set(&x.t.there[0], "firmware", "1");
	assert_string_equal(changes(&x, &x.source, VDEV_MIGRATION_CLAIMED),
			    "0>WORSE(pre_copy)QUIESCE_REBUILD! 0>WORSE(firmware)QUIESCE_REBUILD! ");
	end(&x);
}

/* M9: each of the four, with its value of the plan; what was not known then is not known now. */
static void m9_answers_are_those_of_the_plan(void **state)
{
	struct both x;

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(answers); i++) {
		begin(&x);
		vdev_migration_plan_free(x.plan);
		mg_set(&x.t.there[0], "dma_logging", "1");
		mg_set(&x.t.here[0], "dma_logging", "1");
		x.t.vm.device_count = 1;
		assert_int_equal(
			vdev_migration_plan_new(&x.plan, &x.t.v.env, NULL, &x.t.vm, &x.t.host), 0);
		x.t.there[0].use = VDEV_MIGRATION_USED;
		mg_set(&x.t.there[0], answers[i], NULL);
		mg_set(&x.t.here[0], answers[i], NULL);
		assert_string_equal(changes_by_all_four(&x, VDEV_MIGRATION_CLAIMED), "");
		x.t.there[0].use = VDEV_MIGRATION_FREE;
		changes_by_all_four(&x, VDEV_MIGRATION_CLAIMED);
		assert_int_equal(x.stop, 1);
		end(&x);
	}
	begin(&x); /* nobody ever said whether it logs */
	answers_nobody(&x.t.there[0], VDEV_MIGRATION_USED);
	changes_by_all_four(&x, VDEV_MIGRATION_CLAIMED);
	assert_int_equal(x.stop, 1);
	end(&x);
}

/* M9, M12: a plan may be made with what is not known, a commit needs to know that nobody has it. */
static void m9_not_known_whether_it_is_free(void **state)
{
	struct both x;

	(void)state;
	begin(&x);
	x.t.there[1].use = VDEV_MIGRATION_USE_UNKNOWN;
	expect(&x, "1>NOT_FREE()LIVE! ", 1);
	assert_string_equal(changes(&x, &x.source, VDEV_MIGRATION_CLAIMED), "");
	assert_int_equal(x.stop, 0);
	end(&x);
}

/* A firmware update between plan and commit is what M9 is about. */
static void the_verdict_is_worse(void **state)
{
	struct both x;

	(void)state;
	begin(&x);
	mg_set(&x.t.there[0], "firmware", "28.43.0001");
	expect(&x, "0>WORSE(firmware)QUIESCE_REBUILD! ", 1);
	mg_set(&x.t.there[0], "header_type", "1");
	expect(&x, "0>WORSE(header_type)EMULATE! 0>WORSE(firmware)EMULATE! ", 1);
	end(&x);
	begin(&x);
	mg_set(&x.t.here[1], "firmware", NULL);
	expect(&x, "1<WORSE(firmware)QUIESCE_REBUILD! ", 1);
	end(&x);
	begin(&x);
	mg_set(&x.t.there[0], "pre_copy", "0");
	expect(&x, "0>WORSE(pre_copy)LIVE_STOP_COPY_ONLY! ", 1);
	end(&x);
	/* What differs already may differ otherwise. */
	begin(&x);
	mg_set(&x.t.there[1], "driver_version", "6.10");
	expect(&x, "1>OTHER_VALUE(driver_version)LIVE ", 0);
	mg_set(&x.t.there[1], "driver_version", NULL);
	expect(&x, "1>WORSE(driver_version)QUIESCE_REBUILD! ", 1);
	mg_set(&x.t.here[1], "driver_version", "6.8");
	mg_set(&x.t.there[1], "driver_version", "6.8");
	expect(&x, "1<OTHER_VALUE(driver_version)LIVE 1>OTHER_VALUE(driver_version)LIVE ", 0);
	end(&x);
}

/* A layout that holds more, or later versions, by a rule that allows it. */
static void another_layout(void **state)
{
	struct vdev_migration_rules *rules = mg_rules("caps at-least REFUSE");
	struct vdev_migration_change c;
	struct both x;

	(void)state;
	begin(&x);
	mg_cap(&x.t.there[0], 0x01, 0x200, 1);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(vdev_migration_plan_verify(x.plan, rules, NULL, &x.t.host, 0, &c,
							    sizeof(c), 1, &x.stop),
				 1);
		assert_int_equal(c.what, VDEV_MIGRATION_OTHER_VALUE);
		assert_int_equal(c.field, VDEV_MIGRATION_F_CAPS);
		assert_int_equal(x.stop, 0);
		x.t.there[0].cap_count--; /* and next: as many, but a later one */
		x.t.there[0].caps[2].version++;
	}
	vdev_migration_rules_free(rules);
	end(&x);
}

static void another_node(void **state)
{
	struct both x;

	(void)state;
	begin(&x);
	x.t.there[1].node = 1;
	expect(&x, "1>MOVED_NODE()LIVE ", 0);
	end(&x);
}

/* Without a function there is nothing to look at there. */
static void emulated_and_refused(void **state)
{
	struct vdev_migration_change c;
	struct both x;
	uint32_t stop = 7;

	(void)state;
	begin(&x);
	vdev_migration_plan_free(x.plan);
	x.t.host.device_count = 1;
	mg_set(&x.t.there[0], "class", "0x010802");
	x.t.vm.device_count = 1;
	assert_int_equal(vdev_migration_plan_new(&x.plan, &x.t.v.env, NULL, &x.t.vm, &x.t.host), 0);
	x.source.device_count = 1;
	expect(&x, "", 0);
	mg_set(&x.t.there[0], "firmware", "other");
	x.t.there[0].use = VDEV_MIGRATION_USED;
	expect(&x, "", 0);
	assert_string_equal(changes(&x, NULL, VDEV_MIGRATION_CLAIMED), ""); /* nothing was */
	vdev_migration_plan_free(x.plan);
	x.t.wants[0].flags = 0;
	assert_int_equal(vdev_migration_plan_new(&x.plan, &x.t.v.env, NULL, &x.t.vm, &x.t.host), 0);
	assert_int_equal(
		vdev_migration_plan_verify(x.plan, NULL, NULL, NULL, 0, &c, sizeof(c), 1, &stop),
		0);
	assert_int_equal(stop, 1); /* it never was a plan to follow */
	end(&x);
}

/* More changes than room, and rules of one's own. */
static void room_and_rules(void **state)
{
	struct vdev_migration_rules *rules = mg_rules("psid exact QUIESCE_REBUILD");
	struct vdev_migration_change c[2];
	struct both x;

	(void)state;
	begin(&x);
	for (uint32_t i = 0; i < 2; i++) {
		mg_set(&x.t.there[i], "firmware", "1");
		x.t.there[i].use = VDEV_MIGRATION_USED;
	}
	memset(c, 0xa5, sizeof(c));
	assert_int_equal(vdev_migration_plan_verify(x.plan, NULL, NULL, &x.t.host, 0, c,
						    sizeof(c[0]), 1, NULL),
			 4);
	assert_int_equal(c[0].what, VDEV_MIGRATION_NOT_FREE);
	assert_int_equal(c[1].what, 0xa5a5a5a5);
	assert_int_equal(vdev_migration_plan_verify(x.plan, rules, NULL, &x.t.host,
						    VDEV_MIGRATION_CLAIMED, c, sizeof(c[0]), 2,
						    &x.stop),
			 0);
	assert_int_equal(x.stop, 0);
	vdev_migration_rules_free(rules);
	end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_has_changed),
		cmocka_unit_test(gone),
		cmocka_unit_test(taken),
		cmocka_unit_test(m9_an_open_function_answers_nobody),
		cmocka_unit_test(m9_answers_are_those_of_the_plan),
		cmocka_unit_test(m9_not_known_whether_it_is_free),
		cmocka_unit_test(the_verdict_is_worse),
		cmocka_unit_test(another_layout),
		cmocka_unit_test(another_node),
		cmocka_unit_test(emulated_and_refused),
		cmocka_unit_test(room_and_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
