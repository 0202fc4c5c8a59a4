/* SPDX-License-Identifier: BSD-3-Clause */
/* Property test of the zero-copy engine: what its files share. */
#ifndef PROP_ZEROCOPY_H
#define PROP_ZEROCOPY_H

#include <stdio.h>

#include "vt_env.h"
#include "vt_prop.h"
#include "zerocopy_model.h"

#define RIG_TIME UINT64_C(1000) /* longest time-out; others are parts of it */
#define RIG_OUT (2 * (ZM_MESSAGES + ZM_REFUSALS + 1)) /* most actions that can be out */

/* Engine and model side by side. */
struct rig {
	struct vt_env env;
	struct vdev_zerocopy *z;
	struct vdev_zerocopy_queue *q[ZM_QUEUES];
	struct vdev_zerocopy_config config; /* as the engine was given it */
	struct zm m;
	FILE *log; /* NULL: quiet */
	uint64_t next_user_data;
	uint64_t ids[256]; /* of actions, to be used wrongly */
	uint32_t id_count;
};

/* prop_zerocopy_rig.c */
int rig_init(struct rig *g, uint32_t shape, char *why, size_t size);
void rig_fini(struct rig *g);
void rig_say(struct rig *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What the call returned, and then all that can be seen. */
void rig_compare(struct rig *g, int got, int expected);
/* The next action goes to the model: 1, or 0: there was none. */
int rig_next(struct rig *g);
void rig_done(struct rig *g, uint64_t id, int status);
void rig_step(struct rig *g, uint64_t now);
/* All that waits is taken and done with success, until nothing comes out any more. */
void rig_drain(struct rig *g);
void rig_reload(struct rig *g, uint64_t now);
void rig_complete(struct rig *g, uint32_t queue, uint64_t lo, uint64_t hi, uint32_t flags);
void rig_sent(struct rig *g, struct zm_message *k, uint64_t bytes);
void rig_reset_end(struct rig *g);
/* When all do their part everything ends. */
void rig_settle(struct rig *g);

#endif
