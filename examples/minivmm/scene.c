/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs stories: a fresh VM for each, the guest's own report as part of every check. */
#include "scene.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trace.h"
#include "watchdog.h"

#define BOOT_MS 8000u

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

bool scene_expect(struct scene *s, bool ok, const char *format, ...)
{
	va_list args;

	s->expectations++;
	if (ok || s->failed)
		return ok;
	s->failed = true;
	va_start(args, format);
	vsnprintf(s->detail, sizeof(s->detail), format, args);
	va_end(args);
	if (s->vm && atomic_load(&s->vm->is_broken))
		snprintf(s->detail + strlen(s->detail), sizeof(s->detail) - strlen(s->detail),
			 " [%s]", s->vm->broken);
	return ok;
}

void scene_tell(struct scene *s, const char *format, ...)
{
	va_list args;

	if (s->failed)
		return;
	va_start(args, format);
	vsnprintf(s->detail, sizeof(s->detail), format, args);
	va_end(args);
}

void scene_skip(struct scene *s, const char *format, ...)
{
	va_list args;

	if (s->failed)
		return;
	s->skipped = true;
	va_start(args, format);
	vsnprintf(s->detail, sizeof(s->detail), format, args);
	va_end(args);
}

static void default_orders(struct guest_command *c, uint32_t cpus)
{
	memset(c, 0, sizeof(*c));
	c->cpus = cpus;
	c->pv_driver = 1;
	c->slot_driver = 1;
	c->window_ms = 50;
	c->rules_count = 1;
	c->rules[0].address = ALL_ONES;
	c->rules[0].level = LEVEL_NONE;
}

bool scene_open(struct scene *s)
{
	int r = vm_new(&s->vm, &s->options, NULL);

	if (!EXPECT(s, !r, "the VM could not be made: %s", strerror(-r)))
		return false;
	default_orders(guest_command(s->vm), s->vm->cpus);
	return true;
}

static bool booted(struct vm *vm, const void *arg)
{
	struct guest_report *r = guest_report(vm);

	return __atomic_load_n(&r->magic, __ATOMIC_ACQUIRE) == GUEST_REPORT_MAGIC;
}

static bool shook_hands(struct vm *vm, const void *arg)
{
	return *(const volatile uint32_t *)arg != 0;
}

bool scene_start(struct scene *s)
{
	struct guest_report *r = guest_report(s->vm);
	int e = vm_start(s->vm);

	if (!EXPECT(s, !e, "the guest could not be started: %s", strerror(-e)))
		return false;
	if (!EXPECT(s, vm_wait(s->vm, booted, NULL, BOOT_MS),
		    "the guest did not come up: its driver reported nothing in %u s",
		    BOOT_MS / 1000)) {
		s->guest_dead = true;
		return false;
	}
	if (!guest_command(s->vm)->pv_driver)
		return true;
	return EXPECT(s, vm_wait(s->vm, shook_hands, &r->handshakes, PATIENCE_MS),
		      "the guest's driver of the management function did not come up");
}

struct device *scene_disk(struct scene *s, const struct device_spec *spec)
{
	struct device *d = NULL;
	int r = device_new(s->vm, spec, &d);

	EXPECT(s, !r, "device %s could not be added: %s", spec->name, strerror(-r));
	return r ? NULL : d;
}

struct device *scene_plain(struct scene *s, const char *name, uint32_t number)
{
	return scene_disk(s, &(struct device_spec){.name = name, .address = number << 3});
}

struct port *scene_port(struct scene *s, const char *name, uint32_t number)
{
	struct port *port = NULL;
	int r = port_new(s->vm, name, number << 3, &port);

	EXPECT(s, r >= 0, "port %s could not be added: %s", name, strerror(-r));
	return port;
}

struct device *scene_card(struct scene *s, const char *name, struct port *port, uint32_t function)
{
	struct device *d = scene_disk(
		s, &(struct device_spec){.name = name,
					 .port = port,
					 .address = bridge_bus(&port->fn) << 8 | function});

	vm_lock(s->vm);
	port_presence(s->vm, port, true);
	port_reset(s->vm, port); /* it was there before power-on: nothing has changed */
	vm_unlock(s->vm);
	return d;
}

struct guest_rule *scene_rule(struct scene *s, const struct pci_fn *fn)
{
	struct guest_command *c = guest_command(s->vm);
	struct guest_rule *rule;

	for (uint32_t i = 0; i < c->rules_count; i++)
		if (c->rules[i].address == fn->address)
			return &c->rules[i];
	if (c->rules_count == GUEST_DEVICES)
		return &c->rules[0];
	rule = &c->rules[c->rules_count];
	*rule = c->rules[0];
	rule->address = fn->address;
	__atomic_store_n(&c->rules_count, c->rules_count + 1, __ATOMIC_RELEASE);
	return rule;
}

const struct guest_device *scene_seen(struct scene *s, const struct pci_fn *fn)
{
	static const struct guest_device none;
	struct guest_report *r = guest_report(s->vm);

	for (uint32_t i = 0; i < GUEST_DEVICES; i++)
		if (r->devices[i].generation && r->devices[i].address == fn->address)
			return &r->devices[i];
	return &none;
}

