/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Actions that are being performed or go on in the background.
 *
 *   begin --> performing --settle, all completions came--> ended at once
 *                        \-settle--> background --last complete()--> ended, told by dispatch()
 */
#include <errno.h>

#include "internal.h"

int vdev__runtime_jobs_init(struct vdev_runtime *rt)
{
	int err =
		vdev__slots_init(&rt->ids, &rt->env, rt->config.max_later + VDEV__RUNTIME_THREADS);

	rt->ended_head = rt->ended_tail = VDEV__NO_JOB;
	if (err)
		return err;
	rt->jobs = vdev__alloc(&rt->env, rt->ids.size, sizeof(*rt->jobs));
	return rt->jobs ? 0 : -ENOMEM;
}

void vdev__runtime_jobs_fini(struct vdev_runtime *rt)
{
	vdev__free(&rt->env, rt->jobs, rt->ids.size * sizeof(*rt->jobs));
	vdev__slots_fini(&rt->ids, &rt->env);
}

/*
 * What could not be tracked is not begun: an action reported as failed that went on all the same
 * could touch a device which the next step frees.
 */
int vdev__runtime_room(struct vdev_runtime *rt)
{
	int room;

	pthread_mutex_lock(&rt->state);
	room = rt->stats.later < rt->config.max_later &&
	       rt->job_count < rt->config.max_later + VDEV__RUNTIME_THREADS;
	pthread_mutex_unlock(&rt->state);
	return room;
}

uint32_t vdev__runtime_begin(struct vdev_runtime *rt, const struct vdev_action *a)
{
	uint32_t job;

	pthread_mutex_lock(&rt->state);
	job = vdev__slots_put(&rt->ids, a->id);
	rt->jobs[job] = (struct job){.action = *a, .performing = 1};
	rt->job_count++;
	rt->stats.actions++;
	pthread_mutex_unlock(&rt->state);
	vdev__runtime_trace(rt, VDEV_TRACE_ACTION, a, a->arg[0]);
	return job;
}

static void forget(struct vdev_runtime *rt, uint32_t job)
{
	vdev__slots_del(&rt->ids, job);
	rt->job_count--;
}

static void log_settled(const struct vdev_runtime *rt, uint64_t id, uint32_t later, uint32_t came,
			int full)
{
	if (came > later)
		vdev__log(&rt->env, VDEV_LOG_ERROR,
			  "runtime: action %llu was completed %u times, but %u backends answered "
			  "VDEV_BACKEND_LATER; complete only what was answered so",
			  (unsigned long long)id, came, later);
	if (full)
		vdev__log(
			&rt->env, VDEV_LOG_WARNING,
			"runtime: %u actions are in the background (max_later); further ones wait "
			"until one of them ends",
			rt->config.max_later);
}

int vdev__runtime_settle(struct vdev_runtime *rt, uint32_t job, uint32_t later, int status,
			 int *ret_status)
{
	struct job *j = &rt->jobs[job];
	int ended, full = 0;
	uint32_t came;
	uint64_t id;

	pthread_mutex_lock(&rt->state);
	id = j->action.id;
	came = j->came;
	if (!status)
		status = j->status;
	ended = came >= later;
	if (ended) {
		forget(rt, job);
	} else {
		j->status = status;
		j->wanted = later;
		j->performing = 0;
		full = ++rt->stats.later == rt->config.max_later;
	}
	pthread_mutex_unlock(&rt->state);
	log_settled(rt, id, later, came, full);
	*ret_status = status;
	return ended;
}

int vdev__runtime_take_ended(struct vdev_runtime *rt, struct vdev_action *ret_action,
			     int *ret_status)
{
	uint32_t job;

	pthread_mutex_lock(&rt->state);
	job = rt->ended_head;
	if (job != VDEV__NO_JOB) {
		*ret_action = rt->jobs[job].action;
		*ret_status = rt->jobs[job].status;
		rt->ended_head = rt->jobs[job].next;
		if (rt->ended_head == VDEV__NO_JOB)
			rt->ended_tail = VDEV__NO_JOB;
		rt->stats.later--;
		forget(rt, job);
	}
	pthread_mutex_unlock(&rt->state);
	return job != VDEV__NO_JOB;
}

static void append_ended(struct vdev_runtime *rt, uint32_t job)
{
	rt->jobs[job].ended = 1;
	rt->jobs[job].next = VDEV__NO_JOB;
	if (rt->ended_tail == VDEV__NO_JOB)
		rt->ended_head = job;
	else
		rt->jobs[rt->ended_tail].next = job;
	rt->ended_tail = job;
}

/* Returns 1 when it was the last one that the action waited for. */
static int complete(struct vdev_runtime *rt, uint64_t action_id, int status)
{
	uint32_t job = vdev__slots_find(&rt->ids, action_id);
	struct job *j;

	if (job == VDEV__NO_SLOT)
		return -ENOENT;
	j = &rt->jobs[job];
	/* While it is being performed nobody knows yet how many backends will answer LATER. */
	if (j->ended || (j->performing && j->came == rt->backend_count))
		return -ENOENT;
	j->came++;
	if (!j->status)
		j->status = status;
	if (j->performing || j->came < j->wanted)
		return 0;
	append_ended(rt, job);
	return 1;
}

int vdev_runtime_complete(struct vdev_runtime *runtime, uint64_t action_id, int status)
{
	int ended;

	if (!runtime || status > 0)
		return -EINVAL;
	pthread_mutex_lock(&runtime->state);
	ended = complete(runtime, action_id, status);
	pthread_mutex_unlock(&runtime->state);
	if (ended < 0)
		return ended;
	if (ended)
		vdev__runtime_signal(runtime);
	return 0;
}
