/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Page replacement on KVM: the library's (vdev/pages.h), and what the controls do instead, to show what
 * it is for. See lending.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vdev/pages.h>

#include "kvm.h"
#include "lending.h"

#define PREEMPTED_US 2000

static uint32_t kind_of(uint32_t memory)
{
	return memory == MEMORY_ANONYMOUS ? VDEV_PAGES_ANON
	       : memory == MEMORY_HUGE    ? VDEV_PAGES_HUGETLB
					  : VDEV_PAGES_MEMFD;
}

/* Without a userfaultfd that sees KVM's faults PRESERVE is for guests that are stopped. */
static void note_what_cannot(struct lending *l)
{
	struct vdev_pages_info info;

	if (vdev_pages_get(l->pages, 0, &info, sizeof(info)) || info.live)
		return;
	if (vdev_pages_reason(l->pages, l->cannot, sizeof(l->cannot)) <= 0)
		snprintf(l->cannot, sizeof(l->cannot), "no userfaultfd");
}

int lendpages_open(struct vm *vm)
{
	struct vdev_pages_config config = {
		.struct_size = sizeof(config), .max_regions = 1, .kvm_fd = kvm_of(vm)->kvm_fd};
	struct vdev_pages_region ram = {
		.struct_size = sizeof(ram),
		.kind = kind_of(vm->options.lending.memory),
		.fd = vm->memory_fd,
		.size_bytes = GUEST_RAM_SIZE,
		.host_address = (uintptr_t)vm->ram,
	};
	int r;

	if (vm->options.lending.control)
		return 0; /* a VMM that knows nothing of it */
	r = vdev_pages_new(&vm->lending->pages, &vm->env, &config);
	if (!r)
		r = vdev_pages_add(vm->lending->pages, &ram);
	if (!r)
		note_what_cannot(vm->lending);
	return r;
}

void lendpages_close(struct vm *vm)
{
	vdev_pages_free(vm->lending->pages);
	vm->lending->pages = NULL;
}

/* Fresh pages by hand: copied while the guest goes on writing, then moved in. Between the two anything
 * can happen to the thread that does it, and here it does. */
static void swap_unprotected(struct vm *vm, struct lending_job *jobs, uint32_t count)
{
	uint8_t *fresh[LENDING_BATCH];

	for (uint32_t i = 0; i < count; i++) {
		fresh[i] = mmap(NULL, jobs[i].size, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		jobs[i].status = fresh[i] == MAP_FAILED ? -errno : 0;
		if (!jobs[i].status && jobs[i].preserve)
			memcpy(fresh[i], vm->ram + jobs[i].address, jobs[i].size);
	}
	usleep(PREEMPTED_US);
	for (uint32_t i = 0; i < count; i++)
		if (!jobs[i].status &&
		    mremap(fresh[i], jobs[i].size, jobs[i].size, MREMAP_MAYMOVE | MREMAP_FIXED,
			   vm->ram + jobs[i].address) == MAP_FAILED)
			jobs[i].status = -errno;
}

static void offline(struct vdev_pages *pages, struct lending_job *jobs, uint32_t count)
{
	struct vdev_pages_range ranges[LENDING_BATCH];
	int status[LENDING_BATCH];

	for (uint32_t i = 0; i < count; i++) {
		ranges[i] = (struct vdev_pages_range){
			.guest_address = jobs[i].address,
			.size_bytes = jobs[i].size,
			.mode = jobs[i].preserve ? VDEV_ZEROCOPY_PRESERVE : VDEV_ZEROCOPY_RESET};
		status[i] = -EIO;
	}
	vdev_pages_offline(pages, ranges, count, status);
	for (uint32_t i = 0; i < count; i++)
		jobs[i].status = status[i];
}

/* The whole VM's memory is an action of its own; all others go in one batch. */
void lendpages_replace(struct vm *vm, struct lending_job *jobs, uint32_t count)
{
	uint32_t control = atomic_load(&vm->lending->control), first = 0;
	struct vdev_pages *pages = vm->lending->pages;

	if (control & LENDING_NO_REPLACEMENT) {
		for (uint32_t i = 0; i < count; i++)
			jobs[i].status = 0;
		return;
	}
	if (control & LENDING_UNPROTECTED) {
		swap_unprotected(vm, jobs, count);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!jobs[i].whole)
			continue;
		if (i > first)
			offline(pages, jobs + first, i - first);
		jobs[i].status = vdev_pages_offline_all(
			pages, jobs[i].preserve ? VDEV_ZEROCOPY_PRESERVE : VDEV_ZEROCOPY_RESET);
		first = i + 1;
	}
	if (count > first)
		offline(pages, jobs + first, count - first);
}
