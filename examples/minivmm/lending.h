/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VMM's zero-copy part: guest queues (pvqueue.h), the engine (zerocopy.h) and the destinations, and
 * the few lines between them.
 *
 * Three kinds of threads on KVM, one on the mock:
 *   owner     one for each queue: takes descriptors, reserves, sends           lending_serve()
 *   receiver  reads for destinations that are not stuck, hands in completions  lending_receive()
 *   main      performs the engine's actions                                    lending_pump()
 * Locks: `lock` the engine's VM object, a queue's own its pvqueue. Both are innermost; neither is held
 * while memory is replaced or a message is sent.
 */
#ifndef MINIVMM_LENDING_H
#define MINIVMM_LENDING_H

#include <vdev/pvqueue.h>
#include <vdev/zerocopy.h>

#include "transport.h"
#include "vm.h"

#define LENDING_BATCH 256u
#define LENDING_RESULTS 8u
#define LENDING_WRITERS 4u

/* A run of pages to be replaced. */
struct lending_job {
	uint64_t address, size;
	bool preserve;
	bool whole; /* all memory of the VM */
	int status;
};

/* What is known of a message, by its id: written before it is sent, so that whoever completes it finds
 * it. Messages that live have ids that differ modulo the number of slots. */
struct lending_slot {
	_Atomic uint64_t id, handle, length;
};

struct lending_queue {
	struct lending *lending;
	uint32_t index;
	pthread_mutex_t lock; /* of `ring` */
	struct vdev_pvqueue *ring;
	struct vdev_zerocopy_queue *queue;
	struct lending_slot *slots;
	/* KVM only */
	pthread_t owner;
	bool owned;
	int doorbell_fd;
};

/* A receive buffer whose destination has not written yet (Z11). */
struct lending_writer {
	uint64_t order; /* 0: free; else the lowest is the oldest */
	uint64_t id;
	uint64_t address, length;
	void *own; /* the machine's: the pages that are held */
};

/* What was done, for the checks. */
struct lending_counts {
	atomic_uint_fast64_t told[LENDING_RESULTS]; /* the guest, by VDEV_GUEST_DONE_... */
	atomic_uint_fast64_t reasons[VDEV_ZEROCOPY_COPY_REASONS]; /* answers of reserve() */
	atomic_uint_fast64_t bad; /* blocks that reserve() refused with an errno */
	atomic_uint_fast64_t send_failed, send_partial;
	atomic_uint_fast64_t raced; /* sent() found them complete already */
	atomic_uint_fast64_t batches, jobs, largest_batch;
	atomic_uint_fast64_t replaced_bytes;
	atomic_uint_fast64_t released, refused;
	atomic_uint_fast64_t replace_ns;
	atomic_int refused_status; /* of the last one */
};

struct lending {
	struct vm *vm;
	pthread_mutex_t lock; /* of `engine` */
	struct vdev_zerocopy *engine;
	struct lending_queue queues[LENDING_QUEUES];
	uint32_t queues_count;
	struct transport destinations[LENDING_DESTINATIONS];
	uint32_t destinations_count;
	struct lending_writer writers[LENDING_WRITERS];
	uint64_t writers_ever;
	pthread_mutex_t writers_lock;
	struct lending_counts counts;
	atomic_uint control; /* LENDING_... of the options; a story may change it */
	atomic_bool raise; /* an interrupt is due */
	atomic_int fail; /* status that replacements end with, for stories; 0: none */
	atomic_bool stop;
	/* KVM only */
	pthread_t receiver;
	bool receiving;
	struct vdev_pages *pages;
	char cannot[200]; /* why pages cannot be replaced while the guest runs; "": they can */
	bool rung; /* mock only: a queue has something */
};

/* When the engine is to be made: options.lending.queues is not 0. */
int lending_new(struct vm *vm);
void lending_free(struct vm *vm);

/* The guest touched the function's queue registers, or rang. */
void lending_changed(struct vm *vm);
void lending_doorbells(struct vm *vm, uint64_t bits);

/* Owner: takes up to `most` descriptors. Returns how many there were. */
uint32_t lending_serve(struct lending_queue *q, uint32_t most);
/* Receiver: one round. Returns whether there was anything. */
bool lending_receive(struct lending *l);
/* Hands in completions of ids, as a transport reports them; returns what complete() said. */
int lending_complete(struct lending *l, uint64_t lo, uint64_t hi, uint32_t flags);
/* Main: performs what waits. */
void lending_pump(struct vm *vm);

/* The guest, or management, wants everything back. */
int lending_reclaim_all(struct vm *vm, uint32_t mode, uint32_t flags);
int lending_reset_begin(struct vm *vm, uint32_t mode, uint32_t flags);
int lending_reset_end(struct vm *vm);

/* The oldest receive buffer's destination writes msg_pattern(seed) now, into the pages that it was
 * lent, and lets go. Its id, or TRANSPORT_NO_ID: there is none. */
uint64_t lending_write(struct lending *l, uint32_t seed);
uint64_t lending_oldest(struct lending *l); /* its id, without writing */

/* Between the files of this part. */
void lending_told(struct lending_queue *q, int mask);
/* After a round of work: one interrupt for all that the guest was told in it. */
void lending_flush(struct lending *l);
void lending_answer(struct lending_queue *q, uint64_t handle, uint32_t result, uint64_t arg);
struct lending_queue *lending_queue_of(struct lending *l, uint64_t id);
struct lending_slot *lending_slot(struct lending_queue *q, uint64_t id);
uint32_t lending_slots(const struct lending *l);
void lending_wake(struct lending *l, int mask);
int lending_hold(struct lending_queue *q, const struct vdev_pvqueue_message *m, uint64_t id);

struct vdev_zerocopy_stats lending_stats(struct vm *vm);

#endif
