/* SPDX-License-Identifier: BSD-3-Clause */
/* The KVM machine: what kvm.c (the VM), vcpu.c (its CPUs) and kvmsave.c share. */
#ifndef MINIVMM_KVM_H
#define MINIVMM_KVM_H

#include <linux/kvm.h>

#include <vdev/kvm.h>
#include <vdev/runtime.h>

#include "vm.h"

#define KVM_FIRST_GSI 24u
#define KVM_FIRST_VECTOR_GSI (KVM_FIRST_GSI + VM_FUNCTIONS) /* of MSI-X vectors */

struct vcpu {
	struct vm *vm;
	uint32_t number;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
	struct kvm_lapic_state lapic; /* after power-on */
	uint64_t exits;
	atomic_uint host_cpu; /* where its thread was when it last came out of the guest */
};

struct kvm_host {
	int kvm_fd, vm_fd;
	size_t run_size;
	struct vdev_kvm *kvm;
	struct vdev_runtime *runtime;
	struct vcpu cpus[GUEST_CPUS];
	pthread_mutex_t lock; /* of the four below */
	pthread_cond_t changed;
	bool paused, stop;
	uint32_t parked;
	uint32_t fail_kind; /* this step's ioctls fail ... */
	int fail_status; /* ... with this */
	int wake_fd; /* the main loop has something to look at */
};

static inline struct kvm_host *kvm_of(struct vm *vm)
{
	return vm->host;
}

/* vcpu.c */
int vcpu_new(struct vm *vm, uint32_t number);
int vcpu_power_on(struct vcpu *cpu);
int vcpu_begin(struct vcpu *cpu);
void vcpu_free(struct vcpu *cpu);
void vcpu_pause_all(struct vm *vm);
void vcpu_resume_all(struct vm *vm);
void vcpu_stop_all(struct vm *vm);

/* worker.c */
int worker_attach(struct vm *vm, struct device *d);
void worker_kick(struct vm *vm, struct device *d);
void worker_release(struct vm *vm, struct device *d);

/* lendwork.c */
int lendwork_lend(struct vm *vm);
void lendwork_unlend(struct vm *vm);
void lendwork_ring(struct vm *vm, struct lending_queue *q);

/* lendpages.c */
int lendpages_open(struct vm *vm);
void lendpages_close(struct vm *vm);
void lendpages_replace(struct vm *vm, struct lending_job *jobs, uint32_t count);

/* lendwriter.c */
int lendwriter_hold(struct vm *vm, struct lending_writer *w);
int lendwriter_write(struct vm *vm, struct lending_writer *w, uint32_t seed);
void lendwriter_let_go(struct vm *vm, struct lending_writer *w);

/* hintwork.c */
extern const struct hint_machine hintwork_machine;
void hintwork_join(struct vm *vm, uint32_t vcpu); /* in its thread */

/* kvmsave.c */
int kvm_save(struct vm *vm, FILE *file);
int kvm_load(struct vm *vm, FILE *file);

#endif
