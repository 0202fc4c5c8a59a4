/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Actions on their way through the backends, one backend after the other.
 *
 *   begin --> PERFORMING --settle: LATER--> LATER --complete()--> READY --take_ready--> (*)
 *               | \--complete()--> EARLY --settle--> (*)
 *               \--settle: done or failed--> (*)      (*): PERFORMING, by the next backend, or ENDED
 *
 * At most one backend has it in the background at a time, so an id and the state say all.
 */
#include <errno.h>

#include "internal.h"

int vdev__runtime_jobs_init(struct vdev_runtime *rt)
{
	int err =
		vdev__slots_init(&rt->ids, &rt->env, rt->config.max_later + VDEV__RUNTIME_THREADS);

	rt->ready_head = rt->ready_tail = VDEV__NO_JOB;
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

/* Nothing can be completed any more once the last backend has ended its part. */
static void set_performing(const struct vdev_runtime *rt, struct job *j)
{
	j->state = j->backend < rt->backend_count ? JOB_PERFORMING : JOB_ENDED;
}

uint32_t vdev__runtime_begin(struct vdev_runtime *rt, const struct vdev_action *a)
{
	uint32_t job;

	pthread_mutex_lock(&rt->state);
	job = vdev__slots_put(&rt->ids, a->id);
	rt->jobs[job] = (struct job){.action = *a};
	set_performing(rt, &rt->jobs[job]);
	rt->job_count++;
	rt->stats.actions++;
	pthread_mutex_unlock(&rt->state);
	vdev__runtime_trace(rt, VDEV_TRACE_ACTION, a, a->arg[0]);
	return job;
}

static void log_full(const struct vdev_runtime *rt)
{
	vdev__log(&rt->env, VDEV_LOG_WARNING,
		  "runtime: %u actions are in the background (max_later); further ones wait until "
		  "one of them ends",
		  rt->config.max_later);
}

/* It may be a second completion of the backend before: it decides nothing. */
static void log_not_later(const struct vdev_runtime *rt, uint64_t id, int answer)
{
	vdev__log(&rt->env, VDEV_LOG_ERROR,
		  "runtime: action %llu was completed while a backend performed it that then "
		  "answered %d: ignored; complete what was answered VDEV_BACKEND_LATER, once",
		  (unsigned long long)id, answer);
}

/* The first error is the action's. */
static void note_status(struct job *j, int status)
{
	if (!j->status && status < 0)
		j->status = status;
}

int vdev__runtime_settle(struct vdev_runtime *rt, uint32_t job, int answer)
{
	struct job *j = &rt->jobs[job];
	int early, goes_on, full;

	pthread_mutex_lock(&rt->state);
	early = j->state == JOB_EARLY;
	goes_on = early || answer != VDEV_BACKEND_LATER;
	j->state = JOB_LATER;
	if (goes_on)
		set_performing(rt, j);
	if (answer != -EOPNOTSUPP)
		note_status(j, answer == VDEV_BACKEND_LATER && early ? j->early : answer);
	full = !goes_on && ++rt->stats.later == rt->config.max_later;
	pthread_mutex_unlock(&rt->state);
	if (full)
		log_full(rt);
	if (early && answer != VDEV_BACKEND_LATER)
		log_not_later(rt, j->action.id, answer);
	return goes_on;
}

uint32_t vdev__runtime_take_ready(struct vdev_runtime *rt)
{
	uint32_t job;

	pthread_mutex_lock(&rt->state);
	job = rt->ready_head;
	if (job != VDEV__NO_JOB) {
		set_performing(rt, &rt->jobs[job]);
		rt->ready_head = rt->jobs[job].next;
		rt->stats.later--;
	}
	pthread_mutex_unlock(&rt->state);
	return job;
}

int vdev__runtime_end(struct vdev_runtime *rt, uint32_t job)
{
	int status;

	pthread_mutex_lock(&rt->state);
	status = rt->jobs[job].status;
	vdev__slots_del(&rt->ids, job);
	rt->job_count--;
	rt->stats.failed += status < 0;
	pthread_mutex_unlock(&rt->state);
	return status;
}

static void append_ready(struct vdev_runtime *rt, uint32_t job)
{
	rt->jobs[job].state = JOB_READY;
	rt->jobs[job].next = VDEV__NO_JOB;
	if (rt->ready_head == VDEV__NO_JOB)
		rt->ready_head = job;
	else
		rt->jobs[rt->ready_tail].next = job;
	rt->ready_tail = job;
}

/* Returns 1 when a dispatch has to go on with it. */
static int complete(struct vdev_runtime *rt, uint64_t action_id, int status)
{
	uint32_t job = vdev__slots_find(&rt->ids, action_id);
	struct job *j;

	if (job == VDEV__NO_SLOT)
		return -ENOENT;
	j = &rt->jobs[job];
	switch (j->state) {
	case JOB_PERFORMING:
		j->state = JOB_EARLY;
		j->early = status;
		return 0;
	case JOB_LATER:
		note_status(j, status);
		append_ready(rt, job);
		return 1;
	default:
		return -ENOENT;
	}
}

int vdev_runtime_complete(struct vdev_runtime *runtime, uint64_t action_id, int status)
{
	int ready;

	if (!runtime || status > 0)
		return -EINVAL;
	pthread_mutex_lock(&runtime->state);
	ready = complete(runtime, action_id, status);
	pthread_mutex_unlock(&runtime->state);
	if (ready < 0)
		return ready;
	if (ready)
		vdev__runtime_signal(runtime);
	return 0;
}
