/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdev_kvm_signal() interrupted after each of its instructions, one after the other, by what other threads might do there: no
 * moment is left to chance, as it is in test_kvm_msi_stress.c. The processor's trap flag stops the thread; in the
 * handler of SIGTRAP the others' turn is played. Works as signal() takes no lock.
 */
#include "vt_test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <vdev/removal.h>

#include "linux/kvm/msi.h"
#include "test_kvm_msi_numbered.h"

#define DEV UINT64_C(1)
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#define LEAST 60u /* instructions in vdev_kvm_signal(), where it is shortest */

struct steps {
	struct vdev_kvm *kvm;
	uint64_t dev; /* that lives */
	uint32_t steps; /* so far */
	uint32_t at; /* it is the others' turn */
	void (*others)(struct steps *s);
	int aiming; /* at message 1, not signal() */
	uint32_t delivered, torn, strangers, mine, number;
};

/* For the handler. */
static struct steps *playing;

static int deliver(void *user, int fd, unsigned long request, void *argument)
{
	struct steps *s = user;
	const struct kvm_msi *m = argument;

	(void)fd;
	if (request != KVM_SIGNAL_MSI)
		return 1;
	s->delivered++;
	s->torn += is_torn(m);
	s->strangers += s->mine && m->address_lo != s->mine;
	return 1;
}

static void set(struct steps *s, uint64_t dev, uint32_t number, uint32_t flags)
{
	struct vdev_kvm_msi m = message(number, flags);

	if (vdev_kvm_set_msi(s->kvm, dev, 0, &m))
		abort();
}

static void trapped(int signal_number, siginfo_t *info, void *context)
{
	struct steps *s = playing;

	(void)signal_number;
	(void)info;
	if (s->steps++ != s->at)
		return;
	s->others(s);
#ifdef __x86_64__
	/* The rest without stopping. */
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~0x100;
#endif
}

#ifdef __x86_64__
#define FLAGS(change)                                              \
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; " change \
			 "; popfq; lea 128(%%rsp), %%rsp" ::       \
				 : "memory", "cc")
static void trap(int on)
{
	if (on)
		FLAGS("orq $0x100, (%%rsp)");
	else
		FLAGS("andq $-257, (%%rsp)");
}
#else
static void trap(int on)
{
	(void)on;
}
#endif

/* One signal(), in the middle of which it is the others' turn. */
static int interrupted(struct steps *s, uint32_t at)
{
	const struct vdev_msi one = {.address = message(1, 0).address, .data = data_for(1)};
	uint64_t dev = s->dev; /* the others may change that */
	int how;

	s->steps = 0;
	s->at = at;
	s->delivered = 0;
	trap(1);
	how = s->aiming ? vdev_kvm_signal_aimed(s->kvm, dev, 0, &one, &one)
			: vdev_kvm_signal(s->kvm, dev, 0);
	trap(0);
	return how;
}

static int setup(void **state)
{
	static struct steps s;
	struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};
	struct vdev_kvm_config config = {.struct_size = sizeof(config),
					 .vm_fd = 3,
					 .max_devices = 4,
					 .ioctl = deliver,
					 .user = &s};

	memset(&s, 0, sizeof(s));
	s.dev = DEV;
	playing = &s;
	*state = &s;
	sigaction(SIGTRAP, &action, NULL);
	return vdev_kvm_new(&s.kvm, NULL, &config);
}

static int teardown(void **state)
{
	struct steps *s = *state;

	vdev_kvm_free(s->kvm);
	return 0;
}

static void unmask(struct steps *s)
{
	if (vdev_kvm_mask_msi(s->kvm, s->dev, 0, 0) < 0)
		abort();
}

/* The mask ends: the interrupt comes once, by one or the other. */
static void none_is_lost(void **state)
{
	struct steps *s = *state;
	uint32_t at = 0, lost = 0, twice = 0;

	s->others = unmask;
	do {
		set(s, DEV, 1, VDEV_KVM_MSI_MASKED);
		interrupted(s, at);
		lost += s->steps > at && !s->delivered;
		twice += s->delivered > 1;
	} while (s->steps > at++);
	print_message("instructions %u lost %u twice %u\n", at, lost, twice);
	assert_true(at > LEAST);
	assert_int_equal(lost, 0);
	assert_int_equal(twice, 0);
}

/* As often as it takes to fill the copy that is being read. */
static void program(struct steps *s)
{
	for (uint32_t i = 0; i < 2; i++)
		set(s, DEV, ++s->number * 0x1010, 0);
}

static void none_is_torn(void **state)
{
	struct steps *s = *state;
	uint32_t at = 0;

	set(s, DEV, 1, 0);
	s->others = program;
	do {
		assert_int_equal(interrupted(s, at), VDEV_KVM_DELIVERED);
		assert_int_equal(s->delivered, 1);
	} while (s->steps > at++);
	print_message("instructions %u torn %u\n", at, s->torn);
	assert_true(at > LEAST);
	assert_int_equal(s->torn, 0);
}

/* The device goes, and the next one gets its memory. */
static void replace(struct steps *s)
{
	static const uint32_t kinds[] = {VDEV_REMOVAL_HIDE, VDEV_REMOVAL_DETACH_EVENTS,
					 VDEV_REMOVAL_RELEASE};

	for (uint32_t i = 0; i < VT_COUNT(kinds); i++) {
		struct vdev_action a = {.id = 1, .dev = s->dev, .kind = kinds[i]};

		if (vdev_kvm_perform(s->kvm, &a))
			abort();
	}
	s->dev++;
	set(s, s->dev, (uint32_t)s->dev, 0);
}

