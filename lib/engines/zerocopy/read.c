/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: reading what is in it.
 */
#include "internal.h"

struct slot *vdev__zerocopy_find(const struct vdev_zerocopy *z, uint64_t id,
				 struct vdev_zerocopy_queue **ret_queue)
{
	struct vdev_zerocopy_queue *q;
	struct slot *s;
	uint64_t w;

	if (id >> ID_QUEUE >= z->n_queues)
		return NULL;
	q = z->queues[id >> ID_QUEUE];
	s = slot_at(q, id);
	w = atomic_load(&s->word);
	if (w >> W_BITS != (id & ID_SEQUENCE) || word_state(w) == VDEV_ZEROCOPY_FREE)
		return NULL;
	*ret_queue = q;
	return s;
}

uint64_t vdev__zerocopy_op_id(const struct vdev_zerocopy *z, const struct op *op)
{
	if (op->slot == NOBODY)
		return 0;
	return id_of(op_queue(z, op), atomic_load(&op_queue(z, op)->slots[op->slot].word));
}

uint64_t vdev__zerocopy_op_user(const struct vdev_zerocopy *z, const struct op *op)
{
	return op->slot == NOBODY ? 0 : op_queue(z, op)->details[op->slot].user_data;
}

void vdev__zerocopy_trace(struct vdev_zerocopy *z, uint32_t kind, const struct op *op, uint64_t arg)
{
	if (!vdev__tracing(&z->env))
		return;
	z->env.trace(z->env.user, &(struct vdev_trace){
					  .now_ns = z->now,
					  .dev = op ? vdev__zerocopy_op_id(z, op) : 0,
					  .user_data = op ? vdev__zerocopy_op_user(z, op) : 0,
					  .part = VDEV_PART_ZEROCOPY,
					  .what = VDEV_TRACE_EVENT,
					  .kind = kind,
					  .arg = arg,
				  });
}

static void fill_info(const struct vdev_zerocopy *z, const struct vdev_zerocopy_queue *q,
		      uint32_t index, struct vdev_zerocopy_info *info)
{
	const struct slot *s = &q->slots[index];
	uint64_t w = atomic_load(&s->word), size = atomic_load(&s->size);
	const struct op *op =
		word_state(w) >= VDEV_ZEROCOPY_OFFLINING ? op_at(z, q->details[index].op) : NULL;

	*info = (struct vdev_zerocopy_info){
		.id = id_of(q, w),
		.user_data = q->details[index].user_data,
		.address = q->details[index].address,
		.length_bytes = size_length(size),
		.deadline_ns = word_state(w) == VDEV_ZEROCOPY_SENT
				       ? atomic_load(&q->details[index].deadline)
				       : VDEV_NONE,
		.timeout_ns = q->details[index].timeout_ns,
		.action_id = op && op->flags & OP_OUT ? op->action : 0,
		.destination = size_destination(size),
		.state = word_state(w),
		.flags = size_flags(size),
		.seen = (w & W_RESPONSE ? VDEV_ZEROCOPY_RESPONSE : 0) |
			(w & W_TASK ? VDEV_ZEROCOPY_TASK : 0),
	};
}

int vdev_zerocopy_get(const struct vdev_zerocopy *z, uint64_t id,
		      struct vdev_zerocopy_info *ret_info, size_t size)
{
	struct vdev_zerocopy_queue *q;
	struct vdev_zerocopy_info info;

	if (!z || !ret_info || !size)
		return -EINVAL;
	if (!vdev__zerocopy_find(z, id, &q))
		return -ENOENT;
	fill_info(z, q, (uint32_t)id & q->mask, &info);
	return vdev__copy_out(ret_info, size, &info, sizeof(info));
}

int vdev_zerocopy_set_user_data(struct vdev_zerocopy *z, uint64_t id, uint64_t user_data)
{
	struct vdev_zerocopy_queue *q;

	if (!z)
		return -EINVAL;
	if (!vdev__zerocopy_find(z, id, &q))
		return -ENOENT;
	q->details[(uint32_t)id & q->mask].user_data = user_data;
	return 0;
}

