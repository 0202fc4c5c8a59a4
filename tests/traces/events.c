/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of a recording: one function for each kind of line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

struct name {
	const char *text;
	uint32_t value;
};

static const struct name classes[] = {
	{"other", VDEV_REMOVAL_OTHER},      {"function", VDEV_REMOVAL_PCI_FUNCTION},
	{"slot", VDEV_REMOVAL_PCI_SLOT},    {"bridge", VDEV_REMOVAL_PCI_BRIDGE},
	{"mmio", VDEV_REMOVAL_VIRTIO_MMIO}, {"memory", VDEV_REMOVAL_MEMORY},
	{"cpu", VDEV_REMOVAL_CPU},          {NULL, 0}};
static const struct name transports[] = {{"none", VDEV_REMOVAL_NO_TRANSPORT},
					 {"pcie", VDEV_REMOVAL_PCIE},
					 {"acpi", VDEV_REMOVAL_ACPI},
					 {"pvdev", VDEV_REMOVAL_PVDEV},
					 {NULL, 0}};
static const struct name levels[] = {{"unknown", VDEV_REMOVAL_UNKNOWN},
				     {"unsafe", VDEV_REMOVAL_UNSAFE},
				     {"safe_idle", VDEV_REMOVAL_SAFE_IDLE},
				     {"safe", VDEV_REMOVAL_SAFE},
				     {NULL, 0}};
static const struct name policies[] = {{"fail", VDEV_REMOVAL_ACK_FAIL},
				       {"keep", VDEV_REMOVAL_ACK_KEEP},
				       {"retry", VDEV_REMOVAL_ACK_RETRY},
				       {"forced", VDEV_REMOVAL_ACK_FORCE},
				       {NULL, 0}};
static const struct name unaskeds[] = {{"hold", VDEV_REMOVAL_UNASKED_HOLD},
				       {"accept", VDEV_REMOVAL_UNASKED_ACCEPT},
				       {"ignore", VDEV_REMOVAL_UNASKED_IGNORE},
				       {NULL, 0}};
static const struct name level_policies[] = {{"guest", VDEV_REMOVAL_LEVEL_GUEST},
					     {"operator", VDEV_REMOVAL_LEVEL_OPERATOR},
					     {"lower", VDEV_REMOVAL_LEVEL_LOWER},
					     {NULL, 0}};
static const struct name reasons[] = {{"failure", VDEV_REMOVAL_REASON_FAILURE},
				      {"not_supported", VDEV_REMOVAL_REASON_NOT_SUPPORTED},
				      {"in_use", VDEV_REMOVAL_REASON_IN_USE},
				      {"busy", VDEV_REMOVAL_REASON_BUSY},
				      {"dependency", VDEV_REMOVAL_REASON_DEPENDENCY},
				      {NULL, 0}};

/* A name of the table, or a number. */
static uint32_t value_of(const struct name *table, const char *text)
{
	for (; table->text; table++)
		if (!strcmp(table->text, text))
			return table->value;
	return (uint32_t)strtoul(text, NULL, 0);
}

const char *option(const struct words *w, const char *key)
{
	size_t length = strlen(key);

	for (int i = 1; i < w->count; i++)
		if (!strncmp(w->word[i], key, length) && w->word[i][length] == '=')
			return w->word[i] + length + 1;
	return NULL;
}

int flag(const struct words *w, const char *word)
{
	for (int i = 1; i < w->count; i++)
		if (!strcmp(w->word[i], word))
			return 1;
	return 0;
}

static uint64_t number(const struct words *w, const char *key)
{
	const char *text = option(w, key);

	return text ? strtoull(text, NULL, 0) : 0;
}

static uint64_t duration(const struct words *w, const char *key)
{
	const char *text = option(w, key);
	uint64_t ns = 0;

	if (text)
		parse_time(text, &ns);
	return ns;
}

static uint32_t choice(const struct words *w, const char *key, const struct name *table)
{
	const char *text = option(w, key);

	return text ? value_of(table, text) : 0;
}

static const char *word(const struct words *w, int i)
{
	return i < w->count ? w->word[i] : "";
}

static uint64_t unit(struct session *s, const struct words *w)
{
	return s->t.h[(unsigned char)word(w, 1)[0] & (VT_LETTERS - 1)];
}