static void none_is_a_strangers(void **state)
{
	struct steps *s = *state;
	uint32_t at = 0, wrong = 0;

	set(s, DEV, DEV, 0);
	s->others = replace;
	do {
		int how;

		s->mine = (uint32_t)s->dev;
		how = interrupted(s, at);
		wrong += how != VDEV_KVM_DELIVERED && how != VDEV_KVM_GATED;
	} while (s->steps > at++);
	print_message("instructions %u strangers %u\n", at, s->strangers);
	assert_true(at > LEAST);
	assert_int_equal(s->strangers, 0);
	assert_int_equal(wrong, 0);
}

static void hide(struct steps *s)
{
	replace(s);
	set(s, s->dev, 1, VDEV_KVM_MSI_MASKED);
}

/* The device goes while its worker marks a masked vector. */
static void none_comes_of_a_mark(void **state)
{
	struct steps *s = *state;
	uint32_t at = 0, wrong = 0;

	set(s, DEV, 1, VDEV_KVM_MSI_MASKED);
	s->others = hide;
	do {
		int how = interrupted(s, at);

		wrong += how != VDEV_KVM_MASKED && how != VDEV_KVM_GATED;
		/* The next device must not find the mark of the one before. */
		unmask(s);
		wrong += s->steps > at && s->delivered;
		set(s, s->dev, 1, VDEV_KVM_MSI_MASKED);
	} while (s->steps > at++);
	print_message("instructions %u wrong %u\n", at, wrong);
	assert_int_equal(wrong, 0);
}

/* The device goes while its worker marks a masked vector, and something comes for the next one. */
static void mark_next(struct steps *s)
{
	hide(s);
	if (vdev_kvm_signal(s->kvm, s->dev, 0) != VDEV_KVM_MASKED)
		abort();
}

/* The same device under another handle. */
static void rename_and_mark(struct steps *s)
{
	if (vdev_kvm_rename(s->kvm, s->dev, s->dev + 1))
		abort();
	s->dev++;
	if (vdev_kvm_signal(s->kvm, s->dev, 0) != VDEV_KVM_MASKED)
		abort();
}

/* What was answered MASKED comes when it is unmasked, to whomever the vector belongs by then. */
static void expect_marks(struct steps *s, void (*others)(struct steps *s))
{
	uint32_t at = 0, lost = 0;

	set(s, s->dev, 1, VDEV_KVM_MSI_MASKED);
	s->others = others;
	do {
		interrupted(s, at);
		lost += s->delivered != 0;
		unmask(s);
		lost += s->delivered != 1;
		set(s, s->dev, 1, VDEV_KVM_MSI_MASKED);
	} while (s->steps > at++);
	print_message("instructions %u lost %u\n", at, lost);
	assert_true(at > LEAST);
	assert_int_equal(lost, 0);
}

static void no_mark_is_overwritten(void **state)
{
	expect_marks(*state, mark_next);
	expect_marks(*state, rename_and_mark);
}

/* The vector loses its message while something comes. */
static void forget(struct steps *s)
{
	const struct vdev_kvm_msi none = {.struct_size = sizeof(none)};

	if (vdev_kvm_set_msi(s->kvm, s->dev, 0, &none))
		abort();
}

static void nothing_comes_of_a_lost_message(void **state)
{
	struct steps *s = *state;
	uint32_t at = 0, wrong = 0;

	s->others = forget;
	do {
		set(s, DEV, 1, VDEV_KVM_MSI_MASKED);
		interrupted(s, at);
		if (s->steps <= at)
			forget(s);
		set(s, DEV, 2, VDEV_KVM_MSI_MASKED);
		unmask(s);
		wrong += s->delivered;
		forget(s);
	} while (s->steps > at++);
	print_message("instructions %u wrong %u\n", at, wrong);
	assert_int_equal(wrong, 0);
}

/* The first half of the guest's programming: what is pending is not looked for yet. */
static void publish(struct steps *s)
{
	struct vdev_kvm_msi m = message(2, 0);

	vdev__kvm_publish_msi(vdev__kvm_vector(vdev__kvm_find(s->kvm, DEV)->block, 0), &m);
}

/* What is pending comes with the other message, by the worker that aims at the old one or by who unmasks. */
static void none_is_lost_by_aiming(void **state)
{
	struct steps *s = *state;
	uint32_t at = 0, lost = 0;

	s->others = publish;
	s->aiming = 1;
	do {
		set(s, DEV, 1, VDEV_KVM_MSI_MASKED);
		lost += vdev_kvm_signal(s->kvm, DEV, 0) != VDEV_KVM_MASKED;
		s->mine = 2;
		interrupted(s, at);
		set(s, DEV, 2, 0);
		lost += s->delivered != 1;
	} while (s->steps > at++);
	print_message("instructions %u lost %u strangers %u\n", at, lost, s->strangers);
	assert_true(at > LEAST);
	assert_int_equal(lost, 0);
	assert_int_equal(s->strangers, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(none_is_lost),           T(none_is_torn),
		T(none_is_a_strangers),    T(none_comes_of_a_mark),
		T(no_mark_is_overwritten), T(nothing_comes_of_a_lost_message),
		T(none_is_lost_by_aiming),
	};
	const char *why = NULL;

#ifndef __x86_64__
	why = "this processor's trap flag is not known";
#endif
	if (SANITIZED)
		why = "instrumented code: its run time library must not be interrupted anywhere";
	if (why) {
		printf("skip: %s\n", why);
		return 77;
	}
	return cmocka_run_group_tests_name("kvm_msi_steps", tests, NULL, NULL);
}
