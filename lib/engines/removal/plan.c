/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: which path a request takes (R3, R4, R14), and the same as a dry run (R13).
 */
#include "internal.h"

/* Steps that would wait for a backend that is no more (R14). */
int vdev__removal_left_out(const struct unit *member, uint32_t kind)
{
	return (member->flags & U_GONE_BACKEND) &&
	       (kind == VDEV_REMOVAL_QUIESCE || kind == VDEV_REMOVAL_DRAIN);
}

/* A unit that the guest cannot miss: never enabled since reset, hidden already, or not yet shown. */
static int untouched(const struct unit *u)
{
	return (u->flags & (U_TRACK | U_TOUCHED)) == U_TRACK || (u->flags & (U_HIDDEN | U_QUEUED));
}

static int all_untouched(const struct vdev_removal *r, uint32_t target, int *ret_hidden)
{
	*ret_hidden = 1;
	for (uint32_t m = vdev__removal_first(r, target); m != NOBODY;
	     m = vdev__removal_after(r, target, m)) {
		const struct unit *u = unit_at(r, m);

		if (u->unit_class == VDEV_REMOVAL_PCI_SLOT)
			continue;
		if (!untouched(u))
			return 0;
		*ret_hidden = *ret_hidden && (u->flags & U_HIDDEN);
	}
	return 1;
}

void vdev__removal_choose(const struct vdev_removal *r, uint32_t unit, uint32_t flags,
			  struct choice *c)
{
	const struct unit *target;
	int hidden;

	c->target = vdev__removal_target(r, unit);
	target = unit_at(r, c->target);
	c->set = vdev__removal_lowest(r, c->target, unit, &c->because);
	if (c->set >= VDEV_REMOVAL_OWN_FIRST &&
	    !r->sets[target->unit_class][vdev__removal_level_slot(c->set)])
		c->set = VDEV_REMOVAL_UNSAFE;
	c->skip = 1;
	if (flags & VDEV_REMOVAL_FORCE)
		c->because = VDEV_REMOVAL_BECAUSE_FORCED;
	else if (r->in_reset)
		c->because = VDEV_REMOVAL_BECAUSE_RESET;
	else if (vdev__removal_is_off(target))
		c->because = VDEV_REMOVAL_BECAUSE_POWERED_OFF;
	else if (all_untouched(r, c->target, &hidden))
		c->because =
			hidden ? VDEV_REMOVAL_BECAUSE_POWERED_OFF : VDEV_REMOVAL_BECAUSE_UNTOUCHED;
	else
		c->skip = 0;
}

struct planner {
	const struct vdev_removal *r;
	const struct vdev_removal_request *request;
	struct choice choice;
	uint8_t *out;
	size_t size;
	uint32_t room;
	uint32_t count;
	uint32_t set_class;
};

static uint64_t planned_ns(const struct planner *p, const struct vdev_removal_step *s)
{
	const struct vdev_removal *r = p->r;

	if (s->kind != VDEV_REMOVAL_AWAIT_ACK)
		return s->deadline_ns;
	if (p->request->ack_ns)
		return p->request->ack_ns;
	if (r->config.ack_ns && !r->sets[p->set_class][vdev__removal_level_slot(p->choice.set)])
		return r->config.ack_ns;
	return s->deadline_ns;
}

static void put(struct planner *p, uint32_t member, const struct vdev_removal_step *s)
{
	const struct unit *u = unit_at(p->r, member);
	struct vdev_removal_planned step = {
		.dev = handle_of(p->r, member),
		.user_data = u->user_data,
		.deadline_ns = planned_ns(p, s),
		.kind = s->kind,
		.undo = s->undo,
		.because = p->choice.because,
	};

	if (s->kind == VDEV_REMOVAL_HIDE &&
	    vdev__removal_after(p->r, p->choice.target, member) == NOBODY)
		step.flags |= VDEV_REMOVAL_LAST;
	if (u->flags & U_GONE_BACKEND)
		step.flags |= VDEV_REMOVAL_BACKEND_GONE;
	if (p->request->flags & VDEV_REMOVAL_FORCE)
		step.flags |= VDEV_REMOVAL_FORCED;
	if (p->count < p->room)
		vdev__copy_out(p->out + p->count * p->size, p->size, &step, sizeof(step));
	p->count++;
}

static void put_members(struct planner *p, const struct vdev_removal_step *s)
{
	for (uint32_t m = vdev__removal_first(p->r, p->choice.target); m != NOBODY;
	     m = vdev__removal_after(p->r, p->choice.target, m))
		if (!vdev__removal_left_out(unit_at(p->r, m), s->kind))
			put(p, m, s);
}

static void put_before(struct planner *p, const struct vdev_removal_step *s)
{
	if (s->kind != VDEV_REMOVAL_WARN && s->kind != VDEV_REMOVAL_AWAIT_ACK)
		put_members(p, s);
	else if (s->kind == VDEV_REMOVAL_AWAIT_ACK ||
		 unit_at(p->r, p->choice.target)->transport != VDEV_REMOVAL_NO_TRANSPORT)
		put(p, p->choice.target, s);
}

static void put_all(struct planner *p, const struct vdev_removal_step *s, uint32_t count)
{
	uint32_t i = 0;

	for (; s[i].kind != VDEV_REMOVAL_HIDE; i++)
		if (!p->choice.skip)
			put_before(p, &s[i]);
	put_members(p, &s[i++]);
	for (uint32_t m = vdev__removal_first(p->r, p->choice.target); m != NOBODY;
	     m = vdev__removal_after(p->r, p->choice.target, m))
		for (uint32_t j = i; j < count; j++)
			if (!vdev__removal_left_out(unit_at(p->r, m), s[j].kind))
				put(p, m, &s[j]);
}

int vdev_removal_plan(const struct vdev_removal *r, uint64_t unit,
		      const struct vdev_removal_request *request,
		      struct vdev_removal_planned *ret_steps, size_t size, uint32_t count)
{
	struct vdev_removal_request defaults = {.struct_size = sizeof(defaults)};
	const struct vdev_removal_step *steps;
	struct planner p = {.r = r, .out = (uint8_t *)ret_steps, .size = size, .room = count};
	uint32_t index, steps_count;
	int error;

	if (!r || (count && (!ret_steps || !size)))
		return -EINVAL;
	error = vdev__removal_lookup(r, unit, &index);
	if (!error)
		error = vdev__removal_check_request(request, &defaults);
	if (error)
		return error;
	if (vdev__removal_covering(r, index) != NOBODY)
		return -EBUSY;
	p.request = &defaults;
	vdev__removal_choose(r, index, defaults.flags, &p.choice);
	p.set_class = unit_at(r, p.choice.target)->unit_class;
	steps = vdev__removal_steps(r, p.set_class, p.choice.set, &steps_count);
	put_all(&p, steps, steps_count);
	return p.count > INT_MAX ? INT_MAX : (int)p.count;
}
