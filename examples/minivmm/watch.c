/* SPDX-License-Identifier: BSD-3-Clause */
/* Events that a story causes, what it waits for, and what it reads from the record of deeds. */
#include <string.h>

#include "scene.h"

static int after(struct scene *s, int r)
{
	vm_engine_unlock(s->vm);
	vm_dispatch(s->vm);
	return r;
}

int scene_request(struct scene *s, struct pci_fn *fn, const struct vdev_removal_request *request)
{
	if (s->requests_count < SCENE_TIMES) {
		s->requests[s->requests_count].fn = fn;
		s->requests[s->requests_count++].began_ns = vm_now(s->vm);
	}
	vm_engine_lock(s->vm);
	return after(s, vdev_removal_request(s->vm->removal, vm_now(s->vm), fn->unit, request));
}

int scene_force(struct scene *s, struct pci_fn *fn)
{
	struct vdev_removal_request request = {.struct_size = sizeof(request),
					       .flags = VDEV_REMOVAL_FORCE};

	return scene_request(s, fn, &request);
}

int scene_declare(struct scene *s, struct pci_fn *fn, uint32_t source, uint32_t level)
{
	vm_engine_lock(s->vm);
	return after(s,
		     vdev_removal_declare(s->vm->removal, vm_now(s->vm), fn->unit, source, level));
}

int scene_cancel(struct scene *s, struct pci_fn *fn)
{
	vm_engine_lock(s->vm);
	return after(s, vdev_removal_cancel(s->vm->removal, vm_now(s->vm), fn->unit));
}

struct vdev_removal_info scene_info(struct scene *s, uint64_t unit)
{
	struct vdev_removal_info info;

	memset(&info, 0, sizeof(info));
	vm_engine_lock(s->vm);
	vdev_removal_get(s->vm->removal, unit, &info, sizeof(info));
	vm_engine_unlock(s->vm);
	return info;
}

struct wish {
	struct scene *s;
	const struct pci_fn *fn;
	uint64_t value;
	const void *where;
};

static bool has_level(struct vm *vm, const void *arg)
{
	const struct wish *w = arg;

	return vdev_removal_level(vm->removal, w->fn->unit) == (int)w->value;
}

bool scene_level(struct scene *s, const struct pci_fn *fn, uint32_t level)
{
	struct wish w = {.fn = fn, .value = level};

	return vm_wait(s->vm, has_level, &w, PATIENCE_MS);
}

static bool has_done(struct vm *vm, const void *arg)
{
	const struct wish *w = arg;

	return scene_seen(w->s, w->fn)->io_done >= w->value;
}

bool scene_traffic(struct scene *s, const struct pci_fn *fn)
{
	struct wish w = {
		.s = s, .fn = fn, .value = scene_seen(s, fn)->io_done + UINT64_C(2) * BLK_SLOTS};

	return vm_wait(s->vm, has_done, &w, PATIENCE_MS);
}

const struct deed *scene_last(struct scene *s, const struct pci_fn *fn, uint32_t kind)
{
	for (uint32_t i = atomic_load(&s->vm->deeds_count); i > 0; i--)
		if (s->vm->deeds[i - 1].fn == fn && s->vm->deeds[i - 1].action.kind == kind)
			return &s->vm->deeds[i - 1];
	return NULL;
}

uint32_t scene_count(struct scene *s, const struct pci_fn *fn, uint32_t kind)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < atomic_load(&s->vm->deeds_count); i++)
		n += (!fn || s->vm->deeds[i].fn == fn) && s->vm->deeds[i].action.kind == kind;
	return n;
}

uint32_t scene_outcomes(struct scene *s, const struct pci_fn *fn, uint32_t outcome)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < atomic_load(&s->vm->deeds_count); i++)
		n += s->vm->deeds[i].fn == fn &&
		     s->vm->deeds[i].action.kind == VDEV_REMOVAL_OUTCOME &&
		     s->vm->deeds[i].action.arg[0] == outcome;
	return n;
}

