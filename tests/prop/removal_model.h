/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A naive model of the removal engine: what the header and the rules R1..R17 say, written down
 * without a thought for speed. Arrays, no handles, no lists, no timers; who belongs to what, which
 * level counts and when the next deadline is are worked out anew each time they are asked for.
 *
 * The model does not predict in which order operations get their turn, nor the order of units that
 * the rules leave open. It says what may come out next, and m_given() checks what did.
 */
#ifndef REMOVAL_MODEL_H
#define REMOVAL_MODEL_H

#include <vdev/removal.h>

#define M_UNITS 28u /* the VM itself is number 0 */
#define M_LOG 128u
#define M_LEVELS 32u
#define M_IDS 4096u
#define M_ANY UINT32_MAX

enum m_phase {
	M_NONE,
	M_HELD, /* a migration is going on */
	M_BELOW, /* operations further down end or are taken back first */
	M_NOT_READY, /* the guest cannot hear a warning */
	M_GAP, /* a warning would be lost, or mean something else */
	M_WARN,
	M_AWAIT,
	M_PRE, /* other steps before HIDE */
	M_UNDO,
	M_HIDE,
	M_TEAR,
	M_END, /* those who asked are told */
};

/* Something done that can be undone. */
struct m_done {
	uint32_t step; /* counts up: later ones are undone first */
	uint32_t kind, undo;
	uint32_t unit;
	uint32_t round; /* action sets are changed in mid-operation: which of them */
	uint64_t ns;
};

struct m_set {
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	uint32_t count;
	int own; /* given by the VMM */
};

struct m_op {
	enum m_phase phase;
	int forced, skip, acked, by_guest, holding, demoted, absorbed, busy_told, late_ack;
	int returning; /* SAFE_IDLE was not idle: undo, then go on as UNSAFE */
	int cancel, refused; /* came while an action was outstanding */
	int asked; /* REQUESTED was told */
	int power_on; /* the slot came back while its units were being hidden */
	int emptied; /* something left for good */
	uint32_t level;
	int switched; /* another set was begun before, and goes on if this one cannot (R1, R6) */
	uint32_t from;
	struct m_set set;
	uint32_t pos, round, steps;
	uint64_t ack_end; /* guest clock */
	uint64_t ack_left; /* duration: what was left when the guest could no longer hear, 0: all */
	uint32_t warnings;
	uint32_t outcome;
	uint32_t fault;
	int fault_status;
	struct m_done log[M_LOG];
	uint32_t logged;
	uint8_t left[M_UNITS]; /* units that the present step, or telling, has still to visit */
	uint32_t order[M_UNITS]; /* in which they were hidden: they are torn down likewise */
	uint32_t hidden, torn; /* entries of order[] */
};

struct m_unit {
	int used;
	uint64_t
		added; /* counts up: of two siblings with one function number the newer one is first */
	uint64_t handle; /* 0: changed by the engine, found by user_data */
	uint64_t old_handle;
	uint64_t user_data, name, address;
	uint32_t unit_class, transport, function, unasked, slot_cap, parent;
	int track, touched, ready, dead, queued, hidden, requested, again, again_forced;
	uint32_t level[2];
	uint32_t control, status;
	int settling;
	uint64_t
		warn_at; /* guest clock: earliest next warning, of a later operation, too; end of settling */
	/* the terms of the latest request */
	uint32_t policy, retries;
	uint64_t ack_ns;
	/* actions of this unit as target, or on its own */
	uint32_t notes; /* bit n: outcome n, or one of the M_N_ below */
	uint32_t note; /* the outcome that is being told to those who asked, 0: none */
	uint8_t told[M_UNITS]; /* M_TELL, M_TOLD; 0: nobody, or one who joined meanwhile */
	struct vdev_action out; /* given, not done; id 0: none */
	int out_note, overdue, cancel_due;
	int ran_out; /* its time ended before it came out again */
	int again_due; /* was out when the image was written: comes once more, the same */
	int give_up; /* FORCE came while CANCEL was on its way */
	int stale; /* VM: the migration that the outstanding UNHOLD would abort has ended */
	uint64_t cancel_id, stuck_id, last_cancel_id;
	struct m_op op;
};

#define M_TELL 1
#define M_TOLD 2

#define M_N_ANNOUNCE (1u << 16)
#define M_N_REANNOUNCE (1u << 17)
#define M_N_REDECLARE (1u << 18)
#define M_N_UNHOLD (1u << 19)
#define M_N_OWN (M_N_ANNOUNCE | M_N_REANNOUNCE | M_N_REDECLARE | M_N_UNHOLD)

struct model {
	struct vdev_removal_config config; /* with the defaults filled in */
	struct m_unit unit[M_UNITS];
	struct m_set sets[VDEV_REMOVAL_CLASSES][M_LEVELS];
	uint64_t now, guest;
	int paused, in_reset, held;
	struct vdev_removal_stats stats;
	uint64_t ids[M_IDS], handles[M_IDS]; /* ever seen */
	uint32_t id_count, handle_count;
	char *why;
	size_t why_size;
	int failed;
};

