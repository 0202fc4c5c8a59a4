/* SPDX-License-Identifier: BSD-3-Clause */
/* Naive model of the zero-copy engine: judges what comes out. See zerocopy_model.h. */
#include "zerocopy_model.h"

#include <errno.h>
#include <string.h>

void zm_span(const struct zm *m, const struct zm_message *k, uint64_t *ret_begin, uint64_t *ret_end,
	     uint64_t *ret_granule)
{
	const struct zm_region *r = zm_region(m, k->address, k->length);
	uint64_t g = r->granule;

	*ret_begin = k->address / g * g;
	*ret_end = (k->address + k->length + g - 1) / g * g;
	*ret_granule = g;
}

struct zm_granule *zm_granule(struct zm *m, uint64_t address)
{
	const struct zm_region *r = zm_region(m, address, 1);

	return &m->granule[r->first + (address - r->address) / r->granule];
}

/* Replaced since the message was sent: its page is not the guest's any more. */
static int replaced(struct zm *m, const struct zm_message *k, uint64_t address)
{
	return zm_granule(m, address)->replaced > k->sent_tick;
}

static int all_replaced(struct zm *m, const struct zm_message *k, uint64_t from, uint64_t to,
			uint64_t granule)
{
	for (uint64_t a = from; a < to; a += granule)
		if (!replaced(m, k, a))
			return 0;
	return 1;
}

static int any_replaced(struct zm *m, const struct zm_message *k)
{
	uint64_t begin, end, g;

	zm_span(m, k, &begin, &end, &g);
	for (; begin < end; begin += g)
		if (replaced(m, k, begin))
			return 1;
	return 0;
}

/* What was received may be in pages that are gone. */
static int is_void(struct zm *m, const struct zm_message *k)
{
	return k->flags & VDEV_ZEROCOPY_RECEIVE &&
	       (k->touched || m->whole.touched > k->sent_tick || any_replaced(m, k));
}

static int is_out(const struct zm_action *a)
{
	return a->id && a->kind == VDEV_ZEROCOPY_OFFLINE;
}

/* An OFFLINE of another message that overlaps is out. */
static int busy(const struct zm *m, const struct zm_message *but, uint64_t begin, uint64_t end)
{
	if (is_out(&m->whole.out))
		return 1;
	for (uint32_t i = 0; i < ZM_MESSAGES; i++) {
		const struct zm_message *k = &m->message[i];

		if (k->used && k != but && is_out(&k->out) && k->out.begin < end &&
		    begin < k->out.end)
			return 1;
	}
	return 0;
}

/* Which mode a granule must have: what other data is in is kept (Z5). */
static int zeroed(const struct zm_message *k, uint64_t address, uint64_t granule)
{
	return k->zero && address >= k->address && address + granule <= k->address + k->length;
}

static void judge_run(struct zm *m, struct zm_message *k, const struct vdev_action *a)
{
	uint64_t begin, end, g, to = a->arg[0] + a->arg[1];

	zm_span(m, k, &begin, &end, &g);
	ZM_REQUIRE(m,
		   a->arg[1] && a->arg[0] >= k->cursor && to <= end && a->arg[0] % g == 0 &&
			   to % g == 0,
		   "OFFLINE of %#llx+%#llx is not of the block", (unsigned long long)a->arg[0],
		   (unsigned long long)a->arg[1]);
	ZM_REQUIRE(m, !busy(m, k, a->arg[0], to), "two OFFLINE of one granule at once");
	if (m->failed)
		return;
	ZM_REQUIRE(m, all_replaced(m, k, k->cursor, a->arg[0], g), "Z10: a granule is left out");
	for (uint64_t at = a->arg[0]; at < to; at += g) {
		ZM_REQUIRE(m, !replaced(m, k, at), "Z10: a granule is replaced without need");
		ZM_REQUIRE(m,
			   a->arg[2] == (zeroed(k, at, g) ? VDEV_ZEROCOPY_RESET
							  : VDEV_ZEROCOPY_PRESERVE),
			   "Z5: OFFLINE in the wrong mode");
	}
	ZM_REQUIRE(m, !zm_satisfied(m, k->seen), "Z7: complete, but its pages are replaced");
}

