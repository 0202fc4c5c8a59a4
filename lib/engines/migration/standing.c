/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: how each shape of hosts does for a VM. VMs that no rule can tell apart get the same answer, so the
 * answers of the last ones are kept as long as no host comes or goes.
 */
#include "planner.h"

static void sift(struct standing *list, uint32_t root, uint32_t count)
{
	for (;;) {
		uint32_t child = 2 * root + 1;
		struct standing s;

		if (child >= count)
			return;
		if (child + 1 < count && list[child].cost < list[child + 1].cost)
			child++;
		if (list[root].cost >= list[child].cost)
			return;
		s = list[root];
		list[root] = list[child];
		list[child] = s;
		root = child;
	}
}

static void sort(struct standing *list, uint32_t count)
{
	for (uint32_t i = count / 2; i; i--)
		sift(list, i - 1, count);
	for (uint32_t i = count; i > 1; i--) {
		struct standing s = list[0];

		list[0] = list[i - 1];
		list[i - 1] = s;
		sift(list, 0, i - 1);
	}
}

static void solve_all(struct vdev_migration *o, const struct asked *a, struct work *w,
		      struct standing *list)
{
	struct outcome out;
	uint32_t n = 0;

	for (uint32_t i = 0; i < o->shapes_size; i++) {
		if (!o->shapes[i])
			continue;
		vdev__migration_solve(o, a, o->shapes[i], w, &out);
		vdev__migration_sum(o, a, o->shapes[i], &out, &list[n].rank);
		list[n].cost = out.cost;
		list[n].shape = i;
		n++;
	}
}

/* Levels, and at which place of the result each begins; where[] is by shape. */
static void make_levels(const struct vdev_migration *o, struct memo *m)
{
	uint32_t level = 0, hosts = 0;

	for (uint32_t i = 0; i < o->shapes_count; i++) {
		if (i && m->list[i].cost != m->list[i - 1].cost)
			level++;
		if (!i || m->list[i].cost != m->list[i - 1].cost)
			m->begins[level] = hosts;
		m->list[i].level = level;
		m->where[m->list[i].shape] = i;
		hosts += o->shapes[m->list[i].shape]->hosts;
	}
}

void vdev__migration_memo_free(struct vdev_migration *o, struct memo *m)
{
	vdev__free(&o->env, m->list, m->size * sizeof(*m->list));
	vdev__free(&o->env, m->where, m->size * sizeof(*m->where));
	vdev__free(&o->env, m->begins, m->size * sizeof(*m->begins));
	vdev__free(&o->env, m->cursor, m->size * sizeof(*m->cursor));
	memset(m, 0, sizeof(*m));
}

static int make_room(struct vdev_migration *o, struct memo *m)
{
	uint32_t size = o->shapes_size;

	if (m->size >= size)
		return 0;
	vdev__migration_memo_free(o, m);
	m->size = size;
	m->list = vdev__alloc(&o->env, size, sizeof(*m->list));
	m->where = vdev__alloc(&o->env, size, sizeof(*m->where));
	m->begins = vdev__alloc(&o->env, size, sizeof(*m->begins));
	m->cursor = vdev__alloc(&o->env, size, sizeof(*m->cursor));
	if (m->list && m->where && m->begins && m->cursor)
		return 0;
	vdev__migration_memo_free(o, m);
	return -ENOMEM;
}

uint64_t vdev__migration_memo_bytes(const struct memo *m)
{
	return (uint64_t)m->size * (sizeof(*m->list) + 3 * sizeof(uint32_t));
}

static bool is_of(const struct memo *m, const struct asked *a)
{
	if (m->count != a->vm.device_count)
		return false;
	for (uint32_t i = 0; i < m->count; i++)
		if (m->key[i].type != a->type[i] || m->key[i].flags != a->vm.devices[i].flags ||
		    m->key[i].node != a->vm.devices[i].node)
			return false;
	return true;
}

static void name(struct vdev_migration *o, struct memo *m, const struct asked *a)
{
	m->count = a->vm.device_count;
	for (uint32_t i = 0; i < m->count; i++) {
		m->key[i].type = a->type[i];
		m->key[i].flags = a->vm.devices[i].flags;
		m->key[i].node = a->vm.devices[i].node;
	}
	m->change = o->change;
}

/* Fewer of them for many shapes. */
static uint32_t memos(const struct vdev_migration *o)
{
	uint32_t most = MAX_STANDINGS / o->shapes_size;

	return most > MEMOS ? MEMOS : most ? most : 1;
}

static int solve(struct vdev_migration *o, const struct asked *a, struct memo *m)
{
	struct work w;
	int error = make_room(o, m);

	if (!error)
		error = vdev__migration_work_new(&o->env, a->vm.device_count, &w);
	if (error)
		return error;
	solve_all(o, a, &w, m->list);
	vdev__migration_work_free(&o->env, &w);
	sort(m->list, o->shapes_count);
	make_levels(o, m);
	name(o, m, a);
	return 0;
}

int vdev__migration_standings(struct vdev_migration *o, const struct asked *a,
			      struct memo **ret_memo)
{
	uint32_t count = memos(o);
	struct memo *m;
	int error;

	for (uint32_t i = 0; i < count; i++) {
		m = &o->memo[i];
		if (m->size && m->change == o->change && is_of(m, a)) {
			*ret_memo = m;
			return 0;
		}
	}
	m = &o->memo[o->next_memo++ % count];
	m->change = 0;
	error = solve(o, a, m);
	if (!error)
		*ret_memo = m;
	return error;
}
