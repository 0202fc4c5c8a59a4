/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages are replaced under a writer that never stops: a vCPU in KVM_RUN, and a thread. A receiver
 * holds each old page. The controls show that without write-protection updates get lost, and that
 * without replacement the receiver gets what was written later.
 */
#include "test_pages_rig.h"

#include <stdlib.h>

#define ROUNDS 10000
#define WIDE_ROUNDS 100
#define SPREAD 256u /* pages in the region */
#define HEAD 64u

struct run {
	uint64_t replaced, wrong, lost, updates, torn;
	int64_t vmas;
};

static uint32_t rounds_of(uint32_t full)
{
	return getenv("VDEV_TEST_SLOW") ? full / 10 : full;
}

static uint32_t counter(const uint8_t *page)
{
	return __atomic_load_n((const uint32_t *)(const void *)page, __ATOMIC_RELAXED);
}

/* What is beyond the counter is written here and nowhere else. */
static void one_round(struct rig *r, struct run *run, uint8_t old, uint8_t new, uint64_t bytes)
{
	uint8_t got[PAGE];
	uint32_t then;

	rig_hold(r, 0, PAGE);
	if (bytes > PAGE) /* as by a balloon: it has to be filled before it can be copied out */
		madvise(r->mem + bytes - PAGE, PAGE, MADV_DONTNEED);
	if (bytes) {
		assert_int_equal(rig_offline(r, 0, bytes, PRESERVE), 0);
		run->replaced++;
	}
	run->torn += count_other(r->mem + HEAD, PAGE - HEAD, old);
	memset(r->mem + HEAD, new, PAGE - HEAD);
	assert_int_equal(read(r->pipe[0], got, PAGE), PAGE);
	memcpy(&then, got, sizeof(then));
	run->wrong += count_other(got + HEAD, PAGE - HEAD, old);
	run->wrong += bytes && then > counter(r->mem);
}

/* Not much of a writer, otherwise: on a busy machine the replacements leave it no time. */
static void wait_for_update(const struct vdev__writer *w)
{
	uint32_t before = vdev__writer_updates(w), i;

	for (i = 0; i < 1000 && vdev__writer_updates(w) == before; i++)
		usleep(1);
}

/* bytes: so much from the beginning on is replaced each time. */
static struct run replace_under_writer(struct rig *r, int kvm_fd, uint32_t rounds, uint64_t bytes)
{
	struct run run = {0};
	struct vdev__writer w;
	uint32_t i, vmas;
	int kvm = 0;

	memset(r->mem, 0, r->size);
	assert_int_equal(vdev__writer_start(&w, kvm_fd, r->mem, r->mem + PAGE, &kvm), 0);
	if (kvm)
		print_message("no vCPU, a thread instead: %s\n", strerror(-kvm));
	vmas = rig_vmas(r->mem, r->size);
	for (i = 0; i < rounds; i++) {
		one_round(r, &run, (uint8_t)i, (uint8_t)(i + 1), bytes);
		wait_for_update(&w);
	}
	run.vmas = (int64_t)rig_vmas(r->mem, r->size) - vmas;
	assert_int_equal(vdev__writer_pause(&w), 0);
	run.updates = vdev__writer_updates(&w);
	run.lost = run.updates - counter(r->mem);
	vdev__writer_end(&w);
	print_message("%s: %llu replaced, %llu updates, %llu lost, %llu wrong bytes, VMAs %+lld\n",
		      kvm_fd == THREAD || kvm ? "thread" : "vCPU", (unsigned long long)run.replaced,
		      (unsigned long long)run.updates, (unsigned long long)run.lost,
		      (unsigned long long)run.wrong, (long long)run.vmas);
	return run;
}

static void nothing_is_lost(struct rig *r, uint32_t kind, int kvm_fd)
{
	uint32_t rounds = rounds_of(ROUNDS);
	struct run run;

	rig_make(r, VDEV_PAGES_UFFD, kind, SPREAD * PAGE);
	assert_int_equal(rig_info(r).live, 1);
	run = replace_under_writer(r, kvm_fd, rounds, PAGE);
	assert_int_equal(run.replaced, rounds);
	assert_true(run.updates > 0);
	assert_int_equal(run.lost, 0);
	assert_int_equal(run.wrong, 0);
	assert_int_equal(run.torn, 0);
	assert_int_equal(run.vmas, 0);
	assert_int_equal(rig_stats(r).preserved_bytes, (uint64_t)rounds * PAGE);
	assert_int_equal(rig_stats(r).rescued, 0);
}

static void anon_under_vcpu(void **state)
{
	nothing_is_lost(*state, VDEV_PAGES_ANON, -1);
}

static void anon_under_thread(void **state)
{
	nothing_is_lost(*state, VDEV_PAGES_ANON, THREAD);
}

