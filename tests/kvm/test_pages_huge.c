/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Huge folios of shmem and huge pages of hugetlb, as traps of docs/memory.md: first that it is
 * one, by hand, then that the library does not fall into it.
 */
#include "test_pages_rig.h"

#include <stdlib.h>

#define SHMEM_ENABLED "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define NR_HUGEPAGES "/proc/sys/vm/nr_hugepages"

/* Settings of the kernel that a test has changed: its teardown puts them back. */
static char old_shmem[64], old_huge[32];

static void restore(void)
{
	char *begin = strchr(old_shmem, '['), *end = begin ? strchr(begin, ']') : NULL;

	if (end) {
		*end = '\0';
		rig_setting(SHMEM_ENABLED, begin + 1, NULL, 0);
	}
	if (old_huge[0])
		rig_setting(NR_HUGEPAGES, old_huge, NULL, 0);
	old_shmem[0] = old_huge[0] = '\0';
}

static int put_back(void **state)
{
	int left = rig_teardown(state); /* first, as huge pages in use cannot be given back */

	restore();
	return left;
}

/*
 * If the test dies, by whatever signal, a process of its own puts back what was there at the start:
 * it sees the pipe's other end close. Returns that end; a byte tells that all is put back.
 */
static int guard(void)
{
	int alive[2];
	char byte;

	rig_setting(SHMEM_ENABLED, NULL, old_shmem, sizeof(old_shmem));
	rig_setting(NR_HUGEPAGES, NULL, old_huge, sizeof(old_huge));
	if (pipe2(alive, O_CLOEXEC))
		abort();
	if (fork()) {
		old_shmem[0] = old_huge[0] = '\0';
		close(alive[0]);
		return alive[1];
	}
	setsid(); /* who kills the test kills its group */
	close(alive[1]);
	if (read(alive[0], &byte, 1) == 0)
		restore();
	_exit(0);
}

static uint64_t smaps_kib(const void *address, const char *field)
{
	char line[256];
	uint64_t begin, end, kib, found = 0;
	int here = 0;
	FILE *f = fopen("/proc/self/smaps", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			here = (uintptr_t)address >= begin && (uintptr_t)address < end;
		else if (here && !strncmp(line, field, strlen(field)) &&
			 sscanf(strchr(line, ':'), ": %lu", &kib) == 1)
			found = kib;
	}
	fclose(f);
	return found;
}

