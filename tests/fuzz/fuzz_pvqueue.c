/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: a queue of the paravirtual function between a guest and a VMM that both do anything.
 *
 * The input is a list of operations: the guest writes its memory, good descriptors or any bytes; the VMM
 * takes, answers, tells, stops, moves; hooks fail; images are forged. After each the queue's invariants must
 * hold: each message ends once, no answer is without a place, and the guest gets what was told in its order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/image.h"
#include "pvdev/ring.h"

#define RAM 8192u
#define RING 0x1000u /* guest memory begins here */
#define EVENTS 0x2000u
#define MAX_SIZE 16u
#define MAX_IMAGE 4096u
#define MAX_OPS 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	const uint8_t *data;
	size_t size;
	struct vdev_pvqueue_config config;
	struct vdev_pvqueue *q;
	uint8_t ram[RAM];
	uint64_t live[MAX_SIZE]; /* handles that were given and not ended; 0: none */
	uint32_t accesses;
	uint8_t fail; /* hooks fail for so many accesses */
};

static void require(int ok)
{
	if (!ok)
		abort();
}

static uint8_t byte(struct fuzz *f)
{
	if (!f->size)
		return 0;
	f->size--;
	return *f->data++;
}

static uint64_t number(struct fuzz *f, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | byte(f);
	return v;
}

static uint8_t *ram(struct fuzz *f, uint64_t address, size_t size)
{
	f->accesses++;
	if (f->fail) {
		f->fail--;
		return NULL;
	}
	if (address < RING || size > RAM || address - RING > RAM - size)
		return NULL;
	return f->ram + (address - RING);
}

static int read_(void *user, uint64_t address, void *buf, size_t size)
{
	const uint8_t *from = ram(user, address, size);

	if (from)
		memcpy(buf, from, size);
	return from ? 0 : -EFAULT;
}

static int write_(void *user, uint64_t address, const void *buf, size_t size)
{
	uint8_t *to = ram(user, address, size);

	if (to)
		memcpy(to, buf, size);
	return to ? 0 : -EFAULT;
}

/* The guest's own accesses do not fail. */
static void put32(struct fuzz *f, uint32_t offset, uint32_t value)
{
	vdev__ring_put_u32(f->ram + offset % (RAM - 3), value);
}

static uint32_t get32(struct fuzz *f, uint32_t offset)
{
	return vdev__ring_u32(f->ram + offset);
}

/* Where the queue's index will look, as long as its rings are where they usually are. */
static void post(struct fuzz *f)
{
	uint32_t index = get32(f, VDEV_GUEST_RING_PRODUCED);
	uint32_t size = f->q->rings.size ? f->q->rings.size : MAX_SIZE;
	uint32_t at = VDEV_GUEST_RING_FIRST + index % size * VDEV_GUEST_DESC_BYTES;
	uint8_t how = byte(f);

	memset(f->ram + at, 0, VDEV_GUEST_DESC_BYTES);
	put32(f, at + VDEV_GUEST_DESC_KIND, 1u + how % 4);
	put32(f, at + VDEV_GUEST_DESC_COOKIE, byte(f) % 8);
	if (how % 4 == 2)
		put32(f, at + VDEV_GUEST_DESC_TARGET, byte(f) % 8);
	if (how % 4 < 2)
		put32(f, at + VDEV_GUEST_DESC_LENGTH, 1u + how);
	if (how % 4 < 2)
		put32(f, at + VDEV_GUEST_DESC_ADDRESS + 3, 1);
	if (how & 0x80)
		put32(f, at + byte(f) % (VDEV_GUEST_DESC_BYTES - 3), (uint32_t)number(f, 4));
	put32(f, VDEV_GUEST_RING_PRODUCED, index + 1);
}

static void guest(struct fuzz *f, unsigned int op)
{
	uint32_t at = EVENTS - RING;

	switch (op) {
	case 0:
		put32(f, (uint32_t)number(f, 2), (uint32_t)number(f, byte(f) % 5));
		break;
	case 1: /* it takes all events */
		put32(f, at + VDEV_GUEST_EVENTS_CONSUMED,
		      get32(f, at + VDEV_GUEST_EVENTS_PRODUCED));
		break;
	case 2:
		put32(f, at + VDEV_GUEST_EVENTS_CONSUMED,
		      get32(f, at + VDEV_GUEST_EVENTS_CONSUMED) + byte(f) % 4);
		break;
	case 3:
		put32(f, at + VDEV_GUEST_EVENTS_FLAGS, byte(f));
		break;
	default:
		post(f);
	}
}

