/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: reading images. An image may be hostile: each value is checked by itself, then the
 * state of each operation against its action set and its members, before the object is handed out.
 */
#include "image.h"
#include "internal.h"

struct loader {
	struct vdev_removal *r;
	struct vdev__reader in;
	int error; /* of an allocation or a limit; damage is in `in` */
};

static void get_set(struct loader *l)
{
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	uint32_t unit_class = vdev__get_u8(&l->in), level = vdev__get_u8(&l->in);
	uint32_t count = vdev__get_u8(&l->in);

	if (!count || count > VDEV_REMOVAL_MAX_STEPS) {
		vdev__reader_fail(&l->in);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		steps[i].kind = vdev__get_u32(&l->in);
		steps[i].undo = vdev__get_u32(&l->in);
		steps[i].deadline_ns = vdev__get_u64(&l->in);
	}
	if (l->in.error)
		return;
	l->error = vdev_removal_set_actions(l->r, unit_class, level, steps, count);
	if (l->error == -EINVAL)
		l->error = vdev__reader_fail(&l->in);
}

/* Fields that may have any value, and those that are checked in field_ok(). All are there: the count
 * of units was compared with what is left to read. */
static void get_fields(struct loader *l, struct unit *u, uint32_t *ret_parent, uint64_t *ret_timer)
{
	struct vdev__reader *in = &l->in;
	uint64_t now = l->r->now;
	uint8_t b[16];
	uint32_t registers, fault;

	u->name = vdev__get_u64(in);
	u->address = vdev__get_u64(in);
	u->action = vdev__get_u64(in);
	u->ack_ns = vdev__get_u64(in);
	u->ack_end = vdev__sat_add(vdev__get_u64(in), now);
	u->warn_at = vdev__sat_add(vdev__get_u64(in), now);
	*ret_timer = vdev__sat_add(vdev__get_u64(in), now);
	*ret_parent = vdev__get_u32(in);
	u->cursor = vdev__get_u32(in);
	u->note_cursor = vdev__get_u32(in);
	u->undo_limit = vdev__get_u32(in);
	u->flags = vdev__get_u32(in);
	u->notes = vdev__get_u32(in);
	fault = vdev__get_u32(in);
	u->fault = (uint16_t)(fault >> 16);
	u->fault_status = (int16_t)(uint16_t)fault;
	u->slot_cap = (uint16_t)vdev__get_u32(in);
	registers = vdev__get_u32(in);
	u->control = (uint16_t)(registers >> 16);
	u->status = (uint16_t)registers;
	vdev__get_bytes(in, b, sizeof(b));
	u->function = b[0];
	u->unit_class = b[1];
	u->transport = b[2];
	u->unasked = b[3];
	u->phase = b[4];
	u->step = b[5];
	u->set = b[6];
	u->policy = b[7];
	u->retries = b[8];
	u->outcome = b[9];
	u->guest_level = b[10];
	u->operator_level = b[11];
	u->note = b[12];
	u->warnings = b[13];
	u->marks = b[14];
	u->from_set = b[15];
	if (u->marks & M_LEFT) /* not a time */
		u->ack_end = vdev__sat_sub(u->ack_end, now);
}

static int field_ok(const struct unit *u, uint32_t index, const struct vdev_removal *r)
{
	return u->unit_class < VDEV_REMOVAL_CLASSES && u->transport <= VDEV_REMOVAL_PVDEV &&
	       u->unasked <= VDEV_REMOVAL_UNASKED_IGNORE && u->phase <= END &&
	       vdev__removal_valid_level(u->set) && u->policy <= VDEV_REMOVAL_ACK_FORCE &&
	       u->outcome <= VDEV_REMOVAL_CANCELLED && vdev__removal_valid_level(u->from_set) &&
	       vdev__removal_valid_level(u->guest_level) &&
	       vdev__removal_valid_level(u->operator_level) && !(u->flags & ~VDEV__REMOVAL_KEPT) &&
	       !(u->notes & ~VDEV__REMOVAL_NOTES) &&
	       (!u->action || ((u->action & (VDEV__TABLE_MAX - 1)) == index &&
			       u->action >> VDEV__TABLE_INDEX_BITS <= r->sequence));
}

/* Enters name and address; damaged when another unit has them. */
static int enter(struct loader *l, uint32_t index)
{
	const struct unit *u = unit_at(l->r, index);
	uint32_t other;
	int error = 0;

	if ((u->name && vdev__hash_get(&l->r->names, u->name, &other)) ||
	    (u->address != VDEV_NONE && vdev__hash_get(&l->r->addresses, u->address, &other)))
		return vdev__reader_fail(&l->in);
	if (u->name)
		error = vdev__hash_put(&l->r->names, u->name, index);
	if (!error && u->address != VDEV_NONE)
		error = vdev__hash_put(&l->r->addresses, u->address, index);
	return error;
}

