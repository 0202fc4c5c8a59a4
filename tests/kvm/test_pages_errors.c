/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is refused, and what happens when the kernel refuses in the middle: each range keeps its
 * contents, nothing stays protected, nobody is left waiting.
 */
#include "test_pages_rig.h"

#include <pthread.h>

#define SIZE (64 * PAGE)

static const uint32_t kinds[] = {VDEV_PAGES_ANON, VDEV_PAGES_MEMFD};

/* The contents are right, and a write gets through. */
static void consistent(struct rig *r, uint8_t value)
{
	assert_int_equal(count_other(r->mem, r->size, value), 0);
	memset(r->mem, value, r->size);
}

static void failing(struct rig *r, uint32_t kind, unsigned long request, int error, int times)
{
	r->fail_request = 0;
	rig_make(r, VDEV_PAGES_UFFD, kind, SIZE);
	memset(r->mem, 0x11, SIZE);
	r->fail_request = request;
	r->fail_with = error;
	r->fail_skip = 0;
	r->fail_times = times;
	r->calls = 0;
}

static void short_of_memory_for_a_while(void **state)
{
	static const int errors[] = {-ENOMEM, -EAGAIN};
	struct rig *r = *state;

	for (uint32_t i = 0; i < 4; i++) {
		failing(r, kinds[i / 2], UFFDIO_COPY, errors[i % 2], 20);
		rig_hold(r, 0, PAGE);
		assert_int_equal(rig_offline(r, 0, SIZE, PRESERVE), 0);
		assert_true(r->calls > 20);
		consistent(r, 0x11);
		memset(r->mem, 0x22, SIZE);
		assert_int_equal(rig_wrong(r, PAGE, 0x11), 0);
		assert_int_equal(rig_stats(r).rescued, 0);
		rig_forget(r);
	}
}

/* For good: the copies themselves become the guest's pages. */
static void short_of_memory_for_good(void **state)
{
	struct rig *r = *state;

	for (uint32_t i = 0; i < VT_COUNT(kinds); i++) {
		failing(r, kinds[i], UFFDIO_COPY, -ENOMEM, INT32_MAX);
		rig_hold(r, 5 * PAGE, PAGE);
		assert_int_equal(rig_offline(r, 5 * PAGE, 2 * PAGE, PRESERVE), 0);
		assert_int_equal(rig_stats(r).rescued, 1);
		assert_int_equal(rig_info(r).moved_bytes, 2 * PAGE);
		consistent(r, 0x11);
		memset(r->mem, 0x22, SIZE);
		assert_int_equal(rig_wrong(r, PAGE, 0x11), 0);
		/* They are replaced like any other, now that there is memory. */
		r->fail_times = 0;
		rig_hold(r, 5 * PAGE, PAGE);
		assert_int_equal(rig_offline(r, 0, SIZE, PRESERVE), 0);
		assert_int_equal(rig_stats(r).rescued, 1);
		consistent(r, 0x22);
		memset(r->mem, 0x33, SIZE);
		assert_int_equal(rig_wrong(r, PAGE, 0x22), 0);
		assert_int_equal(rig_offline(r, 0, SIZE, RESET), 0);
		consistent(r, 0);
		rig_forget(r);
	}
}

/* Half of a long copy went through. */
static void short_of_memory_in_the_middle(void **state)
{
	struct vdev_pages_range ranges[3] = {
		{.guest_address = 0, .size_bytes = PAGE, .mode = PRESERVE},
		{.guest_address = 8 * PAGE, .size_bytes = PAGE, .mode = PRESERVE},
		{.guest_address = 16 * PAGE, .size_bytes = PAGE, .mode = RESET}};
	struct rig *r = *state;
	int status[3];

	failing(r, VDEV_PAGES_ANON, UFFDIO_COPY, -ENOMEM, INT32_MAX);
	r->fail_skip = 1;
	assert_int_equal(vdev_pages_offline(r->p, ranges, 3, status), 3);
	assert_int_equal(rig_info(r).moved_bytes, PAGE);
	assert_int_equal(count_other(r->mem, 16 * PAGE, 0x11), 0);
	assert_int_equal(count_other(r->mem + 16 * PAGE, PAGE, 0), 0);
	assert_int_equal(count_other(r->mem + 17 * PAGE, 47 * PAGE, 0x11), 0);
}

static void cannot_protect(void **state)
{
	struct rig *r = *state;

	failing(r, VDEV_PAGES_ANON, UFFDIO_WRITEPROTECT, -EINVAL, 1);
	assert_int_equal(rig_offline(r, 0, SIZE, PRESERVE), -EINVAL);
	rig_reason(r, "UFFDIO_WRITEPROTECT");
	assert_int_equal(rig_stats(r).failed, 1);
	assert_int_equal(rig_stats(r).preserved_bytes, 0);
	consistent(r, 0x11);
	assert_int_equal(rig_offline(r, 0, SIZE, PRESERVE), 0);
	consistent(r, 0x11);
}

