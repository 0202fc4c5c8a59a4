/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: any sequence of calls of the zero-copy engine, with any values.
 *
 * A byte chooses the call, those that follow its arguments; small numbers are mostly meant for messages
 * that exist. Whatever was called: no guest is told twice, nothing is given out without end, quotas hold,
 * an image can be written and read again, and when all do their part everything ends.
 */
#include "fuzz_zerocopy.h"

#define CALLS 400
#define IDS 64u
#define TOLD 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	const uint8_t *data;
	size_t size;
	uint64_t now;
	struct vdev_zerocopy_config config;
	struct vdev_zerocopy *z;
	struct vdev_zerocopy_queue *q[FZ_QUEUES];
	uint64_t ids[IDS]; /* ever issued */
	uint64_t actions[IDS]; /* given, perhaps done */
	uint32_t id_count, action_count;
	uint8_t told[FZ_QUEUES][TOLD]; /* by sequence */
};

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

/* A message that lives mostly; else one that is over, or any number. */
static uint64_t message(struct fuzz *f)
{
	uint8_t b = byte(f);

	if (b == 0xff)
		return number(f, 8);
	return f->id_count ? f->ids[b % (f->id_count < IDS ? f->id_count : IDS)] : b;
}

static struct vdev_zerocopy_queue *queue(struct fuzz *f, uint64_t id)
{
	return f->q[id >> 56 & 1];
}

/* Z6 */
static void tell(struct fuzz *f, uint64_t id)
{
	uint64_t sequence = id & ((UINT64_C(1) << 56) - 1);

	fz_require(id >> 56 < FZ_QUEUES);
	if (sequence < TOLD)
		fz_require(f->told[id >> 56][sequence]++ == 0);
}

static void reserve(struct fuzz *f, int send)
{
	struct vdev_zerocopy_block b = {.struct_size = sizeof(b)};
	uint8_t shape = byte(f), where = byte(f);
	struct vdev_zerocopy_queue *q = f->q[shape & 1];
	uint64_t id = 0;
	int got;

	b.flags = shape >> 1 & 3;
	b.address = FZ_RAM + (where & 31) * FZ_PAGE + (where & 0x40 ? byte(f) : 0);
	b.length_bytes = shape & 8 ? number(f, 2) : (1 + (where >> 5)) * FZ_PAGE;
	b.destination = shape >> 4 & 3;
	b.timeout_ns = shape & 0x40 ? number(f, 1) : 0;
	if (shape == 0xff) {
		b.address = number(f, 8);
		b.length_bytes = number(f, 8);
		b.destination = (uint32_t)number(f, 4);
		b.timeout_ns = number(f, 8);
	}
	got = vdev_zerocopy_reserve(q, &b, &id);
	if (got < 0 || (got & VDEV_ZEROCOPY_ANSWER) != VDEV_ZEROCOPY_LEND)
		return;
	f->ids[f->id_count++ % IDS] = id;
	if (send && vdev_zerocopy_sent(q, f->now, id, b.length_bytes) & VDEV_ZEROCOPY_SETTLED)
		tell(f, id);
}

static void sent(struct fuzz *f)
{
	uint64_t id = message(f), bytes = number(f, 2);
	struct vdev_zerocopy_info i;
	int got;

	if (bytes & 1 && vdev_zerocopy_get(f->z, id, &i, sizeof(i)) == 0)
		bytes = i.length_bytes;
	got = vdev_zerocopy_sent(queue(f, id), f->now, id, bytes);
	if (got >= 0 && got & VDEV_ZEROCOPY_SETTLED)
		tell(f, id);
}

static void abort_(struct fuzz *f)
{
	uint64_t id = message(f);

	if (vdev_zerocopy_abort(queue(f, id), id) == 0)
		tell(f, id);
}

static void complete(struct fuzz *f)
{
	uint64_t lo = message(f), hi, settled = 0;
	uint8_t how = byte(f);

	hi = lo + (how & 0x40 ? number(f, 1) : 0);
	if (vdev_zerocopy_complete(queue(f, lo), lo, hi, how & 0xf, &settled) < 0)
		fz_require(settled == 0);
	for (uint32_t i = 0; i < 64; i++)
		if (settled >> i & 1)
			tell(f, lo + i);
}

static void next(struct fuzz *f)
{
	struct vdev_action a;

	if (vdev_zerocopy_next(f->z, &a, sizeof(a)) != 1)
		return;
	f->actions[f->action_count++ % IDS] = a.id;
	if (a.kind == VDEV_ZEROCOPY_ACCESSIBLE && !(a.flags & VDEV_ZEROCOPY_AGAIN))
		tell(f, a.dev);
}

static void done(struct fuzz *f)
{
	static const int statuses[] = {0, 0, 0, -ENODEV, -EIO, -EPERM, -ETIMEDOUT, 1};
	uint8_t b = byte(f);
	uint64_t id = f->actions[b % IDS];
	int status = statuses[byte(f) % 8];

	if (b == 0xff)
		id = number(f, 8);
	else if (b & 0x80)
		id = f->actions[(f->action_count + IDS - 1) % IDS];
	vdev_zerocopy_done(f->z, f->now, id, status);
}

