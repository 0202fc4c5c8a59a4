/* SPDX-License-Identifier: BSD-3-Clause */
/* See lending.h. This file: making and ending, and what the guest does to its queues. */
#include "lending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vdev/guest.h>

/* Guest memory as the queues see it: RAM only, and 4 bytes in one access. */
static int read_memory(void *user, uint64_t address, void *buf, size_t size)
{
	const void *at = memory_at(user, address, size);

	if (!at)
		return -EFAULT;
	if (size == 4 && address % 4 == 0)
		*(uint32_t *)buf = __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
	else
		memcpy(buf, at, size);
	return 0;
}

static int write_memory(void *user, uint64_t address, const void *buf, size_t size)
{
	void *at = memory_at(user, address, size);

	if (!at)
		return -EFAULT;
	if (size == 4 && address % 4 == 0)
		__atomic_store_n((uint32_t *)at, *(const uint32_t *)buf, __ATOMIC_RELEASE);
	else
		memcpy(at, buf, size);
	return 0;
}

uint32_t lending_slots(const struct lending *l)
{
	return l->vm->options.lending.slots ? l->vm->options.lending.slots : LENDING_SLOTS;
}

static int add_queue(struct lending *l, uint32_t index)
{
	const struct lending_options *o = &l->vm->options.lending;
	struct vdev_zerocopy_queue_config config = {.struct_size = sizeof(config),
						    .flags = o->adaptive ? VDEV_ZEROCOPY_ADAPTIVE
									 : 0,
						    .slots = lending_slots(l),
						    .threshold_bytes = o->threshold_bytes};
	struct vdev_pvqueue_config ring = {.struct_size = sizeof(ring),
					   .destinations = l->destinations_count,
					   .user_data = index, /* on the timeline */
					   .user = l->vm,
					   .read = read_memory,
					   .write = write_memory};
	struct lending_queue *q = &l->queues[index];
	int r;

	q->lending = l;
	q->index = index;
	q->doorbell_fd = -1;
	pthread_mutex_init(&q->lock, NULL);
	l->queues_count = index + 1;
	q->slots = calloc(lending_slots(l), sizeof(*q->slots));
	if (!q->slots)
		return -ENOMEM;
	r = vdev_zerocopy_add_queue(l->engine, &config, &q->queue);
	return r ? r : vdev_pvqueue_new(&q->ring, &l->vm->env, &ring);
}

static int add_destinations(struct lending *l)
{
	const struct lending_options *o = &l->vm->options.lending;
	uint32_t wanted = o->engine.until == VDEV_ZEROCOPY_UNTIL_RESPONSE ? VDEV_ZEROCOPY_RESPONSE
			  : o->engine.until == VDEV_ZEROCOPY_UNTIL_TASK
				  ? VDEV_ZEROCOPY_TASK
				  : VDEV_ZEROCOPY_RESPONSE | VDEV_ZEROCOPY_TASK;
	int r = 0;

	for (uint32_t i = 0; i < LENDING_DESTINATIONS && o->destinations[i] && !r; i++) {
		r = transport_open(&l->destinations[i], o->destinations[i], l->vm, wanted);
		if (!r)
			l->destinations_count = i + 1;
	}
	return r;
}

static int add_memory(struct lending *l, uint64_t address, uint64_t size, uint32_t flags)
{
	struct vdev_zerocopy_memory ram = {.struct_size = sizeof(ram),
					   .flags = flags,
					   .address = address,
					   .size_bytes = size,
					   .granule_bytes = l->vm->granule};

	return vdev_zerocopy_add_memory(l->engine, &ram);
}

static int make_engine(struct lending *l)
{
	struct vdev_zerocopy_config config = l->vm->options.lending.engine;
	uint64_t fixed = l->vm->options.lending.fixed_from;
	int r;

	config.struct_size = sizeof(config);
	config.max_queues = l->vm->options.lending.queues;
	config.max_destinations = l->destinations_count ? l->destinations_count : 1;
	r = vdev_zerocopy_new(&l->engine, &l->vm->env, &config);
	if (!r)
		r = add_memory(l, 0, fixed ? fixed : GUEST_RAM_SIZE, 0);
	return r || !fixed ? r : add_memory(l, fixed, GUEST_RAM_SIZE - fixed, VDEV_ZEROCOPY_FIXED);
}

int lending_new(struct vm *vm)
{
	struct lending *l;
	int r;

	if (!vm->options.lending.queues)
		return 0;
	if (vm->options.lending.queues > LENDING_QUEUES)
		return -EINVAL;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	vm->lending = l;
	l->vm = vm;
	atomic_store(&l->control, vm->options.lending.control);
	pthread_mutex_init(&l->lock, NULL);
	pthread_mutex_init(&l->writers_lock, NULL);
	r = add_destinations(l);
	if (!r)
		r = make_engine(l);
	for (uint32_t i = 0; i < vm->options.lending.queues && !r; i++)
		r = add_queue(l, i);
	return r ? r : vm->machine->lend(vm);
}

