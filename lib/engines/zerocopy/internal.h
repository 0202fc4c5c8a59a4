/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine from the inside.
 *
 *   message.h   one message: which event leads from which state to which (Z7). The only place
 *   queue.c     reserve, sent, abort, complete: the hot path (Z1, Z13)
 *   quota.c     credits, leased in batches (Z8)
 *   adapt.c     which sizes are worth lending (Z9)
 *   expire.c    deadlines (Z2)
 *   claim.c     messages come to the VM object: time-out, request, reset (Z2, Z3)
 *   offline.c   a reclaim, granule by granule (Z4, Z5, Z10)
 *   receive.c   when what was received is void (Z11)
 *   pagemap.h   which granules were replaced, and when (Z10)
 *   give.c      actions out, done() in
 *   object.c    the objects, memory; read.c  what is in them; names.c
 *   image.c, load.c, load_op.c, resume.c   save and load
 *
 * Who may touch what. `word` of a slot decides: its owner thread while it is RESERVED, the VM object
 * from CLAIMED on; anybody may move it on by compare-and-swap. `detail` is written by the owner before
 * the word says RESERVED or SENT, and read by the VM object after it said CLAIMED.
 */
#ifndef VDEV__ZEROCOPY_INTERNAL_H
#define VDEV__ZEROCOPY_INTERNAL_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <vdev/zerocopy.h>

#include "deadline.h"
#include "env.h"
#include "sat.h"
#include "table.h"

#include "message.h"
#include "pagemap.h"

struct destination {
	_Atomic uint64_t free; /* credits */
	uint64_t quarantined; /* bytes; VM object */
	unsigned char apart[LINE - 16]; /* completers of one destination do not slow another's */
};

#define LANES 8u
struct lane {
	uint64_t credits;
	uint32_t destination;
};

/* Sizes 2^n .. 2^(n+1)-1 (Z9). Owner thread, except `copied`. */
#define USUAL 0u
#define WARM_UP 1u
#define TRIAL 2u
#define CLASSES 33u
struct size_class {
	uint64_t cost[2]; /* 16ths of a nanosecond; [0] lent, [1] copied; 0: not known */
	uint64_t last[2]; /* the same, as last measured */
	_Atomic uint32_t copied; /* times that the kernel copied anyway */
	uint32_t copied_seen;
	uint32_t countdown; /* until one is measured */
	uint32_t interval;
	uint8_t lend; /* what is done usually */
	uint8_t explore; /* what comes next: USUAL, WARM_UP, TRIAL */
	uint8_t warm; /* messages left of WARM_UP */
	uint8_t distrust; /* lent ones are copied by the kernel */
	uint8_t apart[12]; /* to 64 bytes: where one is, is found by a shift */
};

struct region {
	uint64_t address, size, granule;
	uint32_t flags;
};

/* Counters of the owner thread: it alone writes, anybody reads. */
enum owner_count {
	N_LENT,
	N_REFUSED,
	N_ABORTED,
	N_PARTIAL,
	N_COPIED,
	N_OWNER = N_COPIED + VDEV_ZEROCOPY_COPY_REASONS
};

#define FANOUT 32u /* slots or nodes below a node of the tree of deadlines */
#define MAX_LEVELS 4u

struct vdev_zerocopy_queue {
	struct vdev_zerocopy *vm;
	struct slot *slots;
	struct detail *details;
	uint32_t mask; /* number of slots - 1 */
	uint32_t index;
	uint32_t flags;
	uint32_t levels;
	_Atomic uint64_t
		*level[MAX_LEVELS]; /* [0]: one key for FANOUT slots; the last has one key */
	uint32_t level_size[MAX_LEVELS];
	uint64_t threshold;
	uint64_t loaded; /* messages that came with an image */
	unsigned char apart1[LINE];
	/* Owner thread. */
	uint64_t sequence; /* of the next message */
	uint32_t ahead; /* how far from it the last look for a free slot got */
	uint32_t region; /* that the last block was in */
	uint64_t resets; /* of the VM, before the gate was looked at */
	uint64_t epoch; /* of the VM, likewise, if the block is a receive buffer */
	struct lane lanes[LANES];
	_Atomic uint64_t count[N_OWNER];
	struct size_class *classes; /* CLASSES; NULL: not ADAPTIVE */
	unsigned char apart2[LINE];
	/* Any thread. */
	_Atomic uint32_t inbox; /* index + 1 of the slot pushed last */
	_Atomic uint64_t stale;
	_Atomic uint64_t kernel_copied;
	_Atomic uint64_t timed_out;
	unsigned char apart3[LINE];
	/* VM object. */
	uint32_t held; /* index + 1: pushed, but memory for an operation ran out */
};

