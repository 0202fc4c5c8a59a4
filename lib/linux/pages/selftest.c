/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The self-test: memory under a writer, its first and its last granule held by a pipe (vmsplice)
 * while they are replaced. The last is reset, all others are preserved, in one batch. Then the
 * pipe has to give the old bytes, the writer has to see the new ones, and none of its updates may
 * be lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "internal.h"
#include "writer.h"

#define ROUNDS 16
#define PAGE 4096u
#define PAGES \
	64u /* of 4 KiB: while so many are copied a writer on another CPU would lose updates */
#define HEAD 64u /* the counter is in it */
#define NO_KVM (-2)

struct trial {
	struct vdev_pages *pages;
	struct vdev_pages_region region;
	struct vdev_pages_info info;
	struct vdev_pages_report *report;
	struct vdev__writer writer;
	uint8_t *first, *last;
	int pipe[2];
	int preserve, reset; /* outcomes */
};

static int make_memory(struct trial *t, uint32_t kind)
{
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
	uint64_t granule = PAGE, size;
	struct stat st;
	void *memory;
	int fd = -1;

	if (kind != VDEV_PAGES_ANON)
		fd = memfd_create("vdev-self-test",
				  MFD_CLOEXEC | (kind == VDEV_PAGES_HUGETLB ? MFD_HUGETLB : 0));
	t->region = (struct vdev_pages_region){
		.struct_size = sizeof(t->region), .kind = kind, .fd = fd};
	if (kind != VDEV_PAGES_ANON && (fd < 0 || fstat(fd, &st)))
		return -errno;
	if (kind == VDEV_PAGES_HUGETLB)
		granule = (uint64_t)st.st_blksize;
	size = kind == VDEV_PAGES_HUGETLB ? 2 * granule : PAGES * granule;
	t->region.size_bytes = size;
	if (fd >= 0 && ftruncate(fd, (off_t)size))
		return -errno;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, fd >= 0 ? MAP_SHARED : anon, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	t->region.host_address = (uint64_t)(uintptr_t)memory;
	t->first = memory;
	t->last = t->first + size - granule;
	return 0;
}

static void drop_memory(struct trial *t)
{
	if (t->first)
		munmap(t->first, t->region.size_bytes);
	if (t->region.fd >= 0)
		close(t->region.fd);
}

static uint64_t differ(const uint8_t *page, uint8_t expected)
{
	uint64_t n = 0, i;

	for (i = HEAD; i < PAGE; i++)
		n += page[i] != expected;
	return n;
}

/* The pages belong to the pipe now, until it is read. */
static int hold(struct trial *t)
{
	struct iovec v[2] = {{t->first, PAGE}, {t->last, PAGE}};
	ssize_t put = vmsplice(t->pipe[1], v, 2, SPLICE_F_NONBLOCK);

	return put == (ssize_t)2 * PAGE ? 0 : put < 0 ? -errno : -EIO;
}

/* What the receiver gets: as it was when the pages were replaced. */
static int receive(struct trial *t, uint8_t old, uint32_t counter)
{
	uint8_t got[2 * PAGE];
	uint64_t first, last;
	uint32_t then;

	if (read(t->pipe[0], got, sizeof(got)) != sizeof(got))
		return -EIO;
	memcpy(&then, got, sizeof(then));
	first = t->preserve < 0 ? 0 : differ(got, old) + (then > counter ? sizeof(then) : 0);
	last = differ(got + PAGE, old);
	t->report->wrong_bytes += first + last;
	if (first)
		t->preserve = VDEV_PAGES_NO;
	if (last)
		t->reset = VDEV_PAGES_NO;
	return 0;
}

static int replace(struct trial *t)
{
	uint64_t granule = t->info.granule_bytes, rest = t->info.size_bytes - granule;
	struct vdev_pages_range ranges[2] = {
		{.size_bytes = rest, .mode = VDEV_ZEROCOPY_PRESERVE},
		{.guest_address = rest, .size_bytes = granule, .mode = VDEV_ZEROCOPY_RESET},
	};
	int status[2] = {0, 0};

	if (t->preserve < 0) { /* this mechanism cannot */
		vdev_pages_offline(t->pages, &ranges[1], 1, &status[1]);
		return status[1];
	}
	vdev_pages_offline(t->pages, ranges, 2, status);
	t->report->replacements += (uint32_t)(!status[0] + !status[1]);
	if (status[0] == -EOPNOTSUPP)
		t->preserve = status[0];
	else if (status[0])
		return status[0];
	return status[1];
}

