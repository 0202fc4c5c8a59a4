/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking pages out from under a running guest: one page, and 64 scattered ones, while a vCPU
 * writes into all of them.
 *
 * RESET against a fresh page that mremap(2) moves over the old one, and a batch against the same
 * calls page by page; PRESERVE against one who gives the same guarantee with mremap: pause the
 * vCPU, copy, move, resume. The first page of each round is held by a pipe: what it gives, the
 * updates and the number of mappings are part of the bench.
 *
 * A turn is the median of its rounds: one in which somebody else got the CPU does not count.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
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

#define ROUNDS 25u

enum how { BATCH, ONE_BY_ONE, MOVE };

struct side {
	struct pages_vm vm;
	struct vdev_pages *pages; /* NULL: MOVE */
	int pipe[2];
	enum how how;
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

static void replace_ours(struct side *s, uint32_t first, uint32_t count)
{
	struct vdev_pages_range ranges[VM_PAGES / 2];

	for (uint32_t i = 0; i < count; i++)
		ranges[i] = (struct vdev_pages_range){.guest_address = (first + i) * 2 * VM_PAGE,
						      .size_bytes = VM_PAGE,
						      .mode = s->mode};
	if (vdev_pages_offline(s->pages, ranges, count, NULL) != (int)count)
		bench_die("pages: a page was not replaced");
}

/* As of ours, the page is there when it is done: for RESET that of zeroes. */
static void move_one(uint8_t *page, uint32_t mode)
{
	uint8_t *fresh =
		mmap(NULL, VM_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fresh == MAP_FAILED)
		bench_die("out of memory");
	if (mode == VDEV_ZEROCOPY_PRESERVE)
		memcpy(fresh, page, VM_PAGE);
	else
		(void)*(volatile uint8_t *)fresh;
	if (mremap(fresh, VM_PAGE, VM_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page) != page)
		bench_die("mremap failed");
}

/* One by one: that is all that mremap can do. */
static void move_all(struct side *s)
{
	if (s->mode == VDEV_ZEROCOPY_PRESERVE)
		pages_vm_kick(&s->vm);
	for (uint32_t i = 0; i < s->count; i++)
		move_one(page_of(s, i), s->mode);
	if (s->mode == VDEV_ZEROCOPY_PRESERVE)
		pages_vm_run(&s->vm);
}

static void replace(struct side *s)
{
	if (s->how == MOVE)
		move_all(s);
	else if (s->how == BATCH)
		replace_ours(s, 0, s->count);
	for (uint32_t i = 0; s->how == ONE_BY_ONE && i < s->count; i++)
		replace_ours(s, i, 1);
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
		sched_yield();
}

static void check_updates(struct side *s)
{
	uint32_t sweeps = pages_vm_sweeps(&s->vm);

	for (uint32_t i = 0; i < VM_PAGES; i++)
		if (*(volatile uint32_t *)(void *)(s->vm.mem + i * VM_PAGE) != sweeps)
			bench_die("pages: an update was lost");
}

static void insert(uint64_t *sorted, uint32_t count, uint64_t value)
{
	while (count && sorted[count - 1] > value) {
		sorted[count] = sorted[count - 1];
		count--;
	}
	sorted[count] = value;
}

static double turn(void *context)
{
	struct side *s = context;
	uint32_t before = mappings();
	uint64_t ns[ROUNDS], begin;

	pages_vm_run(&s->vm);
	for (uint32_t i = 0; i < s->rounds; i++) {
		let_it_sweep(s);
		hold(s);
		begin = bench_now();
		replace(s);
		insert(ns, i, bench_now() - begin);
		receive(s);
	}
	pages_vm_park(&s->vm);
	if (s->mode == VDEV_ZEROCOPY_PRESERVE)
		check_updates(s);
	if (s->pages && mappings() != before)
		bench_die("pages: the process has other mappings than before");
	return (double)ns[s->rounds / 2];
}

static const char *open_side(struct side *s)
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
	if (s->how == MOVE)
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
static int row(struct bench *b, struct bench_row row, enum how peer, uint32_t mode)
{
	struct side ours = {.count = (uint32_t)row.n,
			    .mode = mode,
			    .rounds = b->quick ? 5 : ROUNDS},
		    other = ours;
	const char *why;

	other.how = peer;
	why = open_side(&ours);
	if (!why)
		why = open_side(&other);
	if (why) {
		fprintf(stderr, "vdev-bench: skipped: pages: %s\n", why);
		return 0;
	}
	bench_pair(b, &row, &(struct bench_side){turn, &ours}, &(struct bench_side){turn, &other},
		   b->quick ? 3 : 41);
	close_side(&ours);
	close_side(&other);
	return 1;
}

void bench_pages(struct bench *b)
{
	const char *paused = "pause, copy, mremap";
	const uint32_t reset = VDEV_ZEROCOPY_RESET, preserve = VDEV_ZEROCOPY_PRESERVE;
	const struct bench_row rows[] = {
		{.name = "zerocopy/reset", .n = 1, .peer_name = "mremap", .goal = 1.8},
		{.name = "zerocopy/reset", .n = 64, .peer_name = "one by one", .goal = 10},
		{.name = "zerocopy/reset", .n = 64, .peer_name = "mremap, one by one"},
		{.name = "zerocopy/preserve", .n = 1, .peer_name = paused},
		{.name = "zerocopy/preserve", .n = 64, .peer_name = "one by one"},
		{.name = "zerocopy/preserve", .n = 64, .peer_name = paused},
	};

	bench_undisturbed(1);
	if (row(b, rows[0], MOVE, reset)) {
		row(b, rows[1], ONE_BY_ONE, reset);
		row(b, rows[2], MOVE, reset);
		row(b, rows[3], MOVE, preserve);
		row(b, rows[4], ONE_BY_ONE, preserve);
		row(b, rows[5], MOVE, preserve);
	}
	bench_undisturbed(0);
}
