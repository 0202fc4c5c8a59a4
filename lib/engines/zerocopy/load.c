/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: reading images. An image may be hostile: it is entered through the same calls and
 * checks as any memory, queue and block, and each operation is compared with its message.
 */
#include "image.h"
#include "internal.h"

struct loader {
	struct vdev_zerocopy *z;
	struct vdev__reader in;
	int error; /* of an allocation or a limit; damage is in `in` */
};

static bool bad(const struct loader *l)
{
	return l->error || l->in.error;
}

/* An error of a call that was made with values of the image. */
static void entered(struct loader *l, int error)
{
	if (error == -ENOMEM || error == -ENOSPC)
		l->error = error;
	else if (error)
		vdev__reader_fail(&l->in);
}

static void get_region(struct loader *l)
{
	struct vdev_zerocopy_memory m = {.struct_size = sizeof(m)};

	m.address = vdev__get_u64(&l->in);
	m.size_bytes = vdev__get_u64(&l->in);
	m.granule_bytes = vdev__get_u64(&l->in);
	m.flags = vdev__get_u32(&l->in);
	entered(l, vdev_zerocopy_add_memory(l->z, &m));
}

static const struct region *region_of(const struct vdev_zerocopy *z, uint64_t address,
				      uint64_t length)
{
	for (uint32_t i = 0; i < z->n_regions; i++)
		if (address >= z->regions[i].address &&
		    vdev__range_ok(address - z->regions[i].address, length, z->regions[i].size))
			return &z->regions[i];
	return NULL;
}

/* What reserve() would have let through. */
static bool block_ok(const struct vdev_zerocopy *z, uint64_t address, uint64_t size)
{
	const struct region *r = region_of(z, address, size_length(size));

	if (!r || r->flags & VDEV_ZEROCOPY_FIXED ||
	    size_flags(size) & ~(VDEV_ZEROCOPY_RECEIVE | VDEV_ZEROCOPY_ANY_SIZE))
		return false;
	return !(size_flags(size) & VDEV_ZEROCOPY_RECEIVE) ||
	       !((address | size_length(size)) & (r->granule - 1));
}

static bool word_ok(const struct vdev_zerocopy_queue *q, uint64_t word)
{
	uint64_t sequence = word >> W_BITS;
	uint32_t state = word_state(word);

	if (!sequence || sequence >= q->sequence ||
	    word_state(atomic_load(&slot_at(q, sequence)->word)) != VDEV_ZEROCOPY_FREE)
		return false;
	if (state == VDEV_ZEROCOPY_SENT)
		return !(word & (W_ASKED | W_BY_RESET | W_ZERO)) &&
		       !vdev__zerocopy_satisfied(word_bits(word), q->vm->config.until);
	return state == VDEV_ZEROCOPY_RESERVED || state == VDEV_ZEROCOPY_OFFLINING ||
	       state == VDEV_ZEROCOPY_QUARANTINED;
}

/* Its credits, or its bytes in quarantine. -ENOSPC. */
static int account(struct vdev_zerocopy *z, uint64_t word, uint64_t size)
{
	uint64_t c = credit(1, size_length(size));
	uint64_t have[2];

	if (word_state(word) == VDEV_ZEROCOPY_QUARANTINED) {
		vdev__zerocopy_quarantine(z, size_destination(size), size_length(size), 1);
		return 0;
	}
	have[0] = atomic_load(&z->free);
	have[1] = atomic_load(&z->destinations[size_destination(size)].free);
	for (uint32_t i = 0; i < 2; i++)
		if (!credit_blocks(have[i]) || credit_bytes(have[i]) < size_length(size))
			return -ENOSPC;
	atomic_store(&z->free, have[0] - c);
	atomic_store(&z->destinations[size_destination(size)].free, have[1] - c);
	return 0;
}

