/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: the objects, memory, and operations.
 */
#include "internal.h"

#define MS UINT64_C(1000000)
#define SEC (1000 * MS)
#define MIB (UINT64_C(1) << 20)
#define MAX_GRANULE (UINT64_C(1) << 30)

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
	return value ? value : otherwise;
}

static uint64_t quarter(uint64_t value)
{
	return value < 4 ? 1 : value / 4;
}

static void default_config(struct vdev_zerocopy_config *c)
{
	c->mode = c->mode ? c->mode : VDEV_ZEROCOPY_PRESERVE;
	c->timeout_min_ns = or_default(c->timeout_min_ns, MS);
	c->timeout_max_ns = or_default(c->timeout_max_ns, 60 * SEC);
	c->timeout_ns = or_default(c->timeout_ns, 10 * SEC);
	c->max_blocks = or_default(c->max_blocks, 65536);
	c->max_bytes = or_default(c->max_bytes, 256 * MIB);
	c->destination_blocks = or_default(c->destination_blocks, quarter(c->max_blocks));
	c->destination_bytes = or_default(c->destination_bytes, quarter(c->max_bytes));
	c->quarantine_bytes = or_default(c->quarantine_bytes, c->max_bytes);
	c->destination_quarantine_bytes =
		or_default(c->destination_quarantine_bytes, quarter(c->quarantine_bytes));
	c->offline_ns = or_default(c->offline_ns, 5 * SEC);
	c->retry_ns = or_default(c->retry_ns, 10 * MS);
	c->max_slots = or_default(c->max_slots, UINT64_C(2) * VDEV_ZEROCOPY_MAX_SLOTS);
}

static bool config_ok(const struct vdev_zerocopy_config *c)
{
	return !c->flags && c->max_queues && c->max_queues <= VDEV_ZEROCOPY_MAX_QUEUES &&
	       c->max_destinations && c->max_destinations <= VDEV_ZEROCOPY_MAX_DESTINATIONS &&
	       c->until <= VDEV_ZEROCOPY_UNTIL_ALL && c->mode <= VDEV_ZEROCOPY_RESET &&
	       c->max_blocks <= VDEV_ZEROCOPY_MAX_BLOCKS &&
	       c->max_bytes <= VDEV_ZEROCOPY_MAX_BYTES &&
	       c->destination_blocks <= VDEV_ZEROCOPY_MAX_BLOCKS &&
	       c->destination_bytes <= VDEV_ZEROCOPY_MAX_BYTES &&
	       c->quarantine_bytes <= VDEV_ZEROCOPY_MAX_BYTES &&
	       c->destination_quarantine_bytes <= VDEV_ZEROCOPY_MAX_BYTES &&
	       c->max_slots <= (uint64_t)VDEV_ZEROCOPY_MAX_QUEUES * VDEV_ZEROCOPY_MAX_SLOTS;
}

static bool times_ok(const struct vdev_zerocopy_config *c)
{
	return c->timeout_min_ns <= c->timeout_max_ns && c->timeout_max_ns != VDEV_NONE &&
	       c->timeout_ns != VDEV_NONE && c->offline_ns != VDEV_NONE && c->retry_ns != VDEV_NONE;
}

static uint32_t max_ops(const struct vdev_zerocopy *z)
{
	uint64_t n = z->config.max_slots + SPARE_OPS;

	return n < VDEV__TABLE_MAX ? (uint32_t)n : VDEV__TABLE_MAX;
}

static int make_parts(struct vdev_zerocopy *z)
{
	const struct vdev_zerocopy_config *c = &z->config;

	z->destinations = vdev__alloc(&z->env, c->max_destinations, sizeof(*z->destinations));
	z->closed = vdev__alloc(&z->env, c->max_destinations, sizeof(*z->closed));
	z->queues = vdev__alloc(&z->env, c->max_queues, sizeof(struct vdev_zerocopy_queue *));
	if (!z->destinations || !z->closed || !z->queues)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->max_destinations; i++)
		atomic_init(&z->destinations[i].free,
			    credit(c->destination_blocks, c->destination_bytes));
	return vdev__table_init(&z->ops, &z->env, sizeof(struct op), max_ops(z));
}

