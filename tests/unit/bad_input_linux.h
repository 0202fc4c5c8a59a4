/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of every exported call of libvdevmgmt-linux: see bad_input.h. No /dev/kvm is needed. */
#ifndef BAD_INPUT_LINUX_H
#define BAD_INPUT_LINUX_H

#include "bad_input_common.h"

#include <vdev/cpusource.h>
#include <vdev/kvm.h>
#include <vdev/pages.h>
#include <vdev/runtime.h>

#define BAD_DEVICE 7u /* a handle with one irqfd */

#define BAD_RAM 4096u
#define BAD_VCPUS 3u

struct bad_linux {
	struct vt_env v;
	struct vdev_kvm *kvm;
	struct vdev_runtime *rt;
	struct vdev_removal *removal;
	struct vdev_pages *pages; /* with one page of RAM at guest address 0 */
	struct vdev_cpumap *map; /* of BAD_VCPUS */
	struct vdev_cpusource *source; /* by affinity; vCPU 0 is this thread */
	void *ram;
	uint64_t ioctls; /* made so far */
};

struct bad_linux_row {
	const char *call; /* as in the version map */
	void (*run)(struct bad_linux *b); /* misuse: nothing may change */
	void (*then)(struct bad_linux *b); /* what is right beside it, or NULL */
};

struct bad_linux_table {
	const struct bad_linux_row *rows;
	uint32_t count;
};

extern const struct bad_linux_table bad_cpusource, bad_kvm, bad_kvm_msi, bad_pages, bad_runtime;

/* One field of a struct with another value is refused. */
#define FIELD(type, good, field, value, call)      \
	do {                                       \
		type changed = good;               \
		const type *in = &changed;         \
                                                   \
		changed.field = (value);           \
		assert_int_equal((call), -EINVAL); \
	} while (0)

#endif