/* Where a reclaim is. */
enum op_phase {
	OP_WAIT, /* for granules that another one is replacing, or for a time */
	OP_OFFLINE,
	OP_REFUSED,
	OP_TELL,
	OP_QUARANTINE, /* for the late completion */
	OP_RELEASE,
	OP_OVER, /* but for the done() of its CANCEL */
};

#define OP_OUT 0x01u /* its action was given out */
#define OP_AGAIN 0x02u /* and comes again after a load */
#define OP_CANCEL_DUE 0x04u
#define OP_CANCEL_OUT 0x08u
#define OP_READY 0x10u /* is in the ready list */
#define OP_WAITING 0x200u /* is in the list of those that wait for granules */
#define OP_PAUSED 0x400u /* its action comes again when its timer runs out */
#define OP_REPLACED 0x20u /* a granule was replaced, by it or for it */
#define OP_ASKED 0x40u
#define OP_BY_RESET 0x80u
#define OP_ZERO 0x100u /* RESET instead of PRESERVE */
#define OP_COMPLETE 0x800u /* the late completion came, and nobody will push the slot for it */
#define OP_ELSEWHERE 0x1000u /* loaded on another host: nothing is in quarantine here */
#define OP_EARLY 0x2000u /* complete before the whole VM was replaced under it */
#define OP_KEPT 0x1de2u /* in images; OUT becomes AGAIN */

struct op {
	uint32_t queue, slot; /* slot NOBODY: the whole VM */
	uint32_t next, prev; /* in the list that the flags name */
	uint64_t begin, end; /* granules that the OFFLINE at hand is about */
	uint64_t epoch; /* raised for it */
	uint64_t until; /* OFFLINE: no repetition after this time; VDEV_NONE: not begun */
	uint64_t action; /* last id given out */
	int32_t status;
	uint16_t flags;
	uint8_t phase;
	uint8_t outcome;
	uint32_t zero; /* the OFFLINE at hand is a RESET */
	uint32_t reserved;
};

/* Of an image. */
#define ZEROCOPY_IMAGE_VERSION 1u
#define MESSAGE_BYTES 48u
#define OP_BYTES 67u

/* Operations beside those of messages: of the whole VM, and what is left of them. */
#define SPARE_OPS 16u

struct op_list {
	uint32_t head, tail, count;
};

/* An action's id is its operation's handle, apart from the ids of other engines; that of its CANCEL is
 * the complement. Generations do not come near to these bits. */
#define ACTION_BITS (UINT64_C(1) << 61)

#define GATE_RESET 0x1u
#define GATE_QUARANTINE 0x2u
#define GATE_WHOLE 0x4u /* the whole VM's memory is about to be replaced */

struct vdev_zerocopy {
	struct vdev_env env;
	struct vdev_zerocopy_config config; /* defaults filled in */
	struct region regions[VDEV_ZEROCOPY_MAX_MEMORY];
	_Atomic uint32_t n_regions;
	/* Read by all owner threads, written seldom. */
	_Atomic uint32_t gate;
	_Atomic uint64_t resets; /* that are over */
	_Atomic uint64_t epoch;
	_Atomic unsigned char *closed; /* by destination: too much of it is in quarantine */
	unsigned char apart1[LINE];
	_Atomic uint64_t free; /* credits */
	unsigned char apart2[LINE];
	struct destination *destinations;
	struct vdev_zerocopy_queue **queues;
	_Atomic uint32_t n_queues;
	uint64_t slots; /* of all queues */
	/* VM object only. */
	uint64_t now;
	struct vdev__table ops; /* struct op */
	struct vdev__deadlines deadlines; /* by op */
	struct op_list ready, waiting;
	uint32_t rescan; /* waiting ones still to be looked at again */
	uint32_t unsettled; /* ops before their ACCESSIBLE is done */
	uint32_t offlining; /* OFFLINE actions at hand, marked busy in the map */
	uint32_t whole; /* op of the whole VM, NOBODY: none */
	uint64_t whole_epoch; /* when the whole VM was replaced last */
	_Atomic uint64_t void_epoch; /* when that was tried last, perhaps in vain */
	uint8_t in_reset, reset_zero;
	struct pagemap map;
	uint64_t quarantined_blocks, quarantined_bytes;
	uint64_t ended; /* messages that the VM object ended */
	struct vdev_zerocopy_stats stats; /* the counters of the VM object */
};

