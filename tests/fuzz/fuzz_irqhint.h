/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the fuzz targets of the interrupt-hint engine share: a map, a configuration, and what must hold of each
 * answer, whatever happened before. A broken promise aborts.
 */
#ifndef FUZZ_IRQHINT_H
#define FUZZ_IRQHINT_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vdev/cpumap.h>
#include <vdev/irqhint.h>

#define FI_CPUS 16u
#define FI_WORDS 3u
#define FI_DEVICES 4u
#define FI_TYPES 12u /* of all devices */
#define FI_SPARE 1u /* words of a set that are not needed */

#define fi_require(ok) fi_check(ok, #ok, __FILE__, __LINE__)

static inline void fi_check(int ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, what);
	abort();
}

/* Sizes around the ends of words. */
static inline uint32_t fi_vcpus(uint32_t style)
{
	static const uint32_t sizes[] = {1, 2, 63, 64, 65, 127, 128, 130};

	return sizes[style % 8];
}

static inline struct vdev_cpumap *fi_map(uint32_t vcpus, int live)
{
	struct vdev_cpumap_config config = {.struct_size = sizeof(config),
					    .flags = live ? VDEV_CPUMAP_LIVE : 0,
					    .vcpus = vcpus,
					    .cpus = FI_CPUS};
	struct vdev_cpumap *map = NULL;

	fi_require(vdev_cpumap_new(&map, NULL, &config) == 0);
	return map;
}

/* Cores of 2, caches of 4, nodes of 8; of CPU 5 nothing is known, the last two are not in the list. */
static inline struct vdev_irqhint_config fi_config(uint32_t style)
{
	static struct vdev_irqhint_cpu cpus[FI_CPUS - 2];

	for (uint32_t i = 0; i < FI_CPUS - 2; i++)
		cpus[i] = (struct vdev_irqhint_cpu){i / 2, i / 4, i / 8, 0};
	cpus[5] = (struct vdev_irqhint_cpu){VDEV_CPUMAP_NOWHERE, VDEV_CPUMAP_NOWHERE,
					    VDEV_CPUMAP_NOWHERE, 0};
	return (struct vdev_irqhint_config){.struct_size = sizeof(struct vdev_irqhint_config),
					    .max_devices = FI_DEVICES,
					    .max_types = FI_TYPES,
					    .max_distance = style % VDEV_IRQHINT_DISTANCES,
					    .cpu_count = style & 8 ? 0 : FI_CPUS - 2,
					    .cpus = style & 8 ? NULL : cpus,
					    .hysteresis_ns = style & 16 ? 1 : 4096,
					    .interval_ns = style & 32 ? 1 : 16384,
					    .max_age_ns = style & 64 ? 0 : 8192};
}

static inline uint32_t fi_bits(const uint64_t *set, uint32_t words)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < words; i++)
		n += (uint32_t)__builtin_popcountll(set[i]);
	return n;
}

/* H2, H7: no vCPU in a hint sleeps or is nowhere, and at SAME_CPU each is there. */
static inline void fi_members(const struct vdev_cpumap *map, uint64_t now,
			      const struct vdev_irqhint_hint *hint, const uint64_t *set,
			      uint32_t vcpus)
{
	for (uint32_t v = 0; v < vcpus; v++) {
		struct vdev_cpumap_place p;

		if (!(set[v / 64] >> v % 64 & 1))
			continue;
		fi_require(v >= hint->first);
		fi_require(vdev_cpumap_get(map, now, v, &p, sizeof(p)) == 0);
		fi_require(p.cpu != VDEV_CPUMAP_NOWHERE && p.state != VDEV_CPUMAP_SLEEPING);
		fi_require((p.cpu == hint->cpu) == (hint->distance == VDEV_IRQHINT_SAME_CPU));
		fi_require(hint->state != VDEV_CPUMAP_RUNNING || p.state == VDEV_CPUMAP_RUNNING);
	}
	fi_require(set[hint->first / 64] >> hint->first % 64 & 1);
}

