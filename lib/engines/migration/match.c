/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: the assignment problem (M11), by the Hungarian method with potentials in O(rows^2 * columns), and
 * among all solutions of the least cost the one with the lowest columns, the first row's first.
 *
 * Each row has a column of its own for "without": `columns + row`. Rows and potentials begin at 0; the column `total` is an
 * auxiliary one from which each search starts.
 *
 * With the potentials u and v of a solution, an edge is *tight* if its cost is u + v. All solutions of the least
 * cost are made of tight edges, and have each column of which v is below 0 (J. Munkres 1957; complementary
 * slackness). So ties are broken by walks along tight edges, and no cost is ever added to break them.
 */
#include "planner.h"

static uint32_t total(const struct match *m)
{
	return m->columns + m->rows;
}

static int64_t cost(const struct match *m, uint32_t row, uint32_t column)
{
	if (column < m->columns)
		return m->cost[(size_t)row * m->columns + column];
	return column - m->columns == row ? m->spare[row] : NO_EDGE;
}

static int64_t slack(const struct match *m, uint32_t row, uint32_t column)
{
	return cost(m, row, column) - m->u[row] - m->v[column];
}

/* Takes a column into the tree: what may be reached from its row, and the nearest of all that is not in it. */
static uint32_t grow(struct match *m, uint32_t column, int64_t *ret_delta)
{
	uint32_t row = m->owner[column], next = NO_INDEX;
	int64_t delta = INT64_MAX;

	m->used[column] = 1;
	for (uint32_t j = 0; j < total(m); j++) {
		int64_t s;

		if (m->used[j])
			continue;
		s = slack(m, row, j);
		if (s < m->least[j]) {
			m->least[j] = s;
			m->way[j] = column;
		}
		if (m->least[j] < delta) {
			delta = m->least[j];
			next = j;
		}
	}
	*ret_delta = delta;
	return next;
}

static void shift(struct match *m, int64_t delta)
{
	for (uint32_t j = 0; j <= total(m); j++)
		if (m->used[j]) {
			m->u[m->owner[j]] += delta;
			m->v[j] -= delta;
		} else {
			m->least[j] -= delta;
		}
}

/* Gives one more row a column, and others another one for it. */
static void add_row(struct match *m, uint32_t row)
{
	uint32_t column = total(m);

	for (uint32_t j = 0; j < total(m); j++) {
		m->least[j] = INT64_MAX;
		m->used[j] = 0;
	}
	m->used[column] = 0;
	m->v[column] = 0;
	m->owner[column] = row;
	do {
		int64_t delta;
		uint32_t next = grow(m, column, &delta);

		shift(m, delta);
		column = next;
	} while (m->owner[column] != NO_INDEX);
	while (column != total(m)) {
		m->owner[column] = m->owner[m->way[column]];
		column = m->way[column];
	}
}

/* `used` of a column: it can be given up, if all along its way move on towards the column `hole`. */
struct walk {
	uint32_t head, tail;
	bool nobody; /* columns without a row were reached */
};

static void reach(struct match *m, struct walk *w, uint32_t column, uint32_t from)
{
	if (m->used[column])
		return;
	m->used[column] = 1;
	m->way[column] = from;
	m->queue[w->tail++] = column;
}

/* A column of which v is 0 may be left empty in another one's place. */
static void reach_empty(struct match *m, struct walk *w, uint32_t from)
{
	w->nobody = true;
	for (uint32_t j = 0; j < total(m); j++)
		if (m->owner[j] == NO_INDEX)
			reach(m, w, j, from);
}

/* From where can one come to `hole`? Rows up to `row` stay where they are. */
static void search(struct match *m, uint32_t row, uint32_t hole)
{
	struct walk w = {0};

	memset(m->used, 0, total(m));
	reach(m, &w, hole, hole);
	while (w.head < w.tail) {
		uint32_t column = m->queue[w.head++];

		for (uint32_t r = row + 1; r < m->rows; r++)
			if (!slack(m, r, column))
				reach(m, &w, m->column[r], column);
		if (!w.nobody && !m->v[column])
			reach_empty(m, &w, column);
	}
}

static void set(struct match *m, uint32_t row, uint32_t column)
{
	m->owner[column] = row;
	if (row != NO_INDEX)
		m->column[row] = column;
}

/* `row` takes `column`; whoever had it moves on, until the row's old column is filled. */
static void move(struct match *m, uint32_t row, uint32_t column)
{
	uint32_t hole = m->column[row];

	while (column != hole) {
		uint32_t evicted = m->owner[column], next = m->way[column];

		set(m, row, column);
		row = evicted;
		column = next;
	}
	set(m, row, hole);
}

static void lower(struct match *m, uint32_t row)
{
	uint32_t hole = m->column[row], j = 0;

	search(m, row, hole);
	while (j < hole && (!m->used[j] || slack(m, row, j)))
		j++;
	if (j < hole)
		move(m, row, j);
}

void vdev__migration_match(struct match *m)
{
	for (uint32_t j = 0; j <= total(m); j++) {
		m->owner[j] = NO_INDEX;
		m->v[j] = 0;
	}
	memset(m->u, 0, m->rows * sizeof(*m->u));
	for (uint32_t i = 0; i < m->rows; i++)
		add_row(m, i);
	m->owner[total(m)] = NO_INDEX;
	for (uint32_t j = 0; j < total(m); j++)
		if (m->owner[j] != NO_INDEX)
			m->column[m->owner[j]] = j;
	for (uint32_t i = 0; i < m->rows; i++)
		lower(m, i);
	for (uint32_t i = 0; i < m->rows; i++)
		if (m->column[i] >= m->columns)
			m->column[i] = NO_INDEX;
}