int vdev_zerocopy_new(struct vdev_zerocopy **ret_obj, const struct vdev_env *env,
		      const struct vdev_zerocopy_config *config)
{
	struct vdev_zerocopy_config c;
	struct vdev_env e;
	struct vdev_zerocopy *z;
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
	default_config(&c);
	if (!times_ok(&c))
		return -EINVAL;
	z = vdev__alloc(&e, 1, sizeof(*z));
	if (!z)
		return -ENOMEM;
	z->env = e;
	z->config = c;
	z->whole = z->ready.head = z->ready.tail = z->waiting.head = z->waiting.tail = NOBODY;
	atomic_init(&z->free, credit(c.max_blocks, c.max_bytes));
	atomic_init(&z->epoch, 1);
	vdev__pagemap_init(&z->map, &z->env);
	vdev__deadlines_init(&z->deadlines, &z->env);
	error = make_parts(z);
	if (error) {
		vdev_zerocopy_free(z);
		return error;
	}
	*ret_obj = z;
	return 0;
}

static void free_queue(struct vdev_zerocopy *z, struct vdev_zerocopy_queue *q)
{
	size_t slots = (size_t)q->mask + 1;

	vdev__free(&z->env, q->slots, slots * sizeof(*q->slots));
	vdev__free(&z->env, q->details, slots * sizeof(*q->details));
	for (uint32_t i = 0; i < MAX_LEVELS; i++)
		vdev__free(&z->env, q->level[i], q->level_size[i] * sizeof(*q->level[i]));
	vdev__free(&z->env, q->classes, CLASSES * sizeof(*q->classes));
	vdev__free(&z->env, q, sizeof(*q));
}

void vdev_zerocopy_free(struct vdev_zerocopy *z)
{
	struct vdev_env env;

	if (!z)
		return;
	for (uint32_t i = 0; i < z->n_queues; i++)
		free_queue(z, z->queues[i]);
	vdev__pagemap_fini(&z->map);
	vdev__deadlines_fini(&z->deadlines);
	vdev__table_fini(&z->ops);
	vdev__free(&z->env, z->queues, z->config.max_queues * sizeof(struct vdev_zerocopy_queue *));
	vdev__free(&z->env, z->closed, z->config.max_destinations * sizeof(*z->closed));
	vdev__free(&z->env, z->destinations, z->config.max_destinations * sizeof(*z->destinations));
	env = z->env;
	vdev__free(&env, z, sizeof(*z));
}

static int power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

static bool memory_ok(const struct vdev_zerocopy_memory *m)
{
	return !(m->flags & ~VDEV_ZEROCOPY_FIXED) && power_of_two(m->granule_bytes) &&
	       m->granule_bytes >= 4096 && m->granule_bytes <= MAX_GRANULE && m->size_bytes &&
	       !((m->address | m->size_bytes) & (m->granule_bytes - 1)) &&
	       m->size_bytes <= UINT64_MAX - m->address;
}

int vdev_zerocopy_add_memory(struct vdev_zerocopy *z, const struct vdev_zerocopy_memory *memory)
{
	struct vdev_zerocopy_memory m;
	uint32_t n;
	int error = vdev__copy_in(&m, sizeof(m), sizeof(m), memory);

	if (!z || error)
		return z ? error : -EINVAL;
	if (!memory_ok(&m))
		return -EINVAL;
	n = atomic_load(&z->n_regions);
	for (uint32_t i = 0; i < n; i++)
		if (m.address < z->regions[i].address + z->regions[i].size &&
		    z->regions[i].address < m.address + m.size_bytes)
			return -EEXIST;
	if (n == VDEV_ZEROCOPY_MAX_MEMORY)
		return -ENOSPC;
	z->regions[n] = (struct region){m.address, m.size_bytes, m.granule_bytes, m.flags};
	/* Owner threads see the region before they see that there is one more. */
	atomic_store_explicit(&z->n_regions, n + 1, memory_order_release);
	return 0;
}

static bool lent_from(const struct vdev_zerocopy *z, const struct region *r)
{
	for (uint32_t i = 0; i < z->n_queues; i++) {
		const struct vdev_zerocopy_queue *q = z->queues[i];

		for (uint32_t s = 0; s <= q->mask; s++)
			if (word_state(atomic_load(&q->slots[s].word)) != VDEV_ZEROCOPY_FREE &&
			    q->details[s].address - r->address < r->size)
				return true;
	}
	return false;
}

int vdev_zerocopy_remove_memory(struct vdev_zerocopy *z, uint64_t address)
{
	uint32_t n, i = 0;

	if (!z)
		return -EINVAL;
	n = atomic_load(&z->n_regions);
	while (i < n && z->regions[i].address != address)
		i++;
	if (i == n)
		return -ENOENT;
	if (lent_from(z, &z->regions[i]))
		return -EBUSY;
	vdev__pagemap_forget(&z->map, address, z->regions[i].size);
	z->regions[i] = z->regions[n - 1];
	atomic_store(&z->n_regions, n - 1);
	return 0;
}

