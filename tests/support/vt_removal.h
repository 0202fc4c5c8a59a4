/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A removal engine under test: units named by letters, a fake clock, and all that comes out as one
 * line of text, so that a test says in one string what has to happen and in which order.
 *
 *	vt_removal_init(&t, VDEV_REMOVAL_COARSE);
 *	vt_alone(&t, 'a', VDEV_REMOVAL_ACPI);
 *	vt_expect(&t, vt_request(&t, 'a', 0), "WARN:a REQUESTED:a");
 *	vt_expect(&t, vt_ack(&t, 'a'), "HIDE:aL ACKED:a TEARDOWN:a RELEASE:a REMOVED:aFG");
 *
 * One word for each action: KIND:unit, or OUTCOME:unit for outcomes. The unit is a letter, '-' for
 * the whole VM, then flags as capitals: L last, F final, G gone, X forced, A again, B backend gone.
 * Then #N for a warning that is not the first, and in parentheses what else the action says:
 * REFUSED:aF(BUSY), FAILED_AT:aFG(RESET,-5), CANCEL:a(DRAIN), REANNOUNCE:a. What must not be (an id
 * given twice, a wrong target, a wrong user_data) comes out as a word BAD-..., so no text fits it.
 */
#ifndef VT_REMOVAL_H
#define VT_REMOVAL_H

#include <vdev/removal.h>

#include "vt_env.h"

#define VT_TEXT 8192u
#define VT_LETTERS 128u
#define VT_IDS 1024u
#define VT_SCRIPT 16u
#define VT_SEC UINT64_C(1000000000)
/* In vt_script(): the action stays outstanding until vt_done(). */
#define VT_LATER 1
/* Slot with button, power controller and power indicator, as QEMU's root ports have. */
#define VT_CAP 0x53u
/* Slot Control: the guest listens, power on, indicator on / blinking; switched off. */
#define VT_ON 0x121u
#define VT_BLINK 0x221u
#define VT_OFF 0x721u

struct vt_removal {
	struct vt_env v;
	struct vdev_removal_config config;
	struct vdev_removal *r;
	uint64_t now;
	uint64_t h[VT_LETTERS]; /* handles, also those that have ended */
	uint64_t out[VT_LETTERS]; /* last action of each unit that was left outstanding */
	uint64_t deadline[VT_LETTERS]; /* that of the last action of each unit */
	struct vdev_action last; /* the last action of all */
	struct {
		uint32_t kind;
		char letter; /* 0: any */
		int status;
	} script[VT_SCRIPT];
	uint32_t scripted;
	uint64_t ids[VT_IDS];
	uint32_t id_count;
	int stop_after; /* vt_drain() takes so many actions at most, 0: all */
	void (*inside)(struct vt_removal *t, const struct vdev_action *a); /* called in each deed */
	char text[VT_TEXT];
};

/* Engine with default policies; returns what vdev_removal_new() says. */
int vt_removal_init(struct vt_removal *t, uint32_t flags);
int vt_removal_init_with(struct vt_removal *t, const struct vdev_removal_config *config);
/* Ends the engine; 0 when nothing leaked. */
int vt_removal_end(struct vt_removal *t);

/* A unit named and marked by its letter; returns what vdev_removal_add() says. */
int vt_add(struct vt_removal *t, char letter, const struct vdev_removal_unit *unit);
int vt_alone(struct vt_removal *t, char letter, uint32_t transport);
int vt_slot(struct vt_removal *t, char letter, uint32_t transport, char parent);
int vt_child(struct vt_removal *t, char letter, char parent, uint32_t unit_class,
	     uint32_t function);
/* A PCIe slot 's' whose guest listens, with one function 'a' of this level. */
void vt_slot_with_card(struct vt_removal *t, uint32_t level);

int vt_level(struct vt_removal *t, char letter, uint32_t level);
int vt_request(struct vt_removal *t, char letter, uint32_t flags);
int vt_request_with(struct vt_removal *t, char letter, uint32_t ack_policy, uint32_t retries,
		    uint64_t ack_ns);
int vt_cancel(struct vt_removal *t, char letter);
int vt_ack(struct vt_removal *t, char letter);
int vt_refuse(struct vt_removal *t, char letter, uint32_t reason);
int vt_ready(struct vt_removal *t, char letter, uint32_t ready);
int vt_registers(struct vt_removal *t, char slot, uint32_t control, uint32_t status);
/* Time passes; step() is called at the end of it. */
int vt_pass(struct vt_removal *t, uint64_t ns);
/* Ends the action of this unit that was left outstanding. */
int vt_done(struct vt_removal *t, char letter, int status);
/* The next action of this kind (and unit) ends with `status`, or is left outstanding. */
void vt_script(struct vt_removal *t, uint32_t kind, char letter, int status);
/* Performs all that waits; the text of it. */
const char *vt_drain(struct vt_removal *t);
/* Time from now until the deadline; VDEV_NONE: nothing is timed. */
uint64_t vt_due(struct vt_removal *t);
struct vdev_removal_info vt_info(struct vt_removal *t, char letter);
struct vdev_removal_stats vt_stats(struct vt_removal *t);
/* Saves and loads into a new engine; the clock of the new one begins at `now`. */
int vt_reload(struct vt_removal *t, uint64_t now);
/* Text of one action, as above. */
void vt_describe(struct vt_removal *t, const struct vdev_action *a, char *text, size_t size);

#define vt_expect(t, event, wanted)                       \
	do {                                              \
		int vt_ret = (event);                     \
		assert_in_range(vt_ret, 0, 1000000);      \
		assert_string_equal(vt_drain(t), wanted); \
	} while (0)

#endif
