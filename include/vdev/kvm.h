/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file kvm.h
 * The KVM backend: the deeds of a removal on resources that were registered with it.
 *
 * **Purpose.** The VMM registers which irqfds, ioeventfds, memory slots and DMA mappings belong to a
 * device. The backend gates doorbells at HIDE and takes the resources apart in the order of rule R8.
 * It uses the documented KVM and VFIO interfaces (Documentation/virt/kvm/api.rst,
 * Documentation/driver-api/vfio.rst) and nothing else.
 *
 * **States.** A resource is ATTACHED when registered (the VMM or this backend has made the ioctl) and
 * DETACHED after its deed. Each deed is idempotent: what is detached is skipped.
 *
 * **Ownership.** File descriptors and memory stay the VMM's; they must live until RELEASE. This backend's
 * own RELEASE touches them no more, so the VMM may free them in its RELEASE, whichever comes first.
 *
 * **Threads.** All calls may be made from any thread; vdev_kvm_gated() is wait-free. vdev_kvm_signal(),
 * vdev_kvm_signal_aimed() and vdev_kvm_get_msi() take no lock and allocate nothing; a delivery that fails takes the lock of
 * vdev_kvm_error() for a moment, to note why.
 *
 * **Handles.** A device is named by the handle that vdev_removal_add() issued.
 */
#ifndef VDEV_KVM_H
#define VDEV_KVM_H

#include <vdev/backend.h>
#include <vdev/msi.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_kvm;

/** Flags of vdev_kvm_add_...(). @{ */
#define VDEV_KVM_ATTACH 0x1u /**< make the ioctl now; without it the VMM has done so already */
#define VDEV_KVM_DATAMATCH 0x2u /**< ioeventfd: only writes of `datamatch` */
#define VDEV_KVM_PIO 0x4u /**< ioeventfd: I/O port instead of memory */
#define VDEV_KVM_READONLY 0x8u /**< memory slot: KVM_MEM_READONLY */
/** @} */

/** Configuration. 32 bytes. */
struct vdev_kvm_config {
	uint32_t struct_size;
	int32_t vm_fd; /**< from KVM_CREATE_VM */
	uint32_t max_devices; /**< 1..2^20 devices with resources at one time */
	int32_t kick_signal; /**< signal that interrupts KVM_RUN, with a handler installed; 0: SIGUSR1 */
	/**
	 * Makes the ioctl in the VMM's way, e.g. through a privileged helper; NULL: ioctl(2). May run in
	 * several threads at once. Locks may be held: it must not call the backend.
	 * @return 0 or positive, or a negative errno
	 */
	int (*ioctl)(void *user, int fd, unsigned long request, void *argument);
	void *user; /**< handed to ioctl() */
};

/** An irqfd (KVM_IRQFD). 24 bytes. */
struct vdev_kvm_irqfd {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_KVM_ATTACH */
	int32_t fd; /**< eventfd */
	uint32_t gsi;
	int32_t resample_fd; /**< level interrupts: eventfd of KVM_IRQFD_FLAG_RESAMPLE; -1: none */
	uint32_t reserved; /**< 0 */
};

/** An ioeventfd (KVM_IOEVENTFD). 40 bytes. */
struct vdev_kvm_ioeventfd {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_KVM_ATTACH, VDEV_KVM_DATAMATCH, VDEV_KVM_PIO */
	uint64_t address; /**< guest physical address or port */
	uint64_t datamatch;
	uint32_t length; /**< 0, 1, 2, 4 or 8 bytes */
	int32_t fd; /**< eventfd */
	uint64_t reserved; /**< 0 */
};

/** A BAR or other memory of the device, mapped by a slot (KVM_SET_USER_MEMORY_REGION). 40 bytes. */
struct vdev_kvm_memslot {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_KVM_ATTACH, VDEV_KVM_READONLY */
	uint32_t slot; /**< slot number */
	uint32_t reserved; /**< 0 */
	uint64_t guest_address; /**< bytes, page aligned */
	uint64_t size_bytes; /**< page aligned, not 0 */
	uint64_t host_address; /**< page aligned */
};

/**
 * DMA reach of a passthrough device (VFIO). A group is registered with one unit only: of those that
 * are in it, the one that is torn down last. 32 bytes.
 */
