/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 8: memory that cannot be taken out, and replacements that fail (Z12). */
#include <errno.h>
#include <string.h>

#ifdef HAVE_KVM
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vdev/pages.h>
#endif

#include "zerocopy.h"

static void fixed(struct scene *s)
{
	s->options.lending.fixed_from = zerocopy_block(512);
	if (!zerocopy_begin(s))
		return;
	transport_stick(zerocopy_to(s, 0), true);
	NEED(s, zerocopy_send(s, 0, 510, 4, 512, 10), "the guest takes no orders");
	NEED(s, zerocopy_told(s, 513, VDEV_GUEST_DONE_COPIED), "fixed memory was lent");
	NEED(s,
	     zerocopy_all_told(s, 512, 2, VDEV_GUEST_DONE_COPIED) &&
		     zerocopy_all_told(s, 510, 2, VDEV_GUEST_DONE_RECLAIMED),
	     "the other memory was not lent");
	EXPECT(s, s->vm->lending->counts.reasons[VDEV_ZEROCOPY_COPY_FIXED] == 2,
	       "not for that reason");
	NEED(s, zerocopy_read_out(s, 0) && zerocopy_quarantined(s, 0), "it does not end");
	scene_tell(s, "2 blocks of fixed memory copied, 2 others lent and taken back");
}

/* The host cannot replace a page: the block stays lent, the guest waits, and its completion ends it. */
static void cannot_replace(struct scene *s)
{
	if (!zerocopy_begin(s))
		return;
	atomic_store(&s->vm->lending->fail, -ENOMEM);
	transport_stick(zerocopy_to(s, 0), true);
	NEED(s, zerocopy_send(s, 0, 0, 4, 512, 10), "the guest takes no orders");
	NEED(s, vm_wait(s->vm, zerocopy_refused, &(uint64_t){4}, PATIENCE_MS), "not REFUSED");
	EXPECT(s, s->vm->lending->counts.refused_status == -ENOMEM, "for another reason: %d",
	       s->vm->lending->counts.refused_status);
	EXPECT(s, !zerocopy_seen(s)->accessible && lending_stats(s->vm).blocks == 4,
	       "the guest was told all the same");
	/* one is asked for again when the host can: it comes back; the others complete */
	atomic_store(&s->vm->lending->fail, 0);
	NEED(s, GIVE(s, .what = MSG_DO_RECLAIM, .target = 1, .cookie = 100),
	     "the guest takes no orders");
	NEED(s, zerocopy_told(s, 1, VDEV_GUEST_DONE_RECLAIMED), "it is not taken back anew");
	transport_stick(zerocopy_to(s, 0), false);
	NEED(s, zerocopy_all_told(s, 1, 3, VDEV_GUEST_DONE_SENT), "the others do not complete");
	scene_tell(s, "4 refused and still lent; one taken back later, 3 completed");
}

/* It comes again by itself, as long as its time lasts. */
static void tries_again(struct scene *s)
{
	s->options.lending.engine.retry_ns = 5 * MS;
	if (!zerocopy_begin(s))
		return;
	atomic_store(&s->vm->lending->fail, -EAGAIN);
	transport_stick(zerocopy_to(s, 0), true);
	NEED(s, zerocopy_send(s, 0, 0, 4, 512, 10), "the guest takes no orders");
	NEED(s, vm_wait(s->vm, zerocopy_jobs, &(uint64_t){8}, PATIENCE_MS), "not tried again");
	EXPECT(s, !zerocopy_seen(s)->accessible, "the guest was told too early");
	atomic_store(&s->vm->lending->fail, 0);
	NEED(s, zerocopy_all_told(s, 0, 4, VDEV_GUEST_DONE_RECLAIMED), "not taken back");
	NEED(s, zerocopy_read_out(s, 0) && zerocopy_quarantined(s, 0), "it does not end");
	scene_tell(s, "%llu attempts for 4 blocks",
		   (unsigned long long)s->vm->lending->counts.jobs);
}

#ifdef HAVE_KVM
static void expect_refused(struct scene *s, struct vdev_pages *pages,
			   const struct vdev_pages_region *region, int code, const char *what)
{
	int r = vdev_pages_add(pages, region);

	EXPECT(s, r == code, "%s: %s, expected %s", what, vdev_strerror(r), vdev_strerror(code));
	if (!r)
		vdev_pages_remove(pages, region->guest_address);
}

