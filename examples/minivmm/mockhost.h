/* SPDX-License-Identifier: BSD-3-Clause */
/* The mock machine: what mockvcpu.c (guest, clock), mockpump.c (actions) and mockhints.c (CPUs) share. */
#ifndef MINIVMM_MOCKHOST_H
#define MINIVMM_MOCKHOST_H

#include "guest/layout.h"
#include "vm.h"

#define LATERS 32

struct platform {
	struct vm *vm;
};

/* An action that ends later: it is over when both backends have ended their part. */
struct later {
	uint64_t id;
	int waiting;
	int status;
};

struct host {
	struct platform platform;
	struct vdev_mock *mock;
	uint64_t now;
	uint64_t ran; /* time that the guest has run */
	bool running;
	bool pumping;
	uint64_t ticked;
	uint32_t turn; /* CPU whose turn it is */
	uint64_t vectors[GUEST_CPUS][4]; /* pending */
	struct later laters[LATERS];
};

static inline struct host *host_of(struct vm *vm)
{
	return vm->host;
}

/* mockpump.c */
void mock_complete(struct vm *vm, uint64_t id, int status);
void mock_pump(struct vm *vm);

/* mockhints.c */
extern const struct hint_machine mockhints_machine;

#endif
