/* SPDX-License-Identifier: BSD-3-Clause */
/* The KVM backend: its life, its counters and its last error. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "msi.h"

static int bad_config(const struct vdev_kvm_config *c)
{
	return c->vm_fd < 0 || !c->max_devices || c->max_devices > VDEV__KVM_MAX_DEVICES ||
	       c->kick_signal < 0 || c->kick_signal > SIGRTMAX;
}

static int allocate(struct vdev_kvm *kvm)
{
	uint32_t n = kvm->config.max_devices;
	int err = vdev__slots_init(&kvm->known, &kvm->env, n);

	if (!err)
		err = vdev__slots_init(&kvm->open, &kvm->env, n);
	if (err)
		return err;
	kvm->devices = vdev__alloc(&kvm->env, kvm->known.size, sizeof(*kvm->devices));
	kvm->blocks = vdev__alloc(&kvm->env, kvm->open.size, sizeof(*kvm->blocks));
	return kvm->devices && kvm->blocks ? 0 : -ENOMEM;
}

int vdev_kvm_new(struct vdev_kvm **ret_kvm, const struct vdev_env *env,
		 const struct vdev_kvm_config *config)
{
	struct vdev_kvm_config c;
	struct vdev_kvm *kvm;
	struct vdev_env e;
	int err = vdev__env_copy(&e, env);

	if (!err)
		err = vdev__copy_in(&c, sizeof(c), sizeof(c), config);
	if (!err && (!ret_kvm || bad_config(&c)))
		err = -EINVAL;
	if (err)
		return err;
	kvm = vdev__alloc(&e, 1, sizeof(*kvm));
	if (!kvm)
		return -ENOMEM;
	kvm->env = e;
	kvm->config = c;
	if (!c.kick_signal)
		kvm->config.kick_signal = SIGUSR1;
	/* Default mutexes and condition variables need no resources: nothing here can fail. */
	pthread_mutex_init(&kvm->lock, NULL);
	pthread_mutex_init(&kvm->vcpu_lock, NULL);
	pthread_mutex_init(&kvm->routes.lock, NULL);
	pthread_cond_init(&kvm->idle, NULL);
	err = allocate(kvm);
	if (err) {
		vdev_kvm_free(kvm);
		return err;
	}
	*ret_kvm = kvm;
	return 0;
}

static void free_devices(struct vdev_kvm *kvm)
{
	uint32_t i;

	for (i = 0; kvm->devices && i < kvm->known.size; i++) {
		struct device *d = &kvm->devices[i];

		vdev__free(&kvm->env, d->resources, d->capacity * sizeof(*d->resources));
		vdev__kvm_free_block(kvm, d->block);
	}
	while (kvm->spare) {
		struct msi_block *block = kvm->spare;

		kvm->spare = block->next;
		vdev__kvm_free_block(kvm, block);
	}
	vdev__free(&kvm->env, kvm->blocks, kvm->open.size * sizeof(*kvm->blocks));
	vdev__free(&kvm->env, kvm->devices, kvm->known.size * sizeof(*kvm->devices));
}

void vdev_kvm_free(struct vdev_kvm *kvm)
{
	struct vdev_env env;

	if (!kvm)
		return;
	env = kvm->env;
	free_devices(kvm);
	vdev__kvm_free_routes(kvm);
	vdev__slots_fini(&kvm->open, &env);
	vdev__slots_fini(&kvm->known, &env);
	vdev__free(&env, kvm->vcpus, kvm->vcpu_capacity * sizeof(*kvm->vcpus));
	pthread_cond_destroy(&kvm->idle);
	pthread_mutex_destroy(&kvm->routes.lock);
	pthread_mutex_destroy(&kvm->vcpu_lock);
	pthread_mutex_destroy(&kvm->lock);
	vdev__free(&env, kvm, sizeof(*kvm));
}

int vdev_kvm_error(struct vdev_kvm *kvm, char *buf, size_t size)
{
	size_t length, copied;

	if (!kvm || !buf || !size)
		return -EINVAL;
	pthread_mutex_lock(&kvm->lock);
	length = strlen(kvm->error);
	copied = length < size ? length : size - 1;
	memcpy(buf, kvm->error, copied);
	pthread_mutex_unlock(&kvm->lock);
	buf[copied] = '\0';
	return (int)length;
}

int vdev_kvm_stats(struct vdev_kvm *kvm, struct vdev_kvm_stats *ret_stats, size_t size)
{
	struct vdev_kvm_stats s = {0};

	if (!kvm)
		return -EINVAL;
	pthread_mutex_lock(&kvm->lock);
	s.devices = kvm->device_count;
	s.irqfds = kvm->attached[IRQFD];
	s.ioeventfds = kvm->attached[IOEVENTFD];
	s.memslots = kvm->attached[MEMSLOT];
	s.dmas = kvm->attached[DMA];
	s.detached = kvm->detached;
	s.failed = kvm->failed;
	s.msis = kvm->msis;
	s.fallbacks = kvm->fallbacks;
	s.msi_routes = kvm->msi_routes;
	s.routings = kvm->routings;
	pthread_mutex_unlock(&kvm->lock);
	s.signalled = atomic_load_explicit(&kvm->signalled, memory_order_relaxed);
	s.blocked = atomic_load_explicit(&kvm->blocked, memory_order_relaxed);
	pthread_mutex_lock(&kvm->vcpu_lock);
	s.kicks = kvm->kicks;
	pthread_mutex_unlock(&kvm->vcpu_lock);
	return vdev__copy_out(ret_stats, size, &s, sizeof(s));
}
