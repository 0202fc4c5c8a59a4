/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Detaches a thread that ends, before its memory goes.
 *
 * The state of the process is here since the end of a thread is the process's: pthread_key_create(3) knows no context,
 * and an ending thread must find the objects that are there then, not those that were there when it attached itself,
 * which may have been freed. There is one key for all objects, as a process has only some hundred; it is never
 * deleted, so the library stays loaded (-z nodelete).
 *
 * Locks: `all_lock`, then that of an object. Who holds the latter never waits for the former, and a refresh does not
 * take it.
 */
#include <errno.h>
#include <unistd.h>

#include "internal.h"

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vdev_cpusource *all;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int key_error;

static void leave(struct vdev_cpusource *s, int32_t tid)
{
	uint32_t i;

	pthread_mutex_lock(&s->lock);
	/* Backwards: the last one comes into the place of one that leaves. */
	for (i = s->count; i-- > 0;) {
		uint32_t vcpu = s->order[i];

		if (!s->slots[vcpu].here || s->slots[vcpu].tid != tid)
			continue;
		vdev__cpusource_detach(s, vcpu);
		s->stats.exits++;
	}
	pthread_mutex_unlock(&s->lock);
}

static void thread_ends(void *value)
{
	const int32_t tid = gettid();
	struct vdev_cpusource *s;

	(void)value;
	pthread_mutex_lock(&all_lock);
	for (s = all; s; s = s->next)
		leave(s, tid);
	pthread_mutex_unlock(&all_lock);
}

static void make_key(void)
{
	key_error = -pthread_key_create(&key, thread_ends);
}

int vdev__cpusource_enlist(struct vdev_cpusource *s)
{
	pthread_once(&once, make_key);
	if (key_error)
		return key_error;
	pthread_mutex_lock(&all_lock);
	s->next = all;
	all = s;
	pthread_mutex_unlock(&all_lock);
	return 0;
}

void vdev__cpusource_delist(struct vdev_cpusource *s)
{
	struct vdev_cpusource **link;

	pthread_mutex_lock(&all_lock);
	for (link = &all; *link; link = &(*link)->next) {
		if (*link == s) {
			*link = s->next;
			break;
		}
	}
	pthread_mutex_unlock(&all_lock);
}

int vdev__cpusource_watch_exit(void)
{
	return -pthread_setspecific(key, &key); /* any value but NULL */
}