static void judge_told(struct zm *m, struct zm_message *k, const struct vdev_action *a)
{
	int receive = (k->flags & VDEV_ZEROCOPY_RECEIVE) != 0;

	if (k->state == VDEV_ZEROCOPY_QUARANTINED)
		ZM_REQUIRE(m,
			   a->arg[2] == (receive ? VDEV_ZEROCOPY_FAILED : VDEV_ZEROCOPY_RECLAIMED),
			   "Z11: outcome %llu of what was replaced", (unsigned long long)a->arg[2]);
	else
		ZM_REQUIRE(m,
			   a->arg[2] == VDEV_ZEROCOPY_COMPLETED && zm_satisfied(m, k->seen) &&
				   !k->partly && !k->void_,
			   "Z7: outcome %llu, seen %u", (unsigned long long)a->arg[2], k->seen);
	ZM_REQUIRE(m, k->phase == ZM_REPLACE || k->phase == ZM_TELL, "Z6: ACCESSIBLE in phase %d",
		   (int)k->phase);
	k->phase = ZM_TELL;
	k->outcome = (uint32_t)a->arg[2];
}

static void judge_block(struct zm *m, const struct zm_message *k, const struct vdev_action *a)
{
	ZM_REQUIRE(m, a->arg[0] == k->address && a->arg[1] == k->length,
		   "the action is about another block");
}

static void judge(struct zm *m, struct zm_message *k, const struct vdev_action *a)
{
	ZM_REQUIRE(m, a->user_data == k->user_data, "wrong user_data");
	ZM_REQUIRE(m, (a->flags & ~VDEV_ZEROCOPY_AGAIN) == k->action_flags,
		   "flags %#x, expected %#x", a->flags, k->action_flags);
	switch (a->kind) {
	case VDEV_ZEROCOPY_OFFLINE:
		ZM_REQUIRE(m, k->phase == ZM_REPLACE && !is_out(&m->whole.out),
			   "OFFLINE in phase %d", (int)k->phase);
		judge_run(m, k, a);
		break;
	case VDEV_ZEROCOPY_ACCESSIBLE:
		judge_block(m, k, a);
		judge_told(m, k, a);
		break;
	case VDEV_ZEROCOPY_REFUSED:
		judge_block(m, k, a);
		ZM_REQUIRE(m, k->phase == ZM_REFUSED && (int64_t)a->arg[2] == k->status,
			   "REFUSED(%lld) in phase %d", (long long)(int64_t)a->arg[2],
			   (int)k->phase);
		break;
	case VDEV_ZEROCOPY_RELEASE:
		judge_block(m, k, a);
		ZM_REQUIRE(m, k->phase == ZM_RELEASE && zm_satisfied(m, k->seen),
			   "RELEASE in phase %d", (int)k->phase);
		break;
	default:
		zm_fail(m, "kind %#x", a->kind);
	}
}

static void cancel_given(struct zm *m, struct zm_action *out, const struct vdev_action *a)
{
	ZM_REQUIRE(m, out->cancel == 1 && a->arg[0] == out->id && a->arg[1] == out->kind,
		   "CANCEL of what is not late");
	ZM_REQUIRE(m, a->id && a->id != out->id, "id of CANCEL");
	out->cancel = 2;
	out->cancel_id = a->id;
	m->n.cancels++;
}

/* The same id, once more. */
static void again_given(struct zm *m, struct zm_action *out, const struct vdev_action *a)
{
	ZM_REQUIRE(m, a->id == out->id && a->kind == out->kind, "another action comes again");
	ZM_REQUIRE(m, a->flags & VDEV_ZEROCOPY_AGAIN, "comes again without AGAIN");
	ZM_REQUIRE(m, a->kind != VDEV_ZEROCOPY_OFFLINE || a->deadline_ns == out->until,
		   "the deadline of what came again");
	out->again = 0;
}

static void first_given(struct zm *m, struct zm_action *out, const struct vdev_action *a)
{
	ZM_REQUIRE(m, !out->id && out->paused == VDEV_NONE && !out->cancel,
		   "two actions of one message at once");
	ZM_REQUIRE(m, a->id && !(a->flags & VDEV_ZEROCOPY_AGAIN),
		   "AGAIN, but it is the first time");
	out->id = a->id;
	out->kind = a->kind;
	out->tick = ++m->tick;
	out->begin = a->arg[0];
	out->end = a->arg[0] + a->arg[1];
	if (a->kind != VDEV_ZEROCOPY_OFFLINE) {
		ZM_REQUIRE(m, a->deadline_ns == VDEV_NONE, "a deadline");
		return;
	}
	if (out->until == VDEV_NONE)
		out->until = m->now + m->config.offline_ns;
	ZM_REQUIRE(m, a->deadline_ns == out->until, "OFFLINE until %llu, expected %llu",
		   (unsigned long long)a->deadline_ns, (unsigned long long)out->until);
}

