/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: one host for a VM, or all of them in order (M11). */
#include "planner.h"

/* From the shape to the host: what its functions are called there. */
static uint32_t own_index(const struct host *h, uint32_t function)
{
	return function == VDEV_MIGRATION_UNKNOWN ? function : h->slots[function].index;
}

static void own_place(const struct host *h, struct vdev_migration_place *p)
{
	if (p->address != VDEV_NONE)
		p->address = h->slots[p->function].address;
	p->function = own_index(h, p->function);
}

static void own_rank(const struct vdev_migration *o, uint32_t index, struct vdev_migration_rank *r)
{
	const struct host *h = host_at(o, index);

	r->host = vdev__table_handle(&o->hosts, index);
	r->user_data = h->user_data;
	r->function = own_index(h, r->function);
}

/* The VM has types, and there is room to work in. */
static void assign(struct vdev_migration *o, const struct asked *a, uint32_t index, struct work *w,
		   struct vdev_migration_rank *ret_rank, uint8_t *places, size_t place_size)
{
	const struct host *h = host_at(o, index);
	const struct shape *s = o->shapes[h->shape];
	struct vdev_migration_place p;
	struct outcome out;

	vdev__migration_solve(o, a, s, w, &out);
	vdev__migration_sum(o, a, s, &out, ret_rank);
	own_rank(o, index, ret_rank);
	for (uint32_t i = 0; i < a->vm.device_count; i++) {
		vdev__migration_place(o, a, s, &out, i, &p);
		own_place(h, &p);
		vdev__copy_out(places + i * place_size, place_size, &p, sizeof(p));
	}
}

int vdev_migration_assign(struct vdev_migration *obj, const struct vdev_migration_vm *vm,
			  uint64_t host, struct vdev_migration_rank *ret_rank, size_t rank_size,
			  struct vdev_migration_place *ret_places, size_t place_size)
{
	struct vdev_migration_rank r;
	struct asked a;
	struct work w;
	uint32_t index;
	int error;

	if (!obj || !vm || (ret_rank && !rank_size) || (ret_places && !place_size))
		return -EINVAL;
	if (vdev__table_find(&obj->hosts, host, &index))
		return -ENOENT;
	error = vdev__migration_ask(obj, vm, &a);
	if (error)
		return error;
	error = a.vm.device_count && !ret_places
			? -EINVAL
			: vdev__migration_work_new(&obj->env, a.vm.device_count, &w);
	if (!error) {
		assign(obj, &a, index, &w, &r, (uint8_t *)ret_places, place_size);
		vdev__migration_work_free(&obj->env, &w);
		if (ret_rank)
			vdev__copy_out(ret_rank, rank_size, &r, sizeof(r));
	}
	vdev__migration_asked(obj, &a);
	return error ? error : (int)r.verdict;
}

/* Hosts in the order of adding, each to the next place of its level. */
static void deal(const struct vdev_migration *o, struct memo *m, uint8_t *ranks, size_t rank_size,
		 uint32_t max)
{
	const struct host *h;

	memcpy(m->cursor, m->begins, o->shapes_count * sizeof(*m->cursor));
	for (uint32_t i = o->first; i != NO_INDEX; i = h->after) {
		const struct standing *s;
		uint32_t at;

		h = host_at(o, i);
		s = &m->list[m->where[h->shape]];
		at = m->cursor[s->level]++;
		if (at < max) {
			struct vdev_migration_rank r = s->rank;

			own_rank(o, i, &r);
			vdev__copy_out(ranks + at * rank_size, rank_size, &r, sizeof(r));
		}
	}
}

int vdev_migration_rank(struct vdev_migration *obj, const struct vdev_migration_vm *vm,
			struct vdev_migration_rank *ret_ranks, size_t rank_size, uint32_t max)
{
	struct memo *memo;
	struct asked a;
	int error;

	if (!obj || !vm || (max && (!ret_ranks || !rank_size)))
		return -EINVAL;
	error = vdev__migration_ask(obj, vm, &a);
	if (error)
		return error;
	obj->ranked++;
	if (obj->hosts.count) {
		error = vdev__migration_standings(obj, &a, &memo);
		if (!error)
			deal(obj, memo, (uint8_t *)ret_ranks, rank_size, max);
	}
	vdev__migration_asked(obj, &a);
	return error ? error : (int)obj->hosts.count;
}
