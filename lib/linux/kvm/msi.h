/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Vectors of devices, as device workers read them: without a lock.
 *
 * Of each message there are two copies, and `version` says which one holds. Who changes it (one thread at a
 * time: the device is busy) fills the other copy, then moves the version on. A reader that finds the version moved
 * reads again: somebody has got on, so nobody waits for a writer that stands still.
 *
 * Vectors never move, and their memory is not freed before the object is: a reader may still look at those of a device
 * that is gone. It finds out, as the handle is no longer among the open ones, and handles are never used again. Blocks of
 * devices that are gone are given to new ones.
 */
#ifndef VDEV__KVM_MSI_H
#define VDEV__KVM_MSI_H

#include "internal.h"

#define VDEV__KVM_CHUNK 32u
#define VDEV__KVM_CHUNKS (VDEV_KVM_MAX_VECTORS / VDEV__KVM_CHUNK)
#define VDEV__KVM_MSI_WORDS 4u

struct vector {
	_Atomic(uint32_t) version;
	_Atomic(uint64_t) copies[2][VDEV__KVM_MSI_WORDS];
	_Atomic(uint64_t)
		pending; /* handle of the device for which something came while masked; 0 */
};

struct chunk {
	struct vector vectors[VDEV__KVM_CHUNK];
};

struct msi_block {
	struct msi_block *next; /* of the spare ones */
	_Atomic(struct chunk *) chunks[VDEV__KVM_CHUNKS];
};

/* A vector goes from one message to another; flags 0: none. */
struct msi_change {
	struct vdev_kvm_msi from, to;
};

static inline int vdev__kvm_routed(const struct vdev_kvm_msi *m)
{
	return (m->flags & VDEV_KVM_MSI_ROUTED) != 0;
}

static inline int vdev__kvm_masked(const struct vdev_kvm_msi *m)
{
	return (m->flags & VDEV_KVM_MSI_MASKED) != 0;
}

/* It has an entry in the table. */
static inline int vdev__kvm_live(const struct vdev_kvm_msi *m)
{
	return vdev__kvm_routed(m) && !vdev__kvm_masked(m);
}

/* NULL: the device never had this vector. */
static inline struct vector *vdev__kvm_vector(struct msi_block *block, uint32_t vector)
{
	struct chunk *chunk;

	if (!block)
		return NULL;
	chunk = atomic_load_explicit(&block->chunks[vector / VDEV__KVM_CHUNK],
				     memory_order_acquire);
	return chunk ? &chunk->vectors[vector % VDEV__KVM_CHUNK] : NULL;
}

/* vector.c */

/* Any thread: a message that was whole at some moment of the call. */
void vdev__kvm_read_msi(struct vector *v, struct vdev_kvm_msi *m);
/* Who works on the device. */
void vdev__kvm_publish_msi(struct vector *v, const struct vdev_kvm_msi *m);
/* Room for these vectors; the caller holds the lock and has the device. -ENOMEM. */
int vdev__kvm_make_vectors(struct vdev_kvm *kvm, struct device *d, uint32_t vector, uint32_t count);
/* The vectors of a device have no message any more; the lock is held. */
void vdev__kvm_forget_msis(struct vdev_kvm *kvm, struct device *d);
/* Whether a masked vector of the device has this GSI. */
int vdev__kvm_gsi_masked(struct device *d, uint32_t gsi);
/* What is pending for its old handle is for the one that it has now. */
void vdev__kvm_rename_pending(struct device *d, uint64_t old_dev);
void vdev__kvm_free_block(struct vdev_kvm *kvm, struct msi_block *block);

/* signal.c: delivers one interrupt; answers as vdev_kvm_signal(). */
int vdev__kvm_deliver(struct vdev_kvm *kvm, const struct vdev_kvm_msi *m);

/* routes.c: the caller has the device and holds `routes.lock`, from the change until it needs no undoing any more */

/* One ioctl at most. -EBUSY, -EEXIST, -ENOSPC, -ENOMEM, an errno: nothing has changed. */
int vdev__kvm_change_routes(struct vdev_kvm *kvm, const struct msi_change *changes, uint32_t count);
/* Takes back what that did to routes. If KVM refuses, it has an old table until the next change. */
void vdev__kvm_undo_routes(struct vdev_kvm *kvm, const struct msi_change *changes, uint32_t count);

#endif
