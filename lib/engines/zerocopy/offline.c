/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: one reclaim, granule by granule (Z4, Z5, Z7, Z10).
 *
 * The granules of the block are looked at from first to last. One that was replaced after the message
 * was sent is not its own any more and is skipped; a run of others becomes one OFFLINE, and they are
 * busy meanwhile: who else needs one of them waits. When none is left the old pages are in quarantine.
 * As long as no page was replaced a completion still wins.
 */
#include "internal.h"

#define RESCAN 256u /* waiting ones that are looked at in one go */

static struct slot *slot_of(const struct vdev_zerocopy *z, const struct op *op)
{
	return &op_queue(z, op)->slots[op->slot];
}

static struct detail *detail_of(const struct vdev_zerocopy *z, const struct op *op)
{
	return &op_queue(z, op)->details[op->slot];
}

/* The new low bits of its word. */
uint32_t vdev__zerocopy_move_op(struct vdev_zerocopy *z, const struct op *op,
				enum message_event event, uint32_t with)
{
	uint64_t word = atomic_load(&slot_of(z, op)->word);
	struct moved moved;

	vdev__zerocopy_move(op_queue(z, op), op->slot, word >> W_BITS, event, with, &moved);
	return word_bits(moved.word);
}

static uint64_t length_of(const struct vdev_zerocopy *z, const struct op *op)
{
	return size_length(atomic_load(&slot_of(z, op)->size));
}

struct span vdev__zerocopy_span(const struct vdev_zerocopy *z, uint64_t address, uint64_t length)
{
	struct span s = {address, address, 1};

	for (uint32_t i = 0; i < z->n_regions; i++) {
		const struct region *r = &z->regions[i];

		if (address < r->address || address - r->address >= r->size)
			continue;
		s.granule = r->granule;
		s.begin = address & ~(r->granule - 1);
		s.end = (address + length + r->granule - 1) & ~(r->granule - 1);
	}
	return s;
}

/* Busy, or the epoch in which the granule was replaced last. */
static uint64_t replaced(const struct vdev_zerocopy *z, uint64_t address)
{
	uint64_t epoch = vdev__pagemap_get(&z->map, address);

	return epoch > z->whole_epoch ? epoch : z->whole_epoch;
}

/* A granule that holds other data, too, is never zeroed (Z5). */
bool vdev__zerocopy_zeroed(const struct vdev_zerocopy *z, const struct op *op, uint64_t address)
{
	uint64_t block = detail_of(z, op)->address;
	uint64_t granule = vdev__zerocopy_span(z, address, 1).granule;

	return op->flags & OP_ZERO && address >= block &&
	       address + granule - block <= length_of(z, op);
}

/* The lowest epoch in which a message that is still lent was sent: what was replaced before has no
 * say any more. Slots may move on meanwhile, to later epochs only. */
static uint64_t oldest_epoch(const struct vdev_zerocopy *z)
{
	uint64_t oldest = atomic_load(&z->epoch);

	for (uint32_t i = 0; i < z->n_queues; i++) {
		const struct vdev_zerocopy_queue *q = z->queues[i];

		for (uint32_t s = 0; s <= q->mask; s++) {
			uint32_t state = word_state(atomic_load(&q->slots[s].word));
			uint64_t epoch = atomic_load(&q->details[s].epoch);

			if (state >= VDEV_ZEROCOPY_SENT && state <= VDEV_ZEROCOPY_OFFLINING &&
			    epoch < oldest)
				oldest = epoch;
		}
	}
	return oldest;
}

static int make_room(struct vdev_zerocopy *z, uint64_t granules)
{
	if (!vdev__pagemap_full(&z->map, granules))
		return 0;
	/* The more slots have to be looked at for it, the less often it may be. */
	return vdev__pagemap_rebuild(&z->map, granules + z->slots / FANOUT, oldest_epoch(z));
}

static void mark(struct vdev_zerocopy *z, const struct op *op, uint64_t set, uint64_t keep)
{
	struct span s = vdev__zerocopy_span(z, op->begin, 1);

	for (uint64_t a = op->begin; a < op->end; a += s.granule)
		vdev__pagemap_set(&z->map, a, (vdev__pagemap_get(&z->map, a) & keep) | set);
}

void vdev__zerocopy_busy(struct vdev_zerocopy *z, const struct op *op)
{
	z->offlining++;
	mark(z, op, PAGE_BUSY, ~PAGE_BUSY);
}

static void unmark(struct vdev_zerocopy *z, struct op *op)
{
	z->offlining--;
	if (op->slot != NOBODY)
		mark(z, op, 0, ~PAGE_BUSY);
}

