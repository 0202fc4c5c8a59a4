/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: plans that are saved and loaded; images that are damaged, too new, or made by an attacker. */
#include "test_migration_forge.h"

static struct mg t;
static struct image good; /* a rebuilt device, one that is LIVE, one that is emulated */

static int loads(const struct image *i)
{
	struct vdev_migration_plan *plan = NULL;
	int ret = vdev_migration_plan_load(&t.v.env, i->bytes, i->size, &plan);

	assert_true(ret ? plan == NULL : plan != NULL);
	vdev_migration_plan_free(plan);
	return ret;
}

static void save(const struct vdev_migration_plan *plan, struct image *i)
{
	size_t need;

	assert_int_equal(vdev_migration_plan_save(plan, NULL, 0, &need), -ENOBUFS);
	assert_int_equal(vdev_migration_plan_save(plan, i->bytes, need - 1, &i->size), -ENOBUFS);
	assert_int_equal(vdev_migration_plan_save(plan, i->bytes, MOST, &i->size), 0);
	assert_int_equal(i->size, need);
}

static int setup(void **state)
{
	struct vdev_migration_plan *plan;

	(void)state;
	mg_init(&t);
	mg_set(mg_function(&t, 8), "firmware", "1");
	mg_function(&t, 16)->node = 1;
	t.host.node_count = 2;
	mg_set(mg_want(&t, 0, 0), "firmware", "2");
	mg_set(&t.here[0], "psid", NULL);
	mg_set(&t.there[0], "stream_version", NULL);
	mg_want(&t, 0, 0);
	mg_want(&t, VDEV_MIGRATION_SOFTWARE, 0);
	assert_int_equal(vdev_migration_plan_new(&plan, &t.v.env, NULL, &t.vm, &t.host), 0);
	save(plan, &good);
	vdev_migration_plan_free(plan);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mg_end(&t);
	return 0;
}

static void same_plan(const struct vdev_migration_plan *a, const struct vdev_migration_plan *b)
{
	struct vdev_migration_plan_info info, other;

	vdev_migration_plan_get(a, &info, sizeof(info));
	vdev_migration_plan_get(b, &other, sizeof(other));
	assert_memory_equal(&info, &other, sizeof(info));
	for (uint32_t i = 0; i < info.steps; i++) {
		struct vdev_migration_step s, o;

		vdev_migration_plan_step(a, i, &s, sizeof(s));
		vdev_migration_plan_step(b, i, &o, sizeof(o));
		assert_memory_equal(&s, &o, sizeof(s));
	}
	for (uint32_t i = 0; i < info.devices; i++) {
		const struct vdev_migration_device *source[2];
		struct vdev_migration_place p, o;

		vdev_migration_plan_device(a, i, &p, sizeof(p), &source[0], NULL);
		vdev_migration_plan_device(b, i, &o, sizeof(o), &source[1], NULL);
		assert_int_equal(o.user_data, 0);
		p.user_data = 0;
		assert_memory_equal(&p, &o, sizeof(p));
		for (uint32_t k = 0; k < VDEV_MIGRATION_FIELDS; k++) {
			char text[2][256];

			vdev_migration_value(source[0], SIZE, k, text[0], sizeof(text[0]));
			vdev_migration_value(source[1], SIZE, k, text[1], sizeof(text[1]));
			assert_string_equal(text[0], text[1]);
		}
	}
}

static void saved_and_loaded(void **state)
{
	struct vdev_migration_plan_config c = {.struct_size = sizeof(c),
					       .flags = VDEV_MIGRATION_QUIESCE_LATE};
	struct vdev_migration_plan *plan, *copy;
	struct image first, again;

	(void)state;
	c.deadline_ns[VDEV_MIGRATION_COMMIT] = 12345;
	assert_int_equal(vdev_migration_plan_new(&plan, &t.v.env, &c, &t.vm, &t.host), 0);
	save(plan, &first);
	assert_int_equal(vdev_migration_plan_load(&t.v.env, first.bytes, first.size, &copy), 0);
	same_plan(plan, copy);
	save(copy, &again);
	assert_int_equal(first.size, again.size);
	assert_memory_equal(first.bytes, again.bytes, first.size);
	/* Loaded or not, it is verified the same. */
	assert_int_equal(vdev_migration_plan_verify(copy, NULL, NULL, &t.host, 0, NULL, 0, 0, NULL),
			 0);
	vdev_migration_plan_free(copy);
	vdev_migration_plan_free(plan);
}

static void each_truncation_and_each_byte(void **state)
{
	struct image i;

	(void)state;
	assert_int_equal(loads(&good), 0);
	for (size_t size = 0; size < good.size; size++) {
		i = good;
		i.size = size;
		assert_int_equal(loads(&i), -EBADMSG);
	}
	for (size_t at = 0; at < good.size; at++) {
		i = good;
		i.bytes[at] ^= 0x40;
		assert_true(loads(&i) < 0);
	}
	i = good;
	i.bytes[i.size++] = 0;
	seal(&i);
	assert_int_equal(loads(&i), -EBADMSG);
	i = good;
	put(&i, 12, 4, 2);
	seal(&i);
	assert_int_equal(loads(&i), -EPROTONOSUPPORT);
}

