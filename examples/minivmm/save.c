/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A paused machine to a file, and back in another process: the library's images, the functions on
 * the bus, guest memory, CPUs. For the same build on the same machine: structures go as they are,
 * except pointers and times, which mean nothing elsewhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "slot.h"
#include "vm.h"

#define MAGIC 0x65766173u /* "save" */
#define NOBODY UINT32_MAX

struct head {
	uint32_t magic;
	uint32_t functions;
	uint64_t removal_size, pvdev_size;
	uint64_t next_id, next_memory;
	uint32_t next_bus;
	uint32_t reserved;
};

/* Of one function, after its own structure. */
struct links {
	uint32_t kind;
	uint32_t port, above; /* index, or NOBODY */
};

struct device_image {
	uint64_t ring, service_ns;
	uint32_t enabled, done, index;
	bool stuck, quiesced, dead;
	struct begun begun[BLK_SLOTS]; /* due_ns: what is left */
	uint8_t memory[BLK_BAR_SIZE];
};

static int put(FILE *file, const void *data, size_t size)
{
	return fwrite(data, size, 1, file) == 1 ? 0 : -EIO;
}

static int take(FILE *file, void *data, size_t size)
{
	return fread(data, size, 1, file) == 1 ? 0 : -EBADMSG;
}

static uint32_t index_of(struct vm *vm, const struct pci_fn *fn)
{
	for (uint32_t i = 0; i < vm->functions_count; i++)
		if (vm->functions[i] == fn)
			return i;
	return NOBODY;
}

static int save_device(struct device *d, FILE *file)
{
	struct device_image *i = calloc(1, sizeof(*i));
	uint64_t now = vm_now(d->vm);
	int r;

	if (!i)
		return -ENOMEM;
	i->ring = d->ring;
	i->service_ns = d->service_ns;
	i->enabled = d->enabled;
	i->done = d->done;
	i->index = d->index;
	i->stuck = d->stuck;
	i->quiesced = d->quiesced;
	i->dead = d->dead;
	memcpy(i->memory, d->memory, BLK_BAR_SIZE);
	memcpy(i->begun, d->begun, sizeof(i->begun));
	for (uint32_t s = 0; s < BLK_SLOTS; s++)
		i->begun[s].due_ns = i->begun[s].due_ns > now ? i->begun[s].due_ns - now : 0;
	r = put(file, i, sizeof(*i));
	free(i);
	return r;
}

static int load_device(struct device *d, FILE *file)
{
	struct device_image *i = malloc(sizeof(*i));
	int r = i ? take(file, i, sizeof(*i)) : -ENOMEM;

	if (!r) {
		d->ring = i->ring;
		d->service_ns = i->service_ns;
		d->enabled = i->enabled;
		d->done = i->done;
		d->index = i->index;
		d->stuck = i->stuck;
		d->quiesced = i->quiesced;
		d->dead = i->dead;
		memcpy(d->memory, i->memory, BLK_BAR_SIZE);
		memcpy(d->begun, i->begun, sizeof(d->begun));
		for (uint32_t s = 0; s < BLK_SLOTS; s++)
			d->begun[s].due_ns += vm_now(d->vm);
	}
	free(i);
	return r;
}

static int save_function(struct vm *vm, struct pci_fn *fn, FILE *file)
{
	struct links links = {.kind = fn->kind,
			      .port = index_of(vm, (struct pci_fn *)fn->port),
			      .above = index_of(vm, fn->above)};
	struct pci_fn copy = *fn;
	int r = put(file, &links, sizeof(links));

	copy.ops = NULL;
	copy.port = NULL;
	copy.above = NULL;
	if (!r)
		r = put(file, &copy, sizeof(copy));
	if (!r && fn->kind == MINIVMM_BLOCK)
		r = save_device((struct device *)fn, file);
	return r;
}

static struct pci_fn *blank(struct vm *vm, uint32_t kind)
{
	struct device *d;

	switch (kind) {
	case MINIVMM_PVDEV:
		return &vm->pv; /* on the bus already */
	case MINIVMM_PORT:
		return port_blank();
	case MINIVMM_BRIDGE:
		return bridge_blank();
	case MINIVMM_BLOCK:
		d = device_blank(vm);
		return d ? &d->fn : NULL;
	default:
		return NULL;
	}
}

static int load_function(struct vm *vm, FILE *file)
{
	const struct pci_ops *ops;
	struct links links;
	struct pci_fn *fn;
	int r = take(file, &links, sizeof(links));

	if (r)
		return r;
	fn = blank(vm, links.kind);
	if (!fn)
		return -EBADMSG;
	ops = fn->ops;
	r = take(file, fn, sizeof(*fn));
	fn->ops = ops;
	fn->kind = links.kind;
	if (fn != &vm->pv)
		vm->functions[vm->functions_count++] = fn;
	if (links.port < vm->functions_count)
		fn->port = (struct port *)vm->functions[links.port];
	if (links.above < vm->functions_count)
		fn->above = vm->functions[links.above];
	if (!r && fn->kind == MINIVMM_BLOCK)
		r = load_device((struct device *)fn, file);
	return r;
}

