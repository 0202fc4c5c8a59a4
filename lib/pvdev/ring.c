/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue of the paravirtual function: configuration, start and stop, guest memory, counters.
 *
 *   OFF --start--> ON --break--> DEAD
 *    ^              |             |
 *    |             stop          stop
 *    +-- none in flight -- STOPPING
 */
#include "ring.h"

static int check(struct vdev_pvqueue_config *c)
{
	if (!c->read || !c->write || c->reserved)
		return -EINVAL;
	if (!c->max_size)
		c->max_size = 256;
	if (!c->destinations)
		c->destinations = 1;
	if (!c->max_timeout_ms)
		c->max_timeout_ms = 3600000;
	if (!c->max_length_bytes)
		c->max_length_bytes = UINT32_MAX;
	if (!vdev__ring_power_of_two(c->max_size) || c->max_size < 2 ||
	    c->max_size > VDEV_GUEST_QUEUE_MOST || c->max_length_bytes > UINT32_MAX)
		return -EINVAL;
	return 0;
}

static int allocate(struct vdev_pvqueue **ret, const struct vdev_env *env,
		    const struct vdev_pvqueue_config *config)
{
	struct vdev_pvqueue *q = vdev__alloc(env, 1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->env = *env;
	q->config = *config;
	q->messages = vdev__alloc(env, config->max_size, sizeof(*q->messages));
	q->buckets = vdev__alloc(env, config->max_size, sizeof(*q->buckets));
	if (!q->messages || !q->buckets) {
		vdev_pvqueue_free(q);
		return -ENOMEM;
	}
	vdev__ring_table_clear(q, 0);
	*ret = q;
	return 0;
}

int vdev__ring_make(struct vdev_pvqueue **ret, const struct vdev_env *env,
		    const struct vdev_pvqueue_config *config)
{
	struct vdev_pvqueue_config c;
	struct vdev_env e;
	int r;

	r = vdev__env_copy(&e, env);
	if (!r)
		r = vdev__copy_in(&c, sizeof(c), sizeof(c), config);
	if (!r)
		r = check(&c);
	return r ? r : allocate(ret, &e, &c);
}

int vdev_pvqueue_new(struct vdev_pvqueue **ret_queue, const struct vdev_env *env,
		     const struct vdev_pvqueue_config *config)
{
	if (!ret_queue || !config)
		return -EINVAL;
	return vdev__ring_make(ret_queue, env, config);
}

void vdev_pvqueue_free(struct vdev_pvqueue *queue)
{
	struct vdev_env env;
	size_t n;

	if (!queue)
		return;
	env = queue->env;
	n = queue->config.max_size;
	vdev__free(&env, queue->messages, n * sizeof(*queue->messages));
	vdev__free(&env, queue->buckets, n * sizeof(*queue->buckets));
	vdev__free(&env, queue, sizeof(*queue));
}

static bool place_ok(uint64_t address, uint64_t bytes)
{
	return address % 64 == 0 && vdev__range_ok(address, bytes, UINT64_MAX);
}

bool vdev__ring_rings_ok(const struct vdev_pvqueue_rings *rings, uint32_t max_size)
{
	uint64_t bytes = vdev__ring_descriptors_bytes(rings->size);
	uint64_t events_bytes = vdev__ring_events_bytes(rings->events_size);

	if (!vdev__ring_power_of_two(rings->size) || rings->size < 2 || rings->size > max_size)
		return false;
	if (!vdev__ring_power_of_two(rings->events_size) || rings->events_size < rings->size ||
	    rings->events_size > VDEV_GUEST_EVENTS_MOST)
		return false;
	return place_ok(rings->address, bytes) && place_ok(rings->events, events_bytes) &&
	       !vdev__ring_overlap(rings->address, bytes, rings->events, events_bytes);
}

int vdev_pvqueue_start(struct vdev_pvqueue *queue, const struct vdev_pvqueue_rings *rings)
{
	struct vdev_pvqueue_rings copy;
	int r;

	if (!queue)
		return -EINVAL;
	r = vdev__copy_in(&copy, sizeof(copy), sizeof(copy), rings);
	if (r)
		return r;
	if (copy.reserved || !vdev__ring_rings_ok(&copy, queue->config.max_size))
		return -EINVAL;
	if (queue->state != VDEV_PVQUEUE_OFF)
		return -EBUSY;
	queue->rings = copy;
	queue->producer = queue->taken = 0;
	queue->produced = queue->consumed = queue->lost = 0;
	vdev__ring_table_clear(queue, copy.size);
	queue->state = VDEV_PVQUEUE_ON;
	return 0;
}

int vdev_pvqueue_stop(struct vdev_pvqueue *queue)
{
	if (!queue)
		return -EINVAL;
	if (queue->inside || queue->state == VDEV_PVQUEUE_OFF ||
	    queue->state == VDEV_PVQUEUE_STOPPING)
		return -EBUSY;
	queue->state = queue->in_flight ? VDEV_PVQUEUE_STOPPING : VDEV_PVQUEUE_OFF;
	return queue->in_flight ? 0 : VDEV_PVQUEUE_IDLE;
}

bool vdev__ring_break(struct vdev_pvqueue *q, uint64_t *counter, uint32_t index)
{
	++*counter;
	q->state = VDEV_PVQUEUE_DEAD;
	vdev__ring_trace(q, VDEV_PVQUEUE_EV_BROKEN, 0, index);
	return false;
}

bool vdev__ring_read(struct vdev_pvqueue *q, uint64_t address, void *buf, size_t size)
{
	int r;

	q->inside = true;
	r = q->config.read(q->config.user, address, buf, size);
	q->inside = false;
	return r == 0 || vdev__ring_break(q, &q->stats.broken_memory, 0);
}

bool vdev__ring_write(struct vdev_pvqueue *q, uint64_t address, const void *buf, size_t size)
{
	int r;

	q->inside = true;
	r = q->config.write(q->config.user, address, buf, size);
	q->inside = false;
	return r == 0 || vdev__ring_break(q, &q->stats.broken_memory, 0);
}

bool vdev__ring_read_u32(struct vdev_pvqueue *q, uint64_t address, uint32_t *ret_value)
{
	uint8_t b[4];

	if (!vdev__ring_read(q, address, b, sizeof(b)))
		return false;
	*ret_value = vdev__ring_u32(b);
	return true;
}

bool vdev__ring_write_u32(struct vdev_pvqueue *q, uint64_t address, uint32_t value)
{
	uint8_t b[4];

	vdev__ring_put_u32(b, value);
	return vdev__ring_write(q, address, b, sizeof(b));
}

int vdev_pvqueue_stats(const struct vdev_pvqueue *queue, struct vdev_pvqueue_stats *ret_stats,
		       size_t size)
{
	struct vdev_pvqueue_stats stats;

	if (!queue || !ret_stats)
		return -EINVAL;
	stats = queue->stats;
	stats.state = queue->state;
	stats.in_flight = queue->in_flight;
	return vdev__copy_out(ret_stats, size, &stats, sizeof(stats));
}

void vdev__ring_trace(struct vdev_pvqueue *q, uint32_t kind, uint64_t handle, uint64_t arg)
{
	struct vdev_trace t = {
		.dev = handle,
		.user_data = q->config.user_data,
		.part = VDEV_PART_PVQUEUE,
		.what = VDEV_TRACE_EVENT,
		.kind = kind,
		.arg = arg,
	};

	if (vdev__tracing(&q->env))
		q->env.trace(q->env.user, &t);
}
