/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: reading images. An image may be hostile: it is entered through the same calls and
 * checks as any memory, queue and block; load_op.c compares each operation with its message.
 */
#include "load.h"

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
static int account(struct vdev_zerocopy *z, uint64_t word, uint64_t size, uint64_t address)
{
	uint64_t c = credit(1, size_length(size));
	uint64_t have[2];

	if (word_state(word) == VDEV_ZEROCOPY_QUARANTINED) {
		vdev__zerocopy_quarantine(z, size_destination(size), address, size_length(size), 1);
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
		l->error = account(l->z, word, size, address);
	q->details[index].address = address;
	q->details[index].timeout_ns = timeout;
	atomic_init(&q->details[index].epoch, epoch);
	atomic_init(&q->slots[index].size, size);
	if (word_state(word) == VDEV_ZEROCOPY_RESERVED)
		atomic_init(&q->details[index].deadline, 0); /* resets so far */
	else
		atomic_init(&q->details[index].deadline,
			    left == VDEV_NONE
				    ? VDEV_NONE
				    : vdev__sat_add(l->z->now, left < timeout ? left : timeout));
	atomic_init(&q->slots[index].word, word);
	if (word_state(word) == VDEV_ZEROCOPY_SENT)
		vdev__zerocopy_arm(q, index, atomic_load(&q->details[index].deadline));
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
	if (!sequence || sequence > UINT64_MAX >> (W_BITS + 1))
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

	if (!bad(l) && n)
		l->error = vdev__pagemap_rebuild(&l->z->map, n, 0);
	for (; n && !bad(l); n--)
		get_page(l);
}

static void get_generation(struct loader *l)
{
	uint32_t index = vdev__get_u32(&l->in);
	uint64_t generation = vdev__get_u64(&l->in);

	if (index > l->z->slots + SPARE_OPS || generation >= HANDLES >> VDEV__TABLE_INDEX_BITS)
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
			    z->queues[i]->details[s].op == NOBODY)
				vdev__reader_fail(&l->in);
		}
}

static void get_all(struct loader *l)
{
	struct vdev_zerocopy *z = l->z;
	uint32_t n;

	atomic_store(&z->epoch, vdev__get_u64(&l->in));
	z->whole_epoch = vdev__get_u64(&l->in);
	atomic_init(&z->void_epoch, z->whole_epoch);
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
		vdev__zerocopy_get_op(l);
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