struct forged {
	size_t at;
	uint32_t bytes;
	uint64_t value;
};

/* Checksums are right again, the value is not. */
static void each_forged_value(void **state)
{
	static const struct forged rows[] = {
		{AT_FLAGS, 4, 2},
		{AT_DEADLINES, 8, 0},
		{AT_DEADLINES, 8, (UINT64_C(1) << 62) + 1},
		{AT_COUNT, 4, 2},
		{AT_COUNT, 4, 4},
		{AT_COUNT, 4, 65},
		{AT_COUNT, 4, UINT32_MAX},
		{AT_DEVICE + ADDRESS, 8, 9}, /* not that of its function */
		{AT_DEVICE + ADDRESS, 8, UINT64_MAX}, /* none, but QUIESCE_REBUILD */
		{AT_DEVICE + VERDICT, 4, 0}, /* a difference says more */
		{AT_DEVICE + VERDICT, 4, 5},
		{AT_DEVICE + REASON, 4, 0},
		{AT_DEVICE + REASON, 4, 4},
		{AT_DEVICE + FUNCTION, 4, UINT32_MAX},
		{AT_DEVICE + DISTANCE, 4, 256},
		{AT_DEVICE + FIELD, 4, 1},
		{AT_DEVICE + FIELD, 4, UINT32_MAX},
		{AT_DEVICE + RULE, 4, 1},
		{AT_DEVICE + FACTS, 4, 2}, /* NO_REBUILD */
		{AT_DEVICE + FACTS, 4, 4},
		{AT_DEVICE + KNOWN, 8, UINT64_MAX},
		{AT_DEVICE + KNOWN, 8, 0},
		{AT_DEVICE + USE, 4, 4},
	};

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(rows); i++) {
		struct image x = good;

		put(&x, rows[i].at, rows[i].bytes, rows[i].value);
		seal(&x);
		if (loads(&x) != -EBADMSG)
			fail_msg("row %u: taken", i);
	}
}

/* A device without a function, of which there is a reason: TAKEN. */
static void forged_reasons(void **state)
{
	static const struct forged rows[] = {
		{AT_DEVICE + ADDRESS, 8, 8},
		{AT_DEVICE + VERDICT, 4, 4},
		{AT_DEVICE + VERDICT, 4, 0},
		{AT_DEVICE + REASON, 4, 0},
		{AT_DEVICE + REASON, 4, 2},
		{AT_DEVICE + REASON, 4, 5},
		{AT_DEVICE + DISTANCE, 4, 1},
		{AT_DEVICE + FUNCTION, 4, UINT32_MAX},
		{AT_COUNT, 4, 65},
		{AT_DEVICE + FACTS, 4, 0},
	};
	struct vdev_migration_plan *plan;
	struct image one, x;

	(void)state;
	t.vm.devices = &t.wants[2];
	t.vm.device_count = 1;
	t.there[0].use = VDEV_MIGRATION_USED;
	t.there[1].use = VDEV_MIGRATION_USED;
	assert_int_equal(vdev_migration_plan_new(&plan, &t.v.env, NULL, &t.vm, &t.host), 0);
	save(plan, &one);
	vdev_migration_plan_free(plan);
	assert_int_equal(loads(&one), 0);
	for (uint32_t i = 0; i < VT_COUNT(rows); i++) {
		x = one;
		put(&x, rows[i].at, rows[i].bytes, rows[i].value);
		memset(x.bytes + x.size, 0, 8000);
		x.size += rows[i].at == AT_COUNT ? 8000 : 0; /* as if there were so many */
		seal(&x);
		if (loads(&x) != -EBADMSG)
			fail_msg("row %u: taken", i);
	}
	/* More differences than fields, with room for them: the number stands last, nothing differs. */
	x = one;
	put(&x, x.size - 4, 4, VDEV_MIGRATION_FIELDS + 1);
	memset(x.bytes + x.size, 0, 8000);
	x.size += 8000;
	seal(&x);
	assert_int_equal(loads(&x), -EBADMSG);
	/* Nothing there, and yet something differs; or a place. */
	t.host.device_count = 0;
	assert_int_equal(vdev_migration_plan_new(&plan, &t.v.env, NULL, &t.vm, &t.host), 0);
	save(plan, &one);
	vdev_migration_plan_free(plan);
	x = one;
	put(&x, x.size - 4, 4, 1);
	memset(x.bytes + x.size, 0, 28);
	x.size += 28;
	seal(&x);
	assert_int_equal(loads(&x), -EBADMSG);
	x = one;
	put(&x, AT_DEVICE + ADDRESS, 8, 8);
	seal(&x);
	assert_int_equal(loads(&x), -EBADMSG);
	t.host.device_count = 2;
	t.vm.devices = t.wants;
	t.vm.device_count = 3;
	t.there[0].use = VDEV_MIGRATION_FREE;
	t.there[1].use = VDEV_MIGRATION_FREE;
}

