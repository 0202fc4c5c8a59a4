/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the routing table share. The caller holds `routes.lock`. */
#ifndef VDEV__KVM_ROUTES_H
#define VDEV__KVM_ROUTES_H

#include <linux/kvm.h>

#include "internal.h"

static inline size_t vdev__kvm_table_size(uint32_t entries)
{
	return sizeof(struct kvm_irq_routing) + entries * sizeof(struct kvm_irq_routing_entry);
}

static inline struct kvm_irq_routing_entry
vdev__kvm_msi_entry(uint32_t gsi, uint64_t address, uint32_t data, uint32_t devid, uint32_t flags)
{
	struct kvm_irq_routing_entry e = {.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI};

	e.flags = flags & VDEV_KVM_MSI_DEVID ? KVM_MSI_VALID_DEVID : 0;
	e.u.msi.address_lo = (uint32_t)address;
	e.u.msi.address_hi = (uint32_t)(address >> 32);
	e.u.msi.data = data;
	e.u.msi.devid = devid;
	return e;
}

/* Tells KVM. `fixed` of its entries are not vectors'; `changed` and the log level are for people. An errno. */
int vdev__kvm_commit(struct vdev_kvm *kvm, struct kvm_irq_routing *table, uint32_t fixed,
		     uint32_t changed, uint32_t level);

#endif
