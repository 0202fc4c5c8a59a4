/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Naive model of the CPU map and of the interrupt-hint engine, for prop_irqhint.c.
 *
 * A set of vCPUs is a byte for each, each question is answered by looking at all of them, and times are plain
 * signed numbers. Nothing is packed, shared or clever: it says what docs/engines/irqhint.md says, no more.
 */
#ifndef IRQHINT_MODEL_H
#define IRQHINT_MODEL_H

#include <stdint.h>

#include <vdev/cpumap.h>
#include <vdev/irqhint.h>

#define IM_VCPUS 4096u
#define IM_CPUS 4096u
#define IM_DEVICES 4u
#define IM_TYPES 4u /* of a device */
#define IM_NEVER INT64_MIN
#define IM_NONE 5u /* distance of a vCPU that is nowhere, or of no vCPU */

typedef uint8_t im_set[IM_VCPUS]; /* 0 or 1 for each */

struct im_place {
	uint32_t cpu, state;
	int64_t since;
};

struct im_type {
	uint32_t state;
	im_set prog, hint;
	uint32_t hint_cpu, hint_distance;
	int64_t last_hint, stale_since, last_event; /* IM_NEVER */
	uint32_t backoff, last_cpu;
	uint64_t hints;
};

struct im_device {
	int used;
	uint64_t handle, user_data;
	uint32_t types;
	struct im_type type[IM_TYPES];
};

struct im {
	uint32_t vcpus, cpus, live;
	struct im_place place[IM_VCPUS];
	int64_t refreshed;
	struct vdev_irqhint_cpu topology[IM_CPUS];
	struct vdev_irqhint_config config; /* defaults filled in by the test */
	struct im_device device[IM_DEVICES];
	struct vdev_irqhint_stats n; /* all but allocated_bytes */
};

/* What an event must answer. */
struct im_answer {
	int hint;
	uint32_t reason, distance, state;
	im_set set;
};

/* The map. They return what the call must return. */
int im_set_place(struct im *m, int64_t now, uint32_t vcpu, uint32_t cpu, uint32_t state);
void im_refreshed(struct im *m, int64_t now);
uint64_t im_age(const struct im *m, int64_t now);
uint64_t im_since(const struct im *m, int64_t now, uint32_t vcpu);
uint32_t im_running_on(const struct im *m, uint32_t cpu, im_set ret_set);
void im_forget_places(struct im *m);

/* The engine. */
void im_add(struct im *m, struct im_device *d, uint64_t handle, uint32_t types, uint64_t user_data);
void im_remove(struct im *m, struct im_device *d);
void im_event(struct im *m, int64_t now, struct im_device *d, uint32_t type, uint32_t cpu,
	      uint32_t flags, struct im_answer *ret);
int im_programmed(struct im *m, struct im_device *d, uint32_t type, const im_set set,
		  int out_of_range);
int im_choose(struct im *m, int64_t now, struct im_device *d, uint32_t type, uint32_t cpu,
	      uint32_t *ret_vcpu, uint32_t *ret_distance);
void im_device_reset(struct im *m, struct im_device *d);
void im_guest_reset(struct im *m);
void im_migrated(struct im *m);
void im_reloaded(struct im *m, int64_t now);
uint64_t im_stale_ns(const struct im_type *t);
uint32_t im_count(const im_set set);
uint32_t im_first(const im_set set);

#endif
