/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: what its files share.
 *
 * An operation lives in the unit at its top, the *target*, so that nothing has to be allocated once
 * a unit exists: a guest's acknowledgement or reset cannot run out of memory. Its members are the
 * target's descendants, leaf first, and (unless the target is a slot) the target itself.
 *
 *   phase        what it waits for
 *   IDLE         nothing: no operation
 *   HELD         a migration to end
 *   BELOW        operations further down to end or be taken back
 *   NOT_READY    the guest to be able to hear a warning
 *   GAP          the time or slot state at which the next warning may be given
 *   WARN    *    done() of WARN
 *   AWAIT        the acknowledgement
 *   PRE     *    done() of a step before HIDE, member by member (QUIESCE)
 *   UNDO    *    done() of undos, newest step first
 *   HIDE    *    done() of HIDE, member by member              -- no way back from here
 *   TEAR    *    done() of the steps after HIDE and OUTCOME, all steps of a member, then the next
 *   END     *    done() of the final OUTCOME of those who asked
 *
 * In phases with * an action is given out; beside them notes (progress outcomes, ANNOUNCE,
 * REDECLARE) are given out in any phase, but never two actions of one unit at a time.
 */
#ifndef VDEV__REMOVAL_INTERNAL_H
#define VDEV__REMOVAL_INTERNAL_H

#include <errno.h>
#include <limits.h>

#include <vdev/removal.h>

#include "deadline.h"
#include "env.h"
#include "hash.h"
#include "sat.h"
#include "table.h"

#define ROOT 0u /* index of the pseudo-unit that stands for the VM; parent of parentless units */
#define NOBODY UINT32_MAX

enum phase {
	IDLE,
	HELD,
	BELOW,
	NOT_READY,
	GAP,
	WARN,
	AWAIT,
	PRE,
	UNDO,
	HIDE,
	TEAR,
	END,
};

/* Facts about a unit. */
#define U_TRACK 0x1u /* touches are reported */
#define U_TOUCHED 0x2u
#define U_READY 0x4u
#define U_GONE_BACKEND 0x8u
#define U_QUEUED 0x10u
#define U_HIDDEN 0x20u /* ejected unasked, held */
#define U_SETTLING 0x40u
#define U_REQUESTED 0x80u /* somebody asked for this very unit */
#define U_NEXT 0x20000000u /* asked again while the operation was ending: begins anew */
#define U_NEXT_FORCED 0x40000000u
#define U_ANEW 0x80000000u /* within clear(): begins anew now */

/* Facts about the operation of a target; cleared when it ends. */
#define O_FORCED 0x100u
#define O_SKIP 0x200u /* no acknowledgement needed: untouched, powered off, reset */
#define O_ACKED 0x400u
#define O_BY_GUEST 0x800u
#define O_HOLDING 0x1000u /* hide only, then hold (R16) */
#define O_WARNED 0x2000u
#define O_DEMOTED 0x4000u /* SAFE_IDLE was tried and was not idle */
#define O_ABSORB 0x8000u /* an operation above takes over: end without a word */
#define O_BUSY_TOLD 0x10000u
#define O_LATE_ACK 0x20000u /* came while it was being taken back */
#define O_DROPPED 0x40000u /* guest refused: there is no warning to take back */
#define O_RETURN 0x80000u /* after the undo: go on with the UNSAFE set instead of ending */
#define O_CANCEL 0x100000u /* cancel() came while an action was outstanding */
#define O_REFUSED 0x200000u /* refuse() came while an action was outstanding */
#define O_ALL 0x3fff00u

/* Facts about the outstanding action. */
#define A_OUT 0x400000u /* given out, done() awaited */
#define A_OVERDUE 0x800000u
#define A_CANCEL_DUE 0x1000000u
#define A_CANCEL_OUT 0x2000000u
#define A_READY 0x4000000u /* in the ready list */
#define A_AGAIN 0x8000000u /* loaded from an image: give the same one out again */
#define A_NOTE 0x10000000u /* the outstanding action is a note, not a step */

/* Notes: bit n is outcome n; the three below are actions of their own. */
#define N_ANNOUNCE (1u << 16)
#define N_REANNOUNCE (1u << 17)
#define N_REDECLARE (1u << 18)
#define N_UNHOLD (1u << 19) /* of the VM */
#define N_OWN (N_ANNOUNCE | N_REANNOUNCE | N_REDECLARE | N_UNHOLD)