static void given(struct zm *m, struct zm_action *out, const struct vdev_action *a)
{
	if (a->kind == VDEV_CANCEL)
		cancel_given(m, out, a);
	else if (out->again)
		again_given(m, out, a);
	else
		first_given(m, out, a);
}

static void whole_offline_given(struct zm *m, const struct vdev_action *a)
{
	struct zm_whole *w = &m->whole;

	ZM_REQUIRE(m, w->active, "OFFLINE of the whole VM, nobody asked for it");
	if (w->out.again)
		return;
	w->zeroing = w->zero;
	w->begun = ++m->tick;
	for (uint32_t i = 0; i < ZM_MESSAGES; i++)
		ZM_REQUIRE(m, !m->message[i].used || !is_out(&m->message[i].out),
			   "the whole VM while an OFFLINE is out");
	ZM_REQUIRE(m, a->arg[2] == (w->zero ? VDEV_ZEROCOPY_RESET : VDEV_ZEROCOPY_PRESERVE),
		   "Z5: mode of the whole VM");
}

static struct zm_action *refusal_of(struct zm *m, const struct vdev_action *a)
{
	for (uint32_t i = 0; i < ZM_REFUSALS; i++) {
		struct zm_refusal *r = &m->refusal[i];

		if (!zm_is_there(r) || r->status != (int64_t)a->arg[2] ||
		    (r->out.again ? r->out.id != a->id
				  : r->out.id || r->out.cancel || r->out.paused != VDEV_NONE))
			continue;
		return &r->out;
	}
	return NULL;
}

static void whole_given(struct zm *m, const struct vdev_action *a)
{
	struct zm_action *out = &m->whole.out;

	ZM_REQUIRE(m, a->flags & VDEV_ZEROCOPY_WHOLE, "an action of the whole VM without WHOLE");
	if (a->kind == VDEV_ZEROCOPY_OFFLINE)
		whole_offline_given(m, a);
	else if (a->kind == VDEV_ZEROCOPY_REFUSED)
		out = refusal_of(m, a);
	ZM_REQUIRE(m, out, "REFUSED of the whole VM without a reason");
	if (out)
		given(m, out, a);
}

void zm_given(struct zm *m, const struct vdev_action *a)
{
	struct zm_message *k = a->dev ? zm_find(m, a->dev) : NULL;

	if (!a->dev) {
		whole_given(m, a);
		return;
	}
	ZM_REQUIRE(m, k != NULL, "an action of no message");
	if (!k)
		return;
	if (a->kind != VDEV_CANCEL && !k->out.again)
		judge(m, k, a);
	given(m, &k->out, a);
}

static void end_message_offline(struct zm *m, struct zm_message *k, int status)
{
	uint64_t begin, end, g;

	zm_span(m, k, &begin, &end, &g);
	k->touched |= status && k->flags & VDEV_ZEROCOPY_RECEIVE && k->out.end - k->out.begin > g;
	if (status == -EAGAIN && m->now < k->out.until) {
		k->out.paused = m->now + m->config.retry_ns;
		return;
	}
	k->out.until = VDEV_NONE;
	if (status) {
		k->status = status == -EAGAIN ? -ETIMEDOUT : status;
		k->partly |= k->out.begin > begin;
		k->phase = ZM_REFUSED;
		m->n.reclaim_refused++;
		return;
	}
	for (uint64_t a = k->out.begin; a < k->out.end; a += g) {
		zm_granule(m, a)->replaced = k->out.tick;
		m->n.granules++;
	}
	k->cursor = k->out.end;
}

/* It stays lent, or is complete by now: then the guest is told. */
static void end_refused(struct zm *m, struct zm_message *k)
{
	k->wanted = k->by_reset = k->zero = 0;
	k->partly |= is_void(m, k);
	if (zm_satisfied(m, k->seen)) {
		k->phase = ZM_TELL;
		return;
	}
	k->partly |= m->whole.active && k->flags & VDEV_ZEROCOPY_RECEIVE;
	k->phase = ZM_NONE;
	k->action_flags = 0;
	k->state = VDEV_ZEROCOPY_SENT;
	k->deadline = VDEV_NONE;
}

