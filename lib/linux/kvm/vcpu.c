/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kicking vCPUs out of KVM_RUN.
 *
 * immediate_exit is set before the signal is sent: a vCPU that is about to enter KVM_RUN when the
 * signal comes leaves it at once, one that is inside is interrupted by the signal. Either way none
 * is missed (Documentation/virt/kvm/api.rst, section 5).
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "internal.h"

static int make_room(struct vdev_kvm *kvm, uint32_t vcpu)
{
	uint32_t capacity = kvm->vcpu_capacity ? kvm->vcpu_capacity : 8;
	struct vcpu *grown;

	if (vcpu < kvm->vcpu_capacity)
		return 0;
	while (capacity <= vcpu)
		capacity *= 2;
	grown = vdev__grow(&kvm->env, kvm->vcpus, kvm->vcpu_capacity, capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	kvm->vcpus = grown;
	kvm->vcpu_capacity = capacity;
	return 0;
}

int vdev_kvm_set_vcpu(struct vdev_kvm *kvm, uint32_t vcpu, int32_t tid, void *kvm_run)
{
	int err;

	if (!kvm || vcpu >= VDEV__KVM_MAX_VCPUS || tid < 0 || (tid && !kvm_run))
		return -EINVAL;
	pthread_mutex_lock(&kvm->vcpu_lock);
	err = make_room(kvm, vcpu);
	if (!err)
		kvm->vcpus[vcpu] = (struct vcpu){.run = tid ? kvm_run : NULL, .tid = tid};
	pthread_mutex_unlock(&kvm->vcpu_lock);
	return err;
}

/* The number of kicks: 0 or 1. */
static int kick(struct vdev_kvm *kvm, uint32_t vcpu)
{
	const struct vcpu *v = &kvm->vcpus[vcpu];
	struct kvm_run *run = v->run;
	int saved = errno;
	int kicked;

	if (!v->tid)
		return 0;
	__atomic_store_n(&run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	kicked = !syscall(SYS_tgkill, getpid(), v->tid, kvm->config.kick_signal);
	if (!kicked)
		vdev__log(&kvm->env, VDEV_LOG_ERROR,
			  "kvm: tgkill (vcpu %u, thread %d, signal %d): %s; register thread 0 when "
			  "a vCPU's thread ends",
			  vcpu, v->tid, kvm->config.kick_signal, strerror(errno));
	errno = saved;
	kvm->kicks += (uint64_t)kicked;
	return kicked;
}

int vdev_kvm_kick(struct vdev_kvm *kvm, uint32_t vcpu)
{
	int kicked = 0;
	uint32_t i;

	if (!kvm)
		return -EINVAL;
	pthread_mutex_lock(&kvm->vcpu_lock);
	if (vcpu == UINT32_MAX) {
		for (i = 0; i < kvm->vcpu_capacity; i++)
			kicked += kick(kvm, i);
	} else {
		kicked = vcpu < kvm->vcpu_capacity ? kick(kvm, vcpu) : 0;
		if (!kicked)
			kicked = -ENOENT;
	}
	pthread_mutex_unlock(&kvm->vcpu_lock);
	return kicked;
}