static int engine(struct session *s, struct words *w)
{
	const struct vdev_removal_config c = {
		.struct_size = sizeof(c),
		.flags = (flag(w, "coarse") ? VDEV_REMOVAL_COARSE : 0) |
			 (flag(w, "untrusted") ? VDEV_REMOVAL_UNTRUSTED : 0),
		.max_units = 100,
		.level_policy = choice(w, "levels", level_policies),
		.ack_policy = choice(w, "ack", policies),
		.retries = (uint32_t)number(w, "retries"),
		.button_ns = duration(w, "button"),
		.notify_ns = duration(w, "notify"),
		.settle_ns = duration(w, "settle"),
		.ack_ns = duration(w, "wait")};

	if (s->t.r)
		return -EALREADY;
	s->t.config = c;
	return vdev_removal_new(&s->t.r, &s->t.v.env, &c);
}

static int add(struct session *s, struct words *w)
{
	const char *in = option(w, "in");
	const struct vdev_removal_unit u = {
		.unit_class = value_of(classes, word(w, 2)),
		.transport = choice(w, "by", transports),
		.flags = (flag(w, "hotplug") ? VDEV_REMOVAL_HOTPLUG : 0) |
			 (flag(w, "tracked") ? VDEV_REMOVAL_TRACK_TOUCH : 0),
		.parent = in ? s->t.h[(unsigned char)in[0] & (VT_LETTERS - 1)] : 0,
		.name = number(w, "name"),
		.function = (uint32_t)number(w, "function"),
		.unasked = choice(w, "unasked", unaskeds),
		.slot_cap = (uint32_t)number(w, "cap")};

	return vt_add(&s->t, word(w, 1)[0], &u);
}

static int declare(struct session *s, struct words *w)
{
	return vdev_removal_declare(s->t.r, s->t.now, unit(s, w), VDEV_REMOVAL_GUEST,
				    value_of(levels, word(w, 2)));
}

static int operator_says(struct session *s, struct words *w)
{
	return vdev_removal_declare(s->t.r, s->t.now, unit(s, w), VDEV_REMOVAL_OPERATOR,
				    value_of(levels, word(w, 2)));
}

static int request(struct session *s, struct words *w)
{
	const struct vdev_removal_request q = {.struct_size = sizeof(q),
					       .flags =
						       (flag(w, "force") ? VDEV_REMOVAL_FORCE : 0) |
						       (flag(w, "host") ? VDEV_REMOVAL_HOST : 0),
					       .ack_policy = choice(w, "ack", policies),
					       .retries = (uint32_t)number(w, "retries"),
					       .ack_ns = duration(w, "wait")};

	return vdev_removal_request(s->t.r, s->t.now, unit(s, w), &q);
}

static int cancel(struct session *s, struct words *w)
{
	return vdev_removal_cancel(s->t.r, s->t.now, unit(s, w));
}

static int ack(struct session *s, struct words *w)
{
	return vdev_removal_ack(s->t.r, s->t.now, unit(s, w));
}

static int refuse(struct session *s, struct words *w)
{
	return vdev_removal_refuse(s->t.r, s->t.now, unit(s, w), value_of(reasons, word(w, 2)));
}

static int progress(struct session *s, struct words *w)
{
	return vdev_removal_progress(s->t.r, s->t.now, unit(s, w));
}

static int ost(struct session *s, struct words *w)
{
	return vdev_removal_ost(s->t.r, s->t.now, unit(s, w), (uint32_t)number(w, "event"),
				(uint32_t)number(w, "status"));
}

static int slot(struct session *s, struct words *w)
{
	return vdev_removal_slot(s->t.r, s->t.now, unit(s, w), (uint32_t)number(w, "control"),
				 (uint32_t)number(w, "status"));
}

/* A unit, or "all". */
static uint64_t unit_or_all(struct session *s, const struct words *w)
{
	return !strcmp(word(w, 1), "all") ? 0 : unit(s, w);
}

static int ready(struct session *s, struct words *w)
{
	return vdev_removal_ready(s->t.r, s->t.now, unit_or_all(s, w), 1);
}

static int unready(struct session *s, struct words *w)
{
	return vdev_removal_ready(s->t.r, s->t.now, unit_or_all(s, w), 0);
}

