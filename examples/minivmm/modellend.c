/* SPDX-License-Identifier: BSD-3-Clause */
/* The zero-copy part on the mock machine: what threads do on KVM is done in turns. See lending.h. */
#include "lending.h"
#include "model.h"

int model_lend(struct vm *vm)
{
	return 0;
}

void model_lend_ring(struct vm *vm, struct lending_queue *q)
{
	q->lending->rung = true;
}

int model_lend_round(struct vm *vm)
{
	struct lending *l = vm->lending;
	int busy;

	if (!l)
		return 0;
	busy = l->rung;
	l->rung = false;
	for (uint32_t i = 0; busy && i < l->queues_count; i++)
		l->rung |= lending_serve(&l->queues[i], LENDING_BATCH) == LENDING_BATCH;
	busy |= lending_receive(l);
	lending_pump(vm);
	return busy;
}

void model_lend_replace(struct vm *vm, struct lending_job *jobs, uint32_t count)
{
	uint32_t control = atomic_load(&vm->lending->control);

	for (uint32_t i = 0; i < count; i++) {
		struct lending_job *j = &jobs[i];

		if (control & LENDING_NO_REPLACEMENT)
			j->status = 0;
		else
			j->status = model_replace(vm->model, j->whole ? 0 : j->address,
						  j->whole ? GUEST_RAM_SIZE : j->size, j->preserve,
						  !(control & LENDING_UNPROTECTED));
	}
}
