/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is looked at when a region is added: the kernel's words about its mappings and about huge
 * pages, given by the test; calls that fail meanwhile; limits.
 */
#include "test_pages_deny.h"
#include "test_pages_rig.h"

#include <stdlib.h>

#define SIZE (16 * PAGE)
#define THP "/sys/kernel/mm/transparent_hugepage"

struct adding {
	struct rig *r;
	struct vdev_pages_region region;
	int err;
};

static void run(void *context)
{
	struct adding *a = context;

	a->err = vdev_pages_add(a->r->p, &a->region);
}

/* In an object and memory of its own. */
static struct adding add_under(struct rig *r, uint32_t kind, struct deny_rule *rules,
			       uint32_t count)
{
	struct adding a = {.r = r};

	rig_forget(r);
	rig_open(r, VDEV_PAGES_UFFD);
	assert_int_equal(rig_memory(r, kind, SIZE), 0);
	a.region = rig_region(r, kind, 0);
	deny(rules, count, run, &a);
	return a;
}

/* A smaps of two mappings, the second is half of the region; text: from its permissions on. */
static int add_with(struct rig *r, const char *text)
{
	char smaps[8192];
	struct deny_rule rule = {.nr = SYS_openat, .path = "/proc/self/smaps", .text = smaps};
	struct adding a = {.r = r};
	uintptr_t at;

	rig_forget(r);
	rig_open(r, VDEV_PAGES_UFFD);
	assert_int_equal(rig_memory(r, VDEV_PAGES_ANON, SIZE), 0);
	a.region = rig_region(r, VDEV_PAGES_ANON, 0);
	at = (uintptr_t)r->mem;
	snprintf(smaps, sizeof(smaps),
		 "1000-2000 ---p 00000000 00:00 0\nVmFlags: lo pf io\n"
		 "%lx-%lx rw-p 00000000 00:00 0\nKernelPageSize: 4 kB\nVmFlags: rd wr\n"
		 "%lx-%lx %s",
		 at, at + SIZE / 2, at + SIZE / 2, at + SIZE, text);
	deny(&rule, 1, run, &a);
	assert_int_equal(rule.seen, 1);
	return a.err;
}

static void words_about_mappings(void **state)
{
	static const struct {
		const char *text;
		int err;
		const char *why;
	} cases[] = {
		{"rw-p 0 00:00 0\nVmFlags: rd wr mr\n", 0, NULL},
		{"rw-p 0 00:00 0\nVmFlags: rd wr\nffffff-1000000 ---p 0 00:00 0\n", 0, NULL},
		{"rw-p 0 00:00 0\nVmFlags: rd um\n", -EBUSY, "watches it already"},
		{"rw-p 0 00:00 0\nVmFlags: rd uw\n", -EBUSY, "watches it already"},
		{"rw-p 0 00:00 0\nVmFlags: rd ui\n", -EBUSY, "watches it already"},
		{"rw-p 0 00:00 0\nVmFlags: rd lo\n", -EOPNOTSUPP, "it is locked"},
		{"rw-p 0 00:00 0\nVmFlags: rd pf\n", -EOPNOTSUPP, "a device's"},
		{"rw-p 0 00:00 0\nVmFlags: rd io\n", -EOPNOTSUPP, "a device's"},
		{"rw-p 0 00:00 0\nVmFlags: rd ht\n", -EFAULT, "go together"},
		{"rw-s 0 00:0d 9 anon_inode:[kvm-gmem]\nVmFlags: rd\n", -EOPNOTSUPP, "guest_memfd"},
		{"rw-s 0 00:0d 9 /[guest_memfd]\nVmFlags: rd\n", -EOPNOTSUPP, "guest_memfd"},
		{"-w-p 0 00:00 0\nVmFlags: wr\n", -EFAULT, "not readable and writable"},
		{"r--p 0 00:00 0\nVmFlags: rd\n", -EFAULT, "not readable and writable"},
		{"rw-s 0 00:01 7 /dev/zero\nVmFlags: rd\n", -EFAULT, "needs its file descriptor"},
		{"rw-p 0 08:01 7 /a/file\nVmFlags: rd\n", -EOPNOTSUPP, "private pages of a file"},
		{"", -EFAULT, "nothing is mapped"}, /* cut off */
	};
	struct rig *r = *state;

	for (uint32_t i = 0; i < VT_COUNT(cases); i++) {
		assert_int_equal(add_with(r, cases[i].text), cases[i].err);
		if (cases[i].why)
			rig_reason(r, cases[i].why);
	}
}

/* A name that does not fit, and no end of the last line: what comes first counts. */
static void long_lines(void **state)
{
	struct rig *r = *state;
	char text[6000];
	int n = snprintf(text, sizeof(text), "rw-p 0 00:00 0 /");

	memset(text + n, 'x', 4000);
	strcpy(text + n + 4000, "\nVmFlags: rd wr lo");
	assert_int_equal(add_with(r, text), -EOPNOTSUPP);
	rig_reason(r, "it is locked");
}