/* 4 MiB of a memfd whose second half, at r->mem, is one huge folio. `shift`: mapped by PTEs. */
static void huge_memory(struct rig *r, uint64_t shift)
{
	uint8_t *room, *at;
	int err = rig_setting(SHMEM_ENABLED, "advise", old_shmem, sizeof(old_shmem));

	if (err) {
		vt_skip("%s cannot be set: %s", SHMEM_ENABLED, strerror(-err));
	}
	r->fd = memfd_create("huge", MFD_CLOEXEC);
	assert_int_equal(ftruncate(r->fd, 2 * HUGE), 0);
	room = mmap(NULL, 4 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(room != MAP_FAILED);
	at = (uint8_t *)(((uintptr_t)room + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
	r->mem = mmap(at, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, r->fd, 0);
	assert_true(r->mem == at);
	r->size = HUGE;
	assert_int_equal(madvise(r->mem, HUGE, MADV_HUGEPAGE), 0);
	memset(r->mem, 0x11, HUGE);
	if (!smaps_kib(r->mem, "ShmemPmdMapped")) {
		vt_skip("the kernel gave no huge folio");
	}
	if (!shift)
		return;
	/* The same file where its addresses cannot be those of a huge mapping, and not advised. */
	munmap(at, HUGE);
	r->mem = mmap(at + shift, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, r->fd, 0);
	assert_true(r->mem == at + shift);
	assert_int_equal(count_other(r->mem, HUGE, 0x11), 0);
	assert_int_equal(smaps_kib(r->mem, "ShmemPmdMapped"), 0);
}

/* By hand: the hole is made, and still the receiver sees what is written after it. */
static void huge_folio_control(void **state)
{
	struct rig *r = *state;

	huge_memory(r, 0);
	rig_hold(r, PAGE, PAGE);
	assert_int_equal(fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE),
			 0);
	memset(r->mem + PAGE, 0x22, PAGE);
	assert_int_equal(rig_wrong(r, PAGE, 0x11), PAGE);
}

static void huge_folio_under_a_punch(void **state)
{
	struct rig *r = *state;
	int round;

	huge_memory(r, 0);
	rig_open(r, VDEV_PAGES_UFFD);
	rig_add(r, VDEV_PAGES_MEMFD, 0);
	assert_int_equal(rig_info(r).mechanism, VDEV_PAGES_REMAP);
	assert_int_equal(rig_info(r).granule_bytes, PAGE);
	assert_int_equal(rig_info(r).live, 1);
	for (round = 0; round < 3; round++) {
		rig_hold(r, PAGE, PAGE);
		rig_hold(r, 9 * PAGE, PAGE);
		assert_int_equal(rig_offline(r, PAGE, PAGE, PRESERVE), 0);
		assert_int_equal(rig_offline(r, 9 * PAGE, PAGE, RESET), 0);
		assert_int_equal(count_other(r->mem, 2 * PAGE, 0x11), 0);
		assert_int_equal(count_other(r->mem + 9 * PAGE, PAGE, 0), 0);
		memset(r->mem + PAGE, 0x22, PAGE);
		memset(r->mem + 9 * PAGE, 0x22, PAGE);
		assert_int_equal(rig_wrong(r, 2 * PAGE, 0x11), 0);
		memset(r->mem + PAGE, 0x11, PAGE);
		memset(r->mem + 9 * PAGE, 0x11, PAGE);
	}
	/* From the second time on these pages are private memory like any other. */
	assert_int_equal(rig_info(r).moved_bytes, 2 * PAGE);
	assert_int_equal(rig_stats(r).left_bytes, 2 * PAGE);
}

static void huge_folio_and_peers(void **state)
{
	struct vdev_pages_region region;
	struct rig *r = *state;

	huge_memory(r, 0);
	rig_open(r, VDEV_PAGES_UFFD);
	region = rig_region(r, VDEV_PAGES_MEMFD, VDEV_PAGES_PEERS);
	assert_int_equal(vdev_pages_add(r->p, &region), -EOPNOTSUPP);
	rig_reason(r, "huge folios");
}

/* No setting and no mapping tells that the file has one: found out when it does not let go. */
static void huge_folio_unseen(void **state)
{
	struct rig *r = *state;

	huge_memory(r, 16 * PAGE);
	rig_open(r, VDEV_PAGES_UFFD);
	rig_add(r, VDEV_PAGES_MEMFD, 0);
	assert_int_equal(rig_info(r).mechanism, VDEV_PAGES_UFFD);
	rig_hold(r, PAGE, PAGE);
	assert_int_equal(rig_offline(r, PAGE, PAGE, PRESERVE), 0);
	rig_reason(r, "did not let go");
	assert_int_equal(rig_info(r).mechanism, VDEV_PAGES_REMAP);
	assert_int_equal(count_other(r->mem, HUGE, 0x11), 0);
	memset(r->mem + PAGE, 0x22, PAGE);
	assert_int_equal(rig_wrong(r, PAGE, 0x11), 0);
}

/* 8 huge pages, of which the memory takes 2. */
static void hugetlb_memory(struct rig *r)
{
	int err = rig_setting(NR_HUGEPAGES, "8", old_huge, sizeof(old_huge));

	if (!err)
		err = rig_memory(r, VDEV_PAGES_HUGETLB, 2 * HUGE);
	if (err) {
		vt_skip("no huge pages of 2 MiB: %s", strerror(-err));
	}
	memset(r->mem, 0x11, r->size);
}

/* By hand: it returns 0 and detaches nothing. */
static void hugetlb_4k_punch_control(void **state)
{
	struct rig *r = *state;

	hugetlb_memory(r);
	rig_hold(r, PAGE, PAGE);
	assert_int_equal(fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE),
			 0);
	memset(r->mem + PAGE, 0x22, PAGE);
	assert_int_equal(rig_wrong(r, PAGE, 0x11), PAGE);
}

static void hugetlb_whole_granules(void **state)
{
	struct rig *r = *state;

	hugetlb_memory(r);
	rig_open(r, VDEV_PAGES_UFFD);
	rig_add(r, VDEV_PAGES_HUGETLB, 0);
	assert_int_equal(rig_info(r).granule_bytes, HUGE);
	assert_int_equal(rig_offline(r, PAGE, PAGE, PRESERVE), -EINVAL);
	assert_int_equal(rig_offline(r, 0, PAGE, RESET), -EINVAL);
	rig_hold(r, PAGE, PAGE);
	rig_hold(r, HUGE, PAGE);
	assert_int_equal(rig_offline(r, 0, HUGE, PRESERVE), 0);
	assert_int_equal(rig_offline(r, HUGE, HUGE, RESET), 0);
	assert_int_equal(count_other(r->mem, HUGE, 0x11), 0);
	assert_int_equal(count_other(r->mem + HUGE, HUGE, 0), 0);
	memset(r->mem, 0x22, r->size);
	assert_int_equal(rig_wrong(r, 2 * PAGE, 0x11), 0);
	assert_int_equal(rig_info(r).moved_bytes, 0);
}

/*
 * The receiver holds the old page, and the pool has no other: refused before anything is
 * dropped.
 */
static void hugetlb_pool_is_empty(void **state)
{
	struct rig *r = *state;
	void *rest;

	hugetlb_memory(r);
	rig_open(r, VDEV_PAGES_UFFD);
	rig_add(r, VDEV_PAGES_HUGETLB, 0);
	rest = mmap(NULL, 6 * HUGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (rest == MAP_FAILED) {
		vt_skip("another program uses huge pages");
	}
	rig_hold(r, 0, PAGE);
	assert_int_equal(rig_offline(r, 0, HUGE, PRESERVE), -ENOMEM);
	assert_int_equal(rig_offline(r, 0, HUGE, RESET), -ENOMEM);
	rig_reason(r, "no free huge pages");
	assert_int_equal(count_other(r->mem, r->size, 0x11), 0);
	memset(r->mem, 0x11, HUGE); /* not protected any more */
	munmap(rest, 6 * HUGE);
	assert_int_equal(rig_offline(r, 0, HUGE, PRESERVE), 0);
	memset(r->mem, 0x22, HUGE);
	assert_int_equal(rig_wrong(r, PAGE, 0x11), 0);
}

/* With the pool full the self-test looks at huge pages, too. */
static void hugetlb_self_test(void **state)
{
	struct vdev_pages_report report;
	struct rig *r = *state;

	hugetlb_memory(r);
	rig_open(r, VDEV_PAGES_UFFD);
	assert_int_equal(vdev_pages_self_test(r->p, &report, sizeof(report)), 0);
	assert_int_equal(report.outcome[VDEV_PAGES_HUGETLB_RESET], VDEV_PAGES_YES);
	assert_int_equal(report.outcome[VDEV_PAGES_HUGETLB_PRESERVE], VDEV_PAGES_YES);
	vdev_pages_free(r->p);
	rig_open(r, VDEV_PAGES_REMAP);
	assert_int_equal(vdev_pages_self_test(r->p, &report, sizeof(report)), 0);
	assert_int_equal(report.outcome[VDEV_PAGES_HUGETLB_RESET], VDEV_PAGES_YES);
	assert_int_equal(report.outcome[VDEV_PAGES_HUGETLB_PRESERVE], -EOPNOTSUPP);
}

/* Not of a file; never touched; the whole VM at once. */
static void hugetlb_without_a_file(void **state)
{
	struct rig *r = *state;

	hugetlb_memory(r);
	rig_forget(r);
	r->mem = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	assert_true(r->mem != MAP_FAILED);
	rig_open(r, VDEV_PAGES_UFFD);
	rig_add(r, VDEV_PAGES_HUGETLB, 0);
	assert_int_equal(rig_info(r).granule_bytes, HUGE);
	r->mem[PAGE] = 0x11;
	assert_int_equal(rig_filled(r, 1), 1);
	rig_hold(r, PAGE, PAGE);
	assert_int_equal(vdev_pages_offline_all(r->p, PRESERVE), 0);
	assert_int_equal(r->mem[PAGE], 0x11);
	assert_int_equal(vdev_pages_offline_all(r->p, RESET), 0);
	assert_int_equal(count_other(r->mem, 2 * HUGE, 0), 0);
}

/* For want of memory small pages take the place of a huge one; from then on they are replaced. */
static void hugetlb_rescued(void **state)
{
	struct rig *r = *state;

	hugetlb_memory(r);
	rig_open(r, VDEV_PAGES_UFFD);
	rig_add(r, VDEV_PAGES_HUGETLB, 0);
	r->fail_request = UFFDIO_COPY;
	r->fail_with = -EINVAL;
	r->fail_times = 1;
	assert_int_equal(rig_offline(r, 0, HUGE, PRESERVE), 0);
	assert_int_equal(rig_stats(r).rescued, 1);
	assert_int_equal(rig_info(r).moved_bytes, HUGE);
	assert_int_equal(count_other(r->mem, 2 * HUGE, 0x11), 0);
	rig_hold(r, PAGE, PAGE);
	assert_int_equal(vdev_pages_offline_all(r->p, PRESERVE), 0);
	memset(r->mem, 0x22, 2 * HUGE);
	assert_int_equal(rig_wrong(r, PAGE, 0x11), 0);
	assert_int_equal(rig_offline(r, 0, 2 * HUGE, RESET), 0);
	assert_int_equal(count_other(r->mem, 2 * HUGE, 0), 0);
	/* Zeroes that cannot be filled in come in when they are touched. */
	memset(r->mem, 0x22, 2 * HUGE);
	r->fail_times = 1;
	assert_int_equal(rig_offline(r, HUGE, HUGE, RESET), 0);
	assert_int_equal(count_other(r->mem + HUGE, HUGE, 0), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, put_back)
		T(huge_folio_control),    T(huge_folio_under_a_punch), T(huge_folio_and_peers),
		T(huge_folio_unseen),     T(hugetlb_4k_punch_control), T(hugetlb_whole_granules),
		T(hugetlb_pool_is_empty), T(hugetlb_self_test),        T(hugetlb_without_a_file),
		T(hugetlb_rescued),
	};

	int alive, failed;

	if (rig_uffd_missing())
		return 77;
	alive = guard();
	failed = cmocka_run_group_tests_name("pages_huge", tests, NULL, NULL);
	return write(alive, "", 1) == 1 ? failed : 1;
}