static void born(struct fuzz *f, uint64_t handle)
{
	uint32_t i = 0;

	for (uint32_t k = 0; k < MAX_SIZE; k++)
		require(f->live[k] != handle);
	while (i < MAX_SIZE && f->live[i])
		i++;
	require(handle && i < MAX_SIZE);
	f->live[i] = handle;
}

static void next(struct fuzz *f)
{
	struct vdev_pvqueue_message m;
	uint32_t before = f->accesses;
	int r = vdev_pvqueue_next(f->q, &m, sizeof(m));

	require(r >= 0 && f->accesses - before <= 6);
	require(!(r & VDEV_PVQUEUE_MESSAGE) || r == VDEV_PVQUEUE_MESSAGE);
	if (r != VDEV_PVQUEUE_MESSAGE)
		return;
	born(f, m.handle);
	require(m.kind >= 1 && m.kind <= VDEV_GUEST_MSG_RECLAIM_ALL && m.destination < 4);
	require(!m.target == (m.kind != VDEV_GUEST_MSG_RECLAIM));
	if (m.kind > VDEV_GUEST_MSG_RECEIVE)
		return;
	require(m.length_bytes && m.address + m.length_bytes > m.address);
	require(m.timeout_ns <= UINT64_C(3600000000000));
}

/* Any handle, more often one that lives. Exactly those that live can be ended. */
static void answer(struct fuzz *f)
{
	uint8_t how = byte(f);
	uint64_t *slot = &f->live[how % MAX_SIZE];
	uint64_t handle = how & 0x80 ? number(f, 6) : *slot;
	struct vdev_pvqueue_message m = {0};
	int known = vdev_pvqueue_get(f->q, handle, &m, sizeof(m)) == 0;
	uint32_t result =
		m.kind > VDEV_GUEST_MSG_RECEIVE ? VDEV_GUEST_DONE_OK : 1u + how / 16u % 6u;
	int r = vdev_pvqueue_answer(f->q, handle, result, how);

	require(known ? (m.answered ? r == -ENOENT : r >= 0) : r == -ENOENT);
	require(r < 0 || !(r & (VDEV_PVQUEUE_MESSAGE | VDEV_PVQUEUE_REFUSED)));
}

/* Those that ended with it, or by it, are not live any more. */
static void bury(struct fuzz *f)
{
	struct vdev_pvqueue_message m;
	uint32_t n = 0;

	for (uint32_t i = 0; i < MAX_SIZE; i++) {
		if (f->live[i] && vdev_pvqueue_get(f->q, f->live[i], &m, sizeof(m)) < 0)
			f->live[i] = 0;
		n += f->live[i] != 0;
	}
	require(n == f->q->in_flight);
}

static void relive(struct fuzz *f)
{
	struct vdev_pvqueue_message m;
	uint64_t cursor = 0;

	memset(f->live, 0, sizeof(f->live));
	while (vdev_pvqueue_walk(f->q, &cursor, &m, sizeof(m)) == 1)
		born(f, m.handle);
}

static void start(struct fuzz *f)
{
	struct vdev_pvqueue_rings r = {.struct_size = sizeof(r),
				       .size = 2u << byte(f) % 4,
				       .events_size = 16,
				       .address = RING,
				       .events = EVENTS};
	uint8_t how = byte(f);

	if (how & 0x80) {
		r.size = (uint32_t)number(f, 3);
		r.events_size = (uint32_t)number(f, 3);
		r.address = number(f, byte(f) % 9);
		r.events = number(f, byte(f) % 9);
	}
	if (f->q->state == VDEV_PVQUEUE_OFF && !(how & 0x40))
		memset(f->ram, 0, sizeof(f->ram));
	vdev_pvqueue_start(f->q, &r);
}

