/* SPDX-License-Identifier: BSD-3-Clause */
/* Naive model of one zero-copy message: see zerocopy_one.h. */
#include "zerocopy_one.h"

#include <errno.h>
#include <string.h>

void one_init(struct one *m, uint32_t until, uint32_t zero, uint32_t receive, uint64_t now)
{
	memset(m, 0, sizeof(*m));
	m->until = until;
	m->zero = zero;
	m->receive = receive;
	m->now = now;
	m->state = VDEV_ZEROCOPY_RESERVED;
	m->deadline = m->offline_until = VDEV_NONE;
}

static int enough(const struct one *m, uint32_t seen)
{
	int response = (seen & VDEV_ZEROCOPY_RESPONSE) != 0;
	int task = (seen & VDEV_ZEROCOPY_TASK) != 0;

	if (m->until == VDEV_ZEROCOPY_UNTIL_TASK)
		return task;
	if (m->until == VDEV_ZEROCOPY_UNTIL_RESPONSE)
		return response;
	return m->until == VDEV_ZEROCOPY_UNTIL_ANY ? task || response : task && response;
}

static int waiting(const struct one *m)
{
	if (m->cancel)
		return m->cancel == 1; /* nothing else before its done() */
	return m->action && !m->out;
}

static void over(struct one *m)
{
	m->state = VDEV_ZEROCOPY_FREE;
	m->deadline = VDEV_NONE;
	m->told++;
	m->n.settled++;
}

static void tell(struct one *m, uint32_t outcome)
{
	m->action = VDEV_ZEROCOPY_ACCESSIBLE;
	m->out = 0;
	m->outcome = outcome;
}

/* The VM object takes up what was claimed: either it is complete by now, or its pages go. */
static void take_up(struct one *m)
{
	m->pushed = 0;
	m->state = VDEV_ZEROCOPY_OFFLINING;
	if (m->wanted_by_reset)
		m->flags = VDEV_ZEROCOPY_BY_RESET;
	else if (m->wanted)
		m->flags = VDEV_ZEROCOPY_ASKED;
	m->n.asked += m->flags == VDEV_ZEROCOPY_ASKED;
	m->n.reset += m->flags == VDEV_ZEROCOPY_BY_RESET;
	m->out = 0;
	if (!enough(m, m->seen)) {
		m->action = VDEV_ZEROCOPY_OFFLINE;
		return;
	}
	m->n.in_time++;
	tell(m, VDEV_ZEROCOPY_COMPLETED);
}

static void claim(struct one *m)
{
	m->state = VDEV_ZEROCOPY_CLAIMED;
	m->deadline = VDEV_NONE;
	m->pushed = 1;
}

int one_sent(struct one *m)
{
	if (m->state != VDEV_ZEROCOPY_RESERVED)
		return -ENOENT;
	if (enough(m, m->seen)) {
		over(m);
		return VDEV_ZEROCOPY_SETTLED;
	}
	if (m->wanted || m->in_reset) {
		m->wanted_by_reset |= m->in_reset;
		claim(m);
		return VDEV_ZEROCOPY_WAKE;
	}
	m->state = VDEV_ZEROCOPY_SENT;
	m->deadline = m->now + ONE_TIMEOUT;
	return VDEV_ZEROCOPY_WAKE; /* the only deadline is the earliest */
}

int one_complete(struct one *m, uint32_t flags, uint64_t *ret_settled)
{
	int before = enough(m, m->seen);

	if (m->state == VDEV_ZEROCOPY_FREE || !(flags & ~m->seen)) {
		m->n.stale++;
		return -ENOENT;
	}
	m->seen |= flags;
	*ret_settled = 0;
	if (before || !enough(m, m->seen))
		return 0;
	if (m->state == VDEV_ZEROCOPY_SENT) {
		over(m);
		*ret_settled = 1;
		return 0;
	}
	if (m->state != VDEV_ZEROCOPY_QUARANTINED)
		return 0; /* who moves it on will see */
	m->pushed = 1;
	return VDEV_ZEROCOPY_WAKE;
}

int one_expire(struct one *m)
{
	if (m->state != VDEV_ZEROCOPY_SENT || m->now < m->deadline)
		return 0;
	m->n.timed_out++;
	claim(m);
	return 1;
}

static void release(struct one *m)
{
	m->action = VDEV_ZEROCOPY_RELEASE;
	m->out = 0;
	m->n.late++;
}

static void collect(struct one *m)
{
	if (!m->pushed)
		return;
	m->pushed = 0;
	if (m->state == VDEV_ZEROCOPY_CLAIMED) {
		take_up(m);
		return;
	}
	m->noticed = 1;
	if (!m->action)
		release(m);
}

int one_reclaim(struct one *m)
{
	if (m->state == VDEV_ZEROCOPY_FREE)
		return -ENOENT;
	if (m->wanted || (m->state != VDEV_ZEROCOPY_SENT && m->state != VDEV_ZEROCOPY_RESERVED))
		return -EALREADY;
	m->wanted = 1;
	if (m->state == VDEV_ZEROCOPY_SENT) {
		claim(m);
		take_up(m);
	}
	return waiting(m);
}

