/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regions and the object in the life of a VMM: first touches, fork, exec, DMA, the whole VM, the
 * end.
 */
#include "test_pages_rig.h"

#include <pthread.h>

#define SIZE (64 * PAGE)

/* Memory that nobody touched reads as zeroes and takes writes, from several threads at once. */
static void *touch(void *context)
{
	struct rig *r = context;

	for (size_t at = 0; at < r->size; at += PAGE)
		__atomic_fetch_add(r->mem + at, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void first_touches(void **state)
{
	static const uint32_t kinds[] = {VDEV_PAGES_ANON, VDEV_PAGES_MEMFD};
	struct rig *r = *state;
	pthread_t threads[4];

	for (uint32_t k = 0; k < VT_COUNT(kinds); k++) {
		rig_make(r, VDEV_PAGES_UFFD, kinds[k], SIZE);
		for (uint32_t i = 0; i < 4; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, touch, r), 0);
		for (uint32_t i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		for (size_t at = 0; at < SIZE; at += PAGE)
			assert_int_equal(r->mem[at], 4);
		assert_true(rig_filled(r, 64) >= 64);
		vdev_pages_free(r->p);
		r->p = NULL;
		munmap(r->mem, r->size);
	}
}

/* Never touched, preserved all the same: the fault is served while the batch goes on. */
static void holes_in_a_batch(void **state)
{
	struct rig *r = *state;

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, SIZE);
	r->mem[3 * PAGE] = 7;
	assert_int_equal(rig_offline(r, 0, SIZE, PRESERVE), 0);
	assert_int_equal(r->mem[3 * PAGE], 7);
	assert_int_equal(count_other(r->mem + 4 * PAGE, 60 * PAGE, 0), 0);
	assert_int_equal(rig_filled(r, 64), 64);
}

static uint64_t resident(const struct rig *r)
{
	uint64_t entries[64], n = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	assert_true(r->size <= sizeof(entries) / 8 * PAGE);
	assert_true(pread(fd, entries, sizeof(entries), (off_t)((uintptr_t)r->mem / PAGE * 8)) > 0);
	close(fd);
	for (size_t i = 0; i < r->size / PAGE; i++)
		n += entries[i] >> 63;
	return n;
}

/* What nobody touched stays untouched when the whole VM's memory is preserved. */
static void whole_vm(void **state)
{
	static const uint32_t kinds[] = {VDEV_PAGES_ANON, VDEV_PAGES_MEMFD};
	struct vdev_action action = {.id = 1,
				     .kind = VDEV_ZEROCOPY_OFFLINE,
				     .flags = VDEV_ZEROCOPY_WHOLE,
				     .arg = {0, 0, PRESERVE}};
	struct rig *r = *state;

	for (uint32_t k = 0; k < VT_COUNT(kinds); k++) {
		rig_make(r, VDEV_PAGES_UFFD, kinds[k], SIZE);
		memset(r->mem + 3 * PAGE, 0x11, 2 * PAGE);
		memset(r->mem + 63 * PAGE, 0x11, PAGE);
		rig_hold(r, 3 * PAGE, PAGE);
		rig_hold(r, 63 * PAGE, PAGE);
		assert_int_equal(vdev_pages_perform(r->p, &action), 0);
		assert_int_equal(rig_stats(r).preserved_bytes, 3 * PAGE);
		assert_int_equal(resident(r), 3);
		assert_int_equal(count_other(r->mem + 3 * PAGE, 2 * PAGE, 0x11), 0);
		memset(r->mem, 0x22, SIZE);
		assert_int_equal(rig_wrong(r, 2 * PAGE, 0x11), 0);
		rig_hold(r, 0, PAGE);
		assert_int_equal(vdev_pages_offline_all(r->p, RESET), 0);
		assert_int_equal(resident(r), 0);
		assert_int_equal(count_other(r->mem, SIZE, 0), 0);
		memset(r->mem, 0x33, SIZE);
		assert_int_equal(rig_wrong(r, PAGE, 0x22), 0);
		vdev_pages_free(r->p);
		r->p = NULL;
		munmap(r->mem, r->size);
	}
}

static void actions(void **state)
{
	struct vdev_action action = {
		.id = 1, .kind = VDEV_ZEROCOPY_OFFLINE, .arg = {PAGE, PAGE, RESET}};
	const struct vdev_backend_ops *ops = vdev_pages_ops();
	struct rig *r = *state;

	rig_make(r, VDEV_PAGES_REMAP, VDEV_PAGES_ANON, SIZE);
	memset(r->mem, 0x11, SIZE);
	assert_string_equal(ops->name, "pages");
	assert_int_equal(ops->perform(r->p, &action), 0);
	assert_int_equal(count_other(r->mem + PAGE, PAGE, 0), 0);
	assert_int_equal(count_other(r->mem + 2 * PAGE, SIZE - 2 * PAGE, 0x11), 0);
	/* A refusal must not be read as "not mine". */
	action.arg[2] = PRESERVE;
	assert_int_equal(ops->perform(r->p, &action), -EIO);
	action.arg[2] = UINT64_C(1) << 32 | RESET;
	assert_int_equal(ops->perform(r->p, &action), -EINVAL);
	action.kind = VDEV_ZEROCOPY_RELEASE;
	assert_int_equal(ops->perform(r->p, &action), 0);
	action.kind = VDEV_ZEROCOPY_ACCESSIBLE;
	assert_int_equal(ops->perform(r->p, &action), -EOPNOTSUPP);
	assert_int_equal(ops->perform(r->p, NULL), -EINVAL);
}

/* Ranges that overlap, in one call: as if one came after the other. */
static void overlapping_ranges(void **state)
{
	struct vdev_pages_range ranges[3] = {
		{.guest_address = 0, .size_bytes = 4 * PAGE, .mode = PRESERVE},
		{.guest_address = 2 * PAGE, .size_bytes = 4 * PAGE, .mode = RESET},
		{.guest_address = PAGE, .size_bytes = 2 * PAGE, .mode = PRESERVE}};
	struct rig *r = *state;

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_MEMFD, SIZE);
	memset(r->mem, 0x11, SIZE);
	assert_int_equal(vdev_pages_offline(r->p, ranges, 3, NULL), 3);
	assert_int_equal(count_other(r->mem, 2 * PAGE, 0x11), 0);
	assert_int_equal(count_other(r->mem + 2 * PAGE, 4 * PAGE, 0), 0);
	assert_int_equal(count_other(r->mem + 6 * PAGE, SIZE - 6 * PAGE, 0x11), 0);
	assert_int_equal(rig_stats(r).batches, 3);
}