/* After _load: user_data is set anew, and resources are registered under the same handles. */
static int attach(struct vm *vm, struct pci_fn *fn)
{
	int r;

	if (fn == &vm->pv || fn->released)
		return 0;
	vm_engine_lock(vm);
	r = vdev_removal_set_user_data(vm->removal, fn->unit, (uintptr_t)fn);
	vm_engine_unlock(vm);
	if (!r && fn->kind == MINIVMM_BLOCK)
		r = vm->machine->attach(vm, (struct device *)fn);
	return r;
}

static int make_images(struct vm *vm, struct vm_image *image)
{
	uint64_t now = vm_now(vm);
	int r;

	vdev_removal_save(vm->removal, now, NULL, 0, &image->removal_size);
	vdev_pvdev_save(vm->pvdev, now, NULL, 0, &image->pvdev_size);
	image->removal = malloc(image->removal_size);
	image->pvdev = malloc(image->pvdev_size);
	if (!image->removal || !image->pvdev)
		return -ENOMEM;
	r = vdev_removal_save(vm->removal, now, image->removal, image->removal_size,
			      &image->removal_size);
	return r ? r
		 : vdev_pvdev_save(vm->pvdev, now, image->pvdev, image->pvdev_size,
				   &image->pvdev_size);
}

static void free_images(struct vm_image *image)
{
	free(image->removal);
	free(image->pvdev);
}

static int save_all(struct vm *vm, const struct vm_image *image, FILE *file)
{
	struct head head = {.magic = MAGIC,
			    .functions = vm->functions_count,
			    .removal_size = image->removal_size,
			    .pvdev_size = image->pvdev_size,
			    .next_id = vm->next_id,
			    .next_memory = vm->next_memory,
			    .next_bus = vm->next_bus};
	int r = put(file, &head, sizeof(head));

	if (!r)
		r = put(file, image->removal, image->removal_size);
	if (!r)
		r = put(file, image->pvdev, image->pvdev_size);
	for (uint32_t i = 0; i < vm->functions_count && !r; i++)
		r = save_function(vm, vm->functions[i], file);
	if (!r)
		r = put(file, vm->ram, GUEST_RAM_SIZE);
	return r ? r : vm->machine->save(vm, file);
}

int vm_save(struct vm *vm, FILE *file)
{
	struct vm_image image = {0};
	int r;

	if (vm->lending)
		return -EOPNOTSUPP; /* its destinations stay here */
	vm_lock(vm);
	vm_engine_lock(vm);
	r = make_images(vm, &image);
	vm_engine_unlock(vm);
	if (!r)
		r = save_all(vm, &image, file);
	vm_unlock(vm);
	free_images(&image);
	if (!r && fflush(file))
		r = -EIO;
	return r;
}

static int load_images(FILE *file, struct head *head, struct vm_image *image)
{
	int r = take(file, head, sizeof(*head));

	if (r || head->magic != MAGIC || head->functions > VM_FUNCTIONS ||
	    head->removal_size > GUEST_RAM_SIZE || head->pvdev_size > GUEST_RAM_SIZE)
		return -EBADMSG;
	image->removal_size = head->removal_size;
	image->pvdev_size = head->pvdev_size;
	image->removal = malloc(image->removal_size);
	image->pvdev = malloc(image->pvdev_size);
	if (!image->removal || !image->pvdev)
		return -ENOMEM;
	r = take(file, image->removal, image->removal_size);
	return r ? r : take(file, image->pvdev, image->pvdev_size);
}

static int load_rest(struct vm *vm, const struct head *head, FILE *file)
{
	int r = 0;

	vm->next_id = head->next_id;
	vm->next_memory = head->next_memory;
	vm->next_bus = head->next_bus;
	for (uint32_t i = 0; i < head->functions && !r; i++)
		r = load_function(vm, file);
	if (!r)
		r = take(file, vm->ram, GUEST_RAM_SIZE);
	if (!r)
		r = vm->machine->load(vm, file);
	for (uint32_t i = 0; i < vm->functions_count && !r; i++)
		r = attach(vm, vm->functions[i]);
	vm_lock(vm);
	vm->machine->routes(vm);
	vm_unlock(vm);
	return r;
}

int vm_load(struct vm **ret_vm, const struct vm_options *options, FILE *file)
{
	struct vm_image image = {0};
	struct vm *vm = NULL;
	struct head head;
	int r = load_images(file, &head, &image);

	if (!r)
		r = vm_new(&vm, options, &image);
	free_images(&image);
	if (!r)
		r = load_rest(vm, &head, file);
	if (r)
		vm_free(vm);
	else
		*ret_vm = vm;
	return r;
}