/* What lay between two pages stays protected, until somebody writes to it. */
static void cannot_unprotect(void **state)
{
	struct vdev_pages_range ranges[2] = {
		{.guest_address = 0, .size_bytes = PAGE, .mode = PRESERVE},
		{.guest_address = 2 * PAGE, .size_bytes = PAGE, .mode = PRESERVE}};
	struct rig *r = *state;

	failing(r, VDEV_PAGES_ANON, UFFDIO_WRITEPROTECT, -EINVAL, 1);
	r->fail_skip = 1;
	assert_int_equal(vdev_pages_offline(r->p, ranges, 2, NULL), 2);
	rig_reason(r, "UFFDIO_WRITEPROTECT (off)");
	alarm(30); /* if nobody serves the fault, the write waits for ever */
	consistent(r, 0x11);
	alarm(0);
	assert_int_equal(rig_stats(r).waited, 1);
}

/* Zeroes come in when they are touched, then. */
static void cannot_zero(void **state)
{
	struct rig *r = *state;

	for (uint32_t i = 0; i < VT_COUNT(kinds); i++) {
		failing(r, kinds[i], UFFDIO_ZEROPAGE, -EINVAL, 1);
		assert_int_equal(rig_offline(r, 0, SIZE, RESET), 0);
		consistent(r, 0);
		rig_forget(r);
	}
}

/* Locked after it was added: the others of the batch are replaced. */
static void locked_since(void **state)
{
	struct vdev_pages_range ranges[3];
	struct rig *r = *state;
	int status[3];
	uint32_t i;

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, SIZE);
	memset(r->mem, 0x11, SIZE);
	rig_lock(r->mem + 8 * PAGE, PAGE);
	for (i = 0; i < 3; i++)
		ranges[i] = (struct vdev_pages_range){
			.guest_address = i * 8 * PAGE, .size_bytes = PAGE, .mode = PRESERVE};
	for (i = 0; i < 3; i++)
		rig_hold(r, i * 8 * PAGE, PAGE);
	assert_int_equal(vdev_pages_offline(r->p, ranges, 3, status), 2);
	assert_int_equal(status[0], 0);
	assert_int_equal(status[1], -EINVAL);
	assert_int_equal(status[2], 0);
	rig_reason(r, "locked since");
	consistent(r, 0x11);
	memset(r->mem, 0x22, SIZE);
	assert_int_equal(rig_wrong(r, PAGE, 0x11), 0);
	assert_int_equal(rig_wrong(r, PAGE, 0x11), PAGE);
	assert_int_equal(rig_wrong(r, PAGE, 0x11), 0);
}

static void refused(struct rig *r, const struct vdev_pages_region *region, int error,
		    const char *why)
{
	assert_int_equal(vdev_pages_add(r->p, region), error);
	rig_reason(r, why);
	assert_int_equal(rig_stats(r).regions, 0);
}

static void z12_refusals(void **state)
{
	struct vdev_pages_region region;
	struct rig *r = *state;

	rig_open(r, VDEV_PAGES_UFFD);
	assert_int_equal(rig_memory(r, VDEV_PAGES_ANON, SIZE), 0);
	region = rig_region(r, VDEV_PAGES_ANON, 0);
	rig_lock(r->mem, PAGE);
	refused(r, &region, -EOPNOTSUPP, "it is locked");
	assert_int_equal(syscall(SYS_munlock, r->mem, PAGE), 0);
	region.kind = VDEV_PAGES_GUEST_MEMFD;
	refused(r, &region, -EOPNOTSUPP, "guest_memfd");
	region = rig_region(r, VDEV_PAGES_ANON, VDEV_PAGES_DMA);
	refused(r, &region, -EOPNOTSUPP, "dma() hook");
	region = rig_region(r, VDEV_PAGES_ANON, 0);
	region.kind = VDEV_PAGES_HUGETLB;
	refused(r, &region, -EFAULT, "go together");
	region = rig_region(r, VDEV_PAGES_ANON, 0);
	mprotect(r->mem + PAGE, PAGE, PROT_READ);
	refused(r, &region, -EFAULT, "not readable and writable");
	munmap(r->mem + PAGE, PAGE);
	refused(r, &region, -EFAULT, "nothing is mapped");
}

