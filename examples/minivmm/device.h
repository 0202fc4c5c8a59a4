/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Block device: the guest puts requests in a ring in its memory and rings a doorbell; a worker sums
 * the data up, writes the answer to guest memory and sends an MSI. README.md has its registers.
 */
#ifndef MINIVMM_DEVICE_H
#define MINIVMM_DEVICE_H

#include <pthread.h>

#include "guest/layout.h"
#include "pci.h"

/* A request that was begun. A copy: the guest may change its own while we work. */
struct begun {
	bool used;
	uint64_t due_ns;
	struct blk_request request;
};

struct device {
	struct pci_fn fn;
	struct vm *vm;
	uint64_t ring;
	uint32_t enabled;
	uint32_t done;
	struct begun begun[BLK_SLOTS];
	uint64_t service_ns; /* time that a request takes */
	bool stuck; /* requests never finish */
	bool quiesced; /* begins none */
	bool dead; /* its worker is gone (a backend that crashed) */
	uint64_t ending; /* action that ends when nothing is in flight, 0: none */
	uint8_t *memory; /* BAR 1 */
	uint32_t index;
	/* KVM only */
	pthread_t worker;
	bool working, stop;
	int kick_fd, irq_fd;
};

struct device_spec {
	const char *name;
	uint32_t address;
	struct port *port; /* plugged into this slot (address: on its bus) */
	struct pci_fn *above; /* below this bridge or PF */
	uint32_t transport; /* 0: the pvdev function */
	uint32_t flags; /* VDEV_REMOVAL_HOTPLUG, VDEV_REMOVAL_TRACK_TOUCH */
	uint32_t unasked;
	uint64_t id; /* 0: a new one */
};

int device_new(struct vm *vm, const struct device_spec *spec, struct device **ret_device);
struct device *device_blank(struct vm *vm); /* not on the bus; NULL: no memory */
void device_free(struct device *d);
/* Does what is due; returns when there is more to do, UINT64_MAX: at the next kick. */
uint64_t device_work(struct device *d, uint64_t now_ns);
uint32_t device_in_flight(const struct device *d);

/* Deeds. 0, or VDEV_BACKEND_LATER and the worker reports action_id. */
int device_quiesce(struct device *d, uint64_t action_id);
int device_drain(struct device *d, uint64_t action_id);
void device_resume(struct device *d);
/* Takes the lock itself: requests never finish, until it is told otherwise. */
void device_jam(struct device *d, bool stuck);
void device_reset(struct device *d);

#endif
