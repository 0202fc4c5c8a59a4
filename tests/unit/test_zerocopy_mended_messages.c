/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: messages, granules and limits of an image, one value at a time. */
#include "test_zerocopy_mend.h"

static void words(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	uint64_t word;
	size_t at;

	lend(t, 'a');
	save(t, &i);
	assert_int_equal(i.messages, 1);
	at = i.message[0] + MESSAGE_WORD;
	word = get(&i, at, 8);
	assert_int_equal(with(t, &i, at, 8, word), 0);
	assert_int_equal(with(t, &i, at, 8, word | W_RESPONSE), 0); /* seen, but not enough */
	assert_int_equal(with(t, &i, at, 8, word | W_TASK), -EBADMSG); /* it would be over */
	assert_int_equal(with(t, &i, at, 8, word | W_ASKED), -EBADMSG);
	assert_int_equal(with(t, &i, at, 8, word | W_BY_RESET), -EBADMSG);
	assert_int_equal(with(t, &i, at, 8, word | W_ZERO), -EBADMSG);
	assert_int_equal(with(t, &i, at, 8, word | W_PARTLY), 0);
	word &= ~(uint64_t)W_STATE;
	assert_int_equal(with(t, &i, at, 8, word | VDEV_ZEROCOPY_FREE), -EBADMSG);
	assert_int_equal(with(t, &i, at, 8, word | VDEV_ZEROCOPY_RESERVED), 0);
	assert_int_equal(with(t, &i, at, 8, word | VDEV_ZEROCOPY_CLAIMED), -EBADMSG);
	assert_int_equal(with(t, &i, at, 8, word | VDEV_ZEROCOPY_OFFLINING), -EBADMSG); /* no op */
	assert_int_equal(with(t, &i, at, 8, word | VDEV_ZEROCOPY_QUARANTINED), -EBADMSG);
	assert_int_equal(with(t, &i, at, 8, word | 7), -EBADMSG);
	word = VDEV_ZEROCOPY_SENT;
	assert_int_equal(with(t, &i, at, 8, word), -EBADMSG); /* sequence 0 */
	assert_int_equal(with(t, &i, at, 8, word | UINT64_C(2) << W_BITS), -EBADMSG); /* next */
	assert_int_equal(with(t, &i, i.message[0] + MESSAGE_EPOCH, 8, 1), 0);
	assert_int_equal(with(t, &i, i.message[0] + MESSAGE_EPOCH, 8, 2), -EBADMSG);
}

/* Two messages in the same slot. */
static void the_same_slot_twice(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	lend(t, 'b');
	save(t, &i);
	assert_int_equal(with(t, &i, i.message[1], 8, get(&i, i.message[0], 8)), -EBADMSG);
}

static void quotas(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	vz_block(t, 'b')->destination = 1;
	lend(t, 'a');
	lend(t, 'b');
	save(t, &i);
	t->config.max_blocks = 1;
	assert_int_equal(loads(t, &i), -ENOSPC);
	t->config.max_blocks = 2;
	t->config.destination_blocks = 1;
	assert_int_equal(loads(t, &i), 0);
	assert_int_equal(with(t, &i, i.message[1] + MESSAGE_SIZE, 8, 2 * VZ_PAGE), -ENOSPC);
	t->config.destination_blocks = 2;
	t->config.destination_bytes = 2 * VZ_PAGE;
	t->config.max_bytes = 4 * VZ_PAGE;
	assert_int_equal(loads(t, &i), 0);
	assert_int_equal(with(t, &i, i.message[1] + MESSAGE_SIZE, 8, 1), -ENOSPC);
	t->config.max_bytes = 4 * VZ_PAGE - 1;
	assert_int_equal(loads(t, &i), -ENOSPC);
}

static void pages(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	uint64_t epoch;

	quarantine(t, 'q');
	save(t, &i);
	assert_int_equal(i.pages, 2);
	epoch = get(&i, HEADER, 8);
	assert_int_equal(with(t, &i, i.page, 8, VZ_RAM), 0);
	assert_int_equal(with(t, &i, i.page, 8, VZ_RAM + 1), -EBADMSG);
	assert_int_equal(with(t, &i, i.page, 8, VZ_RAM - VZ_PAGE), -EBADMSG);
	assert_int_equal(with(t, &i, i.page, 8, get(&i, i.page + PAGE_BYTES, 8)), -EBADMSG);
	assert_int_equal(with(t, &i, i.page + 8, 8, epoch), 0);
	assert_int_equal(with(t, &i, i.page + 8, 8, 0), -EBADMSG);
	assert_int_equal(with(t, &i, i.page + 8, 8, epoch + 1), -EBADMSG);
	assert_int_equal(with(t, &i, HEADER, 8, 0), -EBADMSG);
	assert_int_equal(with(t, &i, HEADER, 8, PAGE_BUSY / 2), -EBADMSG);
	assert_int_equal(with(t, &i, HEADER, 8, PAGE_BUSY / 2 - 1), 0);
	assert_int_equal(with(t, &i, HEADER + 8, 8, epoch), 0); /* of the whole VM */
	assert_int_equal(with(t, &i, HEADER + 8, 8, epoch + 1), -EBADMSG);
	assert_int_equal(with(t, &i, HEADER + 16, 1, 2), -EBADMSG); /* in reset? */
	assert_int_equal(with(t, &i, HEADER + 17, 1, 2), -EBADMSG);
}

static void generations(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	size_t first, second;

	quarantine(t, 'a');
	quarantine(t, 'b');
	vz_late(t, 'a', TASK);
	vz_drain(t);
	vz_late(t, 'b', TASK);
	vz_drain(t);
	save(t, &i);
	assert_int_equal(i.generations, 2);
	first = i.generation;
	second = first + GENERATION_BYTES;
	assert_int_equal(loads(t, &i), 0);
	assert_int_equal(with(t, &i, first, 4, VZ_SLOTS + SPARE_OPS), 0);
	assert_int_equal(with(t, &i, first, 4, VZ_SLOTS + SPARE_OPS + 1), -EBADMSG);
	assert_int_equal(with(t, &i, second, 4, VZ_SLOTS + SPARE_OPS + 1), -EBADMSG);
	assert_int_equal(with(t, &i, second + 4, 8, UINT64_MAX), -EBADMSG);
}

static uint32_t traced[8];

static void trace(void *user, const struct vdev_trace *event)
{
	(void)user;
	if (event->what == VDEV_TRACE_EVENT && event->kind < 8)
		traced[event->kind]++;
}

/* Half replaced and then refused, it has no deadline. In an image it may have: then it is due. */
static void half_replaced_one_with_a_deadline(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	save(t, &i);
	put(&i, i.message[0] + MESSAGE_WORD, 8, get(&i, i.message[0], 8) | W_PARTLY);
	swap_engine(t, &i);
	t->z->env.trace = trace;
	memset(traced, 0, sizeof(traced));
	assert_int_equal(vz_pass(t, VZ_TIMEOUT), 1);
	assert_int_equal(traced[VDEV_ZEROCOPY_EV_EXPIRE], 1);
	assert_int_equal(traced[VDEV_ZEROCOPY_EV_LATE], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words), TEST(the_same_slot_twice), TEST(quotas),
		TEST(pages), TEST(generations),         TEST(half_replaced_one_with_a_deadline),
	};

	return cmocka_run_group_tests_name("zerocopy_mended_messages", tests, NULL, NULL);
}