/* More ranges than a batch takes. */
static void many_ranges(void **state)
{
	static struct vdev_pages_range ranges[1000];
	struct rig *r = *state;

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, 1000 * PAGE);
	memset(r->mem, 0x11, r->size);
	for (uint32_t i = 0; i < 1000; i++)
		ranges[i] = (struct vdev_pages_range){.guest_address = i * 7 % 1000 * PAGE,
						      .size_bytes = PAGE,
						      .mode = i % 2 ? PRESERVE : RESET};
	assert_int_equal(vdev_pages_offline(r->p, ranges, 1000, NULL), 1000);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(
			count_other(r->mem + ranges[i].guest_address, PAGE, i % 2 ? 0x11 : 0), 0);
	assert_int_equal(rig_stats(r).preserved_bytes, 500 * PAGE);
}

/* A child gets none of it, and disturbs nothing. */
static void fork_and_exec(void **state)
{
	struct rig *r = *state;
	int status;
	pid_t pid;

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, SIZE);
	memset(r->mem, 0x11, SIZE);
	pid = fork();
	if (!pid) {
		uint8_t seen;

		/* -EFAULT: it is not mapped here. */
		_exit(write(r->pipe[1], r->mem, 1) == 1 || errno != EFAULT ||
		      (execl("/bin/sleep", "sleep", "10", (char *)NULL), seen = 2, seen));
	}
	for (uint32_t i = 0; i < 50; i++) {
		assert_int_equal(rig_offline(r, i * PAGE, PAGE, PRESERVE), 0);
		usleep(200);
	}
	assert_int_equal(count_other(r->mem, SIZE, 0x11), 0);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0); /* it sleeps: nothing was wrong */
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

