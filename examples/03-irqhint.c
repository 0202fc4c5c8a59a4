/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt hints in one page: the first event of a device tells the guest which of its vCPUs run where the event
 * arose. The guest programs one of them. That one moves, stays away, and the guest is told again. Then the same
 * for a guest without the driver, for which the VMM chooses among what the guest itself has programmed.
 */
#include <inttypes.h>
#include <stdio.h>

#include <vdev/vdev.h>

#define OK(call)                                                               \
	do {                                                                   \
		int r_ = (call);                                               \
		if (r_ < 0) {                                                  \
			fprintf(stderr, "%s: %s\n", #call, vdev_strerror(r_)); \
			return 1;                                              \
		}                                                              \
	} while (0)

#define MS UINT64_C(1000000)
#define VCPUS 4u
#define CPUS 8u
#define VECTOR 0u

struct vmm {
	struct vdev_cpumap *map;
	struct vdev_irqhint *irqhint;
	uint64_t now_ns; /* a VMM reads its clock instead */
	uint64_t nic;
};

/* Two threads a core, four CPUs a cache, one node. */
static int make(struct vmm *v)
{
	struct vdev_irqhint_cpu cpus[CPUS];
	struct vdev_cpumap_config places = {.struct_size = sizeof(places),
					    .flags = VDEV_CPUMAP_LIVE,
					    .vcpus = VCPUS,
					    .cpus = CPUS};
	struct vdev_irqhint_config config = {.struct_size = sizeof(config),
					     .max_devices = 1,
					     .max_types = 1,
					     .max_distance = VDEV_IRQHINT_SAME_CACHE,
					     .cpu_count = CPUS,
					     .cpus = cpus};

	for (uint32_t i = 0; i < CPUS; i++)
		cpus[i] = (struct vdev_irqhint_cpu){.core = i / 2, .cache = i / 4};
	OK(vdev_cpumap_new(&v->map, NULL, &places));
	OK(vdev_irqhint_new(&v->irqhint, NULL, v->map, &config));
	OK(vdev_irqhint_add(v->irqhint, 1, 0, &v->nic));
	return 0;
}

/* Before a VMM signals the event it writes the hint to where the guest's driver looks. */
static int arrive(struct vmm *v, uint32_t cpu)
{
	uint64_t set[VDEV_CPUMAP_WORDS(VCPUS)];
	struct vdev_irqhint_hint hint;
	int answer = vdev_irqhint_event(v->irqhint, v->now_ns, v->nic, VECTOR, cpu, 0, &hint,
					sizeof(hint), set, VDEV_CPUMAP_WORDS(VCPUS));

	OK(answer);
	printf("%4" PRIu64 " ms, event on CPU %" PRIu32 ": %s", v->now_ns / MS, cpu,
	       vdev_irqhint_reason_name(hint.reason));
	if (answer)
		printf(", vCPUs 0x%" PRIx64 " (%s)", set[0],
		       vdev_irqhint_distance_name(hint.distance));
	puts("");
	return 0;
}

static int program(struct vmm *v, uint64_t vcpus)
{
	int answer = vdev_irqhint_programmed(v->irqhint, v->now_ns, v->nic, VECTOR, &vcpus, 1);

	OK(answer);
	printf("%4" PRIu64 " ms, the guest programs vCPUs 0x%" PRIx64 ": %s\n", v->now_ns / MS,
	       vcpus, answer ? "as hinted" : "its own choice");
	return 0;
}

static int place(struct vmm *v, uint32_t vcpu, uint32_t cpu)
{
	OK(vdev_cpumap_set(v->map, v->now_ns, vcpu, cpu, VDEV_CPUMAP_RUNNING));
	return 0;
}

static int with_driver(struct vmm *v)
{
	if (place(v, 1, 5) || place(v, 2, 5) || place(v, 3, 0) || arrive(v, 5) || program(v, 2) ||
	    arrive(v, 5))
		return 1;
	v->now_ns += 200 * MS;
	if (place(v, 1, 0) || arrive(v, 5))
		return 1;
	v->now_ns += 20 * MS;
	return arrive(v, 5) || program(v, 4) || arrive(v, 5);
}

/* The same vector on another vCPU would be another device's interrupt: none but these. */
static int without_driver(struct vmm *v)
{
	uint32_t vcpu, distance;

	if (program(v, 1 << 1 | 1 << 3) || place(v, 1, 6))
		return 1;
	OK(vdev_irqhint_choose(v->irqhint, v->now_ns, v->nic, VECTOR, 7, &vcpu, &distance));
	printf("delivered to vCPU %" PRIu32 " (%s)\n", vcpu, vdev_irqhint_distance_name(distance));
	return vcpu != 1;
}

int main(void)
{
	struct vmm v = {0};
	int failed = make(&v) || with_driver(&v) || without_driver(&v);

	vdev_irqhint_free(v.irqhint);
	vdev_cpumap_free(v.map);
	return failed;
}
