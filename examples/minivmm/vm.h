/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mini-VMM's machine: memory, bus, devices, the removal engine, and what differs between KVM
 * and the mock behind one table of functions.
 *
 * Locks: `lock` guards the device model, machine->lock() the library's objects (it is the runtime's
 * lock on KVM). Order: first `lock`, then the engine's. Neither is held while actions are dispatched.
 */
#ifndef MINIVMM_VM_H
#define MINIVMM_VM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <vdev/irqhint.h>
#include <vdev/vdev.h>
#include <vdev/zerocopy.h>

#include "guest/layout.h"
#include "pci.h"

#define MS 1000000ull
#define SECOND 1000000000ull
#define VM_FUNCTIONS 32
#define VM_DEEDS 512
#define VM_FAULTS 8
#define LENDING_QUEUES 4u
#define LENDING_DESTINATIONS 8u
#define LENDING_SLOTS 1024u

struct vm;
struct device;
struct port;
struct trace;
struct lending;
struct lending_job;
struct lending_queue;
struct lending_writer;
struct model;
struct hints;
struct hint_machine;
struct transport_ops;

/* What differs between the real and the mock machine. */
struct machine {
	const char *name;
	int (*open)(struct vm *vm); /* from here on now() works */
	void (*close)(struct vm *vm);
	int (*connect)(struct vm *vm); /* the engine exists now */
	int (*start)(struct vm *vm); /* CPUs begin at the guest's entry */
	int (*go_on)(struct vm *vm); /* CPUs go on where a loaded image left them */
	void (*pause)(struct vm *vm); /* returns when no CPU runs */
	void (*resume)(struct vm *vm);
	uint64_t (*now)(struct vm *vm);
	void (*lock)(struct vm *vm); /* of the library's objects */
	void (*unlock)(struct vm *vm);
	void (*dispatch)(struct vm *vm); /* performs the actions that wait */
	void (*complete)(struct vm *vm, uint64_t action_id, int status);
	void (*slice)(
		struct vm *vm); /* lets about a millisecond pass, or less if something happens */
	void (*message)(struct vm *vm, uint64_t address, uint32_t data); /* MSI */
	void (*interrupt)(struct vm *vm, struct device *d); /* MSI of a device */
	void (*routes)(struct vm *vm); /* the guest programmed an MSI capability */
	int (*attach)(struct vm *vm, struct device *d); /* events, memory, worker */
	void (*release)(struct vm *vm, struct device *d); /* ends the worker, closes everything */
	void (*kick)(struct vm *vm, struct device *d); /* wakes its worker */
	bool (*gated)(struct vm *vm, struct device *d);
	int (*rename)(struct vm *vm, uint64_t old_unit, uint64_t new_unit);
	/* Makes one of the library backend's own steps (detach, unmap) fail from now on. */
	int (*fail)(struct vm *vm, uint64_t unit, uint32_t kind, int status);
	/* The zero-copy part, see lending.h. */
	int (*lend)(struct vm *vm); /* from here on its owners and its receiver work */
	void (*unlend)(struct vm *vm);
	void (*ring)(struct vm *vm, struct lending_queue *q); /* its owner looks */
	void (*poke)(struct vm *vm); /* the pump looks */
	void (*replace)(struct vm *vm, struct lending_job *jobs, uint32_t count);
	/* A destination that writes: its hold on the pages, its late write, and the end of both. */
	int (*hold)(struct vm *vm, struct lending_writer *w);
	int (*write)(struct vm *vm, struct lending_writer *w, uint32_t seed);
	void (*let_go)(struct vm *vm, struct lending_writer *w);
	void (*turn)(struct vm *vm); /* the guest runs on, where it does not by itself */
	const struct hint_machine *hints; /* the interrupt-hint part, see hints.h */
	int (*save)(struct vm *vm, FILE *file); /* CPUs */
	int (*load)(struct vm *vm, FILE *file);
};

extern const struct machine machine_mock;
/* Only in builds with a KVM part. */
const struct machine *machine_kvm(void);
bool machine_kvm_usable(void);

/* One performed action, for the checks. */
struct deed {
	struct vdev_action action;
	struct pci_fn *fn;
	uint64_t now_ns;
	int status;
};

/* A step of our own that fails on demand. */
struct fault {
	struct pci_fn *fn;
	uint32_t kind;
	int status; /* negative errno; 0: it never ends */
	uint64_t hanging; /* action that does not end */
};

/* What guest memory is made of. */
#define MEMORY_SHARED 0u
#define MEMORY_ANONYMOUS 1u
#define MEMORY_MEMFD 2u
#define MEMORY_HUGE 3u /* hugetlb */

/* Controls: what goes wrong without the library's page replacement. */
#define LENDING_NO_REPLACEMENT 0x1u /* says that it replaced the pages, and does nothing */
#define LENDING_UNPROTECTED 0x2u /* copies while the guest writes, then changes the pages */