struct vdev_kvm_dma {
	uint32_t struct_size;
	int32_t container_fd; /**< range: VFIO_IOMMU_UNMAP_DMA is made here; -1: no range */
	int32_t group_fd; /**< group: VFIO_GROUP_UNSET_CONTAINER; -1: no group */
	int32_t kvm_vfio_fd; /**< KVM's VFIO device that knows the group: KVM_DEV_VFIO_GROUP_DEL; -1: none */
	uint64_t iova; /**< range that this device alone mapped */
	uint64_t size_bytes; /**< 0 with container_fd -1 */
};

/** Counters; a snapshot. */
struct vdev_kvm_stats {
	uint64_t devices; /**< with resources, now */
	uint64_t irqfds, ioeventfds, memslots, dmas; /**< attached, now */
	uint64_t detached; /**< ioctls that took something apart */
	uint64_t failed; /**< ioctls that failed */
	uint64_t kicks; /**< signals sent */
	uint64_t msis; /**< vectors that have a message, masked or not, now */
	uint64_t msi_routes; /**< of these: with a route in the VM's table, now */
	uint64_t routings; /**< KVM_SET_GSI_ROUTING that succeeded */
	uint64_t
		fallbacks; /**< VDEV_KVM_MSI_SIGNAL asked for, a route made: the kernel lacks KVM_CAP_SIGNAL_MSI */
	uint64_t signalled; /**< interrupts that vdev_kvm_signal() and its kin delivered */
	uint64_t blocked; /**< interrupts that KVM says the guest blocks */
};

/** Most vectors of a device, and most GSIs and routes of a VM. @{ */
#define VDEV_KVM_MAX_VECTORS 2048u
#define VDEV_KVM_MAX_GSIS 4096u
/** @} */

/** Instead of a GSI: none. */
#define VDEV_KVM_NO_GSI UINT32_MAX

/** Flags of struct vdev_kvm_msi. @{ */
#define VDEV_KVM_MSI_SIGNAL \
	0x1u /**< vdev_kvm_signal() delivers by KVM_SIGNAL_MSI: a change costs no ioctl */
#define VDEV_KVM_MSI_ROUTED \
	0x2u /**< the message is the route of a GSI, for irqfds: vhost, VFIO, producers in the kernel */
#define VDEV_KVM_MSI_MASKED 0x4u /**< nothing is delivered; what comes is kept as pending */
#define VDEV_KVM_MSI_DEVID 0x8u /**< `devid` is valid: KVM_MSI_VALID_DEVID (ARM ITS) */
#define VDEV_KVM_MSI_PENDING 0x10u /**< vdev_kvm_get_msi() only: something came while masked */
/** @} */

/** The message of a vector, as the guest programmed it. 32 bytes. */
struct vdev_kvm_msi {
	uint32_t struct_size;
	/** SIGNAL or ROUTED, with MASKED and DEVID if so; 0: the vector has no message (any more) */
	uint32_t flags;
	uint64_t address;
	uint32_t data;
	uint32_t devid; /**< with VDEV_KVM_MSI_DEVID; else 0 */
	/** ROUTED: 0..VDEV_KVM_MAX_GSIS-1, of this vector alone; SIGNAL: the same to fall back to, or VDEV_KVM_NO_GSI */
	uint32_t gsi;
	int32_t fd; /**< eventfd of the GSI's irqfd, for vdev_kvm_signal() by a route; -1: none */
};

/** Type of a fixed route. @{ */
#define VDEV_KVM_ROUTE_IRQCHIP 1u /**< `irqchip` and `pin` */
#define VDEV_KVM_ROUTE_MSI 2u /**< `address`, `data` and, with VDEV_KVM_MSI_DEVID, `devid` */
/** @} */

/** A route of the VM that is not the message of a vector. A GSI may have several. 40 bytes. */
struct vdev_kvm_route {
	uint32_t gsi; /**< 0..VDEV_KVM_MAX_GSIS-1 */
	uint32_t type; /**< VDEV_KVM_ROUTE_IRQCHIP or VDEV_KVM_ROUTE_MSI */
	uint32_t irqchip; /**< KVM_IRQCHIP_... */
	uint32_t pin;
	uint64_t address;
	uint32_t data;
	uint32_t devid;
	uint32_t flags; /**< VDEV_KVM_MSI_DEVID */
	uint32_t reserved; /**< 0 */
};

/** How an interrupt went: answers of vdev_kvm_signal(). @{ */
#define VDEV_KVM_BLOCKED 0 /**< KVM: the guest blocks it, or nobody is there */
#define VDEV_KVM_DELIVERED \
	1 /**< to KVM. An APIC id that no vCPU has may count, too: check with vdev_msi_reach() */
