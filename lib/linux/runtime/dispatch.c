/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop: time, what was completed, actions, until there is nothing left to do.
 *
 *   step --> completed: the other backends --> next --1--> hooks --> backends --> (again)
 *                                                 \--0--> urgent elsewhere? wait, again : timer, out
 *
 * done() follows the last backend, in whichever thread that was.
 *
 * A thread that reported an acknowledgement returns only when the device is hidden (R8). So it waits
 * for a HIDE in another thread, and for the deeds there that can be what HIDE has to wait for: an
 * operation has one action outstanding, and the guest may answer before WARN, or the outcome that
 * tells of it, has returned. Such a deed counts from next() to done(), without a gap in which neither
 * it nor what follows can be seen.
 */
#include <errno.h>
#include <limits.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "internal.h"

/* Before anything is looked at: what happens from here on makes the fd readable again. */
static void drain_fds(struct vdev_runtime *rt)
{
	uint64_t count;
	int saved = errno;

	if (read(rt->event_fd, &count, sizeof(count)) < 0)
		errno = saved; /* EAGAIN: not signalled */
	if (read(rt->timer_fd, &count, sizeof(count)) < 0)
		errno = saved;
	else
		rt->armed_ns = VDEV_NONE;
}

static void arm_timer(struct vdev_runtime *rt)
{
	struct itimerspec spec = {.it_value = {0, 0}};
	uint64_t ns = VDEV_NONE, other;

	if (rt->removal)
		vdev_removal_deadline(rt->removal, &ns);
	if (rt->zerocopy && vdev_zerocopy_deadline(rt->zerocopy, &other) == 1 && other < ns)
		ns = other;
	if (ns == rt->armed_ns)
		return;
	rt->armed_ns = ns;
	if (ns != VDEV_NONE) {
		spec.it_value.tv_sec = (time_t)(ns / 1000000000u);
		spec.it_value.tv_nsec = ns ? (long)(ns % 1000000000u) : 1; /* 0 would disarm */
	}
	timerfd_settime(rt->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void tell(struct vdev_runtime *rt, uint32_t job)
{
	struct vdev_action a = rt->jobs[job].action;
	int status = vdev__runtime_end(rt, job);

	vdev__runtime_trace(rt, VDEV_TRACE_DONE, &a, (uint64_t)(int64_t)status);
	/* The engine may have given it up meanwhile; it counts and forgets such a done(). It is there:
	 * nobody detaches it while an action is out. */
	if (vdev__runtime_is_zerocopy(&a))
		vdev_zerocopy_done(rt->zerocopy, vdev_runtime_now(rt), a.id, status);
	else
		vdev_removal_done(rt->removal, vdev_runtime_now(rt), a.id, status);
}

static int is_urgent(uint32_t kind)
{
	return kind == VDEV_REMOVAL_HIDE || kind == VDEV_REMOVAL_WARN ||
	       kind == VDEV_REMOVAL_UNWARN || kind == VDEV_REMOVAL_OUTCOME ||
	       kind == VDEV_REMOVAL_REDECLARE;
}

/* Called with `events` held, which is let go while hooks and backends run. */
static void perform(struct vdev_runtime *rt, uint32_t job, int hooks)
{
	int urgent = is_urgent(rt->jobs[job].action.kind);
	int ended;

	rt->urgent += (uint32_t)urgent;
	pthread_mutex_unlock(&rt->events);
	if (hooks)
		vdev__runtime_run_hooks(rt, &rt->jobs[job].action);
	ended = vdev__runtime_offer(rt, job);
	pthread_mutex_lock(&rt->events);
	if (ended)
		tell(rt, job);
	if (urgent && !--rt->urgent)
		pthread_cond_broadcast(&rt->calm);
}

/* Removals first: a guest may wait for them. */
static int take(struct vdev_runtime *rt, struct vdev_action *a)
{
	if (rt->removal && vdev_removal_next(rt->removal, a, sizeof(*a)) == 1)
		return 1;
	return rt->zerocopy && vdev_zerocopy_next(rt->zerocopy, a, sizeof(*a)) == 1;
}

/* Begins the engines' next action. 0: there is none, or no room to track it. */
static int next(struct vdev_runtime *rt)
{
	struct vdev_action a;
	uint32_t job;

	if (!vdev__runtime_room(rt) || !take(rt, &a))
		return 0;
	job = vdev__runtime_begin(rt, &a);
	perform(rt, job, vdev__runtime_hooks_due(rt, &a));
	return 1;
}

static int run(struct vdev_runtime *rt)
{
	int performed = 0;
	uint32_t job;

	drain_fds(rt);
	for (;;) {
		if (rt->removal)
			vdev_removal_step(rt->removal, vdev_runtime_now(rt));
		if (rt->zerocopy)
			vdev_zerocopy_step(rt->zerocopy, vdev_runtime_now(rt));
		while ((job = vdev__runtime_take_ready(rt)) != VDEV__NO_JOB)
			perform(rt, job, 0);
		if (next(rt))
			performed += performed < INT_MAX;
		else if (rt->urgent)
			pthread_cond_wait(&rt->calm, &rt->events);
		else
			break;
	}
	arm_timer(rt);
	return performed;
}

/* -EBUSY: this thread is in it already. */
static int enter(struct vdev_runtime *rt, struct frame *frame)
{
	const struct frame *f;

	frame->thread = pthread_self();
	pthread_mutex_lock(&rt->state);
	for (f = rt->frames; f && !pthread_equal(f->thread, frame->thread);)
		f = f->next;
	if (!f) {
		frame->next = rt->frames;
		rt->frames = frame;
	}
	pthread_mutex_unlock(&rt->state);
	return f ? -EBUSY : 0;
}

static void leave(struct vdev_runtime *rt, struct frame *frame, int dispatched)
{
	struct frame **link = &rt->frames;

	pthread_mutex_lock(&rt->state);
	while (*link != frame)
		link = &(*link)->next;
	*link = frame->next;
	rt->stats.dispatches += (uint64_t)dispatched;
	pthread_mutex_unlock(&rt->state);
}

int vdev_runtime_dispatch(struct vdev_runtime *runtime)
{
	struct frame frame;
	int ret;

	if (!runtime)
		return -EINVAL;
	ret = enter(runtime, &frame);
	if (ret)
		return ret;
	ret = -pthread_mutex_lock(&runtime->events);
	if (!ret) {
		ret = run(runtime);
		pthread_mutex_unlock(&runtime->events);
	}
	leave(runtime, &frame, ret >= 0);
	return ret;
}
