/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: whose word counts (R7). */
#include "test_removal_rig.h"

struct row {
	uint32_t policy;
	uint32_t flags;
	uint32_t guest, operator_level; /* as declared */
	uint32_t counts;
};

/* Levels by name: U unknown, W unsafe (warn), I idle, S safe; own levels as they are. */
enum { U, W, I, S };

static const struct row rows[] = {
	/* the guest's counts */
	{VDEV_REMOVAL_LEVEL_GUEST, 0, U, S, U},
	{VDEV_REMOVAL_LEVEL_GUEST, 0, W, S, W},
	{VDEV_REMOVAL_LEVEL_GUEST, 0, I, W, I},
	{VDEV_REMOVAL_LEVEL_GUEST, 0, S, U, S},
	{VDEV_REMOVAL_LEVEL_GUEST, 0, 17, S, 17},
	/* the operator's counts */
	{VDEV_REMOVAL_LEVEL_OPERATOR, 0, S, U, U},
	{VDEV_REMOVAL_LEVEL_OPERATOR, 0, S, W, W},
	{VDEV_REMOVAL_LEVEL_OPERATOR, 0, U, I, I},
	{VDEV_REMOVAL_LEVEL_OPERATOR, 0, W, S, S},
	{VDEV_REMOVAL_LEVEL_OPERATOR, 0, S, 30, 30},
	/* the lower one; own levels are no better than UNSAFE unless both say the same */
	{VDEV_REMOVAL_LEVEL_LOWER, 0, U, S, U},
	{VDEV_REMOVAL_LEVEL_LOWER, 0, S, U, U},
	{VDEV_REMOVAL_LEVEL_LOWER, 0, W, I, W},
	{VDEV_REMOVAL_LEVEL_LOWER, 0, I, W, W},
	{VDEV_REMOVAL_LEVEL_LOWER, 0, I, S, I},
	{VDEV_REMOVAL_LEVEL_LOWER, 0, S, I, I},
	{VDEV_REMOVAL_LEVEL_LOWER, 0, S, S, S},
	{VDEV_REMOVAL_LEVEL_LOWER, 0, 18, 18, 18},
	{VDEV_REMOVAL_LEVEL_LOWER, 0, 18, 19, W},
	{VDEV_REMOVAL_LEVEL_LOWER, 0, 18, W, W},
	{VDEV_REMOVAL_LEVEL_LOWER, 0, 18, S, 18},
	{VDEV_REMOVAL_LEVEL_LOWER, 0, U, 18, U},
	/* declared but not trusted: what is above UNSAFE acts as UNSAFE */
	{VDEV_REMOVAL_LEVEL_GUEST, VDEV_REMOVAL_UNTRUSTED, U, S, U},
	{VDEV_REMOVAL_LEVEL_GUEST, VDEV_REMOVAL_UNTRUSTED, W, S, W},
	{VDEV_REMOVAL_LEVEL_GUEST, VDEV_REMOVAL_UNTRUSTED, I, S, W},
	{VDEV_REMOVAL_LEVEL_GUEST, VDEV_REMOVAL_UNTRUSTED, S, S, W},
	{VDEV_REMOVAL_LEVEL_GUEST, VDEV_REMOVAL_UNTRUSTED, 16, S, W},
	{VDEV_REMOVAL_LEVEL_OPERATOR, VDEV_REMOVAL_UNTRUSTED, U, S, S},
	{VDEV_REMOVAL_LEVEL_OPERATOR, VDEV_REMOVAL_UNTRUSTED, S, I, I},
	{VDEV_REMOVAL_LEVEL_LOWER, VDEV_REMOVAL_UNTRUSTED, S, S, W},
	{VDEV_REMOVAL_LEVEL_LOWER, VDEV_REMOVAL_UNTRUSTED, S, U, U},
};

static void check_row(struct vt_removal *t, const struct row *row)
{
	struct vdev_removal_info info;
	uint64_t a;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	a = t->h['a'];
	vdev_removal_declare(t->r, t->now, a, VDEV_REMOVAL_GUEST, row->guest);
	vdev_removal_declare(t->r, t->now, a, VDEV_REMOVAL_OPERATOR, row->operator_level);
	info = vt_info(t, 'a');
	assert_int_equal(vdev_removal_level(t->r, a), row->counts);
	assert_int_equal(info.level, row->counts);
	assert_int_equal(info.guest_level, row->guest);
	assert_int_equal(info.operator_level, row->operator_level);
}