/* What an image keeps of unit.flags and unit.notes. */
#define VDEV__REMOVAL_KEPT                                                                   \
	(U_TRACK | U_TOUCHED | U_READY | U_GONE_BACKEND | U_QUEUED | U_HIDDEN | U_SETTLING | \
	 U_REQUESTED | U_NEXT | U_NEXT_FORCED | O_ALL | A_AGAIN | A_NOTE | A_OVERDUE)
#define VDEV__REMOVAL_NOTES (0x1ffeu | N_OWN)
#define VDEV__REMOVAL_IMAGE_VERSION 1u
#define VDEV__REMOVAL_UNIT_BYTES 116u /* of one unit in an image */

struct unit {
	uint64_t user_data;
	uint64_t name;
	uint64_t address;
	uint64_t action; /* id of the outstanding or last action */
	uint64_t stuck; /* id of the action that was given up by FORCE, 0: none */
	uint64_t ack_ns; /* length of the wait for an acknowledgement */
	uint64_t ack_end; /* guest clock; VDEV_NONE: no end (KEEP, or not warned yet) */
	uint64_t warn_at; /* guest clock: earliest next warning; slots: also end of settling */
	uint32_t parent, child, next, prev; /* indices, NOBODY */
	uint32_t ready_next, ready_prev;
	uint32_t cursor; /* member that the present step is at */
	uint32_t note_cursor;
	uint32_t undo_limit; /* UNDO: last member that its newest step touched, NOBODY: all */
	uint32_t flags;
	uint32_t notes;
	uint16_t fault; /* kind of the step that failed, or reason of a refusal */
	int16_t fault_status;
	uint16_t slot_cap; /* PCIe slot: SLTCAP bits 0..15, SLTCTL, SLTSTA */
	uint16_t control, status;
	uint16_t warnings;
	uint8_t function;
	uint8_t unit_class;
	uint8_t transport;
	uint8_t unasked;
	uint8_t depth;
	uint8_t phase;
	uint8_t step; /* index in the action set */
	uint8_t set; /* level whose action set is used */
	uint8_t policy;
	uint8_t retries;
	uint8_t outcome; /* final outcome of the operation, 0: not known yet */
	uint8_t guest_level, operator_level;
	uint8_t note; /* number of the note that is outstanding */
	uint8_t marks;
	uint8_t from_set; /* with M_SWITCHED: the set that was left */
};

/* unit.marks: more facts about an operation, cleared when it ends. */
#define M_GIVE_UP 0x1u /* FORCE came while a CANCEL was under way: stuck when that is done */
#define M_BEFORE 0x2u /* UNDO: the member at undo_limit was never given its step */
#define M_POWER_ON 0x4u /* the slot came back while its units were being hidden */
#define M_GIVEN 0x10u /* PRE: the member at the cursor was given the present step */
#define M_EMPTIED 0x20u /* slots: something was in it and is gone */
#define M_CANCEL_GIVEN 0x40u /* for the outstanding action; after a load it comes out again */
#define M_LEFT 0x80u /* ack_end is what was left when the guest became deaf */
#define M_SWITCHED 0x8u /* another level's set was begun first; undo goes on there */
#define M_STALE 0x8u /* VM: the hold that the outstanding UNHOLD was for has ended */

/* levels 0..3 and 16..31 */
#define LEVEL_SLOTS 20u

struct action_set {
	uint32_t count;
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
};

struct vdev_removal {
	struct vdev_env env;
	struct vdev_removal_config config;
	struct vdev__table units;
	struct vdev__hash names;
	struct vdev__hash addresses;
	struct vdev__deadlines deadlines;
	struct vdev_removal_stats stats;
	struct action_set *sets[VDEV_REMOVAL_CLASSES][LEVEL_SLOTS]; /* NULL: the preset */
	uint64_t now; /* latest time seen */
	uint64_t paused_ns; /* total so far, without the present pause */
	uint64_t pause_start;
	uint64_t sequence; /* of action ids */
	uint64_t quiet_until; /* lines that a guest provokes are limited */
	uint32_t ready_head, ready_tail, ready_count;
	uint8_t paused, in_reset, held;
};

