/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: images of an attacker who knows the format: one value is changed, the checksums are
 * right again, and what load() says is exactly what that value deserves.
 */
#include "test_zerocopy_rig.h"

#include "core/image.h"

#define id_of id_of_word /* the rig has another one */
#include "engines/zerocopy/internal.h"

#define MOST 16384
#define HEADER VDEV__IMAGE_HEADER
#define REGION_BYTES 28u
#define QUEUE_BYTES 28u /* and its messages */
#define PAGE_BYTES 16u
#define GENERATION_BYTES 12u

/* Where in a record. */
#define MESSAGE_WORD 0u
#define MESSAGE_SIZE 8u
#define MESSAGE_LEFT 16u
#define MESSAGE_EPOCH 40u
#define OP_QUEUE 8u
#define OP_SLOT 12u
#define OP_BEGIN 16u
#define OP_END 24u
#define OP_EPOCH 32u
#define OP_STATUS 56u
#define OP_FLAGS 60u
#define OP_PHASE 64u
#define OP_OUTCOME 65u
#define OP_IS_ZERO 66u

struct image {
	uint8_t bytes[MOST];
	size_t size;
	size_t message[16], page, op[16], generation;
	uint32_t messages, pages, ops, generations;
};

static uint64_t get(const struct image *i, size_t at, uint32_t bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | i->bytes[at + bytes];
	return v;
}

static void write_bytes(struct image *i, size_t at, uint32_t bytes, uint64_t v)
{
	for (uint32_t k = 0; k < bytes; k++)
		i->bytes[at + k] = (uint8_t)(v >> 8 * k);
}

static void put(struct image *i, size_t at, uint32_t bytes, uint64_t v)
{
	write_bytes(i, at, bytes, v);
	write_bytes(i, 24, 4, vdev__crc32(i->bytes + HEADER, i->size - HEADER));
	write_bytes(i, 28, 4, vdev__crc32(i->bytes, 28));
}

static uint32_t count(const struct image *i, size_t *at)
{
	*at += 4;
	return (uint32_t)get(i, *at - 4, 4);
}

/* Where everything stands. */
static void find(struct image *i)
{
	size_t at = HEADER + 18;
	uint32_t n;

	i->messages = 0;
	n = count(i, &at);
	at += n * REGION_BYTES;
	for (n = count(i, &at); n; n--) {
		at += QUEUE_BYTES - 4;
		for (uint32_t k = count(i, &at); k; k--) {
			i->message[i->messages++] = at;
			at += MESSAGE_BYTES;
		}
	}
	i->pages = count(i, &at);
	i->page = at;
	at += i->pages * PAGE_BYTES;
	i->ops = count(i, &at);
	for (n = 0; n < i->ops; n++, at += OP_BYTES)
		i->op[n] = at;
	i->generations = count(i, &at);
	i->generation = at;
	assert_int_equal(at + i->generations * GENERATION_BYTES, i->size);
}

static void save(struct vt_zerocopy *t, struct image *i)
{
	assert_int_equal(vdev_zerocopy_save(t->z, t->now, i->bytes, sizeof(i->bytes), &i->size), 0);
	find(i);
}

static int loads(struct vt_zerocopy *t, const struct image *i)
{
	struct vdev_zerocopy *z = NULL;
	int ret = vdev_zerocopy_load(&t->v.env, &t->config, 0, t->now, i->bytes, i->size, &z);

	assert_true(ret ? z == NULL : z != NULL);
	vdev_zerocopy_free(z);
	return ret;
}

/* What load() says of the engine as it is when this value stands there instead. */
static int with(struct vt_zerocopy *t, const struct image *i, size_t at, uint32_t bytes, uint64_t v)
{
	static struct image mended;

	mended = *i;
	put(&mended, at, bytes, v);
	return loads(t, &mended);
}

