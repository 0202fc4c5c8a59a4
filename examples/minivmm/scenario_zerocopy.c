/* SPDX-License-Identifier: BSD-3-Clause */
/* The scenario `zerocopy`: its chapters, each in a file of its own, and what they share. */
#include "zerocopy.h"

#include <string.h>

#define CHURN_MS 45000u /* before the watchdog barks */
#define TICK_MS 4u /* where KVM emulates the guest its ticks would take most of its time */

static const struct story *const chapters[] = {
	zerocopy_transports, zerocopy_basic, zerocopy_races,   zerocopy_stuck,
	zerocopy_limits,     zerocopy_rates, zerocopy_memory,  zerocopy_refusals,
	zerocopy_receive,    zerocopy_reset, zerocopy_hostile, NULL,
};

const struct transport_ops *zerocopy_lender(const struct scene *s)
{
#ifdef HAVE_KVM
	if (s->options.machine != &machine_mock)
		return &transport_vmsplice;
#endif
	return &transport_model;
}

void zerocopy_destinations(struct scene *s, uint32_t count)
{
	for (uint32_t i = 0; i < count && i < LENDING_DESTINATIONS; i++)
		s->options.lending.destinations[i] = zerocopy_lender(s);
}

bool zerocopy_begin(struct scene *s)
{
	struct lending_options *o = &s->options.lending;
	struct msg_orders *orders;

	if (!o->destinations[0])
		zerocopy_destinations(s, 1);
	if (!o->queues)
		o->queues = 1;
	if (o->memory == MEMORY_SHARED)
		o->memory = MEMORY_ANONYMOUS;
	if (!scene_open(s))
		return false;
	if (s->vm->lending->cannot[0]) {
		scene_skip(s, "pages cannot be replaced here while the guest runs: %s",
			   s->vm->lending->cannot);
		return false;
	}
	orders = memory_at(s->vm, GUEST_ORDERS, sizeof(*orders));
	orders->queues = o->queues;
	guest_command(s->vm)->tick_ms = TICK_MS;
	return scene_start(s) && EXPECT(s, scene_word(s, &zerocopy_seen(s)->queues_on, o->queues),
					"the guest could not turn its queues on");
}

struct transport *zerocopy_to(struct scene *s, uint32_t destination)
{
	return &s->vm->lending->destinations[destination];
}

const struct msg_report *zerocopy_seen(struct scene *s)
{
	return memory_at(s->vm, GUEST_MESSAGES, sizeof(struct msg_report));
}