/* The level that counts decides, not the one that was said. */
static void check_path(struct vt_removal *t, const struct row *row)
{
	const char *path = row->counts == S   ? GONE_A
			   : row->counts == I ? "QUIESCE:a " GONE_A
					      : "WARN:a REQUESTED:a";

	vt_expect(t, vt_request(t, 'a', 0), path);
}

static void r7_sources_and_policies(void **state)
{
	struct vt_removal *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(rows); i++) {
		struct vdev_removal_config c = {.flags = rows[i].flags | VDEV_REMOVAL_COARSE,
						.level_policy = rows[i].policy};

		reconfigure(t, c);
		check_row(t, &rows[i]);
		check_path(t, &rows[i]);
	}
}

static void r7_order_of_declaring_does_not_matter(void **state)
{
	struct vt_removal *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(rows); i++) {
		struct vdev_removal_config c = {.flags = rows[i].flags,
						.level_policy = rows[i].policy};
		uint64_t a;

		reconfigure(t, c);
		vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
		a = t->h['a'];
		vdev_removal_declare(t->r, t->now, a, VDEV_REMOVAL_OPERATOR,
				     rows[i].operator_level);
		vdev_removal_declare(t->r, t->now, a, VDEV_REMOVAL_GUEST, rows[i].guest);
		assert_int_equal(vdev_removal_level(t->r, a), rows[i].counts);
	}
}

static void r7_operators_late_safe_lets_a_request_proceed(void **state)
{
	const struct vdev_removal_config c = {.flags = VDEV_REMOVAL_COARSE | VDEV_REMOVAL_UNTRUSTED,
					      .level_policy = VDEV_REMOVAL_LEVEL_OPERATOR};
	struct vt_removal *t = *state;

	reconfigure(t, c);
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE), "");
	vt_expect(t,
		  vdev_removal_declare(t->r, t->now, t->h['a'], VDEV_REMOVAL_OPERATOR,
				       VDEV_REMOVAL_SAFE),
		  GONE_A);
}

static void r7_untrusted_late_safe_changes_nothing(void **state)
{
	const struct vdev_removal_config c = {.flags =
						      VDEV_REMOVAL_COARSE | VDEV_REMOVAL_UNTRUSTED};
	struct vt_removal *t = *state;

	reconfigure(t, c);
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE), "");
	vt_expect(t, vt_ack(t, 'a'), ACKED_A);
}

static void r7_hot_plug_surprise_bit_is_a_fact_beside_the_level(void **state)
{
	static const struct vdev_removal_unit slot = {.unit_class = VDEV_REMOVAL_PCI_SLOT,
						      .transport = VDEV_REMOVAL_PCIE,
						      .slot_cap = VT_CAP | 0x20};
	struct vt_removal *t = *state;

	vt_add(t, 's', &slot);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_registers(t, 's', VT_ON, 0);
	assert_true(vt_info(t, 's').flags & VDEV_REMOVAL_IS_SURPRISE_SLOT);
	assert_true(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_SURPRISE_SLOT);
	assert_int_equal(vdev_removal_level(t->r, t->h['a']), VDEV_REMOVAL_UNKNOWN);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");

	vt_slot(t, 'z', VDEV_REMOVAL_PCIE, 0); /* without the bit */
	vt_child(t, 'b', 'z', VDEV_REMOVAL_PCI_FUNCTION, 0);
	assert_false(vt_info(t, 'b').flags & VDEV_REMOVAL_IS_SURPRISE_SLOT);
}

static void r7_source_out_of_range_is_no_guests_fault(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	assert_int_equal(vdev_removal_declare(t->r, t->now, t->h['a'], 2, S), -EINVAL);
	assert_int_equal(vdev_removal_declare(t->r, t->now, t->h['a'], VDEV_REMOVAL_OPERATOR, 4),
			 -EINVAL);
	assert_int_equal(vt_stats(t).bad_guest, 0);
	assert_int_equal(vdev_removal_declare(t->r, t->now, t->h['a'], VDEV_REMOVAL_GUEST, 4),
			 -EINVAL);
	assert_int_equal(vt_stats(t).bad_guest, 1);
	assert_int_equal(vt_stats(t).declared, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r7_sources_and_policies),
		TEST(r7_order_of_declaring_does_not_matter),
		TEST(r7_operators_late_safe_lets_a_request_proceed),
		TEST(r7_untrusted_late_safe_changes_nothing),
		TEST(r7_hot_plug_surprise_bit_is_a_fact_beside_the_level),
		TEST(r7_source_out_of_range_is_no_guests_fault),
	};

	return cmocka_run_group_tests_name("removal_trust", tests, NULL, NULL);
}
