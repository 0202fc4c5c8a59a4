/* SPDX-License-Identifier: BSD-3-Clause */
/* Naive model of the zero-copy engine: events. See zerocopy_model.h. */
#include "zerocopy_model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void zm_fail(struct zm *m, const char *fmt, ...)
{
	va_list args;

	if (m->failed)
		return;
	m->failed = 1;
	va_start(args, fmt);
	vsnprintf(m->why, m->why_size, fmt, args);
	va_end(args);
}

int zm_satisfied(const struct zm *m, uint32_t seen)
{
	int response = (seen & VDEV_ZEROCOPY_RESPONSE) != 0;
	int task = (seen & VDEV_ZEROCOPY_TASK) != 0;

	switch (m->config.until) {
	case VDEV_ZEROCOPY_UNTIL_TASK:
		return task;
	case VDEV_ZEROCOPY_UNTIL_RESPONSE:
		return response;
	case VDEV_ZEROCOPY_UNTIL_ANY:
		return response || task;
	default:
		return response && task;
	}
}

struct zm_message *zm_find(struct zm *m, uint64_t id)
{
	for (uint32_t i = 0; i < ZM_MESSAGES; i++)
		if (m->message[i].used && m->message[i].id == id)
			return &m->message[i];
	return NULL;
}

struct zm_action *zm_action(struct zm *m, uint32_t n)
{
	for (uint32_t i = 0; i < ZM_MESSAGES; i++)
		if (m->message[i].used && n-- == 0)
			return &m->message[i].out;
	for (uint32_t i = 0; i < ZM_REFUSALS; i++)
		if (zm_is_there(&m->refusal[i]) && n-- == 0)
			return &m->refusal[i].out;
	return n ? NULL : &m->whole.out;
}

const struct zm_region *zm_region(const struct zm *m, uint64_t address, uint64_t length)
{
	for (uint32_t i = 0; i < ZM_REGIONS; i++) {
		const struct zm_region *r = &m->region[i];

		if (address >= r->address && address < r->address + r->size && length &&
		    length <= r->address + r->size - address)
			return r;
	}
	return NULL;
}

static void in_flight(const struct zm *m, uint32_t destination, uint64_t *blocks, uint64_t *bytes)
{
	*blocks = *bytes = 0;
	for (uint32_t i = 0; i < ZM_MESSAGES; i++) {
		const struct zm_message *k = &m->message[i];

		if (!k->used || k->state == VDEV_ZEROCOPY_QUARANTINED ||
		    (destination < ZM_DESTINATIONS && k->destination != destination))
			continue;
		++*blocks;
		*bytes += k->length;
	}
}

static int over_quota(const struct zm *m, uint32_t destination, uint64_t length)
{
	int all = destination == ZM_DESTINATIONS;
	uint64_t blocks, bytes;

	in_flight(m, destination, &blocks, &bytes);
	return blocks + 1 > (all ? m->config.max_blocks : m->config.destination_blocks) ||
	       bytes + length > (all ? m->config.max_bytes : m->config.destination_bytes);
}

static int no_slot(const struct zm *m, uint32_t queue)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < ZM_MESSAGES; i++)
		used += m->message[i].used && m->message[i].queue == queue;
	return used == ZM_SLOTS;
}

/* Credits that lie in the lanes of the other queue are not to be had: with two queues a quota may
 * seem to be reached before it is, but never after. */