static uint32_t word(const uint32_t *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static uint64_t number(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

bool zerocopy_give(struct scene *s, const struct msg_order *order)
{
	struct msg_orders *o = memory_at(s->vm, GUEST_ORDERS, sizeof(*o));
	uint32_t given = o->given;

	if (given >= MSG_ORDERS &&
	    !scene_word(s, &zerocopy_seen(s)->orders_done, given - MSG_ORDERS + 1))
		return EXPECT(s, false, "the guest does not take its orders");
	o->orders[given % MSG_ORDERS] = *order;
	if (!o->orders[given % MSG_ORDERS].stride)
		o->orders[given % MSG_ORDERS].stride = 8;
	__atomic_store_n(&o->given, given + 1, __ATOMIC_RELEASE);
	return true;
}

bool zerocopy_do(struct scene *s, const struct msg_order *order)
{
	const struct msg_orders *o = memory_at(s->vm, GUEST_ORDERS, sizeof(*o));

	return zerocopy_give(s, order) &&
	       EXPECT(s, scene_word(s, &zerocopy_seen(s)->orders_done, o->given),
		      "the guest did not end order %u", order->what);
}

uint64_t zerocopy_block(uint32_t n)
{
	return MSG_BLOCKS + (uint64_t)n * PAGE;
}

bool zerocopy_send(struct scene *s, uint32_t destination, uint32_t first, uint32_t count,
		   uint32_t length, uint32_t timeout_ms)
{
	for (uint32_t i = first; i < first + count; i++)
		if (!GIVE(s, .what = MSG_DO_SEND, .address = zerocopy_block(i), .length = length,
			  .timeout_ms = timeout_ms, .destination = destination, .seed = 2 * i,
			  .cookie = i + 1, .stride = length > 1024 ? 64 : 8))
			return false;
	return true;
}

void zerocopy_stop_load(struct scene *s, uint32_t queue)
{
	DO(s, .what = MSG_DO_LOAD, .queue = queue);
}

/* Receivers read when all blocks are in quarantine, so that there is room for the next. */
static bool churned(struct vm *vm, const void *arg)
{
	struct vdev_zerocopy_stats stats = lending_stats(vm);
	struct lending *l = vm->lending;

	for (uint32_t i = 0; i < l->queues_count; i++)
		if (stats.quarantined_blocks >= (uint64_t)l->queues_count * MSG_LOAD_BLOCKS)
			transport_read(&l->destinations[i]);
	return stats.reclaimed >= *(const uint64_t *)arg;
}

static bool start_churn(struct scene *s, uint32_t queue)
{
	transport_stick(zerocopy_to(s, queue), true);
	return DO(s, .what = MSG_DO_LOAD, .queue = queue, .destination = queue,
		  .address = MSG_BLOCKS + (uint64_t)queue * MSG_LOAD_BLOCKS * PAGE, .length = 16,
		  .pitch = PAGE, .timeout_ms = 1, .cookie = 1, .blocks = MSG_LOAD_BLOCKS,
		  .batch = MSG_LOAD_BLOCKS, .count = ALL_ONES, .flags = MSG_THEN_REWRITE);
}

bool zerocopy_churn(struct scene *s, uint64_t reclaims)
{
	uint64_t until = lending_stats(s->vm).reclaimed + reclaims;
	uint32_t queues = s->vm->lending->queues_count;
	bool enough;

	for (uint32_t i = 0; i < queues; i++)
		if (!start_churn(s, i))
			return false;
	enough = vm_wait(s->vm, churned, &until, CHURN_MS);
	for (uint32_t i = 0; i < queues; i++) {
		zerocopy_stop_load(s, i);
		transport_stick(zerocopy_to(s, i), false);
	}
	return EXPECT(s, enough, "only %llu of %llu blocks were taken back",
		      (unsigned long long)lending_stats(s->vm).reclaimed,
		      (unsigned long long)until) &&
	       EXPECT(s, zerocopy_idle(s) && zerocopy_quarantined(s, 0), "it does not end");
}

uint64_t zerocopy_first_id(struct scene *s, uint32_t destination)
{
	struct transport *t = zerocopy_to(s, destination);
	uint64_t id;

	pthread_mutex_lock(&t->lock);
	id = t->count ? t->messages[t->first].id : TRANSPORT_NO_ID;
	pthread_mutex_unlock(&t->lock);
	return id;
}

const struct msg_outcome *zerocopy_outcome(struct scene *s, uint64_t cookie)
{
	return &zerocopy_seen(s)->outcomes[cookie % MSG_OUTCOMES];
}

struct telling {
	const struct msg_report *report;
	uint32_t first, count, result;
};

static bool told(struct vm *vm, const void *arg)
{
	const struct telling *t = arg;

	for (uint32_t i = t->first; i < t->first + t->count; i++) {
		const struct msg_outcome *o = &t->report->outcomes[i % MSG_OUTCOMES];

		if (!word(&o->told) || o->cookie != i || word(&o->result) != t->result)
			return false;
	}
	return true;
}

bool zerocopy_all_told(struct scene *s, uint32_t first, uint32_t count, uint32_t result)
{
	struct telling t = {zerocopy_seen(s), first + 1, count, result};

	return vm_wait(s->vm, told, &t, PATIENCE_MS);
}

bool zerocopy_told(struct scene *s, uint64_t cookie, uint32_t result)
{
	struct telling t = {zerocopy_seen(s), (uint32_t)cookie, 1, result};

	return vm_wait(s->vm, told, &t, PATIENCE_MS);
}

static bool idle(struct vm *vm, const void *arg)
{
	const struct msg_report *r = arg;
	const struct msg_orders *o = memory_at(vm, GUEST_ORDERS, sizeof(*o));

	return word(&r->orders_done) == o->given && !word(&r->in_flight);
}

bool zerocopy_idle(struct scene *s)
{
	return vm_wait(s->vm, idle, zerocopy_seen(s), PATIENCE_MS);
}

bool zerocopy_load_over(struct scene *s, uint64_t posted)
{
	return scene_counter(s, &zerocopy_seen(s)->posted, posted) && zerocopy_idle(s);
}

static bool lent(struct vm *vm, const void *arg)
{
	return lending_stats(vm).lent >= *(const uint64_t *)arg;
}

bool zerocopy_lent(struct scene *s, uint64_t at_least)
{
	return vm_wait(s->vm, lent, &at_least, PATIENCE_MS);
}

static bool reclaimed(struct vm *vm, const void *arg)
{
	return lending_stats(vm).reclaimed >= *(const uint64_t *)arg;
}

bool zerocopy_reclaimed(struct scene *s, uint64_t at_least)
{
	return vm_wait(s->vm, reclaimed, &at_least, PATIENCE_MS);
}

static bool quarantined(struct vm *vm, const void *arg)
{
	return lending_stats(vm).quarantined_blocks == *(const uint64_t *)arg;
}

bool zerocopy_quarantined(struct scene *s, uint64_t blocks)
{
	return vm_wait(s->vm, quarantined, &blocks, PATIENCE_MS);
}

bool zerocopy_refused(struct vm *vm, const void *at_least)
{
	return vm->lending->counts.refused >= *(const uint64_t *)at_least;
}

bool zerocopy_jobs(struct vm *vm, const void *at_least)
{
	return vm->lending->counts.jobs >= *(const uint64_t *)at_least;
}

static bool nothing_waits(struct vm *vm, const void *arg)
{
	struct transport *t = &vm->lending->destinations[*(const uint32_t *)arg];

	transport_read(t);
	return transport_waiting(t) == 0;
}

bool zerocopy_read_out(struct scene *s, uint32_t destination)
{
	return vm_wait(s->vm, nothing_waits, &destination, PATIENCE_MS);
}

static uint64_t bytes(struct scene *s, bool right)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->vm->lending->destinations_count; i++) {
		struct transport_seen seen = transport_seen(zerocopy_to(s, i));

		sum += right ? seen.right_bytes : seen.wrong_bytes;
	}
	return sum;
}

