/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a story is told with: a VM of its own, devices, orders to its guest, waiting, expectations.
 * A story is one named check: it holds when every expectation in it held.
 */
#ifndef MINIVMM_SCENE_H
#define MINIVMM_SCENE_H

#include "device.h"
#include "report.h"
#include "slot.h"
#include "vm.h"

#define PATIENCE_MS 8000u /* for anything that should happen soon */
#define SCENE_TIMES 16

/* What the stories of the scenario `zerocopy` add up. */
struct zerocopy_totals {
	uint64_t reclaims, granules, right_bytes, wrong_bytes, updates, lost_updates;
	uint64_t lent, copied, late;
	uint64_t control_wrong_bytes, control_lost_updates;
	int64_t vma_delta;
	uint64_t reclaim_ns, reclaim_bytes; /* in replacement, as the pump saw it */
};

/* What those of the scenario `irqhint` do. Shares are percent. */
struct irqhint_totals {
	uint32_t with_hints, without_hints, liar, host_side, many;
	uint64_t events, lost, hints, hints_again, followed, strays;
};

struct scene {
	struct report *report;
	struct watchdog *watchdog;
	struct vm_options options; /* a story changes options.removal before scene_open() */
	struct vm *vm;
	const char *program; /* our own file, for a second process */
	const char *only; /* the one story that is wanted; NULL: all */
	bool failed;
	bool skipped; /* `detail` says why */
	uint32_t expectations;
	char detail[400];
	struct {
		struct pci_fn *fn;
		uint64_t began_ns;
	} requests[SCENE_TIMES];
	uint32_t requests_count;
	long (*undo)(long value); /* what a story changed of the host: given back after its VM */
	long undo_value;
	bool guest_dead; /* the very first guest did not come up: no use in trying others */
	struct guest_report total; /* of all stories so far */
	struct zerocopy_totals zerocopy;
	struct irqhint_totals irqhint;
	bool strays; /* the story wants interrupts that no driver expects */
};

struct story {
	const char *name;
	const char *rules;
	void (*tell)(struct scene *s);
};

struct scenario {
	const char *name;
	const char *what;
	const struct story *const *chapters; /* lists that end in an empty story; NULL at the end */
	void (*end)(struct scene *s); /* of each story, while its VM is there; may be NULL */
	void (*metrics)(struct scene *s);
};

extern const struct scenario scenario_removal, scenario_zerocopy, scenario_irqhint;

/* Runs each story of a scenario in a VM of its own. */
void scene_run(const struct scenario *scenario, struct scene *base);
/* Makes a check of a story that has been told; and metrics of all removals. */
void scene_judge(struct scene *s, const struct story *story, uint64_t began_ns);
void scene_metrics(struct scene *s);

/* Makes the VM; devices can be added then. Starts it, and waits for the guest's drivers. */
bool scene_open(struct scene *s);
bool scene_start(struct scene *s);
struct device *scene_disk(struct scene *s, const struct device_spec *spec);
/* A disk on bus 0 at the given device number, warned through the pvdev function. */
struct device *scene_plain(struct scene *s, const char *name, uint32_t number);
struct port *scene_port(struct scene *s, const char *name, uint32_t number);
/* A disk at `function` of the port's slot. */
struct device *scene_card(struct scene *s, const char *name, struct port *port, uint32_t function);

/* Orders to the guest. Changes take effect at its next poll. */
struct guest_rule *scene_rule(struct scene *s, const struct pci_fn *fn);
/* What the guest's driver of this device saw. */
const struct guest_device *scene_seen(struct scene *s, const struct pci_fn *fn);

/* Events. */
int scene_request(struct scene *s, struct pci_fn *fn, const struct vdev_removal_request *request);
int scene_force(struct scene *s, struct pci_fn *fn);
int scene_declare(struct scene *s, struct pci_fn *fn, uint32_t source, uint32_t level);
int scene_cancel(struct scene *s, struct pci_fn *fn);
struct vdev_removal_info scene_info(struct scene *s, uint64_t unit);

/* Waiting; false: it did not happen in time. */
bool scene_level(struct scene *s, const struct pci_fn *fn, uint32_t level);
bool scene_traffic(struct scene *s, const struct pci_fn *fn); /* its I/O moves on */
bool scene_outcome(struct scene *s, const struct pci_fn *fn, uint32_t outcome);
bool scene_outcome_in(struct scene *s, const struct pci_fn *fn, uint32_t outcome, uint64_t ms);
bool scene_deed(struct scene *s, const struct pci_fn *fn, uint32_t kind);
bool scene_state(struct scene *s, const struct pci_fn *fn,
		 uint32_t state); /* in the guest: DEV_... */
bool scene_generation(struct scene *s, const struct pci_fn *fn, uint32_t generation);
bool scene_counter(struct scene *s, const uint64_t *counter, uint64_t at_least);
bool scene_word(struct scene *s, const uint32_t *word, uint32_t at_least);

/* What was done, in order: "WARN HIDE ... RELEASE"; outcomes are left out. */
const char *scene_order(struct scene *s, const struct pci_fn *fn, char *buf, size_t size);
bool scene_did(struct scene *s, const struct pci_fn *fn, const char *order);
uint32_t scene_count(struct scene *s, const struct pci_fn *fn, uint32_t kind);
uint32_t scene_outcomes(struct scene *s, const struct pci_fn *fn, uint32_t outcome);
const struct deed *scene_last(struct scene *s, const struct pci_fn *fn, uint32_t kind);

/* Notes the first expectation that did not hold; returns ok. */
bool scene_expect(struct scene *s, bool ok, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* This machine cannot show it, and why: neither held nor failed. */
void scene_skip(struct scene *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What a person should know about a story that held. */
void scene_tell(struct scene *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define EXPECT(s, condition, ...) scene_expect(s, condition, __VA_ARGS__)
#define NEED(s, condition, ...)                               \
	do {                                                  \
		if (!scene_expect(s, condition, __VA_ARGS__)) \
			return;                               \
	} while (0)

#define FULL_TAIL "HIDE DRAIN IRQ_OFF RESET DETACH_EVENTS UNMAP_BARS LEAVE_DMA RELEASE"

#endif