static void release(struct zm *m, struct zm_message *k)
{
	uint64_t begin, end, g;

	zm_span(m, k, &begin, &end, &g);
	m->quarantined -= end - begin;
	m->quarantined_by[k->destination] -= end - begin;
	zm_over(m, k);
}

static void end_told(struct zm *m, struct zm_message *k)
{
	k->told++;
	if (k->state != VDEV_ZEROCOPY_QUARANTINED)
		zm_over(m, k);
	else
		k->phase = k->noticed ? ZM_RELEASE : ZM_HELD;
}

static void end_message_action(struct zm *m, struct zm_message *k, int status)
{
	uint32_t kind = k->out.kind;

	if (k->out.cancel != 2)
		k->out.cancel = 0;
	if (kind == VDEV_ZEROCOPY_OFFLINE) {
		end_message_offline(m, k, status);
		return;
	}
	if (status == -EAGAIN) {
		k->out.paused = m->now + m->config.retry_ns;
		return;
	}
	if (kind == VDEV_ZEROCOPY_ACCESSIBLE)
		end_told(m, k);
	else if (kind == VDEV_ZEROCOPY_REFUSED)
		end_refused(m, k);
	else
		release(m, k);
}

static void set_aside(struct zm *m, int status)
{
	struct zm_refusal *r = m->refusal;

	while (zm_is_there(r))
		r++;
	r->used = 1;
	r->status = status;
	r->out = (struct zm_action){.cancel = m->whole.out.cancel,
				    .cancel_id = m->whole.out.cancel_id,
				    .until = VDEV_NONE,
				    .paused = VDEV_NONE};
	m->whole.out.cancel = 0;
}

static void end_whole_offline(struct zm *m, int status)
{
	struct zm_whole *w = &m->whole;

	w->touched = ++m->tick;
	if (!status)
		w->replaced = w->touched;
	if (w->out.cancel != 2)
		w->out.cancel = 0;
	if (status == -EAGAIN && m->now < w->out.until) {
		w->out.paused = m->now + m->config.retry_ns;
		return;
	}
	w->out.until = VDEV_NONE;
	w->active = !status && w->zero && !w->zeroing; /* a reset joined: once more, zeroed */
	w->zero = w->active;
	if (status) {
		set_aside(m, status == -EAGAIN ? -ETIMEDOUT : status);
		m->n.reclaim_refused++;
		return;
	}
	if (!w->active && w->out.cancel)
		set_aside(m, 0);
	for (uint32_t i = 0; i < ZM_GRANULES; i++)
		m->granule[i].replaced = w->out.tick;
	for (uint32_t i = 0; i < ZM_REGIONS; i++)
		m->n.granules += m->region[i].size / m->region[i].granule;
}

static void end_refusal(struct zm *m, struct zm_refusal *r, int status)
{
	if (status == -EAGAIN)
		r->out.paused = m->now + m->config.retry_ns;
	else
		r->used = 0;
}

static int may_end(struct zm_action *a, uint64_t id)
{
	if (!a->id || a->id != id || a->again)
		return 0;
	a->id = 0;
	return 1;
}

int zm_done(struct zm *m, uint64_t id, int status)
{
	for (uint32_t i = 0; i < ZM_MESSAGES; i++)
		if (m->message[i].used && may_end(&m->message[i].out, id)) {
			end_message_action(m, &m->message[i], status);
			return 1;
		}
	for (uint32_t i = 0; i < ZM_REFUSALS; i++)
		if (zm_is_there(&m->refusal[i]) && may_end(&m->refusal[i].out, id)) {
			end_refusal(m, &m->refusal[i], status);
			return 1;
		}
	if (!may_end(&m->whole.out, id))
		return 0;
	end_whole_offline(m, status);
	return 1;
}

uint32_t zm_outstanding(struct zm *m, uint64_t *ids, uint32_t size)
{
	const struct zm_action *a;
	uint32_t n = 0;

	for (uint32_t i = 0; n + 1 < size && (a = zm_action(m, i)); i++) {
		if (a->id && !a->again)
			ids[n++] = a->id;
		if (a->cancel == 2)
			ids[n++] = a->cancel_id;
	}
	return n;
}