static void locked(struct scene *s, struct vdev_pages *pages, struct vdev_pages_region *region)
{
	void *at = (void *)(uintptr_t)region->host_address;

	/* by the system call: a sanitizer makes nothing of mlock() */
	if (syscall(SYS_mlock, at, PAGE)) {
		EXPECT(s, errno == ENOMEM || errno == EPERM, "mlock: %s", strerror(errno));
		return;
	}
	expect_refused(s, pages, region, -EOPNOTSUPP, "locked memory");
	syscall(SYS_munlock, at, PAGE);
}

static void taken(struct scene *s, struct vdev_pages *pages, struct vdev_pages_region *region)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register all = {
		.range = {.start = region->host_address, .len = region->size_bytes},
		.mode = UFFDIO_REGISTER_MODE_MISSING};

	if (fd < 0)
		return;
	if (!ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &all))
		expect_refused(s, pages, region, -EBUSY, "memory under another userfaultfd");
	close(fd);
}

/* While another process maps it, PRESERVE would show it zeroes: refused until that one is stopped. */
static void peers(struct scene *s, struct vdev_pages *pages, struct vdev_pages_region *region)
{
	struct vdev_pages_range range = {
		.guest_address = 0, .size_bytes = PAGE, .mode = VDEV_ZEROCOPY_PRESERVE};
	struct vdev_pages_info info;
	int status = 0;

	region->kind = VDEV_PAGES_MEMFD;
	region->flags = VDEV_PAGES_PEERS;
	if (!EXPECT(s, !vdev_pages_add(pages, region), "a memfd with peers was refused"))
		return;
	vdev_pages_offline(pages, &range, 1, &status);
	EXPECT(s, status == -EOPNOTSUPP, "PRESERVE beside a peer: %s", vdev_strerror(status));
	vdev_pages_stopped(pages, VDEV_PAGES_PEERS_STOPPED);
	/* mremap would leave the peer with the old page, stopped or not */
	if (!vdev_pages_get(pages, 0, &info, sizeof(info)) && info.mechanism == VDEV_PAGES_UFFD)
		EXPECT(s, vdev_pages_offline(pages, &range, 1, &status) == 1,
		       "PRESERVE with the peer stopped: %s", vdev_strerror(status));
	vdev_pages_stopped(pages, 0);
	vdev_pages_remove(pages, region->guest_address);
}

static void refuse(struct scene *s, struct vdev_pages *pages)
{
	struct vdev_pages_region region = {.struct_size = sizeof(region),
					   .kind = VDEV_PAGES_ANON,
					   .fd = -1,
					   .size_bytes = 16 * PAGE};
	int fd = memfd_create("refused", MFD_CLOEXEC);
	void *anonymous =
		mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *shared = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, 16 * PAGE))
		shared = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (EXPECT(s, anonymous != MAP_FAILED && shared != MAP_FAILED, "no memory")) {
		region.host_address = (uintptr_t)anonymous;
		locked(s, pages, &region);
		taken(s, pages, &region);
		region.kind = VDEV_PAGES_GUEST_MEMFD;
		expect_refused(s, pages, &region, -EOPNOTSUPP, "guest_memfd");
		region.host_address = (uintptr_t)shared;
		region.fd = fd;
		peers(s, pages, &region);
		munmap(shared, 16 * PAGE);
		munmap(anonymous, 16 * PAGE);
	}
	if (fd >= 0)
		close(fd);
}

static void refused_memory(struct scene *s)
{
	struct vdev_pages_config config = {
		.struct_size = sizeof(config), .max_regions = 4, .kvm_fd = -1};
	struct vdev_pages_report report;
	struct vdev_pages *pages;
	int r;

	if (s->options.machine == &machine_mock) {
		scene_skip(s, "the mock machine has no host memory to refuse");
		return;
	}
	r = vdev_pages_new(&pages, NULL, &config);
	NEED(s, !r, "no page replacement: %s", vdev_strerror(r));
	refuse(s, pages);
	r = vdev_pages_report(pages, &report, sizeof(report));
	EXPECT(s, !r && !report.lost_updates && !report.wrong_bytes,
	       "the self-test lost %llu updates", (unsigned long long)report.lost_updates);
	scene_tell(s,
		   "locked, taken, guest_memfd, peers: refused; %s, %s through KVM_RUN: %llu "
		   "updates, none lost",
		   vdev_pages_mechanism_name(report.mechanism),
		   report.kvm ? "NOT tested" : "tested", (unsigned long long)report.updates);
	vdev_pages_free(pages);
}
#endif

const struct story zerocopy_refusals[] = {
	{"fixed-memory", "Z12", fixed},
	{"cannot-replace", "Z7 Z12", cannot_replace},
	{"tries-again", "Z6 Z12", tries_again},
#ifdef HAVE_KVM
	{"memory-refused", "Z12", refused_memory},
#endif
	{NULL, NULL, NULL},
};
