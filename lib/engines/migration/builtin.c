/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: the built-in rules, in the format of rules files, so that people can copy them. Each says where
 * it comes from. Of all that match a device and name a field the last decides. Devices are named by what they
 * are at the source; VFs by the id that their SR-IOV capability tells.
 */
#include "rules.h"

/* Whatever the device: M1 asks for the class, M2 for type and version. */
#define PLACE                                                                                      \
	"class exact mask=ffff00 REFUSE must-know # M1: hardware that can back it: PCI Code and "  \
	"ID Assignment 1.16\n"                                                                     \
	"header_type exact REFUSE # PCI 3.0, 6.2.1: another header is another kind of function\n"  \
	"relation exact mask=2 REFUSE # SR-IOV 1.1, 2: a PF controls all its VFs and is not "      \
	"given in place of one\n"                                                                  \
	"vendor exact QUIESCE_REBUILD # M2: hardware type (US 11,544,097 B2)\n"                    \
	"device exact QUIESCE_REBUILD # M2: hardware type (US 11,544,097 B2)\n"                    \
	"subsystem_vendor exact QUIESCE_REBUILD # M2; PCI 3.0, 6.2.4\n"                            \
	"subsystem_device exact QUIESCE_REBUILD # M2; PCI 3.0, 6.2.4\n"                            \
	"revision exact QUIESCE_REBUILD # M2: hardware version; PCI 3.0, 6.2.1\n"                  \
	"stop_copy need value=1 QUIESCE_REBUILD # linux/vfio.h: VFIO_MIGRATION_STOP_COPY is the "  \
	"least that moves state\n"                                                                 \
	"p2p at-least QUIESCE_REBUILD # linux/vfio.h: VFIO_MIGRATION_P2P adds RUNNING_P2P to the " \
	"states of both ends\n"                                                                    \
	"pre_copy need value=1 LIVE_STOP_COPY_ONLY # linux/vfio.h: VFIO_MIGRATION_PRE_COPY: "      \
	"state moves while it runs\n"                                                              \
	"dma_logging ignore # linux/vfio.h: DMA_LOGGING is an affair of the source alone\n"        \
	"sriov_total exact QUIESCE_REBUILD # M2: VF counts; SR-IOV 1.1, 3.3.6\n"                   \
	"sriov_vfs ignore # SR-IOV 1.1, 3.3.7: set by the host\n"                                  \
	"sriov_offset exact QUIESCE_REBUILD # SR-IOV 1.1, 3.3.9\n"                                 \
	"sriov_stride exact QUIESCE_REBUILD # SR-IOV 1.1, 3.3.10\n"                                \
	"sriov_device exact QUIESCE_REBUILD # SR-IOV 1.1, 3.3.11\n"

#define CONTENTS                                                                                 \
	"msix_size exact QUIESCE_REBUILD # PCI 3.0, 6.8.2: the guest has seen the table\n"       \
	"msi_vectors exact QUIESCE_REBUILD # PCI 3.0, 6.8.1\n"                                   \
	"reset exact mask=3 QUIESCE_REBUILD # PCIe 5.0, 6.6.2: the guest may reset it; other "   \
	"ways depend on the host\n"                                                              \
	"power_state ignore # PCI PM 1.2: a state, no property\n"                                \
	"slot_caps ignore # PCIe 5.0, 7.5.3.9: of the host's slot, the guest sees the VMM's\n"   \
	"pcie_type exact QUIESCE_REBUILD # PCIe 5.0, 7.5.3.2\n"                                  \
	"bar_kinds exact QUIESCE_REBUILD # M2: BARs; PCI 3.0, 6.2.5.1\n"                         \
	"link_speed ignore # PCIe 5.0, 7.5.3.6: of the host's link\n"                            \
	"link_width ignore # PCIe 5.0, 7.5.3.6: of the host's link\n"                            \
	"bar0 exact QUIESCE_REBUILD # M2: BAR sizes; PCI 3.0, 6.2.5.1\n"                         \
	"bar1 exact QUIESCE_REBUILD # M2: BAR sizes\n"                                           \
	"bar2 exact QUIESCE_REBUILD # M2: BAR sizes\n"                                           \
	"bar3 exact QUIESCE_REBUILD # M2: BAR sizes\n"                                           \
	"bar4 exact QUIESCE_REBUILD # M2: BAR sizes\n"                                           \
	"bar5 exact QUIESCE_REBUILD # M2: BAR sizes\n"                                           \
	"rom exact QUIESCE_REBUILD # PCI 3.0, 6.2.5.2\n"                                         \
	"features exact QUIESCE_REBUILD # M2: what a guest has negotiated must be there\n"       \
	"device_serial ignore # PCIe 5.0, 7.9.3: differs by purpose\n"                           \
	"firmware exact QUIESCE_REBUILD # M2: firmware, running (devlink-info: fw)\n"            \
	"firmware_mgmt exact QUIESCE_REBUILD # M2: firmware, running (devlink-info: fw.mgmt)\n"  \
	"firmware_app exact QUIESCE_REBUILD # M2: firmware, running (devlink-info: fw.app)\n"    \
	"psid exact QUIESCE_REBUILD # M2: PSID (devlink-info: fw.psid)\n"                        \
	"board ignore # devlink-info: board.id names a product, psid its settings\n"             \
	"driver exact QUIESCE_REBUILD # M2: a migration stream is known to its driver only\n"    \
	"driver_version at-least QUIESCE_REBUILD # M2: an older driver has not seen the stream " \
	"of a later one\n"                                                                       \
	"stream_version exact QUIESCE_REBUILD # M2: migration-stream version\n"                  \
	"serial ignore # PCI 3.0, appendix I: VPD SN differs by purpose\n"                       \
	"part ignore # PCI 3.0, appendix I: VPD PN; what matters has fields of its own\n"        \
	"vpd_firmware ignore # VPD tells what was stored, M2 asks what runs\n"                   \
	"caps exact QUIESCE_REBUILD # M2: capability layout; the guest has walked the chain\n"