static void swap_engine(struct vt_zerocopy *t, const struct image *i)
{
	struct vdev_zerocopy *z;

	assert_int_equal(
		vdev_zerocopy_load(&t->v.env, &t->config, 0, t->now, i->bytes, i->size, &z), 0);
	vdev_zerocopy_free(t->z);
	t->z = z;
	assert_int_equal(vdev_zerocopy_queue_at(z, 0, &t->q[0]), 0);
}

/* An OFFLINE of this block is given out and stays so. */
static void offlining(struct vt_zerocopy *t, char letter, uint32_t mode)
{
	lend(t, letter);
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, letter, VZ_LATER);
	assert_int_equal(vz_reclaim(t, letter, mode), 1);
	vz_drain(t);
}

static void telling(struct vt_zerocopy *t, char letter)
{
	lend(t, letter);
	vz_script(t, VDEV_ZEROCOPY_ACCESSIBLE, letter, VZ_LATER);
	assert_int_equal(vz_reclaim(t, letter, 0), 1);
	vz_drain(t);
}

static void words(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	uint64_t word;
	size_t at;

	lend(t, 'a');
	save(t, &i);
	assert_int_equal(i.messages, 1);
	at = i.message[0] + MESSAGE_WORD;
	word = get(&i, at, 8);
	assert_int_equal(with(t, &i, at, 8, word), 0);
	assert_int_equal(with(t, &i, at, 8, word | W_RESPONSE), 0); /* seen, but not enough */
	assert_int_equal(with(t, &i, at, 8, word | W_TASK), -EBADMSG); /* it would be over */
	assert_int_equal(with(t, &i, at, 8, word | W_ASKED), -EBADMSG);
	assert_int_equal(with(t, &i, at, 8, word | W_BY_RESET), -EBADMSG);
	assert_int_equal(with(t, &i, at, 8, word | W_ZERO), -EBADMSG);
	assert_int_equal(with(t, &i, at, 8, word | W_PARTLY), 0);
	word &= ~(uint64_t)W_STATE;
	assert_int_equal(with(t, &i, at, 8, word | VDEV_ZEROCOPY_FREE), -EBADMSG);
	assert_int_equal(with(t, &i, at, 8, word | VDEV_ZEROCOPY_RESERVED), 0);
	assert_int_equal(with(t, &i, at, 8, word | VDEV_ZEROCOPY_CLAIMED), -EBADMSG);
	assert_int_equal(with(t, &i, at, 8, word | VDEV_ZEROCOPY_OFFLINING), -EBADMSG); /* no op */
	assert_int_equal(with(t, &i, at, 8, word | VDEV_ZEROCOPY_QUARANTINED), -EBADMSG);
	assert_int_equal(with(t, &i, at, 8, word | 7), -EBADMSG);
	word = VDEV_ZEROCOPY_SENT;
	assert_int_equal(with(t, &i, at, 8, word), -EBADMSG); /* sequence 0 */
	assert_int_equal(with(t, &i, at, 8, word | UINT64_C(2) << W_BITS), -EBADMSG); /* next */
	assert_int_equal(with(t, &i, i.message[0] + MESSAGE_EPOCH, 8, 1), 0);
	assert_int_equal(with(t, &i, i.message[0] + MESSAGE_EPOCH, 8, 2), -EBADMSG);
}

/* Two messages in the same slot. */
static void the_same_slot_twice(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	lend(t, 'b');
	save(t, &i);
	assert_int_equal(with(t, &i, i.message[1], 8, get(&i, i.message[0], 8)), -EBADMSG);
}

static void an_action_of_nobody(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	size_t op;

	lend(t, 's');
	offlining(t, 'a', 0);
	save(t, &i);
	assert_int_equal(i.ops, 1);
	op = i.op[0];
	assert_int_equal(with(t, &i, op + OP_QUEUE, 4, 1), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_SLOT, 4, VZ_SLOTS), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_SLOT, 4, 5), -EBADMSG); /* FREE */
	assert_int_equal(with(t, &i, op + OP_SLOT, 4, get(&i, op + OP_SLOT, 4) - 1), -EBADMSG);
	assert_int_equal(with(t, &i, op, 8, get(&i, op, 8) + VZ_SLOTS + SPARE_OPS), 0);
	assert_int_equal(with(t, &i, op, 8, get(&i, op, 8) + VZ_SLOTS + SPARE_OPS + 1), -EBADMSG);
}