static int place(struct loader *l, uint32_t index, uint32_t parent)
{
	struct unit *u = unit_at(l->r, index);
	const struct unit *p = in_use(l->r, parent) ? unit_at(l->r, parent) : NULL;

	if (!p || parent == index || (parent != ROOT && p->depth + 1u >= VDEV_REMOVAL_MAX_DEPTH) ||
	    ((u->flags & U_QUEUED) && p->unit_class != VDEV_REMOVAL_PCI_SLOT))
		return vdev__reader_fail(&l->in);
	u->depth = (uint8_t)(parent == ROOT ? 0 : p->depth + 1);
	vdev__removal_link(l->r, index, parent);
	return 0;
}

static void get_unit(struct loader *l)
{
	struct vdev_removal *r = l->r;
	uint64_t handle = vdev__get_u64(&l->in), timer;
	uint32_t index = (uint32_t)handle & (VDEV__TABLE_MAX - 1), parent;

	if (index == ROOT) {
		vdev__reader_fail(&l->in);
		return;
	}
	l->error = vdev__table_restore(&r->units, handle);
	if (!l->error)
		l->error = vdev__deadlines_reserve(&r->deadlines, index + 1);
	if (l->error)
		return;
	vdev__removal_blank(unit_at(r, index));
	r->stats.units++;
	get_fields(l, unit_at(r, index), &parent, &timer);
	if (!field_ok(unit_at(r, index), index, r)) {
		vdev__reader_fail(&l->in);
		return;
	}
	l->error = enter(l, index);
	if (!l->error)
		l->error = place(l, index, parent);
	if (l->error)
		return;
	vdev__removal_publish(r, index);
	vdev__deadlines_arm(&r->deadlines, index, timer);
}

static int member_of(const struct vdev_removal *r, uint32_t target, uint32_t member)
{
	uint32_t at = member;

	if (member == target)
		return unit_at(r, target)->unit_class != VDEV_REMOVAL_PCI_SLOT;
	while (at != NOBODY && at != ROOT && in_use(r, at)) {
		const struct unit *u = unit_at(r, at);

		if (u->parent == target)
			return !(u->flags & U_QUEUED);
		at = u->parent;
	}
	return 0;
}

static int stepping_ok(const struct vdev_removal *r, const struct unit *u, uint32_t index)
{
	uint32_t count, hide = vdev__removal_hide_step(r, u);
	const struct vdev_removal_step *s = vdev__removal_steps(r, u->unit_class, u->set, &count);
	uint32_t kind = u->step < count ? s[u->step].kind : VDEV_REMOVAL_OUTCOME;
	int member = member_of(r, index, u->cursor);
	int bell = kind == VDEV_REMOVAL_WARN || kind == VDEV_REMOVAL_AWAIT_ACK;

	switch (u->phase) {
	case NOT_READY:
	case GAP:
	case WARN:
		return kind == VDEV_REMOVAL_WARN;
	case AWAIT:
		return kind == VDEV_REMOVAL_AWAIT_ACK;
	case PRE:
		return u->step < hide && !bell && member;
	case UNDO:
		return u->step < hide && s[u->step].undo != VDEV_REMOVAL_NO_UNDO &&
		       (kind == VDEV_REMOVAL_WARN ? u->cursor == index : member);
	case HIDE:
		return u->step == hide && member;
	case TEAR:
		/* Those before it are gone. */
		return u->step > hide && u->step <= count &&
		       u->cursor == vdev__removal_first(r, index);
	case END:
		return u->outcome && (member || u->cursor == index);
	default:
		return 1; /* IDLE, HELD, BELOW: no step */
	}
}

/* A note may outlive its operation while it is outstanding; otherwise it belongs to one. */
static int note_ok(const struct vdev_removal *r, const struct unit *u, uint32_t index)
{
	int known = u->note < 32 && (u->notes >> u->note & 1u), outcome = u->note < 16;
	int out = (u->flags & (A_AGAIN | A_NOTE)) == (A_AGAIN | A_NOTE);
	uint32_t cursor = u->note_cursor;

	if (cursor != NOBODY &&
	    (!outcome || (!known && !out) || (cursor != index && !member_of(r, index, cursor))))
		return 0;
	if (u->phase == IDLE && (u->notes & ~N_OWN))
		return 0;
	return !out || (u->action && (outcome ? cursor != NOBODY : known));
}

/* What is outstanding or late fits the phase. */
static int action_ok(const struct vdev_removal *r, const struct unit *u)
{
	int step = (u->flags & (A_AGAIN | A_NOTE)) == A_AGAIN;

	if ((u->phase == IDLE && (u->flags & O_ALL)) ||
	    ((u->marks & M_GIVE_UP) && !(u->flags & A_OVERDUE)))
		return 0;
	if (step && (!u->action || (u->phase != WARN && u->phase < PRE)))
		return 0;
	return !(u->flags & A_OVERDUE) ||
	       (step && u->phase != END && vdev__removal_step_kind(r, u) != VDEV_REMOVAL_OUTCOME);
}

/* One that is being ended may have waited for others below it; they go on. */
static int acts(const struct unit *u)
{
	return u->phase > BELOW && u->phase != UNDO && u->phase != END;
}