void lending_free(struct vm *vm)
{
	struct lending *l = vm->lending;

	if (!l)
		return;
	atomic_store(&l->stop, true);
	vm->machine->unlend(vm);
	for (uint32_t i = 0; i < LENDING_WRITERS; i++)
		if (l->writers[i].order)
			vm->machine->let_go(vm, &l->writers[i]);
	for (uint32_t i = 0; i < l->destinations_count; i++)
		transport_close(&l->destinations[i]);
	for (uint32_t i = 0; i < l->queues_count; i++) {
		vdev_pvqueue_free(l->queues[i].ring);
		free(l->queues[i].slots);
		pthread_mutex_destroy(&l->queues[i].lock);
	}
	vdev_zerocopy_free(l->engine);
	pthread_mutex_destroy(&l->writers_lock);
	pthread_mutex_destroy(&l->lock);
	free(l);
	vm->lending = NULL;
}

static void turn_on(struct lending_queue *q, const struct vdev_pvqueue_rings *rings)
{
	struct vm *vm = q->lending->vm;
	int r = -EFAULT;

	/* The rings have to be in memory; that they fit there is for pvqueue to know. */
	if (memory_at(vm, rings->address, VDEV_GUEST_RING_FIRST) &&
	    memory_at(vm, rings->events, VDEV_GUEST_EVENTS_FIRST)) {
		pthread_mutex_lock(&q->lock);
		r = vdev_pvqueue_start(q->ring, rings);
		pthread_mutex_unlock(&q->lock);
	}
	if (!r || r == -EBUSY) /* it is on already */
		return;
	vm_engine_lock(vm);
	vdev_pvdev_queue_set(vm->pvdev, q->index, VDEV_GUEST_QUEUE_BROKEN);
	vm_engine_unlock(vm);
}

static void off(struct lending_queue *q)
{
	struct vm *vm = q->lending->vm;

	vm_engine_lock(vm);
	vdev_pvdev_queue_set(vm->pvdev, q->index, VDEV_GUEST_QUEUE_OFF);
	vm_engine_unlock(vm);
}

/* The blocks of all its messages are taken back; the queue is off when the last of them is. */
static void turn_off(struct lending_queue *q)
{
	struct lending *l = q->lending;
	int r;

	pthread_mutex_lock(&q->lock);
	r = vdev_pvqueue_stop(q->ring);
	pthread_mutex_unlock(&q->lock);
	if (r == VDEV_PVQUEUE_IDLE) {
		off(q);
	} else if (!r) {
		pthread_mutex_lock(&l->lock);
		vdev_zerocopy_reclaim_all(l->engine, vm_now(l->vm), q->queue, VDEV_ZEROCOPY_DEFAULT,
					  0);
		pthread_mutex_unlock(&l->lock);
		l->vm->machine->poke(l->vm);
	}
}

void lending_changed(struct vm *vm)
{
	struct lending *l = vm->lending;

	for (uint32_t i = 0; l && i < l->queues_count; i++) {
		struct vdev_pvqueue_rings rings;
		int state;

		vm_engine_lock(vm);
		state = vdev_pvdev_queue(vm->pvdev, i, &rings, sizeof(rings));
		vm_engine_unlock(vm);
		if (state == VDEV_GUEST_QUEUE_ON)
			turn_on(&l->queues[i], &rings);
		else if (state == VDEV_GUEST_QUEUE_STOPPING)
			turn_off(&l->queues[i]);
	}
}

void lending_doorbells(struct vm *vm, uint64_t bits)
{
	for (uint32_t i = 0; vm->lending && i < vm->lending->queues_count; i++)
		if (bits & 1ull << i)
			vm->machine->ring(vm, &vm->lending->queues[i]);
}

void lending_told(struct lending_queue *q, int mask)
{
	struct vm *vm = q->lending->vm;

	if (mask < 0)
		return;
	if (mask & VDEV_PVQUEUE_IDLE)
		off(q);
	if (mask & VDEV_PVQUEUE_BROKEN) {
		vm_engine_lock(vm);
		vdev_pvdev_queue_set(vm->pvdev, q->index, VDEV_GUEST_QUEUE_BROKEN);
		vm_engine_unlock(vm);
	}
	if (mask & (VDEV_PVQUEUE_RAISE | VDEV_PVQUEUE_BROKEN))
		atomic_store(&q->lending->raise, true);
}

void lending_flush(struct lending *l)
{
	if (!atomic_exchange(&l->raise, false))
		return;
	vm_lock(l->vm);
	pci_signal(l->vm, &l->vm->pv);
	vm_unlock(l->vm);
}

void lending_answer(struct lending_queue *q, uint64_t handle, uint32_t result, uint64_t arg)
{
	int r;

	pthread_mutex_lock(&q->lock);
	r = vdev_pvqueue_answer(q->ring, handle, result, arg);
	pthread_mutex_unlock(&q->lock);
	if (r >= 0 && result < LENDING_RESULTS)
		atomic_fetch_add(&q->lending->counts.told[result], 1);
	lending_told(q, r);
}

struct vdev_zerocopy_stats lending_stats(struct vm *vm)
{
	struct vdev_zerocopy_stats stats;

	memset(&stats, 0, sizeof(stats));
	pthread_mutex_lock(&vm->lending->lock);
	vdev_zerocopy_stats(vm->lending->engine, &stats, sizeof(stats));
	pthread_mutex_unlock(&vm->lending->lock);
	return stats;
}
