/* SPDX-License-Identifier: BSD-3-Clause */
/* The mock machine's actions: pumped by hand, each performed by the VMM's own backend and the library's mock. */
#include <errno.h>

#include "mockhost.h"

static struct later *later_of(struct host *h, uint64_t id)
{
	for (uint32_t i = 0; i < LATERS; i++)
		if (h->laters[i].id == id)
			return &h->laters[i];
	return NULL;
}

static void done(struct vm *vm, uint64_t id, int status)
{
	vdev_removal_done(vm->removal, host_of(vm)->now, id, status);
}

static void perform(struct vm *vm, const struct vdev_action *a)
{
	struct host *h = host_of(vm);
	struct later *l = later_of(h, 0);
	int own, other;

	if (!l) {
		done(vm, a->id, -ENOSPC);
		return;
	}
	/* Both parts and ourselves: a part may end while it is performed. */
	*l = (struct later){.id = a->id, .waiting = 3};
	own = deeds_perform(vm, a);
	other = vdev_mock_perform(h->mock, a);
	l->waiting -= (own != VDEV_BACKEND_LATER) + (other != VDEV_BACKEND_LATER);
	if (own < 0 && own != -EOPNOTSUPP)
		l->status = own;
	else if (other < 0 && other != -EOPNOTSUPP)
		l->status = other;
	vm->machine->complete(vm, a->id, 0);
}

/* An action's part ended. */
void mock_complete(struct vm *vm, uint64_t id, int status)
{
	struct later *l = later_of(host_of(vm), id);

	if (!l)
		return;
	if (status && !l->status)
		l->status = status;
	if (--l->waiting > 0)
		return;
	status = l->status;
	l->id = 0;
	done(vm, id, status);
}

/* By hand, as in docs/engines/removal.md. */
void mock_pump(struct vm *vm)
{
	struct host *h = host_of(vm);
	struct vdev_action a;
	uint64_t id;
	int32_t status;

	if (h->pumping)
		return;
	h->pumping = true;
	vdev_removal_step(vm->removal, h->now);
	do {
		while (vdev_removal_next(vm->removal, &a, sizeof(a)) == 1)
			perform(vm, &a);
		while (vdev_mock_step(h->mock, h->now, &id, &status) == 1)
			mock_complete(vm, id, status);
	} while (vdev_removal_step(vm->removal, h->now) > 0);
	h->pumping = false;
}