static int round_trip(struct trial *t, uint8_t old, uint8_t new)
{
	uint32_t counter;
	int err = hold(t);

	if (!err && !t->info.live)
		err = vdev__writer_pause(&t->writer);
	if (!err)
		err = replace(t);
	if (err)
		return err;
	counter = __atomic_load_n((uint32_t *)(void *)t->first, __ATOMIC_RELAXED);
	if (t->preserve >= 0 && differ(t->first, old))
		t->preserve = VDEV_PAGES_NO;
	if (differ(t->last, 0))
		t->reset = VDEV_PAGES_NO;
	if (t->preserve >= 0)
		memset(t->first + HEAD, new, PAGE - HEAD);
	memset(t->last + HEAD, new, PAGE - HEAD);
	if (!t->info.live)
		vdev__writer_resume(&t->writer);
	err = vdev__writer_sees(&t->writer, (uint16_t)(new << 8 | new));
	if (err == -ETIMEDOUT)
		t->reset = VDEV_PAGES_NO;
	if (err)
		return err;
	return receive(t, old, counter);
}

static int rounds(struct trial *t)
{
	uint32_t counter, updates;
	uint8_t pattern = 0x11;
	int i, err = 0;

	for (i = 0; !err && i < ROUNDS; i++, pattern++)
		err = round_trip(t, pattern, (uint8_t)(pattern + 1));
	if (!err)
		err = vdev__writer_pause(&t->writer);
	if (err)
		return err;
	counter = __atomic_load_n((uint32_t *)(void *)t->first, __ATOMIC_RELAXED);
	updates = vdev__writer_updates(&t->writer);
	t->report->updates += updates;
	t->report->lost_updates += updates - counter;
	if (updates != counter)
		t->preserve = VDEV_PAGES_NO;
	return 0;
}

/* The memory has to come free for the writer to end, whatever is wrong with it. */
static int under_writer(struct trial *t, int kvm_fd)
{
	int err = pipe2(t->pipe, O_CLOEXEC | O_NONBLOCK) ? -errno : 0;

	if (err)
		return err;
	memset(t->first, 0, PAGE);
	memset(t->first + HEAD, 0x11, PAGE - HEAD);
	memset(t->last, 0x11, PAGE);
	vdev_pages_get(t->pages, 0, &t->info, sizeof(t->info));
	vdev_pages_stopped(t->pages, t->info.live ? 0 : VDEV_PAGES_GUEST_STOPPED);
	err = vdev__writer_start(&t->writer, kvm_fd, t->first, t->last, &t->report->kvm);
	if (!err) {
		err = rounds(t);
		vdev_pages_remove(t->pages, 0); /* who waits for a fault goes on */
		vdev__writer_end(&t->writer);
	}
	close(t->pipe[0]);
	close(t->pipe[1]);
	return err;
}

/* Returns what ended it early; a broken vCPU is no fault of the mechanism. */
static int try_kind(struct trial *t, uint32_t kind, int kvm_fd)
{
	int err;

	t->preserve = t->reset = VDEV_PAGES_YES;
	t->first = NULL;
	err = make_memory(t, kind);
	if (!err)
		err = vdev_pages_add(t->pages, &t->region);
	if (!err) {
		err = under_writer(t, kvm_fd);
		vdev_pages_remove(t->pages, 0);
	}
	drop_memory(t);
	return err;
}

static void test_kind(struct trial *t, uint32_t kind, int *kvm_fd)
{
	int *outcome = &t->report->outcome[(size_t)2 * (kind - VDEV_PAGES_ANON)];
	int err = try_kind(t, kind, *kvm_fd);

	if (err && atomic_load(&t->writer.broken)) {
		t->report->kvm = atomic_load(&t->writer.broken);
		*kvm_fd = NO_KVM;
		err = try_kind(t, kind, *kvm_fd);
	}
	outcome[0] = err && t->reset == VDEV_PAGES_YES ? err : t->reset;
	outcome[1] = err && t->preserve == VDEV_PAGES_YES ? err : t->preserve;
}

int vdev__pages_test(const struct vdev_env *env, const struct vdev_pages_config *config,
		     uint32_t mechanism, struct vdev_pages_report *ret_report)
{
	struct vdev_pages_report report = {.mechanism = mechanism};
	struct vdev_pages_config c = *config;
	struct trial t = {.report = &report};
	int kvm_fd = config->kvm_fd, err;
	uint32_t kind;

	c.max_regions = 1;
	err = vdev__pages_make(&t.pages, env, &c, mechanism);
	if (err)
		return err;
	for (kind = VDEV_PAGES_ANON; kind <= VDEV_PAGES_HUGETLB; kind++)
		test_kind(&t, kind, &kvm_fd);
	report.uffd = mechanism == VDEV_PAGES_UFFD ? 0 : -EOPNOTSUPP;
	report.batch = t.pages->pidfd >= 0 ? 0 : -EOPNOTSUPP;
	vdev_pages_free(t.pages);
	*ret_report = report;
	return 0;
}
