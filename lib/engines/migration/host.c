/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: hosts come and go. */
#include "planner.h"

static bool host_fields_ok(const struct vdev_migration_host *h)
{
	return !h->flags && !h->reserved && !h->reserved2[0] && !h->reserved2[1] &&
	       h->device_count <= VDEV_MIGRATION_MAX_FUNCTIONS &&
	       (h->devices || !h->device_count) && h->node_count <= VDEV_MIGRATION_MAX_NODES &&
	       (h->node_count || !h->distances);
}

int vdev__migration_host_ok(struct vdev_migration_host *ret_host,
			    const struct vdev_migration_host *host)
{
	struct vdev_migration_host h;
	int error = vdev__copy_in(&h, sizeof(h), sizeof(h), host);

	if (error)
		return error;
	if (!host_fields_ok(&h))
		return -EINVAL;
	for (uint32_t i = 0; i < h.device_count && !error; i++)
		error = vdev__migration_device_ok(vdev__migration_device_at(&h, i), h.device_size);
	if (!error)
		*ret_host = h;
	return error;
}

static void sift(struct slot *slots, uint32_t root, uint32_t count)
{
	for (;;) {
		uint32_t child = 2 * root + 1;
		struct slot s;

		if (child >= count)
			return;
		if (child + 1 < count && slots[child].address < slots[child + 1].address)
			child++;
		if (slots[root].address >= slots[child].address)
			return;
		s = slots[root];
		slots[root] = slots[child];
		slots[child] = s;
		root = child;
	}
}

/* A heap: no memory besides, and no order of addresses makes it slow. */
static void sort(struct slot *slots, uint32_t count)
{
	for (uint32_t i = count / 2; i; i--)
		sift(slots, i - 1, count);
	for (uint32_t i = count; i > 1; i--) {
		struct slot s = slots[0];

		slots[0] = slots[i - 1];
		slots[i - 1] = s;
		sift(slots, 0, i - 1);
	}
}

static int make_slots(const struct vdev_migration_host *host, struct slot *slots)
{
	for (uint32_t i = 0; i < host->device_count; i++)
		slots[i] = (struct slot){vdev__migration_device_at(host, i)->address, i, 0};
	sort(slots, host->device_count);
	for (uint32_t i = 1; i < host->device_count; i++)
		if (slots[i - 1].address == slots[i].address)
			return -EINVAL;
	return 0;
}

/* Functions of the shape, in the order of the slots. What got a type before it failed is released. */
static int make_functions(struct vdev_migration *o, const struct vdev_migration_host *host,
			  const struct slot *slots, const uint32_t *marks, struct function *f)
{
	for (uint32_t i = 0; i < host->device_count; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): NULL only without devices */
		uint32_t index = slots[i].index;
		const struct vdev_migration_device *d = vdev__migration_device_at(host, index);
		int error = vdev__migration_intern(o, d, &f[i].type);

		if (error) {
			while (i--)
				vdev__migration_release(o, f[i].type);
			return error;
		}
		f[i].node = d->node;
		f[i].have = marks[index];
	}
	return 0;
}

static int shape_of(struct vdev_migration *o, const struct vdev_migration_host *host,
		    const struct slot *slots, uint32_t *ret_shape)
{
	uint32_t count = host->device_count;
	struct function *f = vdev__alloc(&o->env, count ? count : 1, sizeof(*f));
	uint32_t *marks = vdev__alloc(&o->env, count ? count : 1, sizeof(*marks));
	int error = f && marks ? 0 : -ENOMEM;

	if (!error)
		error = vdev__migration_availability(&o->env, host, NULL, 0, marks);
	if (!error)
		error = make_functions(o, host, slots, marks, f);
	if (!error)
		error = vdev__migration_shape_get(o, f, count, host->node_count, host->distances,
						  ret_shape);
	vdev__free(&o->env, marks, (count ? count : 1) * sizeof(*marks));
	vdev__free(&o->env, f, (count ? count : 1) * sizeof(*f));
	return error;
}

static void free_slots(struct vdev_migration *o, struct slot *slots, uint32_t count)
{
	vdev__free(&o->env, slots, count * sizeof(*slots));
}

static void link_host(struct vdev_migration *o, uint32_t index, struct host *h)
{
	h->before = o->last;
	h->after = NO_INDEX;
	if (o->last == NO_INDEX)
		o->first = index;
	else
		host_at(o, o->last)->after = index;
	o->last = index;
}

static void unlink_host(struct vdev_migration *o, const struct host *h)
{
	if (h->before == NO_INDEX)
		o->first = h->after;
	else
		host_at(o, h->before)->after = h->after;
	if (h->after == NO_INDEX)
		o->last = h->before;
	else
		host_at(o, h->after)->before = h->before;
}

/* All that may fail, before the table changes. The caller frees slots. */
static int prepare(struct vdev_migration *o, const struct vdev_migration_host *host,
		   struct slot *slots, uint32_t *ret_index)
{
	uint32_t shape;
	struct host *h;
	int error = make_slots(host, slots);

	if (!error)
		error = shape_of(o, host, slots, &shape);
	if (error)
		return error;
	error = vdev__table_new(&o->hosts, ret_index);
	if (error) {
		vdev__migration_shape_put(o, shape);
		return error;
	}
	h = host_at(o, *ret_index);
	h->shape = shape;
	return 0;
}

int vdev_migration_add_host(struct vdev_migration *obj, const struct vdev_migration_host *host,
			    uint64_t *ret_host)
{
	struct vdev_migration_host in;
	struct slot *slots = NULL;
	struct host *h;
	uint32_t index;
	int error;

	if (!obj || !ret_host)
		return -EINVAL;
	error = vdev__migration_host_ok(&in, host);
	if (error)
		return error;
	if (obj->hosts.count >= obj->config.max_hosts ||
	    in.device_count > obj->config.max_functions - obj->functions)
		return -ENOSPC;
	if (in.device_count)
		slots = vdev__alloc(&obj->env, in.device_count, sizeof(*slots));
	if (in.device_count && !slots)
		return -ENOMEM;
	error = prepare(obj, &in, slots, &index);
	if (error) {
		free_slots(obj, slots, in.device_count);
		return error;
	}
	h = host_at(obj, index);
	h->slots = slots;
	h->user_data = in.user_data;
	link_host(obj, index, h);
	obj->change++;
	obj->functions += in.device_count;
	obj->bytes += in.device_count * sizeof(*slots);
	*ret_host = vdev__table_handle(&obj->hosts, index);
	return 0;
}

int vdev_migration_remove_host(struct vdev_migration *obj, uint64_t host)
{
	struct host *h;
	uint32_t index, count;

	if (!obj)
		return -EINVAL;
	if (vdev__table_find(&obj->hosts, host, &index))
		return -ENOENT;
	h = host_at(obj, index);
	count = obj->shapes[h->shape]->count;
	unlink_host(obj, h);
	obj->change++;
	vdev__migration_shape_put(obj, h->shape);
	free_slots(obj, h->slots, count);
	obj->functions -= count;
	obj->bytes -= count * sizeof(*h->slots);
	vdev__table_del(&obj->hosts, index);
	return 0;
}
