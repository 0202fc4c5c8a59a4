/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chapter 1: the transports by themselves, without a guest. Memory is sent, then overwritten, then read:
 * whoever only borrowed it reads what was written later, whoever copied does not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model.h"
#include "zerocopy.h"

#define MESSAGES 64u
#define FIRST_ID 100u

struct trial {
	struct transport t;
	uint8_t *memory;
	uint32_t sent, completed, before; /* completions, and those before anything was read */
	bool twice;
	uint8_t seen[MESSAGES]; /* flags of completions, by message */
};

static void take(struct trial *l)
{
	struct transport_done done;

	while (transport_next(&l->t, &done))
		for (uint64_t id = done.lo; id <= done.hi && id < FIRST_ID + MESSAGES; id++) {
			uint8_t flags = (uint8_t)(done.flags & ~VDEV_ZEROCOPY_COPIED);

			l->twice |= (l->seen[id - FIRST_ID] & flags) != 0;
			l->seen[id - FIRST_ID] |= flags;
			l->completed += (flags & VDEV_ZEROCOPY_TASK) != 0;
		}
}

static void send_all(struct trial *l)
{
	transport_stick(&l->t, true);
	for (uint32_t i = 0; i < MESSAGES; i++) {
		struct iovec block = {.iov_base = l->memory + (size_t)i * PAGE, .iov_len = PAGE};

		if (transport_send(&l->t, &block, FIRST_ID + i, NULL) != PAGE)
			return;
		l->sent++;
	}
}

static bool over(const struct trial *l)
{
	for (uint32_t i = 0; i < l->sent; i++)
		if (l->seen[i] != (VDEV_ZEROCOPY_TASK | VDEV_ZEROCOPY_RESPONSE))
			return false;
	return true;
}

static uint64_t host_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / MS;
}

static void read_all(struct trial *l)
{
	uint64_t until = host_ms() + PATIENCE_MS;

	while (!over(l) && host_ms() < until) {
		transport_read(&l->t);
		take(l);
	}
}

static void run(struct scene *s, struct trial *l)
{
	struct transport_seen seen;

	memset(l->memory, 'a', (size_t)MESSAGES * PAGE);
	send_all(l);
	EXPECT(s, l->sent == MESSAGES, "only %u of %u messages went out", l->sent, MESSAGES);
	take(l);
	l->before = l->completed;
	memset(l->memory, 'b', (size_t)MESSAGES * PAGE);
	read_all(l);
	EXPECT(s, over(l), "%u of %u messages completed", l->completed, l->sent);
	EXPECT(s, !l->twice, "a message completed twice");
	seen = transport_seen(&l->t);
	EXPECT(s, seen.right_bytes + seen.wrong_bytes == (uint64_t)l->sent * PAGE,
	       "%llu bytes came of %u", (unsigned long long)(seen.right_bytes + seen.wrong_bytes),
	       (uint32_t)(l->sent * PAGE));
	if (l->t.ops == &transport_copy)
		EXPECT(s, !seen.wrong_bytes && l->before == l->sent,
		       "it lent what it says to copy");
	else
		EXPECT(s, seen.wrong_bytes && l->before < l->sent, "it held no page");
	scene_tell(s, "%u pages sent, %u held until the receiver read; the kernel copied %llu",
		   l->sent, l->sent - l->before, (unsigned long long)seen.kernel_copied);
}

static void try_it(struct scene *s, const struct transport_ops *ops, struct vm *vm, uint8_t *memory)
{
	struct trial *l = calloc(1, sizeof(*l));
	int r = l ? transport_open(&l->t, ops, vm, VDEV_ZEROCOPY_RESPONSE | VDEV_ZEROCOPY_TASK)
		  : -ENOMEM;

	if (r == -EPERM || r == -ENOSYS || r == -EOPNOTSUPP || r == -ENOPROTOOPT) {
		scene_skip(s, "%s is not permitted or not there: %s", ops->name, strerror(-r));
	} else if (EXPECT(s, l && !r, "%s could not be opened: %s", ops->name, strerror(-r)) && l) {
		l->memory = memory;
		run(s, l);
		transport_close(&l->t);
	}
	free(l);
}

static void on_own_memory(struct scene *s, const struct transport_ops *ops)
{
	size_t size = (size_t)MESSAGES * PAGE;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!EXPECT(s, memory != MAP_FAILED, "no memory"))
		return;
	try_it(s, ops, NULL, memory);
	munmap(memory, size);
}

static void plain_copy(struct scene *s)
{
	on_own_memory(s, &transport_copy);
}

/* The mock's lends pages of its guest; elsewhere it is vmsplice. */
static void lender(struct scene *s)
{
	if (zerocopy_lender(s) != &transport_model)
		on_own_memory(s, zerocopy_lender(s));
	else if (scene_open(s))
		try_it(s, &transport_model, s->vm, s->vm->ram + MSG_BLOCKS);
}

#ifdef HAVE_KVM
static void tcp(struct scene *s)
{
	if (s->options.machine == &machine_mock)
		scene_skip(s, "the mock machine's memory is lent by its model only");
	else
		on_own_memory(s, &transport_tcp);
}

static void io_uring(struct scene *s)
{
	if (s->options.machine == &machine_mock)
		scene_skip(s, "the mock machine's memory is lent by its model only");
	else
		on_own_memory(s, &transport_uring);
}
#endif

const struct story zerocopy_transports[] = {
	{"transport-copy", "", plain_copy},
	{"transport-lends", "Z1", lender},
#ifdef HAVE_KVM
	{"transport-tcp", "Z1 Z9", tcp},
	{"transport-io-uring", "Z1 Z9", io_uring},
#endif
	{NULL, NULL, NULL},
};