static void two_actions_of_one_message(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	telling(t, 'a');
	telling(t, 'b');
	save(t, &i);
	assert_int_equal(i.ops, 2);
	assert_int_equal(with(t, &i, i.op[1] + OP_SLOT, 4, get(&i, i.op[0] + OP_SLOT, 4)),
			 -EBADMSG);
	assert_int_equal(with(t, &i, i.op[1], 8, get(&i, i.op[0], 8)), -EBADMSG); /* its id */
}

/* The phases that fit a message whose pages are being replaced. */
static void phases_while_offlining(void **state)
{
	static const struct {
		uint8_t phase, outcome;
		int32_t status;
		int ret;
	} cases[] = {
		{OP_OFFLINE, 0, 0, 0},
		{OP_WAIT, 0, 0, -EBADMSG}, /* it was given out */
		{OP_REFUSED, 0, -5, 0},
		{OP_REFUSED, 0, 0, -EBADMSG}, /* why? */
		{OP_REFUSED, 0, 5, -EBADMSG},
		{OP_REFUSED, 0, -4095, 0},
		{OP_REFUSED, 0, -4096, -EBADMSG},
		{OP_TELL, VDEV_ZEROCOPY_COMPLETED, 0, 0},
		{OP_TELL, VDEV_ZEROCOPY_LOST, 0, 0},
		{OP_TELL, VDEV_ZEROCOPY_RECLAIMED, 0, -EBADMSG},
		{OP_TELL, VDEV_ZEROCOPY_FAILED, 0, -EBADMSG},
		{OP_QUARANTINE, 0, 0, -EBADMSG},
		{OP_RELEASE, 0, 0, -EBADMSG},
		{OP_OVER, 0, 0, -EBADMSG},
	};
	static struct image good, i;
	struct vt_zerocopy *t = *state;

	offlining(t, 'a', 0);
	save(t, &good);
	for (uint32_t n = 0; n < VT_COUNT(cases); n++) {
		i = good;
		put(&i, i.op[0] + OP_PHASE, 1, cases[n].phase);
		put(&i, i.op[0] + OP_OUTCOME, 1, cases[n].outcome);
		put(&i, i.op[0] + OP_STATUS, 4, (uint32_t)cases[n].status);
		assert_int_equal(loads(t, &i), cases[n].ret);
	}
	/* Waiting, it may be anything that was not given out. */
	put(&good, good.op[0] + OP_FLAGS, 4, OP_ASKED);
	assert_int_equal(with(t, &good, good.op[0] + OP_PHASE, 1, OP_WAIT), 0);
}

/* The same for one that is in quarantine. */
static void phases_in_quarantine(void **state)
{
	static const struct {
		uint8_t phase, outcome;
		int ret;
	} cases[] = {
		{OP_TELL, VDEV_ZEROCOPY_RECLAIMED, 0},
		{OP_TELL, VDEV_ZEROCOPY_FAILED, -EBADMSG}, /* it is no RECEIVE block */
		{OP_TELL, VDEV_ZEROCOPY_COMPLETED, -EBADMSG},
		{OP_TELL, VDEV_ZEROCOPY_LOST, -EBADMSG},
		{OP_TELL, 0, -EBADMSG},
		{OP_QUARANTINE, 0, 0},
		{OP_WAIT, 0, -EBADMSG},
		{OP_OFFLINE, 0, -EBADMSG},
		{OP_REFUSED, 0, -EBADMSG},
		{OP_RELEASE, 0, -EBADMSG}, /* not complete yet */
		{OP_OVER, 0, -EBADMSG},
		{200, 0, -EBADMSG},
	};
	static struct image good, i;
	struct vt_zerocopy *t = *state;

	telling(t, 'a');
	save(t, &good);
	put(&good, good.op[0] + OP_FLAGS, 4, OP_ASKED | OP_REPLACED);
	put(&good, good.op[0] + OP_STATUS, 4, (uint32_t)-5);
	for (uint32_t n = 0; n < VT_COUNT(cases); n++) {
		i = good;
		put(&i, i.op[0] + OP_PHASE, 1, cases[n].phase);
		put(&i, i.op[0] + OP_OUTCOME, 1, cases[n].outcome);
		assert_int_equal(loads(t, &i), cases[n].ret);
	}
}

