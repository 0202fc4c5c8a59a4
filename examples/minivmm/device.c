/* SPDX-License-Identifier: BSD-3-Clause */
/* Block device. All functions need the device model's lock. */
#include "device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "slot.h"
#include "vm.h"

#define SERVICE_NS 200000ull

uint32_t device_in_flight(const struct device *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < BLK_SLOTS; i++)
		n += d->begun[i].used;
	return n;
}

static struct blk_request *slot_at(struct device *d, uint32_t slot)
{
	uint64_t size = sizeof(struct blk_request);

	return memory_at(d->vm, d->ring + slot * size, size);
}

/* Takes one request: everything is read once, and the copy is what we work with. */
static void begin(struct device *d, uint32_t slot, uint64_t now_ns)
{
	struct blk_request *q = slot_at(d, slot);

	if (!q || d->begun[slot].used || __atomic_load_n(&q->state, __ATOMIC_ACQUIRE) != BLK_READY)
		return;
	memcpy(&d->begun[slot].request, q, sizeof(*q));
	d->begun[slot].used = true;
	d->begun[slot].due_ns = now_ns + d->service_ns;
}

static uint32_t answer(struct device *d, const struct blk_request *q, uint32_t *ret_sum)
{
	const uint8_t *data = NULL;

	if (q->length && q->length <= BLK_DATA_SIZE)
		data = memory_at(d->vm, q->address, q->length);
	if (!data)
		return BLK_ERROR;
	*ret_sum = blk_sum(data, q->length, q->sequence);
	return BLK_FINISHED;
}

static void finish(struct device *d, uint32_t slot)
{
	struct begun *b = &d->begun[slot];
	struct blk_request *q = slot_at(d, slot);
	uint32_t sum = 0, state = answer(d, &b->request, &sum);

	b->used = false;
	if (!q)
		return;
	q->sum = sum;
	__atomic_store_n(&q->state, state, __ATOMIC_RELEASE);
	d->done++;
}

/* Nothing is in flight any more: that is what DRAIN or QUIESCE waited for. */
static void ended(struct device *d)
{
	uint64_t id = d->ending;

	if (!id || device_in_flight(d))
		return;
	d->ending = 0;
	d->vm->machine->complete(d->vm, id, 0);
}

static bool may_begin(struct device *d)
{
	return d->enabled && !d->quiesced && pci_visible(&d->fn) &&
	       !d->vm->machine->gated(d->vm, d) && (pci_get(&d->fn, PCI_COMMAND, 2) & PCI_MASTER);
}

uint64_t device_work(struct device *d, uint64_t now_ns)
{
	uint64_t next = UINT64_MAX;
	uint32_t finished = 0;

	if (d->dead)
		return next;
	for (uint32_t i = 0; i < BLK_SLOTS; i++) {
		if (may_begin(d))
			begin(d, i, now_ns);
		if (!d->begun[i].used || d->stuck)
			continue;
		if (d->begun[i].due_ns <= now_ns) {
			finish(d, i);
			finished++;
		} else if (d->begun[i].due_ns < next) {
			next = d->begun[i].due_ns;
		}
	}
	if (finished)
		d->vm->machine->interrupt(d->vm, d);
	ended(d);
	return next;
}

static uint32_t read_bar(struct vm *vm, struct pci_fn *fn, uint32_t bar, uint64_t offset,
			 uint32_t width)
{
	struct device *d = (struct device *)fn;
	uint32_t value = 0;

	if (bar == 1) {
		memcpy(&value, d->memory + (offset & (BLK_BAR_SIZE - 4)), 4);
		return value;
	}
	switch (offset) {
	case BLK_ID:
		return BLK_ID_VALUE;
	case BLK_RING:
		return (uint32_t)d->ring;
	case BLK_CONTROL:
		return d->enabled;
	case BLK_IN_FLIGHT:
		return device_in_flight(d);
	case BLK_DONE:
		return d->done;
	default:
		return 0;
	}
}

static int write_bar(struct vm *vm, struct pci_fn *fn, uint32_t bar, uint64_t offset,
		     uint32_t width, uint64_t value)
{
	struct device *d = (struct device *)fn;
	uint32_t word = (uint32_t)value;

	if (width != 4)
		return 0;
	if (bar == 1)
		memcpy(d->memory + (offset & (BLK_BAR_SIZE - 4)), &word, 4);
	else if (offset == BLK_RING)
		d->ring = word;
	else if (offset == BLK_CONTROL)
		d->enabled = word & BLK_ENABLE;
	else if (offset == BLK_DOORBELL)
		vm->machine->kick(vm, d);
	return 0;
}

