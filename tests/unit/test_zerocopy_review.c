/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: what a review found. Images that load and break something afterwards, completions
 * where nobody waits for them, and threads that were held up in the middle of a call.
 */
#include "test_zerocopy_rig.h"

#include "core/image.h"

#define id_of id_of_word /* the rig has another one */
#include "engines/zerocopy/internal.h"

#define MOST 8192
#define HEADER VDEV__IMAGE_HEADER
/* From the end of an image with one operation: it, and no index that was used before it. */
#define OP_AT (OP_BYTES + 4u)
#define FLAGS_AT (4u + 3u + 4u)

struct image {
	uint8_t bytes[MOST];
	size_t size;
};

static void save(struct vt_zerocopy *t, struct image *i)
{
	assert_int_equal(vdev_zerocopy_save(t->z, t->now, i->bytes, sizeof(i->bytes), &i->size), 0);
}

static void put32(struct image *i, size_t at, uint32_t v)
{
	for (int k = 0; k < 4; k++)
		i->bytes[at + (size_t)k] = (uint8_t)(v >> (8 * k));
}

static uint32_t get32(const struct image *i, size_t at)
{
	uint32_t v = 0;

	for (int k = 3; k >= 0; k--)
		v = v << 8 | i->bytes[at + (size_t)k];
	return v;
}

/* What an attacker does after changing something. */
static void seal(struct image *i)
{
	put32(i, 24, vdev__crc32(i->bytes + HEADER, i->size - HEADER));
	put32(i, 28, vdev__crc32(i->bytes, 28));
}

static int loads(struct vt_zerocopy *t, const struct image *i)
{
	struct vdev_zerocopy *z = NULL;
	int ret = vdev_zerocopy_load(&t->v.env, &t->config, 0, t->now, i->bytes, i->size, &z);

	vdev_zerocopy_free(z);
	return ret;
}

/* Flags in the image of the only operation, which have to fit its message. */
static void expect_flags_refused(struct vt_zerocopy *t, uint32_t flags)
{
	static struct image i;
	size_t at;

	save(t, &i);
	at = i.size - FLAGS_AT;
	assert_int_equal(loads(t, &i), 0);
	put32(&i, at, get32(&i, at) ^ flags);
	seal(&i);
	assert_int_equal(loads(t, &i), -EBADMSG);
}

/*
 * OP_COMPLETE says that nobody will push the slot. If an image could say so of a message that is not
 * complete, its slot would be free while it is in the list of those that were pushed, and a second
 * push would close the list to a ring.
 */
static void z13_image_cannot_say_that_nobody_pushes(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 'a', VZ_LATER);
	vz_reclaim(t, 'a', 0);
	vz_drain(t);
	expect_flags_refused(t, OP_COMPLETE); /* OFFLINE */
	vz_script(t, VDEV_ZEROCOPY_REFUSED, 'a', VZ_LATER);
	vz_done(t, VDEV_ZEROCOPY_OFFLINE, 'a', -EIO);
	vz_drain(t);
	expect_flags_refused(t, OP_COMPLETE); /* REFUSED */
}

static void z13_image_cannot_say_that_nobody_pushes_later(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, VDEV_ZEROCOPY_ACCESSIBLE, 'a', VZ_LATER);
	vz_reclaim(t, 'a', 0);
	vz_drain(t);
	expect_flags_refused(t, OP_COMPLETE); /* ACCESSIBLE */
	expect_flags_refused(t, OP_ELSEWHERE);
	vz_done(t, VDEV_ZEROCOPY_ACCESSIBLE, 'a', 0);
	vz_drain(t);
	expect_flags_refused(t, OP_COMPLETE); /* quarantine */
	expect_flags_refused(t, OP_ELSEWHERE);
	vz_script(t, VDEV_ZEROCOPY_RELEASE, 'a', VZ_LATER);
	vz_late(t, 'a', TASK);
	vz_drain(t);
	expect_flags_refused(t, OP_COMPLETE); /* RELEASE */
	expect_flags_refused(t, OP_ELSEWHERE);
}

