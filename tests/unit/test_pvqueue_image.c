/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue of the paravirtual function: save and load, forged images, indices that wrap around. */
#include "core/image.h"
#include "test_pvqueue_rig.h"

#define IMAGE_MAX 4096u
#define BLOCK_MOST 4096u

struct image {
	size_t size;
	uint8_t bytes[IMAGE_MAX];
};

static void save(struct rig *g, struct image *image)
{
	size_t needed = 0, again = 0;

	assert_int_equal(vdev_pvqueue_save(g->q, NULL, 0, &needed), -ENOBUFS);
	assert_true(needed > VDEV__IMAGE_HEADER && needed <= IMAGE_MAX);
	memset(image, 0x5a, sizeof(*image));
	image->size = needed;
	assert_int_equal(vdev_pvqueue_save(g->q, image->bytes, needed - 1, &again), -ENOBUFS);
	assert_int_equal(again, needed);
	assert_int_equal(vdev_pvqueue_save(g->q, image->bytes, needed, &again), 0);
	assert_int_equal(again, needed);
}

static int load(struct rig *g, const struct image *image, struct vdev_pvqueue **ret)
{
	return vdev_pvqueue_load(&g->v.env, &g->config, image->bytes, image->size, ret);
}

/* Replaces the queue by what its image becomes; the rings, being memory, moved along. */
static void move(struct rig *g)
{
	struct vdev_pvqueue *q = NULL;
	struct image image, copy;

	save(g, &image);
	assert_int_equal(load(g, &image, &q), 0);
	vdev_pvqueue_free(g->q);
	g->q = q;
	save(g, &copy);
	assert_int_equal(copy.size, image.size);
	assert_memory_equal(copy.bytes, image.bytes, image.size);
}

/* In the midst of everything: messages, a waiting RECLAIM_ALL, events not taken, lost ones. */
static void goes_on_after_a_move(void **state)
{
	struct vdev_pvqueue_message a, b, all, w;
	struct rig g;
	uint64_t cursor = 0;

	(void)state;
	rig_on(&g);
	a = take_send(&g, 1);
	b = take_send(&g, 2);
	assert_int_equal(vdev_pvqueue_tag(g.q, b.handle, 0xb), 0);
	post_reclaim(&g, VDEV_GUEST_MSG_RECLAIM_ALL, 3, 0);
	all = take(&g);
	assert_int_equal(vdev_pvqueue_answer(g.q, all.handle, VDEV_GUEST_DONE_OK, 5), 0);
	answer(&g, take_send(&g, 4).handle, VDEV_GUEST_DONE_COPIED);
	post_reclaim(&g, VDEV_GUEST_MSG_RECLAIM, 5, 2);
	move(&g);
	assert_int_equal(vdev_pvqueue_walk(g.q, &cursor, &w, sizeof(w)), 1);
	assert_int_equal(w.handle, a.handle);
	assert_int_equal(vdev_pvqueue_walk(g.q, &cursor, &w, sizeof(w)), 1);
	assert_int_equal(w.handle, b.handle);
	assert_int_equal(w.tag, 0xb);
	assert_int_equal(w.length_bytes, 4096);
	assert_int_equal(w.timeout_ns, 10000000);
	assert_int_equal(take(&g).target, b.handle); /* posted before, taken after */
	expect_event(&g, VDEV_GUEST_TOLD_ACCESSIBLE, VDEV_GUEST_DONE_COPIED, 4, 0);
	answer(&g, a.handle, VDEV_GUEST_DONE_LOST);
	move(&g);
	answer(&g, b.handle, VDEV_GUEST_DONE_RECLAIMED);
	expect_event(&g, VDEV_GUEST_TOLD_ACCESSIBLE, VDEV_GUEST_DONE_LOST, 1, 0);
	expect_event(&g, VDEV_GUEST_TOLD_ACCESSIBLE, VDEV_GUEST_DONE_RECLAIMED, 2, 0);
	expect_event(&g, VDEV_GUEST_TOLD_ANSWER, VDEV_GUEST_DONE_OK, 3, 5);
	assert_int_equal(answer(&g, a.handle, VDEV_GUEST_DONE_SENT), -ENOENT);
	rig_end(&g);
}

