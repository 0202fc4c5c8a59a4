/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 9: receive buffers (Z11). A destination that writes late writes into pages that nobody has. */
#include <errno.h>
#include <string.h>

#include "zerocopy.h"

static bool post(struct scene *s, uint32_t block, uint64_t cookie, uint32_t timeout_ms)
{
	return GIVE(s, .what = MSG_DO_RECEIVE, .address = zerocopy_block(block), .length = PAGE,
		    .seed = 50 + block, .cookie = cookie, .timeout_ms = timeout_ms);
}

static bool possible(struct scene *s)
{
	struct lending_writer w = {.address = MSG_BLOCKS, .length = PAGE};
	int r = s->vm->machine->hold(s->vm, &w);

	if (!r)
		s->vm->machine->let_go(s->vm, &w);
	if (r == -EPERM || r == -ENOSYS || r == -EOPNOTSUPP)
		scene_skip(s, "io_uring, which pins the buffers, is not permitted: %s",
			   strerror(-r));
	return !r && EXPECT(s, !r, "a page cannot be pinned: %s", strerror(-r));
}

static void in_time(struct scene *s)
{
	if (!zerocopy_begin(s) || !possible(s))
		return;
	NEED(s, post(s, 0, 1, 0) && zerocopy_lent(s, 1), "not lent");
	lending_write(s->vm->lending, 50);
	NEED(s, zerocopy_told(s, 1, VDEV_GUEST_DONE_SENT), "the guest was not told");
	EXPECT(s, !zerocopy_seen(s)->wrong_received, "the guest did not find what was written");
	scene_tell(s, "a page written and found");
}

static void refused(struct scene *s)
{
	if (!zerocopy_begin(s))
		return;
	/* it shares its page with other data: nobody may write there but the guest */
	NEED(s,
	     GIVE(s, .what = MSG_DO_RECEIVE, .address = zerocopy_block(1) + 64, .length = 512,
		  .cookie = 1),
	     "the guest takes no orders");
	NEED(s, zerocopy_told(s, 1, VDEV_GUEST_DONE_REFUSED), "a part of a page was lent");
	EXPECT(s, s->vm->lending->counts.reasons[VDEV_ZEROCOPY_COPY_PARTIAL] == 1,
	       "not for that reason");
	scene_tell(s, "a buffer that shares its page with other data is not lent");
}

static int preserve(struct scene *s, uint64_t id)
{
	struct lending *l = s->vm->lending;
	int r;

	pthread_mutex_lock(&l->lock);
	r = vdev_zerocopy_reclaim(l->engine, vm_now(s->vm), id, VDEV_ZEROCOPY_PRESERVE);
	pthread_mutex_unlock(&l->lock);
	return r;
}

/* A quarantined buffer: the request has failed, the guest writes there, and then the write comes. */
static void late_write(struct scene *s)
{
	uint64_t id;

	if (!zerocopy_begin(s) || !possible(s))
		return;
	NEED(s, post(s, 0, 1, 10), "the guest takes no orders");
	NEED(s, zerocopy_told(s, 1, VDEV_GUEST_DONE_FAILED), "it did not fail");
	NEED(s, DO(s, .what = MSG_DO_FILL, .address = zerocopy_block(0), .length = PAGE, .seed = 7),
	     "the guest takes no orders");
	id = lending_write(s->vm->lending, 50);
	NEED(s, id != TRANSPORT_NO_ID, "nobody held the buffer");
	NEED(s, zerocopy_quarantined(s, 0), "the quarantine did not end");
	NEED(s,
	     DO(s, .what = MSG_DO_CHECK, .address = zerocopy_block(0), .length = PAGE, .seed = 7),
	     "the guest takes no orders");
	EXPECT(s, !zerocopy_seen(s)->wrong_after, "the late write reached the guest");
	/* and what a guest asks for cannot be preserved */
	NEED(s, post(s, 1, 3, 0) && zerocopy_lent(s, 2), "not lent");
	EXPECT(s, preserve(s, lending_oldest(s->vm->lending)) == -EOPNOTSUPP,
	       "PRESERVE of a receive buffer was not refused");
	NEED(s, GIVE(s, .what = MSG_DO_RECLAIM, .target = 3, .cookie = 4, .flags = MSG_ZERO),
	     "the guest takes no orders");
	NEED(s, zerocopy_told(s, 3, VDEV_GUEST_DONE_FAILED), "it did not fail");
	lending_write(s->vm->lending, 51);
	NEED(s, zerocopy_quarantined(s, 0), "the quarantine did not end");
	scene_tell(s,
		   "the request failed, the guest wrote anew, the late write touched none of it");
}

/* The control: without replacement the late write destroys what the guest wrote. */
static void control_late_write(struct scene *s)
{
	const uint8_t *at;

	s->options.lending.control = LENDING_NO_REPLACEMENT;
	if (!zerocopy_begin(s) || !possible(s))
		return;
	NEED(s, post(s, 0, 1, 10), "the guest takes no orders");
	NEED(s, zerocopy_told(s, 1, VDEV_GUEST_DONE_FAILED), "it did not fail");
	at = memory_at(s->vm, zerocopy_block(0), PAGE);
	NEED(s, DO(s, .what = MSG_DO_FILL, .address = zerocopy_block(0), .length = PAGE, .seed = 7),
	     "the guest takes no orders");
	lending_write(s->vm->lending, 50);
	EXPECT(s, *(const uint64_t *)at == msg_pattern(50, 0),
	       "without replacement the late write did not reach the guest's page");
	scene_tell(s, "as it has to be: the late write destroyed the guest's new data");
}

const struct story zerocopy_receive[] = {
	{"receive-in-time", "Z11", in_time},
	{"receive-refused", "Z11", refused},
	{"receive-late-write", "Z4 Z11", late_write},
	{"control-late-write", "Z11", control_late_write},
	{NULL, NULL, NULL},
};