void m_fail(struct model *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* removal_model_tree.c: who belongs to what, and which level counts */
int m_is_slot(const struct model *m, uint32_t i);
int m_below(const struct model *m, uint32_t top, uint32_t i);
int m_member(const struct model *m, uint32_t target, uint32_t i);
int m_alone(const struct model *m, uint32_t target);
uint32_t m_cover(const struct model *m, uint32_t i);
uint32_t m_target(const struct model *m, uint32_t i);
uint32_t m_order(const struct model *m, uint32_t target, uint32_t *ret_list);
int m_turn(const struct model *m, const uint8_t *left, uint32_t i);
uint32_t m_count(const uint8_t *left);
uint32_t m_level(const struct model *m, uint32_t i);
uint32_t m_lowest(const struct model *m, uint32_t target, int *ret_decides, uint32_t asked);
int m_off(const struct model *m, uint32_t slot);
int m_nobody_uses(const struct model *m, uint32_t target, int *ret_hidden);
int m_left_out(const struct model *m, uint32_t i, uint32_t kind);
const struct m_set *m_set(const struct model *m, uint32_t target, uint32_t *level);

/* removal_model_op.c: an operation's way */
void m_begin(struct model *m, uint32_t t);
void m_advance(struct model *m, uint32_t t);
void m_hide(struct model *m, uint32_t t);
void m_start_clock(struct model *m, uint32_t t);
enum m_phase m_way_to_warn(const struct model *m, uint32_t t);
void m_ask(struct model *m, uint32_t t);
void m_recheck(struct model *m, uint32_t t);
void m_switch(struct model *m, uint32_t t, uint32_t level);
void m_back_out(struct model *m, uint32_t t, uint32_t outcome);
void m_undo_next(struct model *m, uint32_t t);
void m_members_gone(struct model *m, uint32_t t);
void m_clear(struct model *m, uint32_t t);
int m_wake_one(struct model *m, uint32_t t);
void m_wake(struct model *m);
int m_requested(const struct model *m, uint32_t t, uint8_t *ret_left);
void m_note(struct model *m, uint32_t t, uint32_t outcome);
uint32_t m_speaker(const struct model *m, uint32_t t, uint32_t i);
int m_asks(const struct m_op *op);
int m_speaks_for(const struct model *m, uint32_t t, uint32_t i);
int m_past_return(const struct m_op *op);
int m_stepping(const struct m_unit *u);
void m_slots(struct model *m, uint32_t slot);
int m_slot_free(const struct model *m, uint32_t slot);

/* removal_model_events.c: what the guest, management and time do; each gives the expected result */
void m_tick(struct model *m, uint64_t now);
void m_upgrade(struct model *m, uint32_t t);
uint32_t m_joins(const struct model *m, uint32_t i, int force);
int m_too_late(const struct m_op *op, int force);
int m_request(struct model *m, uint32_t i, const struct vdev_removal_request *q);
int m_cancel(struct model *m, uint32_t i);
int m_declare(struct model *m, uint32_t i, uint32_t source, uint32_t level);
int m_forget(struct model *m, uint32_t i);
int m_hold(struct model *m);
int m_unhold(struct model *m);
int m_step(struct model *m);
int m_pause(struct model *m);
int m_resume(struct model *m);
int m_waiting(const struct model *m);

/* removal_model_guest.c */
void m_acked(struct model *m, uint32_t t, uint32_t i);
uint32_t m_answered(const struct model *m, uint32_t i);
void m_give_all_back(struct model *m, uint32_t top);
void m_look_busy(struct model *m, uint32_t t);
void m_got_refusal(struct model *m, uint32_t t);
int m_ack(struct model *m, uint32_t i);
int m_refuse(struct model *m, uint32_t i, uint32_t reason);
int m_progress(struct model *m, uint32_t i);
int m_ost(struct model *m, uint32_t i, uint32_t event, uint32_t status);
int m_slot(struct model *m, uint32_t i, uint32_t control, uint32_t status);
int m_ready(struct model *m, uint32_t i, uint32_t ready);
int m_reset_begin(struct model *m);
int m_reset_end(struct model *m);

/* removal_model_give.c: actions */
int m_can_give(const struct model *m, uint32_t i);
int m_may_give(const struct model *m, uint32_t i);
int m_open_end(const struct model *m, uint32_t i);
void m_close_note(struct model *m, uint32_t i);
int m_to_tell(const struct model *m, uint32_t i);
uint32_t m_find(const struct model *m, uint64_t handle);
uint32_t m_tear_step(const struct model *m, uint32_t t);
void m_given(struct model *m, const struct vdev_action *a);
void m_stuck(struct model *m, uint32_t t);

/* removal_model_done.c */
int m_finish(struct model *m, uint64_t id, int status);
void m_log_warning(struct m_op *op, uint32_t t);
void m_hid(struct model *m, uint32_t t, uint32_t i, int status);
void m_failed(struct m_op *op, uint32_t kind, int status);
int m_backend_gone(struct model *m, uint32_t i);

/* removal_model_sets.c */
#define M_ADD_EXIST 1u
#define M_ADD_NOSPC 2u
#define M_ADD_BUSY 4u
uint32_t m_add(struct model *m, const struct vdev_removal_unit *in, uint32_t parent,
	       uint32_t *ret_unit);
void m_take_preset(struct model *m, const struct vdev_removal *r, uint32_t unit_class,
		   uint32_t level);
int m_set_actions(struct model *m, uint32_t unit_class, uint32_t level,
		  const struct vdev_removal_step *steps, uint32_t count);
void m_reloaded(struct model *m, uint64_t now);

/* removal_model_check.c: comparison with the engine */
void m_check(struct model *m, struct vdev_removal *r);
/* removal_model_plan.c */
void m_check_plan(struct model *m, struct vdev_removal *r, uint32_t i,
		  const struct vdev_removal_request *q);

#endif