static void every_state_moves(void **state)
{
	struct vdev_pvqueue_message m;
	struct rig g;

	(void)state;
	rig_begin(&g);
	move(&g);
	assert_int_equal(rig_stats(&g).state, VDEV_PVQUEUE_OFF);
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), 0);
	move(&g);
	m = take_send(&g, 1);
	put32(&g, RING + VDEV_GUEST_RING_PRODUCED, 99);
	assert_int_equal(next(&g, &m), VDEV_PVQUEUE_BROKEN);
	move(&g);
	assert_int_equal(rig_stats(&g).state, VDEV_PVQUEUE_DEAD);
	assert_int_equal(vdev_pvqueue_stop(g.q), 0);
	move(&g);
	assert_int_equal(rig_stats(&g).state, VDEV_PVQUEUE_STOPPING);
	assert_int_equal(answer(&g, m.handle, VDEV_GUEST_DONE_SENT), VDEV_PVQUEUE_IDLE);
	move(&g);
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), 0);
	rig_end(&g);
}

/* The payload in words. */
enum {
	W_STATE,
	W_SIZE,
	W_EVENTS_SIZE,
	W_ADDRESS,
	W_EVENTS = 5,
	W_TAKEN = 7,
	W_PRODUCED,
	W_CONSUMED,
	W_LOST,
	W_SEQUENCE,
	W_COUNT = 13,
	W_FIRST = 14, /* a SEND */
	W_SECOND = 34, /* a RECLAIM of it */
	W_THIRD = 54, /* an answered RECLAIM_ALL */
	WORDS = 74,
	/* in a message */
	M_HANDLE = 0,
	M_COOKIE = 4,
	M_ADDRESS = 6,
	M_TARGET = 8,
	M_ARG = 10,
	M_LENGTH = 12,
	M_TIMEOUT,
	M_KIND,
	M_FLAGS,
	M_DESTINATION,
	M_RESULT,
	M_ANSWERED,
	M_UNUSED,
};

static const uint32_t model[WORDS] = {
	[W_STATE] = VDEV_PVQUEUE_ON,
	[W_SIZE] = SIZE,
	[W_EVENTS_SIZE] = EVENTS_SIZE,
	[W_ADDRESS] = RING,
	[W_EVENTS] = EVENTS,
	[W_TAKEN] = 0xfffffffe,
	[W_PRODUCED] = 0xfffffffd,
	[W_CONSUMED] = 0xfffffffd,
	[W_SEQUENCE] = 10,
	[W_COUNT] = 3,
	[W_FIRST + M_HANDLE] = 3 << 16 | 5,
	[W_FIRST + M_COOKIE] = 70,
	[W_FIRST + M_ADDRESS] = 0x40000000,
	[W_FIRST + M_LENGTH] = 64,
	[W_FIRST + M_KIND] = VDEV_GUEST_MSG_SEND,
	[W_FIRST + M_DESTINATION] = 3,
	[W_SECOND + M_HANDLE] = 5 << 16 | 0,
	[W_SECOND + M_COOKIE] = 71,
	[W_SECOND + M_TARGET] = 3 << 16 | 5,
	[W_SECOND + M_KIND] = VDEV_GUEST_MSG_RECLAIM,
	[W_SECOND + M_FLAGS] = VDEV_GUEST_MSG_F_ZERO,
	[W_THIRD + M_HANDLE] = 10 << 16 | 7,
	[W_THIRD + M_COOKIE] = 72,
	[W_THIRD + M_ARG] = 1,
	[W_THIRD + M_KIND] = VDEV_GUEST_MSG_RECLAIM_ALL,
	[W_THIRD + M_ANSWERED] = 1,
};

