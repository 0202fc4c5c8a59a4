/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Property test of the CPU map and the interrupt-hint engine: what its files share.
 *
 * Times of the model are counted from `base`, so that they may lie before the clock's zero: an image that is
 * read where the clock is young holds durations that began before it.
 */
#ifndef PROP_IRQHINT_H
#define PROP_IRQHINT_H

#include <stdio.h>

#include "irqhint_model.h"
#include "vt_env.h"

#define RIG_TICK UINT64_C(1024) /* the grain of vdev_cpumap_place::since_ns */
#define RIG_LONGEST ((UINT64_C(1) << 54) - (UINT64_C(1) << 41)) /* of since_ns: 208 days */
#define RIG_WORDS VDEV_CPUMAP_WORDS(IM_VCPUS)

struct rig {
	struct im m;
	struct vdev_cpumap *map;
	struct vdev_irqhint *h;
	struct vdev_irqhint_cpu topology[IM_CPUS];
	struct vdev_irqhint_config config; /* as given, defaults not filled in */
	struct vt_env env;
	uint64_t now, base;
	uint64_t next_user_data, last_handle;
	uint64_t gone; /* a handle that is over */
	uint32_t turn; /* which part of the map is compared next */
	FILE *log;
	int failed;
	char *why;
	size_t why_size;
};

void rig_say(struct rig *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void rig_fail(struct rig *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define RIG_REQUIRE(g, ok, ...)                   \
	do {                                      \
		if (!(ok))                        \
			rig_fail(g, __VA_ARGS__); \
	} while (0)

/* prop_irqhint_rig.c. The shape: four numbers, which choose sizes, topology and times. */
void rig_init(struct rig *g, uint32_t n, uint8_t a, uint8_t b, uint8_t c);
void rig_fini(struct rig *g);
int64_t rig_time(const struct rig *g);
/* A reload on this host: same map. Elsewhere: another map, empty, and another clock. */
void rig_reload(struct rig *g, int migrated, int elsewhere, uint64_t now);
void rig_set(struct rig *g, uint32_t vcpu, uint32_t cpu, uint32_t state);
void rig_words(const im_set set, uint64_t ret_words[RIG_WORDS]);

/* After each call: its value, and the state of what it was about; all of it now and then. */
void rig_value(struct rig *g, int got, int want);
void rig_compare_device(struct rig *g, const struct im_device *d);
void rig_compare_stats(struct rig *g);
void rig_compare_map(struct rig *g, uint32_t vcpu, uint32_t cpu);
void rig_compare_all(struct rig *g);

#endif
