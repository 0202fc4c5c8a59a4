/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking pages out from under a running guest: one page, and 64 scattered ones, while a vCPU
 * writes into all of them.
 *
 * RESET against a fresh page that mremap(2) moves over the old one; PRESERVE against one who gives
 * the same guarantee with it: pause the vCPU, copy, move, resume. Each old page is held by a pipe:
 * what it gives, the updates and the number of mappings are part of the bench.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <vdev/pages.h>
#include <vdev/zerocopy.h>

#include "bench.h"
#include "pages_vm.h"

#define HEAD 64u
#define WORD 0x40u

struct side {
	struct pages_vm vm;
	struct vdev_pages *pages; /* NULL: the peer */
	int pipe[2];
	uint32_t count, mode, rounds;
	uint8_t pattern;
};

static uint32_t mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	uint32_t n = 0;
	int c;

	if (!f)
		bench_die("/proc/self/maps cannot be read");
	while ((c = fgetc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

/* Every other page, so that neighbours are not replaced as one. */
static uint8_t *page_of(const struct side *s, uint32_t i)
{
	return s->vm.mem + i * 2 * VM_PAGE;
}

static void replace_ours(struct side *s)
{
	struct vdev_pages_range ranges[VM_PAGES / 2];

	for (uint32_t i = 0; i < s->count; i++)
		ranges[i] = (struct vdev_pages_range){
			.guest_address = i * 2 * VM_PAGE, .size_bytes = VM_PAGE, .mode = s->mode};
	if (vdev_pages_offline(s->pages, ranges, s->count, NULL) != (int)s->count)
		bench_die("pages: a page was not replaced");
}

static void move_one(uint8_t *page, uint32_t mode)
{
	void *fresh =
		mmap(NULL, VM_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fresh == MAP_FAILED)
		bench_die("out of memory");
	if (mode == VDEV_ZEROCOPY_PRESERVE)
		memcpy(fresh, page, VM_PAGE);
	if (mremap(fresh, VM_PAGE, VM_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page) != page)
		bench_die("mremap failed");
}

/* One by one: that is all that mremap can do. */
static void replace_peer(struct side *s)
{
	if (s->mode == VDEV_ZEROCOPY_PRESERVE)
		pages_vm_kick(&s->vm);
	for (uint32_t i = 0; i < s->count; i++)
		move_one(page_of(s, i), s->mode);
	if (s->mode == VDEV_ZEROCOPY_PRESERVE)
		pages_vm_run(&s->vm);
}

static void hold(struct side *s)
{
	struct iovec v = {page_of(s, 0), VM_PAGE};

	memset(page_of(s, 0) + HEAD, s->pattern, VM_PAGE - HEAD);
	if (vmsplice(s->pipe[1], &v, 1, 0) != VM_PAGE)
		bench_die("vmsplice failed");
}

/* New data at the same address must not reach the receiver. */
static void receive(struct side *s)
{
	uint8_t got[VM_PAGE];

	memset(page_of(s, 0) + HEAD, s->pattern + 1, VM_PAGE - HEAD);
	if (read(s->pipe[0], got, VM_PAGE) != VM_PAGE)
		bench_die("the pipe cannot be read");
	for (uint32_t i = HEAD; i < VM_PAGE; i++)
		if (got[i] != s->pattern)
			bench_die("pages: the receiver got a byte that was written later");
	s->pattern++;
}

/*
 * The guest has the replaced pages in use again before the next round, and its vCPU runs now: on a
 * busy machine it may wait for a CPU, which would make replacing cheap for both sides.
 */
static void let_it_sweep(struct side *s)
{
	uint32_t before = pages_vm_sweeps(&s->vm);

	while (pages_vm_sweeps(&s->vm) - before < 2)
		usleep(50);
	for (before = pages_vm_sweeps(&s->vm); pages_vm_sweeps(&s->vm) == before;)
		continue;
}

static void check_updates(struct side *s)
{
	uint32_t sweeps = pages_vm_sweeps(&s->vm);

	for (uint32_t i = 0; i < VM_PAGES; i++)
		if (*(volatile uint32_t *)(void *)(s->vm.mem + i * VM_PAGE) != sweeps)
			bench_die("pages: an update was lost");
}

static double turn(struct side *s, void (*replace)(struct side *s))
{
	uint32_t before = mappings();
	uint64_t ns = 0, begin;

	pages_vm_run(&s->vm);
	for (uint32_t i = 0; i < s->rounds; i++) {
		let_it_sweep(s);
		hold(s);
		begin = bench_now();
		replace(s);
		ns += bench_now() - begin;
		receive(s);
	}
	pages_vm_park(&s->vm);
	if (s->mode == VDEV_ZEROCOPY_PRESERVE)
		check_updates(s);
	if (s->pages && mappings() != before)
		bench_die("pages: the process has other mappings than before");
	return (double)ns / s->rounds;
}

static double turn_ours(void *context)
{
	return turn(context, replace_ours);
}

static double turn_peer(void *context)
{
	return turn(context, replace_peer);
}

static const char *open_side(struct side *s, int ours)
{
	struct vdev_pages_config config = {.struct_size = sizeof(config),
					   .flags = VDEV_PAGES_UNTESTED,
					   .mechanism = VDEV_PAGES_UFFD,
					   .max_regions = 1,
					   .kvm_fd = -1};
	struct vdev_pages_region region = {.struct_size = sizeof(region),
					   .kind = VDEV_PAGES_ANON,
					   .fd = -1,
					   .size_bytes = VM_PAGES * VM_PAGE};
	int err = pages_vm_open(&s->vm);

	if (err)
		return "/dev/kvm cannot be used";
	if (pipe2(s->pipe, O_CLOEXEC))
		bench_die("no pipe could be made");
	if (!ours)
		return NULL;
	region.host_address = (uint64_t)(uintptr_t)s->vm.mem;
	if (vdev_pages_new(&s->pages, NULL, &config) || vdev_pages_add(s->pages, &region))
		return "userfaultfd cannot be used";
	return NULL;
}

static void close_side(struct side *s)
{
	pages_vm_close(&s->vm);
	vdev_pages_free(s->pages);
	close(s->pipe[0]);
	close(s->pipe[1]);
}

/*
 * A fresh pair each time: what mremap left of the peer's mappings belongs to its price, not to
 * the next row's.
 */
static int row(struct bench *b, const char *name, const char *peer, uint32_t count, uint32_t mode,
	       double goal)
{
	struct bench_row row = {.name = name, .n = count, .peer_name = peer, .goal = goal};
	struct side ours = {.count = count, .mode = mode, .rounds = b->quick ? 5 : 100},
		    other = ours;
	const char *why = open_side(&ours, 1);

	if (!why)
		why = open_side(&other, 0);
	if (why) {
		fprintf(stderr, "vdev-bench: skipped: pages: %s\n", why);
		return 0;
	}
	bench_pair(b, &row, &(struct bench_side){turn_ours, &ours},
		   &(struct bench_side){turn_peer, &other}, b->quick ? 3 : 11);
	close_side(&ours);
	close_side(&other);
	return 1;
}

void bench_pages(struct bench *b)
{
	const char *move = "mremap", *paused = "pause, copy, mremap";

	if (row(b, "zerocopy/reset", move, 1, VDEV_ZEROCOPY_RESET, 1.8)) {
		row(b, "zerocopy/reset", "mremap, one by one", 64, VDEV_ZEROCOPY_RESET, 10);
		row(b, "zerocopy/preserve", paused, 1, VDEV_ZEROCOPY_PRESERVE, 0);
		row(b, "zerocopy/preserve", paused, 64, VDEV_ZEROCOPY_PRESERVE, 0);
	}
}
