/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the fuzz targets of the removal engine share: doing what it asks for, and seeing that this comes
 * to an end, whatever happened before. A broken promise aborts.
 */
#ifndef FUZZ_REMOVAL_H
#define FUZZ_REMOVAL_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vdev/removal.h>

#define FZ_UNITS 64u
#define FZ_ACTIONS 20000u /* of one drain: far more than 64 units can need */
#define FZ_DEADLINES 60u

#define fz_require(ok) fz_check(ok, #ok, __FILE__, __LINE__)

static inline void fz_check(int ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, what);
	abort();
}

/* Mostly 0, now and then a failure, always the same for the same action. */
static inline int fz_status(uint64_t id, uint32_t style)
{
	static const int failures[] = {-EAGAIN, -EBUSY, -EIO, -ETIMEDOUT, -ECANCELED, -ENODEV};
	uint64_t x = (id + style) * UINT64_C(0x9e3779b97f4a7c15);

	return style && x >> 61 == 0 ? failures[(x >> 32) % 6] : 0;
}

/* Does all that there is to do. Style 0: with success; 0xff00 and more: some never end. */
static inline void fz_drain(struct vdev_removal *r, uint64_t now, uint32_t style)
{
	struct vdev_action a;
	uint32_t n = 0;
	int got;

	while (vdev_removal_next(r, &a, sizeof(a)) == 1) {
		fz_require(n++ < FZ_ACTIONS);
		fz_require(a.id != 0);
		if (style > 0xff00 && a.id % 5 == 0 && a.kind != VDEV_CANCEL)
			continue;
		got = vdev_removal_done(r, now, a.id, fz_status(a.id, style));
		fz_require(got >= 0);
		fz_require(vdev_removal_done(r, now, a.id, 0) == -ENOENT);
	}
}

/* Time goes on, from one deadline to the next. After step() none is left behind. */
static inline void fz_time(struct vdev_removal *r, uint64_t *now, uint32_t style)
{
	uint64_t at;

	for (uint32_t n = 0; n < FZ_DEADLINES && vdev_removal_deadline(r, &at) == 1; n++) {
		if (at == VDEV_NONE)
			return;
		*now = at > *now ? at : *now;
		fz_require(vdev_removal_step(r, *now) >= 0);
		fz_require(vdev_removal_deadline(r, &at) == 0 || at > *now);
		fz_drain(r, *now, style);
	}
}

static inline uint32_t fz_units(const struct vdev_removal *r, struct vdev_removal_info *ret_infos)
{
	uint64_t cursor = 0;
	uint32_t n = 0;

	while (n < FZ_UNITS &&
	       vdev_removal_walk(r, &cursor, &ret_infos[n], sizeof(*ret_infos)) == 1)
		n++;
	return n;
}

static inline uint8_t *fz_image(const struct vdev_removal *r, uint64_t now, size_t *ret_size)
{
	uint8_t *image;
	size_t size = 0, again = 0;

	fz_require(vdev_removal_save(r, now, NULL, 0, &size) == -ENOBUFS);
	image = malloc(size);
	fz_require(image != NULL);
	fz_require(vdev_removal_save(r, now, image, size, &again) == 0 && again == size);
	*ret_size = size;
	return image;
}

/*
 * Ends r and returns the same, read from its image. What was read once is the same when written and read
 * again; the first time a CANCEL that was under way is left out, and who waited for its end goes on.
 */
static inline struct vdev_removal *fz_reload(struct vdev_removal *r,
					     const struct vdev_removal_config *config,
					     uint64_t *now, uint64_t new_now)
{
	struct vdev_removal *other = NULL, *third = NULL;
	size_t size, again;
	uint8_t *image = fz_image(r, *now, &size), *second;

	fz_require(vdev_removal_load(NULL, config, new_now, image, size, &other) == 0);
	vdev_removal_free(r);
	free(image);
	image = fz_image(other, new_now, &size);
	fz_require(vdev_removal_load(NULL, config, new_now, image, size, &third) == 0);
	second = fz_image(third, new_now, &again);
	fz_require(size == again && memcmp(image, second, size) == 0);
	vdev_removal_free(third);
	free(image);
	free(second);
	*now = new_now;
	return other;
}

/* A guest that does all sorts of things, depending on `style`. */
static inline void fz_guest(struct vdev_removal *r, uint64_t now, uint32_t style)
{
	struct vdev_removal_info infos[FZ_UNITS];
	uint32_t n = fz_units(r, infos);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t unit = infos[i].unit;

		switch ((style >> (i % 8)) % 8) {
		case 0:
			vdev_removal_ack(r, now, unit);
			break;
		case 1:
			vdev_removal_refuse(r, now, unit, style % 8);
			break;
		case 2:
			vdev_removal_slot(r, now, unit, style & 1 ? 0x721 : 0x121, style & 0x109);
			break;
		case 3:
			vdev_removal_declare(r, now, unit, style & 1, style % 4);
			break;
		case 4:
			vdev_removal_ready(r, now, unit, 1);
			break;
		case 5:
			vdev_removal_request(r, now, unit, NULL);
			break;
		case 6:
			vdev_removal_cancel(r, now, unit);
			break;
		default:
			vdev_removal_progress(r, now, unit);
		}
	}
}

static inline void fz_force_all(struct vdev_removal *r, uint64_t now)
{
	struct vdev_removal_request q = {.struct_size = sizeof(q), .flags = VDEV_REMOVAL_FORCE};
	struct vdev_removal_info infos[FZ_UNITS];
	uint32_t n = fz_units(r, infos);

	for (uint32_t i = 0; i < n; i++) {
		vdev_removal_request(r, now, infos[i].unit, &q);
		fz_drain(r, now, 0);
	}
	n = fz_units(r, infos);
	for (uint32_t i = 0; i < n; i++)
		fz_require(infos[i].unit_class == VDEV_REMOVAL_PCI_SLOT && infos[i].parent == 0);
}

/* When all do their part, a guest's reset ends everything (R17), and FORCE removes everything (R9). */
static inline void fz_settle(struct vdev_removal *r, uint64_t *now)
{
	struct vdev_removal_stats stats;

	fz_require(vdev_removal_resume(r, *now) >= 0);
	vdev_removal_unhold(r, *now);
	fz_drain(r, *now, 0);
	fz_time(r, now, 0);
	fz_require(vdev_removal_reset_begin(r, *now) >= 0);
	fz_drain(r, *now, 0);
	fz_require(vdev_removal_reset_end(r, *now) >= 0);
	fz_drain(r, *now, 0);
	fz_require(vdev_removal_stats(r, &stats, sizeof(stats)) == 0 && stats.operations == 0);
	fz_force_all(r, *now);
}

#endif