/* What a request would do: made by choose(), used by request() and plan(). */
struct choice {
	uint32_t target;
	uint32_t set; /* level whose set is used */
	uint32_t because;
	int skip; /* no acknowledgement needed */
};

/* Of an index that is in use, as all links between units are. */
static inline struct unit *unit_at(const struct vdev_removal *r, uint32_t index)
{
	return vdev__table_item(&r->units, index);
}

static inline int in_use(const struct vdev_removal *r, uint32_t index)
{
	return vdev__table_at(&r->units, index) != NULL;
}

/* All units but the VM itself: from ROOT until NOBODY. */
static inline uint32_t next_unit(const struct vdev_removal *r, uint32_t index)
{
	return vdev__table_next(&r->units, index + 1);
}

static inline uint64_t handle_of(const struct vdev_removal *r, uint32_t index)
{
	return index == ROOT || index == NOBODY ? 0 : vdev__table_handle(&r->units, index);
}

static inline int waiting(const struct vdev_removal *r)
{
	return r->ready_count > INT_MAX ? INT_MAX : (int)r->ready_count;
}

/* An action and its CANCEL have neighbouring ids. */
static inline uint64_t cancel_id(const struct unit *u)
{
	return u->action + (UINT64_C(1) << VDEV__TABLE_INDEX_BITS);
}

/* A step (not a note) is outstanding, or was when an image was written. */
static inline int step_out(const struct unit *u)
{
	return (u->flags & (A_OUT | A_AGAIN)) && !(u->flags & A_NOTE);
}

static inline int past_return(const struct unit *u)
{
	return u->phase == HIDE || u->phase == TEAR || (u->flags & O_ACKED) || /* also: by guest */
	       (u->phase == END && u->outcome == VDEV_REMOVAL_REMOVED);
}

/* Notes begin anew, but one that is outstanding stays what it is. No step is. */
static inline void vdev__removal_no_note(struct unit *u)
{
	if (!(u->flags & (A_OUT | A_AGAIN)))
		u->note_cursor = NOBODY;
}

/* unit.c: handles, events' first lines */
int vdev__removal_lookup(const struct vdev_removal *r, uint64_t handle, uint32_t *ret_index);
void vdev__removal_tick(struct vdev_removal *r, uint64_t now_ns);
void vdev__removal_trace(const struct vdev_removal *r, uint32_t what, uint32_t kind, uint32_t index,
			 uint64_t arg);

/* tree.c */
void vdev__removal_link(struct vdev_removal *r, uint32_t index, uint32_t parent);
void vdev__removal_unlink(struct vdev_removal *r, uint32_t index);
uint32_t vdev__removal_first(const struct vdev_removal *r, uint32_t target);
uint32_t vdev__removal_after(const struct vdev_removal *r, uint32_t target, uint32_t member);
uint32_t vdev__removal_target(const struct vdev_removal *r, uint32_t index);
uint32_t vdev__removal_covering(const struct vdev_removal *r, uint32_t index);
uint32_t vdev__removal_answered(const struct vdev_removal *r, uint32_t index);
uint32_t vdev__removal_joins(const struct vdev_removal *r, uint32_t index, int force);
uint32_t vdev__removal_speaker(const struct vdev_removal *r, uint32_t target, uint32_t member);
int vdev__removal_spoken_for(const struct vdev_removal *r, uint32_t target, uint32_t member);
uint32_t vdev__removal_requested(const struct vdev_removal *r, uint32_t target, uint32_t after);

/* level.c */
uint32_t vdev__removal_effective(const struct vdev_removal *r, const struct unit *u);
void vdev__removal_publish(struct vdev_removal *r, uint32_t index);
uint32_t vdev__removal_lowest(const struct vdev_removal *r, uint32_t target, uint32_t asked,
			      uint32_t *ret_because);
void vdev__removal_reconsider(struct vdev_removal *r, uint32_t target);
void vdev__removal_forget_levels(struct vdev_removal *r);

/* sets.c */
const struct vdev_removal_step *vdev__removal_steps(const struct vdev_removal *r,
						    uint32_t unit_class, uint32_t level,
						    uint32_t *ret_count);