static const struct forged {
	const char *what;
	uint32_t word;
	uint32_t value;
	int result;
} forgeries[] = {
	{"nothing changed", W_LOST, 0, 0},
	{"state", W_STATE, 4, -EBADMSG},
	{"messages of a queue that is off", W_STATE, VDEV_PVQUEUE_OFF, -EBADMSG},
	{"broken", W_STATE, VDEV_PVQUEUE_DEAD, 0},
	{"stopping", W_STATE, VDEV_PVQUEUE_STOPPING, 0},
	{"size 0", W_SIZE, 0, -EBADMSG},
	{"size no power of two", W_SIZE, 7, -EBADMSG},
	{"size above the config's", W_SIZE, 16, -ENOSPC},
	{"size above any", W_SIZE, 65536, -EBADMSG},
	{"size that leaves a slot out", W_SIZE, 4, -EBADMSG},
	{"event ring below the size", W_EVENTS_SIZE, 4, -EBADMSG},
	{"ring not aligned", W_ADDRESS, RING + 1, -EBADMSG},
	{"rings overlap", W_EVENTS, RING, -EBADMSG},
	{"ring at the top", W_ADDRESS + 1, UINT32_MAX, 0},
	{"room for three answers", W_CONSUMED, 0xfffffff0, 0},
	{"room for two", W_CONSUMED, 0xffffffef, -EBADMSG},
	{"taken before told", W_CONSUMED, 0xfffffffe, -EBADMSG},
	{"sequence below a handle", W_SEQUENCE, 9, -EBADMSG},
	{"sequence that is no handle's", W_SEQUENCE + 1, 0x10000, -EBADMSG},
	{"largest sequence", W_SEQUENCE + 1, 0x7fff, 0},
	{"sequence that could wrap", W_SEQUENCE + 1, 0x8000, -EBADMSG},
	{"count beyond the image", W_COUNT, 4, -EBADMSG},
	{"wild count", W_COUNT, UINT32_MAX, -EBADMSG},
	{"bytes left over", W_COUNT, 2, -EBADMSG},
	{"handle 0", W_FIRST + M_HANDLE, 0, -EBADMSG},
	{"slot beyond", W_FIRST + M_HANDLE, 3 << 16 | 8, -EBADMSG},
	{"slot twice", W_SECOND + M_HANDLE, 5 << 16 | 5, -EBADMSG},
	{"handle not above the one before", W_SECOND + M_HANDLE, 3 << 16 | 0, -EBADMSG},
	{"cookie twice", W_SECOND + M_COOKIE, 70, -EBADMSG},
	{"block at the top", W_FIRST + M_ADDRESS + 1, UINT32_MAX, 0},
	{"block in the ring", W_FIRST + M_ADDRESS, RING, -EBADMSG},
	{"block that ends in the event ring", W_FIRST + M_ADDRESS, EVENTS - 63, -EBADMSG},
	{"no length", W_FIRST + M_LENGTH, 0, -EBADMSG},
	{"length above the config's", W_FIRST + M_LENGTH, BLOCK_MOST + 1, -ENOSPC},
	{"time-out above the config's", W_FIRST + M_TIMEOUT, 3600001, -ENOSPC},
	{"length of RECLAIM", W_SECOND + M_LENGTH, 1, -EBADMSG},
	{"address of RECLAIM", W_SECOND + M_ADDRESS, 1, -EBADMSG},
	{"time-out of RECLAIM", W_SECOND + M_TIMEOUT, 1, -EBADMSG},
	{"destination of RECLAIM", W_SECOND + M_DESTINATION, 1, -EBADMSG},
	{"kind 0", W_FIRST + M_KIND, 0, -EBADMSG},
	{"kind 5", W_FIRST + M_KIND, 5, -EBADMSG},
	{"flag of SEND", W_FIRST + M_FLAGS, 1, -EBADMSG},
	{"target of SEND", W_FIRST + M_TARGET, 1, -EBADMSG},
	{"RECLAIM of nothing", W_SECOND + M_TARGET, 0, -EBADMSG},
	{"RECLAIM of a later one", W_SECOND + M_TARGET, 5 << 16 | 1, -EBADMSG},
	{"RECLAIM of one that is over", W_SECOND + M_TARGET, 1 << 16, 0},
	{"destination that there is not", W_FIRST + M_DESTINATION, 4, -ENOSPC},
	{"answered SEND", W_FIRST + M_ANSWERED, 1, -EBADMSG},
	{"answered RECLAIM", W_SECOND + M_ANSWERED, 1, -EBADMSG},
	{"answered twice", W_THIRD + M_ANSWERED, 2, -EBADMSG},
	{"argument without an answer", W_THIRD + M_ANSWERED, 0, -EBADMSG},
	{"kept refusal", W_THIRD + M_RESULT, VDEV_GUEST_DONE_REFUSED, -EBADMSG},
	{"unused word", W_FIRST + M_UNUSED, 1, -EBADMSG},
};

