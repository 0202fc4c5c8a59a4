/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mock machine's transport: a destination that holds pages and reads them when it likes, through
 * the model of host pages. It holds as many pieces as a pipe does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vdev/zerocopy.h>

#include "model.h"
#include "transport.h"
#include "vm.h"

#define PIECES 256u

struct piece {
	struct model_page *page; /* NULL: a copy */
	uint32_t from, length;
	uint8_t *copy;
};

struct reader {
	struct piece pieces[PIECES];
	uint32_t first, count, offset;
};

static int open_model(struct transport *t)
{
	t->own = calloc(1, sizeof(struct reader));
	return t->own ? 0 : -ENOMEM;
}

static struct piece *next_piece(struct reader *r)
{
	if (r->count == PIECES)
		return NULL;
	return &r->pieces[(r->first + r->count) % PIECES];
}

static ssize_t lend(struct transport *t, const struct iovec *block, uint64_t id)
{
	uint64_t at = (uint64_t)((uint8_t *)block->iov_base - t->vm->ram), done = 0;
	struct reader *r = t->own;
	struct piece *p;

	while (done < block->iov_len && (p = next_piece(r)) != NULL) {
		uint64_t from = (at + done) % MODEL_PAGE, n = MODEL_PAGE - from;

		n = n < block->iov_len - done ? n : block->iov_len - done;
		*p = (struct piece){.page = model_hold(t->vm->model, at + done),
				    .from = (uint32_t)from,
				    .length = (uint32_t)n};
		if (!p->page)
			break;
		r->count++;
		done += n;
	}
	return done ? (ssize_t)done : -EAGAIN;
}

static ssize_t copy(struct transport *t, const struct iovec *block)
{
	struct reader *r = t->own;
	struct piece *p = next_piece(r);

	if (!p)
		return -EAGAIN;
	*p = (struct piece){.copy = malloc(block->iov_len), .length = (uint32_t)block->iov_len};
	if (!p->copy)
		return -ENOMEM;
	memcpy(p->copy, block->iov_base, block->iov_len);
	r->count++;
	return (ssize_t)block->iov_len;
}

static void end(struct transport *t)
{
	struct reader *r = t->own;
	struct piece *p = &r->pieces[r->first];

	if (p->page)
		model_drop(t->vm->model, p->page);
	free(p->copy);
	r->first = (r->first + 1) % PIECES;
	r->count--;
	r->offset = 0;
}

static ssize_t receive(struct transport *t, void *buf, size_t size)
{
	struct reader *r = t->own;
	struct piece *p = &r->pieces[r->first];
	const uint8_t *from;
	size_t n;

	if (!r->count)
		return 0;
	from = p->page ? model_bytes(t->vm->model, p->page) + p->from : p->copy;
	n = p->length - r->offset < size ? p->length - r->offset : size;
	memcpy(buf, from + r->offset, n);
	r->offset += (uint32_t)n;
	if (r->offset == p->length)
		end(t);
	return (ssize_t)n;
}

/* The shape that was measured on real machines: a copy costs by the byte, a loan mostly by itself. */
static uint64_t cost(bool lent, uint64_t bytes)
{
	return lent ? 250 + bytes / MODEL_PAGE * 30 : 7 + bytes / 32;
}

static void close_model(struct transport *t)
{
	struct reader *r = t->own;

	while (r && r->count)
		end(t);
	free(r);
}

const struct transport_ops transport_model = {
	.name = "model",
	.read_completes = VDEV_ZEROCOPY_RESPONSE | VDEV_ZEROCOPY_TASK,
	.open = open_model,
	.send = lend,
	.copy = copy,
	.receive = receive,
	.cost = cost,
	.close = close_model,
};