static void runs(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	uint64_t first, end;
	size_t op;

	vz_place(t, 'a', VZ_RAM + 16 * VZ_PAGE, 4 * VZ_PAGE);
	offlining(t, 'a', VDEV_ZEROCOPY_RESET);
	save(t, &i);
	op = i.op[0];
	first = get(&i, op + OP_BEGIN, 8);
	end = get(&i, op + OP_END, 8);
	assert_int_equal(end - first, 4 * VZ_PAGE);
	assert_int_equal(with(t, &i, op + OP_BEGIN, 8, first + VZ_PAGE), 0);
	assert_int_equal(with(t, &i, op + OP_BEGIN, 8, first + 1), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_BEGIN, 8, first - VZ_PAGE), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_BEGIN, 8, end), -EBADMSG); /* nothing */
	assert_int_equal(with(t, &i, op + OP_BEGIN, 8, end + VZ_PAGE), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_END, 8, end - VZ_PAGE), 0);
	assert_int_equal(with(t, &i, op + OP_END, 8, end - 1), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_END, 8, end + VZ_PAGE), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_IS_ZERO, 1, 0), -EBADMSG); /* RESET was said */
	assert_int_equal(with(t, &i, op + OP_IS_ZERO, 1, 2), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_EPOCH, 8, get(&i, HEADER, 8)), 0);
	assert_int_equal(with(t, &i, op + OP_EPOCH, 8, get(&i, HEADER, 8) + 1), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_FLAGS, 4, OP_ASKED | OP_AGAIN), -EBADMSG); /* ZERO */
	assert_int_equal(with(t, &i, op + OP_FLAGS, 4, OP_ZERO | OP_AGAIN | OP_PAUSED), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_FLAGS, 4, OP_ZERO | OP_PAUSED), 0);
	assert_int_equal(with(t, &i, op + OP_FLAGS, 4, OP_ZERO | OP_OUT), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_FLAGS, 4, OP_ZERO | OP_READY), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_FLAGS, 4, OP_ZERO | UINT32_C(1) << 31), -EBADMSG);
}

/* Of a granule that two blocks share only one OFFLINE is at hand. */
static void the_same_granule_twice(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM, 2 * VZ_PAGE);
	vz_place(t, 'b', VZ_RAM + VZ_PAGE, 2 * VZ_PAGE);
	offlining(t, 'a', 0);
	lend(t, 'b');
	vz_reclaim(t, 'b', 0); /* waits for the first */
	save(t, &i);
	assert_int_equal(i.ops, 2);
	assert_int_equal(get(&i, i.op[1] + OP_PHASE, 1), OP_WAIT);
	put(&i, i.op[1] + OP_BEGIN, 8, VZ_RAM + 2 * VZ_PAGE);
	put(&i, i.op[1] + OP_END, 8, VZ_RAM + 3 * VZ_PAGE);
	put(&i, i.op[1] + OP_PHASE, 1, OP_OFFLINE);
	assert_int_equal(loads(t, &i), 0); /* of its other granule it could be */
	assert_int_equal(with(t, &i, i.op[1] + OP_BEGIN, 8, VZ_RAM + VZ_PAGE), -EBADMSG);
}

