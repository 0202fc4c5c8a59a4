/* SPDX-License-Identifier: BSD-3-Clause */
/* Every exported call of libvdevmgmt, misused: see bad_input.h. The map is the first argument. */
#include "bad_input.h"

#include <stdio.h>

static const struct bad_table *const tables[] = {
	&bad_objects, &bad_events,  &bad_guest,     &bad_readers,          &bad_mock,
	&bad_pvdev,   &bad_plain,   &bad_zerocopy,  &bad_zerocopy_readers, &bad_pvqueue,
	&bad_cpumap,  &bad_irqhint, &bad_migration, &bad_migration_rules,  &bad_msi};
static const char *map_path;

static uint64_t add(struct vdev_removal *r, uint32_t unit_class, uint32_t transport)
{
	const struct vdev_removal_unit u = {.struct_size = sizeof(u),
					    .unit_class = unit_class,
					    .transport = transport,
					    .slot_cap = 0x53};
	uint64_t unit = 0;

	assert_int_equal(vdev_removal_add(r, 0, &u, &unit), 0);
	return unit;
}

static uint64_t remove_one(struct vdev_removal *r)
{
	static const struct vdev_removal_request force = {.struct_size = sizeof(force),
							  .flags = VDEV_REMOVAL_FORCE};
	uint64_t unit = add(r, VDEV_REMOVAL_OTHER, VDEV_REMOVAL_ACPI);
	struct vdev_action a;

	vdev_removal_request(r, 0, unit, &force);
	while (vdev_removal_next(r, &a, sizeof(a)) == 1)
		vdev_removal_done(r, 0, a.id, 0);
	return unit;
}

/* One action outstanding, one operation awaiting the guest. */
static void begin_operations(struct bad *b)
{
	uint64_t leaving = add(b->r, VDEV_REMOVAL_CPU, VDEV_REMOVAL_ACPI);
	struct vdev_action a;

	b->pending = add(b->r, VDEV_REMOVAL_OTHER, VDEV_REMOVAL_ACPI);
	vdev_removal_request(b->r, 0, b->pending, NULL);
	while (vdev_removal_next(b->r, &a, sizeof(a)) == 1)
		vdev_removal_done(b->r, 0, a.id, 0);
	vdev_removal_declare(b->r, 0, leaving, VDEV_REMOVAL_GUEST, VDEV_REMOVAL_SAFE);
	vdev_removal_request(b->r, 0, leaving, NULL);
	assert_int_equal(vdev_removal_next(b->r, &a, sizeof(a)), 1);
	b->outstanding = a.id;
}

/* Stale, of another object (an index and a generation that r does not have), none, wild. */
static void wrong_handles(struct bad *b)
{
	uint64_t stale = remove_one(b->r), foreign = 0;

	for (int i = 0; i < 20; i++) {
		remove_one(b->other);
		foreign = add(b->other, VDEV_REMOVAL_OTHER, VDEV_REMOVAL_ACPI);
	}
	b->handles[b->handle_count++] = stale;
	b->handles[b->handle_count++] = foreign;
	b->handles[b->handle_count++] = (foreign & ~UINT64_C(0xffffff)) | (b->unit & 0xffffff);
	b->handles[b->handle_count++] = b->unit + (UINT64_C(2) << 24); /* not given out yet */
	b->handles[b->handle_count++] = 1;
	b->handles[b->handle_count++] = UINT64_C(1) << 24; /* what stands for the VM inside */
	b->handles[b->handle_count++] = UINT64_MAX;
	b->handles[b->handle_count++] = 0; /* the last: where 0 means "all" it is left out */
}

