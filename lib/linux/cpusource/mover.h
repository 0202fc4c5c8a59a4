/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread that the self-test moves between CPUs: a vCPU inside KVM_RUN all the time, or one that spins. It comes
 * to rest only at its end.
 */
#ifndef VDEV__CPUSOURCE_MOVER_H
#define VDEV__CPUSOURCE_MOVER_H

#include <stdatomic.h>

#include "../pages/writer.h"
#include "internal.h"

struct vdev__mover {
	struct vdev_cpusource *source; /* the thread attaches itself, as vCPU 0 */
	uint8_t *memory;
	struct vdev__vcpu vcpu;
	int use_vcpu;
	int32_t tid;
	pthread_t thread;
	atomic_int ready; /* 1: attached, about to go into KVM_RUN */
	atomic_int stop;
	atomic_int broken; /* -errno for which it ended: of the attachment, or of KVM_RUN */
};

/*
 * Starts it and waits until it runs. kvm 0: not inside KVM_RUN. *ret_kvm: 0, or the -errno for which it is not there.
 * -ENOMEM, -EAGAIN, or the errno of the attachment or of KVM_RUN.
 */
int vdev__mover_start(struct vdev__mover *m, int kvm, int *ret_kvm);
/* How often it went into KVM_RUN: as long as that stays the same it did not leave. */
uint32_t vdev__mover_entries(const struct vdev__mover *m);
int vdev__mover_pin(const struct vdev__mover *m, uint32_t cpu);
void vdev__mover_end(struct vdev__mover *m);

#endif
