/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: action sets (R3, R5, R8). A set is data: the presets below, or the VMM's own.
 */
#include <string.h>

#include "internal.h"

#define SEC UINT64_C(1000000000)
#define STEP(kind, undo, seconds)                                       \
	{                                                               \
		VDEV_REMOVAL_##kind, VDEV_REMOVAL_##undo, (seconds)*SEC \
	}

/*
 * One table for both presets, each in three cuts: UNSAFE is the whole, SAFE_IDLE and SAFE begin later.
 * The deadline of AWAIT_ACK comes from the configuration.
 */
static const struct vdev_removal_step full_unsafe[] = {
	STEP(WARN, UNWARN, 1),           STEP(AWAIT_ACK, NO_UNDO, 60), STEP(HIDE, NO_UNDO, 1),
	STEP(DRAIN, NO_UNDO, 10),        STEP(IRQ_OFF, NO_UNDO, 1),    STEP(RESET, NO_UNDO, 10),
	STEP(DETACH_EVENTS, NO_UNDO, 5), STEP(UNMAP_BARS, NO_UNDO, 5), STEP(LEAVE_DMA, NO_UNDO, 10),
	STEP(RELEASE, NO_UNDO, 10),
};

static const struct vdev_removal_step full_idle[] = {
	STEP(QUIESCE, RESUME, 5),     STEP(HIDE, NO_UNDO, 1),       STEP(DRAIN, NO_UNDO, 10),
	STEP(IRQ_OFF, NO_UNDO, 1),    STEP(RESET, NO_UNDO, 10),     STEP(DETACH_EVENTS, NO_UNDO, 5),
	STEP(UNMAP_BARS, NO_UNDO, 5), STEP(LEAVE_DMA, NO_UNDO, 10), STEP(RELEASE, NO_UNDO, 10),
};

static const struct vdev_removal_step coarse_unsafe[] = {
	STEP(WARN, UNWARN, 1),       STEP(AWAIT_ACK, NO_UNDO, 60), STEP(HIDE, NO_UNDO, 1),
	STEP(TEARDOWN, NO_UNDO, 30), STEP(RELEASE, NO_UNDO, 10),
};

static const struct vdev_removal_step coarse_idle[] = {
	STEP(QUIESCE, RESUME, 5),
	STEP(HIDE, NO_UNDO, 1),
	STEP(TEARDOWN, NO_UNDO, 30),
	STEP(RELEASE, NO_UNDO, 10),
};

#define PRESET(table, from)                                                           \
	do {                                                                          \
		*ret_count = (uint32_t)(sizeof(table) / sizeof((table)[0])) - (from); \
		return (table) + (from);                                              \
	} while (0)

static const struct vdev_removal_step *preset(uint32_t coarse, uint32_t level, uint32_t *ret_count)
{
	if (level == VDEV_REMOVAL_SAFE) {
		if (coarse)
			PRESET(coarse_idle, 1u);
		PRESET(full_idle, 1u);
	}
	if (level == VDEV_REMOVAL_SAFE_IDLE) {
		if (coarse)
			PRESET(coarse_idle, 0u);
		PRESET(full_idle, 0u);
	}
	if (coarse)
		PRESET(coarse_unsafe, 0u);
	PRESET(full_unsafe, 0u);
}

uint32_t vdev__removal_level_slot(uint32_t level)
{
	return level <= VDEV_REMOVAL_SAFE ? level : level - VDEV_REMOVAL_OWN_FIRST + 4u;
}

const struct vdev_removal_step *vdev__removal_steps(const struct vdev_removal *r,
						    uint32_t unit_class, uint32_t level,
						    uint32_t *ret_count)
{
	const struct action_set *own = r->sets[unit_class][vdev__removal_level_slot(level)];

	if (own) {
		*ret_count = own->count;
		return own->steps;
	}
	return preset(r->config.flags & VDEV_REMOVAL_COARSE, level, ret_count);
}

uint32_t vdev__removal_hide_step(const struct vdev_removal *r, const struct unit *u)
{
	uint32_t count, i = 0;
	const struct vdev_removal_step *steps =
		vdev__removal_steps(r, u->unit_class, u->set, &count);

	while (steps[i].kind != VDEV_REMOVAL_HIDE)
		i++;
	return i;
}

uint64_t vdev__removal_step_ns(const struct vdev_removal *r, const struct unit *u, uint32_t step)
{
	uint32_t count;
	const struct vdev_removal_step *s = vdev__removal_steps(r, u->unit_class, u->set, &count);
	int own = r->sets[u->unit_class][vdev__removal_level_slot(u->set)] != NULL;

	if (s[step].kind == VDEV_REMOVAL_AWAIT_ACK && !own && r->config.ack_ns)
		return r->config.ack_ns;
	return s[step].deadline_ns;
}

static int own_step(uint32_t kind)
{
	return kind >= VDEV_REMOVAL_OWN_STEP_FIRST && kind <= VDEV_REMOVAL_OWN_STEP_LAST;
}

static int before_hide(uint32_t kind)
{
	return kind == VDEV_REMOVAL_WARN || kind == VDEV_REMOVAL_AWAIT_ACK ||
	       kind == VDEV_REMOVAL_QUIESCE;
}

static int after_hide(uint32_t kind)
{
	return (kind >= VDEV_REMOVAL_DRAIN && kind <= VDEV_REMOVAL_TEARDOWN) ||
	       kind == VDEV_REMOVAL_RELEASE;
}

static int undo_ok(const struct vdev_removal_step *s)
{
	if (s->undo == VDEV_REMOVAL_NO_UNDO)
		return 1;
	if (s->kind == VDEV_REMOVAL_WARN)
		return s->undo == VDEV_REMOVAL_UNWARN;
	if (s->kind == VDEV_REMOVAL_QUIESCE)
		return s->undo == VDEV_REMOVAL_RESUME || own_step(s->undo);
	return own_step(s->kind) && own_step(s->undo);
}

