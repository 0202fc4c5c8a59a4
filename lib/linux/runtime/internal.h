/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The runtime: what its files share.
 *
 * Two locks, taken in this order, neither held while a deed or a hook runs:
 *
 *   events   serialises the engine; vdev_runtime_lock() gives it to the caller
 *   state    what complete() and the counters touch, so that they may be called with `events` held
 */
#ifndef VDEV__RUNTIME_INTERNAL_H
#define VDEV__RUNTIME_INTERNAL_H

#include <pthread.h>
#include <time.h>

#include <vdev/runtime.h>

#include "../slots.h"
#include "env.h"
#include "hash.h"

#define VDEV__RUNTIME_MAX_BACKENDS 16u
#define VDEV__RUNTIME_MAX_LATER (1u << 20)
/* Room for actions that threads perform right now, beside those in the background. */
#define VDEV__RUNTIME_THREADS 64u
#define VDEV__NO_JOB UINT32_MAX

struct backend {
	struct vdev_backend_ops ops;
	void *context;
};

struct hook {
	vdev_runtime_hook call;
	void *user;
};

/* A thread inside vdev_runtime_dispatch(); lives on its stack. */
struct frame {
	struct frame *next;
	pthread_t thread;
};

enum job_state {
	JOB_PERFORMING, /* a thread is in perform() of a backend, or between two */
	JOB_EARLY, /* the same, and its completion came before that perform() has returned */
	JOB_LATER, /* a backend goes on with it in the background */
	JOB_READY, /* that backend completed it: it goes on with the next one */
	JOB_ENDED, /* no backend is left: it has to be told */
};

/* An action on its way through the backends, one after the other. */
struct job {
	struct vdev_action action;
	int32_t status; /* first error; with `state` */
	int32_t early; /* how the completion in JOB_EARLY ended it; with `state` */
	uint32_t next; /* in the list of ready ones; with `state` */
	uint32_t backend; /* the next one to be offered it; for who performs it */
	uint8_t claimed; /* a backend knew it */
	uint8_t state; /* enum job_state; with `state` */
};

struct vdev_runtime {
	struct vdev_env env;
	struct vdev_runtime_config config;
	clockid_t clock;
	int epoll_fd, timer_fd, event_fd;

	pthread_mutex_t events;
	pthread_cond_t calm; /* `urgent` became 0; with `events` */
	uint32_t urgent; /* threads that perform HIDE or what HIDE may have to wait for */
	uint64_t armed_ns; /* the timer, VDEV_NONE: off */
	struct vdev__hash hooked; /* devices hidden: HOOKS_DUE or HOOKS_DONE */

	pthread_mutex_t state;
	struct vdev_removal *removal; /* changes only while nobody dispatches */
	struct vdev_zerocopy *zerocopy; /* the same */
	struct backend backends[VDEV__RUNTIME_MAX_BACKENDS]; /* the same */
	uint32_t backend_count;
	struct hook hooks[VDEV_RUNTIME_HOOKS]; /* the same */
	struct frame *frames;
	struct vdev__slots ids; /* action id to job */
	struct job *jobs;
	uint32_t job_count; /* begun and not yet told */
	uint32_t ready_head, ready_tail; /* jobs in JOB_READY */
	struct vdev_runtime_stats stats;
};

/* job.c */
int vdev__runtime_jobs_init(struct vdev_runtime *rt);
void vdev__runtime_jobs_fini(struct vdev_runtime *rt);
/* Whether another action can be taken from the engine. */
int vdev__runtime_room(struct vdev_runtime *rt);
/* The action is being performed from now on. */
uint32_t vdev__runtime_begin(struct vdev_runtime *rt, const struct vdev_action *a);
/*
 * A backend answered: 0, VDEV_BACKEND_LATER or a negative errno. 1: go on with the next one; 0: it is
 * in the background, and no longer this thread's.
 */
int vdev__runtime_settle(struct vdev_runtime *rt, uint32_t job, int answer);
/* Takes a job that can go on with its next backend, to be performed from now on. VDEV__NO_JOB: none. */
uint32_t vdev__runtime_take_ready(struct vdev_runtime *rt);
/* All backends have ended their part: forgets the job and returns its status. */
int vdev__runtime_end(struct vdev_runtime *rt, uint32_t job);

/* Whether an action, or what a CANCEL is about, is the zero-copy engine's. */
int vdev__runtime_is_zerocopy(const struct vdev_action *a);
const char *vdev__runtime_kind_name(uint32_t kind);

/* perform.c: no lock held. 1: all backends have ended their part; 0: it is in the background. */
int vdev__runtime_offer(struct vdev_runtime *rt, uint32_t job);

/* hooks.c */
/* With `events` held, before the action is performed: whether its hooks must run first. */
int vdev__runtime_hooks_due(struct vdev_runtime *rt, const struct vdev_action *a);
/* No lock held. */
void vdev__runtime_run_hooks(struct vdev_runtime *rt, const struct vdev_action *a);

void vdev__runtime_signal(const struct vdev_runtime *rt);
void vdev__runtime_trace(const struct vdev_runtime *rt, uint32_t what, const struct vdev_action *a,
			 uint64_t arg);

#endif
