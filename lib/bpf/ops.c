/* SPDX-License-Identifier: BSD-3-Clause */
/* The BPF provider: threads come, leave, and are looked at. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "internal.h"

uint64_t vdev__bpf_place(const struct vdev_bpfsource *b, uint32_t slot)
{
	return __atomic_load_n(&b->places[slot], __ATOMIC_RELAXED);
}

void vdev__bpf_process(struct vdev_bpfsource *b, int32_t pid)
{
	b->pid = pid;
	__atomic_store_n(&b->places[SLOT_PROCESS], (uint64_t)pid, __ATOMIC_RELAXED);
}

int vdev__bpf_register(struct vdev_bpfsource *b, uint32_t slot, int32_t tid)
{
	/* Before the program knows the slot, so that what it notes is not lost. */
	__atomic_store_n(&b->places[slot], PLACE(0, 0, PLACE_NONE), __ATOMIC_SEQ_CST);
	if (bpf_map_update_elem(b->tids, &tid, &slot, BPF_ANY))
		return -errno;
	b->slots[slot].tid = tid;
	return 0;
}

void vdev__bpf_unregister(struct vdev_bpfsource *b, uint32_t slot)
{
	int32_t tid = b->slots[slot].tid;
	uint32_t known = SLOT_PROCESS;

	/* The number may be registered anew, for a thread that got it after this one's end. */
	if (!bpf_map_lookup_elem(b->tids, &tid, &known) && known == slot)
		bpf_map_delete_elem(b->tids, &tid);
	b->slots[slot].tid = 0;
}

static int there(int32_t pid, int32_t tid)
{
	return syscall(SYS_tgkill, pid, tid, 0) && errno == ESRCH ? -ESRCH : 0;
}

static int is_dead(const struct vdev_bpfsource *b, uint32_t slot)
{
	uint64_t place = vdev__bpf_place(b, slot);

	return PLACE_STATE(place) == PLACE_DEAD && PLACE_TID(place) == (uint32_t)b->slots[slot].tid;
}

static int open_bpf(void *context, int32_t pid, uint32_t vcpus)
{
	struct vdev_bpfsource *b = context;
	int err;

	if (!b || vcpus > b->vcpus)
		return -EINVAL;
	if (b->busy)
		return -EBUSY;
	err = there(pid, pid);
	if (err)
		return err;
	b->busy = 1;
	vdev__bpf_process(b, pid);
	return 0;
}

static void close_bpf(void *context)
{
	struct vdev_bpfsource *b = context;

	vdev__bpf_process(b, 0);
	b->busy = 0;
}

/* That of the thread, if it has one and lives; else a free one. There are as many as vCPUs. */
static uint32_t find_slot(const struct vdev_bpfsource *b, int32_t tid)
{
	uint32_t i, found = SLOT_PROCESS;

	for (i = SLOT_FIRST; i < SLOT_FIRST + b->vcpus; i++) {
		if (b->slots[i].tid == tid && !is_dead(b, i))
			return i;
		if (!b->slots[i].tid && found == SLOT_PROCESS)
			found = i;
	}
	return found;
}

static int attach_bpf(void *context, uint32_t vcpu, int32_t tid, uint32_t here)
{
	struct vdev_bpfsource *b = context;
	uint32_t slot = find_slot(b, tid);
	int err = 0;

	(void)here;
	if (!b->slots[slot].users) {
		err = vdev__bpf_register(b, slot, tid);
		if (err)
			return err;
		/* Afterwards: if it ends from now on, the program sees that. */
		err = there(b->pid, tid);
		if (!err)
			err = vdev__bpf_first(b, slot);
		if (err == -ESRCH) {
			vdev__bpf_unregister(b, slot);
			return err;
		}
	}
	b->slots[slot].users++;
	b->slot_of[vcpu] = slot;
	return 0;
}

static void detach_bpf(void *context, uint32_t vcpu)
{
	struct vdev_bpfsource *b = context;
	uint32_t slot = b->slot_of[vcpu];

	b->slot_of[vcpu] = SLOT_PROCESS;
	if (!--b->slots[slot].users)
		vdev__bpf_unregister(b, slot);
}

static int look_bpf(void *context, uint32_t vcpu, struct vdev_cpusource_look *ret_look)
{
	struct vdev_bpfsource *b = context;
	uint32_t slot = b->slot_of[vcpu], tid = (uint32_t)b->slots[slot].tid;
	uint64_t place = vdev__bpf_place(b, slot);

	/* Not seen so far, or written late for the slot's last thread. */
	if (VDEV__UNLIKELY(PLACE_TID(place) != tid)) {
		int err = vdev__bpf_first(b, slot);

		if (err)
			return err;
		place = vdev__bpf_place(b, slot);
		if (PLACE_TID(place) != tid)
			return -ENOENT;
	}
	if (PLACE_STATE(place) == PLACE_DEAD)
		return -ESRCH;
	ret_look->cpu = PLACE_CPU(place);
	ret_look->state =
		PLACE_STATE(place) == PLACE_RUNNING ? VDEV_CPUMAP_RUNNING : VDEV_CPUMAP_SLEEPING;
	return 0;
}

const struct vdev_cpusource_ops *vdev_bpfsource_ops(void)
{
	static const struct vdev_cpusource_ops ops = {
		.struct_size = sizeof(ops),
		.facts = VDEV_CPUSOURCE_KNOWS_RUNNING,
		.name = "bpf",
		.open = open_bpf,
		.attach = attach_bpf,
		.detach = detach_bpf,
		.look = look_bpf,
		.close = close_bpf,
	};

	return &ops;
}