static int true_reasons(const struct zm *m, uint32_t queue, const struct vdev_zerocopy_block *b,
			const struct zm_region *r)
{
	int reasons = 0, vague = m->queues > 1;

	if (over_quota(m, ZM_DESTINATIONS, b->length_bytes))
		reasons |= 1 << VDEV_ZEROCOPY_COPY_QUOTA;
	if (over_quota(m, b->destination, b->length_bytes))
		reasons |= 1 << VDEV_ZEROCOPY_COPY_DESTINATION;
	if (m->quarantined >= m->config.quarantine_bytes ||
	    m->quarantined_by[b->destination] >= m->config.destination_quarantine_bytes)
		reasons |= 1 << VDEV_ZEROCOPY_COPY_QUARANTINE;
	if (no_slot(m, queue))
		reasons |= 1 << VDEV_ZEROCOPY_COPY_SLOTS;
	if (r->fixed)
		reasons |= 1 << VDEV_ZEROCOPY_COPY_FIXED;
	if (b->flags & VDEV_ZEROCOPY_RECEIVE && (b->address | b->length_bytes) % r->granule)
		reasons |= 1 << VDEV_ZEROCOPY_COPY_PARTIAL;
	if (m->in_reset || (m->whole.active && b->flags & VDEV_ZEROCOPY_RECEIVE))
		reasons |= 1 << VDEV_ZEROCOPY_COPY_RESET;
	if (!reasons)
		reasons = 1 << VDEV_ZEROCOPY_LEND;
	if (vague)
		reasons |= 1 << VDEV_ZEROCOPY_COPY_QUOTA | 1 << VDEV_ZEROCOPY_COPY_DESTINATION;
	return reasons;
}

int zm_may_answer(struct zm *m, uint32_t queue, const struct vdev_zerocopy_block *b, int answer)
{
	const struct zm_region *r = zm_region(m, b->address, b->length_bytes);

	if (!b->length_bytes || b->destination >= ZM_DESTINATIONS ||
	    b->length_bytes > VDEV_ZEROCOPY_MAX_BLOCK_BYTES || !r) {
		m->n.refused++;
		return answer == -EFAULT || answer == -EINVAL;
	}
	return answer >= 0 && answer < VDEV_ZEROCOPY_COPY_REASONS &&
	       (true_reasons(m, queue, b, r) >> answer & 1);
}

static uint64_t clamp(const struct zm *m, uint64_t timeout)
{
	timeout = timeout ? timeout : m->config.timeout_ns;
	timeout = timeout < m->config.timeout_min_ns ? m->config.timeout_min_ns : timeout;
	return timeout > m->config.timeout_max_ns ? m->config.timeout_max_ns : timeout;
}

struct zm_message *zm_reserved(struct zm *m, uint32_t queue, const struct vdev_zerocopy_block *b,
			       uint64_t id)
{
	struct zm_message *k = m->message;

	while (k->used)
		k++;
	*k = (struct zm_message){.used = 1,
				 .id = id,
				 .queue = queue,
				 .address = b->address,
				 .length = b->length_bytes,
				 .timeout = clamp(m, b->timeout_ns),
				 .user_data = b->user_data,
				 .destination = b->destination,
				 .flags = b->flags,
				 .state = VDEV_ZEROCOPY_RESERVED,
				 .reserved_tick = ++m->tick,
				 .deadline = VDEV_NONE};
	k->out.paused = k->out.until = VDEV_NONE;
	m->n.lent++;
	ZM_REQUIRE(m, id > m->last_id[queue], "an id does not rise");
	m->last_id[queue] = id;
	return k;
}

void zm_over(struct zm *m, struct zm_message *k)
{
	ZM_REQUIRE(m, k->told == 1, "Z6: told %u times", k->told);
	m->over[m->over_count++ % ZM_OVER] = k->id;
	k->used = 0;
}

static void settled(struct zm *m, struct zm_message *k)
{
	ZM_REQUIRE(m, !k->void_, "Z11: told as received, and it was written elsewhere");
	k->told++;
	m->n.settled++;
	zm_over(m, k);
}

static void claim(struct zm_message *k)
{
	k->state = VDEV_ZEROCOPY_CLAIMED;
	k->deadline = VDEV_NONE;
	k->pushed = 1;
}

static void take_up(struct zm *m, struct zm_message *k)
{
	uint64_t begin, end, granule;

	k->pushed = 0;
	k->state = VDEV_ZEROCOPY_OFFLINING;
	k->phase = ZM_REPLACE;
	k->action_flags = k->by_reset ? VDEV_ZEROCOPY_BY_RESET
			  : k->wanted ? VDEV_ZEROCOPY_ASKED
				      : 0;
	if (k->by_reset)
		k->zero = m->reset_zero;
	else if (!k->wanted)
		k->zero = m->config.mode == VDEV_ZEROCOPY_RESET;
	k->zero |= (k->flags & VDEV_ZEROCOPY_RECEIVE) != 0;
	zm_span(m, k, &begin, &end, &granule);
	k->cursor = begin;
}