int one_reset_begin(struct one *m)
{
	if (m->in_reset)
		return -EBUSY;
	m->in_reset = 1;
	collect(m);
	if (m->state == VDEV_ZEROCOPY_OFFLINING || m->state == VDEV_ZEROCOPY_QUARANTINED)
		m->flags |= VDEV_ZEROCOPY_BY_RESET;
	if (m->state == VDEV_ZEROCOPY_SENT || m->state == VDEV_ZEROCOPY_RESERVED)
		m->wanted = m->wanted_by_reset = 1;
	if (m->state == VDEV_ZEROCOPY_SENT) {
		claim(m);
		take_up(m);
	}
	return waiting(m);
}

int one_reset_end(struct one *m)
{
	if (!m->in_reset)
		return -EBUSY;
	collect(m);
	if (m->state != VDEV_ZEROCOPY_FREE &&
	    (m->state != VDEV_ZEROCOPY_QUARANTINED || m->action == VDEV_ZEROCOPY_ACCESSIBLE))
		return -EAGAIN;
	m->in_reset = 0;
	return waiting(m);
}

int one_step(struct one *m)
{
	one_expire(m);
	collect(m);
	if (m->action == VDEV_ZEROCOPY_OFFLINE && m->out && !m->was_cancelled &&
	    m->now >= m->offline_until)
		m->cancel = m->was_cancelled = 1;
	return waiting(m);
}

/* Remaining time goes on from another clock; what was out comes again; CANCEL is found anew. */
void one_reload(struct one *m, uint64_t now)
{
	uint64_t left = m->deadline > m->now ? m->deadline - m->now : 0;
	uint64_t offline = m->offline_until > m->now ? m->offline_until - m->now : 0;

	collect(m);
	if (m->deadline != VDEV_NONE)
		m->deadline = now + left;
	if (m->offline_until != VDEV_NONE)
		m->offline_until = now + offline;
	m->again = m->again || m->out;
	m->out = 0;
	m->cancel = m->was_cancelled = 0;
	m->now = now;
	memset(&m->n, 0, sizeof(m->n));
}

static void fill(const struct one *m, struct vdev_action *a)
{
	a->kind = m->action;
	a->arg[0] = ONE_FIRST_BYTE;
	a->arg[1] = ONE_LENGTH;
	if (m->action == VDEV_ZEROCOPY_ACCESSIBLE)
		a->arg[2] = m->outcome;
	if (m->action != VDEV_ZEROCOPY_OFFLINE)
		return;
	a->deadline_ns = m->offline_until;
	a->arg[2] = m->zero || m->receive ? VDEV_ZEROCOPY_RESET : VDEV_ZEROCOPY_PRESERVE;
}

int one_expected(struct one *m, struct vdev_action *a)
{
	/* Complete before its pages were touched: they are not touched. */
	if (m->action == VDEV_ZEROCOPY_OFFLINE && !m->out && !m->again && enough(m, m->seen)) {
		m->n.in_time++;
		tell(m, VDEV_ZEROCOPY_COMPLETED);
	}
	if (!waiting(m))
		return 0;
	memset(a, 0, sizeof(*a));
	a->deadline_ns = VDEV_NONE;
	a->flags = m->flags | (m->again && !m->cancel ? VDEV_ZEROCOPY_AGAIN : 0);
	if (m->cancel) {
		m->cancel = 2;
		m->n.cancels++;
		a->kind = VDEV_CANCEL;
		a->arg[1] = VDEV_ZEROCOPY_OFFLINE;
		return 1;
	}
	if (m->action == VDEV_ZEROCOPY_OFFLINE && !m->again)
		m->offline_until = m->now + ONE_OFFLINE;
	fill(m, a);
	m->out = 1;
	m->again = 0;
	return 1;
}

static void offlined(struct one *m)
{
	m->offline_until = VDEV_NONE;
	m->was_cancelled = 0;
	m->state = VDEV_ZEROCOPY_QUARANTINED;
	m->noticed = enough(m, m->seen);
	m->n.reclaimed++;
	tell(m, m->receive ? VDEV_ZEROCOPY_FAILED : VDEV_ZEROCOPY_RECLAIMED);
}

int one_done(struct one *m, uint32_t kind)
{
	if (kind == VDEV_CANCEL) {
		m->cancel = 0;
		return waiting(m);
	}
	m->action = 0;
	m->out = 0;
	if (kind == VDEV_ZEROCOPY_OFFLINE) {
		if (m->cancel == 1)
			m->cancel = 0;
		offlined(m);
	} else if (kind == VDEV_ZEROCOPY_RELEASE) {
		m->state = VDEV_ZEROCOPY_FREE;
	} else {
		m->told++;
		if (m->state == VDEV_ZEROCOPY_OFFLINING)
			m->state = VDEV_ZEROCOPY_FREE;
		else if (m->noticed)
			release(m);
	}
	return waiting(m);
}

int one_due(const struct one *m, uint64_t *ret_ns)
{
	uint64_t at = m->deadline;

	if (m->action == VDEV_ZEROCOPY_OFFLINE && m->out && !m->was_cancelled)
		at = m->offline_until;
	if (m->pushed)
		at = m->now;
	if (at == VDEV_NONE)
		return 0;
	*ret_ns = at;
	return 1;
}