/* An event, and what must hold of any answer. Returns 1 for a hint. */
static inline int fi_event(struct vdev_irqhint *h, const struct vdev_cpumap *map, uint64_t now,
			   uint64_t dev, uint32_t type, uint32_t cpu, uint32_t vcpus,
			   uint32_t max_distance)
{
	uint64_t set[FI_WORDS + FI_SPARE];
	struct vdev_irqhint_hint hint;
	int got;

	memset(set, 0xa5, sizeof(set));
	memset(&hint, 0xa5, sizeof(hint));
	got = vdev_irqhint_event(h, now, dev, type, cpu, 0, &hint, sizeof(hint), set,
				 FI_WORDS + FI_SPARE);
	if (got < 0)
		return 0;
	fi_require(hint.reason < VDEV_IRQHINT_REASONS && hint.cpu == cpu && !hint.reserved);
	fi_require((got == 1) == (hint.reason <= VDEV_IRQHINT_CPU_CHANGED));
	if (!got) {
		fi_require(!hint.set_bits && !hint.first && !hint.distance);
		fi_require(set[0] == UINT64_C(0xa5a5a5a5a5a5a5a5));
		return 0;
	}
	fi_require(hint.set_bits && hint.set_bits == fi_bits(set, FI_WORDS + FI_SPARE));
	fi_require(hint.distance <= max_distance);
	fi_members(map, now, &hint, set, vcpus);
	return 1;
}

/* H10: only what the guest programmed. `prog` NULL: not known. */
static inline void fi_choose(struct vdev_irqhint *h, uint64_t now, uint64_t dev, uint32_t type,
			     uint32_t cpu, uint32_t vcpus, const uint64_t *prog)
{
	uint32_t vcpu = UINT32_MAX, distance = UINT32_MAX;

	if (vdev_irqhint_choose(h, now, dev, type, cpu, &vcpu, &distance) != 1)
		return;
	fi_require(vcpu < vcpus && distance < VDEV_IRQHINT_DISTANCES);
	if (prog)
		fi_require(prog[vcpu / 64] >> vcpu % 64 & 1);
}

static inline void fi_info(const struct vdev_irqhint *h, uint64_t dev, uint32_t type,
			   uint32_t vcpus)
{
	struct vdev_irqhint_info i;

	fi_require(vdev_irqhint_get(h, dev, type, &i, sizeof(i)) == 0);
	fi_require(i.state <= VDEV_IRQHINT_ROUTED && i.set_bits <= vcpus);
	fi_require(i.set_bits ? i.route < vcpus : i.route == VDEV_CPUMAP_NOWHERE);
	fi_require(i.cpu < FI_CPUS || i.cpu == VDEV_CPUMAP_NOWHERE);
}

/* Written, and read again: if `exact`, the same is written then. Times of 146 years are cut, and are not. */
static inline struct vdev_irqhint *fi_reload(struct vdev_irqhint *h, const struct vdev_cpumap *map,
					     const struct vdev_irqhint_config *config,
					     uint32_t flags, uint64_t *now, uint64_t then,
					     int exact)
{
	struct vdev_irqhint *loaded = NULL;
	uint8_t *image, *again;
	size_t size = 0, same = 0;

	fi_require(vdev_irqhint_save(h, *now, NULL, 0, &size) == -ENOBUFS);
	image = malloc(2 * size);
	fi_require(image != NULL);
	again = image + size;
	fi_require(vdev_irqhint_save(h, *now, image, size, &same) == 0 && same == size);
	vdev_irqhint_free(h);
	*now = then;
	fi_require(vdev_irqhint_load(NULL, map, config, flags, then, image, size, &loaded) == 0);
	fi_require(vdev_irqhint_save(loaded, then, again, size, &same) == 0 && same == size);
	fi_require(!exact || flags || !memcmp(image, again, size));
	free(image);
	return loaded;
}

#endif