static void half_a_story(void **state)
{
	struct deny_rule rule = {.nr = SYS_openat,
				 .path = "/proc/self/smaps",
				 .text = "1000-2000 rw-p 00000000 00:00 0\nVmFlags: rd\n"};
	struct rig *r = *state;

	assert_int_equal(add_under(r, VDEV_PAGES_ANON, &rule, 1).err, -EFAULT);
	rig_reason(r, "nothing is mapped");
	rule = (struct deny_rule){.nr = SYS_openat, .path = "/proc/self/smaps", .result = -EACCES};
	assert_int_equal(add_under(r, VDEV_PAGES_ANON, &rule, 1).err, -EACCES);
	rig_reason(r, "/proc/self/smaps: Permission denied");
	rule = (struct deny_rule){.nr = SYS_read, .result = -EIO};
	assert_int_equal(add_under(r, VDEV_PAGES_ANON, &rule, 1).err, -EFAULT);
	rule = (struct deny_rule){.nr = SYS_read, .result = -EINTR, .times = 2};
	assert_int_equal(add_under(r, VDEV_PAGES_ANON, &rule, 1).err, 0);
}

/* Is what the settings say a reason to fear huge folios? */
static void words_about_huge_pages(void **state)
{
	static const struct {
		const char *all, *one; /* NULL: not there */
		int advised, huge;
	} cases[] = {
		{"always within_size advise [never] deny force", NULL, 1, 0},
		{"[always] within_size advise never deny force", NULL, 0, 1},
		{"always [within_size] advise never deny force", NULL, 0, 1},
		{"always within_size advise never deny [force]", NULL, 0, 1},
		{"always within_size [advise] never deny force", NULL, 0, 0},
		{"always within_size [advise] never deny force", NULL, 1, 1},
		{"[never]", "[inherit]", 1, 0},
		{"[never]", "[always]", 0, 1},
		{"[never]", "[advise]", 1, 1},
		{"", NULL, 1, 0},
		{"never", NULL, 1, 0},
		{"[always", NULL, 1, 0},
		{"[a word that is longer than any setting is]", NULL, 1, 0},
		{NULL, NULL, 1, 0},
	};
	struct rig *r = *state;

	for (uint32_t i = 0; i < VT_COUNT(cases); i++) {
		struct adding a = {.r = r};
		struct deny_rule rules[4] = {{.nr = SYS_openat,
					      .path = THP "/shmem_enabled",
					      .text = cases[i].all,
					      .result = -ENOENT},
					     {.nr = SYS_openat,
					      .path = "/hugepages-",
					      .text = cases[i].one,
					      .result = -ENOENT},
					     {.nr = SYS_openat,
					      .path = cases[i].one ? "nowhere" : THP,
					      .result = -ENOENT}};

		rig_forget(r);
		rig_open(r, VDEV_PAGES_UFFD);
		assert_int_equal(rig_memory(r, VDEV_PAGES_MEMFD, SIZE), 0);
		if (cases[i].advised)
			madvise(r->mem, SIZE, MADV_HUGEPAGE);
		a.region = rig_region(r, VDEV_PAGES_MEMFD, 0);
		deny(rules, 3, run, &a);
		assert_int_equal(a.err, 0);
		if (cases[i].one && !rules[1].seen)
			continue; /* this kernel knows no sizes in between */
		assert_int_equal(rig_info(r).mechanism,
				 cases[i].huge ? VDEV_PAGES_REMAP : VDEV_PAGES_UFFD);
	}
}

static void reset_all(void *context)
{
	struct adding *a = context;

	a->err = vdev_pages_offline_all(a->r->p, RESET);
}

/* Zeroes that are moved over such a file: made, or moved, or not. */
static void zeroes_that_cannot_move(void **state)
{
	struct deny_rule rules[2] = {
		{.nr = SYS_openat, .path = "shmem_enabled", .text = "[always]"}};
	struct deny_rule no_map = {.nr = SYS_mmap, .arg = 2, .is = SIZE, .result = -ENOMEM};
	struct deny_rule no_move = {.nr = SYS_mremap, .result = -ENOMEM};
	struct rig *r = *state;
	struct adding a = add_under(r, VDEV_PAGES_MEMFD, rules, 1);

	assert_int_equal(a.err, 0);
	memset(r->mem, 0x11, SIZE);
	deny(&no_map, 1, reset_all, &a);
	assert_int_equal(a.err, -ENOMEM);
	deny(&no_move, 1, reset_all, &a);
	assert_int_equal(a.err, -ENOMEM);
	assert_int_equal(count_other(r->mem, SIZE, 0x11), 0);
	assert_int_equal(vdev_pages_offline_all(r->p, RESET), 0);
	assert_int_equal(count_other(r->mem, SIZE, 0), 0);
	assert_int_equal(rig_stats(r).left_bytes, SIZE);
}