static void wait_for(struct vdev_zerocopy *z, uint32_t index)
{
	vdev__zerocopy_phase(z, index, OP_WAIT);
	vdev__zerocopy_list_add(z, index, OP_WAITING);
}

/* The old pages are out of the guest's reach. */
static void offlined(struct vdev_zerocopy *z, uint32_t index)
{
	struct op *op = op_at(z, index);
	uint64_t size = atomic_load(&slot_of(z, op)->size);
	bool receive = (size_flags(size) & VDEV_ZEROCOPY_RECEIVE) != 0;

	/* Complete before this swap: seen here. After it: pushed. Never both, and never neither. */
	if (vdev__zerocopy_satisfied(vdev__zerocopy_move_op(z, op, MSG_OFFLINED, 0),
				     z->config.until))
		op->flags |= OP_COMPLETE;
	vdev__zerocopy_give_back(z, size_destination(size), credit(1, size_length(size)));
	vdev__zerocopy_quarantine(z, size_destination(size), detail_of(z, op)->address,
				  size_length(size), 1);
	op->outcome = receive ? VDEV_ZEROCOPY_FAILED : VDEV_ZEROCOPY_RECLAIMED;
	z->stats.reclaimed++;
	vdev__zerocopy_phase(z, index, OP_TELL);
}

static void in_time(struct vdev_zerocopy *z, uint32_t index)
{
	op_at(z, index)->outcome = VDEV_ZEROCOPY_COMPLETED;
	z->stats.in_time++;
	vdev__zerocopy_phase(z, index, OP_TELL);
}

/* Complete before all of it was replaced: nothing more has to be. True when that was so. */
static bool finished(struct vdev_zerocopy *z, uint32_t index)
{
	if (!vdev__zerocopy_op_satisfied(z, op_at(z, index)))
		return false;
	if (op_at(z, index)->flags & OP_REPLACED || vdev__zerocopy_is_void(z, op_at(z, index)))
		offlined(z, index);
	else
		in_time(z, index);
	return true;
}

/* From op->end on: the first granule that has to be replaced. False: there is none, or it is busy. */
static bool find_first(struct vdev_zerocopy *z, uint32_t index, const struct span *s)
{
	struct op *op = op_at(z, index);
	uint64_t epoch = atomic_load(&detail_of(z, op)->epoch), when;

	for (; op->end < s->end; op->end += s->granule) {
		when = replaced(z, op->end);
		if (when & PAGE_BUSY) {
			wait_for(z, index);
			return false;
		}
		if (when <= epoch)
			return true;
		op->flags |= OP_REPLACED;
		z->stats.granules_skipped++;
	}
	offlined(z, index);
	return false;
}

/* Where the run ends that begins at op->begin. */
static uint64_t run_end(const struct vdev_zerocopy *z, const struct op *op, const struct span *s)
{
	uint64_t a = op->begin, epoch = atomic_load(&detail_of(z, op)->epoch);
	bool zero = vdev__zerocopy_zeroed(z, op, a);

	for (a += s->granule; a < s->end; a += s->granule)
		if (vdev__zerocopy_zeroed(z, op, a) != zero || replaced(z, a) > epoch) /* or busy */
			break;
	return a;
}

static void scan_whole(struct vdev_zerocopy *z, uint32_t index)
{
	if (z->offlining) {
		wait_for(z, index);
		return;
	}
	z->offlining = 1;
	vdev__zerocopy_phase(z, index, OP_OFFLINE);
}

/* The next OFFLINE of an operation, or what comes instead. */
void vdev__zerocopy_scan(struct vdev_zerocopy *z, uint32_t index)
{
	struct op *op = op_at(z, index);
	struct span s;

	if (op->slot == NOBODY) {
		scan_whole(z, index);
		return;
	}
	/* Whether what was received is void is known when the whole VM's memory is or is not replaced. */
	if ((z->whole == NOBODY || !vdev__zerocopy_receives(z, op)) && finished(z, index))
		return;
	if (z->whole != NOBODY) {
		wait_for(z, index);
		return;
	}
	s = vdev__zerocopy_span(z, detail_of(z, op)->address, length_of(z, op));
	if (!find_first(z, index, &s))
		return;
	op->begin = op->end;
	op->zero = vdev__zerocopy_zeroed(z, op, op->begin);
	op->end = run_end(z, op, &s);
	if (make_room(z, (op->end - op->begin) / s.granule)) {
		op->end = op->begin;
		vdev__zerocopy_phase(z, index, OP_WAIT);
		vdev__zerocopy_later(z, index);
		return;
	}
	vdev__zerocopy_busy(z, op);
	vdev__zerocopy_phase(z, index, OP_OFFLINE);
}