static void whole_vm(struct vt_zerocopy *t, struct image *i)
{
	lend(t, 'a');
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 0, VZ_LATER);
	assert_int_equal(vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE), 1);
	vz_drain(t);
	save(t, i);
	assert_int_equal(i->ops, 2);
	assert_int_equal(get(i, i->op[0] + OP_SLOT, 4), NOBODY);
}

static void whole_vm_phases(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	size_t op;

	whole_vm(t, &i);
	op = i.op[0];
	assert_int_equal(with(t, &i, op + OP_PHASE, 1, OP_OFFLINE), 0);
	assert_int_equal(with(t, &i, op + OP_IS_ZERO, 1, 1), -EBADMSG); /* nobody asked for that */
	assert_int_equal(with(t, &i, op + OP_PHASE, 1, OP_REFUSED), -EBADMSG); /* why? */
	assert_int_equal(with(t, &i, op + OP_PHASE, 1, OP_TELL), -EBADMSG);
	assert_int_equal(with(t, &i, op + OP_PHASE, 1, OP_RELEASE), -EBADMSG);
	put(&i, op + OP_FLAGS, 4, 0);
	assert_int_equal(with(t, &i, op + OP_PHASE, 1, OP_WAIT), 0);
	put(&i, op + OP_FLAGS, 4, OP_ZERO);
	assert_int_equal(with(t, &i, op + OP_IS_ZERO, 1, 1), 0);
	put(&i, op + OP_STATUS, 4, (uint32_t)-EIO);
	assert_int_equal(with(t, &i, op + OP_PHASE, 1, OP_REFUSED), 0);
}

/* The only OFFLINE beside one of the whole VM is none. */
static void whole_vm_alone(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	whole_vm(t, &i);
	assert_int_equal(get(&i, i.op[1] + OP_PHASE, 1), OP_WAIT);
	put(&i, i.op[1] + OP_END, 8, get(&i, i.op[1] + OP_BEGIN, 8) + VZ_PAGE);
	assert_int_equal(loads(t, &i), 0);
	assert_int_equal(with(t, &i, i.op[1] + OP_PHASE, 1, OP_OFFLINE), -EBADMSG);
	/* A second one of the whole VM. */
	assert_int_equal(with(t, &i, i.op[1] + OP_SLOT, 4, NOBODY), -EBADMSG);
}

/* It may wait for those of blocks, on the other hand. */
static void whole_vm_behind_others(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	offlining(t, 'a', 0);
	offlining(t, 'b', 0);
	vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE);
	save(t, &i);
	assert_int_equal(i.ops, 3);
	assert_int_equal(get(&i, i.op[2] + OP_PHASE, 1), OP_WAIT);
	assert_int_equal(loads(t, &i), 0);
	put(&i, i.op[2] + OP_FLAGS, 4, 0);
	assert_int_equal(with(t, &i, i.op[2] + OP_PHASE, 1, OP_OFFLINE), -EBADMSG);
}

static void quotas(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	vz_block(t, 'b')->destination = 1;
	lend(t, 'a');
	lend(t, 'b');
	save(t, &i);
	t->config.max_blocks = 1;
	assert_int_equal(loads(t, &i), -ENOSPC);
	t->config.max_blocks = 2;
	t->config.destination_blocks = 1;
	assert_int_equal(loads(t, &i), 0);
	assert_int_equal(with(t, &i, i.message[1] + MESSAGE_SIZE, 8, 2 * VZ_PAGE), -ENOSPC);
	t->config.destination_blocks = 2;
	t->config.destination_bytes = 2 * VZ_PAGE;
	t->config.max_bytes = 4 * VZ_PAGE;
	assert_int_equal(loads(t, &i), 0);
	assert_int_equal(with(t, &i, i.message[1] + MESSAGE_SIZE, 8, 1), -ENOSPC);
	t->config.max_bytes = 4 * VZ_PAGE - 1;
	assert_int_equal(loads(t, &i), -ENOSPC);
}