/* The last generation of all has no next one, so the action could never be told to be done. */
static void z13_image_with_used_up_generations(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_reclaim(t, 'a', 0);
	save(t, &i);
	put32(&i, i.size - OP_AT, get32(&i, i.size - OP_AT) | 0xff000000);
	put32(&i, i.size - OP_AT + 4, UINT32_MAX);
	seal(&i);
	assert_int_equal(loads(t, &i), -EBADMSG);
}

/* As above, of an index that the next operation would take. */
static void z13_image_with_used_up_free_generations(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	quarantine(t, 'a');
	vz_late(t, 'a', TASK);
	vz_drain(t);
	save(t, &i);
	assert_int_equal(loads(t, &i), 0);
	put32(&i, i.size - 8, 0xfffffffd);
	put32(&i, i.size - 4, 0xff);
	seal(&i);
	assert_int_equal(loads(t, &i), -EBADMSG);
}

/* Where the memory was copied to nobody holds the pages; who completes there is late, twice even. */
static void z7_completion_where_the_memory_was_copied_to(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, VDEV_ZEROCOPY_ACCESSIBLE, 'a', VZ_LATER);
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ ACCESSIBLE:aQ+RECLAIMED");
	assert_int_equal(vz_reload(t, 5 * VZ_SEC, VDEV_ZEROCOPY_COPIED_MEMORY), 0);
	assert_int_equal(vz_complete(t, 'a', TASK), -ENOENT);
	assert_int_equal(vz_reload(t, 6 * VZ_SEC, 0), 0);
	assert_int_equal(vz_complete(t, 'a', TASK | RESPONSE), -ENOENT);
	assert_string_equal(vz_drain(t), "ACCESSIBLE:aAQ+RECLAIMED");
	assert_int_equal(vdev_zerocopy_step(t->z, t->now), 0);
	expect_nothing(t);
	lend(t, 'b');
	expect_state(t, 'b', VDEV_ZEROCOPY_SENT);
}

/*
 * The owner is held up in reserve(), behind the look at the gate: what it stores is seen only when the
 * reset is over. The block is one of the guest that was reset, so it is taken back, and nothing of the
 * guest that runs by now is zeroed.
 */
static void seen_after_a_reset(struct vt_zerocopy *t)
{
	struct slot *s = &t->q[0]->slots[1];
	uint64_t word;

	assert_int_equal(vz_reserve(t, 'a'), VDEV_ZEROCOPY_LEND);
	word = atomic_exchange(&s->word, 0);
	assert_int_equal(vdev_zerocopy_reset_begin(t->z, t->now, VDEV_ZEROCOPY_RESET, 0), 0);
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), 0);
	atomic_store(&s->word, word);
	vz_expect(t, vz_sent(t, 'a'), "");
}

static void z3_reserved_before_a_reset_and_seen_after_it(void **state)
{
	struct vt_zerocopy *t = *state;

	seen_after_a_reset(t);
	vz_expect(t, vdev_zerocopy_step(t->z, t->now), "OFFLINE:aR ACCESSIBLE:aR+RECLAIMED");
}

/* Also where nobody wants what was to be received. */
static void z3_receive_buffer_seen_after_a_reset(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_block(t, 'a')->flags = VDEV_ZEROCOPY_RECEIVE;
	seen_after_a_reset(t);
	vz_expect(t, vdev_zerocopy_step(t->z, t->now), "OFFLINE:aR ACCESSIBLE:aR+FAILED");
}