void vdev__zerocopy_begin(struct vdev_zerocopy *z, uint32_t index)
{
	struct op *op = op_at(z, index);

	z->unsettled++;
	op->until = VDEV_NONE;
	if (op->slot == NOBODY) {
		z->whole = index;
		atomic_fetch_or(&z->gate, GATE_WHOLE);
		op->begin = 0;
		op->end = VDEV_NONE;
	} else {
		vdev__zerocopy_move_op(z, op, MSG_TAKE, 0);
		detail_of(z, op)->op = index;
		op->begin = op->end = vdev__zerocopy_span(z, detail_of(z, op)->address, 1).begin;
	}
	vdev__zerocopy_scan(z, index);
}

/* What is complete before the whole VM's memory is replaced is in time (Z7), and is told later. */
static void mark_early(struct vdev_zerocopy *z)
{
	for (uint32_t i = z->waiting.head; i != NOBODY; i = op_at(z, i)->next)
		if (vdev__zerocopy_op_satisfied(z, op_at(z, i)) &&
		    !vdev__zerocopy_is_void(z, op_at(z, i)))
			op_at(z, i)->flags |= OP_EARLY;
}

bool vdev__zerocopy_offline_wanted(struct vdev_zerocopy *z, uint32_t index)
{
	struct op *op = op_at(z, index);

	if (op->slot != NOBODY && vdev__zerocopy_op_satisfied(z, op)) {
		unmark(z, op);
		finished(z, index);
		z->rescan = z->waiting.count;
		return false;
	}
	if (op->slot == NOBODY) {
		op->zero = (op->flags & OP_ZERO) != 0;
		mark_early(z);
	}
	/* Before the pages are replaced, so that who is sent from now on is told apart (Z10). */
	op->epoch = atomic_fetch_add(&z->epoch, 1) + 1;
	if (op->until == VDEV_NONE)
		op->until = vdev__sat_add(z->now, z->config.offline_ns);
	return true;
}

static uint64_t whole_granules(const struct vdev_zerocopy *z)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < z->n_regions; i++)
		n += z->regions[i].size / z->regions[i].granule;
	return n;
}

static void end_whole(struct vdev_zerocopy *z)
{
	z->whole = NOBODY;
	atomic_fetch_and(&z->gate, ~GATE_WHOLE);
}

static void offline_ok(struct vdev_zerocopy *z, uint32_t index)
{
	struct op *op = op_at(z, index);

	op->until = VDEV_NONE;
	if (op->slot == NOBODY) {
		z->whole_epoch = op->epoch;
		z->stats.granules += whole_granules(z);
		if (op->flags & OP_ZERO && !op->zero) { /* a reset joined after it was given out */
			vdev__zerocopy_scan(z, index);
			return;
		}
		end_whole(z);
		z->unsettled--;
		vdev__zerocopy_phase(z, index, OP_OVER);
		return;
	}
	mark(z, op, op->epoch, 0);
	z->stats.granules += (op->end - op->begin) / vdev__zerocopy_span(z, op->begin, 1).granule;
	op->flags |= OP_REPLACED;
	vdev__zerocopy_scan(z, index);
}

void vdev__zerocopy_offline_done(struct vdev_zerocopy *z, uint32_t index, int status)
{
	struct op *op = op_at(z, index);

	unmark(z, op);
	z->rescan = z->waiting.count;
	vdev__zerocopy_touched(z, op, status);
	if (!status) {
		offline_ok(z, index);
	} else if (status == -EAGAIN && z->now < op->until) {
		if (op->slot != NOBODY)
			op->end = op->begin;
		vdev__zerocopy_phase(z, index, OP_WAIT);
		vdev__zerocopy_later(z, index);
	} else {
		op->status = status == -EAGAIN ? -ETIMEDOUT : status;
		if (op->slot == NOBODY)
			end_whole(z); /* each block by itself, then */
		z->stats.reclaim_refused++;
		vdev__zerocopy_phase(z, index, OP_REFUSED);
	}
	vdev__zerocopy_rescan(z);
}

void vdev__zerocopy_rescan(struct vdev_zerocopy *z)
{
	uint32_t n = z->rescan < RESCAN ? z->rescan : RESCAN;

	z->rescan -= n;
	while (n--) {
		uint32_t index =
			z->waiting.head; /* never NOBODY: who leaves the list leaves it here */

		vdev__zerocopy_list_del(z, index);
		vdev__zerocopy_scan(z, index);
	}
}
