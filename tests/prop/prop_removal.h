/* SPDX-License-Identifier: BSD-3-Clause */
/* Property test of the removal engine: what its files share. */
#ifndef PROP_REMOVAL_H
#define PROP_REMOVAL_H

#include "removal_model.h"
#include "removal_monitor.h"
#include "vt_env.h"
#include "vt_prop.h"

/* Engine, model and monitor side by side. */
struct rig {
	struct vt_env env;
	struct vdev_removal *r;
	struct model m;
	struct monitor w;
	FILE *log; /* NULL: quiet */
	uint64_t next_user_data;
	uint32_t most_units;
};

/* prop_removal_rig.c: each call goes to the engine and to the model, and all is compared */
int rig_init(struct rig *g, uint32_t config, char *why, size_t size);
void rig_fini(struct rig *g);
void rig_compare(struct rig *g, int got, int expected);
/* The engine's call comes first: the model's may change a handle that is an argument of it. */
#define RIG_BOTH(g, engine, model)              \
	do {                                    \
		int rig_got = (engine);         \
		rig_compare(g, rig_got, model); \
	} while (0)
int rig_next(struct rig *g);
void rig_done(struct rig *g, uint64_t id, int status);
uint32_t rig_outstanding(const struct rig *g, uint64_t *ids);
void rig_drain(struct rig *g);
void rig_step(struct rig *g, uint64_t now);
void rig_reload(struct rig *g, uint64_t now);
void rig_say(struct rig *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* prop_removal_quiet.c: when all do their part, everything comes to an end */
void rig_settle(struct rig *g);

#endif
