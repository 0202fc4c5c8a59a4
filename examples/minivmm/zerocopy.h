/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapters of the scenario `zerocopy`, and what their stories share. */
#ifndef MINIVMM_ZEROCOPY_H
#define MINIVMM_ZEROCOPY_H

#include <vdev/guest.h>

#include "lending.h"
#include "scene.h"

extern const struct story zerocopy_transports[];
extern const struct story zerocopy_basic[];
extern const struct story zerocopy_races[];
extern const struct story zerocopy_stuck[];
extern const struct story zerocopy_limits[];
extern const struct story zerocopy_rates[];
extern const struct story zerocopy_memory[];
extern const struct story zerocopy_refusals[];
extern const struct story zerocopy_receive[];
extern const struct story zerocopy_reset[];
extern const struct story zerocopy_hostile[];

#define PAGE UINT64_C(4096)
#define ROOM_FOR_COUNTS 16u /* the last bytes of a page, which MSG_DO_COUNT uses */

/* The transport that holds pages until they are read: vmsplice, or the mock's model. */
const struct transport_ops *zerocopy_lender(const struct scene *s);
/* Chooses that one for `count` destinations. */
void zerocopy_destinations(struct scene *s, uint32_t count);
/* Makes the VM, with options.lending as it is (queues and memory get defaults), and starts it. */
bool zerocopy_begin(struct scene *s);
struct transport *zerocopy_to(struct scene *s, uint32_t destination);

/* Orders. What is not said in an order is 0; false: the guest has not taken earlier ones. */
bool zerocopy_give(struct scene *s, const struct msg_order *order);
#define GIVE(s, ...) zerocopy_give(s, &(struct msg_order){__VA_ARGS__})
/* Gives it and waits until the guest has ended it. */
bool zerocopy_do(struct scene *s, const struct msg_order *order);
#define DO(s, ...) zerocopy_do(s, &(struct msg_order){__VA_ARGS__})
/* Blocks as the orders LOAD and SEND use them: number n. */
uint64_t zerocopy_block(uint32_t n);
/* `count` messages at once, a page apart, from block `first` on; cookies first + 1 ... */
bool zerocopy_send(struct scene *s, uint32_t destination, uint32_t first, uint32_t count,
		   uint32_t length, uint32_t timeout_ms);
/* Each queue lends 64 blocks to a stuck destination of its own, and gets them back, again and again. */
bool zerocopy_churn(struct scene *s, uint64_t reclaims);
void zerocopy_stop_load(struct scene *s, uint32_t queue);

/* What the guest saw. */
const struct msg_report *zerocopy_seen(struct scene *s);
const struct msg_outcome *zerocopy_outcome(struct scene *s, uint64_t cookie);
/* Waiting; false: it did not come in time. */
bool zerocopy_told(struct scene *s, uint64_t cookie, uint32_t result);
bool zerocopy_all_told(struct scene *s, uint32_t first, uint32_t count, uint32_t result);
bool zerocopy_load_over(struct scene *s, uint64_t posted); /* so many were, and all are back */
bool zerocopy_idle(struct scene *s); /* nothing in flight in the guest */
bool zerocopy_lent(struct scene *s, uint64_t at_least);
bool zerocopy_reclaimed(struct scene *s, uint64_t at_least);
bool zerocopy_quarantined(struct scene *s, uint64_t blocks);
/* For vm_wait(), with a uint64_t: so many blocks REFUSED, so many pages asked for. */
bool zerocopy_refused(struct vm *vm, const void *at_least);
bool zerocopy_jobs(struct vm *vm, const void *at_least);
bool zerocopy_read_out(struct scene *s, uint32_t destination); /* the receiver reads all there is */

/* Id of the oldest message that a destination has not read. */
uint64_t zerocopy_first_id(struct scene *s, uint32_t destination);
/* Bytes that receivers got. */
uint64_t zerocopy_right(struct scene *s);
uint64_t zerocopy_wrong(struct scene *s);
uint64_t zerocopy_lost_updates(struct scene *s);
uint64_t zerocopy_updates(struct scene *s);

#endif
