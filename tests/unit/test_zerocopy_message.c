/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: the one function that decides what becomes of a message, for all bits that a word
 * can have, all events and all predicates, against a table that says the same in another way (Z7).
 */
#include "vt_test.h"

#include "engines/zerocopy/internal.h"

#define STATES 6u
#define EVENTS (MSG_RELEASED + 1u)

enum rule {
	NO, /* refused, nothing changes */
	END, /* FREE, its credits go back, the guest is told */
	GO, /* to `next`, no more */
	SETTLE, /* END when it is complete; when it was asked for, to the VM object; else to `next` */
	SEE, /* the bits are noted; complete: END, or to the VM object when it was half replaced */
	NOTE, /* the bits are noted, for whoever decides next */
	LATE, /* the bits are noted; the VM object hears of it once: when it becomes complete */
	CLAIM, /* to the VM object, with the reason */
	WARN, /* the reason is noted, if there is one */
	BACK, /* stays when it is complete; else to `next`, nobody having asked for it */
};

static const struct {
	enum rule rule;
	uint32_t next;
} table[EVENTS][STATES] = {
	[MSG_SENT] = {[VDEV_ZEROCOPY_RESERVED] = {SETTLE, VDEV_ZEROCOPY_SENT}},
	[MSG_ABORT] = {[VDEV_ZEROCOPY_RESERVED] = {END, 0}},
	[MSG_COMPLETE] = {[VDEV_ZEROCOPY_RESERVED] = {NOTE, 0},
			  [VDEV_ZEROCOPY_SENT] = {SEE, 0},
			  [VDEV_ZEROCOPY_CLAIMED] = {NOTE, 0},
			  [VDEV_ZEROCOPY_OFFLINING] = {NOTE, 0},
			  [VDEV_ZEROCOPY_QUARANTINED] = {LATE, 0}},
	[MSG_CLAIM] = {[VDEV_ZEROCOPY_RESERVED] = {WARN, 0}, [VDEV_ZEROCOPY_SENT] = {CLAIM, 0}},
	/* The VM object alone makes these, in these states. */
	[MSG_TAKE] = {[VDEV_ZEROCOPY_CLAIMED] = {GO, VDEV_ZEROCOPY_OFFLINING}},
	[MSG_OFFLINED] = {[VDEV_ZEROCOPY_OFFLINING] = {GO, VDEV_ZEROCOPY_QUARANTINED}},
	[MSG_REFUSED] = {[VDEV_ZEROCOPY_OFFLINING] = {BACK, VDEV_ZEROCOPY_SENT}},
	[MSG_RELEASED] = {[VDEV_ZEROCOPY_OFFLINING] = {GO, VDEV_ZEROCOPY_FREE},
			  [VDEV_ZEROCOPY_QUARANTINED] = {GO, VDEV_ZEROCOPY_FREE}},
};

static bool whole(uint32_t bits, uint32_t until)
{
	bool response = bits & W_RESPONSE, task = bits & W_TASK;
	const bool is[] = {[VDEV_ZEROCOPY_UNTIL_TASK] = task,
			   [VDEV_ZEROCOPY_UNTIL_RESPONSE] = response,
			   [VDEV_ZEROCOPY_UNTIL_ANY] = response || task,
			   [VDEV_ZEROCOPY_UNTIL_ALL] = response && task};

	return is[until];
}

static uint32_t at(uint32_t bits, uint32_t state)
{
	return (bits & ~W_STATE) + state;
}

/* What the bits of both completions make of it. */
static uint32_t completed(enum rule rule, uint32_t bits, uint32_t with, uint32_t until)
{
	uint32_t now = bits | with;

	if (now == bits)
		return bits | DO_REFUSE;
	if (rule == NOTE || !whole(now, until))
		return now;
	if (rule == LATE)
		return whole(bits, until) ? now : now | DO_PUSH;
	if (now & W_PARTLY)
		return at(now, VDEV_ZEROCOPY_CLAIMED) | DO_PUSH;
	return at(now, VDEV_ZEROCOPY_FREE) | DO_TELL;
}