/* Saved, loaded and saved again it is the same. */
static void move(struct fuzz *f)
{
	uint8_t image[2][MAX_IMAGE];
	size_t size[2];

	for (int i = 0; i < 2; i++) {
		struct vdev_pvqueue *q = NULL;

		require(vdev_pvqueue_save(f->q, image[i], MAX_IMAGE, &size[i]) == 0);
		require(vdev_pvqueue_load(NULL, &f->config, image[i], size[i], &q) == 0);
		vdev_pvqueue_free(f->q);
		f->q = q;
	}
	require(size[0] == size[1] && memcmp(image[0], image[1], size[0]) == 0);
}

/* The rest of the input is the payload of an image with right checksums. */
static void load(struct fuzz *f)
{
	uint8_t image[MAX_IMAGE];
	struct vdev_pvqueue *q = NULL;
	size_t n = byte(f) * 4u, size;
	struct vdev__writer w;
	int r;

	n = n < f->size ? n : f->size;
	vdev__writer_init(&w, image, sizeof(image), VDEV_PART_PVQUEUE, 1);
	vdev__put_bytes(&w, f->data, n);
	require(vdev__writer_finish(&w, &size) == 0);
	f->data += n;
	f->size -= n;
	r = vdev_pvqueue_load(NULL, &f->config, image, size, &q);
	require((r == 0) == (q != NULL));
	require(r == 0 || r == -EBADMSG || r == -ENOSPC);
	if (r)
		return;
	vdev_pvqueue_free(f->q);
	f->q = q;
	relive(f);
}

static int hint(struct fuzz *f)
{
	const uint64_t set[4] = {byte(f), byte(f), 0, byte(f)};

	return vdev_pvqueue_hint(f->q, byte(f), byte(f), byte(f), set, byte(f) % 5u);
}

static void host(struct fuzz *f, unsigned int op)
{
	int r;

	switch (op) {
	case 0:
		start(f);
		break;
	case 1:
		r = vdev_pvqueue_stop(f->q);
		require(r == 0 || r == -EBUSY || r == VDEV_PVQUEUE_IDLE);
		break;
	case 2:
		r = byte(f) & 1 ? hint(f) : vdev_pvqueue_tell(f->q, 16u + byte(f), 1, 2, 3);
		require(r >= 0 || r == -EAGAIN || r == -EINVAL);
		break;
	case 3:
		move(f);
		break;
	case 4:
		load(f);
		break;
	case 5:
		f->fail = byte(f) % 4;
		break;
	case 6:
		answer(f);
		break;
	default:
		next(f);
	}
	bury(f);
}

static void check(struct fuzz *f)
{
	const struct vdev_pvqueue *q = f->q;
	struct vdev_pvqueue_message m;
	uint64_t cursor = 0, last = 0;
	uint32_t n = 0;

	while (vdev_pvqueue_walk(q, &cursor, &m, sizeof(m)) == 1) {
		require(m.handle >> 16 > last >> 16);
		require(!m.answered || n);
		require(vdev__ring_find_cookie(q, m.cookie)->handle == m.handle);
		last = m.handle;
		n++;
	}
	require(n == q->in_flight && (q->state != VDEV_PVQUEUE_OFF || !n));
	if (q->state == VDEV_PVQUEUE_STOPPING)
		require(n);
	if (q->state != VDEV_PVQUEUE_ON)
		return;
	require(n <= q->rings.size && q->produced - q->consumed <= q->rings.events_size);
	require(n <= q->rings.events_size - (q->produced - q->consumed));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz *f = calloc(1, sizeof(*f));

	require(f != NULL);
	f->data = data;
	f->size = size;
	f->config.struct_size = sizeof(f->config);
	f->config.max_size = MAX_SIZE;
	f->config.destinations = 4;
	f->config.user = f;
	f->config.read = read_;
	f->config.write = write_;
	require(vdev_pvqueue_new(&f->q, NULL, &f->config) == 0);
	host(f, 0);
	for (int i = 0; i < MAX_OPS && f->size; i++) {
		uint8_t op = byte(f);

		if (op & 0x80)
			host(f, op & 7);
		else
			guest(f, op & 7);
		check(f);
	}
	vdev_pvqueue_free(f->q);
	free(f);
	return 0;
}