/* The cursor is queue << 32 | slot. */
int vdev_zerocopy_walk(const struct vdev_zerocopy *z, uint64_t *cursor,
		       struct vdev_zerocopy_info *ret_info, size_t size)
{
	struct vdev_zerocopy_info info;

	if (!z || !cursor || !ret_info || !size)
		return -EINVAL;
	while (*cursor >> 32 < z->n_queues) {
		const struct vdev_zerocopy_queue *q = z->queues[*cursor >> 32];
		uint32_t slot = (uint32_t)*cursor;

		if (slot > q->mask) {
			*cursor = ((*cursor >> 32) + 1) << 32;
			continue;
		}
		++*cursor;
		if (word_state(atomic_load(&q->slots[slot].word)) == VDEV_ZEROCOPY_FREE)
			continue;
		fill_info(z, q, slot, &info);
		vdev__copy_out(ret_info, size, &info, sizeof(info));
		return 1;
	}
	return 0;
}

static uint64_t counted(const struct vdev_zerocopy_queue *q, uint32_t which)
{
	return atomic_load_explicit(&q->count[which], memory_order_relaxed);
}

static uint64_t queue_bytes(const struct vdev_zerocopy_queue *q)
{
	uint64_t bytes =
		sizeof(*q) + (uint64_t)(q->mask + 1) * (sizeof(*q->slots) + sizeof(*q->details));

	for (uint32_t i = 0; i < q->levels; i++)
		bytes += q->level_size[i] * sizeof(*q->level[i]);
	return bytes + (q->classes ? CLASSES * sizeof(*q->classes) : 0);
}

static void add_messages(const struct vdev_zerocopy_queue *q, struct vdev_zerocopy_stats *s)
{
	for (uint32_t i = 0; i <= q->mask; i++) {
		uint32_t state = word_state(atomic_load(&q->slots[i].word));

		if (state == VDEV_ZEROCOPY_FREE || state == VDEV_ZEROCOPY_QUARANTINED)
			continue;
		s->blocks++;
		s->bytes += size_length(atomic_load(&q->slots[i].size));
	}
}

static void add_queue(const struct vdev_zerocopy_queue *q, struct vdev_zerocopy_stats *s)
{
	add_messages(q, s);
	s->lent += counted(q, N_LENT);
	s->settled += counted(q, N_LENT) + q->loaded - counted(q, N_ABORTED);
	s->refused += counted(q, N_REFUSED);
	s->aborted += counted(q, N_ABORTED);
	s->partial += counted(q, N_PARTIAL);
	for (uint32_t i = 1; i < VDEV_ZEROCOPY_COPY_REASONS; i++)
		s->copied[i] += counted(q, N_COPIED + i);
	s->copied[0] += atomic_load(&q->kernel_copied);
	s->timed_out += atomic_load(&q->timed_out);
	s->stale += atomic_load(&q->stale);
	s->allocated_bytes += queue_bytes(q);
}

int vdev_zerocopy_stats(const struct vdev_zerocopy *z, struct vdev_zerocopy_stats *ret_stats,
			size_t size)
{
	struct vdev_zerocopy_stats s;

	if (!z || !ret_stats || !size)
		return -EINVAL;
	s = z->stats;
	for (uint32_t i = 0; i < z->n_queues; i++)
		add_queue(z->queues[i], &s);
	s.quarantined_blocks = z->quarantined_blocks;
	s.quarantined_bytes = z->quarantined_bytes;
	s.operations = z->ops.count;
	/* Of those that were lent: neither lent now nor ended by the VM object. */
	s.settled -= s.blocks + s.quarantined_blocks + z->ended;
	s.allocated_bytes +=
		sizeof(*z) + vdev__table_bytes(&z->ops) + vdev__deadlines_bytes(&z->deadlines) +
		(uint64_t)z->map.size * sizeof(*z->map.pages) +
		z->config.max_destinations * (sizeof(*z->destinations) + sizeof(*z->closed)) +
		z->config.max_queues * sizeof(struct vdev_zerocopy_queue *);
	return vdev__copy_out(ret_stats, size, &s, sizeof(s));
}
