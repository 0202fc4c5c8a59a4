/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: the object, adding units, and reading what is in it.
 */
#include "internal.h"

#define SEC UINT64_C(1000000000)

static int config_ok(const struct vdev_removal_config *c)
{
	return !(c->flags & ~(VDEV_REMOVAL_UNTRUSTED | VDEV_REMOVAL_COARSE)) && c->max_units &&
	       c->max_units <= VDEV_REMOVAL_MAX_UNITS &&
	       c->level_policy <= VDEV_REMOVAL_LEVEL_LOWER &&
	       c->ack_policy <= VDEV_REMOVAL_ACK_FORCE && c->retries <= 255 &&
	       c->button_ns != VDEV_NONE && c->notify_ns != VDEV_NONE &&
	       c->settle_ns != VDEV_NONE && c->ack_ns != VDEV_NONE && !c->reserved;
}

static void default_config(struct vdev_removal_config *c)
{
	c->ack_policy = c->ack_policy ? c->ack_policy : VDEV_REMOVAL_ACK_FAIL;
	c->button_ns = c->button_ns ? c->button_ns : 5 * SEC;
	c->notify_ns = c->notify_ns ? c->notify_ns : 5 * SEC;
	c->settle_ns = c->settle_ns ? c->settle_ns : 2 * SEC;
}

void vdev__removal_blank(struct unit *u)
{
	u->address = VDEV_NONE;
	u->child = u->next = u->prev = u->parent = NOBODY;
	u->ready_next = u->ready_prev = NOBODY;
	u->cursor = u->note_cursor = u->undo_limit = NOBODY;
	u->ack_end = VDEV_NONE;
}

static int new_item(struct vdev_removal *r, uint32_t *ret_index)
{
	/* Before an index is taken: it can be at most the number of those used so far. */
	int error = vdev__deadlines_reserve(&r->deadlines, r->units.high + 1);

	if (!error)
		error = vdev__table_new(&r->units, ret_index);
	if (error)
		return error;
	vdev__removal_blank(unit_at(r, *ret_index));
	return 0;
}

