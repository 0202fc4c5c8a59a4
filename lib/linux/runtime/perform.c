/* SPDX-License-Identifier: BSD-3-Clause */
/* Offers one action to every backend and makes one answer of theirs. */
#include <errno.h>

#include "internal.h"

/* Notices: the engine goes on whether or not somebody wants to hear them. */
static int is_notice(uint32_t kind)
{
	return kind == VDEV_CANCEL || kind == VDEV_REMOVAL_OUTCOME ||
	       kind == VDEV_REMOVAL_REDECLARE || kind == VDEV_REMOVAL_ANNOUNCE;
}

static int unclaimed(struct vdev_runtime *rt, const struct vdev_action *a)
{
	if (is_notice(a->kind))
		return 0;
	pthread_mutex_lock(&rt->state);
	rt->stats.unclaimed++;
	pthread_mutex_unlock(&rt->state);
	vdev__log(&rt->env, VDEV_LOG_WARNING,
		  "runtime: no backend knows action 0x%x (%s) of device 0x%llx; add one that "
		  "performs it",
		  a->kind, vdev_removal_kind_name(a->kind), (unsigned long long)a->dev);
	return -EOPNOTSUPP;
}

/* Returns the number of backends that go on in the background. */
uint32_t vdev__runtime_offer(struct vdev_runtime *rt, const struct vdev_action *a, int *ret_status)
{
	uint32_t i, later = 0, claimed = 0;
	int status = 0;

	for (i = 0; i < rt->backend_count; i++) {
		const struct backend *b = &rt->backends[i];
		int answer = b->ops.perform(b->context, a);

		claimed += answer != -EOPNOTSUPP;
		if (answer == VDEV_BACKEND_LATER) {
			later++;
		} else if (answer > 0) {
			vdev__log(&rt->env, VDEV_LOG_ERROR,
				  "runtime: backend %s answered %d to action 0x%x (%s); 0, "
				  "VDEV_BACKEND_LATER or a negative errno is expected",
				  b->ops.name, answer, a->kind, vdev_removal_kind_name(a->kind));
			answer = -EINVAL;
		}
		if (!status && answer < 0 && answer != -EOPNOTSUPP)
			status = answer;
	}
	*ret_status = claimed ? status : unclaimed(rt, a);
	return later;
}
