/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host pages of the mock machine: who holds a page of guest memory reads it through here, and goes on
 * reading the same page when the guest has got a fresh one in its place. The page that the guest has
 * now is its bytes in `ram`; one that was taken out carries its own.
 */
#ifndef MINIVMM_MODEL_H
#define MINIVMM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define MODEL_PAGE 4096u

struct model;
struct model_page;
struct vm;
struct lending_job;
struct lending_queue;
struct lending_writer;

struct model *model_new(struct vm *vm);
void model_free(struct model *m);

/* Takes hold of the page that the guest has at this address now; NULL: no memory. */
struct model_page *model_hold(struct model *m, uint64_t address);
void model_drop(struct model *m, struct model_page *page);
/* What is in a page that is held, now. */
uint8_t *model_bytes(struct model *m, struct model_page *page);
/* Pages that were taken out and are still held. */
uint32_t model_away(const struct model *m);

/*
 * Fresh pages in place of [address, address + size): zeroes, or with the same contents. Write-protected,
 * the guest waits meanwhile; else it runs between the copy and the change, as a second CPU would.
 * 0 or a negative errno.
 */
int model_replace(struct model *m, uint64_t address, uint64_t size, bool preserve, bool protect);
/* The zero-copy part's threads are turns here, see struct machine. */
int model_lend(struct vm *vm);
void model_lend_ring(struct vm *vm, struct lending_queue *q);
void model_lend_replace(struct vm *vm, struct lending_job *jobs, uint32_t count);
/* One turn of owners, receiver and pump; returns whether there was anything to do. */
int model_lend_round(struct vm *vm);
/* A destination that writes into pages that it holds, see struct machine. */
int model_writer_hold(struct vm *vm, struct lending_writer *w);
int model_writer_write(struct vm *vm, struct lending_writer *w, uint32_t seed);
void model_writer_let_go(struct vm *vm, struct lending_writer *w);

/* The guest may run. */
bool model_writable(const struct model *m);

#endif