static void get_message(struct loader *l, struct vdev_zerocopy_queue *q)
{
	uint64_t word = vdev__get_u64(&l->in), size = vdev__get_u64(&l->in);
	uint64_t left = vdev__get_u64(&l->in), address = vdev__get_u64(&l->in);
	uint64_t timeout = vdev__get_u64(&l->in), epoch = vdev__get_u64(&l->in);
	uint32_t index = (uint32_t)(word >> W_BITS) & q->mask;

	if (!word_ok(q, word) || !block_ok(l->z, address, size) || timeout == VDEV_NONE ||
	    epoch > atomic_load(&l->z->epoch)) {
		vdev__reader_fail(&l->in);
		return;
	}
	if (size_destination(size) >= l->z->config.max_destinations)
		l->error = -ENOSPC;
	else
		l->error = account(l->z, word, size);
	q->details[index].address = address;
	q->details[index].timeout_ns = timeout;
	atomic_init(&q->details[index].epoch, epoch);
	atomic_init(&q->slots[index].size, size);
	atomic_init(&q->slots[index].deadline,
		    left == VDEV_NONE ? VDEV_NONE : vdev__sat_add(l->z->now, left));
	atomic_init(&q->slots[index].word, word);
	if (word_state(word) == VDEV_ZEROCOPY_SENT)
		vdev__zerocopy_arm(q, index, atomic_load(&q->slots[index].deadline));
	q->loaded++;
}

static void get_queue(struct loader *l)
{
	struct vdev_zerocopy_queue_config c = {.struct_size = sizeof(c)};
	struct vdev_zerocopy_queue *q;
	uint64_t sequence;

	c.slots = vdev__get_u32(&l->in);
	c.flags = vdev__get_u32(&l->in);
	c.threshold_bytes = vdev__get_u64(&l->in);
	sequence = vdev__get_u64(&l->in);
	if (bad(l))
		return;
	entered(l, vdev_zerocopy_add_queue(l->z, &c, &q));
	if (bad(l))
		return;
	if (!sequence || sequence > ID_SEQUENCE / 2)
		vdev__reader_fail(&l->in);
	q->sequence = sequence;
	for (uint32_t n = vdev__get_count(&l->in, MESSAGE_BYTES); n && !bad(l); n--)
		get_message(l, q);
}

static void get_page(struct loader *l)
{
	uint64_t address = vdev__get_u64(&l->in), epoch = vdev__get_u64(&l->in);
	const struct region *r = region_of(l->z, address, 1);

	if (!r || address & (r->granule - 1) || !epoch || epoch > atomic_load(&l->z->epoch) ||
	    vdev__pagemap_get(&l->z->map, address))
		vdev__reader_fail(&l->in);
	else
		vdev__pagemap_set(&l->z->map, address, epoch);
}

static void get_pages(struct loader *l)
{
	uint32_t n = vdev__get_count(&l->in, 16);

	if (!bad(l) && n && vdev__pagemap_full(&l->z->map, n))
		l->error = vdev__pagemap_rebuild(&l->z->map, n, 0);
	for (; n && !bad(l); n--)
		get_page(l);
}

/* The slot of an operation, which has none yet; NULL: damaged. */
static struct slot *op_slot(const struct vdev_zerocopy *z, const struct op *op)
{
	struct slot *s;

	if (op->queue >= z->n_queues || op->slot > z->queues[op->queue]->mask)
		return NULL;
	s = &z->queues[op->queue]->slots[op->slot];
	return word_state(atomic_load(&s->word)) >= VDEV_ZEROCOPY_OFFLINING && s->op == NOBODY
		       ? s
		       : NULL;
}

static bool outcome_ok(const struct op *op, uint32_t state, uint64_t size)
{
	if (op->phase != OP_TELL)
		return true;
	if (op->outcome == VDEV_ZEROCOPY_LOST || state == VDEV_ZEROCOPY_OFFLINING)
		return state == VDEV_ZEROCOPY_OFFLINING && (op->outcome == VDEV_ZEROCOPY_LOST ||
							    op->outcome == VDEV_ZEROCOPY_COMPLETED);
	return op->outcome == (size_flags(size) & VDEV_ZEROCOPY_RECEIVE ? VDEV_ZEROCOPY_FAILED
									: VDEV_ZEROCOPY_RECLAIMED);
}

/* Each state of a message has the phases that it can be in. */
static bool phase_ok(const struct vdev_zerocopy *z, const struct op *op, const struct slot *s)
{
	uint64_t word = atomic_load(&s->word);
	uint32_t state = word_state(word);
	bool satisfied = vdev__zerocopy_satisfied(word_bits(word), z->config.until);

	if (!outcome_ok(op, state, atomic_load(&s->size)))
		return false;
	switch (op->phase) {
	case OP_WAIT:
	case OP_OFFLINE:
		return state == VDEV_ZEROCOPY_OFFLINING;
	case OP_REFUSED:
		return state == VDEV_ZEROCOPY_OFFLINING && op->status < 0;
	case OP_TELL:
		return true;
	case OP_QUARANTINE:
		return state == VDEV_ZEROCOPY_QUARANTINED && !satisfied;
	case OP_RELEASE:
		return state == VDEV_ZEROCOPY_QUARANTINED && satisfied;
	default:
		return false;
	}
}