static void write_image(struct image *image, const uint32_t *words, uint32_t n, uint32_t version)
{
	struct vdev__writer w;

	vdev__writer_init(&w, image->bytes, sizeof(image->bytes), VDEV_PART_PVQUEUE, version);
	for (uint32_t i = 0; i < n; i++)
		vdev__put_u32(&w, words[i]);
	assert_int_equal(vdev__writer_finish(&w, &image->size), 0);
}

static void forged_images(void **state)
{
	uint32_t words[WORDS];
	struct image image;
	struct rig g;

	(void)state;
	rig_begin(&g);
	g.config.max_length_bytes = BLOCK_MOST;
	for (size_t i = 0; i < VT_COUNT(forgeries); i++) {
		const struct forged *f = &forgeries[i];
		struct vdev_pvqueue *q = NULL;
		int r;

		memcpy(words, model, sizeof(words));
		words[f->word] = f->value;
		write_image(&image, words, WORDS, 1);
		r = load(&g, &image, &q);
		if (r != f->result)
			fail_msg("%s: %d", f->what, r);
		assert_true((q != NULL) == (r == 0));
		vdev_pvqueue_free(q);
	}
	rig_end(&g);
}

/* The oldest has nothing to wait for; one that is stopping has something to wait for. */
static void forged_lists(void **state)
{
	uint32_t words[WORDS];
	struct vdev_pvqueue *q = NULL;
	struct image image;
	struct rig g;

	(void)state;
	rig_begin(&g);
	memcpy(words, model, sizeof(words));
	memcpy(words + W_FIRST, model + W_THIRD, 20 * sizeof(*words));
	words[W_COUNT] = 1;
	write_image(&image, words, W_SECOND, 1);
	assert_int_equal(load(&g, &image, &q), -EBADMSG);
	words[W_COUNT] = 0;
	write_image(&image, words, W_FIRST, 1);
	assert_int_equal(load(&g, &image, &q), 0);
	vdev_pvqueue_free(q);
	q = NULL;
	words[W_STATE] = VDEV_PVQUEUE_STOPPING;
	write_image(&image, words, W_FIRST, 1);
	assert_int_equal(load(&g, &image, &q), -EBADMSG);
	assert_null(q);
	rig_end(&g);
}