static uint32_t expected(uint32_t bits, uint32_t event, uint32_t with, uint32_t until)
{
	enum rule rule = table[event][bits & W_STATE].rule;
	uint32_t next = table[event][bits & W_STATE].next;
	bool is_whole = whole(bits, until);

	switch (rule) {
	case END:
		return at(bits, VDEV_ZEROCOPY_FREE) | DO_TELL;
	case GO:
		return at(bits, next);
	case SETTLE:
		if (is_whole && !(bits & W_PARTLY))
			return at(bits, VDEV_ZEROCOPY_FREE) | DO_TELL;
		return bits & (W_ASKED | W_PARTLY) ? at(bits, VDEV_ZEROCOPY_CLAIMED) | DO_PUSH
						   : at(bits, next);
	case SEE:
	case NOTE:
	case LATE:
		return completed(rule, bits, with, until);
	case CLAIM:
		return at(bits, VDEV_ZEROCOPY_CLAIMED) | with | DO_PUSH;
	case WARN:
		return with ? bits | with : bits | DO_REFUSE;
	case BACK:
		if (is_whole)
			return bits;
		return at(bits & ~(W_ASKED | W_BY_RESET | W_ZERO), next) | with;
	default:
		return bits | DO_REFUSE;
	}
}

/* What comes with an event. */
static const uint32_t withs[EVENTS][5] = {
	[MSG_COMPLETE] = {W_RESPONSE, W_TASK, W_SEEN},
	[MSG_CLAIM] = {0, W_ASKED, W_ASKED | W_ZERO, W_ASKED | W_BY_RESET,
		       W_ASKED | W_BY_RESET | W_ZERO},
	[MSG_REFUSED] = {0, W_PARTLY},
};

static bool made_by_the_vm_object(uint32_t event)
{
	return event >= MSG_TAKE;
}

static uint32_t check(uint32_t bits, uint32_t event, uint32_t with, uint32_t until)
{
	uint32_t got = vdev__zerocopy_message(bits, event, with, until);
	uint32_t want = expected(bits, event, with, until);

	if (got != want)
		fail_msg("bits %x, event %u, with %x, until %u: %x, not %x", bits, event, with,
			 until, got, want);
	return 1;
}

static void z7_each_word_and_event(void **state)
{
	uint32_t n = 0;

	(void)state;
	for (uint32_t bits = 0; bits <= W_MASK; bits++)
		for (uint32_t event = 0; event < EVENTS; event++)
			for (uint32_t until = 0; until <= VDEV_ZEROCOPY_UNTIL_ALL; until++) {
				if ((bits & W_STATE) >= STATES ||
				    (made_by_the_vm_object(event) &&
				     table[event][bits & W_STATE].rule == NO))
					continue;
				for (uint32_t k = 0; k < VT_COUNT(withs[event]); k++)
					n += check(bits, event, withs[event][k], until);
			}
	print_message("%u transitions\n", n);
	assert_true(n > 50000);
}

/* Whatever comes, a message is told to be over, or handed to the VM object, but never both. */
static void z6_never_told_and_pushed(void **state)
{
	(void)state;
	for (uint32_t bits = 0; bits <= W_MASK; bits++)
		for (uint32_t event = 0; event < EVENTS; event++)
			for (uint32_t until = 0; until <= VDEV_ZEROCOPY_UNTIL_ALL; until++)
				for (uint32_t k = 0; k < VT_COUNT(withs[event]); k++) {
					uint32_t got = vdev__zerocopy_message(
						bits, event, withs[event][k], until);
					uint32_t todo = got & ~W_MASK;

					assert_true(todo == DO_NOTHING || todo == DO_TELL ||
						    todo == DO_PUSH || todo == DO_REFUSE);
					if (todo == DO_REFUSE)
						assert_int_equal(got & W_MASK, bits);
					if (todo == DO_TELL)
						assert_int_equal(got & W_STATE, VDEV_ZEROCOPY_FREE);
				}
}

/* Length, destination and flags in one word; blocks and bytes in another. */
static void z8_packed_words(void **state)
{
	static const uint64_t lengths[] = {1, 4096, VDEV_ZEROCOPY_MAX_BLOCK_BYTES};
	static const uint32_t small[] = {0, 1, 0xfffe, 0xffff};
	uint64_t sum = credit(3, 5) + credit(VDEV_ZEROCOPY_MAX_BLOCKS - 3, CREDIT_BYTES - 5);

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(lengths); i++)
		for (uint32_t k = 0; k < 16; k++) {
			uint64_t size = size_pack(lengths[i], small[k / 4], small[k % 4]);

			assert_int_equal(size_length(size), lengths[i]);
			assert_int_equal(size_destination(size), small[k / 4]);
			assert_int_equal(size_flags(size), small[k % 4]);
		}
	assert_int_equal(credit_blocks(sum), VDEV_ZEROCOPY_MAX_BLOCKS);
	assert_int_equal(credit_bytes(sum), CREDIT_BYTES);
	assert_true(VDEV_ZEROCOPY_MAX_BYTES <= CREDIT_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(z7_each_word_and_event),
		cmocka_unit_test(z6_never_told_and_pushed),
		cmocka_unit_test(z8_packed_words),
	};

	return cmocka_run_group_tests_name("zerocopy_message", tests, NULL, NULL);
}
