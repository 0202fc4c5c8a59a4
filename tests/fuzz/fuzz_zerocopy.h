/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the fuzz targets of the zero-copy engine share: doing what it asks for, and seeing that this comes
 * to an end, whatever happened before. A broken promise aborts.
 */
#ifndef FUZZ_ZEROCOPY_H
#define FUZZ_ZEROCOPY_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vdev/zerocopy.h>

#define FZ_QUEUES 2u
#define FZ_SLOTS 64u /* of all queues together */
#define FZ_DESTINATIONS 4u
#define FZ_RAM (UINT64_C(1) << 20)
#define FZ_PAGE UINT64_C(4096)
#define FZ_ACTIONS 200000u /* of one drain: far more than 64 messages can need */
#define FZ_DEADLINES 200u
#define FZ_BOTH (VDEV_ZEROCOPY_RESPONSE | VDEV_ZEROCOPY_TASK)

#define fz_require(ok) fz_check(ok, #ok, __FILE__, __LINE__)

static inline void fz_check(int ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, what);
	abort();
}

/* Small enough that a hostile image costs little. */
static inline struct vdev_zerocopy_config fz_config(uint32_t style)
{
	return (struct vdev_zerocopy_config){.struct_size = sizeof(struct vdev_zerocopy_config),
					     .max_queues = FZ_QUEUES,
					     .max_destinations = FZ_DESTINATIONS,
					     .until = style & 3,
					     .mode = style >> 2 & 1 ? VDEV_ZEROCOPY_RESET
								    : VDEV_ZEROCOPY_PRESERVE,
					     .timeout_min_ns = 10,
					     .timeout_max_ns = 1000,
					     .timeout_ns = 300,
					     .max_blocks = 40,
					     .max_bytes = 4096 * FZ_PAGE,
					     .quarantine_bytes = 1024 * FZ_PAGE,
					     .offline_ns = 100,
					     .retry_ns = 10,
					     .max_slots = FZ_SLOTS};
}

/* Mostly 0, now and then a failure, always the same for the same action. */
static inline int fz_status(uint64_t id, uint32_t style)
{
	static const int failures[] = {-EAGAIN, -EIO, -ENOMEM, -EAGAIN, -ECANCELED, -EOPNOTSUPP};
	uint64_t x = (id + style) * UINT64_C(0x9e3779b97f4a7c15);

	return style && x >> 61 == 0 ? failures[(x >> 32) % 6] : 0;
}

/* Does all that there is to do. Style 0: with success; 0xff00 and more: some never end. */
static inline void fz_drain(struct vdev_zerocopy *z, uint64_t now, uint32_t style)
{
	struct vdev_action a;
	uint32_t n = 0;
	int got;

	while (vdev_zerocopy_next(z, &a, sizeof(a)) == 1) {
		fz_require(n++ < FZ_ACTIONS);
		fz_require(a.id != 0);
		if (style > 0xff00 && a.id % 5 == 0 && a.kind != VDEV_CANCEL)
			continue;
		got = vdev_zerocopy_done(z, now, a.id, fz_status(a.id, style));
		fz_require(got >= 0);
		fz_require(vdev_zerocopy_done(z, now, a.id, 0) == -ENOENT);
	}
}

/* Time goes on, from one deadline to the next. After step() none is left behind. */
static inline void fz_time(struct vdev_zerocopy *z, uint64_t *now, uint32_t style)
{
	uint64_t at;

	for (uint32_t n = 0; n < FZ_DEADLINES && vdev_zerocopy_deadline(z, &at) == 1; n++) {
		if (at == VDEV_NONE)
			return;
		*now = at > *now ? at : *now;
		fz_require(vdev_zerocopy_step(z, *now) >= 0);
		fz_drain(z, *now, style);
		fz_require(vdev_zerocopy_step(z, *now) >= 0);
		fz_require(vdev_zerocopy_deadline(z, &at) == 0 || at > *now || style);
	}
}

