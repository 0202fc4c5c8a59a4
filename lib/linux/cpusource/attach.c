/* SPDX-License-Identifier: BSD-3-Clause */
/* CPU-map providers: vCPUs come, leave, and are looked at. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

static void place(struct vdev_cpusource *s, uint32_t vcpu, const struct vdev_cpusource_look *look)
{
	s->stats.changes +=
		vdev_cpumap_set(s->config.map, s->last_ns, vcpu, look->cpu, look->state) == 1;
}

void vdev__cpusource_detach(struct vdev_cpusource *s, uint32_t vcpu)
{
	uint32_t at = s->slots[vcpu].at, last = s->order[--s->count];

	s->ops->detach(s->context, vcpu);
	s->order[at] = last;
	s->slots[last].at = at;
	s->slots[vcpu].tid = 0;
	vdev_cpumap_set(s->config.map, s->last_ns, vcpu, VDEV_CPUMAP_NOWHERE, VDEV_CPUMAP_UNKNOWN);
}

static int attach(struct vdev_cpusource *s, uint32_t vcpu, int32_t tid, uint32_t here)
{
	struct slot *slot = &s->slots[vcpu];
	int err;

	if (slot->tid)
		return -EEXIST;
	err = s->ops->attach(s->context, vcpu, tid, here);
	if (err)
		return vdev__cpusource_because(s, err, "vCPU %u: %s cannot look at thread %d: %s",
					       (unsigned int)vcpu, s->ops->name, (int)tid,
					       strerror(-err));
	slot->tid = tid;
	slot->here = here;
	slot->at = s->count;
	s->order[s->count++] = vcpu;
	return 0;
}

int vdev_cpusource_add(struct vdev_cpusource *source, uint32_t vcpu, int32_t tid)
{
	int err;

	if (!source || vcpu >= source->vcpus || tid <= 0)
		return -EINVAL;
	pthread_mutex_lock(&source->lock);
	if (source->ops->facts & VDEV_CPUSOURCE_HERE_ONLY)
		err = vdev__cpusource_because(source, -EOPNOTSUPP,
					      "%s needs that each thread attaches itself: "
					      "vdev_cpusource_here()",
					      source->ops->name);
	else
		err = attach(source, vcpu, tid, 0);
	pthread_mutex_unlock(&source->lock);
	return err;
}

int vdev_cpusource_here(struct vdev_cpusource *source, uint32_t vcpu)
{
	int err;

	if (!source || vcpu >= source->vcpus)
		return -EINVAL;
	if (!source->own)
		return -EXDEV;
	/* First: from then on this thread's end is seen. */
	err = vdev__cpusource_watch_exit();
	if (err)
		return err;
	pthread_mutex_lock(&source->lock);
	err = attach(source, vcpu, gettid(), 1);
	pthread_mutex_unlock(&source->lock);
	return err;
}

int vdev_cpusource_gone(struct vdev_cpusource *source, uint32_t vcpu)
{
	int err = 0;

	if (!source || vcpu >= source->vcpus)
		return -EINVAL;
	pthread_mutex_lock(&source->lock);
	if (!source->slots[vcpu].tid)
		err = -ENOENT;
	else if (!source->slots[vcpu].here || source->slots[vcpu].tid != gettid())
		err = -EPERM;
	else
		vdev__cpusource_detach(source, vcpu);
	pthread_mutex_unlock(&source->lock);
	return err;
}

int vdev_cpusource_remove(struct vdev_cpusource *source, uint32_t vcpu)
{
	int err = -ENOENT;

	if (!source || vcpu >= source->vcpus)
		return -EINVAL;
	pthread_mutex_lock(&source->lock);
	if (source->slots[vcpu].tid) {
		vdev__cpusource_detach(source, vcpu);
		err = 0;
	}
	pthread_mutex_unlock(&source->lock);
	return err;
}

/* 1: it is on a CPU. */
static int look(struct vdev_cpusource *s, uint32_t vcpu)
{
	const struct vdev_cpusource_look nowhere = {VDEV_CPUMAP_NOWHERE, VDEV_CPUMAP_UNKNOWN};
	struct vdev_cpusource_look found = nowhere;
	int err = s->ops->look(s->context, vcpu, &found);

	s->stats.looks++;
	if (!err && (found.cpu >= s->cpus || found.state > VDEV_CPUMAP_SLEEPING))
		err = -ERANGE;
	place(s, vcpu, err ? &nowhere : &found);
	if (!err)
		return 1;
	s->stats.nowhere++;
	if (err == -ESRCH) {
		vdev__cpusource_detach(s, vcpu);
		s->stats.lost++;
	} else if (err != -ENOENT) {
		s->stats.failed++;
	}
	return 0;
}

int vdev_cpusource_refresh(struct vdev_cpusource *source, uint64_t now_ns)
{
	struct vdev_cpusource *s = source;
	int found = 0;
	uint32_t i;

	if (!s)
		return -EINVAL;
	pthread_mutex_lock(&s->lock);
	s->last_ns = now_ns > s->last_ns ? now_ns : s->last_ns;
	/* Backwards: the last one comes into the place of one that is lost. */
	for (i = s->count; i-- > 0;)
		found += look(s, s->order[i]);
	s->stats.refreshes++;
	vdev_cpumap_refreshed(s->config.map, now_ns);
	pthread_mutex_unlock(&s->lock);
	return found;
}