static void pages(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	uint64_t epoch;

	quarantine(t, 'q');
	save(t, &i);
	assert_int_equal(i.pages, 2);
	epoch = get(&i, HEADER, 8);
	assert_int_equal(with(t, &i, i.page, 8, VZ_RAM), 0);
	assert_int_equal(with(t, &i, i.page, 8, VZ_RAM + 1), -EBADMSG);
	assert_int_equal(with(t, &i, i.page, 8, VZ_RAM - VZ_PAGE), -EBADMSG);
	assert_int_equal(with(t, &i, i.page, 8, get(&i, i.page + PAGE_BYTES, 8)), -EBADMSG);
	assert_int_equal(with(t, &i, i.page + 8, 8, epoch), 0);
	assert_int_equal(with(t, &i, i.page + 8, 8, 0), -EBADMSG);
	assert_int_equal(with(t, &i, i.page + 8, 8, epoch + 1), -EBADMSG);
	assert_int_equal(with(t, &i, HEADER, 8, 0), -EBADMSG);
	assert_int_equal(with(t, &i, HEADER, 8, PAGE_BUSY / 2), -EBADMSG);
	assert_int_equal(with(t, &i, HEADER, 8, PAGE_BUSY / 2 - 1), 0);
	assert_int_equal(with(t, &i, HEADER + 8, 8, epoch), 0); /* of the whole VM */
	assert_int_equal(with(t, &i, HEADER + 8, 8, epoch + 1), -EBADMSG);
	assert_int_equal(with(t, &i, HEADER + 16, 1, 2), -EBADMSG); /* in reset? */
	assert_int_equal(with(t, &i, HEADER + 17, 1, 2), -EBADMSG);
}

static void generations(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	size_t first, second;

	quarantine(t, 'a');
	quarantine(t, 'b');
	vz_late(t, 'a', TASK);
	vz_drain(t);
	vz_late(t, 'b', TASK);
	vz_drain(t);
	save(t, &i);
	assert_int_equal(i.generations, 2);
	first = i.generation;
	second = first + GENERATION_BYTES;
	assert_int_equal(loads(t, &i), 0);
	assert_int_equal(with(t, &i, first, 4, VZ_SLOTS + SPARE_OPS), 0);
	assert_int_equal(with(t, &i, first, 4, VZ_SLOTS + SPARE_OPS + 1), -EBADMSG);
	assert_int_equal(with(t, &i, second, 4, VZ_SLOTS + SPARE_OPS + 1), -EBADMSG);
	assert_int_equal(with(t, &i, second + 4, 8, UINT64_MAX), -EBADMSG);
}

static uint32_t traced[8];

static void trace(void *user, const struct vdev_trace *event)
{
	(void)user;
	if (event->what == VDEV_TRACE_EVENT && event->kind < 8)
		traced[event->kind]++;
}

/* Half replaced and then refused, it has no deadline. In an image it may have: then it is due. */
static void half_replaced_one_with_a_deadline(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	save(t, &i);
	put(&i, i.message[0] + MESSAGE_WORD, 8, get(&i, i.message[0], 8) | W_PARTLY);
	swap_engine(t, &i);
	t->z->env.trace = trace;
	memset(traced, 0, sizeof(traced));
	assert_int_equal(vz_pass(t, VZ_TIMEOUT), 1);
	assert_int_equal(traced[VDEV_ZEROCOPY_EV_EXPIRE], 1);
	assert_int_equal(traced[VDEV_ZEROCOPY_EV_LATE], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words),
		TEST(the_same_slot_twice),
		TEST(an_action_of_nobody),
		TEST(two_actions_of_one_message),
		TEST(phases_while_offlining),
		TEST(phases_in_quarantine),
		TEST(runs),
		TEST(the_same_granule_twice),
		TEST(whole_vm_phases),
		TEST(whole_vm_alone),
		TEST(whole_vm_behind_others),
		TEST(quotas),
		TEST(pages),
		TEST(generations),
		TEST(half_replaced_one_with_a_deadline),
	};

	return cmocka_run_group_tests_name("zerocopy_mended", tests, NULL, NULL);
}
