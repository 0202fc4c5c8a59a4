/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file msi.h
 * MSI messages of x86: which vCPUs a message may reach, and the same interrupt for exactly one of them.
 *
 * **Purpose.** A guest writes messages into the MSI or MSI-X table of a device. vdev_msi_reach() says where such a
 * message goes, which is what vdev_irqhint_programmed() wants to know. vdev_msi_aim() makes of it a message for the
 * vCPU that vdev_irqhint_choose() chose, and refuses every other one (rule H10 of docs/engines/irqhint.md): vectors belong to
 * a vCPU, and the same vector on another one is another device's interrupt. Source: Intel SDM volume 3,
 * section "Message Signalled Interrupts"; Linux, `Documentation/virt/kvm/api.rst`, KVM_CAP_X2APIC_API.
 *
 * **States**, **Ownership**: none. Nothing is kept and nothing is allocated.
 *
 * **Threads.** Every call here is safe in any thread; it reads what it was given.
 *
 * **Hostile guests.** A message is the guest's, and may be anything. What is not an interrupt that a device may raise
 * is refused, and the caller handles it as without this part: deliver it unchanged, or drop it. What the vCPUs'
 * ids are comes from the VMM, not from the message.
 */
#ifndef VDEV_MSI_H
#define VDEV_MSI_H

#include <vdev/base.h>
#include <vdev/cpumap.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The vCPUs' APICs are in x2APIC mode: `logical` is the 32-bit logical id. Without it: 8 bits, flat model. */
#define VDEV_MSI_X2APIC 0x1u
/**
 * Destinations have 32 bits: bits 63..40 of the address are bits 31..8 of it, and in x2APIC mode 0xffffffff
 * is all vCPUs, 0xff one of them. So it is in a VM with both flags of KVM_CAP_X2APIC_API, USE_32BIT_IDS and
 * DISABLE_BROADCAST_QUIRK. Without it bits 63..32 are 0, and 0xff is all vCPUs in either mode.
 */
#define VDEV_MSI_WIDE 0x2u

/** Instead of an APIC id: there is no such vCPU (now). No message reaches it. */
#define VDEV_MSI_ABSENT UINT32_MAX

/** A message as the guest programmed it, or as KVM_SIGNAL_MSI takes it. 16 bytes. */
struct vdev_msi {
	uint64_t address;
	uint32_t data;
	uint32_t reserved; /**< 0 */
};

/** Where a vCPU listens. 8 bytes. */
struct vdev_msi_cpu {
	uint32_t apic_id; /**< physical, unique; VDEV_MSI_ABSENT: no such vCPU */
	/** with VDEV_MSI_X2APIC: cluster in bits 31..16, its bit in 15..0; else bits 31..24 of the LDR, here in 7..0 */
	uint32_t logical;
};

/**
 * Which vCPUs may a message reach? (H4, H10) Physical, logical and broadcast destinations. With delivery mode *lowest
 * priority* or the redirection hint one of them gets it, with *fixed* all do; so they do, in KVM, with lowest priority to
 * the physical destination 0xff without the hint.
 *
 * Bits that processors and KVM ignore are ignored: 1..0 of the address, 31..16 and 13..11 of the data. The cluster
 * model of xAPIC (DFR not all ones) is not known: do not ask for guests that use it.
 * @param msi from the guest
 * @param cpus `count` of them, by number of the vCPU
 * @param count 1..VDEV_CPUMAP_MAX_VCPUS
 * @param flags VDEV_MSI_X2APIC, VDEV_MSI_WIDE: as the VM is set up now
 * @param ret_set VDEV_CPUMAP_WORDS(count) words, all written
 * @param words of ret_set; more than needed are zeroed
 * @return vCPUs in the set, 0: it reaches nobody, and KVM_SIGNAL_MSI would not tell; -EINVAL: NULL, count, flags, words or
 * reserved; or no interrupt message: the address is not 0xfeexxxxx, has the bit of remappable messages or one of
 * bits 11..5 (translate those first) or bits of a wide destination without the flag, the delivery mode is reserved, the
 * vector is below 16; -EOPNOTSUPP: SMI, NMI, INIT or ExtINT, which are no device's interrupt and stay as they are
 */
VDEV_API int vdev_msi_reach(const struct vdev_msi *msi, const struct vdev_msi_cpu *cpus,
			    uint32_t count, uint32_t flags, uint64_t *ret_set, uint32_t words);
/**
 * The same interrupt to exactly this vCPU (H10): physical destination, fixed, vector and trigger of the original.
 * @param msi from the guest
 * @param cpus as for vdev_msi_reach()
 * @param count as for vdev_msi_reach()
 * @param flags as for vdev_msi_reach()
 * @param vcpu 0..count-1
 * @param ret_msi the message for vdev_kvm_signal_aimed(); may be `msi`
 * @return 0; -EPERM: the guest did not allow that: the vCPU is not in reach, or is one of several to which the message
 * goes at once; -ERANGE: the vCPU is in reach, but no physical destination names
 * it: its id is above 254 without VDEV_MSI_WIDE and VDEV_MSI_X2APIC; -EINVAL; -EOPNOTSUPP: as for vdev_msi_reach()
 */
VDEV_API int vdev_msi_aim(const struct vdev_msi *msi, const struct vdev_msi_cpu *cpus,
			  uint32_t count, uint32_t flags, uint32_t vcpu, struct vdev_msi *ret_msi);

#ifdef __cplusplus
}
#endif

#endif