int vdev_removal_new(struct vdev_removal **ret_obj, const struct vdev_env *env,
		     const struct vdev_removal_config *config)
{
	struct vdev_removal_config c;
	struct vdev_env e;
	struct vdev_removal *r;
	uint32_t root;
	int error;

	if (!ret_obj)
		return -EINVAL;
	error = vdev__env_copy(&e, env);
	if (!error)
		error = vdev__copy_in(&c, sizeof(c), sizeof(c), config);
	if (error)
		return error;
	if (!config_ok(&c))
		return -EINVAL;
	r = vdev__alloc(&e, 1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->env = e;
	r->config = c;
	default_config(&r->config);
	r->ready_head = r->ready_tail = NOBODY;
	vdev__hash_init(&r->names, &r->env);
	vdev__hash_init(&r->addresses, &r->env);
	vdev__deadlines_init(&r->deadlines, &r->env);
	error = vdev__table_init(&r->units, &r->env, sizeof(struct unit), c.max_units + 1);
	if (!error)
		error = new_item(r, &root);
	if (error) {
		vdev_removal_free(r);
		return error;
	}
	*ret_obj = r;
	return 0;
}

void vdev_removal_free(struct vdev_removal *r)
{
	struct vdev_env env;

	if (!r)
		return;
	for (uint32_t c = 0; c < VDEV_REMOVAL_CLASSES; c++)
		for (uint32_t l = 0; l < LEVEL_SLOTS; l++)
			vdev__free(&r->env, r->sets[c][l], sizeof(*r->sets[c][l]));
	vdev__deadlines_fini(&r->deadlines);
	vdev__hash_fini(&r->names);
	vdev__hash_fini(&r->addresses);
	vdev__table_fini(&r->units);
	env = r->env;
	vdev__free(&env, r, sizeof(*r));
}

static int unit_ok(const struct vdev_removal_unit *u)
{
	return u->unit_class < VDEV_REMOVAL_CLASSES && u->transport <= VDEV_REMOVAL_PVDEV &&
	       !(u->flags & ~(VDEV_REMOVAL_HOTPLUG | VDEV_REMOVAL_TRACK_TOUCH)) &&
	       u->function <= 255 && u->unasked <= VDEV_REMOVAL_UNASKED_IGNORE && !u->reserved[0] &&
	       !u->reserved[1] && !u->reserved[2];
}

/* Whether a unit may be added below `parent`, and must wait there. */
static int check_parent(const struct vdev_removal *r, const struct vdev_removal_unit *in,
			uint32_t parent, int *ret_wait)
{
	const struct unit *p = unit_at(r, parent);
	uint32_t cover;

	if (parent == ROOT)
		return 0;
	if (p->depth + 1u >= VDEV_REMOVAL_MAX_DEPTH)
		return -ENOSPC;
	if (p->flags & (U_QUEUED | U_HIDDEN))
		return -EBUSY;
	cover = vdev__removal_covering(r, parent);
	if (cover != NOBODY && (cover != parent || p->unit_class != VDEV_REMOVAL_PCI_SLOT))
		return -EBUSY;
	if (p->unit_class == VDEV_REMOVAL_PCI_SLOT && !vdev__removal_slot_free(r, parent)) {
		if (!(in->flags & VDEV_REMOVAL_HOTPLUG))
			return -EBUSY;
		*ret_wait = 1;
	}
	return 0;
}

static void fill_unit(struct vdev_removal *r, uint32_t index, uint32_t parent,
		      const struct vdev_removal_unit *in, int wait)
{
	struct unit *u = unit_at(r, index);

	u->user_data = in->user_data;
	u->name = in->name;
	u->unit_class = (uint8_t)in->unit_class;
	u->transport = (uint8_t)in->transport;
	u->function = (uint8_t)in->function;
	u->unasked = (uint8_t)in->unasked;
	u->slot_cap = (uint16_t)in->slot_cap;
	u->flags = (in->flags & VDEV_REMOVAL_TRACK_TOUCH ? U_TRACK : 0) | (wait ? U_QUEUED : 0);
	if (u->transport == VDEV_REMOVAL_PVDEV)
		u->flags |= unit_at(r, ROOT)->flags & U_READY;
	u->depth = (uint8_t)(parent == ROOT ? 0 : unit_at(r, parent)->depth + 1);
	vdev__removal_link(r, index, parent);
	vdev__removal_publish(r, index);
}

/* Everything that can fail, with nothing to take back afterwards. */
static int make_unit(struct vdev_removal *r, const struct vdev_removal_unit *in,
		     uint32_t *ret_index)
{
	uint32_t index;
	int error;

	if (in->name && vdev__hash_get(&r->names, in->name, &index))
		return -EEXIST;
	/* First the room for the name, so that nothing is used up when there is none. */
	error = in->name ? vdev__hash_put(&r->names, in->name, ROOT) : 0;
	if (error)
		return error;
	error = new_item(r, ret_index);
	if (!in->name)
		return error;
	if (error)
		vdev__hash_del(&r->names, in->name);
	else
		vdev__hash_put(&r->names, in->name, *ret_index); /* replaces: cannot fail */
	return error;
}

int vdev_removal_add(struct vdev_removal *r, uint64_t now_ns, const struct vdev_removal_unit *unit,
		     uint64_t *ret_unit)
{
	struct vdev_removal_unit in;
	uint32_t parent = ROOT, index = ROOT;
	int error, wait = 0;

	if (!r || !ret_unit)
		return -EINVAL;
	error = vdev__copy_in(&in, sizeof(in), sizeof(in), unit);
	if (error)
		return error;
	if (!unit_ok(&in))
		return -EINVAL;
	error = in.parent ? vdev__removal_lookup(r, in.parent, &parent) : 0;
	if (!error)
		error = check_parent(r, &in, parent, &wait);
	if (!error)
		error = make_unit(r, &in, &index);
	if (error)
		return error;
	vdev__removal_tick(r, now_ns);
	fill_unit(r, index, parent, &in, wait);
	r->stats.units++;
	r->stats.added++;
	r->stats.queued += (uint64_t)wait;
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_ADD, index, in.unit_class);
	if ((in.flags & VDEV_REMOVAL_HOTPLUG) && !wait)
		vdev__removal_note(r, index, N_ANNOUNCE);
	*ret_unit = handle_of(r, index);
	return waiting(r);
}

static uint32_t state_of(const struct vdev_removal *r, uint32_t index, uint32_t cover)
{
	const struct unit *u = unit_at(r, index);

	if (cover != NOBODY)
		return past_return(unit_at(r, cover)) ? VDEV_REMOVAL_LEAVING : VDEV_REMOVAL_PENDING;
	if (u->flags & U_QUEUED)
		return VDEV_REMOVAL_QUEUED;
	if (u->flags & U_HIDDEN)
		return VDEV_REMOVAL_HIDDEN;
	return u->flags & U_SETTLING ? VDEV_REMOVAL_SETTLING : VDEV_REMOVAL_PRESENT;
}

