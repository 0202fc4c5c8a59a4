/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second opinion on the removal engine that knows nothing of the model: it looks at requests and
 * actions only, and holds them against what must never happen. So an error that the model shares
 * with the engine is still seen.
 */
#ifndef REMOVAL_MONITOR_H
#define REMOVAL_MONITOR_H

#include <vdev/removal.h>

#define W_UNITS 1024u
#define W_OUT 64u

struct w_unit {
	uint64_t handle;
	int asked; /* a request has no final outcome yet */
	int again; /* asked once more: joined, or has an outcome of its own to come */
	int dropped; /* somebody cancelled since: it may have been one that had not begun */
	int hidden, released, gone, quiesced, warned;
};

struct monitor {
	struct w_unit unit[W_UNITS];
	uint32_t count;
	struct vdev_action out[W_OUT]; /* given, not done */
	const char *broken; /* the first rule that was broken, NULL: none */
};

void w_requested(struct monitor *w, uint64_t handle);
/* A cancel() was taken. */
void w_cancelled(struct monitor *w);
void w_given(struct monitor *w, const struct vdev_action *a);
void w_done(struct monitor *w, uint64_t id);
/* The object was written and read again: what was out comes again. */
void w_reloaded(struct monitor *w);
/* All is quiet: nobody may wait for an outcome, nothing may be half undone. */
void w_quiet(struct monitor *w);

#endif
