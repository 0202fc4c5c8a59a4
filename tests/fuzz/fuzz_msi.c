/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: MSI messages.
 *
 * Input: address (8 bytes, little endian), data (4), flags (1), vCPU (1), then 8 bytes for each vCPU: APIC id and logical id. What
 * is accepted is reached by the letter of the specification, written down here once more; what was aimed
 * reaches the one and nobody else, or, where ids are twice, whoever has the same.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vdev/msi.h>

#define MAX_CPUS 70u
#define HEAD 14u
#define WORDS VDEV_CPUMAP_WORDS(MAX_CPUS)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
	if (!ok)
		abort();
}

static uint64_t number(const uint8_t *p, uint32_t bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

/* Whether the specification says that a valid message reaches a vCPU. */
static int expected(const struct vdev_msi *m, uint32_t flags, const struct vdev_msi_cpu *c)
{
	uint64_t to = (m->address >> 12) % 256 + (m->address >> 40) * 256;
	uint64_t all = flags == 3 ? 0xffffffff : 0xff;

	if (c->apic_id == VDEV_MSI_ABSENT)
		return 0;
	if (to == all)
		return 1;
	if (!(m->address & 4))
		return to == c->apic_id;
	if (flags & VDEV_MSI_X2APIC)
		return to / 65536 == c->logical / 65536 && (to & c->logical & 65535);
	return (to & c->logical & 255) != 0;
}

static int in_set(const uint64_t *set, uint32_t vcpu)
{
	return (int)(set[vcpu / 64] >> vcpu % 64 & 1);
}

static void check_reach(const struct vdev_msi *m, const struct vdev_msi_cpu *cpus, uint32_t count,
			uint32_t flags, const uint64_t *set, int reached)
{
	int found = 0;

	require((m->address & 0xfff00ff0) == 0xfee00000 && (m->data & 0xff) >= 16);
	for (uint32_t i = 0; i < count; i++) {
		require(in_set(set, i) == (expected(m, flags, &cpus[i]) != 0));
		found += in_set(set, i);
	}
	require(found == reached);
}

static void check_aim(const struct vdev_msi *m, const struct vdev_msi_cpu *cpus, uint32_t count,
		      uint32_t flags, uint32_t vcpu)
{
	uint64_t before[WORDS], after[WORDS];
	struct vdev_msi to = {.address = 1};
	int ret = vdev_msi_aim(m, cpus, count, flags, vcpu, &to);

	if (ret) {
		require(ret < 0 && to.address == 1);
		return;
	}
	require(vdev_msi_reach(m, cpus, count, flags, before, WORDS) > 0);
	require(vdev_msi_reach(&to, cpus, count, flags, after, WORDS) > 0);
	require(in_set(before, vcpu) && in_set(after, vcpu));
	for (uint32_t i = 0; i < count; i++)
		require(!in_set(after, i) || cpus[i].apic_id == cpus[vcpu].apic_id);
	require((to.data & 0xff) == (m->data & 0xff) && !(to.data & 0x700) && !to.reserved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vdev_msi_cpu cpus[MAX_CPUS];
	struct vdev_msi m = {.address = 0};
	uint64_t set[WORDS];
	uint32_t count;
	int reached;

	if (size < HEAD)
		return 0;
	m.address = number(data, 8);
	m.data = (uint32_t)number(data + 8, 4);
	count = (uint32_t)((size - HEAD) / 8 < MAX_CPUS ? (size - HEAD) / 8 : MAX_CPUS);
	for (uint32_t i = 0; i < count; i++)
		cpus[i] = (struct vdev_msi_cpu){
			.apic_id = (uint32_t)number(data + HEAD + 8 * i, 4),
			.logical = (uint32_t)number(data + HEAD + 8 * i + 4, 4),
		};
	reached = vdev_msi_reach(&m, cpus, count, data[12], set, WORDS);
	require(reached >= 0 || reached == -EINVAL || reached == -EOPNOTSUPP);
	if (reached >= 0)
		check_reach(&m, cpus, count, data[12], set, reached);
	check_aim(&m, cpus, count, data[12], data[13]);
	return 0;
}