static void forged_descriptors(void **state)
{
	size_t driver = find_bytes(&good, "mlx5_vfio_pci", 13, AT_DEVICE);
	struct image x = good;

	(void)state;
	put(&x, driver, 1, '\n');
	seal(&x);
	assert_int_equal(loads(&x), -EBADMSG);
	x = good;
	put(&x, driver + 12, 1, 0); /* a 0 within the text */
	seal(&x);
	assert_int_equal(loads(&x), -EBADMSG);
	x = good;
	put(&x, driver - 1, 1, VDEV_MIGRATION_TEXT); /* longer than there is room */
	seal(&x);
	assert_int_equal(loads(&x), -EBADMSG);
	x = good;
	put(&x, driver - 1, 1, 255);
	seal(&x);
	assert_int_equal(loads(&x), -EBADMSG);
}

static void forged_layouts(void **state)
{
	static const char first[] = {3, 0, 0, 0, 0x60, 0, 0x10, 0};
	size_t caps = find_bytes(&good, first, sizeof(first), AT_DEVICE);
	struct image x = good;

	(void)state;
	put(&x, caps, 4, UINT32_MAX);
	seal(&x);
	assert_int_equal(loads(&x), -EBADMSG);
	x = good;
	put(&x, caps, 4, VDEV_MIGRATION_CAPS + 1);
	seal(&x);
	assert_int_equal(loads(&x), -EBADMSG);
	x = good;
	put(&x, caps + 9, 1, 2); /* neither extended nor not */
	seal(&x);
	assert_int_equal(loads(&x), -EBADMSG);
	/* Behind it: is there a destination? */
	x = good;
	assert_int_equal(x.bytes[caps + 4 + 18], 1);
	put(&x, caps + 4 + 18, 1, 2);
	seal(&x);
	assert_int_equal(loads(&x), -EBADMSG);
}

/* The first difference of the first device: field, kind, verdict, flags, rule. */
static void forged_differences(void **state)
{
	static const struct forged rows[] = {
		{0, 4, VDEV_MIGRATION_FIELDS},
		{0, 4, 2},
		{4, 4, VDEV_MIGRATION_IGNORE},
		{8, 4, 0},
		{8, 4, 5},
		{8, 4, 1},
		{12, 4, 1},
		{12, 4, 4},
		{16, 4, VDEV_MIGRATION_MAX_RULES},
		{28, 4, VDEV_MIGRATION_F_FIRMWARE}, /* the second: the same field again */
	};
	char pattern[12] = {3, 0, 0, 0, VDEV_MIGRATION_F_FIRMWARE, 0, 0, 0, 0, 0, 0, 0};
	size_t at = find_bytes(&good, pattern, sizeof(pattern), AT_DEVICE);
	struct image x;

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(rows); i++) {
		x = good;
		put(&x, at + 4 + rows[i].at, rows[i].bytes, rows[i].value);
		seal(&x);
		if (loads(&x) != -EBADMSG)
			fail_msg("row %u: taken", i);
	}
	x = good;
	put(&x, at, 4, VDEV_MIGRATION_FIELDS + 1);
	seal(&x);
	assert_int_equal(loads(&x), -EBADMSG);
}

/* Two devices on one function. */
static void one_function_twice(void **state)
{
	struct vdev_migration_plan *plan;
	struct image x;
	size_t at;

	(void)state;
	t.vm.device_count = 2;
	mg_set(&t.here[0], "firmware", "1");
	mg_set(&t.here[0], "psid", "MT_0000000834");
	mg_set(&t.here[0], "stream_version", NULL);
	assert_int_equal(vdev_migration_plan_new(&plan, &t.v.env, NULL, &t.vm, &t.host), 0);
	save(plan, &x);
	vdev_migration_plan_free(plan);
	/* Address of place and function of the second become those of the first: 16 becomes 8. */
	at = find_bytes(&x, "\x10\0\0\0\0\0\0\0", 8, AT_DEVICE);
	put(&x, at, 8, 8);
	at = find_bytes(&x, "\x10\0\0\0\0\0\0\0\0\x41", 10, at);
	put(&x, at, 8, 8);
	seal(&x);
	assert_int_equal(loads(&x), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(saved_and_loaded),
		cmocka_unit_test(each_truncation_and_each_byte),
		cmocka_unit_test(each_forged_value),
		cmocka_unit_test(forged_descriptors),
		cmocka_unit_test(forged_reasons),
		cmocka_unit_test(forged_layouts),
		cmocka_unit_test(forged_differences),
		cmocka_unit_test(one_function_twice),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
