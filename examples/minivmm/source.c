/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that raises events: a worker on the host CPU where they shall arise asks the engine, tells the guest what it
 * says, then signals the event. sourcebar.c has what the guest sees of it.
 */
#include <errno.h>

#include <vdev/guest.h>

#include "hints.h"
#include "lending.h"

#define PATIENCE_NS (2 * SECOND) /* for an interrupt to be handled */
#define SAMPLES 4u /* events to one look at the affinity */

/* A message for the vCPU that is best off on this CPU, of those that the guest programmed (H10). False: as programmed. */
static bool choose(struct source *s, uint32_t type, uint32_t cpu, struct vdev_msi *ret)
{
	struct hints *h = s->vm->hints;
	uint32_t vcpu;

	if (vdev_irqhint_choose(h->engine, vm_now(s->vm), s->dev, type, cpu, &vcpu, NULL) != 1 ||
	    vdev_msi_aim(&s->vectors[type].message, h->apics, s->vm->cpus, 0, vcpu, ret))
		return false;
	s->counts.chosen++;
	return true;
}

/* What nobody may do: the nearest vCPU, whatever the guest has for this vector there. */
static bool nearest(struct source *s, uint32_t type, uint32_t cpu, struct vdev_msi *ret)
{
	uint64_t set = 0;

	if (vdev_cpumap_running_on(s->vm->hints->map, cpu, &set, 1) < 1)
		return false;
	ret->address = 0xfee00000u | (uint32_t)__builtin_ctzll(set) << 12;
	ret->data = s->vectors[type].message.data & 0xff;
	ret->reserved = 0;
	return true;
}

static void deliver(struct source *s, uint32_t type, uint32_t cpu)
{
	const struct hint_machine *machine = s->vm->machine->hints;
	uint32_t mode = atomic_load(&s->vm->hints->mode);
	struct vdev_msi m;

	if (atomic_load(&s->vm->hints->in_kernel)) {
		machine->deliver_in_kernel(s, type);
		return;
	}
	vm_lock(s->vm);
	if (!source_deliverable(s, type))
		;
	else if ((mode == HINTS_CHOOSE && choose(s, type, cpu, &m)) ||
		 (mode == HINTS_NEAREST && nearest(s, type, cpu, &m)))
		machine->deliver(s, type, &m);
	else
		machine->deliver(s, type, NULL);
	vm_unlock(s->vm);
}

/* Into the event ring, before the event itself is signalled (H3). */
static void tell(struct source *s, uint32_t type, const struct vdev_irqhint_hint *hint,
		 const uint64_t *set)
{
	struct lending_queue *q = &s->vm->lending->queues[0];
	int r;

	vm_engine_lock(s->vm);
	r = vdev_pvdev_features(s->vm->pvdev);
	vm_engine_unlock(s->vm);
	if (!(r & VDEV_GUEST_F_HINTS))
		return;
	pthread_mutex_lock(&q->lock);
	r = vdev_pvqueue_hint(q->ring, s->fn.address, type, hint->distance, set, 1);
	pthread_mutex_unlock(&q->lock);
	s->counts.told += r >= 0;
	s->counts.full += r == -EAGAIN;
	lending_told(q, r);
}

/* In the kernel's way nobody sees the event: the host interrupt's affinity is sampled instead (H12). */
static void ask(struct source *s, uint32_t type, uint32_t cpu)
{
	struct hints *h = s->vm->hints;
	uint32_t flags = atomic_load(&h->in_kernel) ? VDEV_IRQHINT_SAMPLED : 0;
	struct vdev_irqhint_hint hint;
	uint64_t set[1];
	int r;

	if (flags && atomic_load(&s->raised) % SAMPLES)
		return;
	if (!atomic_load(&h->hangs))
		s->vm->machine->hints->locate(s->vm);
	r = vdev_irqhint_event(h->engine, vm_now(s->vm), s->dev, type, cpu, flags, &hint,
			       sizeof(hint), set, 1);
	if (r == 1 && atomic_load(&h->mode) == HINTS_TELL)
		tell(s, type, &hint, set);
}

static void raise_event(struct source *s, uint64_t now_ns)
{
	uint32_t type = s->burst.type, cpu = s->vm->machine->hints->arises(s);

	ask(s, type, cpu);
	atomic_store(&s->event_cpu, cpu);
	s->raised_ns = now_ns;
	s->give_up_ns = now_ns + PATIENCE_NS;
	s->waiting = true;
	atomic_fetch_add(&s->raised, 1);
	deliver(s, type, cpu);
	lending_flush(s->vm->lending);
}

static void over(struct source *s, uint64_t now_ns)
{
	uint64_t took = now_ns - s->raised_ns;

	s->waiting = false;
	s->counts.handled_ns += took;
	s->counts.worst_ns = took > s->counts.worst_ns ? took : s->counts.worst_ns;
}

/* Nobody handles it: counted, and the next one has its turn. */
static void give_up(struct source *s)
{
	s->waiting = false;
	s->counts.lost++;
	atomic_store(&s->handled, atomic_load(&s->raised));
}

static bool still_waiting(struct source *s, uint64_t now_ns)
{
	if (!s->waiting)
		return false;
	if (atomic_load(&s->handled) == atomic_load(&s->raised))
		over(s, now_ns);
	else if (now_ns >= s->give_up_ns)
		give_up(s);
	return s->waiting;
}

uint64_t source_work(struct source *s, uint64_t now_ns)
{
	if (still_waiting(s, now_ns))
		return s->give_up_ns;
	if (!s->left && atomic_load(&s->finished) == atomic_load(&s->ordered))
		return UINT64_MAX;
	if (!s->left) { /* the last event of a burst is over, or a new one begins */
		if (!s->burst.count) {
			atomic_fetch_add(&s->finished, 1);
			return UINT64_MAX;
		}
		s->left = s->burst.count;
		s->burst.count = 0;
		s->next_ns = now_ns;
	}
	if (now_ns < s->next_ns)
		return s->next_ns;
	s->next_ns = now_ns + s->burst.pace_ns;
	s->left--;
	raise_event(s, now_ns);
	return now_ns;
}

void source_burst(struct source *s, const struct burst *burst)
{
	s->burst = *burst;
	atomic_fetch_add(&s->ordered, 1);
	s->vm->machine->hints->kick(s);
}

bool source_busy(const struct source *s)
{
	return atomic_load(&s->finished) != atomic_load(&s->ordered);
}
