/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VMM's interrupt-hint part: where the vCPUs are (cpumap.h), the engine (irqhint.h), and devices whose
 * events arise on a host CPU of our choice (source.c).
 *
 * A source's worker raises its events without a lock of the VM; what the guest programs is trapped and
 * reported in the vCPU's thread, under the device model's lock (H11).
 */
#ifndef MINIVMM_HINTS_H
#define MINIVMM_HINTS_H

#include <vdev/cpumap.h>
#include <vdev/irqhint.h>
#include <vdev/msi.h>

#include "pci.h"
#include "vm.h"

#define HINT_CPUS 4u /* host CPUs that are used */

/* What is done with what the engine says. */
#define HINTS_TELL 0u /* hints go to the guest */
#define HINTS_NONE 1u /* nothing: what it is compared with */
#define HINTS_CHOOSE 2u /* the VMM chooses among what the guest programmed (H10) */
#define HINTS_NEAREST 3u /* control: the VMM chooses, whatever the guest programmed */

struct source_vector {
	struct vdev_msi message;
	bool masked, pending;
};

/* Events that are raised one after the other, each when the one before was handled. */
struct burst {
	uint32_t type, cpu; /* host CPU, by its number */
	uint32_t count;
	uint64_t pace_ns; /* between two */
};

struct source_counts {
	uint64_t hits; /* handled on the event's CPU, from begin to end */
	uint64_t misses;
	uint64_t moved; /* of these: the vCPU moved while it handled */
	uint64_t lost; /* never handled */
	uint64_t undeliverable; /* the guest programmed nothing that could be */
	uint64_t told, full; /* hints that went to the guest; that found no room */
	uint64_t chosen; /* by the VMM, among those that the guest allows */
	uint64_t handled_ns, worst_ns; /* from event to the end of its handler */
};

struct source {
	struct pci_fn fn;
	struct vm *vm;
	uint32_t index;
	uint64_t dev; /* in the engine; fn.unit is its name for the backend */
	struct source_vector vectors[SOURCE_TYPES]; /* the device model's lock */
	uint64_t nonsense; /* entries that the guest wrote and that are no interrupts */
	/* The worker's. A new burst may be written when none goes on. */
	struct burst burst;
	atomic_uint ordered, finished; /* bursts */
	uint32_t left;
	uint64_t next_ns, raised_ns, give_up_ns;
	bool waiting;
	/* Events: the handler's end makes the two equal. */
	atomic_uint raised, handled;
	atomic_uint event_cpu;
	uint32_t begin_cpu;
	struct source_counts counts;
	/* KVM only */
	pthread_t worker;
	bool working;
	atomic_bool stop;
	int kick_fd, irq_fds[SOURCE_TYPES];
};

struct hints {
	struct vm *vm;
	struct vdev_cpumap *map;
	struct vdev_irqhint *engine;
	uint32_t cpus[HINT_CPUS], cpus_count; /* host CPUs, by number */
	struct source *sources[SOURCES];
	uint32_t sources_count;
	struct vdev_msi_cpu apics[GUEST_CPUS];
	atomic_uint
		placed[GUEST_CPUS]; /* KVM: host CPU that a vCPU was put on; VDEV_CPUMAP_NOWHERE */
	atomic_uint mode; /* HINTS_... */
	struct vdev_irqhint_config config;
	struct vdev_irqhint_cpu *topology; /* by number of the host CPU */
	atomic_bool lies; /* the provider says the CPU after the right one */
	atomic_bool hangs; /* it does not look any more */
	atomic_bool in_kernel; /* events reach the guest without the VMM (H12) */
	void *provider; /* the machine's */
	const char *provider_name;
};

/* What differs between the real and the mock machine. */
struct hint_machine {
	uint32_t (*cpus)(struct vm *vm, uint32_t *ret_cpus, uint32_t most); /* host CPUs */
	int (*place)(struct vm *vm, uint32_t vcpu, uint32_t cpu); /* puts a vCPU there */
	uint32_t (*here)(struct vm *vm); /* host CPU of the vCPU that calls */
	uint32_t (*arises)(struct source *s); /* host CPU of the worker that calls */
	int (*provide)(struct vm *vm, uint32_t kinds); /* begins to look where vCPUs are */
	void (*unprovide)(struct vm *vm);
	void (*locate)(struct vm *vm); /* looks now */
	int (*begin)(struct source *s); /* its worker */
	void (*end)(struct source *s);
	void (*kick)(struct source *s);
	/* `aimed` at one vCPU instead, of those that the guest programmed; NULL: as it is programmed */
	void (*deliver)(struct source *s, uint32_t type, const struct vdev_msi *aimed);
	/* The guest programmed this vector; usable: its message is an interrupt. */
	void (*route)(struct source *s, uint32_t type, bool usable);
	void (*deliver_in_kernel)(struct source *s, uint32_t type);
};

/* hints.c */
int hints_new(struct vm *vm); /* when options.hints.wanted */
void hints_free(struct vm *vm);
void hints_reset(struct vm *vm); /* the guest was reset */
int hints_migrate(struct vm *vm); /* the engine through an image, as on another host */
struct vdev_irqhint_stats hints_stats(struct vm *vm);
struct vdev_irqhint_info hints_info(struct source *s, uint32_t type);
/* Does what is due of all sources; as device_work(). */
uint64_t hints_work(struct vm *vm, uint64_t now_ns);
uint32_t hints_next_cpu(const struct hints *h, uint32_t cpu); /* the one after it, in turn */
void hints_end_workers(struct vm *vm);

/* sourcebar.c */
int source_new(struct vm *vm, const char *name, uint32_t address, struct source **ret_source);
void source_free(struct source *s);
void source_reset(struct source *s); /* with the device model's lock */
/* Whether somebody gets the interrupt now; a masked one is pending. With the device model's lock. */
bool source_deliverable(struct source *s, uint32_t type);

/* source.c */
void source_burst(struct source *s, const struct burst *burst);
bool source_busy(const struct source *s);
uint64_t source_work(struct source *s, uint64_t now_ns);

#endif
