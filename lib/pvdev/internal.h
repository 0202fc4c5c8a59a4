/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The paravirtual management function from the inside.
 *
 *   access.c    widths and offsets -> registers
 *   status.c    the handshake
 *   command.c   what the guest says        -> events of the removal engine
 *   perform.c   what the engine wants said -> events of the guest
 *   queue.c     events that wait, requests that are not answered yet
 *   queues.c    registers of the queues of messages; what is in their rings: ring.h
 *   image.c     save and load
 */
#ifndef VDEV__PVDEV_INTERNAL_H
#define VDEV__PVDEV_INTERNAL_H

#include <errno.h>
#include <stdbool.h>

#include <vdev/guest.h>
#include <vdev/pvdev.h>

#include "env.h"
#include "sat.h"

#define PVDEV_FEATURES ((uint32_t)(VDEV_GUEST_F_REMOVAL | VDEV_GUEST_F_PROGRESS))
#define PVDEV_MESSAGES ((uint32_t)VDEV_GUEST_F_MESSAGES)
#define PVDEV_HINTS ((uint32_t)VDEV_GUEST_F_HINTS)
#define PVDEV_MAX_EVENTS 65536u
#define PVDEV_READY \
	((uint32_t)(VDEV_GUEST_S_DRIVER | VDEV_GUEST_S_FEATURES_OK | VDEV_GUEST_S_DRIVER_OK))
#define PVDEV_FAILED ((uint32_t)VDEV_GUEST_S_FAILED)

/* One entry of the event queue. */
struct pvdev_event {
	uint64_t unit; /* EJECT: key of its request; 0: belongs to none (any more) */
	uint32_t kind;
	uint32_t address;
	uint32_t cookie;
	uint32_t time_ms;
};

/* A warning that the guest has not answered. */
struct pvdev_request {
	uint64_t unit; /* target of the operation */
	uint32_t cookie;
	uint32_t address; /* that the guest was told */
	uint64_t queued; /* 1: its EJECT was not popped yet */
};

/* A queue as the guest configured it: low and high halves, for registers are 32 bits wide. */
struct pvdev_queue {
	uint32_t state; /* VDEV_GUEST_QUEUE_OFF .. */
	uint32_t size, events_size;
	uint32_t address[2];
	uint32_t events[2];
};

struct vdev_pvdev {
	struct vdev_env env;
	struct vdev_pvdev_config config; /* defaults filled in */
	struct vdev_pvdev_stats stats;
	uint64_t now; /* latest clock seen */
	uint64_t period_end; /* of the quota */
	uint32_t used; /* commands in this period */
	uint32_t next_cookie; /* never 0 */
	/* Registers. */
	uint32_t driver_features;
	uint32_t status;
	uint32_t irq_enable;
	uint32_t lost;
	uint32_t address, argument, cookie; /* COMMAND_... */
	uint32_t result;
	/*
	 * A request keeps a place in the queue until it is answered, so that taking it back always
	 * finds room: n_events + popped requests <= max_events, and one more while the head is an
	 * EJECT that was taken back. The head only ever leaves by POP: the driver may be reading it.
	 */
	struct pvdev_event *events; /* ring of max_events + 1 */
	uint32_t head, n_events;
	struct pvdev_request *requests; /* sorted by unit; max_events */
	uint32_t n_requests, n_popped;
	struct pvdev_queue *queues; /* config.queues; NULL: none */
	uint64_t doorbells; /* rung and not taken */
	uint32_t select;
	uint32_t queue_irq; /* VDEV_GUEST_IRQ_QUEUES */
};

static inline bool vdev__pvdev_ready(const struct vdev_pvdev *p)
{
	return p->status == PVDEV_READY;
}

static inline struct pvdev_event *vdev__pvdev_event(const struct vdev_pvdev *p, uint32_t index)
{
	return &p->events[(p->head + index) % (p->config.max_events + 1u)];
}

/* The clock of a caller never goes back for us. */
static inline void vdev__pvdev_clock(struct vdev_pvdev *p, uint64_t now_ns)
{
	if (now_ns > p->now)
		p->now = now_ns;
}

/* Takes `cost` commands from the quota of this period; false: too many. */
bool vdev__pvdev_charge(struct vdev_pvdev *p, uint32_t cost);
void vdev__pvdev_trace(struct vdev_pvdev *p, uint32_t kind, uint64_t dev, uint64_t user_data,
		       uint64_t arg);
/* Checks the configuration and makes the object. */
int vdev__pvdev_make(struct vdev_pvdev **ret, const struct vdev_env *env,
		     const struct vdev_pvdev_config *config);

/* Features that a driver may ask for, or an embedder offer. */
bool vdev__pvdev_features_ok(uint32_t wanted, uint32_t offered);

/* True when the guest is warned of this unit through the function: by itself or by its slot (R2). */
bool vdev__pvdev_reaches(const struct vdev_pvdev *p, const struct vdev_removal_info *unit);

/* Registers. They set *bad when the value or a part of it was refused. */
int vdev__pvdev_status(struct vdev_pvdev *p, uint32_t value, bool *bad);
int vdev__pvdev_command(struct vdev_pvdev *p, uint32_t command);
/* Registers as after power-on. Returns a mask of VDEV_PVDEV_... */
int vdev__pvdev_clear(struct vdev_pvdev *p);

/* Queues of messages. Read: false: there is no such register. */
bool vdev__pvdev_queue_read(const struct vdev_pvdev *p, uint32_t offset, uint32_t *value);
int vdev__pvdev_queue_write(struct vdev_pvdev *p, uint32_t offset, uint32_t value, bool *bad);
/* The rings could be where they are said to be. */
bool vdev__pvdev_queue_ok(const struct vdev_pvdev *p, const struct pvdev_queue *q);
/* Nobody listens any more. Returns 0 or VDEV_PVDEV_QUEUE. */
int vdev__pvdev_queues_stop(struct vdev_pvdev *p);

/* Queue. */
void vdev__pvdev_flush(struct vdev_pvdev *p);
void vdev__pvdev_pop(struct vdev_pvdev *p);
/* True when one more event or request may be admitted. */
bool vdev__pvdev_room(struct vdev_pvdev *p);
/* Appends without asking for room. Returns 0 or VDEV_PVDEV_RAISE. */
int vdev__pvdev_push(struct vdev_pvdev *p, const struct pvdev_event *event);
/* Drops the EJECT of a unit that is still queued. */
void vdev__pvdev_unqueue(struct vdev_pvdev *p, uint64_t unit);
struct pvdev_request *vdev__pvdev_request(const struct vdev_pvdev *p, uint64_t unit);
struct pvdev_request *vdev__pvdev_request_add(struct vdev_pvdev *p, uint64_t unit);
/* Ends a request and whatever of it is queued. */
void vdev__pvdev_request_end(struct vdev_pvdev *p, struct pvdev_request *request);

#endif