int zm_sent(struct zm *m, struct zm_message *k, uint64_t bytes, int *ret_wake)
{
	*ret_wake = 0;
	if (!k || k->state != VDEV_ZEROCOPY_RESERVED)
		return -ENOENT;
	if (!bytes || bytes > k->length || (k->flags & VDEV_ZEROCOPY_RECEIVE && bytes != k->length))
		return -EINVAL;
	m->n.partial += bytes < k->length;
	k->length = bytes;
	k->sent_tick = ++m->tick;
	if (zm_satisfied(m, k->seen) && !k->partly) {
		settled(m, k);
		return VDEV_ZEROCOPY_SETTLED;
	}
	if (k->wanted || m->in_reset) {
		k->wanted = 1;
		k->by_reset |= m->in_reset;
		claim(k);
		return VDEV_ZEROCOPY_WAKE;
	}
	k->state = VDEV_ZEROCOPY_SENT;
	k->deadline = m->now + k->timeout;
	*ret_wake = 1; /* depends on deadlines of what is over as well */
	return 0;
}

int zm_abort(struct zm *m, struct zm_message *k)
{
	if (!k || k->state != VDEV_ZEROCOPY_RESERVED)
		return -ENOENT;
	m->n.aborted++;
	k->told++;
	zm_over(m, k);
	return 0;
}

int zm_complete(struct zm *m, struct zm_message *k, uint32_t flags, int *ret_settled)
{
	int before = k && zm_satisfied(m, k->seen);

	*ret_settled = 0;
	flags &= VDEV_ZEROCOPY_RESPONSE | VDEV_ZEROCOPY_TASK;
	if (!k || !(flags & ~k->seen)) {
		m->n.stale++;
		return -ENOENT;
	}
	k->seen |= flags;
	if (before || !zm_satisfied(m, k->seen))
		return 0;
	k->void_ = k->flags & VDEV_ZEROCOPY_RECEIVE && m->whole.begun > k->reserved_tick;
	if (k->state == VDEV_ZEROCOPY_SENT && !k->partly) {
		*ret_settled = 1;
		settled(m, k);
		return 0;
	}
	if (k->state == VDEV_ZEROCOPY_SENT)
		claim(k);
	else if (k->state == VDEV_ZEROCOPY_QUARANTINED)
		k->pushed = 1;
	else
		return 0;
	return VDEV_ZEROCOPY_WAKE;
}

int zm_expire(struct zm *m, uint32_t queue, uint64_t now)
{
	int claimed = 0;

	for (uint32_t i = 0; i < ZM_MESSAGES; i++) {
		struct zm_message *k = &m->message[i];

		if (!k->used || k->queue != queue || k->state != VDEV_ZEROCOPY_SENT ||
		    k->deadline > now)
			continue;
		claim(k);
		claimed++;
	}
	m->n.timed_out += (uint64_t)claimed;
	return claimed;
}

void zm_collect(struct zm *m)
{
	for (uint32_t i = 0; i < ZM_MESSAGES; i++) {
		struct zm_message *k = &m->message[i];

		if (!k->used || !k->pushed)
			continue;
		if (k->state == VDEV_ZEROCOPY_CLAIMED) {
			take_up(m, k);
			continue;
		}
		k->pushed = 0;
		k->noticed = 1;
		if (k->phase == ZM_HELD)
			k->phase = ZM_RELEASE;
	}
}

static int is_zero(const struct zm *m, uint32_t mode)
{
	return (mode ? mode : m->config.mode) == VDEV_ZEROCOPY_RESET;
}

