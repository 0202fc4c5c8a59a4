/* SPDX-License-Identifier: BSD-3-Clause */
/* See model.h. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lending.h"
#include "vm.h"

#define PAGES (GUEST_RAM_SIZE / MODEL_PAGE)

struct model_page {
	uint32_t holders;
	uint32_t number; /* of the guest's page */
	bool away;
	uint8_t bytes[MODEL_PAGE]; /* once it is away */
};

struct model {
	struct vm *vm;
	struct model_page *now[PAGES]; /* of those that somebody holds */
	uint32_t away;
	bool protected;
};

struct model *model_new(struct vm *vm)
{
	struct model *m = calloc(1, sizeof(*m));

	if (m)
		m->vm = vm;
	return m;
}

void model_free(struct model *m)
{
	free(m); /* pages belong to their holders */
}

struct model_page *model_hold(struct model *m, uint64_t address)
{
	uint32_t number = (uint32_t)(address / MODEL_PAGE);
	struct model_page *page = m->now[number];

	if (!page) {
		page = calloc(1, sizeof(*page));
		if (!page)
			return NULL;
		page->number = number;
		m->now[number] = page;
	}
	page->holders++;
	return page;
}

void model_drop(struct model *m, struct model_page *page)
{
	if (--page->holders)
		return;
	if (page->away)
		m->away--;
	else
		m->now[page->number] = NULL;
	free(page);
}

uint8_t *model_bytes(struct model *m, struct model_page *page)
{
	return page->away ? page->bytes : m->vm->ram + (uint64_t)page->number * MODEL_PAGE;
}

uint32_t model_away(const struct model *m)
{
	return m->away;
}

bool model_writable(const struct model *m)
{
	return !m->protected;
}

/* The page leaves with what is in it now, whoever holds it. */
static void take_out(struct model *m, uint32_t number)
{
	struct model_page *page = m->now[number];

	if (!page)
		return;
	memcpy(page->bytes, m->vm->ram + (uint64_t)number * MODEL_PAGE, MODEL_PAGE);
	page->away = true;
	m->away++;
	m->now[number] = NULL;
}

int model_replace(struct model *m, uint64_t address, uint64_t size, bool preserve, bool protect)
{
	uint8_t *at = memory_at(m->vm, address, size), *fresh;

	if (!at || address % MODEL_PAGE || size % MODEL_PAGE || !size)
		return -EINVAL;
	fresh = calloc(1, size);
	if (!fresh)
		return -ENOMEM;
	m->protected = protect;
	if (preserve)
		memcpy(fresh, at, size);
	m->vm->machine->turn(m->vm); /* whoever may run now does */
	for (uint64_t i = 0; i < size / MODEL_PAGE; i++)
		take_out(m, (uint32_t)(address / MODEL_PAGE + i));
	memcpy(at, fresh, size);
	m->protected = false;
	free(fresh);
	return 0;
}

/* Pages of a receive buffer, which is whole pages (Z11). */
static uint32_t pages_of(const struct lending_writer *w)
{
	return (uint32_t)(w->length / MODEL_PAGE);
}

int model_writer_hold(struct vm *vm, struct lending_writer *w)
{
	struct model_page **held = calloc(pages_of(w), sizeof(struct model_page *));

	if (!held)
		return -ENOMEM;
	w->own = held;
	for (uint32_t i = 0; i < pages_of(w); i++) {
		held[i] = model_hold(vm->model, w->address + (uint64_t)i * MODEL_PAGE);
		if (!held[i]) {
			model_writer_let_go(vm, w);
			return -ENOMEM;
		}
	}
	return 0;
}

int model_writer_write(struct vm *vm, struct lending_writer *w, uint32_t seed)
{
	struct model_page **held = w->own;

	for (uint64_t at = 0; at < w->length; at += 8) {
		uint64_t value = msg_pattern(seed, at);

		memcpy(model_bytes(vm->model, held[at / MODEL_PAGE]) + at % MODEL_PAGE, &value, 8);
	}
	return 0;
}

void model_writer_let_go(struct vm *vm, struct lending_writer *w)
{
	struct model_page **held = w->own;

	for (uint32_t i = 0; i < pages_of(w) && held[i]; i++)
		model_drop(vm->model, held[i]);
	free(held);
	w->own = NULL;
}