/* What is wrong with step i of a set, or NULL. */
static const char *wrong_step(const struct vdev_removal_step *s, uint32_t i, uint32_t hide)
{
	if (!before_hide(s[i].kind) && !after_hide(s[i].kind) && !own_step(s[i].kind) &&
	    s[i].kind != VDEV_REMOVAL_HIDE)
		return "its kind is not one of a step";
	if (s[i].deadline_ns == 0 || s[i].deadline_ns == VDEV_NONE)
		return "it has no deadline; give a duration in nanoseconds";
	if (!undo_ok(&s[i]))
		return "its undo does not belong to it; name one, or VDEV_REMOVAL_NO_UNDO";
	if (i > hide && s[i].undo != VDEV_REMOVAL_NO_UNDO)
		return "it has an undo, but nothing is undone after HIDE";
	if (i > hide && before_hide(s[i].kind))
		return "it must stand before HIDE";
	if (i < hide && after_hide(s[i].kind))
		return "it must stand after HIDE, the point of no return";
	if (s[i].kind == VDEV_REMOVAL_AWAIT_ACK && i + 1 != hide)
		return "HIDE must follow it: the acknowledgement is the point of no return";
	if (s[i].kind == VDEV_REMOVAL_AWAIT_ACK && (!i || s[i - 1].kind != VDEV_REMOVAL_WARN))
		return "it must follow WARN";
	for (uint32_t j = 0; j < i; j++)
		if (s[j].kind == s[i].kind)
			return "its kind stands there twice";
	return NULL;
}

static uint32_t find(const struct vdev_removal_step *s, uint32_t count, uint32_t kind)
{
	uint32_t i = 0;

	while (i < count && s[i].kind != kind)
		i++;
	return i;
}

static const char *wrong_set(uint32_t level, const struct vdev_removal_step *s, uint32_t count)
{
	uint32_t warn = find(s, count, VDEV_REMOVAL_WARN);

	if (find(s, count, VDEV_REMOVAL_HIDE) == count)
		return "HIDE, the point of no return, is missing";
	if (s[count - 1].kind != VDEV_REMOVAL_RELEASE)
		return "it does not end in RELEASE";
	if (warn < count && s[warn + 1].kind != VDEV_REMOVAL_AWAIT_ACK)
		return "AWAIT_ACK must follow WARN";
	if (level <= VDEV_REMOVAL_UNSAFE && warn == count)
		return "UNKNOWN and UNSAFE need WARN and AWAIT_ACK";
	return NULL;
}

int vdev__removal_check_set(const struct vdev_env *env, uint32_t level,
			    const struct vdev_removal_step *steps, uint32_t count)
{
	const char *why;
	uint32_t hide;

	if (count > VDEV_REMOVAL_MAX_STEPS) {
		vdev__log(env, VDEV_LOG_ERROR, "action set: %u steps; expected 1..%u", count,
			  VDEV_REMOVAL_MAX_STEPS);
		return -EINVAL;
	}
	hide = find(steps, count, VDEV_REMOVAL_HIDE);
	for (uint32_t i = 0; i < count; i++) {
		why = wrong_step(steps, i, hide);
		if (why) {
			vdev__log(env, VDEV_LOG_ERROR, "action set: step %u (%s, 0x%x): %s", i,
				  vdev_removal_kind_name(steps[i].kind), steps[i].kind, why);
			return -EINVAL;
		}
	}
	why = wrong_set(level, steps, count);
	if (why)
		vdev__log(env, VDEV_LOG_ERROR, "action set for level %u: %s", level, why);
	return why ? -EINVAL : 0;
}

static int set_in_use(const struct vdev_removal *r, uint32_t unit_class, uint32_t level)
{
	for (uint32_t i = next_unit(r, ROOT); i != NOBODY; i = next_unit(r, i)) {
		const struct unit *u = unit_at(r, i);

		if (u->phase > BELOW && u->phase != END && u->unit_class == unit_class &&
		    (u->set == level || ((u->marks & M_SWITCHED) && u->from_set == level)))
			return 1;
	}
	return 0;
}

int vdev_removal_set_actions(struct vdev_removal *r, uint32_t unit_class, uint32_t level,
			     const struct vdev_removal_step *steps, uint32_t count)
{
	struct action_set **place, *set = NULL;

	if (!r || unit_class >= VDEV_REMOVAL_CLASSES || !vdev__removal_valid_level(level) ||
	    !steps != !count)
		return -EINVAL;
	if (count && vdev__removal_check_set(&r->env, level, steps, count))
		return -EINVAL;
	if (set_in_use(r, unit_class, level))
		return -EBUSY;
	if (count) {
		set = vdev__alloc(&r->env, 1, sizeof(*set));
		if (!set)
			return -ENOMEM;
		set->count = count;
		memcpy(set->steps, steps, count * sizeof(*steps));
	}
	place = &r->sets[unit_class][vdev__removal_level_slot(level)];
	vdev__free(&r->env, *place, sizeof(**place));
	*place = set;
	return 0;
}

int vdev_removal_get_actions(const struct vdev_removal *r, uint32_t unit_class, uint32_t level,
			     struct vdev_removal_step *ret_steps)
{
	const struct vdev_removal_step *steps;
	uint32_t count;

	if (!r || !ret_steps || unit_class >= VDEV_REMOVAL_CLASSES ||
	    !vdev__removal_valid_level(level))
		return -EINVAL;
	steps = vdev__removal_steps(r, unit_class, level, &count);
	memcpy(ret_steps, steps, count * sizeof(*steps));
	return (int)count;
}
