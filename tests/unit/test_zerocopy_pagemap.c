/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: the map of replaced granules against an array; it grows, and forgets (Z10). */
#include "vt_test.h"

#include <stdlib.h>

#include "engines/zerocopy/internal.h"
#include "vt_env.h"

#define PAGE UINT64_C(4096)
#define PAGES 4096u

struct fixture {
	struct vt_env v;
	struct pagemap map;
	uint64_t epoch[PAGES]; /* what the map has to know; 0: nothing */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	vt_env_init(&f->v);
	vdev__pagemap_init(&f->map, &f->v.env);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int leaked;

	vdev__pagemap_fini(&f->map);
	leaked = vt_env_check(&f->v);
	free(f);
	return leaked;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void set(struct fixture *f, uint32_t page, uint64_t epoch)
{
	if (vdev__pagemap_full(&f->map, 1))
		assert_int_equal(vdev__pagemap_rebuild(&f->map, 1, 0), 0);
	vdev__pagemap_set(&f->map, page * PAGE, epoch);
	f->epoch[page] = epoch;
}

static void compare(const struct fixture *f)
{
	for (uint32_t i = 0; i < PAGES; i++)
		assert_int_equal(vdev__pagemap_get(&f->map, i * PAGE), f->epoch[i]);
}

/* What is not above `oldest` goes, but for what is being replaced. */
static void prune(struct fixture *f, uint64_t oldest)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < PAGES; i++) {
		if (!(f->epoch[i] & PAGE_BUSY) && f->epoch[i] <= oldest)
			f->epoch[i] = 0;
		live += f->epoch[i] != 0;
	}
	assert_int_equal(vdev__pagemap_rebuild(&f->map, 0, oldest), 0);
	assert_int_equal(f->map.count, live);
}

static void empty_one_knows_nothing(void **state)
{
	struct fixture *f = *state;

	compare(f);
	assert_true(vdev__pagemap_full(&f->map, 1));
	assert_int_equal(f->v.requests, 0);
}

static void grows_with_what_it_holds(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < PAGES; i++)
		set(f, i, i + 1);
	compare(f);
	assert_int_equal(f->map.count, PAGES);
	assert_in_range(f->map.size, 2 * PAGES, 8 * PAGES);
	assert_in_range(f->v.requests, 1, 12); /* not at each granule */
}

static void the_same_granule_again(void **state)
{
	struct fixture *f = *state;

	for (uint64_t epoch = 1; epoch < 100; epoch++)
		set(f, 7, epoch);
	compare(f);
	assert_int_equal(f->map.count, 1);
	assert_int_equal(f->v.requests, 1);
}

static void forgets_what_is_old(void **state)
{
	struct fixture *f = *state;
	uint32_t size;

	for (uint32_t i = 0; i < PAGES; i++)
		set(f, i, i + 1);
	size = f->map.size;
	prune(f, 0);
	compare(f);
	prune(f, PAGES / 2);
	compare(f);
	assert_int_equal(f->map.count, PAGES / 2);
	prune(f, PAGES - 3);
	compare(f);
	assert_true(f->map.size < size); /* gives memory back */
	prune(f, PAGES);
	compare(f);
	assert_int_equal(f->map.count, 0);
}

static void keeps_what_is_being_replaced(void **state)
{
	struct fixture *f = *state;

	set(f, 1, PAGE_BUSY);
	set(f, 2, PAGE_BUSY | 5);
	set(f, 3, 5);
	prune(f, 1000);
	assert_int_equal(f->map.count, 2);
	compare(f);
}

static void no_memory_changes_nothing(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 100; i++)
		set(f, i, i + 1);
	vt_env_fail_next(&f->v, 1);
	assert_int_equal(vdev__pagemap_rebuild(&f->map, 1000, 50), -ENOMEM);
	compare(f);
	/* More than any table can hold. */
	assert_int_equal(vdev__pagemap_rebuild(&f->map, UINT32_C(1) << 30, 0), -ENOMEM);
	compare(f);
}

static void any_order(void **state)
{
	struct fixture *f = *state;
	struct vt_rand rand;
	uint64_t now = 1;

	vt_rand_init(&rand, "zerocopy_pagemap", 3);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t page = (uint32_t)vt_below(&rand, PAGES);

		if (vt_chance(&rand, 90))
			set(f, page, now++);
		else if (vt_chance(&rand, 90))
			set(f, page, f->epoch[page] | PAGE_BUSY);
		else
			prune(f, vt_below(&rand, now));
		if (i % 1000 == 0)
			compare(f);
	}
	compare(f);
}

/* Images are the same whatever the order in the map is. */
static void by_address(void **state)
{
	struct fixture *f = *state;
	struct page *pages;
	uint32_t n = 0, count = 0;

	assert_int_equal(vdev__pagemap_sorted(&f->map, &pages, &n), 0);
	assert_int_equal(n, 0);
	for (uint32_t i = PAGES; i; i -= 3) {
		set(f, i - 1, i % 5 ? i : PAGE_BUSY);
		count += i % 5 != 0;
		if (i < 4)
			break;
	}
	set(f, 1, PAGE_BUSY | 7);
	count++;
	assert_int_equal(vdev__pagemap_sorted(&f->map, &pages, &n), 0);
	assert_int_equal(n, count);
	for (uint32_t i = 0; i < n; i++) {
		assert_true(!i || pages[i - 1].address < pages[i].address);
		assert_int_equal(pages[i].epoch, f->epoch[pages[i].address / PAGE] & ~PAGE_BUSY);
	}
	vdev__free(&f->v.env, pages, f->map.count * sizeof(*pages));
	vt_env_fail_next(&f->v, 1);
	assert_int_equal(vdev__pagemap_sorted(&f->map, &pages, &n), -ENOMEM);
}

/* The longest way to a granule. */
static uint32_t longest_way(const struct pagemap *m)
{
	uint32_t longest = 0;

	for (uint32_t i = 0; i < m->size; i++) {
		uint32_t way = 0;

		/* Where it stands all before it are taken, so the gap behind it bounds its way. */
		while (way < m->size && m->pages[(i + way) & (m->size - 1)].address != VDEV_NONE)
			way++;
		longest = way > longest ? way : longest;
	}
	return longest;
}

/* A guest that knows the library chooses granules that a fixed product puts side by side. */
static void granules_that_a_guest_chose(void **state)
{
	struct fixture *f = *state;
	uint32_t taken = 0;

	assert_int_equal(vdev__pagemap_rebuild(&f->map, PAGES, 0), 0);
	for (uint64_t n = 0; taken < PAGES / 2; n++) {
		uint64_t product = n * UINT64_C(0x9e3779b97f4a7c15);

		if ((product >> 32 & (f->map.size - 1)) >= 64)
			continue;
		vdev__pagemap_set(&f->map, n * PAGE, 1);
		taken++;
	}
	assert_int_equal(f->map.count, PAGES / 2);
	assert_in_range(longest_way(&f->map), 1, 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(empty_one_knows_nothing),
		TEST(grows_with_what_it_holds),
		TEST(the_same_granule_again),
		TEST(forgets_what_is_old),
		TEST(keeps_what_is_being_replaced),
		TEST(no_memory_changes_nothing),
		TEST(any_order),
		TEST(granules_that_a_guest_chose),
		TEST(by_address),
	};

	return cmocka_run_group_tests_name("zerocopy_pagemap", tests, NULL, NULL);
}
