/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: quotas (Z8).
 *
 * What may be in flight is a number of credits, for the VM and for each destination. An owner thread
 * takes them in batches from both and spends them without a locked instruction; whoever completes a
 * message gives its credits back. A lane that is needed for another destination gives its rest back,
 * so that what lies unused is at most LANES batches a queue.
 */
#include "internal.h"

#define BATCH_BLOCKS 64u
#define BATCH_BYTES (UINT64_C(1) << 20)

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Takes up to `want`, but not less than `need` of either part: what was taken, 0: nothing. */
static uint64_t take(_Atomic uint64_t *pool, uint64_t need, uint64_t want)
{
	uint64_t have = atomic_load_explicit(pool, memory_order_relaxed), got;

	do {
		if (credit_blocks(have) < credit_blocks(need) ||
		    credit_bytes(have) < credit_bytes(need))
			return 0;
		got = credit(least(credit_blocks(have), credit_blocks(want)),
			     least(credit_bytes(have), credit_bytes(want)));
	} while (!atomic_compare_exchange_weak_explicit(
		pool, &have, have - got, memory_order_acquire, memory_order_relaxed));
	return got;
}

void vdev__zerocopy_give_back(struct vdev_zerocopy *z, uint32_t destination, uint64_t credits)
{
	atomic_fetch_add_explicit(&z->destinations[destination].free, credits,
				  memory_order_release);
	atomic_fetch_add_explicit(&z->free, credits, memory_order_release);
}

static void empty(struct vdev_zerocopy_queue *q, struct lane *lane)
{
	if (lane->credits)
		vdev__zerocopy_give_back(q->vm, lane->destination, lane->credits);
	lane->credits = 0;
}

void vdev__zerocopy_empty_lanes(struct vdev_zerocopy_queue *q)
{
	for (uint32_t i = 0; i < LANES; i++)
		empty(q, &q->lanes[i]);
}

/* What the lane lacks for one block of this length. */
static uint64_t lacking(uint64_t credits, uint64_t length)
{
	return credit(credit_blocks(credits) ? 0 : 1, vdev__sat_sub(length, credit_bytes(credits)));
}

/* A small part of what is left, so that no queue keeps from the others what it does not use. */
static uint64_t batch(struct vdev_zerocopy *z, uint64_t left, uint64_t need)
{
	uint64_t parts = UINT64_C(2) * atomic_load_explicit(&z->n_queues, memory_order_relaxed);
	uint64_t blocks = least(credit_blocks(left) / parts, BATCH_BLOCKS);
	uint64_t bytes = least(credit_bytes(left) / parts, BATCH_BYTES);

	return credit(blocks > credit_blocks(need) ? blocks : credit_blocks(need),
		      bytes > credit_bytes(need) ? bytes : credit_bytes(need));
}

static int refill(struct vdev_zerocopy_queue *q, struct lane *lane, uint64_t length)
{
	struct vdev_zerocopy *z = q->vm;
	_Atomic uint64_t *pool = &z->destinations[lane->destination].free;
	uint64_t need = lacking(lane->credits, length), got, both;
	uint64_t left = atomic_load_explicit(pool, memory_order_relaxed);

	got = take(&z->free, need, batch(z, left, need));
	if (!got)
		return VDEV_ZEROCOPY_COPY_QUOTA;
	both = take(pool, need, got);
	if (both != got)
		atomic_fetch_add_explicit(&z->free, got - both, memory_order_release);
	lane->credits += both;
	return both ? VDEV_ZEROCOPY_LEND : VDEV_ZEROCOPY_COPY_DESTINATION;
}

int vdev__zerocopy_lease(struct vdev_zerocopy_queue *q, struct lane *lane, uint32_t destination,
			 uint64_t length)
{
	int answer = VDEV_ZEROCOPY_LEND;

	if (lane->destination != destination) {
		empty(q, lane);
		lane->destination = destination;
	}
	if (enough(lane->credits, length))
		return answer;
	answer = refill(q, lane, length);
	if (answer == VDEV_ZEROCOPY_COPY_QUOTA) {
		/* Perhaps this queue holds them itself, for others. */
		vdev__zerocopy_empty_lanes(q);
		answer = refill(q, lane, length);
	}
	return answer;
}

/* Opens or closes the VM's gate and the destination's (Z8). */
void vdev__zerocopy_quarantine(struct vdev_zerocopy *z, uint32_t destination, uint64_t address,
			       uint64_t length, int add)
{
	struct destination *d = &z->destinations[destination];
	struct span s = vdev__zerocopy_span(z, address, length);
	uint64_t bytes = add ? s.end - s.begin : s.begin - s.end;

	z->quarantined_blocks += add ? 1 : UINT64_MAX;
	z->quarantined_bytes += bytes;
	d->quarantined += bytes;
	atomic_store_explicit(&z->closed[destination],
			      d->quarantined >= z->config.destination_quarantine_bytes,
			      memory_order_relaxed);
	if (z->quarantined_bytes >= z->config.quarantine_bytes)
		atomic_fetch_or(&z->gate, GATE_QUARANTINE);
	else
		atomic_fetch_and(&z->gate, ~GATE_QUARANTINE);
}