static void no_room_for_huge_pages(void **state)
{
	struct deny_rule rule = {.nr = SYS_mmap, .arg = 2, .is = HUGE, .result = -ENOMEM};
	struct rig *r = *state;
	struct adding a = {.r = r};

	rig_open(r, VDEV_PAGES_UFFD);
	r->fd = memfd_create("huge", MFD_HUGETLB);
	if (r->fd < 0 || ftruncate(r->fd, 2 * HUGE))
		vt_skip("no huge pages of 2 MiB: %s", strerror(errno));
	r->mem = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, r->fd, 0);
	assert_true(r->mem != MAP_FAILED);
	r->size = 2 * HUGE;
	a.region = rig_region(r, VDEV_PAGES_HUGETLB, 0);
	deny(&rule, 1, run, &a);
	assert_int_equal(a.err, -ENOMEM);
	rule.seen = 0;
	rule.skip = 1;
	deny(&rule, 1, run, &a);
	assert_int_equal(a.err, -ENOMEM);
	rig_add(r, VDEV_PAGES_HUGETLB, 0);
	assert_int_equal(rig_info(r).granule_bytes, HUGE);
}

static void cannot_register(void **state)
{
	static const int errors[] = {-EBUSY, -ENOMEM};
	struct rig *r = *state;

	for (uint32_t i = 0; i < VT_COUNT(errors); i++) {
		struct deny_rule rule = {
			.nr = SYS_ioctl, .arg = 2, .is = UFFDIO_REGISTER, .result = errors[i]};

		assert_int_equal(add_under(r, VDEV_PAGES_ANON, &rule, 1).err, errors[i]);
		rig_reason(r, i ? "Cannot allocate" : "another userfaultfd watches it");
		assert_int_equal(rig_stats(r).regions, 0);
		rig_add(r, VDEV_PAGES_ANON, 0);
	}
}

static void wrong_files(void **state)
{
	struct vdev_pages_region region;
	struct rig *r = *state;
	int other = memfd_create("other", MFD_CLOEXEC);

	rig_open(r, VDEV_PAGES_UFFD);
	assert_int_equal(rig_memory(r, VDEV_PAGES_MEMFD, SIZE), 0);
	assert_int_equal(ftruncate(other, SIZE), 0);
	region = rig_region(r, VDEV_PAGES_MEMFD, 0);
	region.fd = other;
	assert_int_equal(vdev_pages_add(r->p, &region), -EFAULT);
	rig_reason(r, "maps another file");
	close(other);
	region.fd = INT32_MAX;
	assert_int_equal(vdev_pages_add(r->p, &region), -EINVAL);
	rig_reason(r, "Bad file descriptor");
	region.fd = r->fd;
	region.fd_offset = ~UINT64_C(0xfff) >> 1 & ~UINT64_C(0xfff);
	assert_int_equal(vdev_pages_add(r->p, &region), -EINVAL);
}

static void limits(void **state)
{
	struct vdev_pages_region region;
	struct rig *r = *state;
	uint32_t i;

	rig_open(r, VDEV_PAGES_UFFD);
	assert_int_equal(rig_memory(r, VDEV_PAGES_ANON, SIZE), 0);
	assert_int_equal(madvise(r->mem, SIZE, MADV_DONTFORK), 0); /* and so it stays */
	region = rig_region(r, VDEV_PAGES_ANON, 0);
	region.size_bytes = PAGE;
	for (i = 0; i < 4; i++) {
		region.guest_address = (i + 1) * 64 * PAGE;
		region.host_address = (uintptr_t)r->mem + i * PAGE;
		assert_int_equal(vdev_pages_add(r->p, &region), 0);
	}
	region.guest_address = 0;
	region.host_address = (uintptr_t)r->mem + 4 * PAGE;
	assert_int_equal(vdev_pages_add(r->p, &region), -ENOSPC);
	assert_int_equal(vdev_pages_remove(r->p, 64 * PAGE), 0);
	region.guest_address = 128 * PAGE - PAGE; /* its second page is another's */
	region.size_bytes = 2 * PAGE;
	assert_int_equal(vdev_pages_add(r->p, &region), -EEXIST);
	region.guest_address = 0;
	region.size_bytes = PAGE;
	region.host_address = (uintptr_t)r->mem + 3 * PAGE; /* by host address */
	assert_int_equal(vdev_pages_add(r->p, &region), -EEXIST);
	region.host_address = (uintptr_t)r->mem;
	assert_int_equal(vdev_pages_add(r->p, &region), 0);
	assert_int_equal(rig_stats(r).regions, 4);
	memset(r->mem, 1, 4 * PAGE);
	assert_int_equal(rig_filled(r, 4), 4);
	assert_int_equal(vdev_pages_offline_all(r->p, RESET), 0);
	assert_int_equal(count_other(r->mem, 4 * PAGE, 0), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(words_about_mappings),
		T(long_lines),
		T(half_a_story),
		T(words_about_huge_pages),
		T(zeroes_that_cannot_move),
		T(no_room_for_huge_pages),
		T(cannot_register),
		T(wrong_files),
		T(limits),
	};

	if (rig_uffd_missing())
		return 77;
	return cmocka_run_group_tests_name("pages_regions", tests, NULL, NULL);
}