static void memfd_under_vcpu(void **state)
{
	nothing_is_lost(*state, VDEV_PAGES_MEMFD, -1);
}

static void memfd_under_thread(void **state)
{
	nothing_is_lost(*state, VDEV_PAGES_MEMFD, THREAD);
}

/*
 * The page of the counter is copied first, and a hole at the end of the range, which is filled
 * slowly, leaves even a busy machine time to lose updates.
 */
static uint64_t lost_in_wide_range(struct rig *r)
{
	uint32_t rounds = rounds_of(WIDE_ROUNDS);

	r->slow_copy_us = 300;
	return replace_under_writer(r, -1, rounds, r->size).lost +
	       replace_under_writer(r, THREAD, rounds, r->size).lost;
}

static void wide_range(void **state)
{
	struct rig *r = *state;

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, SPREAD * PAGE);
	assert_int_equal(lost_in_wide_range(r), 0);
}

/* The control: the same, but nothing is write-protected. */
static void control_without_protection(void **state)
{
	struct rig *r = *state;

	r->ignore_request = UFFDIO_WRITEPROTECT;
	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, SPREAD * PAGE);
	assert_true(lost_in_wide_range(r) > 0);
}

/* The control: nothing is replaced, so the receiver sees what was written after it was sent. */
static void control_without_replacement(void **state)
{
	struct rig *r = *state;
	struct run run;

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, SPREAD * PAGE);
	run = replace_under_writer(r, -1, 10, 0);
	assert_true(run.wrong > 0);
}

/*
 * Scattered pages in one call: one process_madvise, one cover; their neighbours stay what they
 * are.
 */
static void scattered_batch(void **state)
{
	struct vdev_pages_range ranges[32];
	struct rig *r = *state;
	int status[32], kvm;
	struct vdev__writer w;
	uint32_t i, k;

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_ANON, SPREAD * PAGE);
	memset(r->mem, 0x5a, r->size);
	memset(r->mem, 0, PAGE);
	assert_int_equal(vdev__writer_start(&w, -1, r->mem, r->mem + PAGE, &kvm), 0);
	for (k = 0; k < 100; k++) {
		for (i = 0; i < 32; i++) {
			uint32_t at = i ^ 5; /* not in order */

			ranges[i] = (struct vdev_pages_range){.guest_address = at * 2 * PAGE,
							      .size_bytes = PAGE,
							      .mode = PRESERVE};
		}
		rig_hold(r, 2 * PAGE, PAGE);
		assert_int_equal(vdev_pages_offline(r->p, ranges, 32, status), 32);
		assert_int_equal(rig_wrong(r, PAGE, 0x5a), 0);
		assert_int_equal(count_other(r->mem + PAGE, r->size - PAGE, 0x5a), 0);
	}
	assert_int_equal(vdev__writer_pause(&w), 0);
	assert_int_equal(vdev__writer_updates(&w), counter(r->mem));
	vdev__writer_end(&w);
	assert_int_equal(rig_stats(r).batches, 100);
}

/* RESET gives zeroes to the guest and leaves the old bytes with the receiver. */
static void reset_under_vcpu(void **state)
{
	struct rig *r = *state;
	struct vdev__writer w;
	uint32_t i, vmas;
	int kvm;

	rig_make(r, VDEV_PAGES_UFFD, VDEV_PAGES_MEMFD, SPREAD * PAGE);
	assert_int_equal(vdev__writer_start(&w, -1, r->mem, r->mem + PAGE, &kvm), 0);
	vmas = rig_vmas(r->mem, r->size);
	for (i = 0; i < 200; i++) {
		memset(r->mem + PAGE, (int)(i | 1), PAGE);
		assert_int_equal(vdev__writer_sees(&w, (uint16_t)((i | 1) * 0x101)), 0);
		rig_hold(r, PAGE, PAGE);
		assert_int_equal(rig_offline(r, PAGE, PAGE, RESET), 0);
		assert_int_equal(count_other(r->mem + PAGE, PAGE, 0), 0);
		assert_int_equal(vdev__writer_sees(&w, 0), 0);
		memset(r->mem + PAGE, 0xee, PAGE);
		assert_int_equal(rig_wrong(r, PAGE, (uint8_t)(i | 1)), 0);
	}
	assert_int_equal(rig_vmas(r->mem, r->size), vmas);
	vdev__writer_end(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(anon_under_vcpu),
		T(anon_under_thread),
		T(memfd_under_vcpu),
		T(memfd_under_thread),
		T(wide_range),
		T(control_without_protection),
		T(control_without_replacement),
		T(scattered_batch),
		T(reset_under_vcpu),
	};

	if (rig_uffd_missing())
		return 77;
	return cmocka_run_group_tests_name("pages_guest", tests, NULL, NULL);
}