/* With VDEV_PAGES_INHERIT it gets a copy, as of fork(). */
static void inherited(void **state)
{
	struct rig *r = *state;
	int status;
	pid_t pid;

	rig_open(r, VDEV_PAGES_UFFD);
	assert_int_equal(rig_memory(r, VDEV_PAGES_ANON, SIZE), 0);
	rig_add(r, VDEV_PAGES_ANON, VDEV_PAGES_INHERIT);
	memset(r->mem, 0x11, SIZE);
	pid = fork();
	if (!pid) {
		usleep(50000);
		_exit(count_other(r->mem, SIZE, 0x11) != 0);
	}
	assert_int_equal(rig_offline(r, 0, SIZE, PRESERVE), 0);
	memset(r->mem, 0x22, SIZE);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* A region that went back to the VMM is inherited as before. */
	assert_int_equal(vdev_pages_remove(r->p, 0), 0);
	rig_add(r, VDEV_PAGES_ANON, 0);
	assert_int_equal(vdev_pages_remove(r->p, 0), 0);
	pid = fork();
	if (!pid)
		_exit(count_other(r->mem, SIZE, 0x22) != 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

struct dma_log {
	uint32_t count, map[8];
	uint64_t guest[8], bytes[8];
	int fail_map; /* 0, 1: this one fails */
	struct rig *r;
	pthread_t toucher;
};

static int dma(void *user, uint32_t map, uint64_t guest, uint64_t host, uint64_t bytes)
{
	struct dma_log *log = user;

	assert_int_equal(host, (uintptr_t)log->r->mem + guest);
	assert_true(log->count < 8);
	log->map[log->count] = map;
	log->guest[log->count] = guest;
	log->bytes[log->count++] = bytes;
	if (map)
		*(volatile uint8_t *)(uintptr_t)host = 0x77; /* as if pinned for writing */
	return (int)map == log->fail_map ? -EPERM : 0;
}

static void dma_is_pointed_to_the_new_pages(void **state)
{
	struct rig *r = *state;
	struct dma_log log = {.r = r, .fail_map = -1};
	struct vdev_pages_config config = {.struct_size = sizeof(config),
					   .flags = VDEV_PAGES_UNTESTED,
					   .mechanism = VDEV_PAGES_UFFD,
					   .max_regions = 1,
					   .kvm_fd = -1,
					   .dma = dma,
					   .user = &log};

	assert_int_equal(vdev_pages_new(&r->p, &r->v.env, &config), 0);
	assert_int_equal(rig_memory(r, VDEV_PAGES_ANON, SIZE), 0);
	rig_add(r, VDEV_PAGES_ANON, VDEV_PAGES_DMA);
	memset(r->mem, 0x11, SIZE);
	rig_hold(r, PAGE, PAGE);
	assert_int_equal(rig_offline(r, PAGE, 2 * PAGE, PRESERVE), 0);
	assert_int_equal(log.count, 2);
	assert_int_equal(log.map[0], 0);
	assert_int_equal(log.map[1], 1);
	assert_int_equal(log.guest[1], PAGE);
	assert_int_equal(log.bytes[1], 2 * PAGE);
	assert_int_equal(r->mem[PAGE], 0x77); /* in the new page */
	assert_int_equal(rig_wrong(r, PAGE, 0x11), 0); /* not in the old one */
	/* It cannot be taken out of reach: nothing happens, and it is not mapped again. */
	log.count = 0;
	log.fail_map = 0;
	assert_int_equal(rig_offline(r, 0, PAGE, RESET), -EPERM);
	assert_int_equal(log.count, 1);
	assert_int_equal(r->mem[0], 0x11);
	log.count = 0;
	log.fail_map = 1;
	assert_int_equal(rig_offline(r, 0, PAGE, RESET), -EPERM);
	rig_reason(r, "dma(map) failed");
	assert_int_equal(log.count, 2);
	assert_int_equal(r->mem[1], 0);
}

/* Who waits for a fault goes on when the object ends. */
static void end_under_faults(void **state)
{
	struct rig *r = *state;
	pthread_t thread;

	for (uint32_t i = 0; i < 50; i++) {
		rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, SIZE);
		assert_int_equal(pthread_create(&thread, NULL, touch, r), 0);
		usleep(i * 10);
		vdev_pages_free(r->p);
		r->p = NULL;
		pthread_join(thread, NULL);
		for (size_t at = 0; at < SIZE; at += PAGE)
			assert_int_equal(r->mem[at], 1);
		munmap(r->mem, r->size);
	}
	vdev_pages_free(NULL);
}

static int register_and_touch(void *user, int fd, unsigned long request, void *argument)
{
	struct dma_log *log = user;
	int ret = ioctl(fd, request, argument) < 0 ? -errno : 0;

	if (request == UFFDIO_REGISTER && !ret) {
		assert_int_equal(pthread_create(&log->toucher, NULL, touch, log->r), 0);
		usleep(20000);
	}
	return ret;
}

/* Touched when it is registered and not yet added: served when it is. */
static void touched_while_added(void **state)
{
	struct rig *r = *state;
	struct dma_log log = {.r = r};
	struct vdev_pages_config config = {.struct_size = sizeof(config),
					   .flags = VDEV_PAGES_UNTESTED,
					   .mechanism = VDEV_PAGES_UFFD,
					   .max_regions = 1,
					   .kvm_fd = -1,
					   .ioctl = register_and_touch,
					   .user = &log};
	char few[4];

	assert_int_equal(vdev_pages_new(&r->p, &r->v.env, &config), 0);
	assert_int_equal(rig_memory(r, VDEV_PAGES_ANON, SIZE), 0);
	rig_add(r, VDEV_PAGES_ANON, 0);
	pthread_join(log.toucher, NULL);
	for (size_t at = 0; at < SIZE; at += PAGE)
		assert_int_equal(r->mem[at], 1);
	/* Words are cut to what there is room for. */
	rig_lock(r->mem, PAGE);
	assert_int_equal(rig_offline(r, 0, PAGE, RESET), -EINVAL);
	assert_true(vdev_pages_reason(r->p, few, sizeof(few)) > 3);
	assert_string_equal(few, "ran");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(first_touches),
		T(holes_in_a_batch),
		T(whole_vm),
		T(actions),
		T(many_ranges),
		T(overlapping_ranges),
		T(fork_and_exec),
		T(inherited),
		T(end_under_faults),
		T(touched_while_added),
		T(dma_is_pointed_to_the_new_pages),
	};

	if (rig_uffd_missing())
		return 77;
	return cmocka_run_group_tests_name("pages_life", tests, NULL, NULL);
}