static void z12_refusals_of_files(void **state)
{
	struct vdev_pages_region region;
	struct rig *r = *state;
	uint8_t *other;

	rig_open(r, VDEV_PAGES_UFFD);
	assert_int_equal(rig_memory(r, VDEV_PAGES_MEMFD, SIZE), 0);
	region = rig_region(r, VDEV_PAGES_MEMFD, 0);
	region.fd_offset = PAGE;
	refused(r, &region, -EFAULT, "another file or offset");
	region = rig_region(r, VDEV_PAGES_ANON, 0);
	region.fd = -1;
	refused(r, &region, -EFAULT, "needs its file descriptor");
	other = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, r->fd, 0);
	region = rig_region(r, VDEV_PAGES_MEMFD, 0);
	region.host_address = (uint64_t)(uintptr_t)other;
	refused(r, &region, -EOPNOTSUPP, "MAP_SHARED");
	munmap(other, SIZE);
	rig_add(r, VDEV_PAGES_MEMFD, 0);
}

static void ranges_are_checked(void **state)
{
	struct vdev_pages_region region;
	struct rig *r = *state;

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, SIZE);
	assert_int_equal(rig_offline(r, 1, PAGE, RESET), -EINVAL);
	assert_int_equal(rig_offline(r, 0, 1, RESET), -EINVAL);
	assert_int_equal(rig_offline(r, 0, 0, RESET), -EINVAL);
	assert_int_equal(rig_offline(r, 0, PAGE, 0), -EINVAL);
	assert_int_equal(rig_offline(r, 0, PAGE, 3), -EINVAL);
	assert_int_equal(rig_offline(r, SIZE, PAGE, RESET), -EFAULT);
	assert_int_equal(rig_offline(r, SIZE - PAGE, 2 * PAGE, RESET), -EFAULT);
	assert_int_equal(rig_offline(r, PAGE, ~UINT64_C(0) - PAGE + 1, RESET), -EFAULT);
	assert_int_equal(rig_offline(r, ~UINT64_C(0) - PAGE + 1, PAGE, RESET), -EFAULT);
	region = rig_region(r, VDEV_PAGES_ANON, 0);
	assert_int_equal(vdev_pages_add(r->p, &region), -EEXIST);
	region.guest_address = SIZE;
	assert_int_equal(vdev_pages_add(r->p, &region), -EEXIST);
	assert_int_equal(vdev_pages_remove(r->p, PAGE), -ENOENT);
	assert_int_equal(vdev_pages_remove(r->p, 0), 0);
	assert_int_equal(vdev_pages_remove(r->p, 0), -ENOENT);
	assert_int_equal(rig_offline(r, 0, PAGE, RESET), -EFAULT);
	assert_int_equal(rig_stats(r).failed, 10);
}

/* Without a userfaultfd nothing can make writers wait. */
static void remap_needs_a_stopped_guest(void **state)
{
	struct rig *r = *state;

	for (uint32_t i = 0; i < VT_COUNT(kinds); i++) {
		rig_make(r, VDEV_PAGES_REMAP, kinds[i], SIZE);
		memset(r->mem, 0x11, SIZE);
		assert_int_equal(rig_info(r).live, 0);
		assert_int_equal(rig_offline(r, 0, PAGE, PRESERVE), -EOPNOTSUPP);
		rig_reason(r, "stop the guest");
		assert_int_equal(vdev_pages_stopped(r->p, VDEV_PAGES_GUEST_STOPPED), 0);
		rig_hold(r, 0, 2 * PAGE);
		assert_int_equal(rig_offline(r, 0, PAGE, PRESERVE), 0);
		assert_int_equal(count_other(r->mem, SIZE, 0x11), 0);
		assert_int_equal(rig_offline(r, PAGE, PAGE, RESET), 0);
		assert_int_equal(count_other(r->mem + PAGE, PAGE, 0), 0);
		memset(r->mem, 0x22, SIZE);
		assert_int_equal(rig_wrong(r, 2 * PAGE, 0x11), 0);
		assert_int_equal(rig_offline(r, 0, SIZE, RESET), 0);
		consistent(r, 0);
		rig_forget(r);
	}
}

static int add_second(struct rig *r, uint8_t **ret_mem)
{
	struct vdev_pages_region region = rig_region(r, VDEV_PAGES_MEMFD, 0);

	region.fd = memfd_create("second", MFD_CLOEXEC);
	assert_int_equal(ftruncate(region.fd, SIZE), 0);
	*ret_mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, region.fd, 0);
	region.host_address = (uintptr_t)*ret_mem;
	region.guest_address = SIZE;
	assert_int_equal(vdev_pages_add(r->p, &region), 0);
	memset(*ret_mem, 0x33, SIZE);
	return region.fd;
}