/* Only one operation acts in a subtree, and one that waits for a migration needs one. */
static int alone(const struct vdev_removal *r, const struct unit *u, uint32_t index)
{
	uint32_t below = index;

	if (u->phase == HELD && !r->held)
		return 0;
	if (u->phase == IDLE && !(u->notes & N_OWN) && !(u->flags & A_AGAIN))
		return 1;
	for (uint32_t at = u->parent; at != ROOT; below = at, at = unit_at(r, at)->parent) {
		const struct unit *above = unit_at(r, at);

		if (acts(above) && !(unit_at(r, below)->flags & U_QUEUED) &&
		    (u->phase != IDLE || above->phase == HIDE || above->phase == TEAR))
			return 0;
	}
	return 1;
}

static void check_operations(struct loader *l)
{
	struct vdev_removal *r = l->r;

	for (uint32_t i = next_unit(r, ROOT); i != NOBODY; i = next_unit(r, i)) {
		const struct unit *u = unit_at(r, i);

		if (!stepping_ok(r, u, i) || !note_ok(r, u, i) || !action_ok(r, u) ||
		    !alone(r, u, i)) {
			vdev__reader_fail(&l->in);
			return;
		}
		r->stats.operations += u->phase != IDLE;
	}
}

static void get_generations(struct loader *l)
{
	uint32_t n = vdev__get_count(&l->in, 8);

	for (uint32_t i = 0; i < n && !l->error; i++) {
		uint64_t generation = vdev__get_u64(&l->in);

		if (!in_use(l->r, i))
			l->error = vdev__table_set_generation(&l->r->units, i, generation);
	}
}

static void get_root(struct loader *l)
{
	struct unit *u = unit_at(l->r, ROOT);
	int known;

	u->flags |= vdev__get_u32(&l->in);
	u->notes = vdev__get_u32(&l->in);
	u->action = vdev__get_u64(&l->in);
	u->note = vdev__get_u8(&l->in);
	u->marks = vdev__get_u8(&l->in);
	known = u->note >= 16 && u->note < 20;
	if ((u->flags & ~(U_READY | A_AGAIN | A_NOTE)) || (u->notes & ~(N_UNHOLD | N_REDECLARE)) ||
	    (u->marks & ~M_STALE) || (u->action & (VDEV__TABLE_MAX - 1)) ||
	    u->action >> VDEV__TABLE_INDEX_BITS > l->r->sequence ||
	    ((u->flags & A_AGAIN) && (!(u->flags & A_NOTE) || !known || !u->action)))
		vdev__reader_fail(&l->in);
}

static void get_all(struct loader *l)
{
	struct vdev_removal *r = l->r;
	uint32_t n;

	r->paused = vdev__get_u8(&l->in);
	r->in_reset = vdev__get_u8(&l->in);
	r->held = vdev__get_u8(&l->in);
	r->sequence = vdev__get_u64(&l->in);
	if (r->paused > 1 || r->in_reset > 1 || r->held > 1 ||
	    r->sequence >= UINT64_MAX >> (VDEV__TABLE_INDEX_BITS + 1))
		vdev__reader_fail(&l->in);
	get_root(l);
	n = vdev__get_count(&l->in, 3 + 16);
	for (; n && !l->error && !l->in.error; n--)
		get_set(l);
	n = vdev__get_count(&l->in, VDEV__REMOVAL_UNIT_BYTES);
	for (; n && !l->error && !l->in.error; n--)
		get_unit(l);
	if (!l->error && !l->in.error)
		get_generations(l);
	if (!l->error)
		l->error = vdev__reader_finish(&l->in);
	if (!l->error)
		check_operations(l);
	if (!l->error)
		l->error = l->in.error;
}

int vdev_removal_load(const struct vdev_env *env, const struct vdev_removal_config *config,
		      uint64_t now_ns, const void *image, size_t size,
		      struct vdev_removal **ret_obj)
{
	struct loader l = {0};
	int error;

	if (!ret_obj || !image)
		return -EINVAL;
	error = vdev_removal_new(&l.r, env, config);
	if (error)
		return error;
	error = vdev__reader_init(&l.in, image, size, VDEV_PART_REMOVAL,
				  VDEV__REMOVAL_IMAGE_VERSION);
	if (!error) {
		l.r->now = l.r->pause_start = now_ns;
		get_all(&l);
		error = l.error;
	}
	if (error) {
		vdev_removal_free(l.r);
		return error;
	}
	vdev__removal_settle_ready(l.r, ROOT);
	for (uint32_t i = next_unit(l.r, ROOT); i != NOBODY; i = next_unit(l.r, i))
		vdev__removal_settle_ready(l.r, i);
	for (uint32_t i = next_unit(l.r, ROOT); i != NOBODY; i = next_unit(l.r, i))
		if (unit_at(l.r, i)->phase == BELOW)
			vdev__removal_woken(l.r, i); /* what it waited for may not have been kept */
	*ret_obj = l.r;
	return 0;
}
