/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MSI messages of x86.
 *
 *   address  31..20 0xfee   19..12 destination   11..5 0   4 remappable   3 redirection hint   2 logical   1..0 ignored
 *            63..40 bits 31..8 of the destination, in the layout of KVM_CAP_X2APIC_API
 *   data     15 level-triggered   14 level   10..8 delivery mode   7..0 vector   others ignored
 *
 * Sources: Intel SDM volume 3, "Message Signalled Interrupts"; what is left open there is as KVM does it.
 */
#include <errno.h>
#include <stdbool.h>

#include <vdev/msi.h>

#include "bitmap.h"

#define BASE UINT64_C(0xfee00000)
#define FREE_BITS UINT64_C(0xff00f) /* of the address: destination, hint, logical, ignored */
#define WIDE_BITS UINT64_C(0xffffff0000000000)
#define REDIRECT 0x8u
#define LOGICAL 0x4u
#define KEPT_DATA \
	0xc0ffu /* vector and trigger: the rest of an aimed message is physical and fixed */
#define LOWEST 1u
#define LEAST_VECTOR 16u
#define ALL 0xffu

struct destination {
	uint32_t id;
	bool logical;
	bool x2apic;
	bool all;
	bool one; /* of those that it reaches one gets it, not all */
};

/* By delivery mode; SMI, NMI, INIT and ExtINT are valid, but nothing that may be retargeted. */
static int check_mode(uint32_t mode)
{
	static const int modes[8] = {0,           0,           -EOPNOTSUPP, -EINVAL,
				     -EOPNOTSUPP, -EOPNOTSUPP, -EINVAL,     -EOPNOTSUPP};

	return modes[mode];
}

static int check_message(const struct vdev_msi *m, uint32_t flags)
{
	uint64_t fixed = ~(FREE_BITS | (flags & VDEV_MSI_WIDE ? WIDE_BITS : 0));
	int err = check_mode(m->data >> 8 & 7);

	if (m->reserved || (m->address & fixed) != BASE)
		return -EINVAL;
	if (!err && (m->data & 0xff) < LEAST_VECTOR)
		return -EINVAL;
	return err;
}

static uint32_t everybody(uint32_t flags)
{
	return flags == (VDEV_MSI_X2APIC | VDEV_MSI_WIDE) ? UINT32_MAX : ALL;
}

static int decode(const struct vdev_msi *m, const struct vdev_msi_cpu *cpus, uint32_t count,
		  uint32_t flags, struct destination *ret)
{
	int err;

	if (!m || !cpus || !count || count > VDEV_CPUMAP_MAX_VCPUS ||
	    flags & ~(VDEV_MSI_X2APIC | VDEV_MSI_WIDE))
		return -EINVAL;
	err = check_message(m, flags);
	if (err)
		return err;
	ret->id = (uint32_t)(m->address >> 12 & 0xff) | (uint32_t)(m->address >> 40 << 8);
	ret->logical = m->address & LOGICAL;
	ret->x2apic = flags & VDEV_MSI_X2APIC;
	ret->all = ret->id == everybody(flags);
	/* KVM makes lowest priority to the physical 0xff a fixed message to all, but not with the hint. */
	ret->one = m->address & REDIRECT ||
		   ((m->data >> 8 & 7) == LOWEST && (ret->logical || ret->id != ALL));
	return 0;
}

static bool in_logical(const struct destination *d, uint32_t logical)
{
	uint32_t both = logical & d->id;

	if (!d->x2apic)
		return both & 0xff;
	return logical >> 16 == d->id >> 16 && both & 0xffff;
}

static bool reaches(const struct destination *d, const struct vdev_msi_cpu *cpu)
{
	if (cpu->apic_id == VDEV_MSI_ABSENT)
		return false;
	if (d->all)
		return true;
	return d->logical ? in_logical(d, cpu->logical) : cpu->apic_id == d->id;
}

int vdev_msi_reach(const struct vdev_msi *msi, const struct vdev_msi_cpu *cpus, uint32_t count,
		   uint32_t flags, uint64_t *ret_set, uint32_t words)
{
	struct destination d;
	int err = decode(msi, cpus, count, flags, &d);
	int reached = 0;

	if (err)
		return err;
	if (!ret_set || words < VDEV_CPUMAP_WORDS(count))
		return -EINVAL;
	for (uint32_t i = 0; i < words; i++)
		ret_set[i] = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (!reaches(&d, &cpus[i]))
			continue;
		vdev__bitmap_set(ret_set, i);
		reached++;
	}
	return reached;
}

/* Whether a message that goes to all that it reaches reaches more than this one. */
static bool reaches_another(const struct destination *d, const struct vdev_msi_cpu *cpus,
			    uint32_t count, uint32_t vcpu)
{
	for (uint32_t i = 0; i < count; i++)
		if (i != vcpu && reaches(d, &cpus[i]))
			return true;
	return false;
}

int vdev_msi_aim(const struct vdev_msi *msi, const struct vdev_msi_cpu *cpus, uint32_t count,
		 uint32_t flags, uint32_t vcpu, struct vdev_msi *ret_msi)
{
	struct destination d;
	int err = decode(msi, cpus, count, flags, &d);
	uint32_t id;

	if (err)
		return err;
	if (vcpu >= count || !ret_msi)
		return -EINVAL;
	if (!reaches(&d, &cpus[vcpu]))
		return -EPERM;
	if (!d.one && reaches_another(&d, cpus, count, vcpu))
		return -EPERM;
	id = cpus[vcpu].apic_id;
	if (id >= everybody(flags)) /* as a destination it would be everybody, or somebody else */
		return -ERANGE;
	*ret_msi = (struct vdev_msi){
		.address = BASE | (uint64_t)(id & 0xff) << 12 | (uint64_t)(id >> 8) << 40,
		.data = msi->data & KEPT_DATA,
	};
	return 0;
}
