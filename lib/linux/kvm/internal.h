/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The KVM backend: what its files share.
 *
 * Locks. `lock` guards everything but the vCPUs and is never held during an ioctl: taking an
 * ioeventfd apart can take many milliseconds, and a HIDE for another device must not wait for it.
 * Who works on a device marks it busy instead; others who need the same device wait for `idle`.
 * HIDE and the question whether a device is gated wait for nobody. `routes.lock` is held during KVM_SET_GSI_ROUTING,
 * since an older table must not come after a newer one, and during KVM_IRQFD of the same change, whose failure takes the
 * table back. It is taken before `lock`, and only by who changes routes; who holds it waits for no device.
 */
#ifndef VDEV__KVM_INTERNAL_H
#define VDEV__KVM_INTERNAL_H

#include <pthread.h>

#include <vdev/kvm.h>

#include "../slots.h"
#include "env.h"

#define VDEV__KVM_MAX_DEVICES (1u << 20)
#define VDEV__KVM_MAX_VCPUS 4096u
#define VDEV__KVM_ERROR_SIZE 256

enum resource_type {
	IRQFD,
	IOEVENTFD,
	MEMSLOT,
	DMA,
	RESOURCE_TYPES,
};

/* Parts of a resource that are taken apart one by one. Only DMA has more than one. */
#define PART_ONLY 0x1u
#define PART_RANGE 0x1u
#define PART_KVM_GROUP 0x2u
#define PART_GROUP 0x4u

struct resource {
	uint8_t type;
	uint8_t attached; /* PART_... */
	uint8_t parked; /* irqfd: detached, to be attached again when its vector is unmasked */
	union {
		struct vdev_kvm_irqfd irqfd;
		struct vdev_kvm_ioeventfd ioeventfd;
		struct vdev_kvm_memslot memslot;
		struct vdev_kvm_dma dma;
	} u;
};

struct device {
	uint64_t dev;
	struct resource *resources;
	uint32_t count;
	uint32_t capacity;
	uint8_t busy; /* somebody works on it without the lock */
	uint8_t hidden;
	uint8_t has_msis; /* a vector had a message since RELEASE */
	uint8_t moved; /* the change that is under way parked or attached an irqfd */
	struct msi_block *block; /* vectors (msi.h); NULL: none so far */
};

/* Whose a GSI is. */
#define GSI_FREE 0u
#define GSI_FIXED 1u
#define GSI_VECTOR 2u

struct gsi {
	uint16_t at; /* index + 1 of its vector's entry in the table; 0: none */
	uint16_t use; /* GSI_... */
};

/* The VM's interrupt routing table. */
struct routes {
	pthread_mutex_t lock;
	struct kvm_irq_routing
		*table; /* first `fixed` entries, then those of vectors; NULL: not handed over */
	uint32_t capacity; /* entries */
	uint32_t fixed;
	struct gsi *gsis; /* VDEV_KVM_MAX_GSIS */
};

struct vcpu {
	void *run; /* struct kvm_run */
	int32_t tid; /* 0: none */
};

struct vdev_kvm {
	struct vdev_env env;
	struct vdev_kvm_config config;
	pthread_mutex_t lock;
	pthread_cond_t idle; /* a device is no longer busy */
	struct vdev__slots known; /* handle to index in devices */
	struct vdev__slots open; /* handles whose doorbells are served; read without the lock */
	struct device *devices;
	uint64_t device_count;
	uint64_t attached[RESOURCE_TYPES];
	uint64_t detached;
	uint64_t failed;
	uint64_t msis;
	uint64_t fallbacks;
	uint64_t msi_routes, routings; /* as of the last change of the table */
	_Atomic(struct msi_block *) *blocks; /* vectors by slot in `open`; read without the lock */
	struct msi_block *spare; /* of devices that are gone */
	_Atomic(uint32_t) can_signal; /* SIGNAL_... */
	_Atomic(uint64_t) signalled, blocked;
	struct routes routes;
	char error[VDEV__KVM_ERROR_SIZE];
	pthread_mutex_t vcpu_lock;
	struct vcpu *vcpus;
	uint32_t vcpu_capacity;
	uint64_t kicks;
};

