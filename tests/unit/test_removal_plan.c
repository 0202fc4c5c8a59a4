/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: the dry run says what then happens, and why (R13). */
#include "test_removal_rig.h"

#define MOST 256

static int plan(struct vt_removal *t, char letter, uint32_t flags, struct vdev_removal_planned *p)
{
	const struct vdev_removal_request q = {.struct_size = sizeof(q), .flags = flags};

	return vdev_removal_plan(t->r, t->h[(unsigned char)letter], &q, p, sizeof(*p), MOST);
}

static uint32_t because(struct vt_removal *t, char letter, uint32_t flags)
{
	struct vdev_removal_planned p[MOST];
	int n = plan(t, letter, flags, p);

	assert_true(n > 0);
	for (int i = 1; i < n; i++)
		assert_int_equal(p[i].because, p[0].because);
	return p[0].because;
}

/* A forest: slots, bridges, PFs with VFs, lone units; every level, transport and fact. */
static void grow(struct vt_removal *t, struct vt_rand *rand)
{
	static const uint32_t classes[] = {VDEV_REMOVAL_PCI_FUNCTION, VDEV_REMOVAL_PCI_FUNCTION,
					   VDEV_REMOVAL_PCI_SLOT, VDEV_REMOVAL_PCI_BRIDGE,
					   VDEV_REMOVAL_MEMORY};
	uint32_t count = 1 + (uint32_t)vt_below(rand, 12);

	for (uint32_t i = 0; i < count; i++) {
		struct vdev_removal_unit u = {
			.unit_class = classes[vt_below(rand, VT_COUNT(classes))],
			.transport = (uint32_t)vt_below(rand, 4),
			.flags = vt_chance(rand, 20) ? VDEV_REMOVAL_TRACK_TOUCH : 0,
			.function = (uint32_t)vt_below(rand, 8)};
		char letter = (char)('a' + i);

		if (i && vt_chance(rand, 75))
			u.parent = t->h['a' + vt_below(rand, i)];
		assert_in_range(vt_add(t, letter, &u), 0, 100);
		vt_ready(t, letter, (uint32_t)vt_below(rand, 2));
		vt_level(t, letter, (uint32_t)(vt_chance(rand, 5) ? 16 : vt_below(rand, 4)));
		if (vt_chance(rand, 15))
			vdev_removal_backend_gone(t->r, t->h['a' + i]);
	}
}

static void expect_step(struct vt_removal *t, const struct vdev_removal_planned *p,
			const struct vdev_action *a)
{
	assert_int_equal(a->kind, p->kind);
	assert_int_equal(a->dev, p->dev);
	assert_int_equal(a->user_data, p->user_data);
	assert_int_equal(a->flags, p->flags);
	assert_int_equal(a->deadline_ns - t->now, p->deadline_ns);
}

/* Lets the guest be ready and acknowledge at once; outcomes are not part of a plan. */
static int next_step(struct vt_removal *t, char letter, struct vdev_action *a)
{
	for (int waits = 0; waits < 3;) {
		if (vdev_removal_next(t->r, a, sizeof(*a)) == 1) {
			if (a->kind != VDEV_REMOVAL_OUTCOME)
				return 1;
			vdev_removal_done(t->r, t->now, a->id, 0);
		} else if (!vt_info(t, letter).target) {
			return 0;
		} else if (waits++ == 0) {
			vt_ready(t, (char)t->last.user_data, 1);
		} else {
			vt_ack(t, letter);
		}
	}
	return 0;
}

static void follow(struct vt_removal *t, char letter, uint32_t flags)
{
	struct vdev_removal_planned p[MOST];
	struct vdev_action a;
	int n = plan(t, letter, flags, p);

	assert_in_range(n, 0, MOST);
	if (n) /* the target of the first step is who has to become ready */
		t->last.user_data = p[0].user_data;
	assert_in_range(vt_request(t, letter, flags), 0, 1);
	for (int i = 0; i < n; i++) {
		if (p[i].kind == VDEV_REMOVAL_AWAIT_ACK)
			continue;
		assert_int_equal(next_step(t, letter, &a), 1);
		expect_step(t, &p[i], &a);
		assert_in_range(vdev_removal_done(t->r, t->now, a.id, 0), 0, 1);
	}
	assert_int_equal(next_step(t, letter, &a), 0);
}