/* drivers/vfio/pci/virtio: a VF that is a virtio device. */
#define VIRTIO                                                                                     \
	"vendor=1af4 features at-least QUIESCE_REBUILD # Virtio 1.2, 2.2: what was accepted must " \
	"still be offered\n"                                                                       \
	"vendor=1af4 device=1000/ff80 revision at-least QUIESCE_REBUILD # Virtio 1.2, 4.1.2.1: "   \
	"drivers match revision 1 or more\n"                                                       \
	"vendor=1af4 device=1000/ff80 firmware ignore # Virtio 1.2, 2.2: features stand for "      \
	"versions\n"

#define NVME                                                                                      \
	"class=010802/ffffff class exact REFUSE # NVM Express PCIe Transport 1.0: the interface " \
	"is part of it\n"                                                                         \
	"class=010802/ffffff msix_size at-least QUIESCE_REBUILD # NVM Express Base 2.0, "         \
	"5.27.1.5: queues, fewer than vectors\n"                                                  \
	"class=010802/ffffff firmware exact QUIESCE_REBUILD must-know # NVM Express Base 2.0, "   \
	"5.17.2.1: Identify shows FR\n"

/* VFs: 1018 ConnectX-5, 101a 5 Ex, 101c 6, 101e 6 Dx and later. */
#define MLX5_VF(device)                                                                           \
	"vendor=15b3 device=" device                                                              \
	" psid exact QUIESCE_REBUILD must-know # NVIDIA DOCA, SR-IOV Live Migration: same PSID\n" \
	"vendor=15b3 device=" device " firmware exact QUIESCE_REBUILD must-know # NVIDIA DOCA, "  \
	"SR-IOV Live Migration: same firmware\n"

/*
 * VFs that reach their PF by a mailbox: what the VF's guest sees of firmware comes through the PF's driver. 10ca 82576,
 * 1520 I350, 10ed 82599, 1515 X540, 1565 X550, 1889 the adaptive one of the 700 series and later.
 */
#define INTEL_VF(device, source)                                            \
	"vendor=8086 device=" device " firmware ignore # " source "\n"      \
	"vendor=8086 device=" device " firmware_mgmt ignore # " source "\n" \
	"vendor=8086 device=" device " firmware_app ignore # " source "\n"

/* In parts, since a compiler need not take longer strings. */
static const char *const parts[] = {
	PLACE,
	CONTENTS,
	VIRTIO NVME MLX5_VF("1018") MLX5_VF("101a") MLX5_VF("101c") MLX5_VF("101e"),
	INTEL_VF("10ca", "Linux drivers/net/ethernet/intel/igbvf/mbx.h: mailbox to the PF's driver")
		INTEL_VF("1520",
			 "Linux drivers/net/ethernet/intel/igbvf/mbx.h: mailbox to the PF's driver")
			INTEL_VF("10ed", "Linux drivers/net/ethernet/intel/ixgbevf/mbx.h: mailbox, "
					 "its version is agreed on")
				INTEL_VF("1515", "Linux drivers/net/ethernet/intel/ixgbevf/mbx.h: "
						 "mailbox, its version is agreed on")
					INTEL_VF("1565",
						 "Linux drivers/net/ethernet/intel/ixgbevf/mbx.h: "
						 "mailbox, its version is agreed on"),
	INTEL_VF("1889",
		 "Linux include/linux/avf/virtchnl.h: messages to the PF's driver, capabilities "
		 "are agreed on") "vendor=8086 device=1889 revision ignore # Linux iavf.rst: one "
				  "VF device for generations of PFs\n"
				  "vendor=8086 device=1889 subsystem_device ignore # Linux "
				  "iavf.rst: one VF device for generations of PFs\n",
};

const char *vdev__migration_builtin(uint32_t part, size_t *ret_size)
{
	if (part >= sizeof(parts) / sizeof(parts[0]))
		return NULL;
	*ret_size = strlen(parts[part]);
	return parts[part];
}
