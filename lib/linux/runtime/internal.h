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

/*
 * An action that is being performed or goes on in the background.
 *
 * Backends may complete it before their perform() has returned, so completions are counted from the
 * beginning and compared with the number of LATER answers once that is known.
 */
struct job {
	struct vdev_action action;
	int32_t status; /* first error */
	uint32_t came; /* completions so far */
	uint32_t wanted; /* completions needed; known when not performing */
	uint32_t next; /* in the list of ended ones */
	uint8_t performing;
	uint8_t ended;
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
	struct backend backends[VDEV__RUNTIME_MAX_BACKENDS]; /* the same */
	uint32_t backend_count;
	struct hook hooks[VDEV_RUNTIME_HOOKS]; /* the same */
	struct frame *frames;
	struct vdev__slots ids; /* action id to job */
	struct job *jobs;
	uint32_t job_count; /* performing, in the background, or ended and not yet told */
	uint32_t ended_head, ended_tail; /* jobs whose last completion came */
	struct vdev_runtime_stats stats;
};

/* job.c */
int vdev__runtime_jobs_init(struct vdev_runtime *rt);
void vdev__runtime_jobs_fini(struct vdev_runtime *rt);
/* Whether another action can be taken from the engine. */
int vdev__runtime_room(struct vdev_runtime *rt);
/* The action is being performed from now on. */
uint32_t vdev__runtime_begin(struct vdev_runtime *rt, const struct vdev_action *a);
/* All backends answered: `later` of them LATER. 1: it ended, with *ret_status; 0: it goes on. */
int vdev__runtime_settle(struct vdev_runtime *rt, uint32_t job, uint32_t later, int status,
			 int *ret_status);
/* Takes a job whose last completion came. 1: *ret_action ended with *ret_status; 0: none. */
int vdev__runtime_take_ended(struct vdev_runtime *rt, struct vdev_action *ret_action,
			     int *ret_status);

/* perform.c: no lock held */
uint32_t vdev__runtime_offer(struct vdev_runtime *rt, const struct vdev_action *a, int *ret_status);

/* hooks.c */
/* With `events` held, before the action is performed: whether its hooks must run first. */
int vdev__runtime_hooks_due(struct vdev_runtime *rt, const struct vdev_action *a);
/* No lock held. */
void vdev__runtime_run_hooks(struct vdev_runtime *rt, const struct vdev_action *a);

void vdev__runtime_signal(const struct vdev_runtime *rt);
void vdev__runtime_trace(const struct vdev_runtime *rt, uint32_t what, const struct vdev_action *a,
			 uint64_t arg);

#endif