static void r13_plan_is_what_then_happens(void **state)
{
	struct vt_removal *t = *state;
	struct vt_rand rand;

	vt_rand_init(&rand, "removal_plan", 13);
	for (int round = 0; round < 2000; round++) {
		struct vdev_removal_config c = {
			.flags = (uint32_t)vt_below(&rand, 4), /* UNTRUSTED, COARSE */
			.ack_ns = vt_below(&rand, 3) * VT_SEC};

		reconfigure(t, c);
		grow(t, &rand);
		if (vt_chance(&rand, 10))
			vdev_removal_reset_begin(t->r, t->now);
		follow(t, (char)('a' + vt_below(&rand, vt_stats(t).units)),
		       vt_chance(&rand, 20) ? VDEV_REMOVAL_FORCE : 0);
	}
}

static void r13_plan_changes_nothing(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_removal_planned p[MOST];
	uint8_t before[4096], after[4096];
	size_t size, again;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	assert_int_equal(vdev_removal_save(t->r, t->now, before, sizeof(before), &size), 0);
	assert_int_equal(plan(t, 'a', 0, p), 5);
	assert_int_equal(plan(t, 'a', VDEV_REMOVAL_FORCE, p), 3);
	assert_int_equal(vdev_removal_save(t->r, t->now, after, sizeof(after), &again), 0);
	assert_int_equal(size, again);
	assert_memory_equal(before, after, size);
	assert_int_equal(vt_stats(t).requests, 0);
}

static void r13_plan_says_undo_deadline_and_reason(void **state)
{
	static const struct vdev_removal_planned wanted[] = {
		{0, 's', VT_SEC, VDEV_REMOVAL_WARN, VDEV_REMOVAL_UNWARN,
		 VDEV_REMOVAL_BECAUSE_UNSAFE, 0},
		{0, 's', 60 * VT_SEC, VDEV_REMOVAL_AWAIT_ACK, VDEV_REMOVAL_NO_UNDO,
		 VDEV_REMOVAL_BECAUSE_UNSAFE, 0},
		{0, 'a', VT_SEC, VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO,
		 VDEV_REMOVAL_BECAUSE_UNSAFE, VDEV_REMOVAL_LAST},
		{0, 'a', 30 * VT_SEC, VDEV_REMOVAL_TEARDOWN, VDEV_REMOVAL_NO_UNDO,
		 VDEV_REMOVAL_BECAUSE_UNSAFE, 0},
		{0, 'a', 10 * VT_SEC, VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO,
		 VDEV_REMOVAL_BECAUSE_UNSAFE, 0}};
	struct vt_removal *t = *state;
	struct vdev_removal_planned p[MOST];

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	assert_int_equal(plan(t, 'a', 0, p), VT_COUNT(wanted));
	for (uint32_t i = 0; i < VT_COUNT(wanted); i++) {
		assert_int_equal(p[i].dev, t->h[wanted[i].user_data]);
		p[i].dev = 0;
		assert_memory_equal(&p[i], &wanted[i], sizeof(p[i]));
	}
}

static void r13_each_reason(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	assert_int_equal(because(t, 'a', 0), VDEV_REMOVAL_BECAUSE_UNKNOWN);
	vt_level(t, 'a', VDEV_REMOVAL_UNSAFE);
	assert_int_equal(because(t, 'a', 0), VDEV_REMOVAL_BECAUSE_UNSAFE);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	assert_int_equal(because(t, 'a', 0), VDEV_REMOVAL_BECAUSE_SAFE_IDLE);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	assert_int_equal(because(t, 'a', 0), VDEV_REMOVAL_BECAUSE_SAFE);
	vt_level(t, 'a', 31);
	assert_int_equal(because(t, 'a', 0), VDEV_REMOVAL_BECAUSE_OWN);
	assert_int_equal(because(t, 'a', VDEV_REMOVAL_FORCE), VDEV_REMOVAL_BECAUSE_FORCED);
	vdev_removal_reset_begin(t->r, t->now);
	assert_int_equal(because(t, 'a', 0), VDEV_REMOVAL_BECAUSE_RESET);
	vdev_removal_reset_end(t->r, t->now);

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_level(t, 'b', VDEV_REMOVAL_UNSAFE);
	assert_int_equal(because(t, 'a', 0), VDEV_REMOVAL_BECAUSE_BELOW);
	assert_int_equal(because(t, 'b', 0), VDEV_REMOVAL_BECAUSE_UNSAFE);
	assert_int_equal(because(t, 's', 0), VDEV_REMOVAL_BECAUSE_UNSAFE);
	vt_level(t, 'a', VDEV_REMOVAL_UNKNOWN);
	assert_int_equal(because(t, 'a', 0), VDEV_REMOVAL_BECAUSE_UNKNOWN);
	assert_int_equal(because(t, 'b', 0), VDEV_REMOVAL_BECAUSE_BELOW);
	assert_int_equal(because(t, 's', 0), VDEV_REMOVAL_BECAUSE_UNKNOWN);
	vt_level(t, 'a', VDEV_REMOVAL_UNSAFE); /* both alike: each for its own sake */
	assert_int_equal(because(t, 'a', 0), VDEV_REMOVAL_BECAUSE_UNSAFE);
	assert_int_equal(because(t, 'b', 0), VDEV_REMOVAL_BECAUSE_UNSAFE);
	vt_registers(t, 's', VT_OFF, 0);
	vt_drain(t);
	assert_int_equal(because(t, 'a', 0), VDEV_REMOVAL_BECAUSE_POWERED_OFF);

	vt_add(t, 'u',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_OTHER,
					   .flags = VDEV_REMOVAL_TRACK_TOUCH});
	assert_int_equal(because(t, 'u', 0), VDEV_REMOVAL_BECAUSE_UNTOUCHED);
	reconfigure(t, (struct vdev_removal_config){.flags = VDEV_REMOVAL_UNTRUSTED});
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	assert_int_equal(because(t, 'a', 0), VDEV_REMOVAL_BECAUSE_UNTRUSTED);
}