static const struct pci_ops ops = {.read = read_bar, .write = write_bar};

int device_quiesce(struct device *d, uint64_t action_id)
{
	d->quiesced = true;
	if (!device_in_flight(d))
		return 0;
	d->ending = action_id;
	return VDEV_BACKEND_LATER;
}

/* What is in flight may finish; what never would is given up. */
int device_drain(struct device *d, uint64_t action_id)
{
	if (d->dead || d->stuck)
		memset(d->begun, 0, sizeof(d->begun));
	return device_quiesce(d, action_id);
}

void device_resume(struct device *d)
{
	d->quiesced = false;
	d->vm->machine->kick(d->vm, d);
}

void device_jam(struct device *d, bool stuck)
{
	vm_lock(d->vm);
	d->stuck = stuck;
	d->vm->machine->kick(d->vm, d);
	vm_unlock(d->vm);
}

void device_reset(struct device *d)
{
	memset(d->begun, 0, sizeof(d->begun));
	d->enabled = 0;
	d->ring = 0;
	d->quiesced = false;
	pci_reset(d->vm, &d->fn);
	ended(d);
}

static int add_unit(struct device *d, const struct device_spec *spec)
{
	struct vm *vm = d->vm;
	struct vdev_removal_unit unit = {
		.struct_size = sizeof(unit),
		.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
		.transport = d->fn.transport,
		.flags = spec->flags,
		.parent = spec->above  ? spec->above->unit
			  : spec->port ? spec->port->fn.unit
				       : 0,
		.user_data = (uintptr_t)&d->fn,
		.name = d->fn.id,
		.function = spec->address & 7,
		.unasked = spec->unasked,
	};
	int r;

	vm_engine_lock(vm);
	r = vdev_removal_add(vm->removal, vm_now(vm), &unit, &d->fn.unit);
	if (r >= 0 && !(spec->flags & VDEV_REMOVAL_HOTPLUG))
		r = vdev_removal_set_address(vm->removal, d->fn.unit, d->fn.address);
	vm_engine_unlock(vm);
	return r < 0 ? r : 0;
}

struct device *device_blank(struct vm *vm)
{
	struct device *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->memory = mmap(NULL, BLK_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	if (d->memory == MAP_FAILED) {
		free(d);
		return NULL;
	}
	d->vm = vm;
	d->service_ns = SERVICE_NS;
	d->kick_fd = d->irq_fd = -1;
	d->fn.ops = &ops;
	return d;
}

static struct device *make(struct vm *vm, const struct device_spec *spec)
{
	struct device *d = device_blank(vm);

	if (!d)
		return NULL;
	pci_init(&d->fn, spec->name, MINIVMM_BLOCK, spec->address);
	pci_add_bar(vm, &d->fn, 0, BLK_BAR_SIZE);
	pci_add_bar(vm, &d->fn, 1, BLK_BAR_SIZE);
	pci_add_msi(&d->fn);
	d->fn.port = spec->port ? spec->port : spec->above ? spec->above->port : NULL;
	d->fn.above = spec->above;
	d->fn.transport = spec->transport ? spec->transport
			  : d->fn.port    ? VDEV_REMOVAL_NO_TRANSPORT
					  : VDEV_REMOVAL_PVDEV;
	d->fn.track = (spec->flags & VDEV_REMOVAL_TRACK_TOUCH) != 0;
	d->fn.id = spec->id ? spec->id : ++vm->next_id;
	return d;
}

/* Without VDEV_REMOVAL_HOTPLUG it is there at once; with it ANNOUNCE brings it. */
int device_new(struct vm *vm, const struct device_spec *spec, struct device **ret_device)
{
	struct device *d = make(vm, spec);
	int r;

	if (!d)
		return -ENOMEM;
	d->index = vm->functions_count;
	vm_lock(vm);
	r = pci_plug(vm, &d->fn);
	vm_unlock(vm);
	if (r) {
		device_free(d);
		return r;
	}
	*ret_device = d; /* belongs to the VM from here on */
	r = add_unit(d, spec);
	if (!r)
		r = vm->machine->attach(vm, d);
	vm_lock(vm);
	d->fn.present = !r && !(spec->flags & VDEV_REMOVAL_HOTPLUG);
	d->fn.released = r != 0;
	vm_unlock(vm);
	return r;
}

void device_free(struct device *d)
{
	munmap(d->memory, BLK_BAR_SIZE);
	free(d);
}