#define VDEV_KVM_MASKED 2 /**< pending: it comes when the vector is unmasked */
#define VDEV_KVM_GATED 3 /**< the device is hidden, or not known: dropped */
/** @} */

/**
 * Makes a backend for one VM.
 * @param ret_kvm the object
 * @param env hooks, or NULL
 * @param config see the struct
 * @return 0; -EINVAL; -E2BIG; -ENOMEM
 */
VDEV_API int vdev_kvm_new(struct vdev_kvm **ret_kvm, const struct vdev_env *env,
			  const struct vdev_kvm_config *config);
/**
 * Ends the object. Resources stay as they are: the VMM closes its VM.
 * @param kvm NULL is allowed
 */
VDEV_API void vdev_kvm_free(struct vdev_kvm *kvm);

/**
 * Registers an irqfd of a device, and attaches it with VDEV_KVM_ATTACH.
 * @param kvm the object
 * @param dev handle
 * @param irqfd description; copied
 * @return 0; -EINVAL; -E2BIG; -ENOMEM; -ENOSPC: max_devices; -EBUSY: the device is hidden already;
 * or the errno of the ioctl, see vdev_kvm_error()
 */
VDEV_API int vdev_kvm_add_irqfd(struct vdev_kvm *kvm, uint64_t dev,
				const struct vdev_kvm_irqfd *irqfd);

/**
 * Registers an ioeventfd of a device, and attaches it with VDEV_KVM_ATTACH.
 * @param kvm the object
 * @param dev handle
 * @param ioeventfd description; copied
 * @return 0; -EINVAL; -E2BIG; -ENOMEM; -ENOSPC: max_devices; -EBUSY: the device is hidden already;
 * or the errno of the ioctl, see vdev_kvm_error()
 */
VDEV_API int vdev_kvm_add_ioeventfd(struct vdev_kvm *kvm, uint64_t dev,
				    const struct vdev_kvm_ioeventfd *ioeventfd);

/**
 * Registers a memory slot of a device, and attaches it with VDEV_KVM_ATTACH.
 * @param kvm the object
 * @param dev handle
 * @param memslot description; copied
 * @return 0; -EINVAL; -E2BIG; -ENOMEM; -ENOSPC: max_devices; -EBUSY: the device is hidden already;
 * or the errno of the ioctl, see vdev_kvm_error()
 */
VDEV_API int vdev_kvm_add_memslot(struct vdev_kvm *kvm, uint64_t dev,
				  const struct vdev_kvm_memslot *memslot);

/**
 * Registers the DMA reach of a passthrough device, which the VMM has set up. A VFIO group is
 * registered with one unit only, the one that is torn down last.
 * @param kvm the object
 * @param dev handle
 * @param dma description; copied
 * @return 0; -EINVAL; -E2BIG; -ENOMEM; -ENOSPC: max_devices; -EBUSY: the device is hidden already
 */
VDEV_API int vdev_kvm_add_dma(struct vdev_kvm *kvm, uint64_t dev, const struct vdev_kvm_dma *dma);

/**
 * Moves the resources of a device to a new handle, ungated: after REANNOUNCE.
 * @param kvm the object
 * @param old_dev handle so far
 * @param new_dev handle from now on
 * @return 0; -ENOENT: old_dev has none; -EEXIST: new_dev has some; -EINVAL
 */
VDEV_API int vdev_kvm_rename(struct vdev_kvm *kvm, uint64_t old_dev, uint64_t new_dev);

/**
 * Whether doorbells of a device are gated: a device worker asks before it acts on a kick, because
 * the ioeventfd itself is taken apart later (that can take many milliseconds). Wait-free.
 * @param kvm the object
 * @param dev handle
 * @return 1: gated, or the device is not known: drop the kick; 0: serve it; -EINVAL: kvm is NULL
 */
VDEV_API int vdev_kvm_gated(const struct vdev_kvm *kvm, uint64_t dev);

/**
 * Hands over the routes of the VM that are not messages of vectors, e.g. the pins of its irqchips, and makes the table
 * with one KVM_SET_GSI_ROUTING. That ioctl replaces the whole table, so the backend is the only one who makes it from now
 * on. Needed once, even with no route, before the first vector that is ROUTED; again when they change.
 * @param kvm the object
 * @param routes `count` of them; copied; NULL with count 0
 * @param count 0..VDEV_KVM_MAX_GSIS
 * @return 0; -EINVAL; -ENOMEM; -EEXIST: a GSI belongs to a vector; -ENOSPC: more than VDEV_KVM_MAX_GSIS routes with those of
 * the vectors; or the errno of the ioctl, see vdev_kvm_error(). Nothing has changed when it fails
 */