static void add_totals(struct scene *s)
{
	const struct guest_report *r = guest_report(s->vm);
	struct guest_report *t = &s->total;

	t->warnings += r->warnings;
	t->cancelled += r->cancelled;
	t->acks += r->acks;
	t->refusals += r->refusals;
	t->surprises += r->surprises;
	t->exceptions += r->exceptions;
	for (uint32_t i = 0; i < GUEST_CPUS; i++)
		t->interrupts[i] += r->interrupts[i];
	for (uint32_t i = 0; i < GUEST_DEVICES; i++) {
		t->devices[0].io_done += r->devices[i].io_done;
		t->devices[0].io_errors += r->devices[i].io_errors;
		t->devices[0].all_ones += r->devices[i].all_ones;
		t->devices[0].bad_sums += r->devices[i].bad_sums;
	}
}

/* Whatever the story: no fault, no wrong answer, no stray interrupt in the guest. */
static void guest_sane(struct scene *s)
{
	const struct guest_report *r = guest_report(s->vm);

	EXPECT(s, !atomic_load(&s->vm->is_broken), "the guest stopped");
	EXPECT(s, !r->exceptions, "the guest took exception %llu",
	       (unsigned long long)r->exceptions - 256);
	EXPECT(s, s->strays || !r->spurious,
	       "the guest had %llu interrupts that no driver expected",
	       (unsigned long long)r->spurious);
	EXPECT(s, !r->seen_after_ack, "a device was still there when its ack had been given");
	for (uint32_t i = 0; i < GUEST_DEVICES; i++)
		EXPECT(s, !r->devices[i].bad_sums,
		       "the guest got %llu wrong answers from device %x",
		       (unsigned long long)r->devices[i].bad_sums, r->devices[i].address);
}

/* Returns whether the request has come to an end. */
static bool time_of(struct scene *s, uint32_t request, uint64_t *ret_ns)
{
	uint32_t n = atomic_load(&s->vm->deeds_count);

	for (uint32_t i = 0; i < n; i++) {
		const struct deed *d = &s->vm->deeds[i];

		if (d->fn == s->requests[request].fn && d->action.kind == VDEV_REMOVAL_OUTCOME &&
		    (d->action.flags & VDEV_REMOVAL_FINAL) &&
		    d->now_ns >= s->requests[request].began_ns)
			return *ret_ns = d->now_ns - s->requests[request].began_ns, true;
	}
	return false;
}

static void add_times(struct scene *s, const struct story *story)
{
	uint64_t times[SCENE_TIMES];
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->requests_count; i++)
		n += time_of(s, i, &times[n]);
	report_times(s->report, story->name, times, n);
}

void scene_judge(struct scene *s, const struct story *story, uint64_t began_ns)
{
	if (s->vm && !s->guest_dead)
		guest_sane(s);
	if (s->vm) {
		add_totals(s);
		add_times(s, story);
	}
	if (!s->expectations && !s->skipped)
		EXPECT(s, false, "nothing was checked");
	if (s->skipped && !s->failed)
		report_skip(s->report, story->name, s->detail);
	else
		report_check(s->report, story->name, story->rules, !s->failed, s->detail,
			     clock_ns() - began_ns);
}

static void tell(const struct scenario *scenario, struct scene *base, const struct story *story)
{
	struct scene s = *base;
	uint64_t began = clock_ns();

	watchdog_pet(s.watchdog, story->name);
	trace_story(s.options.trace, story->name);
	story->tell(&s);
	if (scenario->end && s.vm)
		scenario->end(&s);
	scene_judge(&s, story, began);
	trace_clock(s.options.trace, NULL);
	vm_free(s.vm);
	if (s.undo)
		s.undo(s.undo_value);
	base->total = s.total;
	base->zerocopy = s.zerocopy;
	base->irqhint = s.irqhint;
	base->guest_dead = s.guest_dead;
}

void scene_metrics(struct scene *s)
{
	const struct guest_report *t = &s->total;

	report_metric(s->report, "warnings", t->warnings);
	report_metric(s->report, "warnings_taken_back", t->cancelled);
	report_metric(s->report, "acks", t->acks);
	report_metric(s->report, "refusals", t->refusals);
	report_metric(s->report, "surprises", t->surprises);
	report_metric(s->report, "guest_io_errors", t->devices[0].io_errors);
	report_metric(s->report, "all_ones_reads", t->devices[0].all_ones);
	report_metric(s->report, "bad_sums", t->devices[0].bad_sums);
	report_metric(s->report, "io_done", t->devices[0].io_done);
	report_metric(s->report, "interrupts", t->interrupts[0] + t->interrupts[1]);
}

void scene_run(const struct scenario *scenario, struct scene *base)
{
	report_begin(base->report, scenario->name, base->options.machine->name);
	base->watchdog =
		watchdog_new(base->report->json, scenario->name, base->options.machine->name);
	for (uint32_t c = 0; scenario->chapters[c]; c++)
		for (const struct story *story = scenario->chapters[c]; story->name; story++) {
			if (base->only && strcmp(base->only, story->name) != 0)
				continue;
			if (base->guest_dead)
				report_skip(base->report, story->name,
					    "no guest came up before it");
			else
				tell(scenario, base, story);
		}
	scenario->metrics(base);
	watchdog_free(base->watchdog);
	report_end(base->report);
}