static void make_mock(struct bad *b)
{
	static const struct vdev_mock_config config = {.struct_size = sizeof(config),
						       .max_records = 4,
						       .max_rules = 2,
						       .max_pending = 2,
						       .max_vcpus = 2};
	static const struct vdev_mock_rule never = {
		.struct_size = sizeof(never), .delay_ns = VDEV_MOCK_NEVER, .uses = 1};
	const struct vdev_action a = {.id = 5, .kind = VDEV_REMOVAL_DRAIN};

	assert_int_equal(vdev_mock_new(&b->m, &b->v.env, &config), 0);
	assert_int_equal(vdev_mock_rule(b->m, &never), 0);
	assert_int_equal(vdev_mock_perform(b->m, &a), VDEV_BACKEND_LATER);
	b->mock_pending = a.id;
	assert_int_equal(vdev_mock_place(b->m, 0, 1, VDEV_CPUMAP_RUNNING), 0);
}

static void begin(struct bad *b)
{
	static const struct vdev_removal_config config = {.struct_size = sizeof(config),
							  .max_units = 100};
	struct vdev_pvdev_config pvdev = {.struct_size = sizeof(pvdev)};

	memset(b, 0, sizeof(*b));
	vt_env_init(&b->v);
	b->now = BAD_SECOND;
	assert_int_equal(vdev_removal_new(&b->r, &b->v.env, &config), 0);
	assert_int_equal(vdev_removal_new(&b->other, &b->v.env, &config), 0);
	b->unit = add(b->r, VDEV_REMOVAL_OTHER, VDEV_REMOVAL_ACPI);
	b->slot = add(b->r, VDEV_REMOVAL_PCI_SLOT, VDEV_REMOVAL_PCIE);
	wrong_handles(b);
	begin_operations(b);
	make_mock(b);
	pvdev.removal = b->r;
	assert_int_equal(vdev_pvdev_new(&b->p, &b->v.env, &pvdev), 0);
	bad_zerocopy_begin(b);
	bad_pvqueue_begin(b);
	bad_cpumap_begin(b);
	bad_irqhint_begin(b);
	assert_int_equal(vdev_removal_save(b->r, b->now, b->image, BAD_IMAGE, &b->image_size), 0);
	assert_int_equal(
		vdev_pvdev_save(b->p, b->now, b->pvdev_image, BAD_IMAGE, &b->pvdev_image_size), 0);
}

static void end(struct bad *b)
{
	bad_irqhint_end(b);
	bad_cpumap_end(b);
	bad_pvqueue_end(b);
	bad_zerocopy_end(b);
	vdev_pvdev_free(b->p);
	vdev_mock_free(b->m);
	vdev_removal_free(b->other);
	vdev_removal_free(b->r);
	vt_assert_clean(&b->v);
}

struct picture {
	struct vdev_removal_stats removal;
	struct vdev_pvdev_stats pvdev;
	struct vdev_zerocopy_stats zerocopy;
	struct vdev_pvqueue_stats pvqueue;
	struct vdev_irqhint_stats irqhint;
	uint64_t mock_count, mock_due, engine_due;
	uint64_t zerocopy_due;
	int mock_timed, engine_timed;
};

static void take(struct bad *b, struct picture *p)
{
	memset(p, 0, sizeof(*p));
	assert_int_equal(vdev_removal_stats(b->r, &p->removal, sizeof(p->removal)), 0);
	assert_int_equal(vdev_pvdev_stats(b->p, &p->pvdev, sizeof(p->pvdev)), 0);
	assert_int_equal(vdev_zerocopy_stats(b->z, &p->zerocopy, sizeof(p->zerocopy)), 0);
	assert_int_equal(vdev_zerocopy_deadline(b->z, &p->zerocopy_due), 1);
	assert_int_equal(vdev_pvqueue_stats(b->pvq, &p->pvqueue, sizeof(p->pvqueue)), 0);
	assert_int_equal(vdev_irqhint_stats(b->h, &p->irqhint, sizeof(p->irqhint)), 0);
	p->mock_count = vdev_mock_count(b->m);
	p->mock_timed = vdev_mock_deadline(b->m, &p->mock_due);
	p->engine_timed = vdev_removal_deadline(b->r, &p->engine_due);
}