static inline uint32_t fz_messages(const struct vdev_zerocopy *z,
				   struct vdev_zerocopy_info ret_infos[FZ_SLOTS])
{
	uint64_t cursor = 0;
	uint32_t n = 0;

	while (n < FZ_SLOTS &&
	       vdev_zerocopy_walk(z, &cursor, &ret_infos[n], sizeof(*ret_infos)) == 1)
		n++;
	return n;
}

static inline uint8_t *fz_image(struct vdev_zerocopy *z, uint64_t now, size_t *ret_size)
{
	uint8_t *image;
	size_t size = 0, again = 0;

	fz_require(vdev_zerocopy_save(z, now, NULL, 0, &size) == -ENOBUFS);
	image = malloc(size);
	fz_require(image != NULL);
	fz_require(vdev_zerocopy_save(z, now, image, size, &again) == 0 && again == size);
	*ret_size = size;
	return image;
}

/* Ends z and returns the same, read from its image. What was read once is the same when written and read
 * again. */
static inline struct vdev_zerocopy *fz_reload(struct vdev_zerocopy *z,
					      const struct vdev_zerocopy_config *config,
					      uint64_t *now, uint64_t new_now)
{
	struct vdev_zerocopy *other = NULL, *third = NULL;
	size_t size, again;
	uint8_t *image = fz_image(z, *now, &size), *second;

	fz_require(vdev_zerocopy_load(NULL, config, 0, new_now, image, size, &other) == 0);
	vdev_zerocopy_free(z);
	free(image);
	image = fz_image(other, new_now, &size);
	fz_require(vdev_zerocopy_load(NULL, config, 0, new_now, image, size, &third) == 0);
	second = fz_image(third, new_now, &again);
	fz_require(size == again && memcmp(image, second, size) == 0);
	vdev_zerocopy_free(third);
	free(image);
	free(second);
	*now = new_now;
	return other;
}

static inline struct vdev_zerocopy_queue *fz_queue_of(struct vdev_zerocopy *z, uint64_t id)
{
	struct vdev_zerocopy_queue *q = NULL;

	fz_require(vdev_zerocopy_queue_at(z, (uint32_t)(id >> 56), &q) == 0);
	return q;
}

/* A message is sent if it has not been, and whatever it waits for comes. */
static inline void fz_finish(struct vdev_zerocopy *z, uint64_t now,
			     const struct vdev_zerocopy_info *i)
{
	struct vdev_zerocopy_queue *q = fz_queue_of(z, i->id);

	if (i->state == VDEV_ZEROCOPY_RESERVED)
		fz_require(vdev_zerocopy_sent(q, now, i->id, i->length_bytes) >= 0);
	vdev_zerocopy_complete(q, i->id, i->id, FZ_BOTH, NULL);
}

/* When all do their part, everything ends, and all that may be lent can be lent again (Z6, Z8). */
static inline void fz_settle(struct vdev_zerocopy *z, uint64_t *now)
{
	struct vdev_zerocopy_info infos[FZ_SLOTS];
	struct vdev_zerocopy_stats s;
	uint32_t n;

	fz_require(vdev_zerocopy_step(z, *now) >= 0);
	fz_drain(z, *now, 0);
	vdev_zerocopy_reset_begin(z, *now, 0, 0);
	n = fz_messages(z, infos);
	for (uint32_t i = 0; i < n; i++)
		fz_finish(z, *now, &infos[i]);
	for (uint32_t i = 0; i < 3; i++) {
		fz_require(vdev_zerocopy_step(z, *now) >= 0);
		fz_drain(z, *now, 0);
		fz_time(z, now, 0);
	}
	fz_require(vdev_zerocopy_reset_end(z, *now) >= 0);
	fz_require(vdev_zerocopy_stats(z, &s, sizeof(s)) == 0);
	fz_require(s.blocks == 0 && s.bytes == 0 && s.operations == 0);
	fz_require(s.quarantined_blocks == 0 && s.quarantined_bytes == 0);
}

#endif