VDEV_API int vdev_kvm_set_routes(struct vdev_kvm *kvm, const struct vdev_kvm_route *routes,
				 uint32_t count);

/**
 * The guest programmed messages of a device: registers or changes those of some vectors. Routes of all of them are
 * changed by one KVM_SET_GSI_ROUTING, and by none when no route is another one than before. Masking a ROUTED vector
 * detaches the irqfds of its GSI that were registered for this device and removes its route; unmasking makes the route
 * and attaches them: what the eventfds got meanwhile is delivered then. For a SIGNAL vector all of that is a store.
 * A ROUTED vector keeps its GSI, fd and kind while its device may signal, or is masked first; otherwise an interrupt that is
 * on its way is lost.
 * @param kvm the object
 * @param dev handle
 * @param vector first one: 0..VDEV_KVM_MAX_VECTORS-1
 * @param msis `count` of them, of the same struct_size; copied. The eventfds must live until RELEASE
 * @param count 1..VDEV_KVM_MAX_VECTORS-vector
 * @return 0; 1: at least one is ROUTED although SIGNAL was asked for, as the kernel cannot do it: its irqfd is needed;
 * -EINVAL; -E2BIG; -ENOMEM; -ENOSPC: max_devices, or VDEV_KVM_MAX_GSIS routes; -EBUSY: the device is hidden already, or
 * ROUTED before vdev_kvm_set_routes(); -EEXIST: the GSI is another vector's or a fixed route's; -EOPNOTSUPP:
 * KVM_CAP_SIGNAL_MSI is missing, and there is no GSI to fall back to; or the errno of an ioctl, see vdev_kvm_error().
 * Nothing has changed when it fails
 */
VDEV_API int vdev_kvm_set_msis(struct vdev_kvm *kvm, uint64_t dev, uint32_t vector,
			       const struct vdev_kvm_msi *msis, uint32_t count);
/**
 * vdev_kvm_set_msis() of one vector.
 * @param kvm the object
 * @param dev handle
 * @param vector 0..VDEV_KVM_MAX_VECTORS-1
 * @param msi copied
 * @return as of vdev_kvm_set_msis()
 */
VDEV_API int vdev_kvm_set_msi(struct vdev_kvm *kvm, uint64_t dev, uint32_t vector,
			      const struct vdev_kvm_msi *msi);
/**
 * The guest masked or unmasked a vector. What came while it was masked is delivered once when it is unmasked.
 * @param kvm the object
 * @param dev handle
 * @param vector 0..VDEV_KVM_MAX_VECTORS-1
 * @param masked 1 or 0; also when it is so already
 * @return 0; 1: and what was pending by vdev_kvm_signal() has been delivered; -EINVAL; -ENOENT: the device or its vector has no
 * message; -EBUSY: the device is hidden already; -ENOSPC: VDEV_KVM_MAX_GSIS routes; -ENOMEM; or the errno of an
 * ioctl, see vdev_kvm_error(). Nothing has changed when it fails
 */
VDEV_API int vdev_kvm_mask_msi(struct vdev_kvm *kvm, uint64_t dev, uint32_t vector,
			       uint32_t masked);
/**
 * The message of a vector as it is now. Any thread, no lock.
 * @param kvm the object
 * @param dev handle
 * @param vector 0..VDEV_KVM_MAX_VECTORS-1
 * @param ret_msi flags say SIGNAL or ROUTED as it came to be, and MASKED and PENDING
 * @param size sizeof(struct vdev_kvm_msi) of the caller
 * @return 0; -EINVAL; -ENOENT: no message, or the device is hidden or not known
 */
VDEV_API int vdev_kvm_get_msi(const struct vdev_kvm *kvm, uint64_t dev, uint32_t vector,
			      struct vdev_kvm_msi *ret_msi, size_t size);

