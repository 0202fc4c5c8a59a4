/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traps of docs/memory.md: first that it is one, by hand, then that the library does not fall
 * into it.
 */
#include "test_pages_rig.h"

static int own_uffd(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		vt_skip("userfaultfd(2): %s", strerror(errno));
	}
	assert_int_equal(ioctl(fd, UFFDIO_API, &api), 0);
	return fd;
}

static int own_register(int fd, const struct rig *r)
{
	struct uffdio_register reg = {.range = {.start = (uintptr_t)r->mem, .len = r->size},
				      .mode = UFFDIO_REGISTER_MODE_MISSING};

	return ioctl(fd, UFFDIO_REGISTER, &reg) < 0 ? -errno : 0;
}

static void second_userfaultfd(void **state)
{
	struct vdev_pages_region region;
	struct rig *r = *state;
	int fd = own_uffd();

	rig_open(r, VDEV_PAGES_UFFD);
	assert_int_equal(rig_memory(r, VDEV_PAGES_ANON, 4 * PAGE), 0);
	region = rig_region(r, VDEV_PAGES_ANON, 0);
	assert_int_equal(own_register(fd, r), 0);
	assert_int_equal(vdev_pages_add(r->p, &region), -EBUSY);
	rig_reason(r, "userfaultfd watches it already");
	close(fd);
	rig_add(r, VDEV_PAGES_ANON, 0);
	fd = own_uffd();
	assert_int_equal(own_register(fd, r), -EBUSY);
	close(fd);
}

/*
 * By hand: what DONTNEED drops from a mapping stays in the file, and no page can be put in its
 * place.
 */
static void memfd_dontneed_control(void **state)
{
	struct rig *r = *state;
	struct uffdio_copy copy;
	int fd = own_uffd();
	uint8_t page[PAGE] = {0};

	assert_int_equal(rig_memory(r, VDEV_PAGES_MEMFD, PAGE), 0);
	memset(r->mem, 0x11, PAGE);
	assert_int_equal(own_register(fd, r), 0);
	assert_int_equal(madvise(r->mem, PAGE, MADV_DONTNEED), 0);
	copy = (struct uffdio_copy){.dst = (uintptr_t)r->mem, .src = (uintptr_t)page, .len = PAGE};
	assert_int_equal(ioctl(fd, UFFDIO_COPY, &copy), -1);
	assert_int_equal(errno, EEXIST);
	close(fd);
	assert_int_equal(count_other(r->mem, PAGE, 0x11), 0);
}

static void memfd_is_punched(void **state)
{
	struct rig *r = *state;

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_MEMFD, 4 * PAGE);
	memset(r->mem, 0x11, r->size);
	rig_hold(r, PAGE, PAGE);
	assert_int_equal(rig_offline(r, PAGE, PAGE, PRESERVE), 0);
	assert_int_equal(count_other(r->mem, r->size, 0x11), 0);
	memset(r->mem, 0x22, r->size);
	assert_int_equal(rig_wrong(r, PAGE, 0x11), 0);
	assert_int_equal(rig_info(r).moved_bytes, 0);
}

/* By hand: it fails, and what lies before the locked page is gone. */
static void locked_page_control(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_memory(r, VDEV_PAGES_ANON, 4 * PAGE), 0);
	memset(r->mem, 0x11, r->size);
	rig_lock(r->mem + 2 * PAGE, PAGE);
	assert_int_equal(madvise(r->mem, r->size, MADV_DONTNEED), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(count_other(r->mem, 2 * PAGE, 0), 0);
	assert_int_equal(count_other(r->mem + 2 * PAGE, 2 * PAGE, 0x11), 0);
}

static void locked_page_in_a_range(void **state)
{
	struct rig *r = *state;

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, 4 * PAGE);
	memset(r->mem, 0x11, r->size);
	rig_lock(r->mem + 2 * PAGE, PAGE);
	assert_int_equal(rig_offline(r, 0, r->size, PRESERVE), -EINVAL);
	rig_reason(r, "locked since");
	assert_int_equal(count_other(r->mem, r->size, 0x11), 0);
	memset(r->mem, 0x22, r->size);
}

/* A child that maps the file tells on request what it sees there. */
struct peer {
	pid_t pid;
	int ask[2], answer[2];
};