/* One call, two kinds of memory, both modes: those between keep what they have when one fails. */
static void mixed_batch(void **state)
{
	struct vdev_pages_range ranges[6];
	struct rig *r = *state;
	uint8_t *second;
	int status[6], fd;
	uint32_t i;

	failing(r, VDEV_PAGES_ANON, UFFDIO_WRITEPROTECT, -EINVAL, 1);
	fd = add_second(r, &second);
	for (i = 0; i < 6; i++)
		ranges[i] =
			(struct vdev_pages_range){.guest_address = i / 3 * SIZE + i % 3 * 8 * PAGE,
						  .size_bytes = PAGE,
						  .mode = i % 3 == 1 ? RESET : PRESERVE};
	assert_int_equal(vdev_pages_offline(r->p, ranges, 6, status), 4);
	/* Whichever of the two is lower in memory was protected first. */
	i = second < r->mem ? 3 : 0;
	assert_int_equal(status[i], -EINVAL);
	assert_int_equal(status[i + 2], -EINVAL);
	assert_int_equal(count_other(r->mem, 8 * PAGE, 0x11), 0);
	assert_int_equal(count_other(r->mem + 8 * PAGE, PAGE, 0), 0);
	assert_int_equal(count_other(second, 8 * PAGE, 0x33), 0);
	assert_int_equal(count_other(second + 8 * PAGE, PAGE, 0), 0);
	assert_int_equal(vdev_pages_offline(r->p, ranges, 6, NULL), 6);
	memset(r->mem, 0x11, SIZE);
	memset(second, 0x33, SIZE);
	/* The whole VM, of which no part can be stopped: the first refusal is told. */
	vdev_pages_free(r->p);
	rig_open(r, VDEV_PAGES_REMAP);
	rig_add(r, VDEV_PAGES_ANON, 0);
	close(fd);
	fd = add_second(r, &second);
	assert_int_equal(vdev_pages_offline_all(r->p, PRESERVE), -EOPNOTSUPP);
	assert_int_equal(rig_stats(r).failed, 2);
	assert_int_equal(vdev_pages_remove(r->p, SIZE), 0);
	munmap(second, SIZE);
	close(fd);
}

/*
 * Longer than a batch has room for. MADV_DONTNEED stops at a locked page when it has dropped those
 * before it: they come back.
 */
static void long_range(void **state)
{
	struct rig *r = *state;
	struct vdev_pages_range far[2] = {
		{.size_bytes = PAGE, .mode = PRESERVE},
		{.guest_address = 700 * PAGE, .size_bytes = PAGE, .mode = PRESERVE}};

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, 1024 * PAGE);
	memset(r->mem, 0x11, r->size);
	assert_int_equal(rig_offline(r, 0, r->size, PRESERVE), 0);
	assert_int_equal(rig_stats(r).batches, 4);
	consistent(r, 0x11);
	assert_int_equal(vdev_pages_offline(r->p, far, 2, NULL), 2);
	consistent(r, 0x11);
	rig_lock(r->mem + 10 * PAGE, PAGE);
	rig_lock(r->mem + 400 * PAGE, PAGE);
	assert_int_equal(rig_offline(r, 0, r->size, PRESERVE), -EINVAL);
	consistent(r, 0x11);
	assert_int_equal(rig_offline(r, 512 * PAGE, 512 * PAGE, RESET), 0);
	assert_int_equal(count_other(r->mem + 512 * PAGE, 512 * PAGE, 0), 0);
}

/* Peers do not see what is moved. */
static void remap_and_peers(void **state)
{
	struct rig *r = *state;

	rig_open(r, VDEV_PAGES_REMAP);
	assert_int_equal(rig_memory(r, VDEV_PAGES_MEMFD, SIZE), 0);
	rig_add(r, VDEV_PAGES_MEMFD, VDEV_PAGES_PEERS);
	assert_int_equal(
		vdev_pages_stopped(r->p, VDEV_PAGES_GUEST_STOPPED | VDEV_PAGES_PEERS_STOPPED), 0);
	memset(r->mem, 0x11, SIZE);
	assert_int_equal(rig_offline(r, 0, PAGE, PRESERVE), -EOPNOTSUPP);
	rig_reason(r, "peers would not see");
	assert_int_equal(rig_offline(r, PAGE, PAGE, RESET), 0);
	assert_int_equal(count_other(r->mem, PAGE, 0x11), 0);
	assert_int_equal(count_other(r->mem + PAGE, PAGE, 0), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(short_of_memory_for_a_while),
		T(short_of_memory_for_good),
		T(short_of_memory_in_the_middle),
		T(cannot_protect),
		T(cannot_unprotect),
		T(cannot_zero),
		T(locked_since),
		T(z12_refusals),
		T(z12_refusals_of_files),
		T(ranges_are_checked),
		T(remap_needs_a_stopped_guest),
		T(remap_and_peers),
		T(mixed_batch),
		T(long_range),
	};

	if (rig_uffd_missing())
		return 77;
	return cmocka_run_group_tests_name("pages_errors", tests, NULL, NULL);
}