uint32_t vdev__removal_hide_step(const struct vdev_removal *r, const struct unit *u);
uint64_t vdev__removal_step_ns(const struct vdev_removal *r, const struct unit *u, uint32_t step);
int vdev__removal_valid_level(uint32_t level);
int vdev__removal_check_set(const struct vdev_env *env, uint32_t level,
			    const struct vdev_removal_step *steps, uint32_t count);
uint32_t vdev__removal_level_slot(uint32_t level);

/* plan.c */
void vdev__removal_choose(const struct vdev_removal *r, uint32_t unit, uint32_t flags,
			  struct choice *ret_choice);
int vdev__removal_left_out(const struct unit *member, uint32_t kind);

/* request.c */
int vdev__removal_too_late(const struct unit *top, int force);
int vdev__removal_check_request(const struct vdev_removal_request *in,
				struct vdev_removal_request *out);
void vdev__removal_begin(struct vdev_removal *r, uint32_t target);
void vdev__removal_upgrade(struct vdev_removal *r, uint32_t target);
void vdev__removal_woken(struct vdev_removal *r, uint32_t at);
void vdev__removal_start_held(struct vdev_removal *r);
void vdev__removal_begin_unasked(struct vdev_removal *r, uint32_t target, uint32_t flags);

/* give.c */
uint32_t vdev__removal_step_kind(const struct vdev_removal *r, const struct unit *u);
void vdev__removal_ready_push(struct vdev_removal *r, uint32_t index);
void vdev__removal_ready_drop(struct vdev_removal *r, uint32_t index);
void vdev__removal_settle_ready(struct vdev_removal *r, uint32_t index);
void vdev__removal_note(struct vdev_removal *r, uint32_t index, uint32_t notes);

/* before.c */
uint32_t vdev__removal_takes_part(const struct vdev_removal *r, const struct unit *u,
				  uint32_t index, uint32_t member);
void vdev__removal_advance(struct vdev_removal *r, uint32_t index);
void vdev__removal_switch(struct vdev_removal *r, uint32_t index, uint32_t level);
void vdev__removal_warn_done(struct vdev_removal *r, uint32_t index, int status);
void vdev__removal_pre_done(struct vdev_removal *r, uint32_t index, int status, int overdue);

/* run.c */
void vdev__removal_failed(struct unit *u, uint32_t kind, int status);
void vdev__removal_stuck(struct vdev_removal *r, uint32_t index);
void vdev__removal_skip_left_out(struct vdev_removal *r, uint32_t index);
void vdev__removal_go_hide(struct vdev_removal *r, uint32_t index);

/* ack.c */
int vdev__removal_may_press(const struct unit *u, uint64_t guest_now);
void vdev__removal_try_warn(struct vdev_removal *r, uint32_t index);
void vdev__removal_await(struct vdev_removal *r, uint32_t index);
void vdev__removal_await_expired(struct vdev_removal *r, uint32_t index);
void vdev__removal_got_ack(struct vdev_removal *r, uint32_t target, uint32_t index);
void vdev__removal_refused(struct vdev_removal *r, uint32_t index);

/* slot.c */
int vdev__removal_is_off(const struct unit *slot);
void vdev__removal_look_busy(struct vdev_removal *r, uint32_t index);
int vdev__removal_slot_free(const struct vdev_removal *r, uint32_t slot);
void vdev__removal_slot_emptied(struct vdev_removal *r, uint32_t slot);
void vdev__removal_slot_check(struct vdev_removal *r, uint32_t slot);

/* end.c */
void vdev__removal_back_out(struct vdev_removal *r, uint32_t index, uint32_t outcome);
void vdev__removal_undo_next(struct vdev_removal *r, uint32_t index);
void vdev__removal_finish(struct vdev_removal *r, uint32_t index);
void vdev__removal_member_gone(struct vdev_removal *r, uint32_t target, uint32_t member);
void vdev__removal_members_done(struct vdev_removal *r, uint32_t target);

/* reset.c */
void vdev__removal_give_back(struct vdev_removal *r, uint32_t top);

/* object.c */
void vdev__removal_blank(struct unit *u);

/* time.c */
uint64_t vdev__removal_guest_now(const struct vdev_removal *r);
void vdev__removal_rearm(struct vdev_removal *r, uint32_t index);

#endif
