/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: writing images, version 1 (load.c reads them). Durations that remain, never times; no user_data.
 *
 *   payload  = u8 paused, in_reset, held; u64 sequence; root;
 *              u32 n, n * set; u32 n, n * unit; u32 n, n * u64 generation of a free index
 *   root     = u32 flags, notes; u64 action; u8 note, marks
 *   set      = u8 class, level, count; count * (u32 kind, undo; u64 deadline)
 *   unit     = see put_unit(); parents before children, siblings last to first, so that adding them
 *              in this order gives the same order again
 *
 * A stuck action ended with the process that performed it, so it is not carried over.
 */
#include "image.h"
#include "internal.h"

static uint64_t left(uint64_t at, uint64_t now)
{
	return at == VDEV_NONE ? VDEV_NONE : vdev__sat_sub(at, now);
}

struct saver {
	const struct vdev_removal *r;
	struct vdev__writer w;
	uint64_t now; /* the caller's clock */
	uint64_t guest_now;
};

static void put_unit(struct saver *s, uint32_t index)
{
	const struct vdev_removal *r = s->r;
	const struct unit *u = unit_at(r, index);
	struct vdev__writer *w = &s->w;
	uint32_t flags = u->flags & VDEV__REMOVAL_KEPT;
	uint64_t timer = left(vdev__deadlines_get(&r->deadlines, index), s->now);

	if (u->flags & A_OUT)
		flags |= A_AGAIN;
	if ((flags & A_NOTE) && u->note < 16 && u->note_cursor == NOBODY)
		flags &= ~(A_AGAIN | A_NOTE); /* of a unit that is gone */
	vdev__put_u64(w, vdev__table_handle(&r->units, index));
	vdev__put_u64(w, u->name);
	vdev__put_u64(w, u->address);
	vdev__put_u64(w, u->action);
	vdev__put_u64(w, u->ack_ns);
	vdev__put_u64(w, u->marks & M_LEFT ? u->ack_end : left(u->ack_end, s->guest_now));
	vdev__put_u64(w, left(u->warn_at, s->guest_now));
	vdev__put_u64(w, timer);
	vdev__put_u32(w, u->parent);
	vdev__put_u32(w, u->cursor);
	vdev__put_u32(w, u->note_cursor);
	vdev__put_u32(w, u->undo_limit);
	vdev__put_u32(w, flags);
	vdev__put_u32(w, u->notes);
	vdev__put_u32(w, (uint32_t)u->fault << 16 | (uint16_t)u->fault_status);
	vdev__put_u32(w, u->slot_cap);
	vdev__put_u32(w, (uint32_t)u->control << 16 | u->status);
	const uint8_t bytes[] = {u->function, u->unit_class, u->transport,   u->unasked,
				 u->phase,    u->step,       u->set,         u->policy,
				 u->retries,  u->outcome,    u->guest_level, u->operator_level,
				 u->note};
	vdev__put_bytes(w, bytes, sizeof(bytes));
	vdev__put_u8(w, (uint8_t)(u->warnings > 255 ? 255 : u->warnings));
	vdev__put_u8(w, u->marks);
	vdev__put_u8(w, u->from_set);
}

/* Depth is bounded by VDEV_REMOVAL_MAX_DEPTH. NOLINTNEXTLINE(misc-no-recursion) */
static void put_below(struct saver *s, uint32_t parent)
{
	const struct vdev_removal *r = s->r;
	uint32_t last = NOBODY;

	for (uint32_t i = unit_at(r, parent)->child; i != NOBODY; i = unit_at(r, i)->next)
		last = i;
	for (uint32_t i = last; i != NOBODY; i = unit_at(r, i)->prev) {
		put_unit(s, i);
		put_below(s, i);
	}
}

static void put_sets(const struct vdev_removal *r, struct vdev__writer *w)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < VDEV_REMOVAL_CLASSES * LEVEL_SLOTS; i++)
		n += r->sets[i / LEVEL_SLOTS][i % LEVEL_SLOTS] != NULL;
	vdev__put_u32(w, n);
	for (uint32_t i = 0; i < VDEV_REMOVAL_CLASSES * LEVEL_SLOTS; i++) {
		const struct action_set *set = r->sets[i / LEVEL_SLOTS][i % LEVEL_SLOTS];
		uint32_t slot = i % LEVEL_SLOTS;

		if (!set)
			continue;
		vdev__put_u8(w, (uint8_t)(i / LEVEL_SLOTS));
		vdev__put_u8(w, (uint8_t)(slot < 4 ? slot : slot - 4 + VDEV_REMOVAL_OWN_FIRST));
		vdev__put_u8(w, (uint8_t)set->count);
		for (uint32_t k = 0; k < set->count; k++) {
			vdev__put_u32(w, set->steps[k].kind);
			vdev__put_u32(w, set->steps[k].undo);
			vdev__put_u64(w, set->steps[k].deadline_ns);
		}
	}
}

/* Free indices keep their generation, so that a handle is never given out twice. */
static void put_generations(const struct vdev_removal *r, struct vdev__writer *w)
{
	vdev__put_u32(w, r->units.high);
	for (uint32_t i = 0; i < r->units.high; i++)
		vdev__put_u64(w, in_use(r, i) ? 0 : vdev__table_generation(&r->units, i));
}

static void put_root(struct vdev__writer *w, const struct unit *u)
{
	uint32_t flags = u->flags & (U_READY | A_AGAIN | A_NOTE);

	vdev__put_u32(w, u->flags & A_OUT ? flags | A_AGAIN : flags);
	vdev__put_u32(w, u->notes & (N_UNHOLD | N_REDECLARE));
	vdev__put_u64(w, u->action);
	vdev__put_u8(w, u->note);
	vdev__put_u8(w, u->marks);
}

static void start_saver(struct saver *s, const struct vdev_removal *r, uint64_t now_ns)
{
	s->r = r;
	s->now = now_ns > r->now ? now_ns : r->now;
	s->guest_now = (r->paused ? r->pause_start : s->now) - r->paused_ns;
}

int vdev_removal_save(const struct vdev_removal *r, uint64_t now_ns, void *buf, size_t size,
		      size_t *ret_size)
{
	struct saver s;

	if (!r || !ret_size || (!buf && size))
		return -EINVAL;
	start_saver(&s, r, now_ns);
	vdev__writer_init(&s.w, buf, size, VDEV_PART_REMOVAL, VDEV__REMOVAL_IMAGE_VERSION);
	vdev__put_u8(&s.w, r->paused);
	vdev__put_u8(&s.w, r->in_reset);
	vdev__put_u8(&s.w, r->held);
	vdev__put_u64(&s.w, r->sequence);
	put_root(&s.w, unit_at(r, ROOT));
	put_sets(r, &s.w);
	vdev__put_u32(&s.w, (uint32_t)r->stats.units);
	put_below(&s, ROOT);
	put_generations(r, &s.w);
	return vdev__writer_finish(&s.w, ret_size);
}
