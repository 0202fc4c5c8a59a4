/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A destination that writes into guest memory, on KVM: io_uring pins the pages of the receive buffer, as a
 * network card's driver would, and a read into them comes later. It goes to the pages that were
 * pinned, wherever the guest's addresses lead by then (Z11).
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "kvm.h"
#include "lending.h"
#include "uring.h"

#define PIPE_HOLDS 65536u /* without a reader */

struct pinned {
	struct uring ring;
	int fds[2]; /* a pipe that the bytes come through */
};

int lendwriter_hold(struct vm *vm, struct lending_writer *w)
{
	struct pinned *p = w->length > PIPE_HOLDS ? NULL : calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	w->own = p;
	p->fds[0] = p->fds[1] = -1;
	r = uring_open(&p->ring);
	if (!r)
		r = uring_pin(&p->ring, vm->ram + w->address, w->length);
	if (!r && pipe(p->fds))
		r = -errno;
	if (r)
		lendwriter_let_go(vm, w);
	return r;
}

static int fill_pipe(struct pinned *p, uint64_t length, uint32_t seed)
{
	for (uint64_t at = 0; at < length; at += 8) {
		uint64_t value = msg_pattern(seed, at);

		if (write(p->fds[1], &value, 8) != 8)
			return -errno;
	}
	return 0;
}

static int read_fixed(struct pinned *p, uint8_t *to, uint64_t length)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_READ_FIXED,
				   .fd = p->fds[0],
				   .addr = (uintptr_t)to,
				   .len = (uint32_t)length};
	struct io_uring_cqe cqe;
	int r = uring_submit(&p->ring, &sqe);

	while (r >= 0 && !uring_take(&p->ring, &cqe))
		r = uring_wait(&p->ring);
	return r < 0 ? r : cqe.res;
}

int lendwriter_write(struct vm *vm, struct lending_writer *w, uint32_t seed)
{
	struct pinned *p = w->own;
	uint64_t done = 0;
	int r = fill_pipe(p, w->length, seed);

	while (r >= 0 && done < w->length) {
		r = read_fixed(p, vm->ram + w->address + done, w->length - done);
		if (r == 0)
			return -EIO;
		done += r > 0 ? (uint64_t)r : 0;
	}
	return r < 0 ? r : 0;
}

void lendwriter_let_go(struct vm *vm, struct lending_writer *w)
{
	struct pinned *p = w->own;

	uring_close(&p->ring);
	for (uint32_t i = 0; i < 2; i++)
		if (p->fds[i] >= 0)
			close(p->fds[i]);
	free(p);
	w->own = NULL;
}