/**
 * Delivers the interrupt of a vector, by KVM_SIGNAL_MSI or by a write to its eventfd. For device workers: takes no lock
 * unless the delivery fails, allocates nothing, makes one system call at most, and none while masked. Beside a change of the vector it is the message before or after, never a
 * mixture. A call that has begun before HIDE may still deliver; ending those is DRAIN's business.
 * @param kvm the object
 * @param dev handle
 * @param vector 0..VDEV_KVM_MAX_VECTORS-1
 * @return VDEV_KVM_BLOCKED (0), VDEV_KVM_DELIVERED, VDEV_KVM_MASKED or VDEV_KVM_GATED; -EINVAL; -ENOENT: the vector has no
 * message; -EOPNOTSUPP: it is ROUTED and has no eventfd; or the errno of the ioctl or write, see vdev_kvm_error()
 */
VDEV_API int vdev_kvm_signal(struct vdev_kvm *kvm, uint64_t dev, uint32_t vector);
/**
 * vdev_kvm_signal() to one vCPU of those that the guest programmed (H10), for vdev_irqhint_choose() and
 * vdev_msi_aim(). What is delivered is `aimed`, and only while the vector's message is still the one that it was made
 * from: if the guest has programmed another meanwhile, the old vector number may be somebody else's. If it was also
 * unmasked meanwhile, the other one is delivered, unaimed, as something may have been pending.
 * @param kvm the object
 * @param dev handle
 * @param vector 0..VDEV_KVM_MAX_VECTORS-1; SIGNAL
 * @param programmed what vdev_msi_aim() was given
 * @param aimed what it made
 * @return as of vdev_kvm_signal(); -ESTALE: the vector's message is not `programmed`: nothing was delivered; aim again, or use
 * vdev_kvm_signal(); -EOPNOTSUPP: the vector is ROUTED
 */
VDEV_API int vdev_kvm_signal_aimed(struct vdev_kvm *kvm, uint64_t dev, uint32_t vector,
				   const struct vdev_msi *programmed, const struct vdev_msi *aimed);

/**
 * Registers a vCPU, so that it can be kicked out of KVM_RUN.
 * @param kvm the object
 * @param vcpu 0..4095
 * @param tid kernel thread id of its thread, 0: gone
 * @param kvm_run its mmap'ed struct kvm_run; must stay mapped until tid 0 is registered
 * @return 0; -EINVAL; -ENOMEM
 */
VDEV_API int vdev_kvm_set_vcpu(struct vdev_kvm *kvm, uint32_t vcpu, int32_t tid, void *kvm_run);

/**
 * Makes a vCPU leave KVM_RUN soon: immediate_exit is set and the signal sent. The vCPU's own thread
 * clears immediate_exit.
 * @param kvm the object
 * @param vcpu number, or UINT32_MAX: all
 * @return number of vCPUs kicked; -ENOENT: no such vCPU, or the thread that was registered has ended;
 * -EINVAL
 */
VDEV_API int vdev_kvm_kick(struct vdev_kvm *kvm, uint32_t vcpu);

/**
 * Performs one action; also by the ops table with @c kvm as its context. HIDE gates doorbells;
 * DETACH_EVENTS, UNMAP_BARS and LEAVE_DMA take resources apart, TEARDOWN does the three in this
 * order, RELEASE forgets the device. DETACH_EVENTS also removes the routes of the device's vectors and forgets them. A failed ioctl does not stop the rest of the same action.
 * @param kvm the object
 * @param action the action
 * @return 0; -EOPNOTSUPP: not one of these; -EINVAL; or the errno of the first ioctl that failed
 */
VDEV_API int vdev_kvm_perform(struct vdev_kvm *kvm, const struct vdev_action *action);

/**
 * What the last failed ioctl was, for people: "KVM_IRQFD (deassign, gsi 24, fd 9): Bad file ...".
 * @param kvm the object
 * @param buf room for the text, always terminated
 * @param size bytes at buf, at least 1
 * @return length of the whole text, also when it was cut; 0: nothing failed so far; -EINVAL
 */
VDEV_API int vdev_kvm_error(struct vdev_kvm *kvm, char *buf, size_t size);

/**
 * Counters.
 * @param kvm the object
 * @param ret_stats the counters
 * @param size sizeof(struct vdev_kvm_stats) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_kvm_stats(struct vdev_kvm *kvm, struct vdev_kvm_stats *ret_stats, size_t size);

/**
 * The KVM backend as a table.
 * @return constant table; its context is a struct vdev_kvm pointer
 */
VDEV_API const struct vdev_backend_ops *vdev_kvm_ops(void);

#ifdef __cplusplus
}
#endif

#endif