static void damaged_and_foreign(void **state)
{
	struct vdev_pvqueue *q = NULL;
	struct image image;
	struct rig g;

	(void)state;
	rig_on(&g);
	take_send(&g, 1);
	save(&g, &image);
	for (size_t i = 0; i < image.size; i++) {
		image.bytes[i] ^= 0x10;
		assert_true(load(&g, &image, &q) < 0);
		image.bytes[i] ^= 0x10;
	}
	for (size_t n = image.size; n--;) {
		struct image cut = image;

		cut.size = n;
		assert_int_equal(load(&g, &cut, &q), -EBADMSG);
	}
	write_image(&image, model, WORDS, 2);
	assert_int_equal(load(&g, &image, &q), -EPROTONOSUPPORT);
	write_image(&image, model, WORDS, 1);
	assert_int_equal(vdev_pvqueue_load(&g.v.env, NULL, image.bytes, image.size, &q), -EINVAL);
	assert_int_equal(vdev_pvqueue_load(&g.v.env, &g.config, NULL, image.size, &q), -EINVAL);
	assert_int_equal(load(&g, &image, NULL), -EINVAL);
	assert_null(q);
	rig_end(&g);
}

/* Both indices pass 2^32 (and so each smaller power of two) without anything being seen of it. */
static void indices_wrap_around(void **state)
{
	struct vdev_pvqueue_message m[2];
	uint32_t words[W_FIRST];
	struct image image;
	struct rig g;

	(void)state;
	for (uint32_t start = 0xffff; start; start = start == 0xffff ? 0xfffffff0 : 0) {
		rig_begin(&g);
		vdev_pvqueue_free(g.q);
		memcpy(words, model, sizeof(words));
		words[W_COUNT] = 0;
		g.produced = words[W_TAKEN] = start - 6;
		g.consumed = words[W_PRODUCED] = words[W_CONSUMED] = start - 9;
		put32(&g, RING + VDEV_GUEST_RING_PRODUCED, g.produced);
		put32(&g, EVENTS + VDEV_GUEST_EVENTS_PRODUCED, g.consumed);
		put32(&g, EVENTS + VDEV_GUEST_EVENTS_CONSUMED, g.consumed);
		write_image(&image, words, W_FIRST, 1);
		assert_int_equal(load(&g, &image, &g.q), 0);
		for (uint64_t i = 0; i < 64; i += 2) {
			m[0] = take_send(&g, i);
			m[1] = take_send(&g, i + 1);
			answer(&g, m[1].handle, VDEV_GUEST_DONE_SENT);
			answer(&g, m[0].handle, VDEV_GUEST_DONE_SENT);
			expect_event(&g, VDEV_GUEST_TOLD_ACCESSIBLE, VDEV_GUEST_DONE_SENT, i + 1,
				     0);
			expect_event(&g, VDEV_GUEST_TOLD_ACCESSIBLE, VDEV_GUEST_DONE_SENT, i, 0);
			move(&g);
		}
		assert_int_equal(g.produced, start - 6 + 64);
		assert_int_equal(get32(&g, EVENTS + VDEV_GUEST_EVENTS_PRODUCED), start - 9 + 64);
		rig_end(&g);
	}
}

static void an_index_that_wraps_too_far_breaks(void **state)
{
	uint32_t words[W_FIRST];
	struct vdev_pvqueue_message m;
	struct image image;
	struct rig g;

	(void)state;
	rig_begin(&g);
	vdev_pvqueue_free(g.q);
	memcpy(words, model, sizeof(words));
	words[W_COUNT] = 0;
	put32(&g, RING + VDEV_GUEST_RING_PRODUCED, words[W_TAKEN] + SIZE + 1);
	write_image(&image, words, W_FIRST, 1);
	assert_int_equal(load(&g, &image, &g.q), 0);
	assert_int_equal(next(&g, &m), VDEV_PVQUEUE_BROKEN);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_after_a_move),
		cmocka_unit_test(every_state_moves),
		cmocka_unit_test(forged_images),
		cmocka_unit_test(forged_lists),
		cmocka_unit_test(damaged_and_foreign),
		cmocka_unit_test(indices_wrap_around),
		cmocka_unit_test(an_index_that_wraps_too_far_breaks),
	};

	return cmocka_run_group_tests_name("pvqueue_image", tests, NULL, NULL);
}