static int forget(struct session *s, struct words *w)
{
	return vdev_removal_forget(s->t.r, s->t.now, unit_or_all(s, w));
}

static int touch(struct session *s, struct words *w)
{
	return vdev_removal_touch(s->t.r, unit(s, w));
}

static int backend_gone(struct session *s, struct words *w)
{
	return vdev_removal_backend_gone(s->t.r, unit(s, w));
}

/* set function safe QUIESCE/RESUME:5s OWN0:1s HIDE:1s RELEASE:1s */
static int set(struct session *s, struct words *w)
{
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	uint32_t count = 0;

	for (int i = 3; i < w->count && count < VDEV_REMOVAL_MAX_STEPS; i++)
		if (parse_step(w->word[i], &steps[count++]))
			return -ENOSYS;
	return vdev_removal_set_actions(s->t.r, value_of(classes, word(w, 1)),
					value_of(levels, word(w, 2)), count ? steps : NULL, count);
}

static int whole(struct session *s, struct words *w)
{
	static const struct {
		const char *name;
		int (*call)(struct vdev_removal *r, uint64_t now_ns);
	} calls[] = {{"reset_begin", vdev_removal_reset_begin},
		     {"reset_end", vdev_removal_reset_end},
		     {"pause", vdev_removal_pause},
		     {"resume", vdev_removal_resume},
		     {"hold", vdev_removal_hold},
		     {"unhold", vdev_removal_unhold}};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, w->word[0]))
			return calls[i].call(s->t.r, s->t.now);
	return -ENOSYS;
}

static int state(struct session *s, struct words *w)
{
	static const char *const states[] = {"PRESENT", "QUEUED", "PENDING",
					     "LEAVING", "HIDDEN", "SETTLING"};
	struct vdev_removal_info info = vt_info(&s->t, word(w, 1)[0]);

	session_say(s, "STATE:%s=%s", word(w, 1), info.state < 6 ? states[info.state] : "GONE");
	return 0;
}

static int end(struct session *s, struct words *w)
{
	(void)s;
	(void)w;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct session *s, struct words *w);
} events[] = {
	{"engine", engine},
	{"add", add},
	{"declare", declare},
	{"operator", operator_says},
	{"request", request},
	{"cancel", cancel},
	{"ack", ack},
	{"refuse", refuse},
	{"progress", progress},
	{"ost", ost},
	{"slot", slot},
	{"ready", ready},
	{"unready", unready},
	{"forget", forget},
	{"touch", touch},
	{"backend_gone", backend_gone},
	{"reset_begin", whole},
	{"reset_end", whole},
	{"pause", whole},
	{"resume", whole},
	{"hold", whole},
	{"unhold", whole},
	{"set", set},
	{"mock", mock_rule},
	{"finish", mock_finish},
	{"state", state},
	{"end", end},
};

/* Nothing may have changed when memory ran out. */
static int run_short_of_memory(struct session *s, struct words *w,
			       int (*run)(struct session *s, struct words *w))
{
	for (uint64_t nth = 1;; nth++) {
		uint64_t failed = s->t.v.failed, before = session_image(s);
		int ret;

		s->t.v.fail_at = s->t.v.requests + nth;
		ret = run(s, w);
		s->t.v.fail_at = 0;
		if (s->t.v.failed == failed)
			return ret;
		s->failures++;
		if (ret != -ENOMEM || before != session_image(s)) {
			session_wrong(s, "%s: allocation %llu failed: returned %d, %s", w->word[0],
				      (unsigned long long)nth, ret,
				      before == session_image(s) ? "unchanged" : "changed");
			return ret;
		}
	}
}

int session_event(struct session *s, struct words *w)
{
	int ret = -ENOSYS;

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (strcmp(events[i].name, w->word[0]))
			continue;
		if (!s->t.r && events[i].run != engine)
			return -1;
		ret = s->fail_allocations ? run_short_of_memory(s, w, events[i].run)
					  : events[i].run(s, w);
		break;
	}
	if (ret == -ENOSYS)
		return -1;
	if (ret < 0)
		session_say(s, "ERROR(%d)", ret);
	session_called(s);
	session_drain(s);
	return 0;
}
