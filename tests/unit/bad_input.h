/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Misuse of every exported call, as tables. A row is a function of the library by its name and what
 * is done to it; the rows of all tables together are compared with the version map of the library,
 * so a call that is added without a row fails the test.
 *
 * After each row nothing may have changed: neither the state of the objects (their images) nor
 * their counters, except those that count misuse itself, which a row names.
 */
#ifndef BAD_INPUT_H
#define BAD_INPUT_H

#include "bad_input_common.h"

#include <vdev/vdev.h>

#define BAD_SECOND UINT64_C(1000000000)
#define BAD_IMAGE 8192u
#define BAD_RAM (UINT64_C(1) << 20)

struct bad {
	struct vt_env v;
	struct vdev_removal *r;
	struct vdev_removal *other;
	struct vdev_mock *m;
	struct vdev_pvdev *p;
	uint64_t now;
	uint64_t unit; /* an ordinary unit of r */
	uint64_t slot; /* a slot of r */
	uint64_t pending; /* a unit of r that is awaited */
	uint64_t outstanding; /* id of an action of r that is being performed */
	uint64_t handles[8]; /* none of them names a unit of r */
	uint32_t handle_count;
	uint64_t mock_pending; /* id of an action that the mock has not ended */
	uint8_t image[BAD_IMAGE]; /* of r */
	size_t image_size;
	uint8_t pvdev_image[BAD_IMAGE];
	size_t pvdev_image_size;
	struct vdev_zerocopy *z;
	struct vdev_zerocopy_queue *q; /* of z */
	struct vdev_zerocopy *foreign;
	struct vdev_zerocopy_queue *foreign_queue;
	uint64_t over, taken, reserved, lent; /* messages of q, by what became of them */
	uint64_t zerocopy_action; /* an action of z that is being performed */
	uint8_t zerocopy_image[BAD_IMAGE];
	size_t zerocopy_image_size;
	struct vdev_cpumap *map;
	struct vdev_irqhint *h; /* on that map */
	uint64_t hinted, hinted_gone; /* devices of h */
	uint8_t irqhint_image[BAD_IMAGE];
	size_t irqhint_image_size;
	struct vdev_pvqueue *pvq;
	uint64_t message; /* of pvq */
	uint8_t ram[0x3000]; /* of its guest */
	uint8_t pvq_image[BAD_IMAGE];
	size_t pvq_image_size;
};

/* What a row may change: counters that count misuse. */
#define BAD_GUEST 0x1u /* vdev_removal_stats::bad_guest */
#define BAD_DONE 0x2u /* vdev_removal_stats::bad_done */
#define BAD_ZEROCOPY_DONE 0x4u /* vdev_zerocopy_stats::bad_done */
#define BAD_STALE 0x8u /* vdev_zerocopy_stats::stale */
#define BAD_REFUSED 0x10u /* vdev_zerocopy_stats::refused */
#define BAD_PVQUEUE_STALE 0x20u /* vdev_pvqueue_stats::stale */
#define BAD_IRQHINT_REFUSED 0x40u /* vdev_irqhint_stats::refused */

struct bad_row {
	const char *call; /* as in the version map */
	void (*run)(struct bad *b); /* misuse: nothing may change */
	void (*then)(struct bad *b); /* what is right beside it, or NULL */
	uint32_t counts;
};

struct bad_table {
	const struct bad_row *rows;
	uint32_t count;
};

extern const struct bad_table bad_objects, bad_events, bad_guest, bad_readers, bad_mock, bad_pvdev,
	bad_plain, bad_zerocopy, bad_zerocopy_readers, bad_pvqueue, bad_cpumap, bad_irqhint,
	bad_msi, bad_migration, bad_migration_rules;

/* bad_input_zerocopy_rig.c */
void bad_zerocopy_begin(struct bad *b);
void bad_zerocopy_end(struct bad *b);
void bad_zerocopy_image(struct bad *b); /* must be as at the beginning */
/* bad_input_cpumap.c */
void bad_cpumap_begin(struct bad *b);
void bad_cpumap_end(struct bad *b); /* must be as at the beginning */
/* bad_input_irqhint.c */
void bad_irqhint_begin(struct bad *b);
void bad_irqhint_end(struct bad *b);
void bad_irqhint_image(struct bad *b); /* the same */
/* bad_input_pvqueue.c */
void bad_pvqueue_begin(struct bad *b);
void bad_pvqueue_end(struct bad *b);
void bad_pvqueue_image(struct bad *b); /* the same */

#define BAD_TABLE(name)                \
	{                              \
		(name), VT_COUNT(name) \
	}
/* An event of a unit: no object, and each handle that is stale, foreign, wild or none. */
#define EACH_HANDLE(b, call, error)                                   \
	do {                                                          \
		for (uint32_t i_ = 0; i_ < (b)->handle_count; i_++) { \
			uint64_t handle = (b)->handles[i_];           \
                                                                      \
			assert_int_equal((call), (error));            \
		}                                                     \
	} while (0)

#endif
