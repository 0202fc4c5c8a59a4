/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: handles, the clock, the trace. */
#include "internal.h"

int vdev__removal_lookup(const struct vdev_removal *r, uint64_t handle, uint32_t *ret_index)
{
	uint32_t index;

	if (vdev__table_find(&r->units, handle, &index) || index == ROOT)
		return -ENOENT;
	*ret_index = index;
	return 0;
}

/* The caller's clock may jitter between threads; inside it never goes back. */
void vdev__removal_tick(struct vdev_removal *r, uint64_t now_ns)
{
	/* VDEV_NONE is no time: what waits for ever would be due, and stay so. */
	if (now_ns == VDEV_NONE)
		now_ns--;
	if (now_ns > r->now)
		r->now = now_ns;
}

void vdev__removal_trace(const struct vdev_removal *r, uint32_t what, uint32_t kind, uint32_t index,
			 uint64_t arg)
{
	const struct unit *u;
	struct vdev_trace t;

	if (!vdev__tracing(&r->env))
		return;
	u = unit_at(r, index);
	t = (struct vdev_trace){
		.now_ns = r->now,
		.dev = handle_of(r, index),
		.user_data = u->user_data,
		.id = what == VDEV_TRACE_EVENT ? 0 : u->action,
		.part = VDEV_PART_REMOVAL,
		.what = what,
		.kind = kind,
		.arg = arg,
	};
	r->env.trace(r->env.user, &t);
}

int vdev_removal_set_address(struct vdev_removal *r, uint64_t unit, uint64_t address)
{
	struct unit *u;
	uint32_t index, other;
	int error;

	if (!r)
		return -EINVAL;
	error = vdev__removal_lookup(r, unit, &index);
	if (error)
		return error;
	u = unit_at(r, index);
	if (u->address == address)
		return 0;
	if (address != VDEV_NONE) {
		int taken = vdev__hash_get(&r->addresses, address, &other);

		error = vdev__hash_put(&r->addresses, address, index);
		if (error)
			return error;
		if (taken)
			unit_at(r, other)->address = VDEV_NONE;
	}
	if (u->address != VDEV_NONE)
		vdev__hash_del(&r->addresses, u->address);
	u->address = address;
	return 0;
}

int vdev_removal_find(const struct vdev_removal *r, uint64_t address, uint64_t *ret_unit)
{
	uint32_t index;

	if (!r || !ret_unit || address == VDEV_NONE)
		return -EINVAL;
	if (!vdev__hash_get(&r->addresses, address, &index))
		return -ENOENT;
	*ret_unit = handle_of(r, index);
	return 0;
}

int vdev_removal_find_name(const struct vdev_removal *r, uint64_t name, uint64_t *ret_unit)
{
	uint32_t index;

	if (!r || !ret_unit || !name)
		return -EINVAL;
	if (!vdev__hash_get(&r->names, name, &index))
		return -ENOENT;
	*ret_unit = handle_of(r, index);
	return 0;
}

int vdev_removal_set_user_data(struct vdev_removal *r, uint64_t unit, uint64_t user_data)
{
	uint32_t index;
	int error;

	if (!r)
		return -EINVAL;
	error = vdev__removal_lookup(r, unit, &index);
	if (!error)
		unit_at(r, index)->user_data = user_data;
	return error;
}