static inline uint64_t id_of(const struct vdev_zerocopy_queue *q, uint64_t word)
{
	return (uint64_t)q->index << ID_QUEUE | word >> W_BITS;
}
static inline struct slot *slot_at(const struct vdev_zerocopy_queue *q, uint64_t sequence)
{
	return &q->slots[sequence & q->mask];
}
static inline struct op *op_at(const struct vdev_zerocopy *z, uint32_t index)
{
	return vdev__table_item(&z->ops, index);
}
static inline struct vdev_zerocopy_queue *op_queue(const struct vdev_zerocopy *z,
						   const struct op *op)
{
	return z->queues[op->queue];
}

/*
 * With what to claim a block at once, because of what began after it was reserved; 0: nothing did.
 * A reset: it is one of the guest that is gone (Z3). The whole VM's memory replaced: which pages a destination
 * writes into, old ones or new ones, nobody knows (Z11). The epoch is that of a receive buffer, or NONE.
 */
static inline uint32_t vdev__zerocopy_outlived(const struct vdev_zerocopy *z, uint64_t resets,
					       uint64_t epoch)
{
	uint32_t gate = atomic_load(&z->gate), with = 0;

	if (VDEV__UNLIKELY(gate & GATE_RESET) || VDEV__UNLIKELY(atomic_load(&z->resets) != resets))
		with = W_ASKED | W_BY_RESET;
	if (VDEV__UNLIKELY(epoch != VDEV_NONE) &&
	    (gate & GATE_WHOLE || atomic_load(&z->void_epoch) >= epoch))
		with |= W_ASKED | W_PARTLY;
	return with;
}

struct moved {
	uint64_t word; /* as it is now */
	uint64_t size;
};

/* Moves a slot on if it still is message `sequence`. Returns DO_... */
static inline uint32_t vdev__zerocopy_move(struct vdev_zerocopy_queue *q, uint32_t index,
					   uint64_t sequence, enum message_event event,
					   uint32_t with, struct moved *ret_moved)
{
	struct slot *s = &q->slots[index];
	uint64_t w = atomic_load(&s->word), next, size;
	uint32_t todo;

	do {
		if (w >> W_BITS != sequence) {
			*ret_moved = (struct moved){w, 0};
			return DO_REFUSE;
		}
		/* Between the word and its swap: it is this message's, and as it is in this state. */
		size = atomic_load_explicit(&s->size, memory_order_relaxed);
		todo = vdev__zerocopy_message(word_bits(w), event, with, q->vm->config.until);
		next = (w & ~(uint64_t)W_MASK) | (todo & W_MASK);
		if (todo & DO_REFUSE)
			break;
	} while (!atomic_compare_exchange_weak(&s->word, &w, next));
	*ret_moved = (struct moved){next, size};
	return todo & ~W_MASK;
}

void vdev__zerocopy_push(struct vdev_zerocopy_queue *q, uint32_t index);

/* quota.c */
/* Makes the lane one of this destination, with credits for a block. LEND, or why not. Owner thread. */
int vdev__zerocopy_lease(struct vdev_zerocopy_queue *q, struct lane *lane, uint32_t destination,
			 uint64_t length);
static inline bool enough(uint64_t credits, uint64_t length)
{
	return credit_blocks(credits) && credit_bytes(credits) >= length;
}
void vdev__zerocopy_give_back(struct vdev_zerocopy *z, uint32_t destination, uint64_t credits);
/* The owner thread's unused credits. */
void vdev__zerocopy_empty_lanes(struct vdev_zerocopy_queue *q);
/* A block goes to quarantine, or leaves it: all of its granules do, however short it is. */
void vdev__zerocopy_quarantine(struct vdev_zerocopy *z, uint32_t destination, uint64_t address,
			       uint64_t length, int add);

/* adapt.c: COPY_SMALL or LEND, with MEASURE. */
int vdev__zerocopy_adapt(struct vdev_zerocopy_queue *q, uint64_t length);
void vdev__zerocopy_adapt_init(struct vdev_zerocopy_queue *q);
/* Any thread: the kernel copied a block of this length. */
void vdev__zerocopy_adapt_copied(struct vdev_zerocopy_queue *q, uint64_t length);