static void peer_main(const struct peer *peer, int fd)
{
	uint8_t *mem = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	uint8_t byte;

	while (mem != MAP_FAILED && read(peer->ask[0], &byte, 1) == 1) {
		byte = *(volatile uint8_t *)mem;
		if (write(peer->answer[1], &byte, 1) != 1)
			break;
	}
	_exit(0);
}

static void peer_begin(struct peer *peer, int fd)
{
	assert_int_equal(pipe2(peer->ask, O_CLOEXEC) | pipe2(peer->answer, O_CLOEXEC), 0);
	peer->pid = fork();
	assert_true(peer->pid >= 0);
	if (!peer->pid) {
		close(peer->ask[1]);
		peer_main(peer, fd);
	}
	close(peer->ask[0]);
	close(peer->answer[1]);
}

static uint8_t peer_sees(const struct peer *peer)
{
	uint8_t byte = 0;

	assert_int_equal(write(peer->ask[1], &byte, 1), 1);
	assert_int_equal(read(peer->answer[0], &byte, 1), 1);
	return byte;
}

static void peer_end(struct peer *peer)
{
	close(peer->ask[1]);
	close(peer->answer[0]);
	assert_int_equal(waitpid(peer->pid, NULL, 0), peer->pid);
}

static void peer_mapping(void **state)
{
	struct rig *r = *state;
	struct peer peer;

	rig_open(r, VDEV_PAGES_UFFD);
	assert_int_equal(rig_memory(r, VDEV_PAGES_MEMFD, PAGE), 0);
	memset(r->mem, 0x11, PAGE);
	peer_begin(&peer, r->fd);
	assert_int_equal(peer_sees(&peer), 0x11);
	/* By hand: others see the hole. */
	assert_int_equal(fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), 0);
	assert_int_equal(peer_sees(&peer), 0);
	memset(r->mem, 0x11, PAGE);
	rig_add(r, VDEV_PAGES_MEMFD, VDEV_PAGES_PEERS);
	assert_int_equal(rig_offline(r, 0, PAGE, PRESERVE), -EOPNOTSUPP);
	rig_reason(r, "stop their rings");
	assert_int_equal(vdev_pages_stopped(r->p, VDEV_PAGES_GUEST_STOPPED), 0);
	assert_int_equal(rig_offline(r, 0, PAGE, PRESERVE), -EOPNOTSUPP);
	assert_int_equal(vdev_pages_stopped(r->p, VDEV_PAGES_PEERS_STOPPED), 0);
	rig_hold(r, 0, PAGE);
	assert_int_equal(rig_offline(r, 0, PAGE, PRESERVE), 0);
	assert_int_equal(peer_sees(&peer), 0x11);
	memset(r->mem, 0x22, PAGE);
	assert_int_equal(peer_sees(&peer), 0x22);
	assert_int_equal(rig_wrong(r, PAGE, 0x11), 0);
	assert_int_equal(vdev_pages_stopped(r->p, 0), 0);
	assert_int_equal(rig_offline(r, 0, PAGE, RESET), 0);
	assert_int_equal(peer_sees(&peer), 0);
	peer_end(&peer);
}

static uint32_t growth(struct rig *r, uint32_t mechanism)
{
	uint32_t before, i;

	rig_make(r, mechanism, VDEV_PAGES_ANON, 256 * PAGE);
	memset(r->mem, 0x11, r->size);
	before = rig_vmas(r->mem, r->size);
	assert_int_equal(vdev_pages_stopped(r->p, VDEV_PAGES_GUEST_STOPPED), 0);
	for (i = 0; i < 64; i++)
		assert_int_equal(rig_offline(r, i * 7 % 64 * 4 * PAGE, PAGE, PRESERVE), 0);
	assert_int_equal(count_other(r->mem, r->size, 0x11), 0);
	return rig_vmas(r->mem, r->size) - before;
}

static void mremap_adds_mappings(void **state)
{
	assert_true(growth(*state, VDEV_PAGES_REMAP) >= 64);
}

static void userfaultfd_adds_none(void **state)
{
	assert_int_equal(growth(*state, VDEV_PAGES_UFFD), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(locked_page_control),    T(locked_page_in_a_range), T(second_userfaultfd),
		T(memfd_dontneed_control), T(memfd_is_punched),       T(peer_mapping),
		T(mremap_adds_mappings),   T(userfaultfd_adds_none),
	};

	if (rig_uffd_missing())
		return 77;
	return cmocka_run_group_tests_name("pages_traps", tests, NULL, NULL);
}