static uint32_t facts_of(const struct unit *u, const struct unit *parent)
{
	uint32_t f = 0;

	f |= !(u->flags & U_TRACK) || (u->flags & U_TOUCHED) ? VDEV_REMOVAL_IS_TOUCHED : 0;
	f |= u->transport == VDEV_REMOVAL_ACPI || (u->flags & U_READY) ? VDEV_REMOVAL_IS_READY : 0;
	f |= u->phase == HELD ? VDEV_REMOVAL_IS_HELD : 0;
	f |= u->flags & A_OVERDUE ? VDEV_REMOVAL_IS_OVERDUE : 0;
	f |= u->stuck ? VDEV_REMOVAL_IS_STUCK : 0;
	f |= (u->slot_cap | parent->slot_cap) & 0x20u ? VDEV_REMOVAL_IS_SURPRISE_SLOT : 0;
	f |= u->flags & U_GONE_BACKEND ? VDEV_REMOVAL_IS_BACKEND_GONE : 0;
	f |= u->flags & (U_REQUESTED | U_NEXT) ? VDEV_REMOVAL_IS_REQUESTED : 0;
	return f;
}

static uint32_t shown_step(const struct vdev_removal *r, const struct unit *u)
{
	return u->phase <= BELOW || u->phase == END ? 0 : vdev__removal_step_kind(r, u);
}

static uint64_t ack_left(const struct vdev_removal *r, const struct unit *u)
{
	if (u->phase != WARN && u->phase != GAP && u->phase != AWAIT)
		return 0;
	if (u->ack_end == VDEV_NONE)
		return VDEV_NONE;
	return vdev__sat_sub(u->ack_end, vdev__removal_guest_now(r));
}

static void describe(const struct vdev_removal *r, uint32_t index, struct vdev_removal_info *info)
{
	const struct unit *u = unit_at(r, index);
	uint32_t cover = vdev__removal_covering(r, index);

	*info = (struct vdev_removal_info){
		.unit = handle_of(r, index),
		.parent = handle_of(r, u->parent),
		.user_data = u->user_data,
		.name = u->name,
		.address = u->address,
		.target = handle_of(r, cover),
		.action_id = u->flags & A_OUT ? u->action : 0,
		.ack_left_ns = cover == NOBODY ? 0 : ack_left(r, unit_at(r, cover)),
		.unit_class = u->unit_class,
		.transport = u->transport,
		.level = vdev__removal_effective(r, u),
		.guest_level = u->guest_level,
		.operator_level = u->operator_level,
		.state = state_of(r, index, cover),
		.flags = facts_of(u, unit_at(r, u->parent)),
		.step = shown_step(r, u),
		.warnings = u->warnings,
		.function = u->function,
	};
}

int vdev_removal_get(const struct vdev_removal *r, uint64_t unit,
		     struct vdev_removal_info *ret_info, size_t size)
{
	struct vdev_removal_info info;
	uint32_t index;
	int error;

	if (!r || !ret_info || !size)
		return -EINVAL;
	error = vdev__removal_lookup(r, unit, &index);
	if (error)
		return error;
	describe(r, index, &info);
	return vdev__copy_out(ret_info, size, &info, sizeof(info));
}

int vdev_removal_walk(const struct vdev_removal *r, uint64_t *cursor,
		      struct vdev_removal_info *ret_info, size_t size)
{
	struct vdev_removal_info info;
	uint32_t index;

	if (!r || !cursor || !ret_info || !size)
		return -EINVAL;
	if (*cursor >= VDEV__TABLE_MAX)
		return 0;
	index = vdev__table_next(&r->units,
				 (uint32_t)*cursor > ROOT ? (uint32_t)*cursor : ROOT + 1);
	if (index == UINT32_MAX)
		return 0;
	*cursor = (uint64_t)index + 1;
	describe(r, index, &info);
	vdev__copy_out(ret_info, size, &info, sizeof(info));
	return 1;
}

static uint64_t bytes_of(const struct vdev_removal *r)
{
	uint64_t sets = 0;

	for (uint32_t c = 0; c < VDEV_REMOVAL_CLASSES; c++)
		for (uint32_t l = 0; l < LEVEL_SLOTS; l++)
			sets += r->sets[c][l] ? sizeof(*r->sets[c][l]) : 0;
	return sizeof(*r) + sets + vdev__table_bytes(&r->units) + vdev__hash_bytes(&r->names) +
	       vdev__hash_bytes(&r->addresses) + vdev__deadlines_bytes(&r->deadlines);
}

int vdev_removal_stats(const struct vdev_removal *r, struct vdev_removal_stats *ret_stats,
		       size_t size)
{
	struct vdev_removal_stats stats;

	if (!r || !ret_stats || !size)
		return -EINVAL;
	stats = r->stats;
	stats.bytes = bytes_of(r);
	return vdev__copy_out(ret_stats, size, &stats, sizeof(stats));
}
