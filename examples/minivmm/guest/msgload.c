/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traffic that goes on by itself: each block is filled, posted, waited for, checked, and posted again.
 * The seed of a message is the order's plus the low half of its cookie, so that whoever has the message can
 * tell what must be in it.
 */
#include <vdev/guest.h>

#include "driver.h"

static uint32_t seed_of(const struct msg_load *l, uint64_t cookie)
{
	return l->order.seed + (uint32_t)cookie;
}

static uint32_t stride_of(const struct msg_load *l)
{
	return l->order.stride ? l->order.stride : 8;
}

static uint64_t block_at(const struct msg_load *l, uint32_t block)
{
	return l->order.address + (uint64_t)block * l->order.pitch;
}

static int has_more(const struct msg_load *l)
{
	return l->order.count == ALL_ONES || l->posted < l->order.count;
}

/* Blocks that are out stay so: they belong to the order before. */
void msg_load_set(struct platform *p, const struct msg_order *o)
{
	struct msg_load *l = &messages_of(p)->queues[o->queue].load;

	for (uint32_t i = 0; i < MSG_LOAD_BLOCKS; i++)
		if (l->blocks[i].state == BLOCK_BACK)
			l->blocks[i].state = BLOCK_NEW;
	l->order = *o;
	if (l->order.blocks > MSG_LOAD_BLOCKS)
		l->order.blocks = MSG_LOAD_BLOCKS;
	l->posted = 0;
	l->next = 0;
	l->cookie = o->cookie;
}

/* What was written after it was accessible must still be there: nobody else has the block. */
static void still_there(struct platform *p, struct msg_load *l, uint32_t block)
{
	if (l->blocks[block].state != BLOCK_BACK)
		return;
	l->blocks[block].state = BLOCK_NEW;
	msg_add(&msg_report_of(p)->wrong_after, msg_check(p, block_at(l, block), l->order.length,
							  l->blocks[block].seed, stride_of(l), 0));
}

void msg_load_back(struct platform *p, const struct msg_track *t, uint32_t kind)
{
	struct msg_load *l = &messages_of(p)->queues[t->queue].load;
	struct msg_block *b = &l->blocks[t->block - 1];
	int rewritten = t->kind == VDEV_GUEST_MSG_SEND && (t->flags & MSG_THEN_REWRITE) &&
			kind == VDEV_GUEST_TOLD_ACCESSIBLE;

	/* The order may have been replaced by one with other blocks. */
	b->state =
		rewritten && t->address == block_at(l, t->block - 1) && t->length == l->order.length
			? BLOCK_BACK
			: BLOCK_NEW;
	b->seed = t->seed + 1;
}

static uint32_t destination_of(const struct msg_load *l)
{
	uint32_t n = l->order.destinations ? l->order.destinations : 1;

	return l->order.destination + l->posted % n;
}

static int post(struct platform *p, uint32_t queue, uint32_t block)
{
	struct msg_load *l = &messages_of(p)->queues[queue].load;
	struct msg_descriptor d = {.address = block_at(l, block),
				   .length = l->order.length,
				   .kind = l->order.kind ? l->order.kind : VDEV_GUEST_MSG_SEND,
				   .timeout_ms = l->order.timeout_ms,
				   .destination = destination_of(l)};
	struct msg_order o = l->order;

	/* The place of a message that is stuck is jumped over. */
	for (uint32_t i = 0; i < MSG_TRACKED && msg_track_of(p, l->cookie)->used; i++)
		l->cookie++;
	d.cookie = l->cookie;
	o.seed = seed_of(l, d.cookie);
	still_there(p, l, block);
	if (d.kind == VDEV_GUEST_MSG_SEND)
		msg_fill(p, d.address, d.length, o.seed, stride_of(l));
	if (!msg_post_tracked(p, queue, &d, &o, block + 1))
		return 0;
	l->blocks[block].state = BLOCK_OUT;
	l->cookie++;
	l->posted++;
	return 1;
}

/* The next block that is not out; `blocks`: none. */
static uint32_t pick(struct msg_load *l)
{
	for (uint32_t i = 0; i < l->order.blocks; i++) {
		uint32_t b = l->next;

		l->next = b + 1 < l->order.blocks ? b + 1 : 0;
		if (l->blocks[b].state != BLOCK_OUT)
			return b;
	}
	return l->order.blocks;
}

/* All was posted: what came back last is looked at, too. */
static void finish(struct platform *p, struct msg_load *l)
{
	for (uint32_t i = 0; i < l->order.blocks; i++)
		still_there(p, l, i);
}

static void show(struct platform *p)
{
	uint32_t loading = 0;

	for (uint32_t i = 0; i < MSG_QUEUES; i++) {
		const struct msg_load *l = &messages_of(p)->queues[i].load;

		loading += l->order.blocks && has_more(l);
	}
	__atomic_store_n(&msg_report_of(p)->loading, loading, __ATOMIC_RELEASE);
}

int msg_load_poll(struct platform *p, uint32_t queue)
{
	struct msg_queue *q = &messages_of(p)->queues[queue];
	struct msg_load *l = &q->load;
	uint32_t batch = l->order.batch ? l->order.batch : 1, n = 0;

	if (q->state != QUEUE_UP || !l->order.blocks)
		return 0;
	while (n < batch && has_more(l) && q->outstanding < MSG_SIZE) {
		uint32_t block = pick(l);

		if (block == l->order.blocks || !post(p, queue, block))
			break;
		n++;
	}
	msg_ring(p, queue);
	if (!has_more(l))
		finish(p, l);
	show(p);
	return n != 0;
}
