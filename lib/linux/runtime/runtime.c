/* SPDX-License-Identifier: BSD-3-Clause */
/* The runtime: its life, its fds, and what is attached to it. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "internal.h"

static int bad_config(const struct vdev_runtime_config *c)
{
	return c->flags & ~VDEV_RUNTIME_BOOTTIME || !c->max_backends ||
	       c->max_backends > VDEV__RUNTIME_MAX_BACKENDS || !c->max_later ||
	       c->max_later > VDEV__RUNTIME_MAX_LATER;
}

static int watch(int epoll_fd, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int open_fds(struct vdev_runtime *rt)
{
	rt->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (rt->epoll_fd < 0)
		return -errno;
	rt->timer_fd = timerfd_create(rt->clock, TFD_NONBLOCK | TFD_CLOEXEC);
	if (rt->timer_fd < 0)
		return -errno;
	rt->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (rt->event_fd < 0)
		return -errno;
	if (watch(rt->epoll_fd, rt->timer_fd) || watch(rt->epoll_fd, rt->event_fd))
		return -errno;
	return 0;
}

static void init_locks(struct vdev_runtime *rt)
{
	pthread_mutexattr_t attr;

	/* None of these needs a resource that could be missing. */
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&rt->events, &attr);
	pthread_mutexattr_destroy(&attr);
	pthread_mutex_init(&rt->state, NULL);
	pthread_cond_init(&rt->calm, NULL);
}

