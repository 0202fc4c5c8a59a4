/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VM whose vCPU adds one to a counter in each page of its memory, page by page, until it shall
 * park.
 */
#ifndef PAGES_VM_H
#define PAGES_VM_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include "../../lib/linux/pages/writer.h"

#define VM_PAGES 128u
#define VM_PAGE 4096u

struct pages_vm {
	uint8_t *low;
	uint8_t *mem; /* VM_PAGES; counters at the beginning of each page */
	struct vdev__vcpu vcpu;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* want or is */
	atomic_int want; /* VM_RUN .. */
	int is;
};

enum { VM_RUN, VM_PARK, VM_KICK, VM_QUIT };

/* With memory; the vCPU is parked. 0 or -errno: no KVM. */
int pages_vm_open(struct pages_vm *vm);
void pages_vm_close(struct pages_vm *vm);
void pages_vm_run(struct pages_vm *vm);
/* At the end of a sweep: all counters that nobody has reset are equal to pages_vm_sweeps(). */
void pages_vm_park(struct pages_vm *vm);
/* Wherever it is, by a signal: as one who pauses vCPUs does. */
void pages_vm_kick(struct pages_vm *vm);
uint32_t pages_vm_sweeps(const struct pages_vm *vm);

#endif
