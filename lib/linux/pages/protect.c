/* SPDX-License-Identifier: BSD-3-Clause */
/* PRESERVE: writers wait, and the contents are copied out meanwhile. */
/* ANALYZER: pieces times covers times what failed; nothing is allocated here. */
#include <string.h>

#include "internal.h"

/* Pieces farther apart have covers of their own: what lies between them is protected, too. */
#define NEAR_BYTES (UINT64_C(1) << 20)

/* The pieces from `first` on that one cover takes; returns the one after them. */
static uint32_t cover_of(const struct vdev_pages *p, uint32_t first, struct span *ret_span)
{
	const struct region *r = p->pieces[first].region;
	uint32_t i;

	*ret_span = (struct span){.begin = p->pieces[first].host, .step = r->granule};
	for (i = first; i < p->piece_count; i++) {
		const struct piece *piece = &p->pieces[i];

		if (!vdev__piece_preserves(piece))
			continue;
		if (piece->region != r ||
		    (ret_span->end && piece->host - ret_span->end > NEAR_BYTES))
			break;
		ret_span->end = piece->host + piece->bytes;
	}
	return i;
}

/* The span is known to the thread of serve.c before and as long as anything is protected. */
static void publish(struct vdev_pages *p, uint32_t count)
{
	pthread_mutex_lock(&p->serve_lock);
	p->cover_count = count;
	pthread_mutex_unlock(&p->serve_lock);
}

static int set_protection(struct vdev_pages *p, const struct span *span, int on)
{
	struct vdev__uffd_fill f = {.host = span->begin,
				    .bytes = span->end - span->begin,
				    .step = span->step,
				    .protected = on};
	int err = vdev__uffd_protect(p, &f);

	if (err)
		vdev__pages_because(p, err, "UFFDIO_WRITEPROTECT (%s): %s", on ? "on" : "off",
				    strerror(-err));
	return err;
}

void vdev__batch_protect(struct vdev_pages *p)
{
	uint32_t i = 0, next, n = 0;

	while (i < p->piece_count) {
		int err;

		if (!vdev__piece_preserves(&p->pieces[i]) || !p->pieces[i].region->live) {
			i++;
			continue;
		}
		next = cover_of(p, i, &p->covers[n]);
		publish(p, ++n);
		err = set_protection(p, &p->covers[n - 1], 1);
		for (; i < next; i++)
			if (err && vdev__piece_preserves(&p->pieces[i]))
				p->pieces[i].status = err;
	}
}

/* Who waits where it failed tries again, and the thread of serve.c sees to it. */
void vdev__batch_unprotect(struct vdev_pages *p)
{
	uint32_t i, n = p->cover_count;
	int failed = 0;

	for (i = 0; i < n; i++)
		failed |= set_protection(p, &p->covers[i], 0);
	publish(p, 0);
	for (i = 0; failed && i < n; i++)
		vdev__uffd_wake(p, p->covers[i].begin, p->covers[i].end - p->covers[i].begin);
}

/*
 * Words, and as atomics: where no userfaultfd stops them, others may write although they should
 * not.
 */
static void copy_words(uint8_t *to, uint64_t from, uint64_t bytes)
{
	const uint64_t *src = (const uint64_t *)(uintptr_t)from;
	uint64_t *dst = (uint64_t *)(void *)to;
	uint64_t i;

	for (i = 0; i < bytes / sizeof(*src); i++)
		dst[i] = __atomic_load_n(&src[i], __ATOMIC_RELAXED);
}

void vdev__batch_copy_out(struct vdev_pages *p)
{
	uint32_t i;

	for (i = 0; i < p->piece_count; i++)
		if (vdev__piece_preserves(&p->pieces[i]))
			copy_words(p->copy + p->pieces[i].copy_at, p->pieces[i].host,
				   p->pieces[i].bytes);
}

/* Nobody served their faults meanwhile, and no fill woke who waits. */
void vdev__batch_wake_failed(struct vdev_pages *p)
{
	uint32_t i;

	for (i = 0; p->uffd >= 0 && i < p->piece_count; i++)
		if (!vdev__piece_alive(&p->pieces[i]))
			vdev__uffd_wake(p, p->pieces[i].host, p->pieces[i].bytes);
}
