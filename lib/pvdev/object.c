/* SPDX-License-Identifier: BSD-3-Clause */
/* The object: configuration, quota, counters, trace. */
#include "internal.h"

/* A guest to which MESSAGES are offered finds queues, and nobody else does. */
static bool queues_ok(struct vdev_pvdev_config *c)
{
	if (!c->queue_size)
		c->queue_size = 256;
	return c->queues <= VDEV_GUEST_QUEUES && (c->queue_size & (c->queue_size - 1u)) == 0 &&
	       c->queue_size >= 2 && c->queue_size <= VDEV_GUEST_QUEUE_MOST &&
	       (c->queues != 0) == ((c->features & PVDEV_MESSAGES) != 0);
}

static int check(struct vdev_pvdev_config *c)
{
	if (!c->removal || c->reserved || c->max_events > PVDEV_MAX_EVENTS)
		return -EINVAL;
	if (!c->features)
		c->features = PVDEV_FEATURES | (c->queues ? PVDEV_MESSAGES | PVDEV_HINTS : 0);
	if (!vdev__pvdev_features_ok(c->features, PVDEV_FEATURES | PVDEV_MESSAGES | PVDEV_HINTS))
		return -EINVAL;
	if (!queues_ok(c))
		return -EINVAL;
	if (!c->max_events)
		c->max_events = 256;
	if (!c->command_quota)
		c->command_quota = 4096;
	if (!c->quota_period_ns)
		c->quota_period_ns = 1000000000u;
	return 0;
}

static int allocate(struct vdev_pvdev **ret, const struct vdev_env *env,
		    const struct vdev_pvdev_config *config)
{
	struct vdev_pvdev *p = vdev__alloc(env, 1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->env = *env;
	p->config = *config;
	p->next_cookie = 1;
	p->events = vdev__alloc(env, config->max_events + 1u, sizeof(*p->events));
	p->requests = vdev__alloc(env, config->max_events, sizeof(*p->requests));
	if (config->queues)
		p->queues = vdev__alloc(env, config->queues, sizeof(*p->queues));
	if (!p->events || !p->requests || (config->queues && !p->queues)) {
		vdev_pvdev_free(p);
		return -ENOMEM;
	}
	*ret = p;
	return 0;
}

int vdev__pvdev_make(struct vdev_pvdev **ret, const struct vdev_env *env,
		     const struct vdev_pvdev_config *config)
{
	struct vdev_pvdev_config c;
	struct vdev_env e;
	int r;

	r = vdev__env_copy(&e, env);
	if (!r)
		r = vdev__copy_in(&c, sizeof(c), sizeof(c), config);
	if (!r)
		r = check(&c);
	return r ? r : allocate(ret, &e, &c);
}

int vdev_pvdev_new(struct vdev_pvdev **ret_pvdev, const struct vdev_env *env,
		   const struct vdev_pvdev_config *config)
{
	if (!ret_pvdev || !config)
		return -EINVAL;
	return vdev__pvdev_make(ret_pvdev, env, config);
}

void vdev_pvdev_free(struct vdev_pvdev *pvdev)
{
	struct vdev_env env;
	size_t n;

	if (!pvdev)
		return;
	env = pvdev->env;
	n = pvdev->config.max_events;
	vdev__free(&env, pvdev->events, (n + 1u) * sizeof(*pvdev->events));
	vdev__free(&env, pvdev->requests, n * sizeof(*pvdev->requests));
	vdev__free(&env, pvdev->queues, pvdev->config.queues * sizeof(*pvdev->queues));
	vdev__free(&env, pvdev, sizeof(*pvdev));
}

int vdev_pvdev_reset(struct vdev_pvdev *pvdev, uint64_t now_ns)
{
	if (!pvdev)
		return -EINVAL;
	vdev__pvdev_clock(pvdev, now_ns);
	return vdev__pvdev_clear(pvdev);
}

int vdev_pvdev_line(const struct vdev_pvdev *pvdev)
{
	if (!pvdev)
		return -EINVAL;
	return (pvdev->n_events && pvdev->irq_enable) || pvdev->queue_irq;
}

int vdev_pvdev_stats(const struct vdev_pvdev *pvdev, struct vdev_pvdev_stats *ret_stats,
		     size_t size)
{
	if (!pvdev || !ret_stats)
		return -EINVAL;
	return vdev__copy_out(ret_stats, size, &pvdev->stats, sizeof(pvdev->stats));
}

bool vdev__pvdev_reaches(const struct vdev_pvdev *p, const struct vdev_removal_info *unit)
{
	struct vdev_removal_info slot;

	if (unit->transport != VDEV_REMOVAL_NO_TRANSPORT || !unit->parent)
		return unit->transport == VDEV_REMOVAL_PVDEV;
	return vdev_removal_get(p->config.removal, unit->parent, &slot, sizeof(slot)) == 0 &&
	       slot.unit_class == VDEV_REMOVAL_PCI_SLOT && slot.transport == VDEV_REMOVAL_PVDEV;
}

bool vdev__pvdev_charge(struct vdev_pvdev *p, uint32_t cost)
{
	if (p->now >= p->period_end) {
		p->period_end = vdev__sat_add(p->now, p->config.quota_period_ns);
		p->used = 0;
	}
	if (cost > p->config.command_quota - p->used) {
		p->stats.over_quota++;
		return false;
	}
	p->used += cost;
	return true;
}

void vdev__pvdev_trace(struct vdev_pvdev *p, uint32_t kind, uint64_t dev, uint64_t user_data,
		       uint64_t arg)
{
	struct vdev_trace t = {
		.now_ns = p->now,
		.dev = dev,
		.user_data = user_data,
		.part = VDEV_PART_PVDEV,
		.what = VDEV_TRACE_EVENT,
		.kind = kind,
		.arg = arg,
	};

	if (vdev__tracing(&p->env))
		p->env.trace(p->env.user, &t);
}