/* The granules that an OFFLINE is about: of its block, all to be zeroed or none, nobody else's. */
static bool run_ok(const struct vdev_zerocopy *z, const struct op *op, const struct slot *s)
{
	uint64_t address = op_queue(z, op)->details[op->slot].address;
	struct span span = vdev__zerocopy_span(z, address, size_length(atomic_load(&s->size)));

	if (op->begin < span.begin || op->begin > op->end || op->end > span.end ||
	    (op->begin | op->end) & (span.granule - 1))
		return false;
	if (op->phase != OP_OFFLINE)
		return true;
	for (uint64_t a = op->begin; a < op->end; a += span.granule)
		if (vdev__zerocopy_zeroed(z, op, a) != (op->zero != 0) ||
		    vdev__pagemap_get(&z->map, a) & PAGE_BUSY)
			return false;
	return op->begin < op->end;
}

static void get_op_fields(struct loader *l, struct op *op, uint64_t *ret_timer)
{
	uint64_t until, timer;
	uint32_t flags;

	op->queue = vdev__get_u32(&l->in);
	op->slot = vdev__get_u32(&l->in);
	op->begin = vdev__get_u64(&l->in);
	op->end = vdev__get_u64(&l->in);
	op->epoch = vdev__get_u64(&l->in);
	until = vdev__get_u64(&l->in);
	timer = vdev__get_u64(&l->in);
	op->status = (int32_t)vdev__get_u32(&l->in);
	flags = vdev__get_u32(&l->in);
	op->phase = vdev__get_u8(&l->in);
	op->outcome = vdev__get_u8(&l->in);
	op->zero = vdev__get_u8(&l->in);
	op->flags = (uint16_t)flags;
	op->until = until == VDEV_NONE ? VDEV_NONE : vdev__sat_add(l->z->now, until);
	*ret_timer = vdev__sat_add(l->z->now, timer);
	if (flags & ~OP_KEPT || op->status > 0 || op->status < -4095 || op->zero > 1 ||
	    op->epoch > atomic_load(&l->z->epoch) || (op->phase == OP_WAIT && flags & OP_AGAIN) ||
	    (flags & OP_PAUSED && (flags & OP_AGAIN || timer == VDEV_NONE)) ||
	    (flags & OP_AGAIN && op->phase == OP_OFFLINE && until == VDEV_NONE))
		vdev__reader_fail(&l->in);
}

/* The operation of the whole VM. */
static bool whole_ok(struct vdev_zerocopy *z, struct op *op, uint32_t index)
{
	if (op->phase == OP_REFUSED)
		return op->status < 0;
	if (z->whole != NOBODY || (op->phase != OP_WAIT && op->phase != OP_OFFLINE))
		return false;
	z->whole = index;
	op->begin = 0;
	op->end = VDEV_NONE;
	op->zero = op->phase == OP_OFFLINE && op->flags & OP_ZERO;
	z->offlining += op->phase == OP_OFFLINE;
	return true;
}

static bool message_op_ok(struct loader *l, const struct op *op, uint32_t index)
{
	struct vdev_zerocopy *z = l->z;
	struct slot *s = op_slot(z, op);
	uint64_t granule;

	if (!s || !phase_ok(z, op, s) || !run_ok(z, op, s))
		return false;
	s->op = index;
	if (op->phase != OP_OFFLINE)
		return true;
	granule = vdev__zerocopy_span(z, op->begin, 1).granule;
	if (vdev__pagemap_full(&z->map, (op->end - op->begin) / granule))
		l->error = vdev__pagemap_rebuild(&z->map, (op->end - op->begin) / granule, 0);
	if (!l->error)
		vdev__zerocopy_busy(z, op);
	return true;
}

