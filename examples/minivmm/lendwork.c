/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads of the zero-copy part on KVM: an owner for each queue, woken by the doorbell's ioeventfd, and
 * one receiver for all destinations. See lending.h.
 */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <vdev/guest.h>

#include "kvm.h"
#include "lending.h"

#define RECEIVER_MS 2 /* until it looks again at who is stuck, and at rings that cannot be polled */

void lendwork_ring(struct vm *vm, struct lending_queue *q)
{
	eventfd_write(q->doorbell_fd, 1);
}

static void *owner(void *arg)
{
	struct lending_queue *q = arg;
	struct pollfd fd = {.fd = q->doorbell_fd, .events = POLLIN};
	eventfd_t rings;

	while (!atomic_load(&q->lending->stop)) {
		poll(&fd, 1, -1);
		eventfd_read(q->doorbell_fd, &rings);
		while (!atomic_load(&q->lending->stop) && lending_serve(q, LENDING_BATCH))
			;
	}
	return NULL;
}

/* Sleeps until something comes in, an error queue has a notification, or a while has passed. */
static void rest(struct lending *l)
{
	struct pollfd fds[2 * LENDING_DESTINATIONS], *fd = fds;

	for (uint32_t i = 0; i < l->destinations_count; i++) {
		struct transport *t = &l->destinations[i];
		bool reads = !atomic_load(&t->stuck);

		*fd++ = (struct pollfd){.fd = reads ? t->receive_fd : -1, .events = POLLIN};
		*fd++ = (struct pollfd){.fd = t->ops->reap ? t->send_fd : -1};
	}
	poll(fds, (nfds_t)(fd - fds), RECEIVER_MS);
}

static void *receiver(void *arg)
{
	struct lending *l = arg;

	while (!atomic_load(&l->stop))
		if (!lending_receive(l))
			rest(l);
	return NULL;
}

static int add_doorbell(struct lending_queue *q)
{
	struct vm *vm = q->lending->vm;
	struct kvm_ioeventfd io = {
		.addr = vm->pv.bar[0] + VDEV_GUEST_QUEUE_DOORBELL + 4ull * q->index, .len = 4};

	q->doorbell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->doorbell_fd < 0)
		return -errno;
	io.fd = q->doorbell_fd;
	return ioctl(kvm_of(vm)->vm_fd, KVM_IOEVENTFD, &io) ? -errno : 0;
}

int lendwork_lend(struct vm *vm)
{
	struct lending *l = vm->lending;
	int r = lendpages_open(vm);

	for (uint32_t i = 0; i < l->queues_count && !r; i++) {
		r = add_doorbell(&l->queues[i]);
		if (!r)
			r = -pthread_create(&l->queues[i].owner, NULL, owner, &l->queues[i]);
		l->queues[i].owned = !r;
	}
	if (!r)
		r = -pthread_create(&l->receiver, NULL, receiver, l);
	l->receiving = !r;
	return r;
}

void lendwork_unlend(struct vm *vm)
{
	struct lending *l = vm->lending;

	for (uint32_t i = 0; i < l->queues_count; i++) {
		if (l->queues[i].owned) {
			lendwork_ring(vm, &l->queues[i]);
			pthread_join(l->queues[i].owner, NULL);
		}
		if (l->queues[i].doorbell_fd >= 0)
			close(l->queues[i].doorbell_fd);
	}
	if (l->receiving)
		pthread_join(l->receiver, NULL);
	lendpages_close(vm);
}
