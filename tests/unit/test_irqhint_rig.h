/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An interrupt-hint engine under test: a live map of VCPUS vCPUs on CPUS host CPUs, one device, a clock. What an
 * event answers comes as text:
 *
 *	hi_init(&t);
 *	hi_on(&t, 3, 5);				vCPU 3 runs on CPU 5
 *	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");	a hint: reason, distance, the set
 *	hi_program(&t, 0, 3);
 *	hi_expect(&t, 0, 5, "FITS");			none
 *
 * CPUs 2k and 2k+1 are siblings, four a cache, eight a node.
 */
#ifndef TEST_IRQHINT_RIG_H
#define TEST_IRQHINT_RIG_H

#include "vt_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vdev/irqhint.h>

#define VCPUS 70u
#define CPUS 20u /* 16 of them are known */
#define WORDS 2u
#define TYPES 4u
#define MS UINT64_C(1000000)
#define HYSTERESIS (10 * MS)
#define INTERVAL (100 * MS)
#define NOWHERE VDEV_CPUMAP_NOWHERE
#define ALL 0xffu

struct hi {
	struct vt_env v;
	struct vdev_irqhint_config config;
	struct vdev_irqhint_cpu cpus[16];
	struct vdev_cpumap *map;
	struct vdev_irqhint *h;
	uint64_t dev;
	uint64_t now;
	struct vdev_irqhint_hint hint; /* of the last event */
	uint64_t set[WORDS + 1];
	char text[512];
};

static inline void hi_make_map(struct hi *t, uint32_t flags)
{
	struct vdev_cpumap_config c = {
		.struct_size = sizeof(c), .flags = flags, .vcpus = VCPUS, .cpus = CPUS};

	assert_int_equal(vdev_cpumap_new(&t->map, &t->v.env, &c), 0);
}

static inline void hi_init_with(struct hi *t, uint32_t map_flags, uint32_t max_distance)
{
	memset(t, 0, sizeof(*t));
	vt_env_init(&t->v);
	for (uint32_t i = 0; i < 16; i++)
		t->cpus[i] = (struct vdev_irqhint_cpu){i / 2, i / 4, i / 8, 0};
	t->config = (struct vdev_irqhint_config){
		.struct_size = sizeof(t->config),
		.max_devices = 4,
		.max_types = 16,
		.max_distance = max_distance,
		.cpu_count = 16,
		.cpus = t->cpus,
	};
	t->now = 1000 * MS;
	hi_make_map(t, map_flags);
	assert_int_equal(vdev_irqhint_new(&t->h, &t->v.env, t->map, &t->config), 0);
	assert_int_equal(vdev_irqhint_add(t->h, TYPES, 77, &t->dev), 0);
}

static inline void hi_init(struct hi *t)
{
	hi_init_with(t, VDEV_CPUMAP_LIVE, VDEV_IRQHINT_ANY);
}

static inline void hi_end(struct hi *t)
{
	vdev_irqhint_free(t->h);
	vdev_cpumap_free(t->map);
	vt_assert_clean(&t->v);
}

static inline void hi_place(struct hi *t, uint32_t vcpu, uint32_t cpu, uint32_t state)
{
	assert_true(vdev_cpumap_set(t->map, t->now, vcpu, cpu, state) >= 0);
}

static inline void hi_on(struct hi *t, uint32_t vcpu, uint32_t cpu)
{
	hi_place(t, vcpu, cpu, VDEV_CPUMAP_RUNNING);
}

static inline const char *hi_event(struct hi *t, uint32_t type, uint32_t cpu, uint32_t flags)
{
	int ret;
	char *p = t->text, *end = t->text + sizeof(t->text);

	memset(t->set, 0xaa, sizeof(t->set));
	memset(&t->hint, 0xaa, sizeof(t->hint));
	ret = vdev_irqhint_event(t->h, t->now, t->dev, type, cpu, flags, &t->hint, sizeof(t->hint),
				 t->set, WORDS + 1);
	assert_int_equal(ret, t->hint.reason <= VDEV_IRQHINT_CPU_CHANGED);
	assert_int_equal(t->hint.cpu, cpu);
	assert_int_equal(t->hint.reserved, 0);
	p += snprintf(p, (size_t)(end - p), "%s", vdev_irqhint_reason_name(t->hint.reason));
	if (!ret) {
		assert_int_equal(t->hint.set_bits | t->hint.distance | t->hint.first, 0);
		assert_int_equal(t->hint.state, VDEV_CPUMAP_UNKNOWN);
		assert_true(t->set[0] == t->set[2] && t->set[2] == UINT64_C(0xaaaaaaaaaaaaaaaa));
		return t->text;
	}
	assert_int_equal(t->set[2], 0);
	p += snprintf(p, (size_t)(end - p), " %s ", vdev_irqhint_distance_name(t->hint.distance));
	for (uint32_t i = 0, n = 0; i < VCPUS; i++)
		if (t->set[i / 64] >> (i % 64) & 1) {
			if (!n)
				assert_int_equal(t->hint.first, i);
			p += snprintf(p, (size_t)(end - p), "%s%u", n ? "," : "", i);
			n++;
		}
	return t->text;
}

#define hi_expect(t, type, cpu, wanted) assert_string_equal(hi_event(t, type, cpu, 0), wanted)

static inline int hi_program2(struct hi *t, uint32_t type, uint64_t low, uint64_t high)
{
	const uint64_t set[WORDS] = {low, high};

	return vdev_irqhint_programmed(t->h, t->now, t->dev, type, set, WORDS);
}

static inline int hi_program(struct hi *t, uint32_t type, uint32_t vcpu)
{
	uint64_t set[WORDS] = {0, 0};

	set[vcpu / 64] = UINT64_C(1) << (vcpu % 64);
	return hi_program2(t, type, set[0], set[1]);
}

static inline struct vdev_irqhint_info hi_info(struct hi *t, uint32_t type)
{
	struct vdev_irqhint_info i;

	assert_int_equal(vdev_irqhint_get(t->h, t->dev, type, &i, sizeof(i)), 0);
	return i;
}

static inline struct vdev_irqhint_stats hi_stats(struct hi *t)
{
	struct vdev_irqhint_stats s;

	assert_int_equal(vdev_irqhint_stats(t->h, &s, sizeof(s)), 0);
	return s;
}

/* Type 0 hinted to vCPU 3 on CPU 5, which the guest programmed. */
static inline void hi_routed(struct hi *t)
{
	hi_on(t, 3, 5);
	hi_expect(t, 0, 5, "FIRST SAME_CPU 3");
	assert_int_equal(hi_program(t, 0, 3), 1);
	hi_expect(t, 0, 5, "FITS");
}

#endif
