/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs in the kernel, at each context switch: where are the threads that are registered? Compiled by clang for the
 * target bpf; the types are stubs, of which libbpf finds out where the running kernel has these fields.
 */
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

/* Linux, include/uapi/linux/bpf.h */
#define BPF_MAP_TYPE_HASH 1
#define BPF_MAP_TYPE_ARRAY 2
#define BPF_F_MMAPABLE (1u << 10)

#include <bpf/bpf_helpers.h>

#include "place.h"

#define TASK_DEAD 0x80 /* Linux, include/linux/sched.h: so since 4.14 */

struct task_struct {
	int pid;
	int tgid;
} __attribute__((preserve_access_index));

/* By thread: its slot. User space sets how many. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} vdev_tids SEC(".maps");

/* By slot: its place. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} vdev_places SEC(".maps");

static __always_inline void note(__u32 tid, __u32 state)
{
	__u32 *slot = bpf_map_lookup_elem(&vdev_tids, &tid);
	volatile __u64 *place;
	__u64 old;

	if (!slot)
		return;
	place = bpf_map_lookup_elem(&vdev_places, slot);
	if (!place)
		return;
	old = *place;
	/* A thread that gets the number of a dead one is not the one that was registered. */
	if (PLACE_TID(old) == tid && PLACE_STATE(old) == PLACE_DEAD)
		return;
	*place = PLACE(tid, bpf_get_smp_processor_id(), state);
}

/* Arguments of the tracepoint: preempt, prev, next, prev_state (from Linux 5.18 on). */
SEC("tp_btf/sched_switch")
int vdev_switch(__u64 *ctx)
{
	const struct task_struct *prev = (const void *)ctx[1], *next = (const void *)ctx[2];
	__u32 at = SLOT_PROCESS, state = PLACE_SLEEPING;
	const volatile __u64 *process = bpf_map_lookup_elem(&vdev_places, &at);
	__u32 tgid = process ? (__u32)*process : 0;

	if (!tgid)
		return 0;
	if ((__u32)prev->tgid == tgid) {
		__u32 prev_state = (__u32)ctx[3];

		if (prev_state & TASK_DEAD)
			state = PLACE_DEAD;
		else if ((ctx[0] & 1) || !prev_state) /* it waits for its turn */
			state = PLACE_RUNNING;
		note((__u32)prev->pid, state);
	}
	if ((__u32)next->tgid == tgid)
		note((__u32)next->pid, PLACE_RUNNING);
	return 0;
}

/* "BSD" alone counts as not compatible with the GPL, and tracing needs that. */
char vdev_license[] SEC("license") = "Dual BSD/GPL";