uint64_t zerocopy_right(struct scene *s)
{
	return bytes(s, true);
}

uint64_t zerocopy_wrong(struct scene *s)
{
	return bytes(s, false);
}

uint64_t zerocopy_lost_updates(struct scene *s)
{
	const struct msg_report *r = zerocopy_seen(s);

	return number(&r->lost_updates[0]) + number(&r->lost_updates[1]);
}

uint64_t zerocopy_updates(struct scene *s)
{
	const struct msg_report *r = zerocopy_seen(s);

	return number(&r->counts[0]) + number(&r->counts[1]);
}

/* Whatever the story: told once, of what is its own, with the contents that it wrote. */
static void guest_content(struct scene *s)
{
	const struct msg_report *r = zerocopy_seen(s);

	EXPECT(s, !r->twice, "the guest was told %llu times twice", (unsigned long long)r->twice);
	EXPECT(s, !r->wrong && !r->wrong_after,
	       "the guest found %llu and %llu words that it had not written",
	       (unsigned long long)r->wrong, (unsigned long long)r->wrong_after);
	EXPECT(s, !r->bad_entries, "the guest got %llu entries that make no sense",
	       (unsigned long long)r->bad_entries);
}

static void add(struct scene *s)
{
	struct zerocopy_totals *t = &s->zerocopy;
	struct vdev_zerocopy_stats stats = lending_stats(s->vm);

	if (s->options.lending.control) {
		t->control_wrong_bytes += zerocopy_wrong(s);
		t->control_lost_updates += zerocopy_lost_updates(s);
		return;
	}
	t->reclaims += stats.reclaimed;
	t->granules += stats.granules;
	t->lent += stats.lent;
	t->late += stats.late;
	t->right_bytes += zerocopy_right(s);
	t->wrong_bytes += zerocopy_wrong(s);
	t->updates += zerocopy_updates(s);
	t->lost_updates += zerocopy_lost_updates(s);
	t->reclaim_ns += s->vm->lending->counts.replace_ns;
	t->reclaim_bytes += s->vm->lending->counts.replaced_bytes;
}

static void end(struct scene *s)
{
	if (!s->vm->lending)
		return;
	add(s);
	guest_content(s);
	if (s->options.lending.control)
		return;
	EXPECT(s, !zerocopy_wrong(s), "a receiver got %llu wrong bytes",
	       (unsigned long long)zerocopy_wrong(s));
	EXPECT(s, !zerocopy_lost_updates(s), "%llu updates were lost",
	       (unsigned long long)zerocopy_lost_updates(s));
}

static void metrics(struct scene *s)
{
	const struct zerocopy_totals *t = &s->zerocopy;
	struct report *r = s->report;

	report_metric(r, "reclaims", t->reclaims);
	report_metric(r, "granules", t->granules);
	report_metric(r, "lent", t->lent);
	report_metric(r, "late", t->late);
	report_metric(r, "right_bytes", t->right_bytes);
	report_metric(r, "wrong_bytes", t->wrong_bytes);
	report_metric(r, "updates", t->updates);
	report_metric(r, "lost_updates", t->lost_updates);
	report_metric(r, "vma_delta", (uint64_t)t->vma_delta);
	report_metric(r, "control_wrong_bytes", t->control_wrong_bytes);
	report_metric(r, "control_lost_updates", t->control_lost_updates);
	report_metric(r, "replaced_bytes", t->reclaim_bytes);
	report_metric(r, "replace_ns", t->reclaim_ns);
	report_metric(r, "interrupts", s->total.interrupts[0] + s->total.interrupts[1]);
}

const struct scenario scenario_zerocopy = {
	.name = "zerocopy",
	.what = "guest memory is lent, and taken back from receivers that are stuck (rules Z1 to "
		"Z13)",
	.chapters = chapters,
	.end = end,
	.metrics = metrics,
};
