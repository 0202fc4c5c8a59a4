/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mock as a provider for CPU maps (H9): where vCPUs are by the script, and what it says instead.
 *
 * It does what any provider that is polled does: looks at one vCPU after the other, and tells the map at the end
 * when it began. What can go wrong on that way is what the script can say.
 */
#include <errno.h>

#include "internal.h"

static bool place_ok(uint32_t cpu, uint32_t state)
{
	if (cpu == VDEV_CPUMAP_NOWHERE)
		return state == VDEV_CPUMAP_UNKNOWN;
	return cpu < VDEV_CPUMAP_MAX_CPUS && state <= VDEV_CPUMAP_SLEEPING;
}

int vdev__mock_places_init(struct vdev_mock *m)
{
	uint32_t n = m->config.max_vcpus;

	m->looks = UINT32_MAX;
	if (!n)
		return 0;
	m->vcpus = vdev__alloc(&m->env, n, sizeof(*m->vcpus));
	if (!m->vcpus)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		m->vcpus[i].truth.cpu = VDEV_CPUMAP_NOWHERE;
	return 0;
}

void vdev__mock_places_fini(struct vdev_mock *m)
{
	vdev__free(&m->env, m->vcpus, m->config.max_vcpus * sizeof(*m->vcpus));
}

int vdev_mock_place(struct vdev_mock *mock, uint32_t vcpu, uint32_t cpu, uint32_t state)
{
	if (!mock || vcpu >= mock->config.max_vcpus || !place_ok(cpu, state))
		return -EINVAL;
	mock->vcpus[vcpu].truth = (struct place){.cpu = cpu, .state = state};
	return 0;
}

int vdev_mock_lie(struct vdev_mock *mock, uint32_t vcpu, uint32_t cpu, uint32_t state)
{
	if (!mock || vcpu >= mock->config.max_vcpus || !place_ok(cpu, state))
		return -EINVAL;
	mock->vcpus[vcpu].lie = (struct place){.cpu = cpu, .state = state};
	mock->vcpus[vcpu].status = LIES;
	return 0;
}

int vdev_mock_look(struct vdev_mock *mock, uint32_t vcpu, int32_t status)
{
	if (!mock || vcpu >= mock->config.max_vcpus || !vdev__mock_valid_status(status))
		return -EINVAL;
	mock->vcpus[vcpu].status = status;
	return 0;
}

int vdev_mock_hang(struct vdev_mock *mock, uint32_t looks)
{
	if (!mock)
		return -EINVAL;
	mock->looks = looks;
	return 0;
}

/* 1: it is somewhere. */
static int look(const struct vcpu *v, uint64_t now_ns, uint32_t vcpu, struct vdev_cpumap *map)
{
	struct place p = v->status == LIES ? v->lie : v->truth;

	/* A look that failed, or found a CPU that the map does not have, knows no place. */
	if (v->status < 0 || vdev_cpumap_set(map, now_ns, vcpu, p.cpu, p.state) < 0) {
		vdev_cpumap_set(map, now_ns, vcpu, VDEV_CPUMAP_NOWHERE, VDEV_CPUMAP_UNKNOWN);
		return 0;
	}
	return p.cpu != VDEV_CPUMAP_NOWHERE;
}

int vdev_mock_refresh(struct vdev_mock *mock, uint64_t now_ns, struct vdev_cpumap *map)
{
	uint32_t vcpus;
	int found = 0;

	if (!mock || vdev_cpumap_size(map, &vcpus, NULL) || vcpus < mock->config.max_vcpus)
		return -EINVAL;
	for (uint32_t i = 0; i < mock->config.max_vcpus && i < mock->looks; i++)
		found += look(&mock->vcpus[i], now_ns, i, map);
	if (mock->looks == UINT32_MAX)
		vdev_cpumap_refreshed(map, now_ns);
	return found;
}

int vdev_mock_where(const struct vdev_mock *mock, uint32_t vcpu, uint32_t *ret_cpu,
		    uint32_t *ret_state)
{
	if (!mock || vcpu >= mock->config.max_vcpus)
		return -EINVAL;
	if (ret_cpu)
		*ret_cpu = mock->vcpus[vcpu].truth.cpu;
	if (ret_state)
		*ret_state = mock->vcpus[vcpu].truth.state;
	return 0;
}