static void get_op(struct loader *l)
{
	struct vdev_zerocopy *z = l->z;
	uint64_t handle = vdev__get_u64(&l->in), timer;
	uint32_t index = (uint32_t)handle & (VDEV__TABLE_MAX - 1);
	struct op op = {.next = NOBODY, .prev = NOBODY, .action = handle};

	get_op_fields(l, &op, &timer);
	if (!bad(l) && index > z->slots) /* there never are more */
		vdev__reader_fail(&l->in);
	if (bad(l))
		return;
	l->error = vdev__deadlines_reserve(&z->deadlines, index + 1);
	if (!l->error)
		entered(l, vdev__table_restore(&z->ops, handle));
	if (bad(l))
		return;
	if (!(op.slot == NOBODY ? whole_ok(z, &op, index) : message_op_ok(l, &op, index)))
		vdev__reader_fail(&l->in);
	*op_at(z, index) = op;
	z->unsettled += op.phase < OP_QUARANTINE;
	if (op.flags & OP_PAUSED)
		vdev__deadlines_arm(&z->deadlines, index, timer);
}

static void get_generation(struct loader *l)
{
	uint32_t index = vdev__get_u32(&l->in);
	uint64_t generation = vdev__get_u64(&l->in);

	if (index > l->z->slots)
		vdev__reader_fail(&l->in);
	if (!bad(l))
		entered(l, vdev__table_set_generation(&l->z->ops, index, generation));
}

/* No OFFLINE of a block beside one of the whole VM; each message that needs an operation has one. */
static void check(struct loader *l)
{
	const struct vdev_zerocopy *z = l->z;

	if (z->whole != NOBODY && op_at(z, z->whole)->phase == OP_OFFLINE && z->offlining > 1)
		vdev__reader_fail(&l->in);
	for (uint32_t i = 0; i < z->n_queues; i++)
		for (uint32_t s = 0; s <= z->queues[i]->mask; s++) {
			const struct slot *slot = &z->queues[i]->slots[s];

			if (word_state(atomic_load(&slot->word)) >= VDEV_ZEROCOPY_OFFLINING &&
			    slot->op == NOBODY)
				vdev__reader_fail(&l->in);
		}
}

static void get_all(struct loader *l)
{
	struct vdev_zerocopy *z = l->z;
	uint32_t n;

	atomic_store(&z->epoch, vdev__get_u64(&l->in));
	z->whole_epoch = vdev__get_u64(&l->in);
	z->in_reset = vdev__get_u8(&l->in);
	z->reset_zero = vdev__get_u8(&l->in);
	if (z->in_reset > 1 || z->reset_zero > 1 || !atomic_load(&z->epoch) ||
	    atomic_load(&z->epoch) >= PAGE_BUSY / 2 || z->whole_epoch > atomic_load(&z->epoch))
		vdev__reader_fail(&l->in);
	for (n = vdev__get_count(&l->in, 28); n && !bad(l); n--)
		get_region(l);
	for (n = vdev__get_count(&l->in, 28); n && !bad(l); n--)
		get_queue(l);
	get_pages(l);
	for (n = vdev__get_count(&l->in, OP_BYTES); n && !bad(l); n--)
		get_op(l);
	for (n = vdev__get_count(&l->in, 12); n && !bad(l); n--)
		get_generation(l);
	if (!l->error)
		l->error = vdev__reader_finish(&l->in);
	if (!l->error)
		check(l);
	if (!l->error)
		l->error = l->in.error;
}

int vdev_zerocopy_load(const struct vdev_env *env, const struct vdev_zerocopy_config *config,
		       uint32_t flags, uint64_t now_ns, const void *image, size_t size,
		       struct vdev_zerocopy **ret_obj)
{
	struct loader l = {0};
	int error;

	if (!ret_obj || !image || flags & ~VDEV_ZEROCOPY_COPIED_MEMORY)
		return -EINVAL;
	error = vdev_zerocopy_new(&l.z, env, config);
	if (error)
		return error;
	error = vdev__reader_init(&l.in, image, size, VDEV_PART_ZEROCOPY, ZEROCOPY_IMAGE_VERSION);
	if (!error) {
		l.z->now = now_ns;
		get_all(&l);
		error = l.error;
	}
	if (!error)
		error = vdev__zerocopy_resume(l.z, flags);
	if (error) {
		vdev_zerocopy_free(l.z);
		return error;
	}
	*ret_obj = l.z;
	return 0;
}
