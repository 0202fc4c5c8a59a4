/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The zero-copy part's actions, pumped by hand: all OFFLINE actions that wait become one batch. And
 * receive buffers, whose destination writes when it likes. See lending.h.
 */
#include <errno.h>
#include <string.h>

#include <vdev/guest.h>

#include "lending.h"

struct batch {
	struct lending_job jobs[LENDING_BATCH];
	uint64_t ids[LENDING_BATCH];
	uint32_t count;
};

static uint32_t result_of(uint64_t outcome)
{
	switch (outcome) {
	case VDEV_ZEROCOPY_COMPLETED:
		return VDEV_GUEST_DONE_SENT;
	case VDEV_ZEROCOPY_RECLAIMED:
		return VDEV_GUEST_DONE_RECLAIMED;
	case VDEV_ZEROCOPY_LOST:
		return VDEV_GUEST_DONE_LOST;
	default:
		return VDEV_GUEST_DONE_FAILED;
	}
}

static void accessible(struct lending *l, const struct vdev_action *a)
{
	struct lending_queue *q = lending_queue_of(l, a->dev);
	uint32_t result = result_of(a->arg[2]);

	if (q)
		lending_answer(q, a->user_data, result,
			       result == VDEV_GUEST_DONE_SENT ? a->arg[1] : 0);
}

static void perform(struct lending *l, const struct vdev_action *a)
{
	switch (a->kind) {
	case VDEV_ZEROCOPY_ACCESSIBLE:
		accessible(l, a);
		break;
	case VDEV_ZEROCOPY_RELEASE: /* the pages went with the consumer's own reference */
		atomic_fetch_add(&l->counts.released, 1);
		break;
	case VDEV_ZEROCOPY_REFUSED:
		atomic_store(&l->counts.refused_status, (int)(int64_t)a->arg[2]);
		atomic_fetch_add(&l->counts.refused, 1);
		break;
	default:
		break; /* CANCEL: replacing pages does not wait for anybody */
	}
}

static void add_job(struct batch *b, const struct vdev_action *a)
{
	b->ids[b->count] = a->id;
	b->jobs[b->count++] = (struct lending_job){
		.address = a->arg[0],
		.size = a->arg[1],
		.preserve = a->arg[2] == VDEV_ZEROCOPY_PRESERVE,
		.whole = (a->flags & VDEV_ZEROCOPY_WHOLE) != 0,
	};
}

static void count_batch(struct lending *l, const struct batch *b, uint64_t ns)
{
	struct lending_counts *c = &l->counts;

	atomic_fetch_add(&c->batches, 1);
	atomic_fetch_add(&c->jobs, b->count);
	atomic_fetch_add(&c->replace_ns, ns);
	if (b->count > atomic_load(&c->largest_batch))
		atomic_store(&c->largest_batch, b->count);
	for (uint32_t i = 0; i < b->count; i++)
		if (!b->jobs[i].status)
			atomic_fetch_add(&c->replaced_bytes, b->jobs[i].size);
}

/* Without the lock: whoever waits for memory may hold it. */
static void replace(struct lending *l, struct batch *b)
{
	struct vm *vm = l->vm;
	uint64_t began = vm_now(vm);
	int fail = atomic_load(&l->fail);

	if (!fail)
		vm->machine->replace(vm, b->jobs, b->count);
	for (uint32_t i = 0; i < b->count && fail; i++)
		b->jobs[i].status = fail;
	count_batch(l, b, vm_now(vm) - began);
	pthread_mutex_lock(&l->lock);
	for (uint32_t i = 0; i < b->count; i++)
		vdev_zerocopy_done(l->engine, vm_now(vm), b->ids[i], b->jobs[i].status);
	pthread_mutex_unlock(&l->lock);
}

static void one(struct lending *l, const struct vdev_action *a)
{
	perform(l, a);
	pthread_mutex_lock(&l->lock);
	vdev_zerocopy_done(l->engine, vm_now(l->vm), a->id, 0);
	pthread_mutex_unlock(&l->lock);
}