/* The tree of deadlines: no key is below any. -ENOMEM. */
static int make_levels(struct vdev_zerocopy *z, struct vdev_zerocopy_queue *q)
{
	uint32_t n = q->mask + 1;

	do {
		n = (n + FANOUT - 1) / FANOUT;
		q->level[q->levels] = vdev__alloc(&z->env, n, sizeof(*q->level[0]));
		if (!q->level[q->levels])
			return -ENOMEM;
		for (uint32_t i = 0; i < n; i++)
			atomic_init(&q->level[q->levels][i], VDEV_NONE);
		q->level_size[q->levels++] = n;
	} while (n > 1);
	return 0;
}

static int make_queue(struct vdev_zerocopy *z, struct vdev_zerocopy_queue *q,
		      const struct vdev_zerocopy_queue_config *c)
{
	q->vm = z;
	q->mask = c->slots - 1;
	q->index = z->n_queues;
	q->flags = c->flags;
	q->threshold = c->threshold_bytes;
	q->sequence = 1; /* no message has the id 0 */
	q->slots = vdev__alloc(&z->env, c->slots, sizeof(*q->slots));
	q->details = vdev__alloc(&z->env, c->slots, sizeof(*q->details));
	if (!q->slots || !q->details)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->slots; i++)
		q->details[i].op = NOBODY;
	if (c->flags & VDEV_ZEROCOPY_ADAPTIVE) {
		q->classes = vdev__alloc(&z->env, CLASSES, sizeof(*q->classes));
		if (!q->classes)
			return -ENOMEM;
		vdev__zerocopy_adapt_init(q);
	}
	return make_levels(z, q);
}

int vdev_zerocopy_add_queue(struct vdev_zerocopy *z,
			    const struct vdev_zerocopy_queue_config *config,
			    struct vdev_zerocopy_queue **ret_queue)
{
	struct vdev_zerocopy_queue_config c;
	struct vdev_zerocopy_queue *q;
	int error = vdev__copy_in(&c, sizeof(c), sizeof(c), config);

	if (!z || !ret_queue)
		return -EINVAL;
	if (error)
		return error;
	if (c.flags & ~VDEV_ZEROCOPY_ADAPTIVE || c.reserved || c.reserved2 ||
	    !power_of_two(c.slots) || c.slots < 16 || c.slots > VDEV_ZEROCOPY_MAX_SLOTS)
		return -EINVAL;
	if (z->n_queues == z->config.max_queues || c.slots > z->config.max_slots - z->slots)
		return -ENOSPC;
	q = vdev__alloc(&z->env, 1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	error = make_queue(z, q, &c);
	if (error) {
		free_queue(z, q);
		return error;
	}
	z->queues[z->n_queues] = q;
	atomic_fetch_add(&z->n_queues, 1);
	z->slots += c.slots;
	*ret_queue = q;
	return 0;
}

int vdev_zerocopy_queue_at(struct vdev_zerocopy *z, uint32_t index,
			   struct vdev_zerocopy_queue **ret_queue)
{
	if (!z || !ret_queue)
		return -EINVAL;
	if (index >= z->n_queues)
		return -ENOENT;
	*ret_queue = z->queues[index];
	return 0;
}

int vdev__zerocopy_op_new(struct vdev_zerocopy *z, uint32_t queue, uint32_t slot,
			  uint32_t *ret_index)
{
	/* Before an index is taken: it can be at most the number of those used so far. */
	int error = vdev__deadlines_reserve(&z->deadlines, z->ops.high + 1);

	if (!error)
		error = vdev__table_new(&z->ops, ret_index);
	if (error)
		return error;
	*op_at(z, *ret_index) =
		(struct op){.queue = queue, .slot = slot, .next = NOBODY, .prev = NOBODY};
	return 0;
}

void vdev__zerocopy_op_end(struct vdev_zerocopy *z, uint32_t index)
{
	vdev__zerocopy_list_del(z, index);
	vdev__deadlines_cancel(&z->deadlines, index);
	vdev__table_del(&z->ops, index);
}

void vdev__zerocopy_clock(struct vdev_zerocopy *z, uint64_t now_ns)
{
	/* The end of time would look like no deadline. */
	if (now_ns == VDEV_NONE)
		now_ns--;
	if (now_ns > z->now)
		z->now = now_ns;
}