static void r13_reasons_have_sentences(void **state)
{
	(void)state;
	for (uint32_t i = VDEV_REMOVAL_BECAUSE_UNKNOWN; i <= VDEV_REMOVAL_BECAUSE_RESET; i++) {
		assert_true(strlen(vdev_removal_because(i)) > 10);
		for (uint32_t k = 1; k < i; k++)
			assert_string_not_equal(vdev_removal_because(i), vdev_removal_because(k));
	}
	assert_string_equal(vdev_removal_because(0), "?");
	assert_string_equal(vdev_removal_because(VDEV_REMOVAL_BECAUSE_RESET + 1), "?");
	assert_string_equal(vdev_removal_because(UINT32_MAX), "?");
}

static void r13_counts_what_does_not_fit(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_removal_planned p[3] = {{0}};

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	assert_int_equal(vdev_removal_plan(t->r, t->h['a'], NULL, NULL, 0, 0), 5);
	assert_int_equal(vdev_removal_plan(t->r, t->h['a'], NULL, p, sizeof(p[0]), 2), 5);
	assert_int_equal(p[1].kind, VDEV_REMOVAL_AWAIT_ACK);
	assert_int_equal(p[2].kind, 0);
}

/* An older caller knows less of each step, a newer one more. */
static void r13_entries_of_another_size(void **state)
{
	struct vt_removal *t = *state;
	struct {
		struct vdev_removal_planned p;
		uint64_t more;
	} newer[2];
	uint64_t older[3] = {0, 0, 77};

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	memset(newer, 0xff, sizeof(newer));
	assert_int_equal(vdev_removal_plan(t->r, t->h['a'], NULL,
					   (struct vdev_removal_planned *)newer, sizeof(newer[0]),
					   2),
			 5);
	assert_int_equal(newer[1].p.kind, VDEV_REMOVAL_AWAIT_ACK);
	assert_int_equal(newer[1].more, 0);
	assert_int_equal(vdev_removal_plan(t->r, t->h['a'], NULL,
					   (struct vdev_removal_planned *)older, 8, 2),
			 5);
	assert_int_equal(older[0], t->h['a']);
	assert_int_equal(older[1], t->h['a']);
	assert_int_equal(older[2], 77);
}

static void r13_plan_of_what_is_under_way(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_request(t, 'a', 0);
	assert_int_equal(vdev_removal_plan(t->r, t->h['a'], NULL, NULL, 0, 0), -EBUSY);
	assert_int_equal(vdev_removal_plan(t->r, t->h['s'], NULL, NULL, 0, 0), -EBUSY);
}

static void r13_time_of_the_wait(void **state)
{
	struct vt_removal *t = *state;
	const struct vdev_removal_request q = {.struct_size = sizeof(q), .ack_ns = 123};
	struct vdev_removal_planned p[2];

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vdev_removal_plan(t->r, t->h['a'], &q, p, sizeof(p[0]), 2);
	assert_int_equal(p[1].deadline_ns, 123);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r13_plan_is_what_then_happens),
		TEST(r13_plan_changes_nothing),
		TEST(r13_plan_says_undo_deadline_and_reason),
		TEST(r13_each_reason),
		TEST(r13_reasons_have_sentences),
		TEST(r13_counts_what_does_not_fit),
		TEST(r13_entries_of_another_size),
		TEST(r13_plan_of_what_is_under_way),
		TEST(r13_time_of_the_wait),
	};

	return cmocka_run_group_tests_name("removal_plan", tests, NULL, NULL);
}
