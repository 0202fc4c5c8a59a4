/* SPDX-License-Identifier: BSD-3-Clause */
/* Offers one action to the backends in sequence and makes one answer of theirs. */
#include <errno.h>

#include "internal.h"

int vdev__runtime_is_zerocopy(const struct vdev_action *a)
{
	uint64_t kind = a->kind == VDEV_CANCEL ? a->arg[1] : a->kind;

	return kind >= VDEV_ZEROCOPY_OFFLINE && kind <= VDEV_ZEROCOPY_REFUSED;
}

const char *vdev__runtime_kind_name(uint32_t kind)
{
	return kind > VDEV_KIND_ZEROCOPY ? vdev_zerocopy_kind_name(kind)
					 : vdev_removal_kind_name(kind);
}

/* Notices: the engine goes on whether or not somebody wants to hear them. */
static int is_notice(uint32_t kind)
{
	return kind == VDEV_CANCEL || kind == VDEV_REMOVAL_OUTCOME ||
	       kind == VDEV_REMOVAL_REDECLARE || kind == VDEV_REMOVAL_ANNOUNCE ||
	       kind == VDEV_ZEROCOPY_REFUSED;
}

static void refuse(struct vdev_runtime *rt, struct job *j)
{
	const struct vdev_action *a = &j->action;

	pthread_mutex_lock(&rt->state);
	j->status = -EOPNOTSUPP;
	rt->stats.unclaimed++;
	pthread_mutex_unlock(&rt->state);
	vdev__log(&rt->env, VDEV_LOG_WARNING,
		  "runtime: no backend knows action 0x%x (%s) of device 0x%llx; add one that "
		  "performs it",
		  a->kind, vdev__runtime_kind_name(a->kind), (unsigned long long)a->dev);
}

/* What one backend answers: 0, VDEV_BACKEND_LATER or a negative errno. */
static int ask(const struct vdev_runtime *rt, const struct backend *b, const struct vdev_action *a)
{
	int answer = b->ops.perform(b->context, a);

	if (answer <= 0 || answer == VDEV_BACKEND_LATER)
		return answer;
	vdev__log(&rt->env, VDEV_LOG_ERROR,
		  "runtime: backend %s answered %d to action 0x%x (%s); 0, VDEV_BACKEND_LATER or a "
		  "negative errno is expected",
		  b->ops.name, answer, a->kind, vdev__runtime_kind_name(a->kind));
	return -EINVAL;
}

/*
 * A failure does not keep the action from the backends that follow: what one could not end must not
 * stay attached in another.
 */
int vdev__runtime_offer(struct vdev_runtime *rt, uint32_t job)
{
	struct job *j = &rt->jobs[job];

	while (j->backend < rt->backend_count) {
		int answer = ask(rt, &rt->backends[j->backend++], &j->action);

		j->claimed |= answer != -EOPNOTSUPP;
		if (!vdev__runtime_settle(rt, job, answer))
			return 0;
	}
	if (!j->claimed && !is_notice(j->action.kind))
		refuse(rt, j);
	return 1;
}