/* From OFFLINING to QUARANTINED the engine leads; here it has to prove that it was right. */
void zm_state(struct zm *m, struct zm_message *k, uint32_t state)
{
	uint64_t begin, end, g;

	if (state == k->state)
		return;
	zm_span(m, k, &begin, &end, &g);
	ZM_REQUIRE(m, state == VDEV_ZEROCOPY_QUARANTINED && k->state == VDEV_ZEROCOPY_OFFLINING,
		   "state %s, expected %s", vdev_zerocopy_state_name(state),
		   vdev_zerocopy_state_name(k->state));
	ZM_REQUIRE(m,
		   all_replaced(m, k, begin, end, g) ||
			   (zm_satisfied(m, k->seen) &&
			    (any_replaced(m, k) || is_void(m, k) || k->partly)),
		   "Z4: in quarantine, but not all of it was replaced");
	k->state = state;
	k->phase = ZM_TELL;
	k->noticed = zm_satisfied(m, k->seen);
	m->quarantined += end - begin;
	m->quarantined_by[k->destination] += end - begin;
	m->n.reclaimed++;
}

/* What another message does next cannot be given out before a CANCEL of it is done. */
static int held_up(struct zm *m, const struct zm_message *but, uint64_t from, uint64_t to)
{
	uint64_t begin, end, g;

	for (uint32_t i = 0; i < ZM_MESSAGES; i++) {
		const struct zm_message *k = &m->message[i];

		if (!k->used || k == but || k->phase != ZM_REPLACE || k->out.cancel != 2 ||
		    k->out.paused != VDEV_NONE)
			continue;
		zm_span(m, k, &begin, &end, &g);
		if (k->cursor < to && from < end)
			return 1;
	}
	return 0;
}

static int waits_rightly(struct zm *m, const struct zm_message *k)
{
	uint64_t begin, end, g;

	if (k->out.id || k->out.paused != VDEV_NONE || k->out.cancel == 2 || k->phase == ZM_NONE ||
	    k->phase == ZM_HELD)
		return 1;
	zm_span(m, k, &begin, &end, &g);
	/* Whether what was received is void is not known yet. */
	if (k->phase == ZM_TELL && k->state != VDEV_ZEROCOPY_QUARANTINED && m->whole.active)
		return (k->flags & VDEV_ZEROCOPY_RECEIVE) != 0;
	return k->phase == ZM_REPLACE &&
	       (m->whole.active || busy(m, k, k->cursor, end) || held_up(m, k, k->cursor, end));
}

void zm_quiet(struct zm *m)
{
	const struct zm_action *a;
	int out = 0;

	for (uint32_t i = 0; i < ZM_MESSAGES; i++) {
		struct zm_message *k = &m->message[i];

		ZM_REQUIRE(m, !k->used || waits_rightly(m, k),
			   "message %#llx waits for nothing in phase %d", (unsigned long long)k->id,
			   (int)k->phase);
		out |= k->used && is_out(&k->out);
	}
	for (uint32_t i = 0; (a = zm_action(m, i)); i++)
		ZM_REQUIRE(m, !a->again && a->cancel != 1, "no CANCEL, or what was out not again");
	for (uint32_t i = 0; i < ZM_REFUSALS; i++)
		ZM_REQUIRE(m,
			   !zm_is_there(&m->refusal[i]) || m->refusal[i].out.id ||
				   m->refusal[i].out.paused != VDEV_NONE ||
				   m->refusal[i].out.cancel == 2,
			   "a refusal is not told");
	ZM_REQUIRE(m,
		   !m->whole.active || m->whole.out.id || m->whole.out.paused != VDEV_NONE || out ||
			   m->whole.out.cancel,
		   "the whole VM waits for nothing");
}

static void earlier(uint64_t *first, uint64_t at)
{
	if (at < *first)
		*first = at;
}

static void action_deadline(const struct zm_action *a, uint64_t *first)
{
	if (a->paused != VDEV_NONE)
		earlier(first, a->paused);
	else if (is_out(a) && !a->again && !a->cancel)
		earlier(first, a->until);
}

int zm_deadline(struct zm *m, uint64_t *ret_ns)
{
	const struct zm_action *a;
	uint64_t first = VDEV_NONE;

	for (uint32_t i = 0; i < ZM_MESSAGES; i++) {
		const struct zm_message *k = &m->message[i];

		if (!k->used)
			continue;
		if (k->pushed)
			return 2;
		if (k->state == VDEV_ZEROCOPY_SENT)
			earlier(&first, k->deadline);
	}
	for (uint32_t i = 0; (a = zm_action(m, i)); i++)
		action_deadline(a, &first);
	*ret_ns = first;
	return first != VDEV_NONE;
}