/* KVM_CAP_SIGNAL_MSI. */
#define SIGNAL_UNKNOWN 0u
#define SIGNAL_YES 1u
#define SIGNAL_NO 2u

/* One kind of ioctl: how a part of a resource is attached or taken apart. */
struct vdev__kvm_call {
	uint8_t type;
	uint8_t part;
	int (*run)(struct vdev_kvm *kvm, const struct resource *res, int attach);
	/* Text up to the closing bracket. */
	void (*describe)(const struct resource *res, int attach, char *buf, size_t size);
};

/* calls.c: in the order of rule R8 */
#define VDEV__KVM_FIRST_EVENT 0u
#define VDEV__KVM_FIRST_SLOT 2u
#define VDEV__KVM_FIRST_DMA 3u
#define VDEV__KVM_CALLS 6u
const struct vdev__kvm_call *vdev__kvm_calls(void);
/* Makes the ioctl without the lock; what fails is counted, logged and kept for vdev_kvm_error(). */
int vdev__kvm_run(struct vdev_kvm *kvm, const struct vdev__kvm_call *call,
		  const struct resource *res, int attach);
/* The bare ioctl: its answer or a negative errno. */
int vdev__kvm_ioctl(const struct vdev_kvm *kvm, int fd, unsigned long request, void *argument);
/* Counts, logs and keeps what failed: `text` is "IOCTL (parameters". No lock is held but that of the routes. */
void vdev__kvm_failed(struct vdev_kvm *kvm, uint32_t level, const char *text, int err);

/* device.c: the caller holds the lock */
struct device *vdev__kvm_find(struct vdev_kvm *kvm, uint64_t dev);
/* Waits until nobody works on it and marks it busy. NULL: no such device. */
struct device *vdev__kvm_claim(struct vdev_kvm *kvm, uint64_t dev);
/* The same, and makes it if needed. -ENOSPC, -EBUSY: hidden. */
int vdev__kvm_claim_new(struct vdev_kvm *kvm, uint64_t dev, struct device **ret_device);
/* No longer busy; forgotten when it has no resources. */
void vdev__kvm_unclaim(struct vdev_kvm *kvm, struct device *d);
void vdev__kvm_gate(struct vdev_kvm *kvm, struct device *d);
/* Forgets the resources, attached or not. */
void vdev__kvm_forget(struct vdev_kvm *kvm, struct device *d);

/* irqfd.c: the caller has the device, and no lock but that of the routes */
struct msi_change;
/* Detaches the irqfds of masked vectors: their eventfds keep what comes. The first errno. */
int vdev__kvm_park_irqfds(struct vdev_kvm *kvm, struct device *d, const struct msi_change *changes,
			  uint32_t count);
/* Attaches those whose vector is no longer masked. The first errno. */
int vdev__kvm_unpark_irqfds(struct vdev_kvm *kvm, struct device *d,
			    const struct msi_change *changes, uint32_t count);
/* A change came to nothing: attaches or parks those whose vectors are still so. */
void vdev__kvm_restore_irqfds(struct vdev_kvm *kvm, struct device *d,
			      const struct msi_change *changes, uint32_t count, int attach);

/* routes.c: the caller has the device, and not the lock */
/* Takes the routes of a device's vectors out of the table. An errno: they are still there. */
int vdev__kvm_drop_routes(struct vdev_kvm *kvm, struct device *d);
/* The same without an ioctl. How many there were. */
uint32_t vdev__kvm_forget_routes(struct vdev_kvm *kvm, struct device *d);
void vdev__kvm_free_routes(struct vdev_kvm *kvm);

#endif