/* -EAGAIN for OFFLINE only: of ACCESSIBLE it would mean that the guest was not told. */
static void offline_again(struct fuzz *f)
{
	struct vdev_action a;

	while (vdev_zerocopy_next(f->z, &a, sizeof(a)) == 1) {
		if (a.kind == VDEV_ZEROCOPY_ACCESSIBLE && !(a.flags & VDEV_ZEROCOPY_AGAIN))
			tell(f, a.dev);
		vdev_zerocopy_done(f->z, f->now, a.id,
				   a.kind == VDEV_ZEROCOPY_OFFLINE && a.id & 1 ? -EAGAIN : 0);
		if (a.kind == VDEV_ZEROCOPY_OFFLINE)
			break;
	}
}

static void time_goes_on(struct fuzz *f)
{
	uint8_t b = byte(f);
	uint64_t at;

	if (b & 1 && vdev_zerocopy_deadline(f->z, &at) == 1)
		f->now = at;
	else
		f->now = b & 2 ? f->now + number(f, 1 + (b >> 6)) : number(f, 8);
	vdev_zerocopy_step(f->z, f->now);
}

static void reload(struct fuzz *f)
{
	f->z = fz_reload(f->z, &f->config, &f->now, number(f, 4));
	for (uint32_t i = 0; i < FZ_QUEUES; i++)
		fz_require(vdev_zerocopy_queue_at(f->z, i, &f->q[i]) == 0);
}

static void all(struct fuzz *f)
{
	uint8_t b = byte(f);
	uint32_t mode = b >> 2 & 3, flags = b >> 4 & 3;

	if (b & 1)
		vdev_zerocopy_reset_begin(f->z, f->now, mode, flags);
	else
		vdev_zerocopy_reclaim_all(f->z, f->now, b & 2 ? f->q[b >> 7] : NULL, mode, flags);
}

static void adapt(struct fuzz *f)
{
	uint8_t b = byte(f);

	vdev_zerocopy_cost(f->q[1], b & 3, number(f, 1 + (b >> 2 & 7)), number(f, 1 + (b >> 5)));
	vdev_zerocopy_threshold(f->q[1]);
}

static void memory(struct fuzz *f)
{
	struct vdev_zerocopy_memory m = {.struct_size = sizeof(m)};
	uint8_t b = byte(f);

	m.flags = b & 3;
	m.address = b & 4 ? number(f, 8) : (UINT64_C(1) << 30) + (b >> 3) * FZ_PAGE;
	m.size_bytes = b & 4 ? number(f, 8) : FZ_PAGE << (b >> 6);
	m.granule_bytes = b & 4 ? UINT64_C(1) << (b >> 3) : FZ_PAGE;
	if (b & 0x40)
		vdev_zerocopy_remove_memory(f->z, m.address);
	else if (m.size_bytes < UINT64_C(1) << 40)
		vdev_zerocopy_add_memory(f->z, &m);
}

static void look(struct fuzz *f)
{
	struct vdev_zerocopy_info infos[FZ_SLOTS];
	struct vdev_zerocopy_stats s;
	uint32_t n = fz_messages(f->z, infos);

	fz_require(vdev_zerocopy_stats(f->z, &s, sizeof(s)) == 0);
	fz_require(s.blocks + s.quarantined_blocks == n);
	fz_require(s.blocks <= f->config.max_blocks && s.bytes <= f->config.max_bytes);
}

static void call(struct fuzz *f)
{
	uint8_t which = byte(f);

	switch (which % 20) {
	case 0:
	case 1:
	case 2:
		reserve(f, which % 20);
		break;
	case 3:
		sent(f);
		break;
	case 4:
		abort_(f);
		break;
	case 5:
	case 6:
		complete(f);
		break;
	case 7:
		vdev_zerocopy_expire(f->q[which >> 7], f->now + byte(f));
		break;
	case 8:
	case 9:
		vdev_zerocopy_reclaim(f->z, f->now, message(f), which >> 6);
		break;
	case 10:
		all(f);
		break;
	case 11:
		vdev_zerocopy_reset_end(f->z, f->now);
		break;
	case 12:
	case 13:
		next(f);
		break;
	case 14:
		done(f);
		break;
	case 15:
		time_goes_on(f);
		break;
	case 16:
		reload(f);
		break;
	case 17:
		adapt(f);
		break;
	case 18:
		offline_again(f);
		break;
	default:
		if (which & 0x80)
			memory(f);
		else
			look(f);
	}
}

static void begin(struct fuzz *f)
{
	const struct vdev_zerocopy_memory ram = {.struct_size = sizeof(ram),
						 .address = FZ_RAM,
						 .size_bytes = 40 * FZ_PAGE,
						 .granule_bytes = FZ_PAGE};
	struct vdev_zerocopy_queue_config slots = {.struct_size = sizeof(slots), .slots = 16};

	f->now = 1000;
	f->config = fz_config(byte(f));
	fz_require(vdev_zerocopy_new(&f->z, NULL, &f->config) == 0);
	fz_require(vdev_zerocopy_add_memory(f->z, &ram) == 0);
	fz_require(vdev_zerocopy_add_queue(f->z, &slots, &f->q[0]) == 0);
	slots.flags = VDEV_ZEROCOPY_ADAPTIVE;
	slots.threshold_bytes = FZ_PAGE;
	fz_require(vdev_zerocopy_add_queue(f->z, &slots, &f->q[1]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;
	uint64_t at;

	memset(&f, 0, sizeof(f));
	f.data = data;
	f.size = size;
	begin(&f);
	for (uint32_t n = 0; n < CALLS && f.size; n++)
		call(&f);
	if (vdev_zerocopy_deadline(f.z, &at) == 1)
		vdev_zerocopy_step(f.z, at);
	reload(&f);
	fz_settle(f.z, &f.now);
	vdev_zerocopy_free(f.z);
	return 0;
}