static bool has_outcome(struct vm *vm, const void *arg)
{
	const struct wish *w = arg;

	return scene_outcomes(w->s, w->fn, (uint32_t)w->value) > 0;
}

bool scene_outcome_in(struct scene *s, const struct pci_fn *fn, uint32_t outcome, uint64_t ms)
{
	struct wish w = {.s = s, .fn = fn, .value = outcome};

	return vm_wait(s->vm, has_outcome, &w, ms);
}

bool scene_outcome(struct scene *s, const struct pci_fn *fn, uint32_t outcome)
{
	return scene_outcome_in(s, fn, outcome, PATIENCE_MS);
}

static bool has_deed(struct vm *vm, const void *arg)
{
	const struct wish *w = arg;

	return scene_count(w->s, w->fn, (uint32_t)w->value) > 0;
}

bool scene_deed(struct scene *s, const struct pci_fn *fn, uint32_t kind)
{
	struct wish w = {.s = s, .fn = fn, .value = kind};

	return vm_wait(s->vm, has_deed, &w, PATIENCE_MS);
}

static bool has_state(struct vm *vm, const void *arg)
{
	const struct wish *w = arg;

	return __atomic_load_n(&scene_seen(w->s, w->fn)->state, __ATOMIC_ACQUIRE) == w->value;
}

bool scene_state(struct scene *s, const struct pci_fn *fn, uint32_t state)
{
	struct wish w = {.s = s, .fn = fn, .value = state};

	return vm_wait(s->vm, has_state, &w, PATIENCE_MS);
}

static bool has_generation(struct vm *vm, const void *arg)
{
	const struct wish *w = arg;

	return __atomic_load_n(&scene_seen(w->s, w->fn)->generation, __ATOMIC_ACQUIRE) >= w->value;
}

bool scene_generation(struct scene *s, const struct pci_fn *fn, uint32_t generation)
{
	struct wish w = {.s = s, .fn = fn, .value = generation};

	return vm_wait(s->vm, has_generation, &w, PATIENCE_MS);
}

static bool has_counter(struct vm *vm, const void *arg)
{
	const struct wish *w = arg;
	const uint64_t *counter = w->where;

	return __atomic_load_n(counter, __ATOMIC_ACQUIRE) >= w->value;
}

bool scene_counter(struct scene *s, const uint64_t *counter, uint64_t at_least)
{
	struct wish w = {.where = counter, .value = at_least};

	return vm_wait(s->vm, has_counter, &w, PATIENCE_MS);
}

static bool has_word(struct vm *vm, const void *arg)
{
	const struct wish *w = arg;
	const uint32_t *word = w->where;

	return __atomic_load_n(word, __ATOMIC_ACQUIRE) >= w->value;
}

bool scene_word(struct scene *s, const uint32_t *word, uint32_t at_least)
{
	struct wish w = {.where = word, .value = at_least};

	return vm_wait(s->vm, has_word, &w, PATIENCE_MS);
}

const char *scene_order(struct scene *s, const struct pci_fn *fn, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = 0;
	for (uint32_t i = 0; i < atomic_load(&s->vm->deeds_count); i++) {
		const struct deed *d = &s->vm->deeds[i];

		if (d->fn != fn || d->action.kind == VDEV_REMOVAL_OUTCOME ||
		    d->action.kind == VDEV_REMOVAL_REDECLARE || used >= size)
			continue;
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? " " : "",
					 vdev_removal_kind_name(d->action.kind));
	}
	return buf;
}

bool scene_did(struct scene *s, const struct pci_fn *fn, const char *order)
{
	char buf[300];

	scene_order(s, fn, buf, sizeof(buf));
	return EXPECT(s, strcmp(buf, order) == 0, "%s: done was \"%s\", expected \"%s\"", fn->name,
		      buf, order);
}