struct lending_options {
	uint32_t queues; /* 0: no zero-copy part */
	uint32_t memory; /* MEMORY_... */
	uint32_t control; /* LENDING_NO_REPLACEMENT, LENDING_UNPROTECTED */
	uint32_t slots; /* of a queue; 0: LENDING_SLOTS */
	uint64_t threshold_bytes;
	uint64_t fixed_from; /* RAM from here on cannot be taken out; 0: all can */
	uint32_t reset_flags; /* of vdev_zerocopy_reset_begin() */
	bool adaptive;
	struct vdev_zerocopy_config engine;
	const struct transport_ops *destinations[LENDING_DESTINATIONS];
};

struct hints_options {
	bool wanted; /* there is an interrupt-hint part */
	bool lies; /* its provider does */
	uint32_t mode; /* HINTS_TELL .. */
	uint32_t kinds; /* providers that may be chosen, as in vdev_cpusource_config; 0: all */
	uint32_t topology_count;
	struct vdev_irqhint_cpu topology[4]; /* of the host CPUs that are used, in their order */
	struct vdev_irqhint_config engine;
};

struct vm_options {
	uint32_t cpus; /* 0: GUEST_CPUS_USUAL */
	const struct machine *machine;
	const char *guest; /* file name */
	struct trace *trace;
	struct vdev_removal_config removal;
	struct lending_options lending;
	struct hints_options hints;
};

struct vm {
	struct vm_options options;
	const struct machine *machine;
	void *host; /* the machine's own state */
	uint8_t *ram;
	int memory_fd; /* -1: none behind it */
	uint64_t granule; /* what can be replaced of it at a time */
	struct lending *lending; /* NULL: none */
	struct model *model; /* mock only */
	struct hints *hints; /* NULL: none */
	uint32_t cpus;
	pthread_mutex_t lock;
	struct pci_fn *functions[VM_FUNCTIONS];
	uint32_t functions_count;
	struct pci_fn pv;
	struct vdev_env env;
	struct vdev_removal *removal;
	struct vdev_pvdev *pvdev;
	struct deed deeds[VM_DEEDS];
	atomic_uint deeds_count;
	struct fault faults[VM_FAULTS];
	uint32_t faults_count;
	uint64_t next_id; /* management's names */
	uint64_t next_memory; /* where the next BAR goes */
	uint32_t next_bus;
	uint32_t unholds; /* migrations given up for a FORCE */
	uint32_t resets_refused; /* times that the end of a reset had to wait for a removal (R17) */
	bool running;
	pthread_mutex_t broken_lock;
	char broken[160]; /* why the guest cannot go on */
	atomic_bool is_broken;
};

/* What a machine is loaded from: images of the library's objects. */
struct vm_image {
	void *removal, *pvdev;
	size_t removal_size, pvdev_size;
};

/* A machine with an empty bus; image NULL: a new one. */
int vm_new(struct vm **ret_vm, const struct vm_options *options, const struct vm_image *image);
void vm_free(struct vm *vm);
int vm_start(struct vm *vm);
int vm_go_on(struct vm *vm); /* a loaded one */
void vm_broken(struct vm *vm, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Waits until condition() holds, with the main loop going on; false after `ms`. */
bool vm_wait(struct vm *vm, bool (*condition)(struct vm *vm, const void *arg), const void *arg,
	     uint64_t ms);
void vm_run_for(struct vm *vm, uint64_t ms);
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);
int vm_reset(struct vm *vm); /* guest reset, both phases */

uint64_t vm_now(struct vm *vm);
void vm_dispatch(struct vm *vm);
void vm_lock(struct vm *vm); /* the device model */
void vm_unlock(struct vm *vm);
void vm_engine_lock(struct vm *vm);
void vm_engine_unlock(struct vm *vm);

/* memory.c */
int memory_new(struct vm *vm);
void memory_free(struct vm *vm);
int memory_load_guest(struct vm *vm);
void memory_clear(struct vm *vm); /* as a reset leaves it: command and report pages stay */
void *memory_at(struct vm *vm, uint64_t address, uint64_t length); /* NULL: not RAM */
struct guest_command *guest_command(struct vm *vm);
struct guest_report *guest_report(struct vm *vm);

/* deeds.c: the VMM's own backend */
const struct vdev_backend_ops *deeds_ops(void);
int deeds_perform(struct vm *vm, const struct vdev_action *action);
void deeds_fault(struct vm *vm, struct pci_fn *fn, uint32_t kind, int status);
void deeds_unstick(struct vm *vm); /* what hangs ends well now */

/* pvfn.c: the paravirtual management function on the bus */
int pvfn_new(struct vm *vm, const struct vm_image *image);
int pvfn_perform(struct vm *vm, const struct vdev_action *action);

/* save.c */
int vm_save(struct vm *vm, FILE *file);
int vm_load(struct vm **ret_vm, const struct vm_options *options, FILE *file);

#endif
