/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The BPF provider: what its files share.
 *
 * A thread that is attached has a slot, in which the program notes its place; several vCPUs of one thread share it. The
 * cpusource lets its calls take turns, so nothing here is locked. Places are written by the program at any time, and by
 * user space only where it has not: fetched anew and compared (first.c).
 */
#ifndef VDEV__BPF_INTERNAL_H
#define VDEV__BPF_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include <vdev/bpfsource.h>

#include "env.h"
#include "place.h"

struct bpf_object;
struct bpf_link;

struct slot {
	int32_t tid; /* 0: free */
	uint32_t users; /* vCPUs */
};

struct vdev_bpfsource {
	struct vdev_env env;
	struct bpf_object *object;
	struct bpf_link *link;
	int tids; /* map, of the object */
	uint64_t *places; /* mapped; by slot */
	size_t places_size;
	uint32_t vcpus; /* and as many slots from SLOT_FIRST on */
	uint32_t busy; /* 1: serves a cpusource */
	int32_t pid; /* of it */
	struct slot *slots; /* by slot */
	uint32_t *slot_of; /* by vCPU; SLOT_PROCESS: none */
};

/* The program, made by embed.py */
extern const unsigned int vdev__bpf_program_size;
extern const unsigned char vdev__bpf_program[];

/* A text that ends up where vdev_bpfsource_new() was told; returns err. */
struct reason {
	char *text;
	size_t size;
};
int vdev__bpf_because(const struct vdev_bpfsource *b, const struct reason *r, int err,
		      const char *fmt, ...) VDEV__PRINTF(4, 5);

/* load.c: -ENOENT and on, as vdev_bpfsource_new() says. What it began is undone by unload, also when it failed. */
int vdev__bpf_load(struct vdev_bpfsource *b, const struct reason *r);
void vdev__bpf_unload(struct vdev_bpfsource *b);

/* ops.c: for the trial; 0 or a negative errno. The slot is SLOT_FIRST and on. */
int vdev__bpf_register(struct vdev_bpfsource *b, uint32_t slot, int32_t tid);
void vdev__bpf_unregister(struct vdev_bpfsource *b, uint32_t slot);
uint64_t vdev__bpf_place(const struct vdev_bpfsource *b, uint32_t slot);
void vdev__bpf_process(struct vdev_bpfsource *b, int32_t pid);

/*
 * first.c: the place of a slot's thread that the program has not seen so far, from /proc. 0, also when the program was
 * faster; -ESRCH: it has ended; -ENOENT: not known.
 */
int vdev__bpf_first(struct vdev_bpfsource *b, uint32_t slot);

#endif
