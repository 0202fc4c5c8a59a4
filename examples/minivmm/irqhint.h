/* SPDX-License-Identifier: BSD-3-Clause */
/* What the stories of the scenario `irqhint` share. CPUs are told by our own numbers: 0 is the first that is used. */
#ifndef MINIVMM_IRQHINT_H
#define MINIVMM_IRQHINT_H

#include "hints.h"
#include "scene.h"

extern const struct story irqhint_basic[], irqhint_shares[], irqhint_stale[], irqhint_resets[],
	irqhint_guests[], irqhint_host[];

/* A VM with so many sources, whose guest has bound them; vCPU n on CPU n, in turn. Options may be changed before. */
bool irqhint_begin(struct scene *s, uint32_t sources);
/* The first half of it: the guest has not begun, its orders may be changed. */
bool irqhint_open(struct scene *s, uint32_t sources);
bool irqhint_start(struct scene *s);
bool irqhint_queue_on(struct scene *s); /* the guest turns on what hints go into */

struct source *irqhint_source(struct scene *s, uint32_t index);
struct source_orders *irqhint_orders(struct scene *s);
const struct source_seen *irqhint_seen(struct scene *s);
uint32_t irqhint_cpu(struct scene *s, uint32_t cpu); /* the host's number */
void irqhint_place(struct scene *s, uint32_t vcpu, uint32_t cpu);
void irqhint_swap(struct scene *s,
		  bool swapped); /* vCPUs 0 and 1 on CPUs 0 and 1, or the other way round */

/* Events one after the other, until the last was handled. False: one was not. */
bool irqhint_raise(struct scene *s, uint32_t source, uint32_t type, uint32_t cpu, uint32_t count,
		   uint64_t pace_ns);
/* The same, and the guest has taken so many hints of this type. */
bool irqhint_hinted(struct scene *s, uint32_t source, uint32_t type, uint32_t hints);
/* The interrupt is seen to be programmed to this vCPU. */
bool irqhint_routed(struct scene *s, uint32_t source, uint32_t type, uint32_t vcpu);
/* The guest takes no events of its queue any more, or takes them again. */
bool irqhint_deafen(struct scene *s, bool deaf);
uint64_t irqhint_answers(struct scene *s, uint32_t reason);

/* Moves and events until each vCPU and CPU had its share: events that were handled where they arose, in percent. */
uint32_t irqhint_share(struct scene *s, uint32_t rounds);

#endif
