/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device on KVM: its worker thread, woken by the doorbell's ioeventfd, and the resources that the
 * library's KVM backend takes apart when the device leaves.
 */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "device.h"
#include "kvm.h"

static uint64_t until_kick(struct device *d, uint64_t next)
{
	struct pollfd fd = {.fd = d->kick_fd, .events = POLLIN};
	struct timespec wait;
	uint64_t now = vm_now(d->vm), kicks;

	next = next > now ? next - now : 0;
	wait.tv_sec = (time_t)(next / SECOND);
	wait.tv_nsec = (long)(next % SECOND);
	if (ppoll(&fd, 1, &wait, NULL) > 0)
		eventfd_read(d->kick_fd, &kicks);
	return vm_now(d->vm);
}

static void *worker(void *arg)
{
	struct device *d = arg;
	uint64_t now = vm_now(d->vm), next;

	vm_lock(d->vm);
	while (!d->stop && !d->dead) {
		next = device_work(d, now);
		vm_unlock(d->vm);
		now = until_kick(d, next < now + SECOND ? next : now + SECOND);
		vm_lock(d->vm);
	}
	vm_unlock(d->vm);
	return NULL;
}

static int add_resources(struct kvm_host *h, struct device *d)
{
	struct vdev_kvm_irqfd irq = {.struct_size = sizeof(irq),
				     .flags = VDEV_KVM_ATTACH,
				     .fd = d->irq_fd,
				     .gsi = KVM_FIRST_GSI + d->index,
				     .resample_fd = -1};
	struct vdev_kvm_ioeventfd doorbell = {.struct_size = sizeof(doorbell),
					      .flags = VDEV_KVM_ATTACH,
					      .address = d->fn.bar[0] + BLK_DOORBELL,
					      .length = 4,
					      .fd = d->kick_fd};
	struct vdev_kvm_memslot memory = {.struct_size = sizeof(memory),
					  .flags = VDEV_KVM_ATTACH,
					  .slot = 1 + d->index,
					  .guest_address = d->fn.bar[1],
					  .size_bytes = BLK_BAR_SIZE,
					  .host_address = (uintptr_t)d->memory};
	int r = vdev_kvm_add_irqfd(h->kvm, d->fn.unit, &irq);

	if (!r)
		r = vdev_kvm_add_ioeventfd(h->kvm, d->fn.unit, &doorbell);
	return r ? r : vdev_kvm_add_memslot(h->kvm, d->fn.unit, &memory);
}

int worker_attach(struct vm *vm, struct device *d)
{
	int r;

	d->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->kick_fd < 0 || d->irq_fd < 0)
		return -errno;
	r = add_resources(kvm_of(vm), d);
	if (r)
		return r;
	r = pthread_create(&d->worker, NULL, worker, d);
	d->working = !r;
	return -r;
}

void worker_kick(struct vm *vm, struct device *d)
{
	if (d->kick_fd >= 0)
		eventfd_write(d->kick_fd, 1);
}

void worker_release(struct vm *vm, struct device *d)
{
	if (d->working) {
		vm_lock(vm);
		d->stop = true;
		vm_unlock(vm);
		worker_kick(vm, d);
		pthread_join(d->worker, NULL);
		d->working = false;
	}
	vm_lock(vm);
	if (d->kick_fd >= 0)
		close(d->kick_fd);
	if (d->irq_fd >= 0)
		close(d->irq_fd);
	d->kick_fd = d->irq_fd = -1;
	vm_unlock(vm);
}