static bool next(struct lending *l, struct vdev_action *a)
{
	int r;

	pthread_mutex_lock(&l->lock);
	r = vdev_zerocopy_next(l->engine, a, sizeof(*a));
	pthread_mutex_unlock(&l->lock);
	return r == 1;
}

void lending_pump(struct vm *vm)
{
	struct lending *l = vm->lending;
	struct vdev_action a;
	struct batch batch;
	int more;

	do {
		batch.count = 0;
		pthread_mutex_lock(&l->lock);
		more = vdev_zerocopy_step(l->engine, vm_now(vm));
		pthread_mutex_unlock(&l->lock);
		while (more > 0 && batch.count < LENDING_BATCH && next(l, &a)) {
			if (a.kind == VDEV_ZEROCOPY_OFFLINE)
				add_job(&batch, &a);
			else
				one(l, &a);
		}
		lending_flush(l);
		if (batch.count)
			replace(l, &batch);
	} while (more > 0);
}

int lending_reclaim_all(struct vm *vm, uint32_t mode, uint32_t flags)
{
	int r;

	pthread_mutex_lock(&vm->lending->lock);
	r = vdev_zerocopy_reclaim_all(vm->lending->engine, vm_now(vm), NULL, mode, flags);
	pthread_mutex_unlock(&vm->lending->lock);
	return r;
}

int lending_reset_begin(struct vm *vm, uint32_t mode, uint32_t flags)
{
	int r;

	pthread_mutex_lock(&vm->lending->lock);
	r = vdev_zerocopy_reset_begin(vm->lending->engine, vm_now(vm), mode, flags);
	pthread_mutex_unlock(&vm->lending->lock);
	return r;
}

int lending_reset_end(struct vm *vm)
{
	int r;

	pthread_mutex_lock(&vm->lending->lock);
	r = vdev_zerocopy_reset_end(vm->lending->engine, vm_now(vm));
	pthread_mutex_unlock(&vm->lending->lock);
	return r;
}

int lending_hold(struct lending_queue *q, const struct vdev_pvqueue_message *m, uint64_t id)
{
	struct lending *l = q->lending;
	struct lending_writer *w = NULL;
	int r = -ENOSPC;

	pthread_mutex_lock(&l->writers_lock);
	for (uint32_t i = 0; i < LENDING_WRITERS; i++)
		if (!l->writers[i].order)
			w = &l->writers[i];
	if (w) {
		w->id = id;
		w->address = m->address;
		w->length = m->length_bytes;
		r = l->vm->machine->hold(l->vm, w);
	}
	if (!r)
		w->order = ++l->writers_ever;
	pthread_mutex_unlock(&l->writers_lock);
	return r;
}

static struct lending_writer *oldest(struct lending *l)
{
	struct lending_writer *found = NULL;

	for (uint32_t i = 0; i < LENDING_WRITERS; i++) {
		struct lending_writer *w = &l->writers[i];

		if (w->order && (!found || w->order < found->order))
			found = w;
	}
	return found;
}

uint64_t lending_oldest(struct lending *l)
{
	struct lending_writer *w;
	uint64_t id;

	pthread_mutex_lock(&l->writers_lock);
	w = oldest(l);
	id = w ? w->id : TRANSPORT_NO_ID;
	pthread_mutex_unlock(&l->writers_lock);
	return id;
}

uint64_t lending_write(struct lending *l, uint32_t seed)
{
	struct lending_writer *w;
	uint64_t id = TRANSPORT_NO_ID;

	pthread_mutex_lock(&l->writers_lock);
	w = oldest(l);
	if (w) {
		id = w->id;
		l->vm->machine->write(l->vm, w, seed);
		l->vm->machine->let_go(l->vm, w);
		w->order = 0;
	}
	pthread_mutex_unlock(&l->writers_lock);
	if (id != TRANSPORT_NO_ID)
		lending_complete(l, id, id, VDEV_ZEROCOPY_RESPONSE | VDEV_ZEROCOPY_TASK);
	lending_flush(l);
	return id;
}