int vdev_runtime_new(struct vdev_runtime **ret_runtime, const struct vdev_env *env,
		     const struct vdev_runtime_config *config)
{
	struct vdev_runtime_config c;
	struct vdev_runtime *rt;
	struct vdev_env e;
	int saved = errno;
	int err = vdev__env_copy(&e, env);

	if (!err)
		err = vdev__copy_in(&c, sizeof(c), sizeof(c), config);
	if (!err && (!ret_runtime || bad_config(&c)))
		err = -EINVAL;
	if (err)
		return err;
	rt = vdev__alloc(&e, 1, sizeof(*rt));
	if (!rt)
		return -ENOMEM;
	rt->env = e;
	rt->config = c;
	rt->clock = c.flags & VDEV_RUNTIME_BOOTTIME ? CLOCK_BOOTTIME : CLOCK_MONOTONIC;
	rt->epoll_fd = rt->timer_fd = rt->event_fd = -1;
	rt->armed_ns = VDEV_NONE;
	init_locks(rt);
	vdev__hash_init(&rt->hooked, &rt->env);
	err = vdev__runtime_jobs_init(rt);
	if (!err)
		err = open_fds(rt);
	if (err)
		vdev_runtime_free(rt);
	else
		*ret_runtime = rt;
	errno = saved;
	return err;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void vdev_runtime_free(struct vdev_runtime *runtime)
{
	struct vdev_env env;
	int saved = errno;

	if (!runtime)
		return;
	env = runtime->env;
	close_fd(runtime->event_fd);
	close_fd(runtime->timer_fd);
	close_fd(runtime->epoll_fd);
	vdev__hash_fini(&runtime->hooked);
	vdev__runtime_jobs_fini(runtime);
	pthread_cond_destroy(&runtime->calm);
	pthread_mutex_destroy(&runtime->state);
	pthread_mutex_destroy(&runtime->events);
	vdev__free(&env, runtime, sizeof(*runtime));
	errno = saved;
}

int vdev_runtime_fd(const struct vdev_runtime *runtime)
{
	return runtime ? runtime->epoll_fd : -EINVAL;
}

uint64_t vdev_runtime_now(const struct vdev_runtime *runtime)
{
	struct timespec ts;

	if (!runtime)
		return 0;
	clock_gettime(runtime->clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int vdev_runtime_add_backend(struct vdev_runtime *runtime, const struct vdev_backend_ops *ops,
			     void *backend)
{
	struct backend b = {.context = backend};
	int err;

	if (!runtime)
		return -EINVAL;
	err = vdev__copy_in(&b.ops, sizeof(b.ops), sizeof(b.ops), ops);
	if (err)
		return err;
	if (b.ops.reserved || !b.ops.name || !b.ops.perform)
		return -EINVAL;
	pthread_mutex_lock(&runtime->state);
	if (runtime->frames)
		err = -EBUSY;
	else if (runtime->backend_count == runtime->config.max_backends)
		err = -ENOSPC;
	else
		runtime->backends[runtime->backend_count++] = b;
	pthread_mutex_unlock(&runtime->state);
	return err;
}

int vdev_runtime_set_removal(struct vdev_runtime *runtime, struct vdev_removal *removal)
{
	int err = 0;

	if (!runtime)
		return -EINVAL;
	pthread_mutex_lock(&runtime->state);
	if (runtime->frames || runtime->job_count || (removal && runtime->removal))
		err = -EBUSY;
	else
		runtime->removal = removal;
	/* Another engine may use the same handles for other devices. */
	if (!err)
		vdev__hash_fini(&runtime->hooked);
	pthread_mutex_unlock(&runtime->state);
	if (!err)
		vdev__runtime_signal(runtime);
	return err;
}

int vdev_runtime_set_zerocopy(struct vdev_runtime *runtime, struct vdev_zerocopy *zerocopy)
{
	int err = 0;

	if (!runtime)
		return -EINVAL;
	pthread_mutex_lock(&runtime->state);
	if (runtime->frames || runtime->job_count || (zerocopy && runtime->zerocopy))
		err = -EBUSY;
	else
		runtime->zerocopy = zerocopy;
	pthread_mutex_unlock(&runtime->state);
	if (!err)
		vdev__runtime_signal(runtime);
	return err;
}

int vdev_runtime_set_hook(struct vdev_runtime *runtime, uint32_t order, vdev_runtime_hook hook,
			  void *user)
{
	int err = 0;

	if (!runtime || order >= VDEV_RUNTIME_HOOKS)
		return -EINVAL;
	pthread_mutex_lock(&runtime->state);
	if (runtime->frames)
		err = -EBUSY;
	else
		runtime->hooks[order] = (struct hook){hook, user};
	pthread_mutex_unlock(&runtime->state);
	return err;
}

int vdev_runtime_lock(struct vdev_runtime *runtime)
{
	return runtime ? -pthread_mutex_lock(&runtime->events) : -EINVAL;
}

int vdev_runtime_unlock(struct vdev_runtime *runtime)
{
	return runtime ? -pthread_mutex_unlock(&runtime->events) : -EINVAL;
}

/* Fails only when the counter is full: the fd is readable then already. */
void vdev__runtime_signal(const struct vdev_runtime *rt)
{
	const uint64_t one = 1;
	int saved = errno;

	if (write(rt->event_fd, &one, sizeof(one)) < 0)
		errno = saved;
}

int vdev_runtime_wake(struct vdev_runtime *runtime)
{
	if (!runtime)
		return -EINVAL;
	vdev__runtime_signal(runtime);
	return 0;
}

int vdev_runtime_stats(struct vdev_runtime *runtime, struct vdev_runtime_stats *ret_stats,
		       size_t size)
{
	struct vdev_runtime_stats s;

	if (!runtime)
		return -EINVAL;
	pthread_mutex_lock(&runtime->state);
	s = runtime->stats;
	pthread_mutex_unlock(&runtime->state);
	return vdev__copy_out(ret_stats, size, &s, sizeof(s));
}

void vdev__runtime_trace(const struct vdev_runtime *rt, uint32_t what, const struct vdev_action *a,
			 uint64_t arg)
{
	struct vdev_trace t;

	if (!vdev__tracing(&rt->env))
		return;
	t = (struct vdev_trace){.now_ns = vdev_runtime_now(rt),
				.dev = a->dev,
				.user_data = a->user_data,
				.id = a->id,
				.part = VDEV_PART_RUNTIME,
				.what = what,
				.kind = a->kind,
				.flags = a->flags,
				.arg = arg};
	rt->env.trace(rt->env.user, &t);
}