int zm_reclaim(struct zm *m, struct zm_message *k, uint32_t mode)
{
	if (!k)
		return -ENOENT;
	if (mode == VDEV_ZEROCOPY_PRESERVE && k->flags & VDEV_ZEROCOPY_RECEIVE)
		return -EOPNOTSUPP;
	if (k->wanted || (k->state != VDEV_ZEROCOPY_SENT && k->state != VDEV_ZEROCOPY_RESERVED))
		return -EALREADY;
	k->wanted = 1;
	k->zero = is_zero(m, mode);
	if (k->state == VDEV_ZEROCOPY_SENT) {
		claim(k);
		take_up(m, k);
	}
	return 0;
}

void zm_reclaim_all(struct zm *m, uint32_t queue, int zero, int by_reset, int whole)
{
	if (whole) {
		if (!m->whole.active)
			m->whole.out.paused = m->whole.out.until = VDEV_NONE;
		m->whole.zero |= zero;
		m->whole.active = 1;
	}
	for (uint32_t i = 0; i < ZM_MESSAGES; i++) {
		struct zm_message *k = &m->message[i];

		if (!k->used || (queue < ZM_QUEUES && k->queue != queue))
			continue;
		if (k->state == VDEV_ZEROCOPY_RESERVED || k->state == VDEV_ZEROCOPY_SENT) {
			if (!k->wanted)
				k->zero = zero;
			k->zero |= zero;
			k->wanted = 1;
			k->by_reset |= by_reset;
			k->partly |= whole && k->state == VDEV_ZEROCOPY_RESERVED &&
				     k->flags & VDEV_ZEROCOPY_RECEIVE;
		}
		if (k->state == VDEV_ZEROCOPY_SENT) {
			claim(k);
			take_up(m, k);
		} else if (by_reset && k->phase != ZM_NONE) {
			k->action_flags |= VDEV_ZEROCOPY_BY_RESET;
		}
	}
}

int zm_reset_end(struct zm *m)
{
	if (!m->in_reset)
		return -EBUSY;
	zm_collect(m);
	if (m->whole.active)
		return -EAGAIN;
	for (uint32_t i = 0; i < ZM_REFUSALS; i++)
		if (zm_is_there(&m->refusal[i]) && m->refusal[i].status)
			return -EAGAIN;
	for (uint32_t i = 0; i < ZM_MESSAGES; i++) {
		const struct zm_message *k = &m->message[i];

		if (k->used && (k->state == VDEV_ZEROCOPY_RESERVED ||
				(k->phase != ZM_NONE && k->phase < ZM_HELD)))
			return -EAGAIN;
	}
	m->in_reset = 0;
	return 0;
}

static void action_time(struct zm_action *a, uint64_t now)
{
	if (a->paused <= now)
		a->paused = VDEV_NONE;
	if (a->id && a->kind == VDEV_ZEROCOPY_OFFLINE && !a->again && !a->cancel && a->until <= now)
		a->cancel = 1;
}

void zm_step(struct zm *m, uint64_t now)
{
	struct zm_action *a;

	m->now = now > m->now ? now : m->now;
	for (uint32_t i = 0; i < m->queues; i++)
		zm_expire(m, i, m->now);
	zm_collect(m);
	for (uint32_t i = 0; (a = zm_action(m, i)); i++)
		action_time(a, m->now);
}

static uint64_t moved(uint64_t at, uint64_t from, uint64_t to)
{
	return at == VDEV_NONE ? VDEV_NONE : to + (at > from ? at - from : 0);
}

static void reload_action(struct zm_action *a, uint64_t from, uint64_t to)
{
	a->again = a->id != 0;
	a->cancel = 0;
	a->until = moved(a->until, from, to);
	a->paused = moved(a->paused, from, to);
}

void zm_reload(struct zm *m, uint64_t now)
{
	struct zm_action *a;

	zm_collect(m);
	for (uint32_t i = 0; i < ZM_MESSAGES; i++) {
		struct zm_message *k = &m->message[i];

		k->deadline = moved(k->deadline, m->now, now);
	}
	for (uint32_t i = 0; (a = zm_action(m, i)); i++)
		reload_action(a, m->now, now);
	m->now = now;
	memset(&m->n, 0, sizeof(m->n));
}