static void expect_images(struct bad *b)
{
	uint8_t image[BAD_IMAGE];
	size_t size;

	assert_int_equal(vdev_removal_save(b->r, b->now, image, sizeof(image), &size), 0);
	assert_int_equal(size, b->image_size);
	assert_memory_equal(image, b->image, size);
	assert_int_equal(vdev_pvdev_save(b->p, b->now, image, sizeof(image), &size), 0);
	assert_int_equal(size, b->pvdev_image_size);
	assert_memory_equal(image, b->pvdev_image, size);
	bad_zerocopy_image(b);
	bad_pvqueue_image(b);
	bad_irqhint_image(b);
}

static void expect_counted(uint64_t *now, uint64_t before, int must)
{
	assert_true(must ? *now > before : *now == before);
	*now = before;
}

static void run_row(const struct bad_row *row)
{
	struct picture before, after;
	struct bad b;

	begin(&b);
	take(&b, &before);
	row->run(&b);
	take(&b, &after);
	expect_counted(&after.removal.bad_guest, before.removal.bad_guest,
		       (row->counts & BAD_GUEST) != 0);
	expect_counted(&after.removal.bad_done, before.removal.bad_done,
		       (row->counts & BAD_DONE) != 0);
	expect_counted(&after.zerocopy.bad_done, before.zerocopy.bad_done,
		       (row->counts & BAD_ZEROCOPY_DONE) != 0);
	expect_counted(&after.zerocopy.stale, before.zerocopy.stale,
		       (row->counts & BAD_STALE) != 0);
	expect_counted(&after.zerocopy.refused, before.zerocopy.refused,
		       (row->counts & BAD_REFUSED) != 0);
	expect_counted(&after.pvqueue.stale, before.pvqueue.stale,
		       (row->counts & BAD_PVQUEUE_STALE) != 0);
	expect_counted(&after.irqhint.refused, before.irqhint.refused,
		       (row->counts & BAD_IRQHINT_REFUSED) != 0);
	assert_memory_equal(&before, &after, sizeof(before));
	expect_images(&b);
	if (row->then)
		row->then(&b);
	end(&b);
}

static void run_table(void **state)
{
	const struct bad_table *table = *state;

	for (uint32_t i = 0; i < table->count; i++) {
		print_message("%s\n", table->rows[i].call);
		run_row(&table->rows[i]);
	}
}

static uint32_t rows_of(const char *call)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < VT_COUNT(tables); i++)
		for (uint32_t k = 0; k < tables[i]->count; k++)
			found += !strcmp(tables[i]->rows[k].call, call);
	return found;
}

static void each_call_of_the_map_has_a_row(void **state)
{
	uint32_t rows = 0;

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(tables); i++)
		rows += tables[i]->count;
	bad_expect_map(map_path, rows_of, rows);
}

#define TABLE(name, rows)                                                               \
	{                                                                               \
		(name), run_table, NULL, NULL, (void *)(uintptr_t)(const void *)&(rows) \
	}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_of_the_map_has_a_row),
		TABLE("objects", bad_objects),
		TABLE("events", bad_events),
		TABLE("guest", bad_guest),
		TABLE("readers", bad_readers),
		TABLE("mock", bad_mock),
		TABLE("pvdev", bad_pvdev),
		TABLE("plain", bad_plain),
		TABLE("zerocopy", bad_zerocopy),
		TABLE("zerocopy_readers", bad_zerocopy_readers),
		TABLE("pvqueue", bad_pvqueue),
		TABLE("cpumap", bad_cpumap),
		TABLE("irqhint", bad_irqhint),
		TABLE("msi", bad_msi),
		TABLE("migration", bad_migration),
		TABLE("migration_rules", bad_migration_rules),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: %s lib/vdevmgmt.map\n", argv[0]);
		return 2;
	}
	map_path = argv[1];
	return cmocka_run_group_tests_name("bad_input", tests, NULL, NULL);
}