/* expire.c */
/* raise: keys are made true; VM object only. */
int vdev__zerocopy_expire(struct vdev_zerocopy_queue *q, uint64_t now_ns, bool raise);
/* The slot became SENT with this deadline. True when it is earlier than all others. */
bool vdev__zerocopy_arm(struct vdev_zerocopy_queue *q, uint32_t index, uint64_t deadline);
uint64_t vdev__zerocopy_first(struct vdev_zerocopy_queue *q);

/* claim.c */
/* Takes up what the queues have pushed. */
void vdev__zerocopy_collect(struct vdev_zerocopy *z);

/* offline.c */
/* A new operation of a CLAIMED message, or of the whole VM, begins. */
void vdev__zerocopy_begin(struct vdev_zerocopy *z, uint32_t index);
/* The OFFLINE at hand is about to be given out: false when it is no longer wanted. */
bool vdev__zerocopy_offline_wanted(struct vdev_zerocopy *z, uint32_t index);
void vdev__zerocopy_offline_done(struct vdev_zerocopy *z, uint32_t index, int status);
/* Looks at some that wait for granules; `rescan` says how many are left. */
void vdev__zerocopy_rescan(struct vdev_zerocopy *z);
/* Moves the word of its message on: the new low bits. */
uint32_t vdev__zerocopy_move_op(struct vdev_zerocopy *z, const struct op *op,
				enum message_event event, uint32_t with);
void vdev__zerocopy_scan(struct vdev_zerocopy *z, uint32_t index);
/* Marks the run at hand as being replaced. There is room. */
void vdev__zerocopy_busy(struct vdev_zerocopy *z, const struct op *op);
/* Whether a RESET may zero this granule of its block. */
bool vdev__zerocopy_zeroed(const struct vdev_zerocopy *z, const struct op *op, uint64_t address);
/* The slot is free from now on, the operation over. */
void vdev__zerocopy_let_go(struct vdev_zerocopy *z, uint32_t index);
/* Granules that the block touches: [begin, end). */
struct span {
	uint64_t begin, end, granule;
};
struct span vdev__zerocopy_span(const struct vdev_zerocopy *z, uint64_t address, uint64_t length);

/* give.c */
/* Moves an operation on and lets its action out. */
void vdev__zerocopy_phase(struct vdev_zerocopy *z, uint32_t index, enum op_phase phase);
/* Its action comes after some time. */
void vdev__zerocopy_later(struct vdev_zerocopy *z, uint32_t index);
/* Its timer ran out. */
void vdev__zerocopy_timer(struct vdev_zerocopy *z, uint32_t index);
void vdev__zerocopy_list_add(struct vdev_zerocopy *z, uint32_t index, uint16_t flag);
void vdev__zerocopy_list_del(struct vdev_zerocopy *z, uint32_t index);
bool vdev__zerocopy_op_satisfied(const struct vdev_zerocopy *z, const struct op *op);
/* The quarantine of its block is over. */
void vdev__zerocopy_late(struct vdev_zerocopy *z, uint32_t index);

/* receive.c */
bool vdev__zerocopy_receives(const struct vdev_zerocopy *z, const struct op *op);
/* Another OFFLINE, of the whole VM or of a block that shares a granule, may have taken away what was received. */
bool vdev__zerocopy_is_void(const struct vdev_zerocopy *z, const struct op *op);
/* An OFFLINE is over: also when it failed it may have replaced some of its granules, if it has several. */
void vdev__zerocopy_touched(struct vdev_zerocopy *z, struct op *op, int status);

/* resume.c: what load() has made goes on. -ENOMEM. */
int vdev__zerocopy_resume(struct vdev_zerocopy *z, uint32_t flags);

/* object.c */
int vdev__zerocopy_op_new(struct vdev_zerocopy *z, uint32_t queue, uint32_t slot,
			  uint32_t *ret_index);
void vdev__zerocopy_op_end(struct vdev_zerocopy *z, uint32_t index);
void vdev__zerocopy_clock(struct vdev_zerocopy *z, uint64_t now_ns);
/* op may be NULL: of the whole VM. */
void vdev__zerocopy_trace(struct vdev_zerocopy *z, uint32_t kind, const struct op *op,
			  uint64_t arg);
/* id and user_data of an operation's message, 0 for the whole VM. */
uint64_t vdev__zerocopy_op_id(const struct vdev_zerocopy *z, const struct op *op);
uint64_t vdev__zerocopy_op_user(const struct vdev_zerocopy *z, const struct op *op);
/* Slot and queue of a message that is not over, or NULL. */
struct slot *vdev__zerocopy_find(const struct vdev_zerocopy *z, uint64_t id,
				 struct vdev_zerocopy_queue **ret_queue);

#endif