/* It was not to be seen when BEGIN looked, and the gate was open when sent() did. */
static void z3_sent_while_a_reset_begins(void **state)
{
	struct vt_zerocopy *t = *state;
	struct slot *s = &t->q[0]->slots[1];
	uint64_t word;

	lend(t, 'a');
	word = atomic_exchange(&s->word, 0);
	assert_int_equal(vdev_zerocopy_reset_begin(t->z, t->now, VDEV_ZEROCOPY_RESET, 0), 0);
	atomic_store(&s->word, word);
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), -EAGAIN);
	vz_expect(t, vz_complete(t, 'a', TASK), "");
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), 0);
}

/* A reset that finds no memory to begin has changed nothing: the guest goes on and waits for its block. */
static void z3_reset_that_finds_no_memory(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 'a', VZ_LATER);
	vz_reclaim(t, 'a', 0);
	vz_drain(t);
	/* As many as there is room for without asking for more. */
	for (uint32_t n = 1; n < 16; n++) {
		char letter = (char)('b' + n);

		vz_script(t, VDEV_ZEROCOPY_ACCESSIBLE, letter, VZ_LATER);
		lend(t, letter);
		vz_reclaim(t, letter, 0);
		vz_drain(t);
	}
	vt_env_fail_next(&t->v, 1);
	assert_int_equal(
		vdev_zerocopy_reset_begin(t->z, t->now, VDEV_ZEROCOPY_RESET, VDEV_ZEROCOPY_WHOLE),
		-ENOMEM);
	vt_env_fail_next(&t->v, 0);
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), -EBUSY);
	vz_expect(t, vz_done(t, VDEV_ZEROCOPY_OFFLINE, 'a', 0), "ACCESSIBLE:aQ+RECLAIMED");
	lend(t, 'z');
}

/* No room to tell the guest, and none to free the pages: both come again after a while, not at once. */
static void z6_comes_again_until_there_is_room(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, VDEV_ZEROCOPY_ACCESSIBLE, 'a', -EAGAIN);
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ ACCESSIBLE:aQ+RECLAIMED");
	assert_int_equal(vz_due(t), 10000000);
	vz_expect(t, vz_late(t, 'a', TASK), ""); /* the guest first */
	vz_expect(t, vz_pass(t, 9999999), "");
	vz_script(t, VDEV_ZEROCOPY_RELEASE, 'a', -EAGAIN);
	vz_expect(t, vz_pass(t, 1), "ACCESSIBLE:aQ+RECLAIMED RELEASE:aQ");
	assert_int_equal(vz_due(t), 10000000);
	assert_int_equal(vz_stats(t).quarantined_blocks, 1);
	vz_expect(t, vz_pass(t, 10000000), "RELEASE:aQ");
	expect_nothing(t);
}

/* To forget granules all slots are looked at, so with many of them that must not be often. */
static void z10_many_slots_are_seldom_looked_at(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t before;

	assert_int_equal(vz_add_queue(t, 1 << 16, 0, 0), 0);
	quarantine(t, 'a'); /* whatever is made only once */
	before = t->v.requests;
	for (uint64_t n = 0; n < 1000; n++) {
		vz_place(t, 'b', VZ_RAM + n * VZ_PAGE, VZ_PAGE);
		quarantine(t, 'b');
		vz_late(t, 'b', TASK);
		vz_drain(t);
	}
	assert_int_equal(vz_stats(t).granules, 2 + 1000);
	assert_in_range(t->v.requests - before, 0, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z13_image_cannot_say_that_nobody_pushes),
		TEST(z13_image_cannot_say_that_nobody_pushes_later),
		TEST(z13_image_with_used_up_generations),
		TEST(z13_image_with_used_up_free_generations),
		TEST(z7_completion_where_the_memory_was_copied_to),
		TEST(z3_reserved_before_a_reset_and_seen_after_it),
		TEST(z3_receive_buffer_seen_after_a_reset),
		TEST(z3_sent_while_a_reset_begins),
		TEST(z3_reset_that_finds_no_memory),
		TEST(z6_comes_again_until_there_is_room),
		TEST(z10_many_slots_are_seldom_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
