/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters in pages that may be lent: each CPU adds to words of its own and knows what they must be. Where
 * a page is replaced while it is written, what was written between the copy and the replacement is lost,
 * and the word is found smaller than it was left.
 */
#include "driver.h"

#define TURN 256u

static volatile uint64_t *word(struct platform *p, const struct msg_counter *c, uint32_t cpu,
			       uint32_t page)
{
	return platform_ram(p, c->address + (page + 1) * 4096ull - 8ull * (cpu + 1));
}

static void begin(struct platform *p, struct msg_counter *c, uint32_t cpu, uint32_t generation)
{
	struct messages *m = messages_of(p);

	c->seen = generation;
	c->address = m->count_address;
	c->pages = m->count_length / 4096;
	if (c->pages > MSG_COUNT_PAGES)
		c->pages = MSG_COUNT_PAGES;
	for (uint32_t i = 0; i < c->pages; i++)
		c->expected[i] = *word(p, c, cpu, i);
}

static void once(struct platform *p, struct msg_counter *c, uint32_t cpu, uint32_t page)
{
	volatile uint64_t *w = word(p, c, cpu, page);
	uint64_t v = *w;

	if (v != c->expected[page])
		msg_add(&msg_report_of(p)->lost_updates[cpu],
			v < c->expected[page] ? c->expected[page] - v : v - c->expected[page]);
	*w = v + 1;
	c->expected[page] = v + 1;
}

int count_poll(struct platform *p, uint32_t cpu)
{
	struct msg_counter *c = &messages_of(p)->counters[cpu];
	uint32_t generation = told(&messages_of(p)->generation), page = 0;

	if (c->seen != generation)
		begin(p, c, cpu, generation);
	if (!c->pages)
		return 0;
	for (uint32_t i = 0; i < TURN; i++) {
		once(p, c, cpu, page);
		page = page + 1 < c->pages ? page + 1 : 0;
	}
	msg_add(&msg_report_of(p)->counts[cpu], TURN);
	return 1;
}
